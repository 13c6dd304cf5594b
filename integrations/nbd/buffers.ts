/** The buffers that replies are made in, which the connections of a server share: one that waits for its client holds none. */

/** A buffer's size: room for 60 replies of 4 KiB, and for a row of pages that is worth its call. */
export const BUFFER_BYTES = 256 * 1024;
/** Buffers that are kept for the next one who needs some: as many as one connection may have. */
const SPARE_MAX = 4;

/**
 * A buffer, and what was made of it last: of requests that come one after the other, each needs the same parts as the one
 * before.
 */
export class ReplyBuffer {
  readonly bytes = Buffer.allocUnsafeSlow(BUFFER_BYTES);
  readonly fields = new DataView(this.bytes.buffer);
  #start = this.bytes;
  #part = this.bytes;

  /** The first bytes. */
  start(bytes: number): Buffer {
    if (this.#start.length !== bytes) this.#start = this.bytes.subarray(0, bytes);
    return this.#start;
  }

  part(at: number, bytes: number): Buffer {
    if (this.#part.byteOffset !== at || this.#part.length !== bytes) this.#part = this.bytes.subarray(at, at + bytes);
    return this.#part;
  }
}

export class Buffers {
  /** The one that was used last is used next: it is in the processor's cache. */
  readonly #spare: ReplyBuffer[] = [];

  take(): ReplyBuffer {
    return this.#spare.pop() ?? new ReplyBuffer();
  }

  /** @param buffer of `take`, which nobody uses any more */
  give(buffer: ReplyBuffer): void {
    if (this.#spare.length < SPARE_MAX) this.#spare.push(buffer);
  }
}
