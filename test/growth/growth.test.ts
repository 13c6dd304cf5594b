/**
 * No call takes time by the square of what there is: each public one with so many objects, pages, states or gaps, and with eight
 * times as many. And none by the size of a disk that holds little.
 */
import { expect, test } from '@jest/globals';
import { makeScene, callsOf, removeFiles } from '../support/public-calls.js';
import { measure, type Growth } from './measure.js';
import { DEVICE_ROWS } from './rows-device.js';
import { OTHER_ROWS } from './rows-other.js';
import { POOL_ROWS } from './rows-pool.js';

const TIMEOUT_MS = 120_000;
const ROWS: readonly Growth[] = [...POOL_ROWS, ...DEVICE_ROWS, ...OTHER_ROWS];
/** Calls whose work has nothing to do with how much there is. */
const CLASSES = ['ZsPool', 'Ksmd', 'Zram', 'ZramSnapshot', 'Zswap', 'StateHistory'] as const;
/** Accessors, and what sets one thing. */
const TRIVIAL = /^((get|set) .*|static .*|init|setBacking|start|stop|\[Symbol\.dispose\])$/;

test.each(ROWS)(
  '$name',
  async (growth) => {
    const { smallMs, largeMs, ratio, limit } = await measure(growth);
    const figures = `${smallMs.toFixed(1)} ms, then ${largeMs.toFixed(1)} ms: ${ratio.toFixed(1)} times`;
    if (process.env.ZRAM_WASM_FIGURES === '1') process.stdout.write(`${growth.name}: ${figures}\n`);
    if (ratio > limit) throw new Error(`${figures}, and not up to ${limit}`);
  },
  TIMEOUT_MS,
);

test('every public call has a row', () => {
  const scene = makeScene();
  const calls = callsOf(scene);
  const covered = new Set(ROWS.flatMap((row) => row.calls));
  const missing = CLASSES.flatMap((name) =>
    Object.keys(calls[name])
      .filter((call) => !TRIVIAL.test(call) && !covered.has(`${name}.${call}`))
      .map((call) => `${name}.${call}`),
  );
  scene.end();
  removeFiles();
  expect(missing).toEqual([]);
});
