/**
 * Copies of pages that duplicates are compared with (`dedupCache`): they change no content, no counter and no outcome,
 * whatever happens to the objects, and take no memory that anything else could use.
 */
import { describe, expect, test } from '@jest/globals';
import { Engine, ZramError, type Compressor, type Zram, type ZsPool } from '../bindings/index.js';
import { saved } from './save/support.js';
import { PAGE_SIZE, pageCount, pageOf, type DataSet } from './support/pages.js';
import { makeParallel } from './support/parallel.js';
import { Random, seedOfRun } from './support/random.js';
import { BUILDS, checkPools, engineOf, rawExports } from './support/raw-core.js';
import { programPages } from './support/real-pages.js';

const seed = seedOfRun();
const KIB = 1024;
const DISK_PAGES = 400;

/** Pages of which most stand several times, some of them far more often than others. */
function manyTwice(random: Random, { distinct, count }: { distinct: number; count: number }): Uint8Array[] {
  const set: DataSet = programPages(seed, distinct);
  const pages = Array.from({ length: pageCount(set) }, (_, n) => pageOf(set, n));
  return Array.from({ length: count }, () => pages[random.below(1 + random.below(pages.length))]);
}

interface Side {
  readonly engine: Engine;
  readonly pool: ZsPool;
  readonly disks: readonly Zram[];
}

function side(build: (typeof BUILDS)[number], dedupCache: number): Side {
  const engine = engineOf(build);
  const pool = engine.createPool({ dedupCache });
  const recompAlgorithms = ['lz4hc'];
  const disks = [1, 3].map((level) =>
    engine.createZram({ disksize: DISK_PAGES * PAGE_SIZE, dedup: true, level, pool, recompAlgorithms }),
  );
  rawExports(engine).hashInit(1, 2, 3, 4);
  return { engine, pool, disks };
}

describe.each(BUILDS)('copies of pages, %s build', (build) => {
  test.each([32 * KIB, 40 * KIB, 256 * KIB, 4096 * KIB])('of %i bytes change nothing that can be seen', (bytes) => {
    const random = new Random(seed, `copies of ${bytes}`);
    const pages = manyTwice(random, { distinct: 300, count: 600 });
    const [plain, cached] = [side(build, 0), side(build, bytes)];
    const both = (call: (each: Side) => unknown): void => {
      expect(call(cached)).toEqual(call(plain));
    };
    const without = ({ pool }: Side): object => ({ ...pool.stats(), dedupCacheBytes: 0 });
    let most = 0;
    for (let n = 0; n < (build === 'debug' ? 1500 : 3000); n++) {
      const disk = random.below(2);
      const index = random.below(DISK_PAGES);
      const page = pages[random.below(pages.length)];
      const once = random.below(300);
      if (once === 0) both(({ disks }) => ({ ...disks[disk].recompress({ algo: 'lz4hc' }), milliseconds: 0 }));
      else if (once === 1)
        both(({ disks }) => ({ ...disks[disk].recompress({ algo: 'lz4hc', threshold: 2000 }), milliseconds: 0 }));
      else if (once === 2) both(({ pool }) => ({ ...pool.merge(), milliseconds: 0 }));
      else if (once === 3) both(({ pool }) => ({ ...pool.compact(), milliseconds: 0 }));
      else if (once === 4) both(({ disks }) => disks[disk].discard(0, DISK_PAGES * PAGE_SIZE));
      else if (once < 60) both(({ disks }) => disks[disk].discard(index * PAGE_SIZE, PAGE_SIZE));
      else both(({ disks }) => disks[disk].writePage(index, page));
      const taken = cached.pool.stats().dedupCacheBytes;
      most = Math.max(most, taken);
      // Copies, a frame of records for each 256 of them, and the one that names those.
      expect(taken).toBeLessThanOrEqual(bytes + Math.ceil(bytes / (256 * PAGE_SIZE)) * PAGE_SIZE + PAGE_SIZE);
      if (n % 500 === 0) checkPools(cached.engine);
    }
    expect(most).toBeGreaterThan(Math.min(bytes, 32 * KIB) / 2);
    both(without);
    for (const disk of [0, 1]) both(({ disks }) => disks[disk].mmStat);
    for (let index = 0; index < DISK_PAGES; index++) {
      for (const disk of [0, 1]) {
        const [a, b] = [plain, cached].map(({ disks }) => disks[disk].readPage(index));
        if (Buffer.compare(a, b) !== 0) throw new Error(`page ${index} of ${disk} is another`);
      }
    }
    checkPools(cached.engine);
    for (const each of [plain, cached]) for (const zram of each.disks) zram.destroy();
    expect(cached.pool.stats()).toMatchObject({ objects: 0, dedupCacheBytes: 0 });
    expect(cached.engine.memory.used).toBe(plain.engine.memory.used);
  });

  test('what was compared with a copy is compared with the bytes it has now', () => {
    using engine = engineOf(build);
    const zram = engine.createZram({ disksize: '1M', dedup: true, dedupCache: '64K' });
    const page = (first: number): Uint8Array =>
      Uint8Array.from({ length: PAGE_SIZE }, (_, n) => (n === 0 ? first : n >> 3));
    for (const first of [1, 2, 1, 2]) {
      // The only page with this content goes, and others take its cell, its memory and its place.
      zram.writePage(0, page(first));
      zram.writePage(1, page(first));
      zram.writePage(0, page(first + 10));
      zram.writePage(1, page(first + 20));
      zram.writePage(2, page(first));
      expect(zram.readPage(2)).toEqual(page(first));
      zram.discard(0, 3 * PAGE_SIZE);
      checkPools(engine);
    }
    expect(zram.mmStat.pagesMerged).toBe(0);
  });
});

test('a page that a compressor of the bindings has recompressed has no copy: what it makes of it is decoded', () => {
  const page = Uint8Array.from({ length: PAGE_SIZE }, (_, n) => (n < 800 ? n * n * 7 + (n >> 3) * 5 : 0));
  for (const [kept, isRight] of [
    [300, false],
    [800, true],
  ] as const) {
    const shortener: Compressor = {
      name: 'shortener',
      compress: (given) => given.slice(0, kept),
      decompress: (block) => {
        const made = new Uint8Array(PAGE_SIZE);
        made.set(block);
        return made;
      },
    };
    using engine = Engine.createSync({ compressors: [shortener] });
    const pool = engine.createPool({ dedupCache: '64K' });
    const options = { disksize: '1M', dedup: true, pool } as const;
    const zram = engine.createZram({ ...options, recompAlgorithms: ['shortener'] });
    const other = engine.createZram(options);
    const holds = (disk: Zram, index: number): boolean => Buffer.compare(disk.readPage(index), page) === 0;
    zram.writePage(0, page);
    zram.recompress({ algo: 'shortener' });
    expect(holds(zram, 0)).toBe(isRight);
    // What is written afterwards is not lost with it.
    other.writePage(0, page);
    zram.writePage(1, page);
    expect([holds(other, 0), holds(zram, 1)]).toEqual([true, true]);
    expect(pool.stats().objects).toBe(isRight ? 1 : 2);
    zram.writePage(0, page);
    expect(holds(zram, 0)).toBe(true);
  }
});

describe('memory of copies', () => {
  const MAX_MEMORY = 3 * 2 ** 20;

  /** Pages that fit so many pools, of which every second is a duplicate; and whether there were copies. */
  function fill(dedupCache: string | number, count: number): { stored: number; copies: boolean } {
    using engine = Engine.createSync({ maxMemory: MAX_MEMORY });
    const random = new Random(seed, 'memory');
    const pools = Array.from({ length: count }, () => engine.createPool({ dedupCache }));
    const zrams = pools.map((pool) => engine.createZram({ disksize: '64M', dedup: true, pool }));
    // With one key the index takes the same frames each time.
    rawExports(engine).hashInit(1, 2, 3, 4);
    const page = new Uint8Array(PAGE_SIZE);
    let copies = false;
    let stored = 0;
    while (true) {
      if (stored % 2 === 0) random.fill(page.subarray(0, 2500));
      try {
        for (const zram of zrams) zram.writePage(stored, page);
      } catch (error) {
        if (!(error instanceof ZramError && error.code === 'ENOMEM')) throw error;
        break;
      }
      copies ||= pools.every((pool) => pool.stats().dedupCacheBytes > 8 * PAGE_SIZE);
      stored++;
    }
    for (const zram of zrams) for (let n = 0; n < stored; n += 97) zram.readPage(n);
    checkPools(engine);
    return { stored, copies };
  }

  test.each([1, 2])('goes back before anything is refused: as many pages fit (%i pools)', (pools) => {
    const { stored } = fill(0, pools);
    for (const bytes of ['32K', '1M', '64M'])
      expect([bytes, fill(bytes, pools)]).toEqual([bytes, { stored, copies: true }]);
  });

  test('goes back for whatever needs it: another device, a snapshot, a merge', () => {
    for (const call of ['device', 'snapshot', 'merge', 'other pool'] as const) {
      using engine = Engine.createSync({ maxMemory: MAX_MEMORY });
      const random = new Random(seed, call);
      const zram = engine.createZram({ disksize: '64M', dedup: true, dedupCache: '32M' });
      const other = engine.createZram({ disksize: '1M' });
      const page = new Uint8Array(PAGE_SIZE);
      // Copies take all that is left: each page is new, compresses, and gets one.
      let n = 0;
      while (engine.memory.limit - engine.memory.used > 40 * PAGE_SIZE) {
        random.fill(page.subarray(0, 2500));
        zram.writePage(n++, page);
      }
      const { used } = engine.memory;
      for (let more = 0; more < 60; more++) {
        if (call === 'device') engine.createZram({ disksize: '1M' });
        if (call === 'snapshot') zram.snapshot();
        if (call === 'other pool') other.writePage(more, random.fill(page));
      }
      if (call === 'merge') zram.merge();
      else expect(engine.memory.used).toBeLessThan(used);
      checkPools(engine);
      for (let at = 0; at < n; at += 31) zram.readPage(at);
    }
  });

  test('is no part of what a history believes to stay', () => {
    const states = (dedupCache: string | number): number => {
      using engine = Engine.createSync({ maxMemory: '10M' });
      const random = new Random(seed, 'history');
      const pages = (count: number, bytes: number): Uint8Array => {
        const made = new Uint8Array(count * PAGE_SIZE);
        for (let n = 0; n < count; n++) random.fill(made.subarray(n * PAGE_SIZE, n * PAGE_SIZE + bytes));
        return made;
      };
      const pool = engine.createPool({ limit: '4M', dedupCache });
      const zram = engine.createZram({ pool, dedup: true, disksize: '64M' });
      zram.writePages(0, pages(2000, 40));
      const history = engine.createStateHistory({ pool, keepNewest: false });
      zram.destroy();
      for (let n = 0; n < 6; n++) history.push(pages(2200, 1300));
      return history.stats().states;
    };
    expect(states('16M')).toBe(states(0));
  });

  test('is no part of what other limits count', () => {
    using engine = Engine.createSync();
    const [plain, cached] = [0, '8M'].map((dedupCache) =>
      engine.createZram({ disksize: '16M', dedup: true, dedupCache, memLimit: '256K' }),
    );
    const random = new Random(seed, 'limits');
    const page = new Uint8Array(PAGE_SIZE);
    const write = (zram: Zram, n: number): boolean => {
      try {
        zram.writePage(n, page);
        return true;
      } catch {
        return false;
      }
    };
    for (let n = 0; n < 200; n++) {
      if (n % 3 === 0) random.fill(page.subarray(0, 2000));
      expect(write(cached, n)).toBe(write(plain, n));
    }
    expect(cached.mmStat).toEqual(plain.mmStat);
  });
});

test('a page that does not compress has no copy: its object is one', () => {
  using engine = Engine.createSync();
  const pool = engine.createPool({ dedupCache: '1M' });
  const zram = engine.createZram({ disksize: '1M', dedup: true, pool });
  const page = new Random(seed, 'raw').fill(new Uint8Array(PAGE_SIZE));
  for (const n of [0, 1, 2]) zram.writePage(n, page);
  expect(pool.stats()).toMatchObject({ pagesMerged: 2, dedupCacheBytes: 0 });
});

test('a device of its own pool, a pool, workers and a loaded device take the option', async () => {
  using engine = Engine.createSync();
  const page = new Uint8Array(PAGE_SIZE);
  new Random(seed, 'option').fill(page.subarray(0, 2500));
  const zram = engine.createZram({ disksize: '1M', dedup: true, dedupCache: '1M' });
  const used = engine.memory.used;
  zram.writePage(0, page);
  zram.writePage(1, page);
  expect(engine.memory.used).toBeGreaterThan(used + 3 * PAGE_SIZE);
  const pool = engine.createPool();
  expect(() => engine.createZram({ pool, dedup: true, dedupCache: '1M' })).toThrow(/dedupCache .* createPool/);
  const loaded = await engine.loadZram(await saved(zram), { dedupCache: '64K' });
  loaded.writePage(2, page);
  expect(loaded.mmStat.pagesMerged).toBe(2);
  const { zram: parallel } = await makeParallel({ disksize: '1M', dedup: true, dedupCache: '64K' });
  for (const n of [0, 1, 2]) await parallel.writePages(n, page.slice());
  expect((await parallel.stats()).mmStat.pagesMerged).toBe(2);
  await parallel.destroy();
});
