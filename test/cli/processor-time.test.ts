/** Processor time of a thread: work that is shorter than a timer's tick counts in full, and waiting not at all. */
import { setTimeout as delay } from 'node:timers/promises';

import { expect, test } from '@jest/globals';

import { processorMilliseconds } from '../../cli/processor-time.js';

const ROUNDS = 150;
const PAUSE_MILLISECONDS = 3;

function work(): number {
  let sum = 0;
  for (let n = 0; n < 200_000; n++) sum = (sum * 31 + n) % 1_000_003;
  return sum;
}

test('short pieces of work between waits are counted in full', async () => {
  work();
  let [ofThread, ofProcess, sum] = [0, 0, 0];
  for (let round = 0; round < ROUNDS; round++) {
    await delay(PAUSE_MILLISECONDS);
    const usage = process.cpuUsage();
    const start = processorMilliseconds()!;
    sum += work();
    ofThread += processorMilliseconds()! - start;
    const { user, system } = process.cpuUsage(usage);
    ofProcess += (user + system) / 1000;
  }
  expect(sum).toBeGreaterThan(0);
  // The process has other threads, which may have worked meanwhile.
  expect(ofThread / ofProcess).toBeGreaterThan(0.7);
  expect(ofThread / ofProcess).toBeLessThan(1.05);
});

test('waiting is not counted', async () => {
  const start = processorMilliseconds()!;
  await delay(300);
  expect(processorMilliseconds()! - start).toBeLessThan(150);
});
