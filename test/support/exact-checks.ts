/** Ways to find duplicates, and what each must have found: against a count by a plain Set. */
import { createHash } from 'node:crypto';
import { expect } from '@jest/globals';
import type { Engine, Zram, Zswap } from '../../bindings/index.js';
import { PAGE_SIZE, pageCount, pageOf, sameBytes, type DataSet } from './pages.js';
import type { Random } from './random.js';
import { checkPools } from './raw-core.js';

/** Compressed to less than this by LZ4 a page has the same object for a device and for a zswap. */
const HUGE_CLASS_SIZE = 3625;
const PIECES = 1000;

type Pages = readonly (Uint8Array | undefined)[];

function pagesOf(set: DataSet): Uint8Array[] {
  return Array.from({ length: pageCount(set) }, (_, index) => pageOf(set, index));
}

const isSameFilled = (page: Uint8Array): boolean => page.every((byte, at) => byte === page[at & 7]);
const digest = (page: Uint8Array): string => createHash('sha256').update(page).digest('base64');

/** What an ideal store has: same-filled pages, and pages that need no object of their own. */
function ideal(pages: Pages): { same: number; duplicates: number } {
  const stored = pages.filter((page) => page !== undefined);
  const others = stored.filter((page) => !isSameFilled(page));
  return { same: stored.length - others.length, duplicates: others.length - new Set(others.map(digest)).size };
}

function expectPages(zram: Zram, pages: Pages): void {
  const out = new Uint8Array(PAGE_SIZE);
  const zeros = new Uint8Array(PAGE_SIZE);
  pages.forEach((page, index) => {
    if (!sameBytes(zram.readPage(index, out), page ?? zeros)) throw new Error(`page ${index} is wrong`);
  });
}

/** A pass that is cut into pieces, with changes in between. */
export function mergeInPieces(engine: Engine, set: DataSet, random: Random): void {
  const pages = pagesOf(set);
  const held: (Uint8Array | undefined)[] = [...pages, ...pages.slice(0, pages.length >> 1)];
  const zram = engine.createZram({ disksize: held.length * PAGE_SIZE });
  held.forEach((page, index) => zram.writePage(index, page!));
  const maxObjects = Math.ceil(held.length / PIECES);
  let pieces = 0;
  for (let complete = false; !complete && pieces < PIECES; pieces++) {
    ({ complete } = zram.merge({ maxObjects }));
    if (pieces % 4 !== 0) continue;
    const index = random.below(held.length);
    if (random.chance(70)) zram.writePage(index, (held[index] = random.pick(pages)));
    else zram.discard(index * PAGE_SIZE, ((held[index] = undefined), PAGE_SIZE));
    if (random.chance(5)) zram.compact({ inPageOrder: random.chance(50) });
    if (random.chance(5)) zram.merge({ dryRun: true, maxObjects: 20 });
  }
  expect(pieces).toBeGreaterThan(Math.min(PIECES, held.length - ideal(held).same) / 2);
  expectPages(zram, held);
  const { same, duplicates } = ideal(held);
  expect(zram.mmStat.pagesMerged).toBeLessThanOrEqual(duplicates);
  zram.merge(); // what is left of the pass
  expect(zram.merge().complete).toBe(true);
  expect(zram.mmStat).toMatchObject({ pagesMerged: duplicates, samePages: same });
  expect(zram.merge()).toMatchObject({ objectsHashed: 0, objectsMerged: 0 });
  expectPages(zram, held);
  checkPools(engine);
}

/** Devices with and without dedup and a zswap on one pool, merged all the while. */
export function findInAllWays(engine: Engine, set: DataSet, random: Random): void {
  const pages = pagesOf(set);
  const pool = engine.createPool({ dedup: true });
  const disksize = pages.length * PAGE_SIZE;
  const devices = [true, false].map((dedup) => engine.createZram({ disksize, pool, dedup }));
  const zswap: Zswap = engine.createZswap({ pool, maxPoolPercent: 100 });
  const held = devices.map(() => pages.map(() => undefined as Uint8Array | undefined));
  const swapped = new Map<number, Uint8Array>();
  pages.forEach((page, index) => {
    const user = random.below(3);
    if (user === 2 || random.chance(10)) {
      expect(zswap.store(index, page)).toBe(true);
      swapped.set(index, page);
    }
    if (user === 2) return;
    devices[user].writePage(index, page);
    held[user][index] = page;
    if (index % 8 === 0) pool.merge({ maxObjects: 1 + random.below(40) });
    if (index % 100 === 0) pool.compact();
  });
  pool.merge();
  pool.merge();

  const contents = new Set<string>();
  devices.forEach((zram, n) => {
    held[n].forEach((page, index) => {
      if (page && !isSameFilled(page)) contents.add(`${digest(page)} ${zram.blockState(index)!.comprSize}`);
    });
  });
  // A zswap keeps a page compressed wherever that takes less than a page.
  const alone = engine.createZram({ disksize: PAGE_SIZE });
  for (const page of swapped.values()) {
    if (isSameFilled(page)) continue;
    alone.writePage(0, page);
    const size = alone.blockState(0)!.comprSize;
    contents.add(`${digest(page)} ${size < HUGE_CLASS_SIZE || isRaw(page) ? size : 'compressed'}`);
  }
  expect(pool.stats().objects).toBe(contents.size);

  function isRaw(page: Uint8Array): boolean {
    using probe = engine.createZswap({ maxPoolPercent: 100 });
    probe.store(0, page);
    return probe.stats().storedIncompressiblePages === 1;
  }
  const expectAll = (): void => {
    devices.forEach((zram, n) => expectPages(zram, held[n]));
    for (const [key, page] of swapped) {
      if (!sameBytes(zswap.load(key)!, page)) throw new Error(`key ${key} is wrong`);
    }
  };
  expectAll();
  checkPools(engine);
  devices.shift()!.destroy();
  held.shift();
  expectAll();
  zswap.destroy();
  swapped.clear();
  expectPages(devices[0], held[0]);
  devices[0].destroy();
  expect(pool.stats()).toMatchObject({
    objects: 0,
    handles: 0,
    pagesAllocated: 0,
    bytesSaved: 0,
    dedupIndexBytes: 0,
  });
}
