/** A set of page numbers: a bit for each page, in pieces that are there where pages are. */

const PIECE_BITS = 12;
const PIECE_PAGES = 1 << PIECE_BITS;

export class PageSet {
  readonly #pieces = new Map<number, Uint32Array>();

  has(page: number): boolean {
    const piece = this.#pieces.get(Math.floor(page / PIECE_PAGES));
    if (piece === undefined) return false;
    const bit = page % PIECE_PAGES;
    return (piece[bit >>> 5] & (1 << (bit & 31))) !== 0;
  }

  /** Whether all pages of a range are in it: by words, where there are whole ones. */
  hasAll(page: number, count: number): boolean {
    const end = page + count;
    for (let n = page; n < end;) {
      const piece = this.#pieces.get(Math.floor(n / PIECE_PAGES));
      if (piece === undefined) return false;
      const isWhole = n % 32 === 0 && n + 32 <= end;
      if (isWhole ? piece[(n % PIECE_PAGES) >>> 5] !== 0xffffffff : !this.has(n)) return false;
      n += isWhole ? 32 : 1;
    }
    return true;
  }

  add(page: number, count = 1): void {
    for (let n = page; n < page + count; n++) {
      const number = Math.floor(n / PIECE_PAGES);
      let piece = this.#pieces.get(number);
      if (piece === undefined) this.#pieces.set(number, (piece = new Uint32Array(PIECE_PAGES / 32)));
      const bit = n % PIECE_PAGES;
      piece[bit >>> 5] = piece[bit >>> 5] | (1 << (bit & 31));
    }
  }

  delete(page: number): void {
    const piece = this.#pieces.get(Math.floor(page / PIECE_PAGES));
    if (piece === undefined) return;
    const bit = page % PIECE_PAGES;
    piece[bit >>> 5] = piece[bit >>> 5] & ~(1 << (bit & 31));
  }

  /** The pages, in ascending order. */
  *[Symbol.iterator](): Generator<number> {
    for (const number of [...this.#pieces.keys()].sort((a, b) => a - b)) {
      const piece = this.#pieces.get(number) as Uint32Array;
      for (let word = 0; word < piece.length; word++) {
        for (let bits = piece[word]; bits !== 0; bits &= bits - 1)
          yield number * PIECE_PAGES + word * 32 + (31 - Math.clz32(bits & -bits));
      }
    }
  }

  /** Those of a range that are not in the set. */
  *without(page: number, count: number): Generator<number> {
    for (let n = page; n < page + count; n++) if (!this.has(n)) yield n;
  }

  /** Those of a range that are in the set. Pieces that are not there cost nothing. */
  *within(page: number, count: number): Generator<number> {
    const end = page + count;
    for (const number of [...this.#pieces.keys()].sort((a, b) => a - b)) {
      const from = Math.max(page, number * PIECE_PAGES);
      for (let n = from; n < Math.min(end, (number + 1) * PIECE_PAGES); n++) if (this.has(n)) yield n;
    }
  }

  /** The pages as ranges, in ascending order. */
  *ranges(): Generator<{ index: number; count: number }> {
    let index = 0;
    let count = 0;
    for (const page of this) {
      if (count > 0 && page === index + count) count++;
      else {
        if (count > 0) yield { index, count };
        [index, count] = [page, 1];
      }
    }
    if (count > 0) yield { index, count };
  }
}
