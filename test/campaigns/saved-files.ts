/**
 * Mutated files of `PageFs.saveAll`, loaded by the library and by a second reader:
 * `npm run campaign -- saved-files --count 1000000 --seed 0`.
 */
import { SavedFilesRunner } from './saved-files/run.js';
import { inSteps, readNumbers } from './seeds.js';

const USAGE = `Usage: npm run campaign -- saved-files [options]
  --count N   files (20000)
  --seed S    the first of their seeds (0)`;

/** Files between two lines of output. */
const STEP = 10_000;

const options = readNumbers(USAGE, { count: 20_000, seed: 0 });
if (options !== undefined) {
  const runner = new SavedFilesRunner();
  await inSteps(options, STEP, async (first, end) => {
    await runner.run(first, end);
    return [`${runner.tally.get('taken') ?? 0} taken, ${runner.tally.size - 1} reasons`];
  });
  for (const [reason, times] of [...runner.tally].sort(([, a], [, b]) => b - a)) console.log(`${times} ${reason}`);
}
