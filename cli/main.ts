/** The entry of the executable: gives the command line the process's streams and its exit status. */
import { DONE, FAILED, main } from './command.js';

// A reader that has seen enough (`| head`) closes the pipe: no failure of ours, and nothing is left to be told.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code === 'EPIPE') process.exit(DONE);
  process.stderr.write(`zram-wasm: cannot write the report: ${error.message}\n`);
  process.exit(FAILED);
});
process.stderr.on('error', () => {
  // Where messages cannot be written there is nowhere to say so; the exit status still tells.
});

void main(process.argv.slice(2), process).then((status) => (process.exitCode = status));
