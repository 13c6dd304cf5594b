/**
 * A set of page numbers: a bit for each page, in pieces that are there where some pages are in it and others are not. Where all
 * are, nothing is held but that, for a piece or a region of pieces: large ranges cost what is at their borders.
 */
import type { PageRange } from '../../bindings/index.js';

const PIECE_PAGES = 2 ** 12;
const REGION_PAGES = PIECE_PAGES * 2 ** 12;
const PAGES_MAX = 2 ** 32;

/** All pages are in the set. */
const FULL = 'full';
type Piece = Uint32Array | typeof FULL;
type Region = Map<number, Piece> | typeof FULL;

export class PageSet {
  readonly #regions = new Map<number, Region>();

  has(page: number): boolean {
    const piece = this.#pieceOf(page);
    return piece === FULL || (piece !== undefined && hasBit(piece, page));
  }

  hasAll(page: number, count: number): boolean {
    const end = page + count;
    for (let at = page; at < end;) {
      const next = this.#endOf(at, true);
      if (next === at) return false;
      at = next;
    }
    return true;
  }

  add(page: number, count = 1): void {
    for (const { number, from, to } of parts(page, page + count, REGION_PAGES)) {
      let region = this.#regions.get(number);
      if (region === FULL) continue;
      if (to - from === REGION_PAGES) this.#regions.set(number, FULL);
      else {
        if (region === undefined) this.#regions.set(number, (region = new Map<number, Piece>()));
        addTo(region, from, to);
      }
    }
  }

  delete(page: number, count = 1): void {
    for (const { number, from, to } of parts(page, page + count, REGION_PAGES)) {
      let region = this.#regions.get(number);
      if (region === undefined) continue;
      if (to - from === REGION_PAGES) this.#regions.delete(number);
      else {
        if (region === FULL) this.#regions.set(number, (region = fullRegion(number)));
        deleteFrom(region, from, to);
      }
    }
  }

  /** The pages, or those of a range, as ranges: as long as can be, in ascending order. */
  ranges(page = 0, count = PAGES_MAX): Generator<PageRange> {
    return this.#runs(page, page + count, true);
  }

  /** Those of a range that are not in the set, as ranges. */
  gaps(page: number, count: number): Generator<PageRange> {
    return this.#runs(page, page + count, false);
  }

  /** Those of a range that are not in the set, when each is asked for. */
  *without(page: number, count: number): Generator<number> {
    for (const gap of this.gaps(page, count))
      for (let n = gap.index; n < gap.index + gap.count; n++) if (!this.has(n)) yield n;
  }

  *#runs(from: number, end: number, isIn: boolean): Generator<PageRange> {
    for (let at = from; at < end;) {
      const index = at;
      for (let next = this.#endOf(at, isIn); at < end && next > at; next = this.#endOf(at, isIn)) at = next;
      if (at > index) yield { index, count: Math.min(at, end) - index };
      else at = this.#endOf(at, !isIn);
    }
  }

  /** Where pages end that are all in the set, or all not, as far as one look goes; this page, if it is not one of them. */
  #endOf(page: number, isIn: boolean): number {
    const region = this.#regions.get(Math.floor(page / REGION_PAGES));
    if (region === undefined || region === FULL) return (region === FULL) === isIn ? after(page, REGION_PAGES) : page;
    const piece = region.get(Math.floor(page / PIECE_PAGES));
    if (piece === undefined || piece === FULL) return (piece === FULL) === isIn ? after(page, PIECE_PAGES) : page;
    const bit = page % 32;
    // Of the word, those that are unlike it, from it on.
    const unlike = (isIn ? ~wordOf(piece, page) : wordOf(piece, page)) & (-1 << bit);
    return page - bit + (unlike === 0 ? 32 : 31 - Math.clz32(unlike & -unlike));
  }

  #pieceOf(page: number): Piece | undefined {
    const region = this.#regions.get(Math.floor(page / REGION_PAGES));
    return region === FULL ? FULL : region?.get(Math.floor(page / PIECE_PAGES));
  }
}

function addTo(region: Map<number, Piece>, page: number, end: number): void {
  for (const { number, from, to } of parts(page, end, PIECE_PAGES)) {
    let piece = region.get(number);
    if (piece === FULL) continue;
    if (to - from === PIECE_PAGES) region.set(number, FULL);
    else {
      if (piece === undefined) region.set(number, (piece = new Uint32Array(PIECE_PAGES / 32)));
      setBits(piece, from, to, true);
    }
  }
}

function deleteFrom(region: Map<number, Piece>, page: number, end: number): void {
  for (const { number, from, to } of parts(page, end, PIECE_PAGES)) {
    let piece = region.get(number);
    if (piece === undefined) continue;
    if (to - from === PIECE_PAGES) region.delete(number);
    else {
      if (piece === FULL) region.set(number, (piece = new Uint32Array(PIECE_PAGES / 32).fill(0xffffffff)));
      setBits(piece, from, to, false);
    }
  }
}

function fullRegion(number: number): Map<number, Piece> {
  const first = (number * REGION_PAGES) / PIECE_PAGES;
  return new Map(Array.from({ length: REGION_PAGES / PIECE_PAGES }, (_, n) => [first + n, FULL] as const));
}

/** A range, cut at multiples of a size. */
function* parts(page: number, end: number, size: number): Generator<{ number: number; from: number; to: number }> {
  for (let from = page; from < end;) {
    const to = Math.min(end, after(from, size));
    yield { number: Math.floor(from / size), from, to };
    from = to;
  }
}

/** The next multiple of a size. */
const after = (page: number, size: number): number => (Math.floor(page / size) + 1) * size;

const wordOf = (piece: Uint32Array, page: number): number => piece[(page % PIECE_PAGES) >>> 5];

const hasBit = (piece: Uint32Array, page: number): boolean => (wordOf(piece, page) & (1 << (page & 31))) !== 0;

function setBits(piece: Uint32Array, page: number, end: number, isIn: boolean): void {
  for (let n = page; n < end; n++) {
    const word = (n % PIECE_PAGES) >>> 5;
    const bit = 1 << (n & 31);
    piece[word] = isIn ? piece[word] | bit : piece[word] & ~bit;
  }
}
