/** Compressors: those that come along, those that are registered, and what happens when one misbehaves. */
import { describe, expect, test } from '@jest/globals';
import { Engine, MemoryBacking, Zram, type Compressor } from '../bindings/index.js';
import { Random } from './support/random.js';
import { checkPools, engineOf } from './support/raw-core.js';
import { CallingCompressor, ToyCompressor } from './support/toy-compressor.js';
import { codeOf } from './support/errors.js';

const PAGE_SIZE = 4096;
const random = new Random(5);
/** Half a page of sixteen different bytes, then zeros: every compressor makes it smaller, some very much. */
const page = () => new Uint8Array(PAGE_SIZE).map((_, n) => (n < 2000 ? 48 + random.below(16) : 0));
const noise = () => random.fill(new Uint8Array(PAGE_SIZE));

/** zstd is part of Node from 22.15 on. */
const nodeHasZstd = 'zstdCompressSync' in process.getBuiltinModule('node:zlib');

test('the list, in the format of the kernel', async () => {
  using engine = engineOf('release');
  const own = nodeHasZstd ? 'zstd ' : '';
  expect(engine.createZram().sysfs.read('comp_algorithm')).toBe(`lzo-rle lzo [lz4] lz4hc ${own}deflate \n`);
  await engine.loadCompressor('zstd');
  engine.registerCompressor(new ToyCompressor());
  const zram = engine.createZram({ compAlgorithm: 'toy' });
  expect(zram.sysfs.read('comp_algorithm')).toBe('lzo-rle lzo lz4 lz4hc zstd deflate [toy] \n');
  zram.sysfs.write('comp_algorithm', 'zstd\n');
  expect(zram.sysfs.read('comp_algorithm')).toBe('lzo-rle lzo lz4 lz4hc [zstd] deflate toy \n');
  expect(engine.compressors).toEqual(['lzo-rle', 'lzo', 'lz4', 'lz4hc', 'deflate', 'zstd', 'toy']);
});

describe.each<[string, string, object]>([
  ['lz4', 'lz4', {}],
  ['lz4, faster', 'lz4', { level: 20 }],
  ['lzo', 'lzo', {}],
  ['lzo-rle, which takes any level', 'lzo-rle', { level: -77 }],
  ['lz4hc', 'lz4hc', {}],
  ['lz4hc, fastest', 'lz4hc', { level: 1 }],
  ['lz4hc, beyond its levels', 'lz4hc', { level: 1000 }],
  ['deflate', 'deflate', {}],
  ['deflate that only stores', 'deflate', { level: 0 }],
  ['deflate, smallest', 'deflate', { level: 9 }],
  ['deflate, the level that means none', 'deflate', { level: -1 }],
  ['deflate with a dictionary', 'deflate', { dictionary: page() }],
  ['zstd', 'zstd', {}],
  ['zstd, smallest', 'zstd', { level: 22 }],
  ['zstd, beyond its levels', 'zstd', { level: 1000 }],
  ['zstd, faster', 'zstd', { level: -5 }],
  ['a registered one', 'toy', { level: 3, dictionary: page() }],
])('%s', (_, compAlgorithm, options) => {
  test('pages come back', async () => {
    const compressors = [new ToyCompressor()];
    const zram = await Zram.create({ disksize: '1M', compAlgorithm, compressors, verifyCompressors: true, ...options });
    const pages = [page(), noise(), new Uint8Array(PAGE_SIZE), page(), new Uint8Array(PAGE_SIZE).fill(3)];
    zram.writePages(0, Buffer.concat(pages));
    for (const [index, expected] of pages.entries()) expect(zram.readPage(index)).toEqual(expected);
    expect(zram.mmStat).toMatchObject({ samePages: 2, origDataSize: 5 * PAGE_SIZE });
    if (!('level' in options) || options.level !== 0) expect(zram.mmStat.hugePages).toBe(1);
    zram.write(100, new Uint8Array(50).fill(9));
    expect(zram.read(90, 70)).toEqual(
      new Uint8Array([...pages[0].subarray(90, 100), ...new Uint8Array(50).fill(9), ...pages[0].subarray(150, 160)]),
    );
    checkPools(Zram.hostOf(zram));
    zram.destroy();
  });
});

test('a dictionary makes small what it has in common with a page; the caller may change it afterwards', async () => {
  const dictionary = Buffer.from(page());
  const kept = Uint8Array.from(dictionary);
  const without = await Zram.create({ disksize: '1M', compAlgorithm: 'deflate' });
  const zram = await Zram.create({ compAlgorithm: 'deflate', dictionary });
  dictionary.fill(0);
  zram.init('1M');
  zram.writePage(0, kept);
  without.writePage(0, kept);
  expect(zram.mmStat.comprDataSize).toBeLessThan(without.mmStat.comprDataSize / 10);
  expect(zram.readPage(0)).toEqual(kept);
});

test.each(['lz4', 'zstd'])('%s takes no dictionary: EOPNOTSUPP', async (compAlgorithm) => {
  const promise = Zram.create({ disksize: '1M', compAlgorithm, dictionary: new Uint8Array(10) });
  await expect(promise).rejects.toMatchObject({ code: 'EOPNOTSUPP' });
});

test('deflate.winbits', () => {
  using engine = engineOf('release');
  const zram = engine.createZram({ compAlgorithm: 'deflate' });
  for (const text of ['deflate.winbits=15', 'deflate.winbits=-9', 'level=3 deflate.winbits=12']) {
    zram.sysfs.write('algorithm_params', text);
  }
  expect(codeOf(() => zram.sysfs.write('algorithm_params', 'deflate.winbits=16'))).toBe('EINVAL');
  expect(codeOf(() => zram.sysfs.write('algorithm_params', 'deflate.winbits=7'))).toBe('EINVAL');
  zram.init('1M');
  const written = page();
  zram.writePage(0, written);
  expect(zram.readPage(0)).toEqual(written);
});

/** What a compressor may do wrong, and whether the write can be expected to notice without `verifyCompressors`. */
const FAULTS: [string, Partial<Compressor>, boolean][] = [
  [
    'throws',
    {
      compress: () => {
        throw new Error('no');
      },
    },
    true,
  ],
  [
    'throws undefined',
    {
      compress: () => {
        // eslint-disable-next-line @typescript-eslint/only-throw-error
        throw undefined;
      },
    },
    true,
  ],
  ['returns nothing', { compress: () => undefined as unknown as Uint8Array }, true],
  ['returns text', { compress: () => 'abc' as unknown as Uint8Array }, true],
  ['returns a promise', { compress: () => Promise.resolve(new Uint8Array(3)) as unknown as Uint8Array }, true],
  ['returns no bytes', { compress: () => new Uint8Array(0) }, true],
  ['returns numbers', { compress: () => [1, 2, 3] as unknown as Uint8Array }, true],
  ['returns other bytes', { compress: () => new Uint8Array(7).fill(1) }, false],
  ['cannot decompress', { decompress: () => new Uint8Array(5) }, false],
  ['decompresses to too much', { decompress: () => new Uint8Array(PAGE_SIZE + 1) }, false],
  ['decompresses to another page', { decompress: () => new Uint8Array(PAGE_SIZE) }, false],
];

describe.each(FAULTS)('a compressor that %s', (_, fault, noticed) => {
  class Faulty extends ToyCompressor {
    broken = true;
    override compress(bytes: Uint8Array): Uint8Array {
      return this.broken && fault.compress ? fault.compress(bytes, undefined) : super.compress(bytes);
    }
    override decompress(block: Uint8Array): Uint8Array {
      return this.broken && fault.decompress ? fault.decompress(block) : super.decompress(block);
    }
  }

  test('costs an EIO, and the old content stays', () => {
    const faulty = new Faulty();
    using engine = engineOf('debug', { compressors: [faulty] });
    const zram = engine.createZram({ disksize: '1M', compAlgorithm: 'toy', verifyCompressors: !noticed });
    faulty.broken = false;
    const [before, after] = [page(), page()];
    zram.writePage(0, before);
    const { comprDataSize, memUsedTotal } = zram.mmStat;
    faulty.broken = true;
    expect(codeOf(() => zram.writePage(0, after))).toBe('EIO');
    try {
      zram.writePages(0, new Uint8Array(Buffer.concat([new Uint8Array(PAGE_SIZE), after, after])));
    } catch (error) {
      expect(error).toMatchObject({ code: 'EIO', pagesDone: 1 });
    }
    expect(zram.ioStat.failedWrites).toBe(2);
    faulty.broken = false;
    zram.writePage(0, before);
    expect(zram.mmStat).toMatchObject({ comprDataSize, memUsedTotal });
    expect(zram.readPage(0)).toEqual(before);
    checkPools(engine);
  });

  test('recompresses nothing, and loses nothing', () => {
    const faulty = new Faulty();
    using engine = engineOf('debug', { compressors: [faulty] });
    const zram = engine.createZram({ disksize: '1M', recompAlgorithms: ['toy'], verifyCompressors: !noticed });
    const written = noise().fill(0, 3700); // huge for LZ4, not for this one
    zram.writePage(0, written.fill(0, 3600));
    const before = zram.mmStat;
    const code = codeOf(() => zram.recompress());
    if (typeof code === 'string') expect(code).toBe('EIO');
    else expect(zram.mmStat).toEqual(before);
    expect(zram.readPage(0)).toEqual(written);
  });
});

test('what a compressor does to its input, and to what it returned, does not matter', () => {
  class Rude extends ToyCompressor {
    readonly #buffer = Buffer.alloc(2 * PAGE_SIZE);
    override compress(bytes: Uint8Array): Uint8Array {
      const block = super.compress(bytes);
      bytes.fill(0xee);
      this.#buffer.fill(0xdd);
      this.#buffer.set(block);
      return this.#buffer.subarray(0, block.length); // the same buffer each time
    }
    override decompress(block: Uint8Array): Uint8Array {
      const bytes = super.decompress(block);
      block.fill(0xcc);
      this.#buffer.fill(0xbb);
      this.#buffer.set(bytes);
      return this.#buffer.subarray(0, PAGE_SIZE);
    }
  }
  for (const dedup of [false, true]) {
    using engine = engineOf('debug', { compressors: [new Rude()] });
    const zram = engine.createZram({ disksize: '1M', compAlgorithm: 'toy', verifyCompressors: true, dedup });
    const pages = [page(), page(), noise()];
    const given = Buffer.concat([...pages, pages[0]]);
    zram.writePages(0, given);
    expect(given).toEqual(Buffer.concat([...pages, pages[0]]));
    zram.write(4000, new Uint8Array(200));
    pages[0].fill(0, 4000);
    pages[1].fill(0, 0, 104);
    for (const [index, expected] of pages.entries()) expect(zram.readPage(index)).toEqual(expected);
    expect(zram.diff(zram.snapshot())).toEqual([]);
    const zswap = engine.createZswap({ compressor: 'toy' });
    zswap.store(1, Buffer.from(pages[2]));
    zswap.store(2, Buffer.from(pages[1]));
    expect([zswap.load(1), zswap.load(2)]).toEqual([pages[2], pages[1]]);
  }
});

class Odd extends Uint8Array {
  override get length(): number {
    return 3;
  }
}
const rejected = (): Promise<never> => Promise.reject(new Error('not loaded yet'));
const ODD: [string, () => unknown][] = [
  ['a promise that is rejected', rejected],
  ['a thenable that throws', () => ({ then: () => { throw new Error('no'); } })], // prettier-ignore
  ['a then that cannot be read', () => ({ get then() { throw new Error('no'); } })], // prettier-ignore
  ['a detached array', () => { const bytes = new Uint8Array(9); structuredClone(bytes, { transfer: [bytes.buffer] }); return bytes; }], // prettier-ignore
  ['words', () => new Uint32Array(9)],
  ['what has no text', () => Object.create(null)],
];

test.each(ODD)('a compressor that returns %s: EIO, and no unhandled rejection', async (_, give) => {
  const unhandled: unknown[] = [];
  const listener = (error: unknown): number => unhandled.push(error);
  process.on('unhandledRejection', listener);
  const toy = new ToyCompressor();
  let odd = false;
  const compressor = {
    name: 'odd',
    compress: (bytes: Uint8Array) => (odd ? give() : toy.compress(bytes)) as Uint8Array,
    decompress: (block: Uint8Array) => (odd ? give() : toy.decompress(block)) as Uint8Array,
  };
  using engine = engineOf('debug', { compressors: [compressor] });
  const zram = engine.createZram({ disksize: '1M', compAlgorithm: 'odd' });
  const written = page();
  zram.writePage(0, written);
  odd = true;
  expect(codeOf(() => zram.writePage(0, page()))).toBe('EIO');
  expect(codeOf(() => zram.readPage(0))).toBe('EIO');
  await new Promise((resolve) => setTimeout(resolve, 10));
  odd = false;
  expect(zram.readPage(0)).toEqual(written);
  expect(unhandled).toEqual([]);
  process.off('unhandledRejection', listener);
});

test('arrays that a compressor returns are taken for what they are, not for what they say', () => {
  const toy = new ToyCompressor();
  const odd = (bytes: Uint8Array): Uint8Array =>
    Object.assign(new Odd(bytes.buffer as ArrayBuffer), { slice: () => new Uint8Array(1) });
  using engine = engineOf('debug', {
    compressors: [
      { name: 'odd', compress: (bytes) => odd(toy.compress(bytes)), decompress: (block) => odd(toy.decompress(block)) },
    ],
  });
  const zram = engine.createZram({ disksize: '1M', compAlgorithm: 'odd', verifyCompressors: true });
  const written = page();
  zram.writePage(0, written);
  expect(zram.readPage(0)).toEqual(written);
  const long = new Uint8Array(1 << 20);
  const large = engineOf('debug', {
    compressors: [{ name: 'long', compress: () => long, decompress: (block) => block }],
  });
  const huge = large.createZram({ disksize: '1M', compAlgorithm: 'long' });
  huge.writePage(0, written);
  expect(huge.readPage(0)).toEqual(written);
  expect(huge.mmStat.hugePages).toBe(1);
  large.destroy();
});

test('with dedup a page is found whatever compressed it', () => {
  const toy = new ToyCompressor();
  using engine = engineOf('debug', { compressors: [toy] });
  const zram = engine.createZram({ disksize: '1M', compAlgorithm: 'toy', dedup: true });
  const written = page();
  zram.writePage(0, written);
  zram.writePage(1, written);
  expect(toy.calls).toBe(1);
  expect(zram.mmStat).toMatchObject({ pagesMerged: 1 });
  zram.discard(0, PAGE_SIZE);
  expect(zram.readPage(1)).toEqual(written);
  checkPools(engine);
});

describe('registering', () => {
  const functions = { compress: (bytes: Uint8Array) => bytes, decompress: (bytes: Uint8Array) => bytes };

  test.each<[unknown, string]>([
    [undefined, 'EINVAL'],
    [{ ...functions }, 'EINVAL'],
    [{ name: '', ...functions }, 'EINVAL'],
    [{ name: 'two words', ...functions }, 'EINVAL'],
    [{ name: '[x]', ...functions }, 'EINVAL'],
    [{ name: 'x'.repeat(128), ...functions }, 'EINVAL'],
    [{ name: 'lz4', ...functions }, 'EINVAL'],
    [{ name: 'lz4hc', ...functions }, 'EINVAL'],
    [{ name: 'deflate', ...functions }, 'EINVAL'],
    [{ name: 'x', compress: functions.compress }, 'EINVAL'],
    [{ name: 'x', decompress: functions.decompress }, 'EINVAL'],
  ])('%j: refused', (compressor, code) => {
    using engine = engineOf('release');
    expect(codeOf(() => engine.registerCompressor(compressor as Compressor))).toBe(code);
    expect(codeOf(() => engineOf('release', { compressors: [compressor as Compressor] }))).toBe(code);
  });

  test('numbers run out: ENOSPC; settings that no page was compressed with take none', () => {
    using engine = engineOf('release');
    const settings = engine.createZram({ compAlgorithm: 'deflate' });
    const params = (n: number): string => `level=${n % 10} deflate.winbits=${9 + Math.floor(n / 10)}`;
    for (let n = 0; n < 70; n++) settings.sysfs.write('algorithm_params', params(n));
    const zram = engine.createZram({ disksize: '1M', compAlgorithm: 'deflate' });
    const pages: Uint8Array[] = [];
    let code: unknown;
    for (let n = 0; code === undefined; n++) {
      zram.writePage(pages.length, (pages[pages.length] = page()));
      code = codeOf(() => zram.sysfs.write('algorithm_params', params(n)));
    }
    // 12 numbers, and level 0, twice, needs none when it is gone: it only stores, and what is stored is no compressor's.
    expect([code, pages.length]).toEqual(['ENOSPC', 14]);
    for (const [index, expected] of pages.entries()) expect(zram.readPage(index)).toEqual(expected);
    settings.sysfs.write('algorithm_params', params(1));
    settings.init('1M'); // these settings have a number
    const dictionary = page();
    expect(codeOf(() => engine.createZram({ disksize: '1M', compAlgorithm: 'deflate', dictionary }))).toBe('ENOSPC');
  });

  test('numbers come back when their devices are gone, and only theirs', () => {
    using engine = engineOf('debug');
    const kept = engine.createZram({ disksize: '1M', compAlgorithm: 'deflate', level: 9 });
    const written = page();
    kept.writePage(0, written);
    const snapshot = kept.snapshot();
    kept.reset(); // the object is the snapshot's now
    const zswap = engine.createZswap({ compressor: 'deflate' }); // stores nothing yet, and keeps its number
    for (let n = 0; n < 100; n++) {
      const dictionary = Uint8Array.of(1, 2, 3, n);
      const zram = engine.createZram({ disksize: '1M', compAlgorithm: 'deflate', dictionary });
      zram.writePage(0, written);
      expect(zram.readPage(0)).toEqual(written);
      expect(snapshot.readPage(0)).toEqual(written);
      zram.destroy();
    }
    zswap.store(1, written);
    expect(zswap.load(1)).toEqual(written);
    expect(kept.mmStat.comprDataSize).toBe(0);
    checkPools(engine);
  });

  test('a compressor in whose call numbers run out: none is taken back there', () => {
    const toy = new ToyCompressor();
    using engine = engineOf('debug', { compressors: [toy] });
    const zram = engine.createZram({ disksize: '1M', compAlgorithm: 'toy' });
    const written = page();
    let code: unknown;
    toy.hook = () => {
      zram.sysfs.write('algorithm_params', 'level=1'); // nobody but the call under way has the number of before
      for (let n = 0; code === undefined; n++) {
        const dictionary = Uint8Array.of(1, 2, 3, n);
        code = codeOf(() => engine.createZram({ disksize: '1M', compAlgorithm: 'deflate', dictionary }).destroy());
      }
    };
    zram.writePage(0, written);
    expect(code).toBe('ENOSPC');
    expect(zram.readPage(0)).toEqual(written);
    expect(codeOf(() => engine.createZram({ disksize: '1M', compAlgorithm: 'deflate' }))).not.toBe('ENOSPC');
    expect(zram.readPage(0)).toEqual(written);
  });

  test('name and functions are read once; a getter that ends the engine: EINVAL', () => {
    const engine = engineOf('release');
    let reads = 0;
    const toy = new ToyCompressor();
    engine.registerCompressor({
      get name() {
        return `name${reads++}`;
      },
      compress: (bytes: Uint8Array) => toy.compress(bytes),
      decompress: (block: Uint8Array) => toy.decompress(block),
    });
    expect([reads, engine.compressors.includes('name0')]).toEqual([1, true]);
    const ending = {
      ...functions,
      get name() {
        engine.destroy();
        return 'x';
      },
    };
    expect(codeOf(() => engine.registerCompressor(ending))).toBe('EINVAL');
    const throwing = {
      ...functions,
      get name(): string {
        throw new Error('no');
      },
    };
    expect(codeOf(() => engineOf('release', { compressors: [throwing] }))).toBe('EINVAL');
  });

  test('a compressor that is not there', async () => {
    using engine = Engine.createSync();
    expect(codeOf(() => engine.createZram({ compAlgorithm: 'nope' }))).toBe('EINVAL');
    await expect(engine.loadCompressor('nope')).rejects.toMatchObject({ code: 'EINVAL' });
    if (!nodeHasZstd) expect(codeOf(() => engine.createZram({ compAlgorithm: 'zstd' }))).toBe('EOPNOTSUPP');
    expect(codeOf(() => engine.createZram({ recompAlgorithms: ['lz4', 'lz4', 'lz4', 'lz4'] }))).toBe('EINVAL');
  });
});

test('a compressor that ends the device it is called for: EINVAL, and nothing is left behind', () => {
  const toy = new CallingCompressor();
  using engine = engineOf('debug', { compressors: [toy] });
  const { used } = engine.memory;
  const calls = [
    'writePage',
    'writePages',
    'readPage',
    'readPages',
    'write',
    'diff',
    'recompress',
    'writeback',
  ] as const;
  const options = { disksize: '1M', compAlgorithm: 'toy', recompAlgorithms: ['deflate', 'toy'] } as const;
  for (const end of [(zram: Zram) => zram.destroy(), (zram: Zram) => zram.reset()]) {
    for (const call of calls) {
      const backing = new MemoryBacking(4);
      const zram = engine.createZram({ ...options, backing });
      const snapshot = zram.snapshot();
      zram.writePages(0, new Uint8Array(Buffer.concat([page(), page(), page()])));
      const other = engine.createZram({ disksize: '1M', compAlgorithm: 'deflate' });
      other.writePages(0, zram.readPages(0, 3));
      toy.hook = () => end(zram);
      const code = codeOf(() => {
        if (call === 'writePage') zram.writePage(1, page());
        else if (call === 'writePages') zram.writePages(0, new Uint8Array(Buffer.concat([page(), page()])));
        else if (call === 'readPage')
          zram.readPage(0); // this one has what it needs
        else if (call === 'readPages') zram.readPages(0, 3);
        else if (call === 'write') zram.write(10, new Uint8Array(5000).fill(1));
        else if (call === 'diff') other.diff(zram);
        else if (call === 'writeback') zram.writeback({ pageIndexes: [[0, 2]] });
        else zram.recompress();
        return 'done';
      });
      expect([call, code]).toEqual([call, call === 'readPage' ? 'done' : 'EINVAL']);
      toy.hook = undefined;
      checkPools(engine);
      for (const one of [zram, snapshot, other]) one.destroy();
      expect(engine.memory.used).toBe(used);
    }
  }
});
