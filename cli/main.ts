/** The entry of the executable: gives the command line the process's streams and its exit status. */
import { createReadStream, fstatSync } from 'node:fs';

import { DONE, FAILED, main } from './command.js';

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

// A reader that has seen enough (`| head`) closes the pipe: no failure of ours, and nothing is left to be told.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code === 'EPIPE') process.exit(DONE);
  process.stderr.write(`zram-wasm: cannot write the report: ${error.message}\n`);
  process.exit(FAILED);
});
process.stderr.on('error', () => {
  // Where messages cannot be written there is nowhere to say so; the exit status still tells.
});

const io = { stdout: process.stdout, stderr: process.stderr, stdin: standardInput() };
void main(process.argv.slice(2), io).then((status) => (process.exitCode = status));
