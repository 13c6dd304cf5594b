/** Some thousand mutated tars of the campaign (tar.ts), from a seed of this run. ZRAM_WASM_LONG=1 tries a hundred times as many. */
import { expect, test } from '@jest/globals';
import { seedOfRun } from '../support/random.js';
import { TarRunner } from './tar/run.js';

const COUNT = process.env.ZRAM_WASM_LONG === '1' ? 300_000 : 1500;
const first = seedOfRun();

test(`${COUNT} mutated tars, seeds from ${first}`, async () => {
  const runner = await TarRunner.create();
  await runner.run(first, first + COUNT);
  // The ways that no seed misses; the rare codes have tests of their own (test/integrations/fs).
  for (const way of ['taken', 'EBADMSG', 'EINVAL', 'EEXIST', 'EXDEV', 'EPERM']) {
    expect([way, runner.tally[way] > 0]).toEqual([way, true]);
  }
  runner.destroy();
}, 3_600_000);
