/**
 * Mutated tars: `npm run campaign -- tar --count 1000000 --seed 0`. Each is imported into a fork. Whether it is taken or
 * refused, nothing outside has changed and no memory is lost; what is refused has changed nothing at all.
 */
import { parseArgs } from 'node:util';
import { TarRunner } from './tar/run.js';

const USAGE = `Usage: npm run campaign -- tar [options]
  --count N   tars (100000)
  --seed S    the first of their seeds (0)`;

const { values } = parseArgs({
  options: {
    count: { type: 'string', default: '100000' },
    seed: { type: 'string', default: '0' },
    help: { type: 'boolean', default: false },
  },
});

/** Tars between two lines of output. */
const STEP = 20_000;

if (values.help) console.log(USAGE);
else {
  const [count, seed] = [Number(values.count), Number(values.seed)];
  if (!Number.isSafeInteger(count) || !Number.isSafeInteger(seed) || count < 1 || seed < 0) throw new Error(USAGE);
  const runner = await TarRunner.create();
  const started = process.cpuUsage();
  for (let first = seed; first < seed + count; first += STEP) {
    const end = Math.min(seed + count, first + STEP);
    await runner.run(first, end);
    const { user, system } = process.cpuUsage(started);
    console.log(`seeds ${seed}..${end}, ${Math.round((user + system) / 1e6)} s of the processor:`, runner.tally);
  }
}
