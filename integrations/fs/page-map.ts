/**
 * Where the pages of a file are on the device: runs of pages that follow each other on both sides. A page in no run is a
 * hole; a page in a run may be empty as well, since runs are made longer than what is written, so that a growing file
 * needs few.
 */
import { FILE_BYTES_MAX, PAGE_SIZE } from './constants.js';
import type { Owner } from './owner.js';
import type { PageSpace } from './page-space.js';

export const FILE_PAGES_MAX = FILE_BYTES_MAX / PAGE_SIZE;
/** Numbers of a run: its first page in the file, that on the device, and the count of pages. */
const STRIDE = 3;
/** Most pages that are reserved for a growing file, beyond what it asks for: more would not make its runs fewer by much. */
const RESERVE_MAX = 2 ** 18;
/** Most pages that are reserved around a page written by itself: those of one leaf of the device's table. */
const BLOCK_MAX = 512;
/** Bytes of JavaScript memory for a run, as an estimate. */
export const RUN_BYTES = 8 * STRIDE;

/** A part of a file that is a hole, or lies in one piece on the device. */
export interface Segment {
  /** The page on the device, or -1 for a hole. */
  readonly device: number;
  /** Pages from the one asked for to the end of the run or hole. */
  readonly count: number;
}

export class PageMap {
  /** Pages in all runs. */
  mapped = 0;

  constructor(
    readonly owner: Owner,
    private readonly runs: number[],
  ) {}

  /** @param runs page of the file, page of the device and count of each, in the order of the file */
  static of(owner: Owner, runs: number[]): PageMap {
    const map = new PageMap(owner, runs);
    for (let at = 2; at < runs.length; at += STRIDE) map.mapped += runs[at];
    return map;
  }

  copyFor(owner: Owner): PageMap {
    const copy = new PageMap(owner, this.runs.slice());
    copy.mapped = this.mapped;
    return copy;
  }

  get runCount(): number {
    return this.runs.length / STRIDE;
  }

  /** What a page of the file is, with what follows. */
  at(page: number): Segment {
    const { runs } = this;
    const at = this.#find(page);
    if (at >= 0) {
      const inRun = page - runs[at];
      if (inRun < runs[at + 2]) return { device: runs[at + 1] + inRun, count: runs[at + 2] - inRun };
    }
    const next = at + STRIDE;
    return { device: -1, count: (next < runs.length ? runs[next] : FILE_PAGES_MAX) - page };
  }

  /** Whether both map the same pages to the same places. */
  equals({ runs }: PageMap): boolean {
    return this.runs === runs || (this.runs.length === runs.length && this.runs.every((word, n) => word === runs[n]));
  }

  /** The runs, in the order of the file: page of the file, page of the device, count. */
  *[Symbol.iterator](): Generator<readonly [page: number, device: number, count: number]> {
    const { runs } = this;
    for (let at = 0; at < runs.length; at += STRIDE) yield [runs[at], runs[at + 1], runs[at + 2]];
  }

  /**
   * Maps all pages of a range. Returns how many from the first on are: fewer when the device has no more pages, or
   * `runsMax` runs are there.
   */
  fill(first: number, count: number, space: PageSpace, runsMax: number): number {
    const end = first + count;
    for (let page = first; page < end;) {
      const { device, count: here } = this.at(page);
      if (device < 0 && !this.#fillHole(page, Math.min(here, end - page), here, space, runsMax)) return page - first;
      page += device < 0 ? 0 : here;
    }
    return count;
  }

  /** Maps at least the page at the start of a hole, or of a part of one. */
  #fillHole(page: number, needed: number, hole: number, space: PageSpace, runsMax: number): boolean {
    const { runs, owner } = this;
    const before = this.#find(page);
    const previousEnd = before < 0 ? 0 : runs[before] + runs[before + 2];
    if (before >= 0 && previousEnd === page) {
      const wanted = Math.min(hole, Math.max(needed, Math.min(this.mapped, RESERVE_MAX)));
      const taken = space.extend(runs[before + 1] + runs[before + 2], wanted, owner);
      runs[before + 2] += taken;
      this.mapped += taken;
      if (taken > 0) return true;
      if (this.runCount >= runsMax) return false;
      return this.#insert(before + STRIDE, page, wanted, space);
    }
    if (this.runCount >= runsMax) return false;
    // A page by itself: others around it will follow, in a file that is written here and there.
    const block = Math.min(BLOCK_MAX, 2 ** Math.floor(Math.log2(Math.max(1, this.mapped))));
    const start = Math.max(previousEnd, Math.floor(page / block) * block);
    const end = Math.min(page + hole, Math.max(page + needed, Math.ceil((page + 1) / block) * block));
    return this.#insert(before + STRIDE, start, end - start, space, page);
  }

  #insert(at: number, page: number, count: number, space: PageSpace, needed = page): boolean {
    const run = space.allocate(count, this.owner);
    if (!run) return false;
    // Fewer than wanted, they still hold the page that is needed and end where the hole does.
    const first = run.count === count ? page : Math.min(needed, page + count - run.count);
    this.runs.splice(at, 0, first, run.start, run.count);
    this.mapped += run.count;
    return true;
  }

  /** Takes the pages from `end` on out of the map. @param each is told the runs on the device that were theirs */
  cut(end: number, each: (device: number, count: number) => void): void {
    const { runs } = this;
    while (runs.length > 0) {
      const at = runs.length - STRIDE;
      const kept = Math.max(0, Math.min(runs[at + 2], end - runs[at]));
      const gone = runs[at + 2] - kept;
      if (gone === 0) return;
      each(runs[at + 1] + kept, gone);
      this.mapped -= gone;
      if (kept > 0) {
        runs[at + 2] = kept;
        return;
      }
      runs.length = at;
    }
  }

  /** The place of the last run that begins at the page or before it; -3 when there is none. */
  #find(page: number): number {
    const { runs } = this;
    let [low, high] = [0, runs.length / STRIDE];
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (runs[STRIDE * middle] <= page) low = middle + 1;
      else high = middle;
    }
    return STRIDE * (low - 1);
  }
}
