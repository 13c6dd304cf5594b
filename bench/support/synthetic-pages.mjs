/**
 * Pages of one's own making where there must be very many: random words, then zeros. LZ4 makes of each what its random
 * part is long, 1000 to 1400 bytes. A page is named by a number, and equal numbers give equal pages.
 */
import { Random } from './random.mjs';
import { MIB, PAGE_BYTES } from './settings.mjs';

const RANDOM_WORDS_MIN = 250;
const RANDOM_WORDS_MAX = 350;
const PAGE_WORDS = PAGE_BYTES / 4;
const BATCH_PAGES = MIB / PAGE_BYTES;

function makePage(name, words) {
  const random = new Random(name);
  const end = RANDOM_WORDS_MIN + random.below(RANDOM_WORDS_MAX - RANDOM_WORDS_MIN + 1);
  // The number itself makes sure that different numbers give different pages.
  words[0] = name;
  for (let n = 1; n < end; n++) words[n] = random.next();
  words.fill(0, end, PAGE_WORDS);
}

/** Numbers of pages of which each is, with the probability `share`, that of an earlier one. */
export class PageNames {
  #random = new Random(2);
  #share;
  #fresh = 0;
  names;

  constructor(count, share) {
    this.#share = share;
    this.names = new Uint32Array(count);
    for (let n = 0; n < count; n++) this.names[n] = this.#next(n);
  }

  #next(earlier) {
    const copies = earlier > 0 && this.#random.fraction() < this.#share;
    return copies ? this.names[this.#random.below(earlier)] : this.#fresh++;
  }

  /** Gives a share of the pages, picked by chance, new content of the same kind. @returns their places */
  change(share) {
    const { names } = this;
    const places = Array.from({ length: Math.round(names.length * share) }, () => this.#random.below(names.length));
    for (const place of places) names[place] = this.#next(names.length);
    return places;
  }

  /** Pages that could do without an object of their own. */
  get duplicates() {
    return this.names.length - new Set(this.names).size;
  }
}

/** Fills the beginning of `bytes` with the pages of these names. */
export function fillBatch(bytes, names) {
  const words = new Uint32Array(bytes.buffer);
  names.forEach((name, n) => makePage(name, words.subarray(n * PAGE_WORDS, (n + 1) * PAGE_WORDS)));
}

/** Writes all pages to a device. */
export function writeAll(zram, { names }) {
  const bytes = new Uint8Array(MIB);
  for (let from = 0; from < names.length; from += BATCH_PAGES) {
    const some = names.subarray(from, from + BATCH_PAGES);
    fillBatch(bytes, some);
    zram.writePages(from, bytes.subarray(0, some.length * PAGE_BYTES));
  }
}

/** Writes the pages at some places again. */
export function writePlaces(zram, { names }, places) {
  const words = new Uint32Array(PAGE_WORDS);
  const page = new Uint8Array(words.buffer);
  for (const place of places) {
    makePage(names[place], words);
    zram.writePage(place, page);
  }
}
