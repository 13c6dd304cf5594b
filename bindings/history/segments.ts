/**
 * Segments: the pieces of a state that are kept from a page boundary on, each, so that what is equal in two states is equal page
 * by page although it does not begin at the same byte.
 */
import { checkInteger, PAGE_SIZE, readList } from '../base/arguments.js';
import { ZramError } from '../base/errors.js';
import { describe } from '../base/messages.js';

/** A state's shape. */
export interface Segmented {
  readonly length: number;
  /** Where its segments begin, in bytes; the first is 0. */
  readonly starts: readonly number[];
}

/** A segment of a state: its bytes, and the pages behind the state's first that hold them. */
interface Piece {
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

export function pagesOf(starts: readonly number[], length: number): number {
  let sum = 0;
  for (const { pages } of piecesOf({ starts, length })) sum += pages;
  return sum;
}

/** A caller's list of segments, read once. */
export function readSegments(segments: unknown): unknown[] {
  const list = readList(segments, 'segments');
  if (list) return list;
  throw new ZramError('EINVAL', `segments must be a list of offsets in bytes, not ${describe(segments)}.`);
}

/** Where segments begin, from what a caller gave. */
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

/** The segments that begin inside a state. The same array where that is all of them: states share it. */
export function clipped(starts: readonly number[], length: number): readonly number[] {
  if ((starts.at(-1) as number) < length || starts.length === 1) return starts;
  return starts.filter((at) => at === 0 || at < length);
}
