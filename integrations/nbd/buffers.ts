/** The buffers that replies are made in, which the connections of a server share: one that waits for its client holds none. */

/** A buffer's size: room for 60 replies of 4 KiB, and for a row of pages that is worth its call. */
export const BUFFER_BYTES = 256 * 1024;
/** Buffers that are kept for the next one who needs some: as many as one connection may have. */
const SPARE_MAX = 4;

export class Buffers {
  /** The one that was used last is used next: it is in the processor's cache. */
  readonly #spare: Buffer[] = [];

  take(): Buffer {
    return this.#spare.pop() ?? Buffer.allocUnsafeSlow(BUFFER_BYTES);
  }

  /** @param buffer of `take`, which nobody uses any more */
  give(buffer: Buffer): void {
    if (this.#spare.length < SPARE_MAX) this.#spare.push(buffer);
  }
}
