/** Recompression: which pages, by which compressor, what is kept, and what the counters say. */
import { afterAll, describe, expect, test } from '@jest/globals';
import { deflateSync } from 'fflate';
import { MemoryBacking, type RecompAlgorithm, type Zram } from '../../bindings/index.js';
import { pageCount, pageOf, prefixPage, generatedSets, sameBytes, type DataSet } from '../support/pages.js';
import { Random, seedOfRun } from '../support/random.js';
import { bareCore, engineOf, memoryOf } from '../support/raw-core.js';
import { programPages } from '../support/real-pages.js';
import { ToyCompressor } from '../support/toy-compressor.js';
import { codeOf } from '../support/errors.js';

const PAGE_SIZE = 4096;
const HUGE_CLASS_SIZE = 3625;
/** Of each set: deflate takes its time. */
const PAGES_MAX = 128;

const toy = new ToyCompressor();
const engine = engineOf('release', { compressors: [toy, new ToyCompressor('other')] });
afterAll(() => engine.destroy());
const random = new Random(7);

/** Sixteen different bytes in no order: LZ4 finds little in it, deflate halves it. */
function digits(): Uint8Array {
  return new Uint8Array(PAGE_SIZE).map((_, n) => (n < 2500 ? 48 + random.below(16) : 0));
}
/** As many different bytes as text has: LZ4 leaves such a page as it is, deflate does not. */
const dense = () => new Uint8Array(PAGE_SIZE).map(() => 33 + random.below(90));
const noise = () => random.fill(new Uint8Array(PAGE_SIZE));

function deviceOf(pages: readonly Uint8Array[], options: object = {}): Zram {
  const zram = engine.createZram({ disksize: '1M', recompAlgorithms: ['deflate'], ...options });
  pages.forEach((page, index) => zram.writePage(index, page));
  return zram;
}

describe('a plain count of the pages says what recompression with deflate leaves, to the byte', () => {
  const lz4 = bareCore('release');
  const sizes = ((pool) => pool.classes().map(({ size }) => size))(engine.createPool());

  /** The class that a payload falls into: its bytes and eight more, or a page of its own. */
  const classOf = (length: number) => sizes.find((size) => size >= length + 8) ?? PAGE_SIZE;

  function lz4Size(page: Uint8Array): number {
    memoryOf(lz4).set(page, lz4.stagingAddress());
    const length = lz4.lz4Compress(1);
    return length >= HUGE_CLASS_SIZE ? PAGE_SIZE : length;
  }

  function leftBy(page: Uint8Array): number {
    const before = lz4Size(page);
    const after = deflateSync(page, { level: 6 }).length;
    return classOf(after) < classOf(before) ? after : before;
  }

  const isSame = (page: Uint8Array) => page.every((byte, n) => byte === page[n & 7]);

  const seed = seedOfRun();
  test.each<[string, DataSet]>([...generatedSets(seed), programPages(seed, PAGES_MAX)].map((set) => [set.name, set]))(
    '%s',
    (_, set) => {
      const count = Math.min(pageCount(set), PAGES_MAX);
      const pages = Array.from({ length: count }, (__, index) => pageOf(set, index));
      const bytes = set.pages.subarray(0, count * PAGE_SIZE);
      const zram = engine.createZram({ disksize: bytes.length, recompAlgorithms: ['deflate'] });
      zram.writePages(0, bytes);
      const sum = (from: readonly Uint8Array[]) =>
        from.filter((page) => !isSame(page)).reduce((total, page) => total + leftBy(page), 0);
      const before = zram.mmStat;
      const { bytesSaved } = zram.recompress({});
      const after = zram.mmStat;
      expect(after.comprDataSize).toBe(sum(pages));
      expect(before.comprDataSize - after.comprDataSize).toBe(bytesSaved);
      expect(after.hugePages).toBe(pages.filter((page) => !isSame(page) && leftBy(page) === PAGE_SIZE).length);
      expect(after).toMatchObject({ hugePagesSince: before.hugePagesSince, memUsedMax: before.memUsedMax });
      zram.merge();
      const distinct = new Map(pages.map((page) => [Buffer.from(page).toString('latin1'), page]));
      expect(zram.mmStat.comprDataSize).toBe(sum([...distinct.values()]));
      expect(sameBytes(zram.readPages(0, count), bytes)).toBe(true);
      zram.destroy();
    },
  );
});

test('pages that share an object are compressed once, and all of them read right', () => {
  const [shared, alone] = [digits(), digits()];
  const zram = deviceOf([shared, shared, alone, shared]);
  zram.merge();
  expect(zram.recompress()).toMatchObject({ pagesTried: 2, objectsRecompressed: 2 });
  for (const [index, page] of [shared, shared, alone, shared].entries()) {
    expect(zram.readPage(index)).toEqual(page);
    expect(zram.blockState(index)).toMatchObject({
      recompressed: true,
      merged: page === shared,
      incompressible: false,
    });
  }
  expect(zram.mmStat.pagesMerged).toBe(2);
  expect(zram.recompress()).toMatchObject({ pagesTried: 0 });
  zram.destroy();
});

test('a huge page for all sharers: counters of each device', () => {
  const pool = engine.createPool();
  const page = dense();
  const [a, b] = [deviceOf([page, page], { pool }), deviceOf([page, noise()], { pool })];
  const [snapshot, clone] = [b.snapshot(), b.clone()];
  const zswap = engine.createZswap({ pool, exclusiveLoads: false });
  zswap.store(1, page);
  pool.merge();
  expect([a, b, clone].map(({ mmStat }) => mmStat.hugePages)).toEqual([2, 2, 2]);
  expect(a.recompress()).toMatchObject({ pagesTried: 1, objectsRecompressed: 1 });
  expect([a, b, clone].map(({ mmStat }) => mmStat.hugePages)).toEqual([0, 1, 1]);
  expect([a, b].map(({ mmStat }) => mmStat.hugePagesSince)).toEqual([2, 2]);
  for (const device of [a, b, snapshot, clone]) {
    expect(device.blockState(0)).toMatchObject({ huge: false, recompressed: true });
    expect(device.readPage(0)).toEqual(page);
  }
  expect(zswap.load(1)).toEqual(page);
  pool.destroy();
});

test('what somebody reads as bytes stays as it is, also when it merged with a huge page', () => {
  const pool = engine.createPool();
  const page = dense();
  const zram = deviceOf([page], { pool });
  const handle = pool.store(page);
  pool.merge();
  expect(zram.mmStat.pagesMerged).toBe(1);
  expect(zram.recompress()).toMatchObject({ pagesTried: 0 });
  expect(zram.blockState(0)).toMatchObject({ huge: true, incompressible: false });
  expect(pool.read(handle)).toEqual(page);
  pool.destroy();
});

describe('which pages', () => {
  test('type: idle ones, huge ones, both', () => {
    const huge = dense();
    const make = () => {
      const zram = deviceOf([huge, digits(), huge, digits()]);
      zram.idle();
      zram.readPage(2);
      zram.readPage(3);
      return zram;
    };
    expect(make().recompress({ type: 'idle' }).pagesTried).toBe(2);
    expect(make().recompress({ type: 'huge' }).pagesTried).toBe(2);
    expect(make().recompress('type=huge_idle').pagesTried).toBe(1);
    expect(make().recompress().pagesTried).toBe(4);
  });

  test('threshold: smaller objects are left alone, larger results are dropped', () => {
    const small = prefixPage(random, 400);
    const zram = deviceOf([small, digits()]);
    expect(zram.recompress({ threshold: 1000 })).toMatchObject({ pagesTried: 1, objectsRecompressed: 0 });
    // It would have saved memory: so it is not marked.
    expect(zram.blockState(1)).toMatchObject({ recompressed: false, incompressible: false });
    expect(zram.recompress({ threshold: '2K' })).toMatchObject({ pagesTried: 1, objectsRecompressed: 1 });
  });

  test('max_pages: attempts, also those that fail; the largest objects first', () => {
    const zram = deviceOf([digits(), noise(), digits()]);
    expect(zram.recompress({ maxPages: 1 })).toMatchObject({ pagesTried: 1, objectsRecompressed: 0 });
    expect(zram.blockState(1)).toMatchObject({ incompressible: true });
    expect(zram.recompress({ maxPages: 1 })).toMatchObject({ pagesTried: 1, objectsRecompressed: 1 });
    // As in the kernel, no attempts are no attempts.
    expect(zram.recompress({ maxPages: 0 })).toMatchObject({ pagesTried: 0, objectsRecompressed: 0 });
    expect(zram.recompress()).toMatchObject({ pagesTried: 1, objectsRecompressed: 1 });
  });

  test('incompressible only after the last of the compressors; a write takes the mark away', () => {
    const zram = deviceOf([noise()], { recompAlgorithms: ['toy', 'deflate'] });
    expect(zram.recompress({ algo: 'toy' }).pagesTried).toBe(1);
    expect(zram.blockState(0)?.incompressible).toBe(false);
    expect(zram.recompress({ priority: 2 }).pagesTried).toBe(1);
    expect(zram.blockState(0)?.incompressible).toBe(true);
    expect(zram.recompress().pagesTried).toBe(0);
    zram.writePage(0, noise());
    expect(zram.blockState(0)?.incompressible).toBe(false);
  });

  test('what a later compressor made is not given to an earlier one', () => {
    const zram = deviceOf([digits()], { recompAlgorithms: ['toy', 'deflate'] });
    expect(zram.recompress({ algo: 'deflate' }).objectsRecompressed).toBe(1);
    expect(zram.recompress({ algo: 'toy' }).pagesTried).toBe(0);
    expect(zram.recompress().pagesTried).toBe(0);
  });

  test('a page that is touched is no longer idle, also where nothing is gained', () => {
    const zram = deviceOf([noise()]);
    zram.idle();
    zram.recompress();
    expect(zram.blockState(0)).toMatchObject({ idle: false, incompressible: true });
  });
});

test.each<[string, RecompAlgorithm[]]>([
  ['lz4hc', [{ algo: 'lz4hc', favorDecSpeed: 6 }]],
  [
    'lz4',
    [
      { algo: 'lz4hc', favorDecSpeed: 6 },
      { algo: 'lz4hc', favorDecSpeed: 16 },
    ],
  ],
  ['lzo', [{ algo: 'lz4hc' }, { algo: 'lz4' }, { algo: 'lz4hc', favorDecSpeed: 1 }]],
])('lz4hc more than once, beside %s: the same pages are not taken again and again', (compAlgorithm, secondaries) => {
  const pages = programPages(1, 60);
  const zram = engine.createZram({ disksize: '1M', compAlgorithm, recompAlgorithms: secondaries });
  zram.writePages(0, pages.pages.subarray(0, 60 * PAGE_SIZE));
  for (let call = 0; call < 4; call++) zram.recompress();
  expect(zram.recompress()).toMatchObject({ pagesTried: 0, objectsRecompressed: 0 });
  expect(sameBytes(zram.readPages(0, 60), pages.pages.subarray(0, 60 * PAGE_SIZE))).toBe(true);
});

test('mem_limit does not apply, and mem_used_max does not move', () => {
  const pages = Array.from({ length: 40 }, digits);
  const zram = deviceOf(pages);
  zram.sysfs.write('mem_limit', String(zram.mmStat.memUsedTotal));
  const { memUsedMax } = zram.mmStat;
  expect(zram.recompress().objectsRecompressed).toBe(40);
  expect(zram.mmStat.memUsedMax).toBe(memUsedMax);
  expect(zram.mmStat.memUsedTotal).toBeLessThan(memUsedMax);
  for (const [index, page] of pages.entries()) expect(zram.readPage(index)).toEqual(page);
});

test('no memory for the new objects: ENOMEM, and nothing is lost', () => {
  const initial = ((small) => small.memory.reserved)(engineOf('release'));
  using small = engineOf('release', { maxMemory: initial + 256 * 1024 });
  const zram = small.createZram({ disksize: '1M', recompAlgorithms: ['deflate'] });
  const pages: Uint8Array[] = [];
  while (codeOf(() => zram.writePage(pages.length, (pages[pages.length] = digits()))) === undefined);
  pages.pop();
  const result = codeOf(() => zram.recompress());
  expect(result === 'ENOMEM' || (result as { objectsRecompressed: number }).objectsRecompressed > 0).toBe(true);
  for (const [index, page] of pages.entries()) expect(zram.readPage(index)).toEqual(page);
});

test('no memory for objects of the same size class, which would save none: they stay as they are', () => {
  const recompAlgorithms = [{ algo: 'lz4hc', favorDecSpeed: 16 }];
  const sizes = engine
    .createPool()
    .classes()
    .map(({ size }) => size);
  const classAt = (zram: Zram) => sizes.find((size) => size >= (zram.pageStates(0, 1)[0] >>> 13) + 8);
  const programs = programPages(1, 200);
  const page = Array.from({ length: 200 }, (_, n) => pageOf(programs, n)).find((each) => {
    const alone = deviceOf([each], { recompAlgorithms });
    const before = classAt(alone);
    return alone.recompress().objectsRecompressed === 1 && classAt(alone) === before;
  });
  if (!page) throw new Error('no page is as wanted');
  const initial = ((small) => small.memory.reserved)(engineOf('release'));
  using small = engineOf('release', { maxMemory: initial + 512 * 1024 });
  const zram = small.createZram({ disksize: '16M', recompAlgorithms });
  let count = 0;
  while (codeOf(() => zram.writePage(count, page)) !== 'ENOMEM') count++;
  expect(count).toBeGreaterThan(10);
  expect(zram.recompress()).toMatchObject({ pagesTried: count, objectsRecompressed: 0, bytesSaved: 0 });
  const reads = (index: number) => sameBytes(zram.readPage(index), page);
  for (let index = 0; index < count; index++) if (!reads(index)) throw new Error(`page ${index} is wrong`);
  zram.discard(0, PAGE_SIZE);
  expect(zram.recompress()).toMatchObject({ pagesTried: count - 1, objectsRecompressed: count - 1 });
  for (let index = 1; index < count; index++) if (!reads(index)) throw new Error(`page ${index} is wrong`);
});

test.each<[string, unknown, string]>([
  ['a wrong type', { type: 'incompressible' }, 'EINVAL'],
  ['a threshold of a huge page', { threshold: HUGE_CLASS_SIZE }, 'EINVAL'],
  ['a compressor that the device does not have', { algo: 'other' }, 'EINVAL'],
  ['the primary compressor', { algo: 'lz4' }, 'EINVAL'],
  ['a priority without a compressor', { priority: 2 }, 'EINVAL'],
  ['a priority that there is not', { priority: 4 }, 'EINVAL'],
  ['a compressor before this priority', { priority: 2, algo: 'deflate' }, 'EINVAL'],
  ['an option that there is not', { pages: 1 }, 'EINVAL'],
  ['text without a value', 'type=', 'EINVAL'],
  ['text that is no number', 'max_pages=x', 'EINVAL'],
])('%s', (_, options, code) => {
  const zram = deviceOf([digits()]);
  expect(codeOf(() => zram.recompress(options as object))).toBe(code);
  expect(zram.recompress({ priority: 0 })).toMatchObject({ objectsRecompressed: 1 }); // 0 counts as 1
});

test('without secondary compressors, and without a disk: EINVAL', () => {
  expect(codeOf(() => deviceOf([], { recompAlgorithms: [] }).recompress())).toBe('EINVAL');
  expect(codeOf(() => engine.createZram({ recompAlgorithms: ['deflate'] }).recompress())).toBe('EINVAL');
});

test('a compressor that calls back: EAGAIN for a second recompression; the device may end inside', () => {
  const zram = deviceOf([digits(), digits()], { recompAlgorithms: ['toy'], backing: new MemoryBacking(8) });
  const seen: unknown[] = [];
  toy.hook = () =>
    seen.push(
      codeOf(() => zram.recompress()),
      codeOf(() => zram.writeback({ pageIndex: 0 })),
    );
  zram.recompress();
  expect(seen).toEqual(['EAGAIN', 'EAGAIN']);
  zram.writePage(0, digits());
  toy.hook = () => zram.reset();
  expect(codeOf(() => zram.recompress())).toBe('EINVAL');
  zram.init('1M');
  expect(codeOf(() => zram.recompress())).toBe('EINVAL'); // the reset took its compressors
  zram.destroy();
});

test('recomp_algorithm in the text of the kernel', () => {
  const zram = engine.createZram();
  expect(zram.sysfs.read('recomp_algorithm')).toBe('');
  zram.sysfs.write('recomp_algorithm', 'algo=deflate priority=3\n');
  zram.sysfs.write('recomp_algorithm', 'algo=toy');
  const names = engine.compressors;
  const line = (chosen: string) => names.map((name) => (name === chosen ? `[${name}] ` : `${name} `)).join('');
  expect(zram.sysfs.read('recomp_algorithm')).toBe(`#1: ${line('toy')}\n#3: ${line('deflate')}\n`);
  zram.init('1M');
  expect(codeOf(() => zram.sysfs.write('recomp_algorithm', 'algo=toy'))).toBe('EBUSY');
  zram.writePage(0, digits());
  expect(zram.recompress()).toMatchObject({ objectsRecompressed: 1 });
  expect(codeOf(() => zram.recompress({ priority: 2 }))).toBe('EINVAL');
});
