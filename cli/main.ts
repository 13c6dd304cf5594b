/** The entry of the executable: gives the command line the process's streams and its exit status. */
import { createReadStream, fstatSync } from 'node:fs';

import { DONE, FAILED, main, sentenceOf } from './command.js';
import { reasonOf } from './errors.js';
import { messageLine } from './escaping.js';

const STDIN = 0;

/**
 * process.stdin, but where Node gives a stream that is empty: what stands at the other end of `< /dev/sda` and of
 * `< folder` is a device or a failure, not nothing.
 */
function standardInput(): AsyncIterable<Uint8Array> {
  const facts = fstatSync(STDIN);
  if (!facts.isBlockDevice() && !facts.isDirectory()) return process.stdin;
  return createReadStream('', { fd: STDIN, autoClose: false });
}

function reportNotWritten(error: NodeJS.ErrnoException): void {
  // A reader that has seen enough (`| head`) closes the pipe: no failure of ours, and nothing is left to be told.
  if (error.code === 'EPIPE') process.exit(process.exitCode ?? DONE);
  process.stderr.write(`zram-wasm: cannot write the report: ${messageLine(reasonOf(error))}\n`);
  process.exit(FAILED);
}

/**
 * Standard output, which is left alone until there is a report: Node makes pipes that it looks at such as do not block, and a
 * pack may go there.
 */
function standardOutput(): NodeJS.WriteStream {
  if (process.stdout.listenerCount('error', reportNotWritten) === 0) process.stdout.on('error', reportNotWritten);
  return process.stdout;
}

process.stderr.on('error', () => {
  // Where messages cannot be written there is nowhere to say so; the exit status still tells.
});
process.on('uncaughtException', (error) => {
  process.stderr.write(`zram-wasm: ${messageLine(sentenceOf(error))}\n`);
  process.exit(FAILED);
});

const io = {
  stdout: { write: (text: string) => standardOutput().write(text) },
  stderr: process.stderr,
  stdin: { [Symbol.asyncIterator]: () => standardInput()[Symbol.asyncIterator]() },
};
void main(process.argv.slice(2), io).then((status) => (process.exitCode = status));
