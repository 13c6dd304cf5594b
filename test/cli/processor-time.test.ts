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
  let [ofThread, elapsed, sum] = [0, 0, 0];
  let fastest = Infinity;
  for (let round = 0; round < ROUNDS; round++) {
    await delay(PAUSE_MILLISECONDS);
    const before = performance.now();
    const start = processorMilliseconds()!;
    const begun = performance.now();
    sum += work();
    fastest = Math.min(fastest, performance.now() - begun);
    ofThread += processorMilliseconds()! - start;
    elapsed += performance.now() - before;
  }
  expect(sum).toBeGreaterThan(0);
  // However busy the machine is: no round takes less of the processor than the fastest took of time, and none takes more
  // of it than time went by. (The process's own count is no measure: other threads compile and collect meanwhile.)
  expect(ofThread).toBeGreaterThan(0.9 * ROUNDS * fastest);
  expect(ofThread).toBeLessThan(1.05 * elapsed);
});

test('waiting is not counted', async () => {
  const start = processorMilliseconds()!;
  await delay(300);
  expect(processorMilliseconds()! - start).toBeLessThan(150);
});
