/** Whatever is reported as saved can be loaded: names and settings of every kind. */
import { expect, jest, test } from '@jest/globals';
import fc from 'fast-check';
import { Engine, Zram, ZramSnapshot, type Saved } from '../../bindings/index.js';
import { PAGE_SIZE } from '../support/pages.js';
import { Random, seedOfRun } from '../support/random.js';
import { referenceLoad } from '../support/reference-save.js';
import { engineOf } from '../support/raw-core.js';
import { fileOf, partsOf } from '../support/save-sections.js';
import { MemorySink, savedAll } from './support.js';

jest.setTimeout(120_000);

const SEED = seedOfRun();

const name = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 20 }),
  fc.string({ unit: fc.integer({ min: 0, max: 0xffff }).map((code) => String.fromCharCode(code)), maxLength: 8 }),
  fc.constantFrom(
    '',
    '\0',
    '\ud800',
    '\udc00\ud800',
    '__proto__',
    'constructor',
    'x'.repeat(70_000),
    '\ufeff',
    '"\\/\n',
  ),
);
const level = fc.option(fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 }), { nil: undefined });
/** deflate's that a device is made with. */
const levelOfDeflate = fc.option(fc.integer({ min: -1, max: 9 }), { nil: undefined });
const algorithm = fc.oneof(
  fc.record({ algo: fc.constant('lz4'), level }),
  fc.record({ algo: fc.constant('deflate'), level: levelOfDeflate }),
);
const settings = fc.record({
  disksize: fc.oneof(fc.constantFrom(1, 4096, 2 ** 44 - 4096), fc.integer({ min: 1, max: 2 ** 40 })),
  primary: algorithm,
  dictionary: fc.option(fc.uint8Array({ maxLength: 50 }), { nil: undefined }),
  recompAlgorithms: fc.array(algorithm, { maxLength: 3 }),
  verifyCompressors: fc.boolean(),
  memLimit: fc.oneof(fc.constant(0), fc.maxSafeNat()),
  dedup: fc.boolean(),
  trackEntryActime: fc.boolean(),
  kernel: fc.constantFrom(undefined, '6.12' as const, '6.18' as const, '7.1' as const),
  chainSize: fc.constantFrom(undefined, 4 as const, 8 as const, 16 as const),
  shrinker: fc.option(fc.boolean(), { nil: undefined }),
});

type Settings = typeof settings extends fc.Arbitrary<infer T> ? T : never;

function made(engine: Engine, { primary, dictionary, memLimit, ...rest }: Settings): Zram {
  const { algo: compAlgorithm, level } = primary;
  const zram = engine.createZram({
    ...rest,
    compAlgorithm,
    level,
    dictionary: compAlgorithm === 'deflate' ? dictionary : undefined,
  });
  zram.write(0, Uint8Array.of(1, 2, 3));
  zram.sysfs.write('mem_limit', String(memLimit)); // it may be less than there is
  return zram;
}

test('any names, settings and comment come back', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.uniqueArray(name, { minLength: 1, maxLength: 5 }),
      settings,
      name,
      async (names, options, comment) => {
        const engine = engineOf('release');
        const zram = made(engine, options);
        const things = names.map((each, n) => [each, n % 2 === 0 ? zram : zram.snapshot()] as const);
        const file = await savedAll(new Map(things), { comment });
        expect(referenceLoad(file).devices.map((device) => device.name)).toEqual(names);
        const loaded = await engine.loadAll(file);
        expect([...loaded.devices.keys()]).toEqual(names);
        expect(loaded.comment).toBe(comment);
        for (const [n, device] of [...loaded.devices.values()].entries()) {
          expect(device).toBeInstanceOf(n % 2 === 0 ? Zram : ZramSnapshot);
          expect(device.read(0, 1)).toEqual(Uint8Array.of(1));
          if (!(device instanceof Zram)) continue;
          for (const attribute of ['disksize', 'comp_algorithm', 'recomp_algorithm'])
            expect(device.sysfs.read(attribute)).toBe(zram.sysfs.read(attribute));
          expect(device.mmStat.memLimit).toBe(zram.mmStat.memLimit);
          expect(device.kernel).toBe(options.kernel ?? '6.18');
        }
        // What a device is after `reset` depends on whether its kernel was named.
        const [device] = [...loaded.devices.values()];
        for (const one of [zram, device as Zram]) one.reset();
        expect((device as Zram).sysfs.read('comp_algorithm')).toBe(zram.sysfs.read('comp_algorithm'));
        engine.destroy();
      },
    ),
    { seed: SEED | 0, numRuns: 60, endOnFailure: true },
  );
});

test.each<[string, (zram: Zram) => unknown]>([
  [
    'entries of a generator',
    (zram) => ({
      *entries() {
        for (let n = 0; n < 2; n++) yield ['disk', zram];
      },
    }),
  ],
  [
    'a list of entries',
    (zram) => ({
      entries: () => [
        ['disk', zram],
        ['other', zram],
        ['disk', zram],
      ],
    }),
  ],
  ['FormData and its like', (zram) => ({ entries: () => new Map([[Symbol('a'), zram]]).entries() })],
  ['a name that is a number', (zram) => new Map([[7, zram]])],
  ['a name that is too long', (zram) => new Map([['x'.repeat(17 * 1024 * 1024), zram]])],
  ['a name whose JSON is too long', (zram) => new Map([['\0'.repeat(3 * 1024 * 1024), zram]])],
  ['entries that are no pairs', () => ({ entries: () => [7] })],
  ['entries that cannot be gone through', () => ({ entries: () => 7 })],
  ['a list with a hole', (zram) => [zram, , zram]], // eslint-disable-line no-sparse-arrays
])('%s: EINVAL, before anything is written', async (_name, saved) => {
  const engine = engineOf('release');
  const zram = engine.createZram({ disksize: '1M' });
  const { used } = engine.memory;
  const sink = new MemorySink();
  await expect(Zram.saveAll(sink, saved(zram) as Saved)).rejects.toMatchObject({ code: 'EINVAL' });
  expect(sink.pieces).toEqual([]);
  expect(engine.memory.used).toBe(used);
  engine.destroy();
});

test('a file whose devices have different kernels is refused: they are loaded to one pool', async () => {
  using engine = engineOf('release');
  const pool = engine.createPool({ kernel: '6.1' });
  const [a, b] = [0, 1].map(() => engine.createZram({ disksize: '1M', pool }));
  const { preamble, sections } = partsOf(await savedAll({ a, b }));
  const changed = sections.map(({ type, payload }) => {
    const text = Buffer.from(payload).toString('latin1');
    const isSecond = type === 'DEVC' && text.includes('"name":"b"');
    return { type, payload: isSecond ? Buffer.from(text.replace('"6.1"', '"7.1"'), 'latin1') : payload };
  });
  expect((await engine.loadAll(fileOf(preamble, sections))).devices.get('b')).toHaveProperty('kernel', '6.1');
  const file = fileOf(preamble, changed);
  for (const options of [undefined, { pool }, { kernel: '6.1' as const }]) {
    await expect(engine.loadAll(file, options)).rejects.toMatchObject({ code: 'EINVAL' });
  }
  expect(() => referenceLoad(file)).toThrow(/kernel/);
});

test('a comment that is too long: EINVAL, before anything is written', async () => {
  const engine = engineOf('release');
  const zram = engine.createZram({ disksize: '1M' });
  const sink = new MemorySink();
  await expect(Zram.saveAll(sink, [zram], { comment: 'x'.repeat(2 ** 24) })).rejects.toMatchObject({ code: 'EINVAL' });
  expect(sink.pieces).toEqual([]);
  const comment = 'é'.repeat(8_000_000);
  expect((await engine.loadAll(await savedAll([zram], { comment }))).comment).toBe(comment);
  engine.destroy();
});

test('an attachment comes back, in one array, from pieces of any length', async () => {
  const engine = engineOf('release');
  const zram = engine.createZram({ disksize: '1M' });
  const noise = new Random(5, 'attachment').fill(new Uint8Array(700_000));
  const cases: [Uint8Array | Uint8Array[], Uint8Array][] = [
    [noise, noise],
    [[noise.subarray(0, 1), noise.subarray(1, 1), noise.subarray(1)], noise],
    [new Uint8Array(0), new Uint8Array(0)],
    [[], new Uint8Array(0)],
  ];
  for (const [attachment, expected] of cases) {
    const loaded = await engine.loadAll(await savedAll([zram], { attachment }));
    expect(Buffer.compare(loaded.attachment ?? noise, expected)).toBe(0);
    for (const device of loaded.devices.values()) device.destroy();
  }
  const failing = function* (): Generator<Uint8Array> {
    yield noise;
    throw new Error('no more');
  };
  const { used } = engine.memory;
  await expect(savedAll([zram], { attachment: failing() })).rejects.toMatchObject({ code: 'EIO' });
  await expect(savedAll([zram], { attachment: [noise, 'text' as never] })).rejects.toMatchObject({ code: 'EINVAL' });
  expect(engine.memory.used).toBe(used);
  engine.destroy();
});

test('entries are gone through once, and each is looked at once', async () => {
  const engine = engineOf('release');
  const zram = engine.createZram({ disksize: '1M' });
  let looks = 0;
  const pair = Object.defineProperty(['', zram], '0', { get: () => `${looks++}` });
  await Zram.saveAll(new MemorySink(), { entries: () => [pair, pair] } as unknown as Saved);
  expect(looks).toBe(2);
  engine.destroy();
});

test('a page whose object does not decompress is EIO: a file that cannot be loaded is none', async () => {
  const engine = engineOf('release');
  let broken = false;
  engine.registerCompressor({
    name: 'breaking',
    compress: (page) => page.slice(0, 100),
    decompress: (block) => {
      const page = new Uint8Array(PAGE_SIZE);
      if (!broken) page.set(block);
      return page;
    },
  });
  const zram = engine.createZram({ disksize: '1M', compAlgorithm: 'breaking' });
  zram.writePage(0, new Uint8Array(PAGE_SIZE).fill(7, 0, 90));
  await engine.loadZram(await savedAll([zram]));
  broken = true; // what it makes now is same-filled, which no object is
  await expect(zram.save(new MemorySink())).rejects.toMatchObject({ code: 'EIO' });
  engine.destroy();
});
