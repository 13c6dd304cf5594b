/** The pages of a device that hold data: handling an image costs time for these and not for its whole length. */
import type { Engine, ReadableDevice } from '../bindings/index.js';
import { PAGE_BYTES } from './page-list.js';
import { CHUNK_BYTES } from './storing.js';

const CHUNK_PAGES = CHUNK_BYTES / PAGE_BYTES;
const ZEROS = Buffer.alloc(CHUNK_BYTES);

export interface PageRange {
  readonly index: number;
  readonly count: number;
}

/** Pages that do not read as zeros, in ascending order. Zeros that were written count as nothing. */
export function heldPages(engine: Engine, zram: ReadableDevice): PageRange[] {
  const empty = engine.createZram({ disksize: PAGE_BYTES });
  try {
    return zram.diff(empty);
  } finally {
    empty.destroy();
  }
}

/** The same ranges in pieces of at most one chunk. */
export function* inChunks(ranges: Iterable<PageRange>): Generator<PageRange> {
  for (const { index, count } of ranges) {
    for (let done = 0; done < count; done += CHUNK_PAGES)
      yield { index: index + done, count: Math.min(CHUNK_PAGES, count - done) };
  }
}

/** Pages of a chunk that are not zeros. */
export function* nonZeroPages(chunk: Buffer): Generator<PageRange> {
  if (chunk.equals(ZEROS.subarray(0, chunk.length))) return;
  const pages = chunk.length / PAGE_BYTES;
  const isZero = (page: number) =>
    // Nearly always the first byte decides.
    chunk[page * PAGE_BYTES] === 0 &&
    chunk.compare(ZEROS, 0, PAGE_BYTES, page * PAGE_BYTES, (page + 1) * PAGE_BYTES) === 0;
  for (let index = 0; index < pages; index++) {
    if (isZero(index)) continue;
    const first = index;
    while (index < pages && !isZero(index)) index++;
    yield { index: first, count: index - first };
  }
}
