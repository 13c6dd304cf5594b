/**
 * Mutated conversations with a server of block devices: `npm run campaign -- nbd --count 1000000 --seed 0`. Whatever a
 * client says, in whatever pieces, wherever it stops: each reply is the one of a second, simple server, the disk holds what
 * the requests say, another client is served meanwhile, and memory does not grow.
 */
import { parseArgs } from 'node:util';
import { NbdRunner } from './nbd/run.js';

const USAGE = `Usage: npm run campaign -- nbd [options]
  --count N     conversations (100000)
  --seed S      the first of their seeds (0)
  --sockets N   each N-th goes through a socket of the kernel, 0: none (50)`;

const { values } = parseArgs({
  options: {
    count: { type: 'string', default: '100000' },
    seed: { type: 'string', default: '0' },
    sockets: { type: 'string', default: '50' },
    help: { type: 'boolean', default: false },
  },
});

/** Conversations between two lines of output, and two looks at memory. */
const STEP = 20_000;

if (values.help) console.log(USAGE);
else {
  const [count, seed, sockets] = [values.count, values.seed, values.sockets].map(Number);
  if (![count, seed, sockets].every((n) => Number.isSafeInteger(n) && n >= 0)) throw new Error(USAGE);
  const runner = new NbdRunner();
  await runner.start();
  const started = process.cpuUsage();
  for (let first = seed; first < seed + count; first += STEP) {
    const end = Math.min(seed + count, first + STEP);
    await runner.run(first, end, sockets);
    const held = await runner.checkMemory();
    const { user, system } = process.cpuUsage(started);
    console.log(`seeds ${seed}..${end}, ${Math.round((user + system) / 1e6)} s of the processor:`, runner.tally, held);
  }
  await runner.stop();
}
