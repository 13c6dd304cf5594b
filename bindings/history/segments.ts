/**
 * Segments: the pieces of a state, each stored from a page boundary on, so that content that two states have in common
 * is equal page by page even if it begins at different bytes.
 */
import { checkInteger, PAGE_SIZE, readList } from '../base/arguments.js';
import { ZramError } from '../base/errors.js';
import { describe } from '../base/messages.js';

/** The offsets of segments in bytes, ascending from 0. */
export type Starts = readonly number[] | Uint32Array | Float64Array;

/** A state's shape. */
export interface Segmented {
  readonly length: number;
  readonly starts: Starts;
}

/** A segment of a state: its range of bytes, and the pages that hold them, relative to the state's first. */
export interface Piece {
  readonly at: number;
  readonly length: number;
  readonly page: number;
  readonly pages: number;
}

export function* piecesOf({ starts, length }: Segmented): Generator<Piece> {
  let page = 0;
  for (let n = 0; n < starts.length; n++) {
    const at = starts[n];
    const bytes = (starts[n + 1] ?? length) - at;
    const pages = Math.ceil(bytes / PAGE_SIZE);
    yield { at, length: bytes, page, pages };
    page += pages;
  }
}

export function pagesOf(starts: Starts, length: number): number {
  let sum = 0;
  for (const { pages } of piecesOf({ starts, length })) sum += pages;
  return sum;
}

/** Copies a caller's list of segments, reading it once. */
export function readSegments(segments: unknown): unknown[] {
  const list = readList(segments, 'segments');
  if (list) return list;
  throw new ZramError('EINVAL', `segments must be a list of offsets in bytes, not ${describe(segments)}.`);
}

/** The checked offsets of segments, beginning with 0. */
export function startsOf(segments: readonly unknown[], length: number): readonly number[] {
  const starts = [0];
  segments.forEach((at, n) => {
    checkInteger(
      at,
      `segments[${n}]`,
      n === 0 ? 0 : (starts.at(-1) as number) + 1,
      Math.min(length, Number.MAX_SAFE_INTEGER),
    );
    if (at > 0) starts.push(at);
  });
  return starts;
}

/** The segments that begin inside a state; the same array, which states share, if that is all of them. */
export function clipped(starts: readonly number[], length: number): readonly number[] {
  if ((starts.at(-1) as number) < length || starts.length === 1) return starts;
  return starts.filter((at) => at === 0 || at < length);
}
