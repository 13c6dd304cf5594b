/**
 * Picking stored pages for recompression and writeback, by the rules of kernel 6.18 (drivers/block/zram/zram_drv.c).
 *
 * All candidates are picked first, then taken from buckets of 64 bytes of object size, the largest bucket first and
 * within a bucket the last picked first. A page that is accessed before its turn loses its mark and is skipped.
 */
import { PAGE_SIZE } from '../../base/arguments.js';
import { ZramError } from '../../base/errors.js';
import { NONE, STATE_HUGE, STATE_IDLE, STATE_INCOMPRESSIBLE, STATE_PICKED } from '../../core/layout.js';
import type { Disk } from '../disk.js';

/** The type of pages to process: marked by `idle`, or by how they are stored. */
export type PageType = 'idle' | 'huge' | 'huge_idle' | 'incompressible';

/** The flags of each type. */
export const PAGE_FLAGS: Record<PageType, number> = {
  idle: STATE_IDLE,
  huge: STATE_HUGE,
  huge_idle: STATE_IDLE | STATE_HUGE,
  incompressible: STATE_INCOMPRESSIBLE,
};

const BUCKET_BYTES = 64;
const BUCKETS = PAGE_SIZE / BUCKET_BYTES + 1;

/** Picked pages, by the size of their object. */
export class Picks {
  readonly #buckets: number[][] = Array.from({ length: BUCKETS }, () => []);

  constructor(readonly pages: Disk) {}

  /**
   * Picks and marks a page; the mark is removed when the page is accessed or `end` is called.
   * @throws ZramError ENOMEM
   */
  add(index: number, size: number): void {
    const { core, address } = this.pages;
    if (core.raw.zramChangeFlags(address, index, STATE_PICKED, 0, 0) < 0) throw noMemoryForMarks();
    this.#buckets[Math.floor(size / BUCKET_BYTES)].push(index);
  }

  /** The next page that still has its mark. */
  next(): number | undefined {
    for (let bucket = BUCKETS - 1; bucket >= 0;) {
      const index = this.#buckets[bucket].pop();
      if (index === undefined) bucket--;
      else if (!this.pages.ended && this.pages.state(index) & STATE_PICKED) return index;
    }
    return undefined;
  }

  /** Removes the mark of a page that was processed. */
  release(index: number): void {
    if (!this.pages.ended) this.pages.core.raw.zramChangeFlags(this.pages.address, index, 0, STATE_PICKED, 0);
  }

  /** Removes the remaining marks, yielding after each MARKS pages. */
  *end(): Generator<undefined> {
    for (const bucket of this.#buckets) {
      for (let n = 1; ; n++) {
        const index = bucket.pop();
        if (index === undefined || this.pages.ended) break;
        this.release(index);
        if (n % MARKS === 0) yield;
      }
    }
  }
}

export function noMemoryForMarks(): ZramError {
  return new ZramError(
    'ENOMEM',
    'cannot mark pages that the device shares with snapshots or clones: the engine has reached its maxMemory.',
  );
}

/** Pages that are marked, or lose their mark, between two checks of the clock. */
export const MARKS = 1024;

/** Runs a generator to its end, for synchronous calls. */
export function drain(steps: Iterator<unknown>): void {
  while (!steps.next().done);
}

/** Pages that have all flags of `all` and none of `none`, in ascending order. */
export function* slotsWith(pages: Disk, all: number, none: number): Generator<number> {
  for (let index = 0; index < pages.pages && !pages.ended; index++) {
    index = pages.core.raw.zramNextSlot(pages.address, index, all, none) >>> 0;
    if (index === NONE) return;
    yield index;
  }
}

/** Pages from the first to the last. */
export type PageSpan = readonly [first: number, last: number];

/** Pages whose states are fetched at once: a chunk of the device's table. */
const CHUNK_PAGES = 512;

/** As `slotsWith`, within ranges of pages. No search runs far beyond its range, as there may be many ranges. */
export function* slotsIn(pages: Disk, ranges: readonly PageSpan[], none: number): Generator<number> {
  const words = new Uint32Array(2 * CHUNK_PAGES);
  for (const [first, last] of ranges) {
    for (let index = first; index <= last;) {
      if (pages.ended) return;
      index = pages.core.raw.zramNextSlot(pages.address, index, 0, 0) >>> 0; // the next stored page
      if (index > last) break;
      const count = Math.min(CHUNK_PAGES - (index % CHUNK_PAGES), last - index + 1);
      pages.states(index, count, words);
      for (let n = 0; n < count; n++) {
        const state = words[2 * n];
        if (state !== 0 && (state & none) === 0) yield index + n;
      }
      index += count;
    }
  }
}

/** Recompression and writeback exclude each other: both use the same mark. @throws ZramError EAGAIN */
export function checkIdle(pages: Disk): void {
  if (pages.postProcessing)
    throw new ZramError(
      'EAGAIN',
      'recompression or writeback of this device is in progress: try again when it has ended.',
    );
}
