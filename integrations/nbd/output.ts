/**
 * What goes to a client, in a few buffers that are used again. Replies are made where they are sent from, many to a
 * buffer, and a buffer is one write of the socket. While the socket has as many as a connection may have, the client does
 * not read fast enough, and nothing more is read from it: however much it asks for, it costs these buffers.
 */
import type { Duplex } from 'node:stream';
import { BUFFER_BYTES, type Buffers } from './buffers.js';

/** Buffers of a connection: one is filled while others are with the socket. */
const BUFFERS_MAX = 4;

export class Output {
  readonly #socket: Duplex;
  readonly #buffers: Buffers;
  /** Called when a buffer came back after none was free. */
  readonly #onFree: () => void;
  /** Buffers that the socket has, in the order in which it got them. */
  readonly #sent: Buffer[] = [];
  #current: Buffer | undefined;
  #used = 0;
  #starved = false;

  constructor(socket: Duplex, buffers: Buffers, onFree: () => void) {
    this.#socket = socket;
    this.#buffers = buffers;
    this.#onFree = onFree;
  }

  /**
   * Room for at least so many bytes, behind what is to be sent; undefined while there is none.
   * @param least at most a whole buffer
   */
  room(least: number): Buffer | undefined {
    if (this.#current !== undefined && BUFFER_BYTES - this.#used < least) this.flush();
    if (this.#current === undefined) {
      if (this.#sent.length === BUFFERS_MAX) {
        this.#starved = true;
        return undefined;
      }
      this.#current = this.#buffers.take();
      this.#used = 0;
    }
    return this.#used === 0 ? this.#current : this.#current.subarray(this.#used);
  }

  /** The first bytes of what `room` gave are to be sent. */
  add(bytes: number): void {
    this.#used += bytes;
  }

  /** Hands over what is to be sent. */
  flush(): void {
    const buffer = this.#current;
    if (buffer === undefined) return;
    this.#current = undefined;
    if (this.#used === 0) {
      this.#buffers.give(buffer);
      return;
    }
    this.#sent.push(buffer);
    this.#socket.write(this.#used === BUFFER_BYTES ? buffer : buffer.subarray(0, this.#used), this.#written);
  }

  // Writes end in their order, so one function serves them all.
  readonly #written = (error?: Error | null): void => {
    const buffer = this.#sent.shift();
    // Of a write that failed, nobody says that it is over.
    if (buffer !== undefined && !error) this.#buffers.give(buffer);
    if (!this.#starved) return;
    this.#starved = false;
    this.#onFree();
  };
}
