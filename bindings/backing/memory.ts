/** A backing in ordinary JavaScript memory: for tests, and to move pages out of an engine that is full. */
import { PAGE_SIZE, checkInteger } from '../arguments.js';
import { checkTransfer, type Backing } from './backing.js';

/** Keeps pages as they are, in chunks of 1 MiB that are made when first written. */
export class MemoryBacking implements Backing {
  /** Number of slots. */
  readonly slots: number;
  readonly #chunks: Uint8Array[] = [];

  /** @param slots pages of 4096 bytes, up to 2^32 - 1 */
  constructor(slots: number) {
    checkInteger(slots, 'slots', 1, 2 ** 32 - 1);
    this.slots = slots;
  }

  /** Fills `page` from a slot; one that was never written is zeros. */
  read(slot: number, page: Uint8Array): void {
    checkTransfer(this.slots, slot, page);
    const chunk = this.#chunks[Math.floor(slot / CHUNK_PAGES)];
    const from = (slot % CHUNK_PAGES) * PAGE_SIZE;
    if (chunk) page.set(chunk.subarray(from, from + PAGE_SIZE));
    else page.fill(0);
  }

  /** Copies `page` to a slot. */
  write(slot: number, page: Uint8Array): void {
    checkTransfer(this.slots, slot, page);
    const chunk = (this.#chunks[Math.floor(slot / CHUNK_PAGES)] ??= new Uint8Array(CHUNK_PAGES * PAGE_SIZE));
    chunk.set(page, (slot % CHUNK_PAGES) * PAGE_SIZE);
  }
}

const CHUNK_PAGES = 256;
