/**
 * What has arrived and is not read yet: the socket's pieces as they came. They are never joined: a request of 32 MiB
 * comes in hundreds of them, and joining takes time that grows with the square.
 */
const EMPTY = Buffer.alloc(0);
/** Least that is made for what lies across two pieces. */
const SCRATCH_BYTES = 1024;

export class Input {
  #pieces: Buffer[] = [];
  /** Bytes of the first piece that were read. */
  #read = 0;
  #length = 0;
  /** For what lies across two pieces; made when something does. */
  #scratch = EMPTY;

  get length(): number {
    return this.#length;
  }

  push(piece: Buffer): void {
    if (piece.length === 0) return;
    this.#pieces.push(piece);
    this.#length += piece.length;
  }

  /** The next bytes, valid until the next call; undefined while fewer have arrived. */
  take(bytes: number): Buffer | undefined {
    if (this.#length < bytes) return undefined;
    const [first] = this.#pieces;
    if (bytes === 0) return EMPTY;
    if (first.length - this.#read >= bytes) return this.#advance(first, bytes);
    if (this.#scratch.length < bytes) this.#scratch = Buffer.allocUnsafeSlow(Math.max(bytes, SCRATCH_BYTES));
    for (let done = 0; done < bytes;) done += this.some(bytes - done).copy(this.#scratch, done);
    return this.#scratch.subarray(0, bytes);
  }

  /** What lies in one piece of the next bytes, at most so many; empty if nothing has arrived. */
  some(most: number): Buffer {
    if (this.#length === 0) return EMPTY;
    const [first] = this.#pieces;
    return this.#advance(first, Math.min(most, first.length - this.#read));
  }

  #advance(first: Buffer, bytes: number): Buffer {
    const part = first.subarray(this.#read, this.#read + bytes);
    this.#read += bytes;
    this.#length -= bytes;
    if (this.#read === first.length) {
      this.#pieces.shift();
      this.#read = 0;
    }
    return part;
  }

  clear(): void {
    this.#pieces = [];
    this.#read = this.#length = 0;
  }
}
