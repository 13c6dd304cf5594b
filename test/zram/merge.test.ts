/**
 * Merge exactness: every duplicate is found, by an independent count, and nothing else; every page reads back at every
 * stage; forced hash collisions cost time only.
 */
import { createHash } from 'node:crypto';
import { describe, expect, test } from '@jest/globals';
import { Engine, Zram } from '../../bindings/index.js';
import { measure } from '../growth/measure.js';
import { PAGE_SIZE, generatedSets, pageCount, pageOf, type DataSet } from '../support/pages.js';
import { Random, seedOfRun } from '../support/random.js';
import { BUILDS, checkPools, engineOf, rawExports } from '../support/raw-core.js';
import { processPages, programPages } from '../support/real-pages.js';

const seed = seedOfRun();
const random = new Random(seed, 'merge');

/** Each page of the set, then a random half of them again, shuffled. */
function withDuplicates(set: DataSet): Uint8Array[] {
  const pages = Array.from({ length: pageCount(set) }, (_, index) => pageOf(set, index));
  const all = [...pages, ...pages.filter(() => random.chance(50))];
  for (let n = all.length - 1; n > 0; n--) {
    const other = random.below(n + 1);
    [all[n], all[other]] = [all[other], all[n]];
  }
  return all;
}

const isSameFilled = (page: Uint8Array): boolean => page.every((byte, at) => byte === page[at % 8]);
const digest = (page: Uint8Array): string => createHash('sha256').update(page).digest('hex');

function facts(pages: readonly Uint8Array[]): { duplicates: number; distinct: Uint8Array[] } {
  const distinct = new Map<string, Uint8Array>();
  let objects = 0;
  for (const page of pages) {
    if (isSameFilled(page)) continue;
    objects++;
    distinct.set(digest(page), page);
  }
  return { duplicates: objects - distinct.size, distinct: [...distinct.values()] };
}

function expectContent(zram: Zram, pages: readonly (Uint8Array | undefined)[]): void {
  const out = new Uint8Array(PAGE_SIZE);
  const zeros = new Uint8Array(PAGE_SIZE);
  pages.forEach((page, index) => {
    if (Buffer.compare(zram.readPage(index, out), page ?? zeros) !== 0) throw new Error(`page ${index} is wrong`);
  });
}

const sets = [...generatedSets(seed), programPages(seed, 2000), processPages(seed, 2000)];

describe.each(BUILDS)('merge on the %s build', (build) => {
  test.each(sets.filter((set) => pageCount(set) > 0))('$name', (set) => {
    const engine = engineOf(build);
    const pages: (Uint8Array | undefined)[] = withDuplicates(set);
    const { duplicates, distinct } = facts(pages as Uint8Array[]);
    const zram = engine.createZram({ disksize: pages.length * PAGE_SIZE });
    pages.forEach((page, index) => zram.writePage(index, page!));
    const before = zram.mmStat;

    const dry = zram.merge({ dryRun: true });
    expect(zram.mmStat).toEqual(before);
    const report = zram.merge();
    expect(report).toMatchObject({ objectsMerged: duplicates, complete: true, objectsHashed: 0 });
    const { objectsMerged, bytesMerged, pagesFreed } = dry;
    expect(report).toMatchObject({ objectsMerged, bytesMerged, pagesFreed });
    expect(zram.mmStat).toMatchObject({
      pagesMerged: duplicates,
      origDataSize: before.origDataSize,
      memUsedTotal: before.memUsedTotal - pagesFreed * PAGE_SIZE,
      comprDataSize: before.comprDataSize - bytesMerged,
    });
    expectContent(zram, pages);

    const fresh = engine.createZram({ disksize: Math.max(distinct.length, 1) * PAGE_SIZE });
    distinct.forEach((page, index) => fresh.writePage(index, page));
    expect(zram.mmStat.comprDataSize).toBe(fresh.mmStat.comprDataSize);

    zram.compact();
    expectContent(zram, pages);
    expect(zram.merge()).toMatchObject({ objectsMerged: 0, objectsHashed: 0, complete: true });

    for (let index = 0; index < pages.length; index++) {
      if (random.chance(50)) continue;
      pages[index] = undefined;
      zram.discard(index * PAGE_SIZE, PAGE_SIZE);
    }
    zram.compact();
    expectContent(zram, pages);
    checkPools(engine);
    zram.discard(0, pages.length * PAGE_SIZE);
    expect(zram.mmStat).toMatchObject({ origDataSize: 0, comprDataSize: 0, memUsedTotal: 0, pagesMerged: 0 });
    engine.destroy();
  });

  test('the first sharer may be overwritten, discarded or freed, in any order', () => {
    const engine = engineOf(build);
    const page = random.fill(new Uint8Array(PAGE_SIZE)).fill(0, 1500);
    const other = random.fill(new Uint8Array(PAGE_SIZE));
    for (let round = 0; round < 30; round++) {
      const zram = engine.createZram({ disksize: 10 * PAGE_SIZE });
      const pages: (Uint8Array | undefined)[] = Array<Uint8Array>(10).fill(page);
      pages.forEach((_, index) => zram.writePage(index, page));
      zram.merge();
      if (round % 2) zram.compact();
      const order = [...pages.keys()].sort(() => random.below(3) - 1);
      if (round < 10) order.unshift(...order.splice(order.indexOf(0), 1));
      order.forEach((index, step) => {
        if (random.chance(50)) zram.writePage(index, (pages[index] = other));
        else zram.discard(index * PAGE_SIZE, ((pages[index] = undefined), PAGE_SIZE));
        expectContent(zram, pages);
        expect(zram.mmStat.pagesMerged).toBe(Math.max(8 - step, 0));
      });
      expect(zram.mmStat.comprDataSize).toBe(pages.filter((held) => held === other).length * PAGE_SIZE);
      zram.destroy();
    }
    checkPools(engine);
    engine.destroy();
  });

  test('groups that already share join', () => {
    const engine = engineOf(build);
    const pool = engine.createPool();
    const page = random.fill(new Uint8Array(PAGE_SIZE)).fill(0, 900);
    const [a, b] = [1, 2].map((mark) => {
      const start = page.slice(0, 1000);
      start[0] = mark;
      return Array.from({ length: 50 }, () => pool.store(start));
    }) as [ReturnType<typeof pool.store>[], ReturnType<typeof pool.store>[]];
    expect(pool.merge().objectsMerged).toBe(98);
    // Half of the second group becomes the first's content: a new group beside the old one, then both join.
    for (const handle of b) pool.write(handle, Uint8Array.of(1));
    expect(pool.merge({ maxObjects: 1 }).complete).toBe(false);
    while (!pool.merge({ maxObjects: 7 }).complete);
    expect(pool.stats()).toMatchObject({ objects: 1, handles: 100, pagesMerged: 99 });
    pool.write(a[0], Uint8Array.of(9));
    expect(pool.read(a[0])[0]).toBe(9);
    for (const handle of [...a.slice(1), ...b]) expect(pool.read(handle)[0]).toBe(1);
    checkPools(engine);
    for (const handle of [...a, ...b]) pool.free(handle);
    expect(pool.stats()).toMatchObject({ objects: 0, handles: 0, pagesAllocated: 0 });
    engine.destroy();
  });
});

describe('a hash that is always equal', () => {
  test('10,000 different pages of one length are kept apart, and merge no slower than in seconds', () => {
    const engine = engineOf('release');
    rawExports(engine).weakenHash(0);
    const pool = engine.createPool();
    const content = random.fill(new Uint8Array(1200));
    const view = new DataView(content.buffer);
    const handles = Array.from({ length: 10_000 }, (_, n) => {
      view.setUint32(1196, n % 9000, true); // a thousand of them twice
      return pool.store(content);
    });
    const report = pool.merge();
    expect(report).toMatchObject({ objectsMerged: 1000, complete: true });
    expect(report.hashCollisions).toBeGreaterThan(0);
    expect(report.milliseconds).toBeLessThan(10_000);
    handles.forEach((handle, n) => {
      view.setUint32(1196, n % 9000, true);
      if (Buffer.compare(pool.read(handle), content) !== 0) throw new Error(`object ${n} is wrong`);
    });
    engine.destroy();
  });

  test('nor do 50,000 objects whose first bytes and lengths are equal', () => {
    const engine = engineOf('release');
    const pool = engine.createPool();
    const content = random.fill(new Uint8Array(400));
    const view = new DataView(content.buffer);
    for (let n = 0; n < 50_000; n++) {
      view.setUint32(300, n % 40_000, true);
      pool.store(content);
    }
    expect(pool.merge({ dryRun: true }).objectsMerged).toBe(10_000);
    const report = pool.merge();
    expect(report).toMatchObject({ objectsMerged: 10_000, complete: true });
    expect(report.milliseconds).toBeLessThan(5_000);
    engine.destroy();
  });
});

/** Merging, parting in random order, merging again and freeing, of so many slots with one content. */
function groupLife(slots: number): () => void {
  const zram = engineOf('release').createZram({ disksize: slots * PAGE_SIZE });
  const page = new Uint8Array(PAGE_SIZE).fill(1, 0, 64);
  const view = new DataView(page.buffer);
  const order = Uint32Array.from({ length: slots }, (_, index) => index);
  for (let n = slots - 1; n > 0; n--) {
    const other = random.below(n + 1);
    [order[n], order[other]] = [order[other], order[n]];
  }
  const writeAll = (content: (n: number) => number): void => {
    for (let n = 0; n < slots; n++) {
      view.setUint32(0, content(n), true);
      zram.writePage(order[n], page);
    }
  };
  return () => {
    writeAll(() => 1);
    expect(zram.merge().objectsMerged).toBe(slots - 1);
    writeAll((n) => 2 + n);
    expect(zram.mmStat.pagesMerged).toBe(0);
    writeAll(() => 1);
    expect(zram.merge().objectsMerged).toBe(slots - 1);
    for (const index of order) zram.discard(index * PAGE_SIZE, PAGE_SIZE);
    expect(zram.mmStat).toMatchObject({ memUsedTotal: 0, pagesMerged: 0, comprDataSize: 0 });
  };
}

test('the time of a group is linear in its slots', async () => {
  // Quadratic time would be 16 times the factor; caches and a busy machine may make it some times as much.
  const [factor, limit] = [16, 16 * 5];
  const { ratio } = await measure({ size: 4000, factor, limit, make: groupLife });
  expect(ratio).toBeLessThan(limit);
});

test('100,000 pages of one content become one object, and all of them are freed', async () => {
  const engine = await Engine.create();
  const zram = engine.createZram({ disksize: '1G' });
  const page = random.fill(new Uint8Array(PAGE_SIZE)).fill(0, 300);
  const used = engine.memory.used;
  for (let index = 0; index < 100_000; index++) zram.writePage(index, page);
  expect(zram.merge()).toMatchObject({ objectsMerged: 99_999, complete: true });
  expect(zram.mmStat).toMatchObject({ pagesMerged: 99_999, memUsedTotal: 4096 * 8 });
  zram.discard(0, 100_000 * PAGE_SIZE);
  expect(zram.mmStat).toMatchObject({ memUsedTotal: 0, pagesMerged: 0, comprDataSize: 0 });
  expect(engine.memory.used).toBe(used);
  engine.destroy();
});
