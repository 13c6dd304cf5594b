/** No call takes time by the square of what there is; and a disk that holds little costs little, however large it is. */
import { expect, test } from '@jest/globals';
import { keyOf, liveKeys, openNamed, renewNamed, saveNamed, segmentTier } from '../../../integrations/remote.js';
import { measure, type Scale } from '../../growth/measure.js';
import { contentOf, device, newEngine, PAGE_SIZE, shuffled } from '../../growth/things.js';
import { Random } from '../../support/random.js';
import { MemoryStore } from './memory-store.js';
import { UnrulyTier } from './unruly-tier.js';

const random = new Random(1, 'growth');
const fresh = (): UnrulyTier => new UnrulyTier(random);

/** A tier with a saved device. */
async function saved(pages: number): Promise<UnrulyTier> {
  const tier = fresh();
  const zram = device(pages);
  await saveNamed(tier, 'base', zram);
  zram.destroy();
  return tier;
}

/** A tier of segments with values; each on a machine of its own. */
async function segments(size: number) {
  const store = new MemoryStore(random);
  const options = { flushMilliseconds: 0, segmentBytes: 2 ** 16 };
  const values = Array.from({ length: size }, (_, n) => contentOf(n, 300));
  const keys = values.map(keyOf);
  return {
    tier: segmentTier(store, options),
    other: segmentTier(new MemoryStore(random, store), options),
    keys,
    values,
  };
}

const ROWS: Record<string, Scale['make']> = {
  saveNamed: (size) => {
    const zram = device(size);
    return () => saveNamed(fresh(), 'base', zram);
  },
  'openNamed and readPagesAsync': async (size) => {
    const tier = await saved(size);
    return async () => {
      const fork = await openNamed(tier, 'base', { device: newEngine().createZram() });
      await fork.readPagesAsync(0, size);
    };
  },
  'prefetch, evict, and reads one by one': async (size) => {
    const tier = await saved(size);
    return async () => {
      const fork = await openNamed(tier, 'base', { device: newEngine().createZram() });
      await fork.prefetch([{ index: 0, count: size }]);
      fork.evict();
      await Promise.all(shuffled(size).map((page) => fork.readPagesAsync(page, 1)));
    };
  },
  'writes one by one, and save': async (size) => {
    const tier = await saved(size);
    return async () => {
      const fork = await openNamed(tier, 'base', { device: newEngine().createZram() });
      await Promise.all(
        shuffled(size).map((page) => fork.writeAsync(page * PAGE_SIZE + 9, new Uint8Array(5).fill(page))),
      );
      await fork.save();
    };
  },
  'renewNamed and liveKeys': async (size) => {
    const tier = await saved(size);
    return async () => {
      await renewNamed(tier, 'base');
      for await (const key of liveKeys(tier, ['base'])) expect(key.length).toBe(16);
    };
  },
  'putMany, touchMany and getMany of segments': async (size) => {
    const { tier, other, keys, values } = await segments(size);
    return async () => {
      await tier.putMany(keys, values);
      await other.getMany(shuffled(size).map((n) => keys[n]));
      await other.touchMany(keys);
    };
  },
  'collect of segments': async (size) => {
    const { tier, other, keys, values } = await segments(size);
    await tier.putMany(keys, values);
    return () => other.collect({ live: keys, graceMilliseconds: 0 });
  },
};

test.each(Object.keys(ROWS))('%s', async (name) => {
  const { smallMs, largeMs, ratio, limit } = await measure({ size: 200, factor: 8, leastMs: 1, make: ROWS[name] });
  const figures = `${smallMs.toFixed(1)} ms, then ${largeMs.toFixed(1)} ms: ${ratio.toFixed(1)} times`;
  if (process.env.ZRAM_WASM_FIGURES === '1') process.stdout.write(`${name}: ${figures}\n`);
  if (ratio > limit) throw new Error(`${figures}, and not up to ${limit}`);
});

test('a disk of 15 TiB with three pages costs what these do', async () => {
  const tier = fresh();
  const zram = newEngine().createZram({ disksize: '15T' });
  const last = zram.disksize / PAGE_SIZE - 1;
  for (const page of [0, 2 ** 31, last]) zram.writePage(page, contentOf(page % 1000, PAGE_SIZE));
  expect(await saveNamed(tier, 'large', zram)).toMatchObject({ pages: 3, sent: 3 + 3 * 4 + 1 }); // five levels, one root
  const fork = await openNamed(tier, 'large', { device: newEngine().createZram() });
  expect(await fork.readPagesAsync(last - 1, 2)).toEqual(zram.readPages(last - 1, 2));
  await fork.writeAsync(2 ** 31 * PAGE_SIZE + 1, Uint8Array.of(7));
  expect(await fork.save('other')).toMatchObject({ pages: 1, sent: 6 });
  expect(fork.evict()).toBe(3);
  expect((await renewNamed(tier, ['large', 'other'])).lost).toEqual([]);
  // 2048 million pages, one by one, would not end.
  fork.discard(PAGE_SIZE, 2 ** 31 * PAGE_SIZE);
  expect(await fork.save('less')).toMatchObject({ pages: 2 ** 31, sent: 1 });
  expect(fork.evict()).toBe(2 ** 31);
  fork.discard(0, fork.disksize);
  expect(await fork.save('nothing')).toMatchObject({ pages: last + 1, sent: 0 });
  expect(fork.evict()).toBe(last + 1);
  expect(await fork.readPagesAsync(last, 1)).toEqual(new Uint8Array(PAGE_SIZE));
  expect((await renewNamed(tier, ['less', 'nothing'])).lost).toEqual([]);
});
