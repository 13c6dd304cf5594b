/**
 * How bytes come from a socket. Node.js makes a `Buffer` for each read, which is a tenth of what a request costs when one
 * comes after the other. A socket that was made with `onread` reads into one buffer instead; but the sockets of a server
 * are made by Node.js, and there is no call that changes them. So what this option sets is set here, where a socket has
 * it; any other stream (another runtime, TLS, perhaps a later Node.js) sends its pieces as events.
 */
import type { Duplex } from 'node:stream';

/** What Node.js reads at a time. */
const PIECE_BYTES = 64 * 1024;

/** Gets a piece: the first bytes of a buffer, which is used again as soon as this returns if it is `lent`. */
type OnPiece = (piece: Buffer, bytes: number, lent: boolean) => void;

/** What Node.js reads a socket with, of which nothing is promised. */
interface Handle {
  readonly useUserBuffer?: (buffer: Buffer) => void;
}

export class Receiving {
  /** One for all connections: what it holds is served, or copied, before another one reads. */
  #buffer: Buffer | undefined;

  /** @param stream nothing of it was read yet */
  from(stream: Duplex, onPiece: OnPiece): void {
    const onBytes = (bytes: number, buffer: Buffer): boolean => {
      onPiece(buffer, bytes, true);
      return true;
    };
    if (!this.#lend(stream, onBytes)) stream.on('data', (piece: Buffer) => onPiece(piece, piece.length, false));
  }

  /** As `new net.Socket({ onread: { buffer, callback } })` does. @returns false: it is no socket of which that is known */
  #lend(stream: Duplex, callback: (bytes: number, buffer: Buffer) => boolean): boolean {
    const handle = (stream as { _handle?: Handle | null })._handle;
    const fields = Object.getOwnPropertySymbols(stream);
    const [kBuffer, kBufferCb, kBufferGen] = ['kBuffer', 'kBufferCb', 'kBufferGen'].map((name) =>
      fields.find(({ description }) => description === name),
    );
    if (typeof handle?.useUserBuffer !== 'function') return false;
    if (kBuffer === undefined || kBufferCb === undefined || kBufferGen === undefined) return false;
    this.#buffer ??= Buffer.allocUnsafeSlow(PIECE_BYTES);
    try {
      handle.useUserBuffer(this.#buffer);
    } catch {
      return false; // runtimes that imitate Node.js may have the call, and no code for it
    }
    Object.assign(stream, { [kBuffer]: this.#buffer, [kBufferCb]: callback });
    return true;
  }
}
