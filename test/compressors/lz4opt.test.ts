/**
 * Blocks of lz4hc with `favorDecSpeed`: decoders written from the format read them, and none of the ways to say a page with the
 * matches that it has would cost less.
 */
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { compressorPages } from '../support/compressor-pages.js';
import { BareCompressors } from '../support/compressors.js';
import { generatedSets, PAGE_SIZE, pageCount, pageOf } from '../support/pages.js';
import { Random, seedOfRun } from '../support/random.js';
import { BUILDS } from '../support/raw-core.js';
import { referenceDecode } from '../support/reference-lz4.js';

const seed = seedOfRun();
const RUNS = Number(process.env.RUNS ?? 25);
const FAVORS = [1, 6, 9, 16];
const modules = BUILDS.map((build) => new BareCompressors(build, 'optimal'));
const [one] = modules;
const others = new BareCompressors('release');

/** Its literals, and the length of its match; 0: the last one. */
type Sequence = readonly [literals: number, match: number];

/** Nothing but the lengths. */
function sequencesOf(block: Uint8Array): Sequence[] {
  const found: Sequence[] = [];
  for (let at = 0; ;) {
    const token = block[at++];
    const rest = (nibble: number): number => {
      let length = nibble;
      if (nibble === 15)
        do length += block[at];
        while (block[at++] === 255);
      return length;
    };
    const literals = rest(token >> 4);
    at += literals;
    if (at === block.length) return [...found, [literals, 0]];
    at += 2;
    found.push([literals, rest(token & 15) + 4]);
  }
}

/** As assembly/compressors/lz4opt-compress.ts has it: sixteenths of a byte. A second byte of a length is not counted. */
function costOf(literals: number, match: number, favor: number): number {
  const bytes = 1 + literals + (literals >= 15 ? 1 : 0);
  if (match === 0) return 16 * bytes;
  const nanoseconds = 2 + (literals >= 15 ? 8 : 0) + (match > 16 ? 6 : 0);
  return 16 * (bytes + 2 + (match >= 19 ? 1 : 0)) + favor * nanoseconds;
}

const blockCost = (block: Uint8Array, favor: number): number =>
  sequencesOf(block).reduce((sum, [literals, match]) => sum + costOf(literals, match, favor), 0);

/** The length of the longest match at each place, by trying all. */
function longestMatches(page: Uint8Array): number[] {
  return Array.from({ length: PAGE_SIZE }, (_, at) => {
    if (at >= PAGE_SIZE - 12) return 0;
    let longest = 0;
    for (let from = 0; from < at; from++) {
      if (page[from] !== page[at]) continue;
      let length = 1;
      while (at + length < PAGE_SIZE - 5 && page[from + length] === page[at + length]) length++;
      longest = Math.max(longest, length);
    }
    return longest < 4 ? 0 : longest;
  });
}

/**
 * The least that a page can cost: of each sequence every number of literals is tried, with the length of the match that is best at
 * its place, whatever comes before. Lengths are up to 19, or the whole.
 */
function leastCost(page: Uint8Array, favor: number): number {
  const longest = longestMatches(page);
  const least = new Array<number>(PAGE_SIZE + 1).fill(Infinity);
  const best = new Array<number>(PAGE_SIZE).fill(0);
  const after = (place: number, match: number): number => costOf(0, match, favor) + least[place + match];
  for (let at = PAGE_SIZE; at >= 0; at--) {
    least[at] = costOf(PAGE_SIZE - at, 0, favor);
    for (let match = 4; match <= (longest[at] ?? 0); match++) {
      if (match > 19 && match < longest[at]) continue;
      if (best[at] === 0 || after(at, match) < after(at, best[at])) best[at] = match;
    }
    for (let place = at; place < PAGE_SIZE; place++) {
      if (best[place] === 0) continue;
      const cost = costOf(place - at, best[place], favor) + least[place + best[place]];
      least[at] = Math.min(least[at], cost);
    }
  }
  return least[0];
}

/** Words of a few: many short matches, and none so long that places in it are not searched. */
function wordy(random: Random): Uint8Array {
  const page = random.fill(new Uint8Array(PAGE_SIZE));
  const words = Array.from({ length: random.between(2, 40) }, () => random.fill(new Uint8Array(random.between(3, 24))));
  for (let at = random.below(500); at < PAGE_SIZE - 24;) {
    const word = random.pick(words);
    page.set(word, at);
    at += word.length + (random.chance(60) ? random.below(4) : random.below(30));
  }
  return page;
}

function expectRead(page: Uint8Array, level: number, favor: number): void {
  const blocks = modules.map((each) => each.compress(`lz4opt:${level}:${favor}`, page));
  expect(Buffer.compare(blocks[0], blocks[1])).toBe(0);
  expect(Buffer.compare(referenceDecode(blocks[0], PAGE_SIZE)!, page)).toBe(0);
  expect(blocks[0].length).toBeLessThanOrEqual(PAGE_SIZE + 18);
}

test('pages of all kinds', () => {
  const generated = generatedSets(seed).flatMap((set) =>
    Array.from({ length: Math.min(pageCount(set), 12) }, (_, n) => pageOf(set, n)),
  );
  for (const page of [...compressorPages().map(({ page }) => page), ...generated]) {
    for (const favor of FAVORS) expectRead(page, 0, favor);
  }
});

test('any bytes', () => {
  const property = fc.property(fc.nat(), fc.integer({ min: 1, max: 16 }), fc.nat({ max: 16 }), (n, favor, level) => {
    const random = new Random(n, 'any page');
    const page = wordy(random);
    if (random.chance(40)) page.fill(random.below(3), random.below(PAGE_SIZE), PAGE_SIZE - random.below(20));
    if (random.chance(40)) page.copyWithin(random.below(PAGE_SIZE), 0, random.below(PAGE_SIZE));
    expectRead(page, level, favor);
  });
  fc.assert(property, { seed, numRuns: 8 * RUNS });
});

test('no way to say a page with its matches costs less', () => {
  for (let n = 0; n < RUNS / 4; n++) {
    const random = new Random(seed + n, 'a page of words');
    const page = wordy(random);
    const favor = random.between(1, 16);
    expect([n, blockCost(one.compress(`lz4opt:16:${favor}`, page), favor)]).toEqual([n, leastCost(page, favor)]);
  }
});

describe('what is favored', () => {
  const pages = compressorPages().map(({ page }) => page);
  const all = (favor: number): { bytes: number; nanoseconds: number } => {
    const blocks = pages.map((page) => one.compress(`lz4opt:0:${favor}`, page));
    const bytes = blocks.reduce((sum, { length }) => sum + length, 0);
    const timed = blocks.reduce((sum, block) => sum + blockCost(block, 1) - blockCost(block, 0), 0);
    return { bytes, nanoseconds: timed };
  };

  test('more of it takes less time and more bytes; beyond 16 it is 16', () => {
    const found = FAVORS.map(all);
    for (const [n, { bytes, nanoseconds }] of found.entries()) {
      if (n === 0) continue;
      expect(bytes).toBeGreaterThan(found[n - 1].bytes);
      expect(nanoseconds).toBeLessThan(found[n - 1].nanoseconds);
    }
    expect(all(1000)).toEqual(all(16));
  });

  test('with 1 the blocks are as small as those of lz4hc, and faster; with 6 faster again', () => {
    const hc = pages.map((page) => others.compress('lz4hc:9', page));
    const bytes = hc.reduce((sum, { length }) => sum + length, 0);
    const nanoseconds = hc.reduce((sum, block) => sum + blockCost(block, 1) - blockCost(block, 0), 0);
    expect(all(1).bytes).toBeLessThan(1.01 * bytes);
    expect(all(1).nanoseconds).toBeLessThan(nanoseconds);
    expect(all(6).nanoseconds).toBeLessThan(0.9 * nanoseconds);
  });

  test('levels: below 1 is 6, above 16 is 16', () => {
    for (const page of pages.slice(0, 40)) {
      const [below, zero, six, sixteen, above] = [-5, 0, 6, 16, 99].map((level) =>
        Buffer.from(one.compress(`lz4opt:${level}:6`, page)).toString('latin1'),
      );
      expect([below, zero]).toEqual([six, six]);
      expect(above).toBe(sixteen);
    }
  });
});
