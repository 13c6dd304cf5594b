/** The difference of two devices or snapshots: which pages read differently. */
import { PAGE_SIZE } from './arguments.js';
import { copyOf, sameBytes } from './bytes.js';
import type { StoredPages } from './stored-pages.js';

/** Pages that follow each other. */
export interface PageRange {
  /** The first page. */
  readonly index: number;
  /** Number of pages. */
  readonly count: number;
}

const NONE = 2 ** 32 - 1;

/**
 * Pages that differ, as ranges in ascending order. The core compares what it holds: the same object, or objects of one codec
 * byte by byte. What it cannot compare is read: pages of different codecs, on a backing device, or of two engines.
 */
export function diffPages(a: StoredPages, b: StoredPages): PageRange[] {
  const ranges: { index: number; count: number }[] = [];
  for (const index of a.core === b.core ? differencesInCore(a, b) : differencesRead(a, b)) {
    const last = ranges.at(-1);
    if (last && last.index + last.count === index) last.count++;
    else ranges.push({ index, count: 1 });
  }
  return ranges.map((range) => Object.freeze(range));
}

function* differencesInCore(a: StoredPages, b: StoredPages): Generator<number> {
  const { raw } = a.core;
  for (let from = 0; from < Math.max(a.pages, b.pages); from++) {
    a.live(); // a compressor, called for the page before, may have ended either
    b.live();
    from = raw.zramNextDifference(a.address, b.address, from) >>> 0;
    if (from === NONE) return;
    if (!raw.zramUndecided() || !sameBytes(pageOf(a, from), pageOf(b, from))) yield from;
  }
}

/** Pages that either holds, in order; all others read as zeros in both. */
function* differencesRead(a: StoredPages, b: StoredPages): Generator<number> {
  for (let from = 0; from < Math.max(a.pages, b.pages); from++) {
    a.live();
    b.live();
    from = Math.min(nextOf(a, from), nextOf(b, from));
    if (from === NONE) return;
    if (!sameBytes(pageOf(a, from), pageOf(b, from))) yield from;
  }
}

function nextOf({ core, address, pages }: StoredPages, from: number): number {
  return from < pages ? core.raw.zramNextSlot(address, from, 0, 0) >>> 0 : NONE;
}

/** A page, or zeros behind the end of the disk. */
function pageOf(pages: StoredPages, index: number): Uint8Array {
  return index < pages.pages ? copyOf(pages.peek(index)) : new Uint8Array(PAGE_SIZE);
}
