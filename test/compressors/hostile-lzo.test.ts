/**
 * Streams that nobody's compressor made, to the LZO decoder: at the exact end of memory both builds answer what an obviously right
 * decoder answers, and touch nothing else. ZRAM_WASM_LONG=1 tries two million instead of some ten thousand.
 */
import { describe, expect, test } from '@jest/globals';
import { compressorPages } from '../support/compressor-pages.js';
import { BareCompressors } from '../support/compressors.js';
import { generatedSets, PAGE_SIZE, pageCount, pageOf } from '../support/pages.js';
import { Random, seedOfRun } from '../support/random.js';
import { BUILDS } from '../support/raw-core.js';
import { referenceLzo } from '../support/reference-lzo.js';

const HOSTILE = process.env.ZRAM_WASM_LONG === '1' ? 1_000_000 : 6_000;
const seed = seedOfRun();
const modules = BUILDS.map((build) => new BareCompressors(build));

/** @returns whether the stream was accepted */
function expectAsReference(block: Uint8Array): boolean {
  const reference = referenceLzo(block);
  for (const [n, module] of modules.entries()) {
    const decoded = module.decodeLzo(block);
    if (decoded === undefined && reference === undefined) continue;
    if (!decoded || !reference || Buffer.compare(decoded, reference) !== 0)
      throw new Error(`${BUILDS[n]} differs from the reference, seed ${seed}: ${Buffer.from(block).toString('hex')}`);
  }
  return reference !== undefined;
}

function streams(): Uint8Array[] {
  const pages = [
    ...compressorPages().map(({ page }) => page),
    ...generatedSets(seed).flatMap((set) =>
      Array.from({ length: Math.min(pageCount(set), 20) }, (_, n) => pageOf(set, n)),
    ),
  ];
  return pages.flatMap((page) => (['lzo', 'lzo-rle'] as const).map((name) => modules[1].compress(name, page)));
}

/** Bytes of a stream that mean something to instructions, more often than others. */
const TELLING = [0, 0, 1, 15, 16, 17, 18, 24, 31, 32, 33, 63, 64, 252, 255, 255];

/** A stream that was damaged, cut, spliced or lengthened, or bytes of no meaning. */
function hostile(random: Random, blocks: readonly Uint8Array[]): Uint8Array {
  const bytes = (length: number): number[] =>
    Array.from({ length }, () => (random.chance(40) ? random.pick(TELLING) : random.below(256)));
  if (random.below(10) === 0)
    return Uint8Array.from([...bytes(random.below(80)), ...(random.chance(50) ? [17, 0, 0] : [])]);
  let block = random.pick(blocks).slice();
  if (random.chance(20)) {
    const at = random.below(block.length);
    const other = random.pick(blocks);
    block = Uint8Array.from([
      ...block.subarray(0, at),
      ...bytes(random.below(5)),
      ...other.subarray(random.below(other.length)),
    ]);
  }
  for (let n = random.below(5); n > 0; n--) {
    block[random.below(block.length)] = random.chance(40) ? random.pick(TELLING) : random.below(256);
  }
  return random.chance(20) ? block.subarray(0, random.below(block.length + 1)) : block;
}

/** Literals enough for a page, then an instruction by hand, and what makes the page full behind it. */
function around(instruction: readonly number[], before: number, length: number): Uint8Array {
  const head = [0, ...Array<number>(Math.ceil((before - 18) / 255) - 1).fill(0), ((before - 19) % 255) + 1];
  const text = Array.from({ length: before }, (_, n) => (n * 31) & 255);
  const rest = PAGE_SIZE - before - length;
  const tail = rest < 0 ? [] : rest < 4 ? [] : literalsOf(rest);
  return Uint8Array.from([...head, ...text, ...instruction, ...tail, 17, 0, 0]);
}

function literalsOf(count: number): number[] {
  const text = Array<number>(count).fill(7);
  if (count <= 18) return [count - 3, ...text];
  return [0, ...Array<number>(Math.ceil((count - 18) / 255) - 1).fill(0), ((count - 19) % 255) + 1, ...text];
}

describe('streams made by hand', () => {
  test('the empty one, the end alone, every single byte, every pair before an end', () => {
    for (const block of [[], [17], [17, 0], [17, 0, 0], [17, 1], [17, 1, 17, 0, 0]]) {
      expect(expectAsReference(Uint8Array.from(block))).toBe(false);
    }
    for (let first = 0; first < 256; first++) {
      expectAsReference(Uint8Array.of(first));
      for (let second = 0; second < 256; second++) expectAsReference(Uint8Array.of(first, second, 17, 0, 0));
    }
  });

  test('every kind of match and its borders', () => {
    let accepted = 0;
    const before = 2100;
    for (let code = 0; code < 16; code++) {
      for (const high of [0, 1, 12, 13, 255]) {
        accepted += Number(expectAsReference(around([code & 12, high], before, 3)));
        accepted += Number(expectAsReference(around([code, high, 1, 2, 3], before, 3 + (code & 3))));
      }
    }
    for (let code = 64; code < 256; code++) {
      for (const high of [0, 1, 5, 6, 255]) {
        const instruction = [code, high, 1, 2, 3].slice(0, 2 + (code & 3));
        accepted += Number(expectAsReference(around(instruction, before, (code >> 5) + 1 + (code & 3))));
      }
    }
    for (let code = 32; code < 64; code++) {
      for (const distance of [1, 2, 3, 7, 8, 15, 16, 17, 2099, 2100, 2101, 16384]) {
        const [low, high] = [((distance - 1) << 2) & 255, (distance - 1) >> 6];
        for (const more of code === 32 ? [[1], [255], [0, 200], [0, 0, 255], [0, 0, 0, 0, 0, 0, 0, 1]] : [[]]) {
          const extra = 255 * (more.length - 1) + (more.at(-1) ?? 0);
          const length = more.length > 0 ? 33 + extra : code - 30;
          accepted += Number(expectAsReference(around([code, ...more, low, high], before, length)));
        }
      }
    }
    expect(accepted).toBeGreaterThan(600);
  });

  test('runs of zeros are lzo-rle alone; what is like them and is none is refused', () => {
    const run = [24 + 5, 252, 255, 10];
    const plain = around(run, 100, 89);
    expect(expectAsReference(plain)).toBe(false);
    expect(expectAsReference(Uint8Array.from([17, 1, ...plain]))).toBe(true);
    for (const [at, value] of [
      [0, 23],
      [1, 251],
      [2, 254],
      [0, 31],
      [3, 255],
    ] as const) {
      const changed = run.slice();
      changed[at] = value;
      expectAsReference(Uint8Array.from([17, 1, ...around(changed, 100, 89)]));
    }
  });

  test('a first byte that counts literals', () => {
    for (let count = 1; count < 239; count++) {
      const text = Array.from({ length: count }, (_, n) => n);
      const rest = literalsOf(PAGE_SIZE - count - 4);
      const match = count < 4 ? [32 + 2, 0, 0] : [96, 0, 0];
      for (const header of [[], [17, 1]])
        expectAsReference(Uint8Array.from([...header, 17 + count, ...text, ...match, ...rest, 17, 0, 0]));
    }
  });
});

test(`${HOSTILE} mutated and random streams, seed ${seed}`, () => {
  const random = new Random(seed, 'hostile lzo');
  const blocks = streams();
  for (const block of blocks) expect(expectAsReference(block)).toBe(true);
  let accepted = 0;
  for (let n = 0; n < HOSTILE; n++) accepted += Number(expectAsReference(hostile(random, blocks)));
  expect(accepted).toBeGreaterThan(HOSTILE / 50); // some still hold a page, another one
  expect(accepted).toBeLessThan(HOSTILE / 2);
}, 6_000_000);

test('streams that are cut anywhere', () => {
  const [block] = streams().slice(40);
  for (let length = 0; length < block.length; length++)
    expect(expectAsReference(block.subarray(0, length))).toBe(false);
});
