/** Byte ranges, cut at page boundaries. */
import { PAGE_SIZE } from '../base/arguments.js';

/** A piece of a byte range: whole pages, or a part of one. */
export interface RangePart {
  readonly index: number;
  /** Number of whole pages; 0: a part of one. */
  readonly pages: number;
  /** Where the part begins in its page. */
  readonly inPage: number;
  /** Offset of the piece in the range, and its length. */
  readonly at: number;
  readonly length: number;
  /** Pages of the range before this piece. */
  readonly pagesBefore: number;
}

/** Cuts a byte range of the disk at its first and last page boundary. */
export function* partsOf(offset: number, length: number): Generator<RangePart> {
  let pagesBefore = 0;
  for (let at = 0; at < length;) {
    const inPage = (offset + at) % PAGE_SIZE;
    const index = (offset + at - inPage) / PAGE_SIZE;
    const left = length - at;
    const pages = inPage === 0 ? Math.floor(left / PAGE_SIZE) : 0;
    const bytes = pages > 0 ? pages * PAGE_SIZE : Math.min(PAGE_SIZE - inPage, left);
    yield { index, pages, inPage, at, length: bytes, pagesBefore };
    pagesBefore += Math.max(pages, 1);
    at += bytes;
  }
}
