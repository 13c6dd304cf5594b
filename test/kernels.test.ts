/** Kernel profiles: what differs between them, in attributes, recompression, writeback and settings. */
import { afterAll, describe, expect, test } from '@jest/globals';
import { Engine, KERNELS, MemoryBacking, Zram, type KernelVersion, type ZramOptions } from '../bindings/index.js';
import { MemorySink } from './save/support.js';
import { codeOf } from './support/errors.js';
import { Random } from './support/random.js';
import { ToyCompressor } from './support/toy-compressor.js';

const PAGE_SIZE = 4096;
const VERSIONS = Object.keys(KERNELS) as KernelVersion[];
const random = new Random(11);
/** Bytes of which neither LZ4 nor the toy makes less. */
const noise = () => random.fill(new Uint8Array(PAGE_SIZE));

/** A compressor that leaves every page as it is, so that another one is needed. */
const useless = { name: 'useless', compress: (page: Uint8Array) => page, decompress: (block: Uint8Array) => block };
const seen: Uint8Array[] = [];
/** A compressor that makes a byte of any page: it remembers them. */
const oracle = {
  name: 'oracle',
  compress: (page: Uint8Array) => Uint8Array.of(seen.push(page.slice()) - 1),
  decompress: ([n]: Uint8Array) => seen[n],
};
const engine = Engine.createSync({ compressors: [new ToyCompressor(), useless, oracle] });
// The default of all kernels, where the library does not have it.
if (!engine.compressors.includes('lzo-rle')) engine.registerCompressor(new ToyCompressor('lzo-rle'));
afterAll(() => engine.destroy());

const deviceOf = (kernel: KernelVersion, options: ZramOptions = {}): Zram =>
  engine.createZram({ kernel, compAlgorithm: 'lz4', ...options });

describe.each<[attribute: string, text: string, when: 'before' | 'after', ...results: string[]]>([
  // attribute, text, before or after the disksize, results on 6.1, 6.12, 6.18 and 7.1 ('' = done)
  ['algorithm_params', 'level=2', 'before', 'ENOENT', '', '', ''],
  ['algorithm_params', 'level=2', 'after', 'ENOENT', '', '', 'EBUSY'],
  ['algorithm_params', 'level=x', 'after', 'ENOENT', 'EINVAL', 'EINVAL', 'EINVAL'],
  ['algorithm_params', 'priority=9', 'after', 'ENOENT', 'EINVAL', 'EINVAL', 'EBUSY'],
  ['algorithm_params', 'algo=deflate priority=1', 'before', 'ENOENT', '', '', ''],
  ['algorithm_params', 'algo=deflate priority=2', 'before', 'ENOENT', '', '', 'EINVAL'],
  ['algorithm_params', 'algo=deflate priority=9', 'before', 'ENOENT', '', '', 'EINVAL'],
  ['algorithm_params', 'algo=lz4 priority=1', 'before', 'ENOENT', '', '', 'EINVAL'],
  ['algorithm_params', 'algo=nope', 'before', 'ENOENT', 'EINVAL', 'EINVAL', 'EINVAL'],
  ['algorithm_params', 'algo=deflate deflate.winbits=99', 'before', 'ENOENT', '', 'EINVAL', 'EINVAL'],
  ['recomp_algorithm', 'algo=deflate priority=3', 'before', 'ENOENT', '', '', ''],
  ['recompress', 'priority=0', 'after', 'ENOENT', '', '', 'EINVAL'],
  ['recompress', 'priority=1', 'after', 'ENOENT', '', '', ''],
  ['recompress', 'priority=4', 'after', 'ENOENT', 'EINVAL', 'EINVAL', 'EINVAL'],
  ['recompress', 'algo=deflate priority=1', 'after', 'ENOENT', '', '', ''],
  ['recompress', 'algo=toy priority=1', 'after', 'ENOENT', '', '', 'EINVAL'],
  ['recompress', 'algo=toy', 'after', 'ENOENT', '', '', ''],
  ['recompress', 'type=idle', 'after', 'ENOENT', '', '', ''],
  ['writeback', 'idle', 'after', '', '', '', ''],
  ['writeback', 'huge_idle\n', 'after', '', '', '', ''],
  ['writeback', 'incompressible', 'after', 'EINVAL', '', '', ''],
  ['writeback', 'type=idle', 'after', 'EINVAL', 'EINVAL', '', ''],
  ['writeback', 'page_index=1', 'after', '', '', '', ''],
  ['writeback', 'page_index=1 page_index=2', 'after', 'EINVAL', 'EINVAL', '', ''],
  ['writeback', 'page_indexes=1-2', 'after', 'EINVAL', 'EINVAL', '', ''],
  ['writeback', 'page_indexes=2-1', 'after', 'EINVAL', 'EINVAL', 'ERANGE', 'ERANGE'],
  ['writeback', 'page_index=256', 'after', 'EINVAL', 'EINVAL', 'ERANGE', 'ERANGE'],
  ['writeback', '', 'after', '', '', '', ''],
  ['max_comp_streams', '4', 'before', 'ENOENT', 'ENOENT', 'ENOENT', 'ENOENT'],
  ['writeback_batch_size', '32', 'before', 'ENOENT', 'ENOENT', 'ENOENT', ''],
  ['writeback_batch_size', '0', 'after', 'ENOENT', 'ENOENT', 'ENOENT', 'EINVAL'],
  ['writeback_batch_size', '64', 'after', 'ENOENT', 'ENOENT', 'ENOENT', ''],
  ['compressed_writeback', 'yes', 'before', 'ENOENT', 'ENOENT', 'ENOENT', ''],
  ['compressed_writeback', 'maybe', 'after', 'ENOENT', 'ENOENT', 'ENOENT', 'EINVAL'],
  ['compressed_writeback', 'yes', 'after', 'ENOENT', 'ENOENT', 'ENOENT', 'EBUSY'],
])('%s <- %j %s disksize', (attribute, text, when, ...results) => {
  test.each(VERSIONS.map((kernel, n) => [kernel, results[n]] as const))('on %s: %j', (kernel, result) => {
    const zram = deviceOf(kernel, { recompAlgorithms: ['deflate', 'toy'], backing: new MemoryBacking(8) });
    if (when === 'after') zram.init('1M');
    expect(codeOf(() => zram.sysfs.write(attribute, text)) ?? '').toBe(result);
    zram.destroy();
  });
});

describe('attributes', () => {
  test('an attribute that the kernel has and the library has not is named as such', () => {
    const read = (kernel: KernelVersion, name: string) => () => deviceOf(kernel).sysfs.read(name);
    const missing = 'ENOENT: attribute max_comp_streams of kernel 6.12 is not implemented here.';
    expect(read('6.12', 'max_comp_streams')).toThrow(missing);
    expect(read('6.18', 'writeback_batch_size')).toThrow('does not exist');
    expect(read('7.1', 'max_comp_streams')).toThrow('does not exist');
  });

  test('the list is that of the kernel', () => {
    const lists = VERSIONS.map((kernel) => deviceOf(kernel).sysfs.list());
    const [v6_1, v6_12, v6_18, v7_1] = lists.map((list) => list.map(({ name }) => name));
    expect(v6_12).toEqual(v6_18);
    const added = v7_1.filter((name) => !v6_18.includes(name));
    expect(added).toEqual(['compressed_writeback', 'writeback_batch_size']);
    expect(v7_1.filter((name) => !added.includes(name))).toEqual(v6_18);
    expect(v6_18.filter((name) => !v6_1.includes(name))).toEqual([
      'algorithm_params',
      'recomp_algorithm',
      'recompress',
    ]);
  });

  test('comp_algorithm has the order of the kernel, and what 6.1 does not list only while it is chosen', () => {
    const text = (kernel: KernelVersion, compAlgorithm: string) =>
      deviceOf(kernel, { compAlgorithm }).sysfs.read('comp_algorithm');
    for (const kernel of VERSIONS) {
      const { compressors, compressorsUnlisted } = KERNELS[kernel];
      const known = compressors.filter((name) => engine.compressors.includes(name));
      const own = engine.compressors.filter((name) => ![...compressors, ...compressorsUnlisted].includes(name));
      expect(text(kernel, 'toy')).toBe(`${[...known, ...own].join(' ')} \n`.replace(/\btoy\b/, '[toy]'));
    }
    expect(text('6.1', 'lz4')).not.toContain('deflate');
    expect(text('6.1', 'deflate')).toContain('[deflate]');
  });
});

describe('recompression', () => {
  const pageOn = (kernel: KernelVersion, recompAlgorithms: string[]): Zram => {
    const zram = deviceOf(kernel, { disksize: '1M', recompAlgorithms });
    zram.writePage(0, noise());
    return zram;
  };

  test.each<[KernelVersion]>([['6.12'], ['6.18']])('%s: one compressor after the other, by priority', (kernel) => {
    const zram = pageOn(kernel, ['useless', 'oracle']);
    expect(zram.recompress()).toMatchObject({ pagesTried: 1, objectsRecompressed: 1 });
    zram.destroy();
  });

  test('7.1: that of priority 1 alone; whoever wants another one names it', () => {
    const zram = pageOn('7.1', ['useless', 'oracle']);
    expect(zram.recompress()).toMatchObject({ pagesTried: 1, objectsRecompressed: 0 });
    expect(zram.blockState(0)).toMatchObject({ incompressible: false }); // priority 2 was not tried
    expect(zram.recompress({ priority: 2 })).toMatchObject({ pagesTried: 1, objectsRecompressed: 1 });
    zram.destroy();
  });

  test('7.1: incompressible is what the last priority leaves as it is', () => {
    const zram = pageOn('7.1', ['useless']);
    zram.recompress();
    expect(zram.blockState(0)).toMatchObject({ incompressible: true });
    zram.destroy();
  });

  test('7.1 without a compressor of priority 1', () => {
    const zram = deviceOf('7.1');
    zram.sysfs.write('recomp_algorithm', 'algo=toy priority=2');
    zram.init('1M');
    expect(codeOf(() => zram.recompress())).toBe('EINVAL');
    expect(zram.recompress({ algo: 'toy' })).toMatchObject({ pagesTried: 0 });
    zram.destroy();
  });
});

describe('the option', () => {
  test('6.18 where none is named, with LZ4; a kernel that is named brings its own default', () => {
    const plain = engine.createZram();
    expect([plain.kernel, plain.sysfs.read('comp_algorithm')]).toEqual(['6.18', expect.stringContaining('[lz4]')]);
    const named = engine.createZram({ kernel: '6.18' });
    expect(named.sysfs.read('comp_algorithm')).toContain('[lzo-rle]');
    named.sysfs.write('comp_algorithm', 'lz4');
    named.reset();
    expect([named.kernel, named.sysfs.read('comp_algorithm')]).toEqual(['6.18', expect.stringContaining('[lzo-rle]')]);
  });

  test('another kernel, or none', () => {
    const make = (kernel: unknown) => () => engine.createZram({ kernel: kernel as KernelVersion });
    expect(make('5.15')).toThrow(`EINVAL: kernel must be one of 6.1, 6.12, 6.18, 7.1, not '5.15'.`);
    for (const wrong of [null, 6.18, '', 'toString', {}]) expect(codeOf(make(wrong))).toBe('EINVAL');
  });

  test('a device has the kernel of the pool that it is given', () => {
    const pool = engine.createPool({ kernel: '6.1' });
    expect(pool.kernel).toBe('6.1');
    const zram = engine.createZram({ pool, disksize: '1M' });
    expect([zram.kernel, pool.hugeClassSize]).toEqual(['6.1', 3257]);
    expect(engine.createZram({ pool, kernel: '6.1', compAlgorithm: 'lz4' }).kernel).toBe('6.1');
    expect(() => engine.createZram({ pool, kernel: '6.18', compAlgorithm: 'lz4' })).toThrow(
      'EINVAL: kernel must be 6.1, that of the pool, not 6.18: pass it to createPool.',
    );
    pool.destroy();
    expect(codeOf(() => pool.kernel)).toBe('EINVAL');
  });

  test('it decides which pages are huge', () => {
    const page = new Uint8Array(PAGE_SIZE).fill(1);
    page.set(noise().subarray(0, 3500)); // LZ4 makes some 3530 bytes of it
    const huge = VERSIONS.map((kernel) => {
      const zram = deviceOf(kernel, { disksize: '1M' });
      zram.writePage(0, page);
      return zram.mmStat.hugePages;
    });
    expect(huge).toEqual([1, 0, 0, 0]);
  });

  test('clones, also of snapshots, and what is loaded have it', async () => {
    for (const kernel of VERSIONS) {
      const zram = deviceOf(kernel, { disksize: '1M' });
      zram.writePage(3, noise());
      const clones = [zram.clone(), zram.snapshot().clone()];
      const sink = new MemorySink();
      await zram.save(sink);
      const loaded = await engine.loadZram(sink.bytes);
      const other = await engine.loadZram(sink.bytes, { kernel: '7.1', memLimit: 0, chainSize: 8 });
      const all = await Zram.loadAll(sink.bytes);
      const first = [...all.devices.values()][0] as Zram;
      expect([...clones, loaded, first].map((one) => one.kernel)).toEqual([kernel, kernel, kernel, kernel]);
      expect(other.kernel).toBe('7.1');
      expect(loaded.readPage(3)).toEqual(zram.readPage(3));
      for (const one of [zram, ...clones, loaded, other, first]) one.destroy();
    }
  });

  test('what is loaded onto a pool has the kernel of the pool', async () => {
    const sink = new MemorySink();
    await deviceOf('7.1', { disksize: '1M' }).save(sink);
    const pool = engine.createPool({ kernel: '6.12' });
    expect((await engine.loadZram(sink.bytes, { pool })).kernel).toBe('6.12');
    await expect(engine.loadZram(sink.bytes, { pool, kernel: '7.1' })).rejects.toMatchObject({ code: 'EINVAL' });
  });

  test('the table cannot be changed', () => {
    expect(Object.isFrozen(KERNELS)).toBe(true);
    for (const profile of Object.values(KERNELS)) {
      expect(Object.isFrozen(profile)).toBe(true);
      for (const value of Object.values(profile)) expect(Object.isFrozen(value)).toBe(true);
    }
  });
});
