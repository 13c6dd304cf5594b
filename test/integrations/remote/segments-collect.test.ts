/** Garbage of segments, at the moments that matter: a machine begins to use what another one is about to remove. */
import { afterEach, beforeEach, expect, jest, test } from '@jest/globals';
import { Engine } from '../../../bindings/index.js';
import { keyOf, liveKeys, openNamed, dropNamed, saveNamed, segmentTier } from '../../../integrations/remote.js';
import { generatedSets, PAGE_SIZE, pageCount, sameBytes } from '../../support/pages.js';
import { Random } from '../../support/random.js';
import { MemoryStore } from './memory-store.js';

const random = new Random(5, 'collect');
const LEASE = 50_000;
const GRACE = 10_000;
const HOUR = 3_600_000;
let now = 1e12;

beforeEach(() => void jest.spyOn(Date, 'now').mockImplementation(() => now));
afterEach(() => {
  jest.restoreAllMocks();
});

/** Machines on one store, each with its own way to it. */
class Machines {
  readonly #first = new MemoryStore(random);
  readonly objects = this.#first.objects;

  machine(options: Parameters<typeof segmentTier>[1] = {}) {
    const store = new MemoryStore(random, this.#first);
    const all = {
      flushMilliseconds: 0,
      segmentBytes: 2 ** 16,
      leaseMilliseconds: LEASE,
      refreshMilliseconds: 0,
      ...options,
    };
    return { store, tier: segmentTier(store, all) };
  }

  count(prefix: string): number {
    return [...this.objects.keys()].filter((key) => key.startsWith(prefix)).length;
  }
}

const values = Array.from({ length: 10 }, () => random.fill(new Uint8Array(100)));
const keys = values.map(keyOf);
const NOTHING = { live: [], graceMilliseconds: GRACE };
const allThere = (read: readonly unknown[]): boolean =>
  read.every((value, n) => value instanceof Uint8Array && sameBytes(value, values[n]));

test('what a machine used is kept for its lease, and goes by two collections after it', async () => {
  const machines = new Machines();
  const { tier } = machines.machine();
  await tier.putMany(keys, values);
  const other = machines.machine();
  for (const [passed, condemned, removed] of [
    [LEASE, 0, 0],
    [3 * LEASE, 1, 0],
    [GRACE / 2, 0, 0],
    [GRACE, 0, 1],
  ] as const) {
    now += passed;
    expect(await other.tier.collect(NOTHING)).toMatchObject({ condemned, removed });
  }
  expect([...machines.objects.keys()]).toEqual([]);
  expect(await tier.getMany(keys)).toEqual(keys.map(() => undefined));
});

test('what is touched in time stays, at no request while the lease is long enough', async () => {
  const machines = new Machines();
  const { tier, store } = machines.machine();
  await tier.putMany(keys, values);
  store.log = [];
  for (let n = 0; n < 20; n++) {
    now += LEASE / 2;
    expect(await tier.touchMany(keys)).toEqual(keys.map(() => true));
    expect(await machines.machine().tier.collect(NOTHING)).toMatchObject({ condemned: 0 });
  }
  expect(store.log.length).toBeLessThan(10);
  // After that, it was not there for a while: nothing is believed.
  now += 3 * LEASE;
  for (let n = 0; n < 2; n++) {
    await machines.machine().tier.collect(NOTHING);
    now += 2 * GRACE;
  }
  expect(await tier.touchMany(keys)).toEqual(keys.map(() => false));
  await tier.putMany(keys, values);
  expect(allThere(await tier.getMany(keys))).toBe(true);
});

test.each(['list leases/', 'get segments/', 'delete segments/', 'delete condemned/'])(
  'who begins to use a segment while it is removed stores it again: before %s',
  async (moment) => {
    for (const refreshMilliseconds of [0, 100 * HOUR]) {
      const machines = new Machines();
      await machines.machine().tier.putMany(keys, values);
      const user = machines.machine({ refreshMilliseconds });
      expect(allThere(await user.tier.getMany(keys))).toBe(true);
      const { tier, store } = machines.machine();
      for (let round = 0; round < 3; round++) {
        now += 3 * LEASE;
        let hooked = false;
        store.hook = async (what) => {
          if (round === 0 || hooked || !what.startsWith(moment)) return;
          hooked = true;
          expect(await user.tier.putMany(keys, values)).toEqual(keys.map(() => undefined));
        };
        await tier.collect(NOTHING);
        if (hooked) expect(allThere(await machines.machine().tier.getMany(keys))).toBe(true);
      }
    }
  },
);

test('who did not hear that a segment is gone finds out before it relies on it', async () => {
  const machines = new Machines();
  await machines.machine().tier.putMany(keys, values);
  const user = machines.machine({ refreshMilliseconds: 100 * HOUR });
  await user.tier.getMany(keys);
  for (let round = 0; round < 2; round++) {
    now += 3 * LEASE;
    await machines.machine().tier.collect(NOTHING);
  }
  expect(machines.count('segments/')).toBe(0);
  await user.tier.putMany(keys, values);
  expect(allThere(await machines.machine().tier.getMany(keys))).toBe(true);
});

test('what is condemned is not believed to stay, however often it is asked for, until it is pardoned', async () => {
  const machines = new Machines();
  await machines.machine().tier.putMany(keys, values);
  now += 3 * LEASE;
  await machines.machine().tier.collect(NOTHING);
  const user = machines.machine();
  for (let n = 0; n < 3; n++) expect(await user.tier.touchMany(keys)).toEqual(keys.map(() => false));
  now += 2 * GRACE;
  // It has a lease now.
  expect(await machines.machine().tier.collect(NOTHING)).toMatchObject({ removed: 0, leased: 1 });
  expect(await user.tier.touchMany(keys)).toEqual(keys.map(() => true));
});

test('a lease that its owner writes anew while it is read counts', async () => {
  const machines = new Machines();
  const user = machines.machine();
  for (let n = 0; n < 64; n++) {
    const value = Uint8Array.of(1, n);
    await user.tier.putMany([keyOf(value)], [value]);
  }
  expect(machines.count('leases/')).toBe(64);
  now += GRACE * 2;
  const { tier, store } = machines.machine();
  let hooked = false;
  store.hook = async (what) => {
    if (hooked || !what.startsWith('get leases/')) return;
    hooked = true;
    await user.tier.putMany(keys, values); // the 65th: all are written as one
  };
  expect(await tier.collect(NOTHING)).toMatchObject({ condemned: 0 });
  expect(hooked).toBe(true);
  expect(machines.count('leases/')).toBe(1);
});

test('a lease that cannot be read, or a live table, ends the collection before anything is removed', async () => {
  const machines = new Machines();
  const { tier } = machines.machine();
  await tier.putMany(keys, values);
  now += 3 * LEASE;
  machines.objects.set('leases/other-0', Buffer.from('{"version":2}'));
  await expect(tier.collect(NOTHING)).rejects.toMatchObject({ code: 'EIO' });
  machines.objects.delete('leases/other-0');
  await tier.putNamed('x', new Uint8Array(3));
  const live = liveKeys(tier, await tier.names());
  await expect(tier.collect({ live, graceMilliseconds: GRACE })).rejects.toMatchObject({ code: 'EIO' });
  expect(machines.count('condemned/')).toBe(0);
  await expect(tier.collect({ live: [], graceMilliseconds: -1 })).rejects.toMatchObject({ code: 'EINVAL' });
});

test('what is live must be keys: with names or nothing in their place, nothing is removed', async () => {
  const machines = new Machines();
  const { tier } = machines.machine();
  await tier.putMany(keys, values);
  for (const live of [['a name'], [new Uint8Array(15)], [undefined], 'name', 5, undefined] as any[]) {
    now += 5 * LEASE;
    await expect(tier.collect({ live, graceMilliseconds: GRACE })).rejects.toMatchObject({ code: 'EINVAL' });
  }
  await expect(tier.collect(undefined as never)).rejects.toMatchObject({ code: 'EINVAL' });
  expect(machines.count('segments/')).toBe(1);
  expect(machines.count('condemned/')).toBe(0);
});

test('a value in two segments is found in the one that stays', async () => {
  const machines = new Machines();
  // Two that do not know of each other.
  const options = { refreshMilliseconds: 100 * HOUR };
  const [a, b] = [machines.machine(options), machines.machine(options)];
  await Promise.all([a.tier.hasMany(keys), b.tier.hasMany(keys)]);
  await a.tier.putMany(keys, values);
  await b.tier.putMany(keys, values);
  expect(machines.count('segments/')).toBe(2);
  const reader = machines.machine();
  expect(allThere(await reader.tier.getMany(keys))).toBe(true);
  const [first, second] = [...machines.objects.keys()].filter((key) => key.startsWith('segments/'));
  for (const [gone, stays] of [
    [first, second],
    [second, first],
  ]) {
    // prettier-ignore
    const bytes = machines.objects.get(gone)!;
    const both = machines.machine();
    await both.tier.refresh();
    machines.objects.delete(gone);
    expect(allThere(await both.tier.getMany(keys))).toBe(true);
    expect(machines.objects.has(stays)).toBe(true);
    machines.objects.set(gone, bytes);
  }
});

test('names keep what they need, and what is left of a segment moves', async () => {
  const engine = Engine.createSync();
  const machines = new Machines();
  const { tier } = machines.machine({ segmentBytes: 2 ** 20 });
  const blend = generatedSets(3).find(({ name }) => name === 'blend')!;
  const pages = pageCount(blend);
  const zram = engine.createZram({ disksize: pages * PAGE_SIZE });
  zram.writePages(0, blend.pages);
  await saveNamed(tier, 'all', zram);
  zram.discard(0, (pages - 40) * PAGE_SIZE);
  await saveNamed(tier, 'few', zram);
  const collect = async () => {
    now += 5 * LEASE;
    const collector = machines.machine({ segmentBytes: 2 ** 20 });
    return collector.tier.collect({ live: liveKeys(tier, await tier.names()), graceMilliseconds: GRACE });
  };
  for (let n = 0; n < 3; n++) expect(await collect()).toMatchObject({ lost: 0, removed: 0 });
  const bytes = () => [...machines.objects.values()].reduce((sum, { length }) => sum + length, 0);
  const before = bytes();
  await dropNamed(tier, 'all');
  let moved = 0;
  for (let n = 0; n < 3; n++) moved += (await collect()).moved;
  expect(moved).toBeGreaterThan(20);
  expect(bytes()).toBeLessThan(before / 4);
  const reader = machines.machine();
  const fork = await openNamed(reader.tier, 'few', { device: engine.createZram() });
  expect(sameBytes(await fork.readPagesAsync(0, pages), zram.readPages(0, pages))).toBe(true);
  await dropNamed(tier, 'few');
  for (let n = 0; n < 3; n++) await collect();
  expect([...machines.objects.keys()]).toEqual([]);
  engine.destroy();
});
