/** Pages that are compressed on one device and stored on another: as if each had been written there. */
import { afterAll, describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { Engine, type Zram, type ZramOptions } from '../../bindings/index.js';
import { codeOf, errorOf } from '../support/errors.js';
import { blend, generatedSets, PAGE_SIZE, pageCount, pageOf, sameBytes } from '../support/pages.js';
import { Random, seedOfRun } from '../support/random.js';

const DISK_PAGES = 24;
const RUNS = Number(process.env.RUNS ?? 30);
const HOSTILE = Number(process.env.HOSTILE ?? 1000);
const seed = seedOfRun();
const set = blend('all', seed, generatedSets(seed), 12);
const pages = Array.from({ length: pageCount(set) }, (_, n) => pageOf(set, n));
const engine = Engine.createSync();
const elsewhere = Engine.createSync();
afterAll(() => {
  engine.destroy();
  elsewhere.destroy();
});

const COMPRESSORS: readonly (readonly [string, ZramOptions])[] = [
  ['lz4', {}],
  ['lz4, faster', { level: 9 }],
  ['lzo-rle', { compAlgorithm: 'lzo-rle' }],
  ['lzo', { compAlgorithm: 'lzo' }],
  ['lz4hc', { compAlgorithm: 'lz4hc', level: 4 }],
  ['deflate with a dictionary', { compAlgorithm: 'deflate', level: 3, dictionary: pages[3].slice(0, 500) }],
  ...(engine.compressors.includes('zstd') ? [['zstd', { compAlgorithm: 'zstd', level: 1 }] as const] : []),
];
const make = (options: ZramOptions, on = engine): Zram =>
  on.createZram({ disksize: DISK_PAGES * PAGE_SIZE, ...options });

/** Everything that can be seen of a device, but the times and what the random key of a hash decides. */
function stateOf(zram: Zram): unknown {
  const states = Array.from({ length: DISK_PAGES }, (_, n) => zram.blockState(n));
  return { mmStat: zram.mmStat, ioStat: zram.ioStat, states };
}

type Step = readonly ['write', slot: number, page: number] | readonly ['discard' | 'merge', slot: number];

const slot = fc.integer({ min: 0, max: DISK_PAGES - 1 });
const step = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.tuple(fc.constant('write' as const), slot, fc.integer({ min: 0, max: pages.length - 1 })),
  },
  { weight: 1, arbitrary: fc.tuple(fc.constantFrom('discard' as const, 'merge' as const), slot) },
);

describe.each(COMPRESSORS)('%s', (name, options) => {
  test.each([{}, { dedup: true }, { verifyCompressors: true, memLimit: 32768 }, { kernel: '6.1' as const }])(
    'with %j, a device of compressed pages is the one that was written',
    (more) => {
      const check = (steps: readonly Step[]): void => {
        const [written, stored] = [make({ ...options, ...more }), make({ ...options, ...more })];
        const compressing = make({ ...options, ...more }, elsewhere);
        const shared = new Uint8Array(new SharedArrayBuffer(PAGE_SIZE));
        for (const [kind, at, n] of steps) {
          if (kind === 'merge') for (const each of [written, stored]) each.merge();
          else if (kind === 'discard') for (const each of [written, stored]) each.discard(at * PAGE_SIZE, PAGE_SIZE);
          else {
            const block = compressing.compressPage(pages[n ?? 0], shared);
            expect(block.buffer).toBe(shared.buffer);
            expect(sameBytes(compressing.compressPage(pages[n ?? 0]), block)).toBe(true);
            const codes = [
              codeOf(() => stored.writeCompressed(at, block)),
              codeOf(() => written.writePage(at, pages[n ?? 0])),
            ];
            expect(codes[0]).toBe(codes[1]);
          }
          expect(stateOf(stored)).toEqual(stateOf(written));
          expect(sameBytes(stored.readPage(at), written.readPage(at))).toBe(true);
        }
        expect(compressing.mmStat).toMatchObject({ origDataSize: 0, memUsedTotal: 0 });
        for (const each of [written, stored, compressing]) each.destroy();
      };
      fc.assert(fc.property(fc.array(step, { maxLength: 60 }), check), { seed, numRuns: RUNS });
    },
    120_000,
  );

  test('a block that holds no page is refused and changes nothing; what is accepted can be read', () => {
    const zram = make(options);
    const random = new Random(seed, name);
    const blocks = pages.map((page) => zram.compressPage(page)).filter(({ length }) => length < PAGE_SIZE);
    let refused = 0;
    zram.writePage(5, pages[0]);
    for (let n = 0; n < HOSTILE; n++) {
      const block = Uint8Array.from(random.pick(blocks));
      for (let changes = random.between(0, 3); changes > 0; changes--)
        block[random.below(block.length)] = random.below(256);
      const cut = random.chance(30) ? block.subarray(0, random.between(1, block.length)) : block;
      const [before, content] = [stateOf(zram), zram.readPage(5)];
      const code = codeOf(() => zram.writeCompressed(5, cut));
      const now = zram.readPage(5);
      if (code === undefined) continue;
      refused++;
      expect(code).toBe('EINVAL');
      expect(sameBytes(now, content)).toBe(true);
      expect((stateOf(zram) as { mmStat: unknown }).mmStat).toEqual((before as { mmStat: unknown }).mmStat);
    }
    expect(refused).toBeGreaterThan(HOSTILE / 20);
    zram.destroy();
  }, 60_000);
});

test('a block of a same-filled page is stored as its value', () => {
  const zram = make({});
  // 0x1f: one literal, a match of 19 bytes more by each of sixteen bytes 255, and the five literals at the end.
  const zeros = Uint8Array.of(
    0x1f,
    0,
    1,
    0,
    ...new Array<number>(15).fill(255),
    4090 - 19 - 15 * 255,
    0x50,
    0,
    0,
    0,
    0,
    0,
  );
  zram.writeCompressed(3, zeros);
  expect(zram.blockState(3)).toMatchObject({ same: true, comprSize: 0 });
  expect(zram.mmStat).toMatchObject({ samePages: 1, comprDataSize: 0 });
});

test('the refusal says what is expected', () => {
  const zram = make({ compAlgorithm: 'lzo' });
  expect(errorOf(() => zram.writeCompressed(0, new Uint8Array(30))).message).toBe(
    'EINVAL: the block must be one that lzo decompresses to a page of 4096 bytes.',
  );
  expect(errorOf(() => zram.writeCompressed(0, new Uint8Array(4097))).message).toMatch(/1 to 4096 bytes, not 4097/);
});

test('a compressor that fails, or ends the device while it is asked', () => {
  let act = (): void => undefined;
  const own = Engine.createSync();
  own.registerCompressor({
    name: 'odd',
    compress: (page) => {
      act();
      return page.slice(0, 100);
    },
    decompress: (block) => {
      act();
      const page = new Uint8Array(PAGE_SIZE);
      page.set(block);
      return page;
    },
  });
  const zram = make({ compAlgorithm: 'odd' }, own);
  const page = new Uint8Array(PAGE_SIZE).fill(7, 0, 50);
  const block = zram.compressPage(page);
  zram.writeCompressed(2, block);
  expect(sameBytes(zram.readPage(2), page)).toBe(true);
  act = () => {
    throw new Error('spoilt');
  };
  expect(codeOf(() => zram.compressPage(page))).toBe('EIO');
  expect(codeOf(() => zram.writeCompressed(2, block))).toBe('EINVAL');
  // A page that the compressor changes while it has it is compressed as it was.
  act = () => page.fill(9);
  zram.writeCompressed(2, zram.compressPage(Uint8Array.from(page)));
  expect(zram.ioStat.failedWrites).toBe(0);
  act = () => zram.destroy();
  expect(codeOf(() => zram.writeCompressed(2, block))).toBe('EINVAL');
  const again = make({ compAlgorithm: 'odd' }, own);
  act = () => again.destroy();
  expect(codeOf(() => again.compressPage(pages[1]))).toBe('EINVAL');
  own.destroy();
});
