/** Asks a running server over its control socket. */
import { connect } from 'node:net';

import { CliError, codeOf, reasonOf } from '../errors.js';
import type { Request } from '../serve/control-requests.js';

/** More than any server answers: whatever is there speaks something else. */
const ANSWER_BYTES_MAX = 256 * 2 ** 20;
const NEWLINE = 10;

/** @returns the result @throws CliError with what the server says, or why there is no answer */
export async function ask(path: string, request: Request): Promise<unknown> {
  const line = await exchange(path, `${JSON.stringify(request)}\n`);
  const answer = parse(line);
  if (answer === undefined) throw new CliError(`what answers at '${path}' is no zram-wasm server`);
  if (answer.ok === true) return answer.result;
  const { message } = (answer.error ?? {}) as { message?: unknown };
  throw new CliError(`${request.command}: ${typeof message === 'string' ? message : 'it failed'}`);
}

function parse(line: string): { ok?: unknown; result?: unknown; error?: unknown } | undefined {
  try {
    const value: unknown = JSON.parse(line);
    if (typeof value === 'object' && value !== null && 'ok' in value) return value;
  } catch {
    // It is something else.
  }
  return undefined;
}

/** The first line that comes back. */
async function exchange(path: string, text: string): Promise<string> {
  const socket = connect(path);
  const pieces: Buffer[] = [];
  let length = 0;
  try {
    socket.write(text);
    for await (const piece of socket as AsyncIterable<Buffer>) {
      const end = piece.indexOf(NEWLINE);
      pieces.push(end < 0 ? piece : piece.subarray(0, end));
      length += piece.length;
      if (end >= 0 || length > ANSWER_BYTES_MAX) return Buffer.concat(pieces).toString();
    }
  } catch (error) {
    throw new CliError(`cannot ask the server at '${path}': ${whyNot(error)}`);
  } finally {
    socket.destroy();
  }
  throw new CliError(`the server at '${path}' ended before it answered`);
}

function whyNot(error: unknown): string {
  const code = codeOf(error);
  if (code === 'ECONNREFUSED') return 'nobody listens there any more';
  if (code === 'ENOENT') return 'there is no such socket';
  if (code === 'ENOTSOCK') return 'it is not a socket';
  if (code === 'ECONNRESET' || code === 'EPIPE') return 'it has closed the connection';
  return reasonOf(error);
}
