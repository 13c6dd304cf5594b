/** Ranges of bytes: those that a caller names, as pages of a state's pieces, and those that are named to a caller. */
import { checkInteger, PAGE_SIZE, readList, unreadable } from '../base/arguments.js';
import { ZramError } from '../base/errors.js';
import { describe } from '../base/messages.js';
import type { Piece } from './segments.js';

/** Bytes of a state that follow each other. */
export interface ByteRange {
  /** The first byte, counted from the state's first. */
  readonly offset: number;
  /** Number of bytes. */
  readonly length: number;
}

/** Pages of a piece that follow each other: the first, and the one behind the last. */
export type PageRun = readonly [from: number, end: number];

/**
 * Copies a caller's list of ranges, reading everything once.
 * @throws ZramError EINVAL: not a list, or not of ranges
 */
export function readRanges(value: unknown, name: string): ByteRange[] {
  const list = readList(value, name);
  if (!list) throw new ZramError('EINVAL', `${name} must be a list of ranges of bytes, not ${describe(value)}.`);
  return list.map((range, n) => {
    if (typeof range !== 'object' || range === null) {
      throw new ZramError('EINVAL', `${name}[${n}] must be { offset, length }, not ${describe(range)}.`);
    }
    try {
      const { offset, length } = range as Partial<ByteRange>;
      checkInteger(offset, `${name}[${n}].offset`, 0, Number.MAX_SAFE_INTEGER);
      checkInteger(length, `${name}[${n}].length`, 0, Number.MAX_SAFE_INTEGER);
      return { offset, length };
    } catch (error) {
      throw unreadable(`${name}[${n}]`, error);
    }
  });
}

/** @throws ZramError EINVAL: a range ends behind the state */
export function checkRanges(ranges: readonly ByteRange[], name: string, length: number): void {
  ranges.forEach(({ offset, length: bytes }, n) => {
    if (offset + bytes <= length) return;
    throw new ZramError(
      'EINVAL',
      `${name}[${n}] must end within the state's ${length} bytes, not at ${offset + bytes}.`,
    );
  });
}

/** The bytes that may differ from those of the state before. */
export class DirtyRanges {
  /** In ascending order. */
  readonly #ranges: readonly ByteRange[];
  /** The first that may reach into the next piece. */
  #next = 0;

  constructor(ranges: readonly ByteRange[]) {
    this.#ranges = ranges.filter(({ length }) => length > 0).sort((a, b) => a.offset - b.offset);
  }

  /**
   * Which of the first `count` pages of a piece may differ, in ascending order. To be called for one piece after the
   * other, beginning with the first.
   * @param before the piece of the state before
   */
  pagesOf(piece: Piece, before: Piece, count: number): PageRun[] {
    const ranges = this.#within(piece);
    if (piece.at !== before.at) return count > 0 ? [[0, count]] : [];
    // The page in which the shorter one ends is another one, whatever the caller says.
    const last = Math.min(piece.length, before.length);
    if (piece.length !== before.length) ranges.push([last, last + 1]);
    const runs: [number, number][] = [];
    for (const [from, end] of ranges.sort(([a], [b]) => a - b)) {
      const first = Math.floor(from / PAGE_SIZE);
      const behind = Math.min(Math.ceil(end / PAGE_SIZE), count);
      const run = runs.at(-1);
      if (run && first <= run[1]) run[1] = Math.max(run[1], behind);
      else if (first < behind) runs.push([first, behind]);
    }
    return runs;
  }

  /** The ranges' parts inside a piece: first byte and the one behind the last, counted from the piece's first. */
  #within({ at, length }: Piece): PageRun[] {
    const parts: PageRun[] = [];
    const ranges = this.#ranges;
    while (this.#next < ranges.length && ranges[this.#next].offset + ranges[this.#next].length <= at) this.#next++;
    for (let n = this.#next; n < ranges.length && ranges[n].offset < at + length; n++) {
      const { offset, length: bytes } = ranges[n];
      const [from, end] = [Math.max(offset - at, 0), Math.min(offset + bytes - at, length)];
      if (from < end) parts.push([from, end]);
    }
    return parts;
  }
}

/** The pages that are in none of these runs. */
export function otherPages(runs: readonly PageRun[], count: number): PageRun[] {
  const others: PageRun[] = [];
  let at = 0;
  for (const [from, end] of [...runs, [count, count] as const]) {
    if (at < from) others.push([at, from]);
    at = end;
  }
  return others;
}

/** Ranges in ascending order, of which neighbours become one. */
export class RangeList {
  readonly list: ByteRange[] = [];
  #end = -1;

  add(offset: number, length: number): void {
    if (offset === this.#end) {
      const last = this.list.pop() as ByteRange;
      this.list.push({ offset: last.offset, length: last.length + length });
    } else this.list.push({ offset, length });
    this.#end = offset + length;
  }
}
