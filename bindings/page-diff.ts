/** The difference of two devices or snapshots: which pages read differently. */
import type { AsyncCall } from './async-call.js';
import { PAGE_SIZE } from './arguments.js';
import type { Reading } from './backing/backing-device.js';
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
  const ranges = new Ranges();
  for (const { index, undecided } of candidates(a, b)) {
    if (!undecided || !sameBytes(pageOf(a, index), pageOf(b, index))) ranges.add(index);
  }
  return ranges.list();
}

export async function diffPagesAsync(a: StoredPages, b: StoredPages, call: AsyncCall): Promise<PageRange[]> {
  const ranges = new Ranges();
  call.check();
  for (const { index, undecided } of candidates(a, b)) {
    if (!undecided || !(await readsSame(a, b, index, call))) ranges.add(index);
    if (call.due) await call.rest(a, b);
  }
  return ranges.list();
}

class Ranges {
  readonly #ranges: { index: number; count: number }[] = [];

  add(index: number): void {
    const last = this.#ranges.at(-1);
    if (last && last.index + last.count === index) last.count++;
    else this.#ranges.push({ index, count: 1 });
  }

  list(): PageRange[] {
    return this.#ranges.map((range) => Object.freeze(range));
  }
}

interface Candidate {
  readonly index: number;
  /** The pages have to be read. */
  readonly undecided: boolean;
}

/** Pages that differ or may do so, in ascending order. Anything may happen between two of them. */
function* candidates(a: StoredPages, b: StoredPages): Generator<Candidate> {
  const next = a.core === b.core ? nextInCore(a, b) : nextStored(a, b);
  for (let from = 0; from < Math.max(a.pages, b.pages); from++) {
    a.live();
    b.live();
    const found = next(from);
    if (!found) return;
    yield found;
    from = found.index;
  }
}

function nextInCore(a: StoredPages, b: StoredPages): (from: number) => Candidate | undefined {
  const { raw } = a.core;
  return (from) => {
    const index = raw.zramNextDifference(a.address, b.address, from) >>> 0;
    return index === NONE ? undefined : { index, undecided: raw.zramUndecided() !== 0 };
  };
}

/** Pages that either holds, in order; all others read as zeros in both. */
function nextStored(a: StoredPages, b: StoredPages): (from: number) => Candidate | undefined {
  return (from) => {
    const index = Math.min(nextOf(a, from), nextOf(b, from));
    return index === NONE ? undefined : { index, undecided: true };
  };
}

function nextOf({ core, address, pages }: StoredPages, from: number): number {
  return from < pages ? core.raw.zramNextSlot(address, from, 0, 0) >>> 0 : NONE;
}

/** A page, or zeros behind the end of the disk. */
function pageOf(pages: StoredPages, index: number): Uint8Array {
  return index < pages.pages ? copyOf(pages.peek(index)) : new Uint8Array(PAGE_SIZE);
}

/** Whether a page reads the same in both, at one moment. */
async function readsSame(a: StoredPages, b: StoredPages, index: number, call: AsyncCall): Promise<boolean> {
  const sides = [a, b].filter(({ pages }) => index < pages);
  const readings: (Reading | undefined)[] = [];
  const end = (): void => {
    readings.forEach((reading, n) => reading && sides[n].backing?.end(reading));
    readings.length = 0;
  };
  try {
    for (;;) {
      const pages = sides.map((side, n) => {
        const page = side.pageNow(index, readings[n], false);
        return page && copyOf(page);
      });
      a.live(); // a compressor or backing, called for a page, may have ended either
      b.live();
      const [first, second = new Uint8Array(PAGE_SIZE)] = pages;
      if (first && !pages.includes(undefined)) return sameBytes(first, second);
      end();
      for (const [n, side] of sides.entries()) readings[n] = await side.fetch(index, call);
    }
  } finally {
    end();
  }
}
