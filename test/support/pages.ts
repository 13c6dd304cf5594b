/**
 * Pages that the tests store: generated ones, the same from the same seed on every machine, as named data sets.
 *
 * Each set is there for one path of zram: the same-filled test, raw ("huge") storage and its threshold, the matches of
 * LZ4, or the spread over the size classes of zsmalloc. Real pages are in real-pages.ts.
 */
import { GOLDEN_VECTORS } from './golden-vectors.js';
import { Random } from './random.js';

export const PAGE_SIZE = 4096;

export interface DataSet {
  readonly name: string;
  /** A multiple of PAGE_SIZE bytes. */
  readonly pages: Uint8Array;
}

export function pageCount(set: DataSet): number {
  return set.pages.length / PAGE_SIZE;
}

/** A view of one page of the set. */
export function pageOf(set: DataSet, index: number): Uint8Array {
  return set.pages.subarray(index * PAGE_SIZE, (index + 1) * PAGE_SIZE);
}

/** Quicker than a matcher, which compares element by element. */
export function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  return Buffer.compare(a, b) === 0;
}

export function zeroPage(): Uint8Array {
  return new Uint8Array(PAGE_SIZE);
}

/** A random unit of 1, 2, 4, 8 or 16 bytes, repeated. All but the 16 are "same-filled" for zram. */
export function repeatPage(random: Random, unitBytes: number): Uint8Array {
  const unit = random.fill(new Uint8Array(unitBytes));
  const page = zeroPage();
  for (let i = 0; i < PAGE_SIZE; i++) page[i] = unit[i % unitBytes];
  return page;
}

export function randomPage(random: Random): Uint8Array {
  return random.fill(zeroPage());
}

/** Random bytes and then zeros: LZ4 makes a little more than `prefixBytes` of it, so any object size can be hit. */
export function prefixPage(random: Random, prefixBytes: number): Uint8Array {
  const page = zeroPage();
  random.fill(page.subarray(0, prefixBytes));
  return page;
}

const SYLLABLES = 'ba ce di fo gu la me ni po ru sa te vi xo zy an en in on un str pre tion ness ment able'.split(' ');

function vocabulary(random: Random): string[] {
  return Array.from({ length: 300 }, () => {
    let word = '';
    for (let n = random.between(1, 4); n > 0; n--) word += random.pick(SYLLABLES);
    return word;
  });
}

/** Squaring makes few words common and most of them rare, as in a language. */
function commonWord(random: Random, words: readonly string[]): string {
  const rank = random.below(1000) / 1000;
  return words[Math.floor(rank * rank * words.length)];
}

function prose(random: Random, words: readonly string[]): string {
  const sentence = Array.from({ length: random.between(4, 14) }, () => commonWord(random, words)).join(' ');
  return `${sentence.charAt(0).toUpperCase()}${sentence.slice(1)}${random.pick(['. ', '. ', '? ', ', and ', '.\n'])}`;
}

function json(random: Random, words: readonly string[]): string {
  const tags = Array.from({ length: random.below(4) }, () => commonWord(random, words));
  return `${JSON.stringify({
    id: random.below(1_000_000),
    name: commonWord(random, words),
    active: random.chance(70),
    score: random.below(10_000) / 100,
    tags,
    parent: random.chance(50) ? null : `/${commonWord(random, words)}/${random.below(500)}`,
  })},\n`;
}

/** Prose or JSON of invented words; how often the two alternate sets how well the page compresses. */
export function textPage(random: Random, words: readonly string[]): Uint8Array {
  const jsonPercent = random.pick([0, 10, 50, 90, 100]);
  let text = '';
  while (text.length < PAGE_SIZE) text += random.chance(jsonPercent) ? json(random, words) : prose(random, words);
  return new TextEncoder().encode(text).subarray(0, PAGE_SIZE);
}

/** What a heap holds: pointers into one region, small integers, short strings, free cells; the mix differs by page. */
export function heapPage(random: Random, words: readonly string[]): Uint8Array {
  const page = zeroPage();
  const view = new DataView(page.buffer);
  const region = random.below(1 << 20) * 0x10000;
  const pointerPercent = random.between(5, 60);
  const freePercent = random.between(0, 60);
  for (let at = 0; at < PAGE_SIZE;) {
    if (random.chance(freePercent)) {
      at += 8 * random.between(1, 12);
    } else if (random.chance(pointerPercent)) {
      view.setUint32(at, (region + random.below(0x2000) * 8) >>> 0, true);
      view.setUint32(at + 4, 0x7f3a, true);
      at += 8;
    } else if (random.chance(60)) {
      view.setUint32(at, random.below(random.pick([4, 256, 65536])), true);
      at += 8;
    } else {
      const cell = new TextEncoder().encode(commonWord(random, words)).subarray(0, PAGE_SIZE - at);
      page.set(cell, at);
      at += (cell.length + 8) & ~7;
    }
  }
  return page;
}

function setOf(name: string, count: number, page: (index: number) => Uint8Array): DataSet {
  const pages = new Uint8Array(count * PAGE_SIZE);
  for (let i = 0; i < count; i++) pages.set(page(i), i * PAGE_SIZE);
  return { name, pages };
}

/** A set with `each` pages, picked at random, from every one of `sets`. */
export function blend(name: string, seed: number, sets: readonly DataSet[], each: number): DataSet {
  const random = new Random(seed, name);
  return setOf(name, sets.length * each, (i) => {
    const set = sets[i % sets.length];
    return pageOf(set, random.below(pageCount(set)));
  });
}

/** Around the size from which zram stores a page as it is (chain 8: 3625 bytes). */
const HUGE_PREFIX_MIN = 3500;
const HUGE_PREFIX_MAX = 3699;
/** Objects of four small classes, up to 256 in a zspage: it takes a crowd of each to leave two zspages partly empty. */
const SMALL_PREFIX_MAX = 60;
const UNIT_BYTES = [1, 2, 4, 8, 16];

/** All generated data sets of a seed, and a blend of them. */
export function generatedSets(seed: number): DataSet[] {
  const stream = (name: string) => new Random(seed, name);
  const words = vocabulary(stream('words'));
  const repeats = stream('repeats');
  const random = stream('random');
  const prefixes = stream('prefixes');
  const classes = stream('classes');
  const small = stream('small');
  const text = stream('text');
  const heap = stream('heap');
  const sets = [
    setOf('zeros and repeats', 240, (i) => (i % 6 === 5 ? zeroPage() : repeatPage(repeats, UNIT_BYTES[i % 6]))),
    setOf('random', 200, () => randomPage(random)),
    setOf('random prefixes 3500..3699', HUGE_PREFIX_MAX - HUGE_PREFIX_MIN + 1, (i) =>
      prefixPage(prefixes, HUGE_PREFIX_MIN + i),
    ),
    setOf('all size classes', 512, () => prefixPage(classes, classes.below(PAGE_SIZE))),
    setOf('small objects', 100, () => prefixPage(small, small.between(1, SMALL_PREFIX_MAX))),
    setOf('text', 400, () => textPage(text, words)),
    setOf('heap', 400, () => heapPage(heap, words)),
    setOf('golden vectors', GOLDEN_VECTORS.length, (i) => (GOLDEN_VECTORS[i] as { page: Uint8Array }).page),
  ];
  return [...sets, blend('blend', seed, sets, 80)];
}
