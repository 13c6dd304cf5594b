/**
 * Byte ranges: parts of pages, writing what differs, zeros, extents. Random sequences of them are in model.test.ts and
 * devices-model.test.ts; here is what those cannot see, and what the docstrings promise.
 */
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { Engine, MemoryBacking, ZramError, type Extent, type Zram, type ZramOptions } from '../../bindings/index.js';
import { Random } from '../support/random.js';
import { BUILDS, checkPools, engineOf } from '../support/raw-core.js';

const PAGE_SIZE = 4096;
const PAGES = 64;
const DISK_BYTES = PAGES * PAGE_SIZE;
const random = new Random(15, 'ranges');
/** A page that compresses, and one that does not. */
const page = random.fill(new Uint8Array(PAGE_SIZE)).fill(0, 1500);
const noise = random.fill(new Uint8Array(PAGE_SIZE));
const pagesOf = (...list: Uint8Array[]): Uint8Array => new Uint8Array(Buffer.concat(list));

function codeAndPages(call: () => unknown): [string, number | undefined] {
  try {
    call();
  } catch (error) {
    if (error instanceof ZramError) return [error.code, error.pagesDone];
    throw error;
  }
  return ['', undefined];
}

describe.each(BUILDS)('ranges, %s build', (build) => {
  const engine = engineOf(build);
  const device = (options: ZramOptions = {}): Zram => engine.createZram({ disksize: DISK_BYTES, ...options });
  beforeAll(() => engine.loadCompressor('zstd'));
  afterAll(() => engine.destroy());

  test.each(['lz4', 'deflate', 'zstd', 'lzo-rle'])('parts of pages of %s, beside an array', (compAlgorithm) => {
    const zram = device({ compAlgorithm });
    const model = new Uint8Array(DISK_BYTES);
    zram.writePages(3, pagesOf(page, noise, page));
    model.set(pagesOf(page, noise, page), 3 * PAGE_SIZE);
    for (let n = 0; n < 60; n++) {
      const record = random.fill(new Uint8Array(4 + PAGE_SIZE + 4)).fill(n, 100);
      zram.write(512 + n * record.length, record);
      model.set(record, 512 + n * record.length);
      const at = random.below(DISK_BYTES - 300);
      expect(Buffer.compare(zram.read(at, 300), model.subarray(at, at + 300))).toBe(0);
    }
    expect(Buffer.compare(zram.read(0, DISK_BYTES), model)).toBe(0);
    checkPools(engine);
    zram.destroy();
  });

  test('a part of a shared page ends the sharing, and the others keep what they had', () => {
    const zram = device();
    zram.writePages(0, pagesOf(page, page, page));
    zram.merge();
    using snapshot = zram.snapshot();
    expect(zram.objectOf(1)).toBe(zram.objectOf(0));
    zram.read(PAGE_SIZE + 5, 10); // the page is decoded now
    zram.write(PAGE_SIZE + 5, Uint8Array.of(1, 2, 3));
    expect(zram.objectOf(1)).not.toBe(zram.objectOf(0));
    for (const index of [0, 2])
      expect(Buffer.compare(zram.read(index * PAGE_SIZE, 100), page.subarray(0, 100))).toBe(0);
    expect(Buffer.compare(snapshot.read(PAGE_SIZE, 100), page.subarray(0, 100))).toBe(0);
    expect([...zram.read(PAGE_SIZE + 5, 4)]).toEqual([1, 2, 3, page[8]]);
    zram.destroy();
  });

  test('what was read in part is not taken for what another call has put in its place', () => {
    const pool = engine.createPool();
    const [a, b] = [device({ pool }), device({ pool })];
    for (let round = 0; round < 200; round++) {
      const [from, to] = random.chance(50) ? [a, b] : [b, a];
      const content = Uint8Array.from(page);
      content[700] = round;
      from.writePage(round % 3, content);
      expect(from.read((round % 3) * PAGE_SIZE + 700, 1)[0]).toBe(round);
      // The object's place goes to another page at once, of this device or the other.
      from.discard((round % 3) * PAGE_SIZE, PAGE_SIZE);
      content[700] = round + 1;
      to.writePage(round % 3, content);
      if (round % 5 === 0) pool.compact();
      expect(to.read((round % 3) * PAGE_SIZE + 700, 1)[0]).toBe((round + 1) & 255);
      expect(from.read((round % 3) * PAGE_SIZE + 700, 1)[0]).toBe(0);
    }
    for (const each of [a, b, pool]) each.destroy();
  });

  test('a write that finds no memory keeps the page, and says how many are done', () => {
    const zram = device({ memLimit: 16 * PAGE_SIZE });
    zram.writePages(0, pagesOf(noise, noise, page));
    const before = zram.read(0, 40 * PAGE_SIZE);
    const bytes = random.fill(new Uint8Array(30 * PAGE_SIZE));
    const [code, pagesDone] = codeAndPages(() => zram.write(100, bytes));
    expect(code).toBe('ENOMEM');
    const after = zram.read(0, 40 * PAGE_SIZE);
    const written = (pagesDone as number) * PAGE_SIZE;
    expect(Buffer.compare(after.subarray(100, written), bytes.subarray(0, written - 100))).toBe(0);
    expect(Buffer.compare(after.subarray(written), before.subarray(written))).toBe(0);
    expect(zram.ioStat.failedWrites).toBe(1);
    zram.destroy();
  });

  test('writeChanged leaves equal pages: their object, their sharers, holes; and tells how many differed', () => {
    const zram = device({ trackEntryActime: true });
    zram.writePages(0, pagesOf(page, page, noise, new Uint8Array(PAGE_SIZE).fill(9)));
    zram.merge();
    zram.idle();
    const before = zram.mmStat;
    const all = zram.snapshot();
    const same = all.read(0, DISK_BYTES);
    expect(zram.writeChanged(0, same)).toBe(0);
    expect(zram.writeChanged(77, same.subarray(77, 9 * PAGE_SIZE + 5))).toBe(0);
    expect(zram.mmStat).toEqual(before);
    expect(zram.blockState(0)).toMatchObject({ idle: false, merged: true }); // a read, too, is an access
    expect(zram.blockState(20)).toBeUndefined();
    same[PAGE_SIZE] ^= 1;
    same[40 * PAGE_SIZE + 1] = 5;
    expect(zram.writeChanged(0, same)).toBe(2);
    expect(Buffer.compare(zram.read(0, DISK_BYTES), same)).toBe(0);
    expect(zram.diff(all)).toEqual([
      { index: 1, count: 1 },
      { index: 40, count: 1 },
    ]);
    all.destroy();
    zram.destroy();
  });

  test('writeChanged of pages that only a compressor or a backing can give', () => {
    const zram = device({ backing: new MemoryBacking(16), recompAlgorithms: ['deflate'] });
    const digits = page.map(() => 48 + random.below(10)); // which deflate halves
    const bytes = pagesOf(digits, page, noise, noise);
    zram.writePages(0, bytes);
    zram.recompress();
    zram.writeback({ pageIndexes: [1, 3] });
    expect(zram.writeChanged(0, bytes)).toBe(0);
    expect([0, 1, 2, 3].map((index) => zram.blockState(index)?.writtenBack)).toEqual([false, true, false, true]);
    expect(zram.blockState(0)?.recompressed).toBe(true);
    bytes[PAGE_SIZE + 9] ^= 1;
    expect(zram.writeChanged(5, bytes.subarray(5))).toBe(1);
    expect([0, 1, 2, 3].map((index) => zram.blockState(index)?.writtenBack)).toEqual([false, false, false, true]);
    expect(Buffer.compare(zram.read(0, bytes.length), bytes)).toBe(0);
    zram.destroy();
  });

  test('writeZeroes frees whole pages, as the kernel does, and writes the ends', () => {
    const zram = device();
    const content = random.fill(new Uint8Array(6 * PAGE_SIZE));
    zram.write(0, content);
    zram.writeZeroes(100, 4 * PAGE_SIZE);
    expect(Buffer.compare(zram.read(0, content.length), content.fill(0, 100, 100 + 4 * PAGE_SIZE))).toBe(0);
    expect([0, 1, 2, 3, 4].map((index) => zram.blockState(index) !== undefined)).toEqual([
      true,
      false,
      false,
      false,
      true,
    ]);
    expect(zram.ioStat.notifyFree).toBe(3);
    const { origDataSize } = zram.mmStat;
    zram.writeZeroes(20 * PAGE_SIZE + 1, 2 * PAGE_SIZE); // holes, also where a part of a page would be written
    zram.writeZeroes(5, 0);
    expect([zram.mmStat.origDataSize, zram.ioStat.notifyFree]).toEqual([origDataSize, 4]);
    zram.destroy();
  });

  test('extents: what a page holds, ranges cut inside a page, snapshots, written-back pages', () => {
    const zram = device({ backing: new MemoryBacking(4) });
    zram.writePages(2, pagesOf(page, noise, new Uint8Array(PAGE_SIZE), new Uint8Array(PAGE_SIZE).fill(1)));
    zram.writeback({ pageIndexes: [3] });
    const expected: Extent[] = [
      { offset: 0, length: 2 * PAGE_SIZE, kind: 'hole' },
      { offset: 2 * PAGE_SIZE, length: 2 * PAGE_SIZE, kind: 'data' },
      { offset: 4 * PAGE_SIZE, length: PAGE_SIZE, kind: 'zero' },
      { offset: 5 * PAGE_SIZE, length: PAGE_SIZE, kind: 'data' },
      { offset: 6 * PAGE_SIZE, length: DISK_BYTES - 6 * PAGE_SIZE, kind: 'hole' },
    ];
    expect(zram.extents(0, DISK_BYTES)).toEqual(expected);
    using snapshot = zram.snapshot();
    zram.discard(0, DISK_BYTES);
    expect(zram.extents(0, DISK_BYTES)).toEqual([{ offset: 0, length: DISK_BYTES, kind: 'hole' }]);
    expect(snapshot.extents(0, snapshot.disksize)).toEqual(expected);
    expect(snapshot.extents(3 * PAGE_SIZE + 5, PAGE_SIZE)).toEqual([
      { offset: 3 * PAGE_SIZE + 5, length: PAGE_SIZE - 5, kind: 'data' },
      { offset: 4 * PAGE_SIZE, length: 5, kind: 'zero' },
    ]);
    expect(zram.extents(7, 0)).toEqual([]);
    zram.destroy();
  });

  test('extents: more runs than fit the staging area, on a disk of 8 TiB', () => {
    const zram = engine.createZram({ disksize: '8T' });
    const runs = 9000;
    const ones = new Uint8Array(PAGE_SIZE).fill(1);
    for (let n = 0; n < runs; n++) zram.writePage(n * 2 + 1, ones);
    zram.writePage(2 ** 31 - 1, ones);
    const extents = zram.extents(0, zram.disksize);
    expect(extents.length).toBe(2 * (runs + 1));
    extents.forEach(({ kind }, n) => expect(kind).toBe(n % 2 === 0 ? 'hole' : 'data'));
    expect(extents.reduce((end, { offset, length }) => (offset === end ? end + length : -1), 0)).toBe(2 ** 43);
    zram.destroy();
  });

  test('disksize: 0 before it is set, in whole pages, and EINVAL at the end', () => {
    const zram = engine.createZram({});
    expect(zram.disksize).toBe(0);
    zram.init(5000);
    expect(zram.disksize).toBe(2 * PAGE_SIZE);
    zram.reset();
    expect(zram.disksize).toBe(0);
    zram.destroy();
    expect(codeAndPages(() => zram.disksize)[0]).toBe('EINVAL');
  });
});

describe('ranges of a device with an asynchronous backing', () => {
  const engine = Engine.createSync();
  afterAll(() => engine.destroy());

  async function writtenBack(): Promise<Zram> {
    const memory = new MemoryBacking(16);
    const backing = {
      slots: memory.slots,
      asynchronous: true as const,
      read: async (slot: number, out: Uint8Array) => memory.read(slot, out),
      write: async (slot: number, bytes: Uint8Array) => memory.write(slot, bytes),
    };
    const zram = engine.createZram({ disksize: DISK_BYTES, backing });
    zram.writePages(0, pagesOf(page, noise, page, noise));
    await zram.writebackAsync({ pageIndexes: [1, 2] });
    return zram;
  }

  test('calls that must read a page are EAGAIN, and their asynchronous twins are not', async () => {
    const zram = await writtenBack();
    const content = pagesOf(page, noise, page, noise);
    expect(codeAndPages(() => zram.writeChanged(0, content))).toEqual(['EAGAIN', 1]);
    expect(await zram.writeChangedAsync(0, content)).toBe(0);
    expect(zram.blockState(1)?.writtenBack).toBe(true);
    content[PAGE_SIZE] ^= 1;
    expect(await zram.writeChangedAsync(0, content)).toBe(1);
    expect(codeAndPages(() => zram.writeZeroes(PAGE_SIZE - 5, PAGE_SIZE + 10))).toEqual(['EAGAIN', 2]);
    await zram.writeZeroesAsync(PAGE_SIZE - 5, PAGE_SIZE + 10);
    content.fill(0, PAGE_SIZE - 5, 2 * PAGE_SIZE + 5);
    expect(Buffer.compare(await zram.readAsync(0, content.length), content)).toBe(0);
    zram.destroy();
  });

  test('calls that are begun one after the other take effect in that order', async () => {
    const zram = await writtenBack();
    const content = pagesOf(page, noise, page, noise);
    const calls = [
      zram.writeAsync(PAGE_SIZE + 10, Uint8Array.of(1, 2, 3)),
      zram.writeChangedAsync(PAGE_SIZE + 11, Uint8Array.of(7)),
      zram.writeZeroesAsync(PAGE_SIZE - 1, PAGE_SIZE + 1),
    ];
    await Promise.all(calls);
    content.fill(0, PAGE_SIZE - 1, 2 * PAGE_SIZE);
    expect(Buffer.compare(await zram.readAsync(0, content.length), content)).toBe(0);
    zram.destroy();
  });
});
