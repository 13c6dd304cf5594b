/** The entry of the executable: gives the command line the process's streams and its exit status. On other threads: devices. */
import { createReadStream, fstatSync } from 'node:fs';
import { parentPort } from 'node:worker_threads';

import { DONE, FAILED, main, sentenceOf } from './command.js';
import { reasonOf } from './errors.js';
import { messageLine } from './escaping.js';
import { runThread } from './thread.js';

const STDIN = 0;

/**
 * process.stdin, except where Node gives an empty stream: `< /dev/sda` is a device to be read, and `< folder` is a
 * failure.
 */
function standardInput(): AsyncIterable<Uint8Array> {
  const facts = fstatSync(STDIN);
  if (!facts.isBlockDevice() && !facts.isDirectory()) return process.stdin;
  return createReadStream('', { fd: STDIN, autoClose: false });
}

function reportNotWritten(error: NodeJS.ErrnoException): void {
  // A reader that has seen enough (`| head`) closes the pipe: this is not a failure, and nothing is left to report.
  if (error.code === 'EPIPE') process.exit(process.exitCode ?? DONE);
  process.stderr.write(`zram-wasm: cannot write the report: ${messageLine(reasonOf(error))}\n`);
  process.exit(FAILED);
}

/**
 * Standard output, which is left alone until there is a report: Node makes a pipe non-blocking as soon as it touches
 * it, and a pack may go there.
 */
function standardOutput(): NodeJS.WriteStream {
  if (process.stdout.listenerCount('error', reportNotWritten) === 0) process.stdout.on('error', reportNotWritten);
  return process.stdout;
}

function startCommandLine(): void {
  process.stderr.on('error', () => {
    // If messages cannot be written there is nowhere to report that; the exit status still does.
  });
  process.on('uncaughtException', (error) => {
    process.stderr.write(`zram-wasm: ${messageLine(sentenceOf(error))}\n`);
    process.exit(FAILED);
  });

  const io = {
    stdout: { write: (text: string) => standardOutput().write(text) },
    stderr: process.stderr,
    stdin: { [Symbol.asyncIterator]: () => standardInput()[Symbol.asyncIterator]() },
    script: new URL(import.meta.url),
  };
  void main(process.argv.slice(2), io).then((status) => (process.exitCode = status));
}

// `analyze` runs this script on other threads, too.
if (parentPort === null) startCommandLine();
else void runThread(parentPort);
