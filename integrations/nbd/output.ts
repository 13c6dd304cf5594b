/**
 * What goes to a client, in a few buffers that are used again. Replies are made where they are sent from, many to a
 * buffer, and a buffer is one write of the socket. While the socket has as many as a connection may have, the client does
 * not read fast enough, and nothing more is read from it: however much it asks for, it costs these buffers.
 */
import type { Duplex } from 'node:stream';
import { BUFFER_BYTES, type Buffers, type ReplyBuffer } from './buffers.js';

/** Buffers of a connection: one is filled while others are with the socket. */
const BUFFERS_MAX = 4;

export class Output {
  readonly #socket: Duplex;
  readonly #buffers: Buffers;
  /** Called when a buffer came back after none was free. */
  readonly #onFree: () => void;
  /** Buffers that the socket has, in the order in which it got them. */
  readonly #sent: ReplyBuffer[] = [];
  #filling: ReplyBuffer | undefined;
  /** How far what is being filled is. */
  used = 0;
  #starved = false;

  constructor(socket: Duplex, buffers: Buffers, onFree: () => void) {
    this.#socket = socket;
    this.#buffers = buffers;
    this.#onFree = onFree;
  }

  /** What is being filled, after `room`. */
  get buffer(): ReplyBuffer {
    if (this.#filling === undefined) throw new Error('no room was made');
    return this.#filling;
  }

  /**
   * Makes room for at least so many bytes, in `buffer` from `used` on.
   * @param least at most a whole buffer
   * @returns false: there is none now
   */
  room(least: number): boolean {
    if (this.#filling !== undefined && BUFFER_BYTES - this.used < least) this.flush();
    if (this.#filling !== undefined) return true;
    if (this.#sent.length === BUFFERS_MAX) {
      this.#starved = true;
      return false;
    }
    this.#filling = this.#buffers.take();
    this.used = 0;
    return true;
  }

  /** Bytes that fit behind what is to be sent. */
  get left(): number {
    return BUFFER_BYTES - this.used;
  }

  /** So many bytes were put into the room. */
  add(bytes: number): void {
    this.used += bytes;
  }

  /** Hands over what is to be sent. */
  flush(): void {
    const buffer = this.#filling;
    if (buffer === undefined) return;
    this.#filling = undefined;
    if (this.used === 0) {
      this.#buffers.give(buffer);
      return;
    }
    this.#sent.push(buffer);
    this.#socket.write(buffer.start(this.used), this.#written);
  }

  /** To be called when the connection is over: what was not handed over is not sent. */
  drop(): void {
    if (this.#filling !== undefined) this.#buffers.give(this.#filling);
    this.#filling = undefined;
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
