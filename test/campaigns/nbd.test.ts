/** Some thousand mutated conversations of the campaign (nbd.ts), from a seed of this run. ZRAM_WASM_LONG=1 tries a hundred times as many. */
import { expect, test } from '@jest/globals';
import { seedOfRun } from '../support/random.js';
import { NbdRunner } from './nbd/run.js';

const COUNT = process.env.ZRAM_WASM_LONG === '1' ? 300_000 : 3000;
const first = seedOfRun();

test(`${COUNT} mutated conversations, seeds from ${first}`, async () => {
  const runner = new NbdRunner();
  await runner.start();
  const half = first + COUNT / 2;
  await runner.run(first, half, 50);
  await runner.checkMemory();
  await runner.run(half, first + COUNT, 50);
  await runner.checkMemory(); // no more than before
  const { conversations, opened, sockets } = runner.tally;
  expect(conversations).toBe(COUNT);
  // Most get further than the first check.
  expect(opened).toBeGreaterThan(COUNT / 3);
  expect(sockets).toBeGreaterThan(COUNT / 100);
  await runner.stop();
}, 3_600_000);
