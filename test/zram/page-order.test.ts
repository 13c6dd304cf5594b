/** `compact({ inPageOrder })`: where objects are then, and that nothing else can be seen of it. */
import { createHash } from 'node:crypto';
import { afterAll, describe, expect, test } from '@jest/globals';
import type { Engine, Zram, ZramOptions } from '../../bindings/index.js';
import { codeOf } from '../support/errors.js';
import { generatedSets, PAGE_SIZE, pageCount, pageOf } from '../support/pages.js';
import { Random, seedOfRun } from '../support/random.js';
import { BUILDS, checkPools, engineOf, rawExports } from '../support/raw-core.js';
import { programPages } from '../support/real-pages.js';

const DISK_PAGES = 600;
const STORED = 1 << 3;
const ROUNDS = Number(process.env.RUNS ?? 6);
const seed = seedOfRun();
const contents = [...generatedSets(seed), programPages(seed, 200)].flatMap((set) =>
  Array.from({ length: Math.min(pageCount(set), 100) }, (_, n) => pageOf(set, n)),
);
const hashOf = (data: Uint8Array | Uint32Array): string => createHash('sha256').update(data).digest('hex');
const engines = BUILDS.map((build) => engineOf(build));
afterAll(() => {
  for (const engine of engines) engine.destroy();
});

/** Where the objects of each class are that are not huge, in the order of the pages that hold them. */
function placesOf(engine: Engine, zram: Zram, hugeClassSize: number, sizes: readonly number[]): number[][] {
  const states = zram.pageStates(0, DISK_PAGES);
  const found = new Map<number, Set<number>>();
  for (let index = 0; index < DISK_PAGES; index++) {
    const [state, object] = states.subarray(2 * index);
    const length = state >>> 13;
    if ((state & STORED) === 0 || length >= hugeClassSize) continue;
    const own = Math.min(...sizes.filter((size) => size >= length + 8));
    found.set(own, (found.get(own) ?? new Set()).add(rawExports(engine).poolObjectPlace(object) >>> 0));
  }
  return [...found.values()].map((places) => [...places]);
}

const SETTINGS: readonly (readonly [string, ZramOptions])[] = [
  ['lz4', {}],
  ['deduplicating', { dedup: true }],
  ['recompressed', { recompAlgorithms: [{ algo: 'lz4hc', favorDecSpeed: 6 }] }],
  ['with a compressor of the bindings', { compAlgorithm: 'lzo-rle', dedup: true }],
  ['of kernel 6.1', { kernel: '6.1' }],
];

describe.each(BUILDS)('the %s build', (build) => {
  const engine = engines[BUILDS.indexOf(build)];

  test.each(SETTINGS)('%s', (name, { dedup, kernel, ...options }) => {
    for (let round = 0; round < ROUNDS; round++) {
      const random = new Random(seed + round, name);
      const pool = engine.createPool({ dedup: dedup ?? false, ...(kernel ? { kernel } : {}) });
      const [zram, other] = [0, 1].map(() =>
        engine.createZram({ disksize: DISK_PAGES * PAGE_SIZE, dedup, pool, ...options }),
      );
      for (let n = 0; n < 1000; n++) {
        const device = random.chance(80) ? zram : other;
        const index = random.below(DISK_PAGES);
        if (random.chance(85)) device.writePage(index, random.pick(contents));
        else device.discard(index * PAGE_SIZE, random.below(Math.min(8, DISK_PAGES - index)) * PAGE_SIZE);
        if (n === 500 && random.chance(50)) zram.merge(random.chance(50) ? {} : { maxObjects: 50 });
      }
      if (options.recompAlgorithms) zram.recompress();
      const snapshot = random.chance(50) ? zram.snapshot() : undefined;
      zram.compact();
      const seen = (): unknown[] => [
        [zram.mmStat, other.mmStat, pool.stats(), pool.classes(), hashOf(zram.pageStates(0, DISK_PAGES))],
        [zram, other, ...(snapshot ? [snapshot] : [])].map((each) => hashOf(each.readPages(0, DISK_PAGES))),
      ];
      const before = seen();
      const { pagesFreed, objectsMoved } = zram.compact({ inPageOrder: true });
      expect([pagesFreed, objectsMoved > 0]).toEqual([0, true]);
      expect(seen()).toEqual(before);
      checkPools(engine);
      const sizes = pool.classes().map(({ size }) => size);
      const places = placesOf(engine, zram, pool.hugeClassSize, sizes);
      expect(places.length).toBeGreaterThan(5);
      for (const each of places) expect(each).toEqual([...each].sort((a, b) => a - b));
      expect(zram.compact({ inPageOrder: true }).objectsMoved).toBe(0);

      // What comes after works as ever.
      zram.merge();
      checkPools(engine);
      expect(hashOf(zram.readPages(0, DISK_PAGES))).toBe((before[1] as string[])[0]);
      for (const each of [zram, other, snapshot]) each?.destroy();
      pool.destroy();
    }
  });
});

test('a getter that ends the device ends in EINVAL; one that gives it another disk sorts that one', () => {
  const [engine] = engines;
  const write = (zram: Zram, disksize: number): void => {
    zram.init(disksize);
    for (let index = 0; index < 100; index++) zram.writePage(99 - index, contents[index]);
  };
  const ended = engine.createZram();
  write(ended, DISK_PAGES * PAGE_SIZE);
  const ending = {
    get inPageOrder(): boolean {
      ended.destroy();
      return true;
    },
  };
  expect(codeOf(() => ended.compact(ending))).toBe('EINVAL');
  const renewed = engine.createZram();
  write(renewed, 100 * PAGE_SIZE);
  const renewing = {
    get inPageOrder(): boolean {
      renewed.reset();
      write(renewed, 200 * PAGE_SIZE);
      return true;
    },
  };
  expect(renewed.compact(renewing).objectsMoved).toBeGreaterThan(0);
  checkPools(engine);
  for (let index = 0; index < 100; index++) expect(renewed.readPage(99 - index)).toEqual(contents[index]);
  renewed.destroy();
});

test.each([null, 1, 'yes'])('inPageOrder: %s is EINVAL', (inPageOrder) => {
  const zram = engines[0].createZram({ disksize: PAGE_SIZE });
  expect(codeOf(() => zram.compact({ inPageOrder } as never))).toBe('EINVAL');
  zram.destroy();
});
