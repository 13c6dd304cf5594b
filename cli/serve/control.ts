/**
 * The control socket: a JSON object a line in, one out, in their order. A client that sends no line ends, sends too much or
 * does not read costs a connection, of which there are some, and nothing else.
 */
import { once } from 'node:events';
import { createServer, type Server, type Socket } from 'node:net';

import { ZramError } from '../../bindings/index.js';
import { CliError, messageOf } from '../errors.js';
import { ControlError, LINE_BYTES_MAX, parseLine, requestOf, type Id, type Request } from './control-requests.js';
import { ExportError } from './exports.js';

const CONNECTIONS_MAX = 64;
/** Of silence between requests. */
const IDLE_MILLISECONDS = 60_000;
const NEWLINE = 10;

/** Does what is asked for, and returns what is answered. */
export type Handler = (request: Request) => unknown;

export type Answer =
  | { readonly id?: Id; readonly ok: true; readonly result: unknown }
  | { readonly id?: Id; readonly ok: false; readonly error: { readonly code: string; readonly message: string } };

export class Control {
  readonly server: Server;
  readonly #sockets = new Set<Socket>();

  constructor(
    readonly handler: Handler,
    readonly idleMilliseconds = IDLE_MILLISECONDS,
  ) {
    // Whoever has sent all requests still gets the answers.
    this.server = createServer({ allowHalfOpen: true }, (socket) => void this.#serve(socket));
    this.server.maxConnections = CONNECTIONS_MAX;
  }

  /** Ends all connections. */
  close(): void {
    this.server.close();
    for (const socket of this.#sockets) socket.destroy();
  }

  async #serve(socket: Socket): Promise<void> {
    this.#sockets.add(socket);
    socket.on('close', () => this.#sockets.delete(socket));
    // What broke is the client's affair; the loop below ends by it.
    socket.on('error', () => socket.destroy());
    socket.on('timeout', () => socket.destroy());
    socket.setTimeout(this.idleMilliseconds);
    try {
      for await (const line of linesOf(socket)) {
        socket.setTimeout(0);
        const answer = line === undefined ? tooLong() : await this.#answer(line);
        socket.setTimeout(this.idleMilliseconds);
        if (!socket.write(`${JSON.stringify(answer)}\n`)) await drained(socket);
        if (line === undefined) {
          // What comes behind it is not read.
          socket.end(() => socket.destroy());
          return;
        }
      }
      socket.end();
    } catch {
      socket.destroy();
    }
  }

  async #answer(line: Uint8Array): Promise<Answer> {
    let id: Id | undefined;
    try {
      const parsed = parseLine(line);
      ({ id } = parsed);
      const result: unknown = (await this.handler(requestOf(parsed.object))) ?? null;
      return { ...(id === undefined ? {} : { id }), ok: true, result };
    } catch (error) {
      return { ...(id === undefined ? {} : { id }), ok: false, error: errorIn(error) };
    }
  }
}

const tooLong = (): Answer => ({
  ok: false,
  error: errorIn(new ControlError('EMSGSIZE', `a line must have at most ${LINE_BYTES_MAX} bytes`)),
});

function errorIn(error: unknown): { code: string; message: string } {
  if (error instanceof ControlError || error instanceof ExportError)
    return { code: error.code, message: error.message };
  if (error instanceof ZramError) {
    const { code, message } = error;
    return { code, message: message.replace(`${code}: `, '').replace(/\.$/, '') };
  }
  if (error instanceof CliError) return { code: 'EIO', message: error.message };
  return { code: 'EIO', message: `${messageOf(error)}: this is a bug in zram-wasm, please report it` };
}

/** Lines without their ends; undefined, and no more after that: one is too long. What the last one lacks is not there. */
async function* linesOf(socket: Socket): AsyncGenerator<Uint8Array | undefined> {
  let pieces: Buffer[] = [];
  let length = 0;
  // A line that is too long is answered before the connection ends.
  for await (const piece of socket.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
    let from = 0;
    for (let end = piece.indexOf(NEWLINE); end >= 0; end = piece.indexOf(NEWLINE, from)) {
      length += end - from;
      if (length > LINE_BYTES_MAX) break;
      pieces.push(piece.subarray(from, end));
      from = end + 1;
      if (length > 0) yield pieces.length === 1 ? pieces[0] : Buffer.concat(pieces);
      pieces = [];
      length = 0;
    }
    length += piece.length - from;
    if (length > LINE_BYTES_MAX) {
      yield undefined;
      return;
    }
    pieces.push(piece.subarray(from));
  }
}

/** @throws the client is gone */
async function drained(socket: Socket): Promise<void> {
  if (socket.destroyed) throw new Error('the client is gone');
  const gone = new AbortController();
  socket.once('close', () => gone.abort());
  await once(socket, 'drain', { signal: gone.signal });
}
