/**
 * Checksums of the pages on a backing, by slot: a backing is foreign storage, and a read may return an older page of
 * the slot (a store that was restored), another page (a late write), or garbage. 4 bytes a slot, in chunks made when
 * first needed. The hash is the core's, keyed at random for each engine: a wrong page passes with a chance of 2^-32.
 */
import { PAGE_SIZE } from '../base/arguments.js';
import type { Core } from '../core/core.js';

const CHUNK_SLOTS = 4096;
/** Hashed with content and length; any constant serves. */
const CODEC = 0;

export class Checksums {
  readonly #core: Core;
  readonly #chunks = new Map<number, Uint32Array>();

  constructor(core: Core) {
    this.#core = core;
  }

  /** The checksum of a page, which must be a private copy. */
  of(page: Uint8Array): number {
    const core = this.#core;
    core.makeHashKey();
    core.page().set(page);
    return core.raw.contentHash(core.raw.stagingAddress(), PAGE_SIZE, CODEC) >>> 0;
  }

  /** Records the page that a slot holds from now on. */
  set(slot: number, checksum: number): void {
    const at = Math.floor(slot / CHUNK_SLOTS);
    let chunk = this.#chunks.get(at);
    if (!chunk) this.#chunks.set(at, (chunk = new Uint32Array(CHUNK_SLOTS)));
    chunk[slot % CHUNK_SLOTS] = checksum;
  }

  /** Whether a page is the one last written to the slot. */
  holds(slot: number, page: Uint8Array): boolean {
    return this.#chunks.get(Math.floor(slot / CHUNK_SLOTS))?.[slot % CHUNK_SLOTS] === this.of(page);
  }
}
