/**
 * The server's end of a connection without a kernel: as a socket of `node:net` it pushes what arrives until it is told to
 * stop, and tells of the client's end even while it is paused. What the server writes is kept for the test, at the pace
 * that a client reads.
 */
import { Duplex } from 'node:stream';

/** How a client reads: at once, a turn later, so many bytes a turn, or not at all. */
export type Pace = 'at once' | 'later' | 'slowly' | 'never';

const SLOW_BYTES = 40_000;

export class Pipe extends Duplex {
  /** What the client has read. */
  readonly received: Buffer[] = [];
  /** Pieces that the client has sent and the server has not taken; null: its end. */
  readonly #coming: (Buffer | null)[] = [];
  #wanted = true;
  readonly #pace: Pace;

  constructor(pace: Pace) {
    super({ allowHalfOpen: true });
    this.#pace = pace;
  }

  /** What a connection asks of a socket besides. */
  setNoDelay(): this {
    return this;
  }
  setTimeout(): this {
    return this;
  }

  /** The client sends; null: no more. */
  send(piece: Buffer | null): void {
    this.#coming.push(piece);
    this.#deliver();
  }

  #deliver(): void {
    while (this.#wanted && this.#coming.length > 0 && !this.destroyed) {
      const piece = this.#coming.shift() as Buffer | null;
      this.#wanted = this.push(piece);
      if (piece === null) this.read(0);
    }
  }

  override _read(): void {
    this.#wanted = true;
    this.#deliver();
  }

  override _write(bytes: Buffer, _: string, done: () => void): void {
    if (this.#pace === 'never') return;
    this.received.push(Buffer.from(bytes)); // the server uses the buffer again
    if (this.#pace === 'at once') done();
    else {
      let turns = this.#pace === 'later' ? 1 : Math.ceil(bytes.length / SLOW_BYTES);
      const next = (): void => {
        if (--turns <= 0) done();
        else setImmediate(next);
      };
      setImmediate(next);
    }
  }
}
