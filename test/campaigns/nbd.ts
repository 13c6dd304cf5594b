/**
 * Mutated conversations with a server of block devices: `npm run campaign -- nbd --count 1000000 --seed 0`. Whatever a
 * client says, in whatever pieces, wherever it stops: each reply is the one of a second, simple server, the disk holds what
 * the requests say, another client is served meanwhile, and memory does not grow.
 */
import { NbdRunner } from './nbd/run.js';
import { inSteps, readNumbers } from './seeds.js';

const USAGE = `Usage: npm run campaign -- nbd [options]
  --count N     conversations (100000)
  --seed S      the first of their seeds (0)
  --sockets N   each N-th goes through a socket of the kernel, 0: none (50)`;

/** Conversations between two lines of output, and two looks at memory. */
const STEP = 20_000;

const options = readNumbers(USAGE, { count: 100_000, seed: 0, sockets: 50 });
if (options !== undefined) {
  const runner = new NbdRunner();
  await runner.start();
  await inSteps(options, STEP, async (first, end) => {
    await runner.run(first, end, options.sockets);
    return [runner.tally, await runner.checkMemory()];
  });
  await runner.stop();
}
