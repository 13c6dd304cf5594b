/**
 * What has arrived and is not read yet: the socket's pieces as they came. They are never joined: a request of 32 MiB
 * comes in hundreds of them, and joining takes time that grows with the square.
 */
const EMPTY: Buffer = Buffer.alloc(0);
/** Least that is made for what lies across two pieces. */
const SCRATCH_BYTES = 1024;

export class Input {
  /** The piece that is read, from `#at` to `#end`, and those behind it. */
  #piece = EMPTY;
  #at = 0;
  #end = 0;
  #later: Buffer[] = [];
  #length = 0;
  /** For what lies across two pieces; made when something does. */
  #scratch = EMPTY;
  /** What `next` gave. */
  taken = EMPTY;
  takenAt = 0;

  get length(): number {
    return this.#length;
  }

  /** @param bytes of the piece, from its start on */
  push(piece: Buffer, bytes = piece.length): void {
    if (bytes === 0) return;
    if (this.#length > 0) this.#later.push(piece.subarray(0, bytes));
    else {
      this.#piece = piece;
      this.#at = 0;
      this.#end = bytes;
    }
    this.#length += bytes;
  }

  /** Copies what is not read of the piece that was pushed last: its buffer is used for something else. */
  keep(): void {
    if (this.#length === 0) return;
    const last = this.#later.pop();
    if (last !== undefined) {
      this.#later.push(Buffer.from(last));
      return;
    }
    this.#piece = Buffer.from(this.#piece.subarray(this.#at, this.#end));
    this.#at = 0;
    this.#end = this.#length;
  }

  /**
   * Goes on by some bytes, which are then in one piece: in `taken` from `takenAt` on, until the next call.
   * @param bytes more than 0
   * @returns false: fewer have arrived, and nothing was taken
   */
  next(bytes: number): boolean {
    if (this.#length < bytes) return false;
    if (this.#end - this.#at >= bytes) {
      this.taken = this.#piece;
      this.takenAt = this.#at;
      this.#advance(bytes);
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
    const bytes = Math.min(most, this.#end - this.#at);
    const part = this.#piece.subarray(this.#at, this.#at + bytes);
    this.#advance(bytes);
    return part;
  }

  #advance(bytes: number): void {
    this.#at += bytes;
    this.#length -= bytes;
    if (this.#at < this.#end) return;
    this.#piece = this.#later.shift() ?? EMPTY;
    this.#at = 0;
    this.#end = this.#piece.length;
  }

  clear(): void {
    this.#piece = EMPTY;
    this.#later = [];
    this.#at = this.#end = this.#length = 0;
  }
}
