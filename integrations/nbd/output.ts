/**
 * What goes to a client, in a few buffers that are used again. Replies are made where they are sent from, many to a
 * buffer, and a buffer is one write of the socket. While all buffers are with the socket, the client does not read fast
 * enough, and nothing more is read from it: however much it asks for, it costs these buffers.
 */
import type { Duplex } from 'node:stream';

/** A buffer's size: room for 60 replies of 4 KiB, and for a row of pages that is worth its call. */
const BUFFER_BYTES = 256 * 1024;
/** One is filled while others are with the socket. */
const BUFFERS = 4;

export class Output {
  readonly #socket: Duplex;
  /** Called when a buffer came back after none was free. */
  readonly #onFree: () => void;
  readonly #free: Buffer[] = [];
  #made = 0;
  #current: Buffer | undefined;
  #used = 0;
  #starved = false;

  constructor(socket: Duplex, onFree: () => void) {
    this.#socket = socket;
    this.#onFree = onFree;
  }

  /**
   * Room for at least so many bytes, behind what is to be sent; undefined while there is none.
   * @param least at most a whole buffer
   */
  room(least: number): Buffer | undefined {
    if (this.#current !== undefined && BUFFER_BYTES - this.#used < least) this.flush();
    if (this.#current === undefined) {
      this.#current = this.#free.pop() ?? (this.#made < BUFFERS ? this.#make() : undefined);
      this.#used = 0;
    }
    if (this.#current === undefined) {
      this.#starved = true;
      return undefined;
    }
    return this.#current.subarray(this.#used);
  }

  #make(): Buffer {
    this.#made++;
    return Buffer.allocUnsafeSlow(BUFFER_BYTES);
  }

  /** The first bytes of what `room` gave are to be sent. */
  add(bytes: number): void {
    this.#used += bytes;
  }

  /** Hands over what is to be sent. */
  flush(): void {
    const buffer = this.#current;
    if (buffer === undefined) return;
    if (this.#used === 0) return;
    this.#current = undefined;
    this.#socket.write(this.#used === buffer.length ? buffer : buffer.subarray(0, this.#used), () => {
      this.#free.push(buffer);
      if (!this.#starved) return;
      this.#starved = false;
      this.#onFree();
    });
  }
}
