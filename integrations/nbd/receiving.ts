/**
 * How bytes come from a socket. Node.js makes a `Buffer` for each read, which at one request after the other is a sixth
 * of what a request costs. A socket that was made with `onread` reads into one buffer instead; but sockets that a server
 * accepted are not made by its user, and there is no call that changes it. So the three fields that this option sets are
 * set here, if the socket has them; all else (another runtime, TLS, a later Node.js) sends its pieces as events.
 */
import type { Duplex } from 'node:stream';

/** What Node.js reads at a time. */
const PIECE_BYTES = 64 * 1024;

/** Gets a piece: the first bytes of a buffer that is used again as soon as this returns, if it is `lent`. */
type OnPiece = (piece: Buffer, bytes: number, lent: boolean) => void;

/** The socket that Node.js reads from, of which nothing is promised. */
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
      return false; // Deno has the call, and no code for it
    }
    Object.assign(stream, { [kBuffer]: this.#buffer, [kBufferCb]: callback });
    return true;
  }
}
