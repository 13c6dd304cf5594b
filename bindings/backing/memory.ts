/// <reference lib="esnext.disposable" preserve="true" />
/** A backing in ordinary JavaScript memory: for tests, and to move pages out of a full engine. */
import { checkInteger, PAGE_SIZE, UINT32_MAX } from '../base/arguments.js';
import { setBytes, viewOf } from '../base/bytes.js';
import { ZramError } from '../base/errors.js';
import { textOf } from '../base/messages.js';
import { checkTransfer, type Backing } from './backing.js';

/** Keeps pages uncompressed, in chunks of 1 MiB that are allocated when first written. */
export class MemoryBacking implements Backing {
  /** @internal Fixed, since a bundler may rename the class. */
  static readonly name = 'MemoryBacking';
  /** Number of slots. */
  readonly slots: number;
  #chunks: Uint8Array[] | undefined = [];

  /** @param slots pages of 4096 bytes, up to 2^32 - 1 */
  constructor(slots: number) {
    checkInteger(slots, 'slots', 1, UINT32_MAX);
    this.slots = slots;
  }

  /** Fills `page` from a slot; one that was never written reads as zeros. */
  read(slot: number, page: Uint8Array): void {
    checkTransfer(this.slots, slot, page);
    const chunk = this.#live()[Math.floor(slot / CHUNK_PAGES)];
    const from = (slot % CHUNK_PAGES) * PAGE_SIZE;
    if (chunk) setBytes(page, chunk.subarray(from, from + PAGE_SIZE));
    else viewOf(page).fill(0);
  }

  /**
   * Copies `page` to a slot.
   * @throws ZramError ENOMEM: the host has no memory for another 1 MiB; earlier pages are kept
   */
  write(slot: number, page: Uint8Array): void {
    checkTransfer(this.slots, slot, page);
    const chunk = (this.#live()[Math.floor(slot / CHUNK_PAGES)] ??= makeChunk());
    chunk.set(viewOf(page), (slot % CHUNK_PAGES) * PAGE_SIZE);
  }

  /** Releases all pages. Calling it again does nothing. */
  destroy(): void {
    this.#chunks = undefined;
  }

  /** The same as `destroy()`, for `using`. */
  [Symbol.dispose](): void {
    this.destroy();
  }

  #live(): Uint8Array[] {
    if (this.#chunks) return this.#chunks;
    throw new ZramError('EINVAL', 'this MemoryBacking was destroyed.');
  }
}

const CHUNK_PAGES = 256;

function makeChunk(): Uint8Array {
  try {
    return new Uint8Array(CHUNK_PAGES * PAGE_SIZE);
  } catch (error) {
    throw new ZramError('ENOMEM', `cannot allocate another 1 MiB for this backing: ${textOf(error)}.`);
  }
}
