/**
 * What has arrived and is not read yet: the socket's pieces as they came. They are never joined: a request of 32 MiB
 * comes in hundreds of them, and joining takes time that grows with the square.
 */
const EMPTY: Buffer = Buffer.alloc(0);
/** Least that is made for what lies across two pieces. */
const SCRATCH_BYTES = 1024;

export class Input {
  #pieces: Buffer[] = [];
  /** Bytes of the first piece that were read. */
  #read = 0;
  #length = 0;
  /** For what lies across two pieces; made when something does. */
  #scratch = EMPTY;
  /** What `next` gave. */
  taken = EMPTY;
  takenAt = 0;

  get length(): number {
    return this.#length;
  }

  push(piece: Buffer): void {
    if (piece.length === 0) return;
    this.#pieces.push(piece);
    this.#length += piece.length;
  }

  /**
   * Goes on by some bytes, which are then in one piece: in `taken` from `takenAt` on, until the next call.
   * @param bytes more than 0
   * @returns false: fewer have arrived, and nothing was taken
   */
  next(bytes: number): boolean {
    if (this.#length < bytes) return false;
    const [first] = this.#pieces;
    const at = this.#read;
    if (first.length - at >= bytes) {
      this.taken = first;
      this.takenAt = at;
      this.#advance(first, bytes);
      return true;
    }
    if (this.#scratch.length < bytes) this.#scratch = Buffer.allocUnsafeSlow(Math.max(bytes, SCRATCH_BYTES));
    for (let done = 0; done < bytes;) done += this.some(bytes - done).copy(this.#scratch, done);
    this.taken = this.#scratch;
    this.takenAt = 0;
    return true;
  }

  /** The next bytes, valid until the next call; undefined while fewer have arrived. */
  take(bytes: number): Buffer | undefined {
    if (bytes === 0) return EMPTY;
    return this.next(bytes) ? this.taken.subarray(this.takenAt, this.takenAt + bytes) : undefined;
  }

  /** What lies in one piece of the next bytes, at most so many; empty if nothing has arrived. */
  some(most: number): Buffer {
    if (this.#length === 0) return EMPTY;
    const [first] = this.#pieces;
    const bytes = Math.min(most, first.length - this.#read);
    const part = first.subarray(this.#read, this.#read + bytes);
    this.#advance(first, bytes);
    return part;
  }

  #advance(first: Buffer, bytes: number): void {
    this.#read += bytes;
    this.#length -= bytes;
    if (this.#read === first.length) {
      this.#pieces.shift();
      this.#read = 0;
    }
  }

  clear(): void {
    this.#pieces = [];
    this.#read = this.#length = 0;
  }
}
