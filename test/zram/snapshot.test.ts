/** Snapshots and clones: what they cost, what they hold, in which order they may go; and differences. */
import { afterAll, describe, expect, test } from '@jest/globals';
import { Zram, type ZramSnapshot } from '../../bindings/index.js';
import { FlakyBacking } from '../support/flaky-backing.js';
import { prefixPage, sameBytes } from '../support/pages.js';
import { Random } from '../support/random.js';
import { checkPools, engineOf } from '../support/raw-core.js';
import { leaveFrames } from '../support/full-memory.js';
import { ToyCompressor } from '../support/toy-compressor.js';
import { codeOf } from '../support/errors.js';

const PAGE_SIZE = 4096;
const engine = engineOf('debug', { compressors: [new ToyCompressor()] });
afterAll(() => engine.destroy());
const random = new Random(3);
const part = (length: number) => prefixPage(random, length);
const filled = (value: number) => new Uint8Array(PAGE_SIZE).fill(value);
const wide = () => new Uint8Array(PAGE_SIZE).map((_, n) => n & 7);

describe('what it costs', () => {
  test('three frames and no data, also of a clone that tracks accesses', () => {
    using large = engineOf('release');
    const zram = large.createZram({ disksize: '64M' });
    const pages = 16384;
    const block = new Uint8Array(1024 * PAGE_SIZE);
    for (let from = 0; from < pages; from += 1024) {
      for (let n = 0; n < 1024; n++) new DataView(block.buffer).setUint32(n * PAGE_SIZE, from + n + 1);
      zram.writePages(from, block);
    }
    const bytesOf = (make: () => unknown) => {
      const { used } = large.memory;
      make();
      return large.memory.used - used;
    };
    const { memUsedTotal, comprDataSize } = zram.mmStat;
    // The device, and the tree above its chunks.
    expect(bytesOf(() => zram.snapshot())).toBe(3 * PAGE_SIZE);
    expect(bytesOf(() => zram.clone())).toBe(3 * PAGE_SIZE);
    // What a write costs is the table of 512 pages, and reads in the clone the times of 1024.
    const clone = zram.clone();
    expect(bytesOf(() => zram.writePage(3, filled(1)))).toBe(PAGE_SIZE);
    expect(bytesOf(() => zram.writePage(511, filled(1)))).toBe(0);
    expect(bytesOf(() => clone.readPages(0, 1024))).toBe(PAGE_SIZE);
    expect(zram.mmStat).toMatchObject({ memUsedTotal, comprDataSize });
  });

  test('a sparse device costs what is in use', () => {
    const zram = engine.createZram({ disksize: '1T' });
    for (const index of [0, 1_000_000, 200_000_000]) zram.writePage(index, part(50));
    const { used } = engine.memory;
    const snapshot = zram.snapshot();
    expect(engine.memory.used - used).toBeLessThan(12 * PAGE_SIZE);
    expect(snapshot.readPage(200_000_000)).toEqual(zram.readPage(200_000_000));
    expect(snapshot.disksize).toBe(2 ** 40);
    snapshot.destroy();
    zram.destroy();
  });
});

test('it keeps what the device held, whatever happens to that', () => {
  const zram = engine.createZram({ disksize: '1M' });
  const pages = [part(100), filled(7), wide(), part(4096), filled(0)];
  pages.forEach((page, index) => zram.writePage(index, page));
  const expected = zram.readPages(0, 256);
  const snapshot = zram.snapshot();
  const same = (): boolean => sameBytes(snapshot.readPages(0, 256), expected);
  zram.writePage(0, part(200));
  zram.writePage(7, part(200));
  zram.discard(PAGE_SIZE, 2 * PAGE_SIZE);
  expect(same()).toBe(true);
  zram.merge();
  zram.compact();
  expect(same()).toBe(true);
  zram.reset();
  expect(same()).toBe(true);
  expect(snapshot.blockState(2)).toMatchObject({ same: true });
  expect(snapshot.blockState(3)).toMatchObject({ huge: true });
  zram.destroy();
  expect(same()).toBe(true);
  expect(snapshot.read(4000, 200)).toEqual(expected.subarray(4000, 4200));
  checkPools(engine);
  snapshot.destroy();
  snapshot.destroy();
  expect(codeOf(() => snapshot.readPage(0))).toBe('EINVAL');
});

test('a clone is written without the other noticing, and has the settings', () => {
  const zram = engine.createZram({
    disksize: '1M',
    compAlgorithm: 'toy',
    recompAlgorithms: ['deflate'],
    memLimit: '8M',
  });
  const [a, b] = [part(300), part(300)];
  zram.writePage(0, a);
  const clone = zram.clone();
  clone.writePage(0, b);
  clone.writePage(1, a);
  expect([zram.readPage(0), clone.readPage(0), clone.readPage(1)]).toEqual([a, b, a]);
  expect(zram.blockState(1)).toBeUndefined();
  expect(clone.sysfs.read('comp_algorithm')).toBe(zram.sysfs.read('comp_algorithm'));
  expect(clone.sysfs.read('recomp_algorithm')).toBe(zram.sysfs.read('recomp_algorithm'));
  expect(clone.mmStat.memLimit).toBe(8 * 2 ** 20);
  expect(clone.recompress().pagesTried).toBeGreaterThan(0);
  clone.reset();
  expect(zram.readPage(0)).toEqual(a);
  zram.destroy();
  clone.init('2M');
  clone.writePage(400, b);
  expect(clone.readPage(400)).toEqual(b);
  clone.destroy();
  checkPools(engine);
});

describe('any order of destroying', () => {
  const orders = [0, 1, 2, 3, 4].flatMap((first) => [1, 2, 3].map((step) => [first, step]));

  test.each(orders)('engine of its own, from the %ith on, every %ith', async (first, step) => {
    const zram = await Zram.create({ disksize: '1M' });
    const page = part(1000);
    zram.writePage(5, page);
    const clone = zram.clone();
    const all: (Zram | ZramSnapshot)[] = [zram, zram.snapshot(), clone, clone.snapshot(), clone.snapshot().clone()];
    const own = Zram.hostOf(zram);
    for (let at = first; all.length > 0; at += step) {
      for (const one of all) expect(one.readPage(5)).toEqual(page);
      all.splice(at % all.length, 1)[0].destroy();
    }
    // One snapshot is left that the list does not have: it holds the engine.
    expect(own.memory.used).toBeGreaterThan(0);
    own.destroy();
    expect(codeOf(() => own.checkLive())).toBe('EINVAL');
  });

  test('the last one ends the engine that was made for the device', async () => {
    const zram = await Zram.create({ disksize: '1M' });
    const [snapshot, clone] = [zram.snapshot(), zram.clone()];
    const last = clone.snapshot();
    for (const one of [zram, clone, snapshot]) one.destroy();
    expect(last.readPage(0)).toEqual(filled(0));
    last.destroy();
    expect(codeOf(() => Zram.hostOf(zram).memory)).toBe('EINVAL');
  });

  test('a shared pool that ends takes them all along', () => {
    const pool = engine.createPool();
    const zram = engine.createZram({ disksize: '1M', pool });
    const [snapshot, clone] = [zram.snapshot(), zram.clone()];
    zram.destroy();
    pool.destroy();
    expect(codeOf(() => snapshot.readPage(0))).toBe('EINVAL');
    expect(codeOf(() => clone.readPage(0))).toBe('EINVAL');
  });
});

test('written-back pages: one block for all, free with the last', () => {
  const backing = new FlakyBacking(4);
  const zram = engine.createZram({ disksize: '1M', backing });
  const pages = [part(4096), part(4096)];
  pages.forEach((page, index) => zram.writePage(index, page));
  const before = zram.snapshot();
  zram.writeback('page_index=0');
  const [snapshot, clone] = [zram.snapshot(), zram.clone()];
  expect(before.blockState(0)).toMatchObject({ writtenBack: false, huge: true });
  expect(snapshot.blockState(0)).toMatchObject({ writtenBack: true });
  clone.writeback('page_index=1');
  expect([zram.bdStat.bdCount, clone.bdStat.bdCount]).toEqual([2, 2]);
  zram.destroy();
  for (const one of [before, snapshot, clone]) {
    expect([one.readPage(0), one.readPage(1)]).toEqual(pages);
  }
  clone.writePage(0, filled(1));
  expect(clone.bdStat.bdCount).toBe(2); // the snapshot has it
  snapshot.destroy();
  expect(clone.bdStat.bdCount).toBe(1);
  checkPools(engine);
  clone.destroy();
  before.destroy();
});

test.each([0, 1, 2])('no memory after %i frames: ENOMEM, and nothing has changed', (frames) => {
  const initial = ((empty) => empty.memory.reserved)(engineOf('debug'));
  using small = engineOf('debug', { maxMemory: initial + 1024 * 1024 });
  const zram = small.createZram({ disksize: '64M' });
  const page = part(60);
  for (let index = 0; index < 16384; index += 512) {
    zram.writePage(index, page);
    zram.writePage(index + 1, wide());
  }
  const ballast = leaveFrames(small, frames);
  const { used } = small.memory;
  const before = zram.mmStat;
  expect(codeOf(() => zram.snapshot())).toBe('ENOMEM');
  expect(codeOf(() => zram.clone())).toBe('ENOMEM');
  expect(small.memory.used).toBe(used);
  expect(zram.mmStat).toEqual(before);
  checkPools(small);
  ballast.destroy();
  const snapshot = zram.snapshot();
  expect(snapshot.diff(zram)).toEqual([]);
});

describe('differences', () => {
  test('ranges, in order; unwritten pages are zeros', () => {
    const zram = engine.createZram({ disksize: '16M' });
    zram.writePages(0, new Uint8Array(3 * PAGE_SIZE).fill(1));
    zram.writePage(10, filled(0));
    zram.writePage(4000, part(100));
    const snapshot = zram.snapshot();
    expect(snapshot.diff(zram)).toEqual([]);
    zram.writePages(1, new Uint8Array(3 * PAGE_SIZE).fill(2));
    zram.discard(10 * PAGE_SIZE, PAGE_SIZE); // zeros, as before
    zram.discard(4000 * PAGE_SIZE, PAGE_SIZE);
    zram.writePage(4095, part(10));
    const ranges = [
      { index: 1, count: 3 },
      { index: 4000, count: 1 },
      { index: 4095, count: 1 },
    ];
    expect(snapshot.diff(zram)).toEqual(ranges);
    expect(zram.diff(snapshot)).toEqual(ranges);
  });

  test('disks of different sizes: behind its end one reads as zeros', () => {
    const [small, large] = [engine.createZram({ disksize: '1M' }), engine.createZram({ disksize: '2M' })];
    const page = part(100);
    small.writePage(3, page);
    large.writePage(3, page);
    large.writePage(300, filled(0));
    expect(small.diff(large)).toEqual([]);
    large.writePage(400, page);
    expect(small.diff(large)).toEqual([{ index: 400, count: 1 }]);
    expect(large.diff(small)).toEqual([{ index: 400, count: 1 }]);
  });

  test('equal pages under different compressors, on a backing, and in another engine are equal', async () => {
    const other = await Zram.create({ disksize: '1M', compAlgorithm: 'deflate' });
    const [lz4, toy, back] = [{}, { compAlgorithm: 'toy' }, { backing: new FlakyBacking(8) }].map((options) =>
      engine.createZram({ disksize: '1M', ...options }),
    );
    const pages = [part(700), part(4096), filled(5)];
    for (const zram of [lz4, toy, back, other]) pages.forEach((page, index) => zram.writePage(index, page));
    back.writeback('page_indexes=0-2');
    for (const zram of [toy, back, other]) {
      expect(lz4.diff(zram)).toEqual([]);
      expect(zram.diff(lz4)).toEqual([]);
      zram.write(PAGE_SIZE + 7, new Uint8Array([pages[1][7] ^ 1]));
      expect(zram.diff(lz4)).toEqual([{ index: 1, count: 1 }]);
    }
    other.destroy();
  });

  test('of something else: EINVAL', () => {
    const zram = engine.createZram({ disksize: '1M' });
    for (const wrong of [undefined, {}, engine.createZram(), 'x']) {
      expect(codeOf(() => zram.diff(wrong as Zram))).toBe('EINVAL');
    }
  });
});
