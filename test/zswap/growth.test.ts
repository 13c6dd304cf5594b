/** Zswap with many entries: what a call costs does not grow with them. Times are compared with each other, never with a clock. */
import { expect, test } from '@jest/globals';
import { MemoryBacking, type Zswap } from '../../bindings/index.js';
import { measure } from '../growth/measure.js';
import { PAGE_SIZE } from '../support/pages.js';
import { engineOf } from '../support/raw-core.js';

const FEW = 2_000;
const FACTOR = 16;
/** What the time may grow by, with sixteen times as many entries: what grows with the square grows by 256. */
const GROWTH_MAX = 12 * FACTOR;

const page = new Uint8Array(PAGE_SIZE);
function pageOf(key: number): Uint8Array {
  new DataView(page.buffer).setUint32(0, key + 1, true);
  return page;
}

const works: [string, (zswap: Zswap, count: number) => void][] = [
  [
    'writing back one by one',
    (zswap, count) => {
      for (let n = 0; n < count / 2; n++) zswap.shrink(1);
    },
  ],
  [
    'loads between that give second chances',
    (zswap, count) => {
      for (let n = 0; n < count / 2; n++) {
        zswap.shrink(1);
        for (let key = 0; key < 3; key++) zswap.load(count - 1 - ((3 * n + key) % (count / 2)), page);
      }
    },
  ],
  [
    'stores in the place of others',
    (zswap, count) => {
      for (let key = 0; key < count; key++) zswap.store((7 * key) % count, pageOf(key + 9));
    },
  ],
  [
    'dropping, oldest first',
    (zswap, count) => {
      for (let key = 0; key < count; key++) zswap.invalidate(key);
    },
  ],
  [
    'dropping all but a few, and writing these back',
    (zswap, count) => {
      for (let key = 0; key < count - 100; key++) zswap.invalidate(key);
      for (let n = 0; n < 100; n++) zswap.shrink(1);
    },
  ],
];

test.each(works)(
  'the time for an entry stays the same: %s',
  async (_name, work) => {
    const make = (count: number) => {
      const zswap = engineOf('release').createZswap({ maxPoolPercent: 100, backing: new MemoryBacking(2 * count) });
      for (let key = 0; key < count; key++) zswap.store(key, pageOf(key));
      return () => {
        work(zswap, count);
      };
    };
    const { ratio } = await measure({ size: FEW, factor: FACTOR, limit: GROWTH_MAX, make });
    expect(ratio).toBeLessThan(GROWTH_MAX);
  },
  60_000,
);

test('a store that finds a large pool full does a bounded share of the work, and says false until it is done', () => {
  const engine = engineOf('release');
  const zswap = engine.createZswap({ maxPoolBytes: '2M', backing: new MemoryBacking(FACTOR * FEW) });
  let key = 0;
  while (zswap.store(key, pageOf(key))) key++;
  let refused = 1;
  let before = zswap.stats().writtenBackPages;
  expect(before).toBe(512);
  while (!zswap.store(key, pageOf(key))) {
    refused++;
    const { writtenBackPages } = zswap.stats();
    expect(writtenBackPages - before).toBeLessThanOrEqual(512);
    before = writtenBackPages;
  }
  expect(refused).toBe(Math.ceil(before / 512));
  expect(zswap.stats()).toMatchObject({ storedPages: key + 1 - before, rejectReclaimFail: 0 });
  engine.destroy();
});
