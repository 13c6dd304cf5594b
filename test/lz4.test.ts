/**
 * LZ4: sizes that the kernel gave, round trips through an independent decoder, and a decoder that no input breaks.
 *
 * ZRAM_WASM_LONG=1 tries a million hostile blocks instead of some ten thousand.
 */
import { describe, expect, test } from '@jest/globals';
import { GOLDEN_VECTORS } from './support/golden-vectors.js';
import { decodeAtTheEnd, expectAsReference, expectHolds, hostile } from './support/lz4-checks.js';
import { PAGE_SIZE, generatedSets, pageCount, pageOf } from './support/pages.js';
import { Random, seedOfRun } from './support/random.js';
import {
  bareCore,
  BUILDS,
  engineOf,
  memoryOf,
  rawExports,
  roomAtTheEnd,
  withAddress,
  type RawExports,
} from './support/raw-core.js';
import { referenceDecode } from './support/reference-lz4.js';

const HUGE_CLASS_SIZE = 3625;
const HOSTILE = process.env.ZRAM_WASM_LONG === '1' ? 1_000_000 : 20_000;
const LEVELS = [1, 2, 4, 17, 64];
const seed = seedOfRun();

function compress(raw: RawExports, page: Uint8Array, level = 1): Uint8Array {
  const staging = raw.stagingAddress();
  memoryOf(raw).set(page, staging);
  const length = raw.lz4Compress(level);
  return memoryOf(raw).slice(staging + PAGE_SIZE, staging + PAGE_SIZE + length);
}

describe.each(BUILDS)('lz4 of the %s build', (build) => {
  const raw = bareCore(build);
  const { end } = roomAtTheEnd(raw);

  test.each(GOLDEN_VECTORS)('golden vector: $name', ({ page, comprSize }) => {
    const length = compress(raw, page).length;
    expect(length >= HUGE_CLASS_SIZE ? PAGE_SIZE : length).toBe(comprSize);
  });

  test.each(generatedSets(seed))('what it compresses decodes again, and is held: $name', (set) => {
    const bits = new Random(seed, `bits ${build} ${set.name}`);
    for (let index = 0; index < pageCount(set); index++) {
      const page = pageOf(set, index);
      const block = compress(raw, page, LEVELS[index % LEVELS.length]);
      if (index % 10 === 0) expect(Buffer.compare(referenceDecode(block, PAGE_SIZE)!, page)).toBe(0);
      expect(Buffer.compare(decodeAtTheEnd(raw, end, block, PAGE_SIZE)!, page)).toBe(0);
      for (let n = 0; n < 8; n++) expectHolds(raw, end, block, page, bits.below(PAGE_SIZE * 8));
    }
  });

  test('every construct of the format', () => {
    for (let offset = 1; offset <= 40; offset++) {
      for (const matched of [4, 5, 11, 18, 19, 20, 33, 34, 35, 273, 274, 529]) {
        for (const literals of [offset, offset + 1, offset + 14, offset + 300]) {
          const block = sequence(literals, offset, matched, 5);
          const length = literals + matched + 5;
          for (const room of [length, length + 1, length + 15, PAGE_SIZE, length - 1]) {
            if (room <= PAGE_SIZE) expectAsReference(raw, end, block, room);
          }
        }
      }
    }
  });

  test('blocks that are cut short, and blocks of nothing', () => {
    const [vector] = GOLDEN_VECTORS.slice(3, 4);
    const block = compress(raw, vector.page);
    for (let length = 0; length <= block.length; length++) {
      expectAsReference(raw, end, block.subarray(0, length), PAGE_SIZE);
    }
    expect(raw.lz4Decompress(end, 0, end - PAGE_SIZE, PAGE_SIZE)).toBeLessThan(0);
  });

  test(`${HOSTILE} mutated and random blocks, seed ${seed}`, () => {
    const random = new Random(seed, `hostile ${build}`);
    const blocks = generatedSets(seed).flatMap((set) =>
      Array.from({ length: 8 }, () => compress(raw, pageOf(set, random.below(pageCount(set))))),
    );
    for (let n = 0; n < HOSTILE; n++) {
      const block = hostile(random, blocks);
      expectAsReference(raw, end, block, 1 + random.below(PAGE_SIZE));
      expectHolds(raw, end, block, referenceDecode(block, PAGE_SIZE), random.below(PAGE_SIZE * 8));
    }
  });
});

test('a damaged page is EIO, counted, and the others are fine', () => {
  const engine = engineOf('debug');
  const { made: zram, device } = withAddress(engine, () => engine.createZram({ disksize: '1M' }));
  const page = GOLDEN_VECTORS[4].page;
  for (let index = 0; index < 10; index++) zram.writePage(index, page);
  const raw = rawExports(engine);
  memoryOf(raw).fill(0xff, raw.stagingAddress(), raw.stagingAddress() + 64);
  raw.corruptPage(device, 3, 64);
  const out = new Uint8Array(PAGE_SIZE).fill(7);
  expect(() => zram.readPage(3, out)).toThrow(expect.objectContaining({ code: 'EIO' }));
  expect(out.every((byte) => byte === 7)).toBe(true);
  expect(() => zram.readPages(0, 10)).toThrow(expect.objectContaining({ code: 'EIO', pagesDone: 3 }));
  expect(zram.ioStat.failedReads).toBe(2);
  const bytes = new Uint8Array(5 * PAGE_SIZE).fill(7);
  for (const [offset, pagesDone] of [
    [0, 3],
    [100, 3],
    [PAGE_SIZE, 2],
    [3 * PAGE_SIZE + 1, 0],
  ]) {
    const damaged = expect.objectContaining({ code: 'EIO', pagesDone });
    expect(() => zram.read(offset, bytes.length, bytes)).toThrow(damaged);
    const before = zram.read(offset, Math.max(0, 3 * PAGE_SIZE - offset));
    expect(Buffer.compare(bytes.subarray(0, before.length), before)).toBe(0);
  }
  // Its old rest is lost, so a part of it cannot be written; the page before it is.
  expect(() => zram.write(3 * PAGE_SIZE - 10, Buffer.concat([page.subarray(-10), page.subarray(0, 5)]))).toThrow(
    expect.objectContaining({ code: 'EIO', pagesDone: 1 }),
  );
  for (const index of [0, 1, 2, 4, 9]) expect(Buffer.compare(zram.readPage(index), page)).toBe(0);
  zram.writePage(3, page);
  expect(Buffer.compare(zram.readPage(3), page)).toBe(0);
  engine.destroy();
});

/** A block of one match between literals, made by hand. */
function sequence(literals: number, offset: number, matched: number, last: number): Uint8Array {
  const nibble = (n: number): number => Math.min(n, 15);
  const more = (n: number): number[] => {
    if (n < 15) return [];
    const rest = n - 15;
    return [...Array<number>(Math.floor(rest / 255)).fill(255), rest % 255];
  };
  const text = (n: number): number[] => Array.from({ length: n }, (_, i) => (i * 7 + n) & 255);
  return Uint8Array.from([
    (nibble(literals) << 4) | nibble(matched - 4),
    ...more(literals),
    ...text(literals),
    offset & 255,
    offset >> 8,
    ...more(matched - 4),
    nibble(last) << 4,
    ...more(last),
    ...text(last),
  ]);
}
