/**
 * Mutated tars: `npm run campaign -- tar --count 1000000 --seed 0`. Each is imported into a fork. Whether it is taken or
 * refused, nothing outside has changed and no memory is lost; what is refused has changed nothing at all.
 */
import { inSteps, readNumbers } from './seeds.js';
import { TarRunner } from './tar/run.js';

const USAGE = `Usage: npm run campaign -- tar [options]
  --count N   tars (100000)
  --seed S    the first of their seeds (0)`;

/** Tars between two lines of output. */
const STEP = 20_000;

const options = readNumbers(USAGE, { count: 100_000, seed: 0 });
if (options !== undefined) {
  const runner = await TarRunner.create();
  await inSteps(options, STEP, async (first, end) => {
    await runner.run(first, end);
    return [runner.tally];
  });
}
