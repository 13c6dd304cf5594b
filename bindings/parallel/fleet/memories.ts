/**
 * Memory of callers that workers read pages to. Workers hold what they were sent, so it is sent once for many calls, and
 * they let go of it when the caller has.
 */
import { bufferOf, isShared } from '../../base/bytes.js';

/** A buffer that can be shared with workers. */
export interface Memory {
  readonly number: number;
  readonly buffer: ArrayBufferLike;
}

/** Places in it are sent as 32 bits. */
const BYTES_MAX = 2 ** 32;

export class Memories {
  readonly #known = new WeakMap<ArrayBufferLike, Memory>();
  readonly #gone: FinalizationRegistry<number>;
  #next = 0;

  /** @param gone is called when a memory with this number no longer exists */
  constructor(gone: (number: number) => void) {
    this.#gone = new FinalizationRegistry(gone);
  }

  /** The memory of an array; undefined if workers cannot have it. */
  of(array: Uint8Array): Memory | undefined {
    const buffer = bufferOf(array);
    // It may have grown since it was sent.
    if (buffer.byteLength > BYTES_MAX) return undefined;
    const known = this.#known.get(buffer);
    if (known || !isShared(array)) return known;
    const memory = { number: this.#next++, buffer };
    this.#known.set(buffer, memory);
    this.#gone.register(buffer, memory.number);
    return memory;
  }
}
