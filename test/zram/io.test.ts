/** I/O of a device: bytes, ranges, `out`, states. What calls refuse is in wrong-calls.test.ts. */
import { afterAll, expect, test } from '@jest/globals';
import { Engine, type Zram } from '../../bindings/index.js';
import { Random } from '../support/random.js';

const PAGE_SIZE = 4096;
const PAGES = 64;
const engine = Engine.createSync();
const random = new Random(9, 'io');
const page = random.fill(new Uint8Array(PAGE_SIZE)).fill(0, 2000);
const raw = random.fill(new Uint8Array(PAGE_SIZE));
const device = (): Zram => engine.createZram({ disksize: PAGES * PAGE_SIZE });
afterAll(() => engine.destroy());

test('pages, batches and byte ranges give back what was written', () => {
  const zram = device();
  const model = new Uint8Array(PAGES * PAGE_SIZE);
  for (let round = 0; round < 300; round++) {
    const offset = random.below(model.length);
    const length = random.below(Math.min(model.length - offset, 5 * PAGE_SIZE) + 1);
    const bytes = random.chance(50) ? random.fill(new Uint8Array(length)) : new Uint8Array(length).fill(round);
    zram.write(offset, random.chance(50) ? Buffer.from(bytes) : bytes);
    model.set(bytes, offset);
    const from = random.below(model.length);
    const count = random.below(model.length - from + 1);
    expect(Buffer.compare(zram.read(from, count), model.subarray(from, from + count))).toBe(0);
  }
  const [first, count] = [3, 40];
  expect(Buffer.compare(zram.readPages(first, count), model.subarray(first * PAGE_SIZE, 43 * PAGE_SIZE))).toBe(0);
  zram.destroy();
});

test('what was never written reads as zeros, and takes nothing', () => {
  const zram = device();
  expect(zram.readPage(7).every((byte) => byte === 0)).toBe(true);
  expect(zram.read(5, 100_000).every((byte) => byte === 0)).toBe(true);
  expect(zram.mmStat).toMatchObject({ origDataSize: 0, memUsedTotal: 0 });
  zram.destroy();
});

test('out is filled from its beginning, exactly, and returned; shorter is EINVAL', () => {
  const zram = device();
  zram.writePages(0, Buffer.concat([page, raw, page]));
  for (const [length, read] of [
    [PAGE_SIZE, (out: Uint8Array) => zram.readPage(1, out)],
    [3 * PAGE_SIZE, (out: Uint8Array) => zram.readPages(0, 3, out)],
    [5000, (out: Uint8Array) => zram.read(100, 5000, out)],
  ] as const) {
    const out = new Uint8Array(length + 10).fill(0xee);
    expect(read(out)).toBe(out);
    expect(out.subarray(length).every((byte) => byte === 0xee)).toBe(true);
    expect(() => read(new Uint8Array(length - 1))).toThrow(expect.objectContaining({ code: 'EINVAL' }));
  }
  zram.destroy();
});

test('what is returned does not change when memory grows or pages change', () => {
  const zram = device();
  zram.writePage(0, page);
  const read = zram.readPage(0);
  const big = engine.createZram({ disksize: '64M' });
  for (let index = 0; index < 2000; index++) big.writePage(index, raw);
  zram.writePage(0, raw);
  expect(Buffer.compare(read, page)).toBe(0);
  big.destroy();
  zram.destroy();
});

test('discard frees whole pages inside the range and counts each of them', () => {
  const zram = device();
  for (let index = 0; index < PAGES; index++) zram.writePage(index, page);
  zram.discard(100, 3 * PAGE_SIZE);
  expect(zram.ioStat.notifyFree).toBe(2);
  expect(zram.mmStat.origDataSize).toBe((PAGES - 2) * PAGE_SIZE);
  zram.discard(4 * PAGE_SIZE, 100);
  zram.discard(0, PAGES * PAGE_SIZE);
  expect(zram.ioStat.notifyFree).toBe(2 + PAGES);
  expect(zram.mmStat).toMatchObject({ origDataSize: 0, memUsedTotal: 0 });
  zram.destroy();
});

test('a failed batch says how far it came, and the rest keeps its old content', () => {
  const zram = engine.createZram({ disksize: PAGES * PAGE_SIZE, memLimit: 40 * PAGE_SIZE });
  const batch = random.fill(new Uint8Array(50 * PAGE_SIZE));
  const noRoom = expect.objectContaining({ code: 'ENOMEM', pagesDone: 40 });
  expect(() => zram.writePages(0, batch)).toThrow(noRoom);
  expect(zram.ioStat.failedWrites).toBe(1);
  expect(Buffer.compare(zram.readPages(0, 40), batch.subarray(0, 40 * PAGE_SIZE))).toBe(0);
  expect(zram.readPage(40).every((byte) => byte === 0)).toBe(true);
  zram.discard(0, PAGES * PAGE_SIZE);
  // From the middle of a page, whose half needs a zspage of several pages: fewer whole ones fit.
  let pagesDone = 0;
  try {
    zram.write(2048, batch);
  } catch (error) {
    ({ pagesDone } = error as { pagesDone: number });
  }
  expect(pagesDone).toBeGreaterThan(30);
  const stored = pagesDone * PAGE_SIZE - 2048;
  expect(Buffer.compare(zram.read(2048, stored), batch.subarray(0, stored))).toBe(0);
  expect(zram.read(2048 + stored, PAGE_SIZE).every((byte) => byte === 0)).toBe(true);
  zram.destroy();
});

test('blockState tells what is stored', () => {
  const zram = device();
  zram.writePages(0, Buffer.concat([page, page, raw, new Uint8Array(PAGE_SIZE).fill(3)]));
  const none = { writtenBack: false, idle: false, recompressed: false, incompressible: false };
  const comprSize = zram.blockState(0)!.comprSize;
  expect(comprSize).toBeGreaterThan(1900);
  zram.merge();
  expect(zram.blockState(1)).toEqual({ ...none, same: false, huge: false, merged: true, comprSize });
  expect(zram.blockState(2)).toEqual({ ...none, same: false, huge: true, merged: false, comprSize: PAGE_SIZE });
  expect(zram.blockState(3)).toEqual({ ...none, same: true, huge: false, merged: false, comprSize: 0 });
  expect(zram.blockState(4)).toBeUndefined();
  zram.destroy();
});

test('disks: sizes round up, 16 TiB is the end, a sparse one costs nothing', () => {
  const { used } = engine.memory;
  const zram = engine.createZram();
  expect(() => zram.readPage(0)).toThrow(/not initialised/);
  expect(() => zram.init(0)).toThrow(expect.objectContaining({ code: 'EINVAL' }));
  expect(() => zram.init(2 ** 44)).toThrow(expect.objectContaining({ code: 'EINVAL' }));
  zram.init(2 ** 44 - PAGE_SIZE - 1);
  expect(zram.sysfs.read('disksize')).toBe(`${2 ** 44 - PAGE_SIZE}\n`);
  expect(() => zram.init('1M')).toThrow(expect.objectContaining({ code: 'EBUSY' }));
  const before = engine.memory.used;
  for (const index of [0, 2 ** 31, 2 ** 32 - 2]) {
    zram.writePage(index, page);
    expect(Buffer.compare(zram.readPage(index), page)).toBe(0);
  }
  expect(engine.memory.used - before).toBeLessThan(64 * 1024);
  zram.discard(0, 2 ** 44 - PAGE_SIZE);
  expect(zram.ioStat.notifyFree).toBe(2 ** 32 - 1);
  expect(engine.memory.used).toBe(before);
  zram.reset();
  expect(zram.mmStat).toMatchObject({ memUsedMax: 0, hugePagesSince: 0, memLimit: 0 });
  expect(zram.ioStat).toEqual({ failedReads: 0, failedWrites: 0, invalidIo: 0, notifyFree: 0 });
  zram.destroy();
  expect(engine.memory.used).toBe(used);
});
