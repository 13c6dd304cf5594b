/** lzo, lzo-rle and lz4hc where compressors go: devices, recompression, deduplication, save files, zswap, workers. */
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { Engine, type Zram } from '../../bindings/index.js';
import { codeOf } from '../support/errors.js';
import { compressorPages } from '../support/compressor-pages.js';
import { BareCompressors, type Algorithm } from '../support/compressors.js';
import { blend, generatedSets, PAGE_SIZE, pageCount, pageOf } from '../support/pages.js';
import { makeParallel } from '../support/parallel.js';
import { seedOfRun } from '../support/random.js';
import { BUILDS, checkPools, engineOf, memoryOf, rawExports, withAddress } from '../support/raw-core.js';
import { referenceDecode } from '../support/reference-lz4.js';
import { referenceLzo } from '../support/reference-lzo.js';
import { saved } from '../save/support.js';

const NAMES = ['lzo-rle', 'lzo', 'lz4hc'] as const;
const seed = seedOfRun();
const set = blend('all', seed, generatedSets(seed), 30);
const PAGES = pageCount(set);
const bytes = set.pages;

function holdsAll(zram: Zram): boolean {
  return Buffer.compare(zram.readPages(0, PAGES), bytes) === 0;
}

describe.each(BUILDS)('round trips in the %s build', (build) => {
  const module = new BareCompressors(build);
  const algorithm = fc.constantFrom<Algorithm>('lzo', 'lzo-rle', 'lz4hc:1', 'lz4hc:4', 'lz4hc:9', 'lz4hc:16');
  /** Pieces, each many times: zeros, short patterns, bytes in no order. */
  const piece = fc.oneof(
    fc.constant(new Uint8Array(1)),
    fc.uint8Array({ minLength: 1, maxLength: 8 }),
    fc.uint8Array({ minLength: 1, maxLength: 300 }),
  );
  const page = fc.array(fc.tuple(piece, fc.integer({ min: 1, max: 600 })), { maxLength: 40 }).map((pieces) => {
    const made = new Uint8Array(PAGE_SIZE);
    let at = 0;
    for (const [unit, times] of pieces) {
      for (let n = 0; n < times && at < PAGE_SIZE; n++) {
        made.set(unit.subarray(0, PAGE_SIZE - at), at);
        at += unit.length;
      }
    }
    return made;
  });

  test(`what is compressed decodes to the page, seed ${seed}`, () => {
    const property = fc.property(algorithm, page, (name, given) => {
      const block = module.compress(name, given);
      const decoded = name.startsWith('lzo') ? referenceLzo(block) : referenceDecode(block, PAGE_SIZE);
      expect(decoded && Buffer.compare(decoded, given)).toBe(0);
      if (name.startsWith('lzo')) expect(Buffer.compare(module.decodeLzo(block)!, given)).toBe(0);
    });
    fc.assert(property, { numRuns: 200, seed: seed | 0 });
  });
});

test('lz4hc takes its level from options and from algorithm_params; the others ignore theirs', () => {
  using engine = engineOf('debug');
  const module = new BareCompressors('release');
  const { page } = compressorPages().find(({ name }) => name === 'pointers-1')!;
  const zram = engine.createZram({ disksize: '1M', compAlgorithm: 'lz4hc', level: 2 });
  const sizes = [2, 9, 16].map((level) => module.compress(`lz4hc:${level}`, page).length);
  expect(new Set(sizes).size).toBeGreaterThan(1);
  const sizeOf = (): number => {
    zram.discard(0, PAGE_SIZE);
    zram.writePage(0, page);
    return zram.mmStat.comprDataSize;
  };
  expect(sizeOf()).toBe(sizes[0]);
  for (const [text, size] of [
    ['level=9', sizes[1]],
    ['algo=lz4hc level=16', sizes[2]],
    ['level=0', sizes[1]],
    ['level=77', sizes[2]],
  ] as const) {
    zram.sysfs.write('algorithm_params', text);
    expect([text, sizeOf()]).toEqual([text, size]);
  }
  // A level is no codec: whatever their number, none runs out.
  for (let level = 0; level < 50; level++) {
    for (const compAlgorithm of NAMES) engine.createZram({ disksize: '1M', compAlgorithm, level }).writePage(0, page);
  }
  for (const compAlgorithm of NAMES) {
    expect(codeOf(() => engine.createZram({ compAlgorithm, dictionary: page }))).toBe('EOPNOTSUPP');
  }
});

test.each(NAMES)('%s: a damaged page is EIO and counted, its neighbours are fine', (compAlgorithm) => {
  const engine = engineOf('debug');
  const { made: zram, device } = withAddress(engine, () => engine.createZram({ disksize: '1M', compAlgorithm }));
  const { page } = compressorPages().find(({ name }) => name === 'pointers-1')!;
  for (let index = 0; index < 4; index++) zram.writePage(index, page);
  const raw = rawExports(engine);
  memoryOf(raw).fill(0xff, raw.stagingAddress(), raw.stagingAddress() + 64);
  raw.corruptPage(device, 2, 64);
  expect(codeOf(() => zram.readPage(2))).toBe('EIO');
  expect(() => zram.readPages(0, 4)).toThrow(expect.objectContaining({ code: 'EIO', pagesDone: 2 }));
  expect(zram.ioStat.failedReads).toBe(2);
  for (const index of [0, 1, 3]) expect(zram.readPage(index)).toEqual(page);
  engine.destroy();
});

describe('recompression', () => {
  test.each(['lz4hc', 'lzo-rle'])('lz4 to %s: smaller, read the same, not tried again', (algo) => {
    using engine = engineOf('debug');
    const zram = engine.createZram({ disksize: bytes.length, recompAlgorithms: [{ algo, level: 12 }] });
    zram.writePages(0, bytes);
    const before = zram.mmStat.comprDataSize;
    const { objectsRecompressed, bytesSaved } = zram.recompress();
    expect(objectsRecompressed).toBeGreaterThan(0);
    expect(before - zram.mmStat.comprDataSize).toBe(bytesSaved);
    expect(holdsAll(zram)).toBe(true);
    const recompressed = Array.from({ length: PAGES }, (_, n) => zram.blockState(n)).filter((one) => one?.recompressed);
    expect(recompressed.length).toBeGreaterThanOrEqual(objectsRecompressed);
    expect(zram.recompress({ threshold: 1 }).objectsRecompressed).toBe(0);
    checkPools(engine);
  });

  test('lz4hc, then deflate: the second takes what the first made', () => {
    using engine = engineOf('debug');
    const zram = engine.createZram({ disksize: bytes.length, recompAlgorithms: ['lz4hc', 'deflate'] });
    zram.writePages(0, bytes);
    const first = zram.recompress({ algo: 'lz4hc' }).objectsRecompressed;
    expect(zram.recompress({ algo: 'lz4hc' }).objectsRecompressed).toBe(0);
    const second = zram.recompress({ algo: 'deflate' });
    expect(second.pagesTried).toBeGreaterThanOrEqual(first);
    expect(second.objectsRecompressed).toBeGreaterThan(0);
    expect(holdsAll(zram)).toBe(true);
  });
});

describe('deduplication', () => {
  test.each(NAMES)('%s: a page that is stored is shared, also with a device of another compressor', (compAlgorithm) => {
    using engine = engineOf('debug');
    const pool = engine.createPool();
    const zram = engine.createZram({ disksize: bytes.length, pool, dedup: true, compAlgorithm });
    zram.writePages(0, bytes);
    const { comprDataSize } = zram.mmStat;
    // A device with lz4 lives in the core alone, which decodes no LZO.
    const others = compAlgorithm === 'lz4hc' ? ['lz4', ...NAMES, 'deflate'] : [...NAMES, 'deflate'];
    for (const other of others) {
      const twin = engine.createZram({ disksize: bytes.length, pool, dedup: true, compAlgorithm: other });
      twin.writePages(0, bytes);
      expect([other, twin.mmStat.comprDataSize]).toEqual([other, comprDataSize]);
      expect(holdsAll(twin)).toBe(true);
    }
    expect(holdsAll(zram)).toBe(true);
    checkPools(engine);
  });

  test('merging finds what two devices made of equal pages', () => {
    using engine = engineOf('debug');
    for (const compAlgorithm of NAMES) {
      const pool = engine.createPool();
      const [a, b] = [0, 1].map(() => engine.createZram({ disksize: bytes.length, pool, compAlgorithm }));
      a.writePages(0, bytes);
      const before = a.mmStat.comprDataSize;
      b.writePages(0, bytes);
      pool.merge();
      expect(a.mmStat.comprDataSize).toBeLessThanOrEqual(before);
      expect(a.diff(b)).toEqual([]);
      expect(holdsAll(b)).toBe(true);
    }
  });
});

test.each(NAMES)('%s: saved and loaded into a new engine, to the byte', async (compAlgorithm) => {
  using engine = engineOf('release');
  const options = { disksize: bytes.length, compAlgorithm, level: 7, recompAlgorithms: ['lz4hc', 'lzo'] };
  const zram = engine.createZram(options);
  zram.writePages(0, bytes);
  zram.recompress();
  const file = await saved(zram);
  using other = Engine.createSync();
  const loaded = await other.loadZram(file);
  expect(holdsAll(loaded)).toBe(true);
  expect(loaded.mmStat.comprDataSize).toBe(zram.mmStat.comprDataSize);
  for (const attribute of ['comp_algorithm', 'recomp_algorithm']) {
    expect(loaded.sysfs.read(attribute)).toBe(zram.sysfs.read(attribute));
  }
  expect(Buffer.compare(await saved(loaded), file)).toBe(0);
  // What recompression made is still known to be that.
  expect(loaded.recompress({ threshold: 1 }).objectsRecompressed).toBe(0);
});

test.each(NAMES)('%s in a zswap', (compressor) => {
  using engine = engineOf('debug');
  const zswap = engine.createZswap({ compressor });
  for (let n = 0; n < PAGES; n++) expect(zswap.store(n, pageOf(set, n))).toBe(true);
  for (let n = 0; n < PAGES; n++) expect(Buffer.compare(zswap.load(n)!, pageOf(set, n))).toBe(0);
  checkPools(engine);
});

test.each(NAMES)('%s in workers counts what one thread counts', async (compAlgorithm) => {
  const options = { disksize: bytes.length, compAlgorithm, recompAlgorithms: ['lz4hc'], trackEntryActime: false };
  using engine = engineOf('release');
  const single = engine.createZram(options);
  single.writePages(0, bytes);
  const { zram } = await makeParallel(options);
  await zram.writePages(0, bytes);
  const { bytesSaved } = single.recompress();
  expect(await zram.recompress()).toMatchObject({ bytesSaved });
  expect((await zram.stats()).mmStat.comprDataSize).toBe(single.mmStat.comprDataSize);
  expect(Buffer.compare(await zram.readPages(0, PAGES), bytes)).toBe(0);
  await zram.destroy();
});

test('no room for the memory of the module is ENOMEM, and what was there goes on', () => {
  using engine = engineOf('release');
  const zram = engine.createZram({ disksize: bytes.length });
  zram.writePages(0, bytes);
  // Each takes gigabytes of addresses, and next to no memory.
  const held: WebAssembly.Memory[] = [];
  const fill = (): void => {
    for (;;) held.push(new WebAssembly.Memory({ initial: 1, maximum: 65536 }));
  };
  for (const compAlgorithm of NAMES) {
    // Again each time: engines of other tests may be collected only now, on a thread of the collector.
    expect(fill).toThrow(/memory/);
    expect(fill).toThrow(/memory/);
    expect(codeOf(() => engine.createZram({ disksize: '1M', compAlgorithm }))).toBe('ENOMEM');
  }
  held.length = 0;
  expect(holdsAll(zram)).toBe(true);
  for (const compAlgorithm of NAMES) {
    const other = engine.createZram({ disksize: bytes.length, compAlgorithm });
    other.writePages(0, bytes);
    expect(holdsAll(other)).toBe(true);
  }
});
