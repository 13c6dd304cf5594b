/** The difference of two devices or snapshots: which pages read differently. */
import { DIFFERENCE, NONE } from '../core/layout.js';
import type { Reading } from '../backing/backing-device.js';
import { PAGE_SIZE, UINT32_MAX } from '../base/arguments.js';
import type { AsyncCall } from '../base/async-call.js';
import { copyOf, sameBytes } from '../base/bytes.js';
import type { Disk } from './disk.js';

/** Pages that follow each other. */
export interface PageRange {
  /** The first page. */
  readonly index: number;
  /** Number of pages. */
  readonly count: number;
}

/** Pages that the core compares in one call: all, or as many as take one or two milliseconds. */
const ALL = UINT32_MAX;
const PAGES_AT_A_TIME = 4096;

/**
 * Pages that differ, as ranges in ascending order. The core compares the pages that it holds: by object number, and
 * objects of one codec byte by byte. Pages that it cannot compare are read: those of different codecs, on a backing
 * device, or of two engines.
 */
export function diffPages(a: Disk, b: Disk): PageRange[] {
  const ranges = new Ranges();
  for (const found of candidates(a, b, ALL)) {
    if (found && (!found.undecided || !sameBytes(pageOf(a, found.index), pageOf(b, found.index)))) {
      ranges.add(found.index);
    }
  }
  return ranges.list();
}

export async function diffPagesAsync(a: Disk, b: Disk, call: AsyncCall): Promise<PageRange[]> {
  const ranges = new Ranges();
  call.check();
  for (const found of candidates(a, b, PAGES_AT_A_TIME)) {
    if (found && (!found.undecided || !(await readsSame(a, b, found.index, call)))) ranges.add(found.index);
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
  /** The pages must be read to decide. */
  readonly undecided: boolean;
}

interface Found extends Candidate {
  /** All pages before `index` are equal, and `index` itself was not compared yet. */
  readonly same: boolean;
}

/**
 * Pages that differ or may differ, in ascending order, and undefined after each `most` pages that are equal. Either
 * side may change between two results.
 */
function* candidates(a: Disk, b: Disk, most: number): Generator<Candidate | undefined> {
  const next = a.core === b.core ? nextInCore(a, b, most) : nextStored(a, b);
  for (let from = 0; from < Math.max(a.pages, b.pages);) {
    a.checkAlive();
    b.checkAlive();
    const found = next(from);
    if (found.index === NONE) return;
    yield found.same ? undefined : found;
    from = found.same ? found.index : found.index + 1;
  }
}

function nextInCore(a: Disk, b: Disk, most: number): (from: number) => Found {
  const { raw } = a.core;
  return (from) => {
    const found = raw.zramNextDifference(a.address, b.address, from, most);
    const [index, what] = [Math.floor(found / 4), found % 4];
    return { index, same: what === DIFFERENCE.sameSoFar, undecided: what === DIFFERENCE.undecided };
  };
}

/** Pages stored on either side, in order; all others read as zeros on both. */
function nextStored(a: Disk, b: Disk): (from: number) => Found {
  return (from) => ({ index: Math.min(nextOf(a, from), nextOf(b, from)), same: false, undecided: true });
}

function nextOf({ core, address, pages }: Disk, from: number): number {
  return from < pages ? core.raw.zramNextSlot(address, from, 0, 0) >>> 0 : NONE;
}

/** A page, or zeros behind the end of the disk. */
function pageOf(pages: Disk, index: number): Uint8Array {
  return index < pages.pages ? copyOf(pages.peek(index)) : new Uint8Array(PAGE_SIZE);
}

/** Whether a page reads the same on both sides, at one moment. */
async function readsSame(a: Disk, b: Disk, index: number, call: AsyncCall): Promise<boolean> {
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
      a.checkAlive(); // a compressor or backing, called for a page, may have ended either
      b.checkAlive();
      const [first, second = new Uint8Array(PAGE_SIZE)] = pages;
      if (first && !pages.includes(undefined)) return sameBytes(first, second);
      end();
      for (const [n, side] of sides.entries()) readings[n] = await side.fetch(index, call);
    }
  } finally {
    end();
  }
}
