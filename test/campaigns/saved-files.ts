/**
 * Mutated files of `PageFs.saveAll`, loaded by the library and by a second reader:
 * `npm run campaign -- saved-files --count 1000000 --seed 0`.
 */
import { parseArgs } from 'node:util';
import { SavedFilesRunner } from './saved-files/run.js';

const USAGE = `Usage: npm run campaign -- saved-files [options]
  --count N   files (20000)
  --seed S    the first of their seeds (0)`;

const { values } = parseArgs({
  options: {
    count: { type: 'string', default: '20000' },
    seed: { type: 'string', default: '0' },
    help: { type: 'boolean', default: false },
  },
});

/** Files between two lines of output. */
const STEP = 10_000;

if (values.help) console.log(USAGE);
else {
  const [count, seed] = [Number(values.count), Number(values.seed)];
  if (!Number.isSafeInteger(count) || !Number.isSafeInteger(seed) || count < 1 || seed < 0) throw new Error(USAGE);
  const runner = new SavedFilesRunner();
  const started = process.cpuUsage();
  for (let first = seed; first < seed + count; first += STEP) {
    const end = Math.min(seed + count, first + STEP);
    await runner.run(first, end);
    const { user, system } = process.cpuUsage(started);
    const taken = runner.tally.get('taken') ?? 0;
    const seconds = Math.round((user + system) / 1e6);
    console.log(
      `seeds ${seed}..${end}, ${seconds} s of the processor: ${taken} taken, ${runner.tally.size - 1} reasons`,
    );
  }
  for (const [reason, times] of [...runner.tally].sort(([, a], [, b]) => b - a)) console.log(`${times} ${reason}`);
}
