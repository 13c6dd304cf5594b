/** Runs of pages of two ranges of a device that hold the same, or not, found by what their slots name. */
import type { Disk } from '../device/disk.js';

export interface Run {
  /** The first page, counted from the ranges' first. */
  readonly from: number;
  readonly pages: number;
  /** Whether the pages are equal. Others nearly always differ: those that the core cannot compare are among them. */
  readonly alike: boolean;
}

/** The runs of `count` pages from two on. */
export function* runsOf({ core, address }: Disk, a: number, b: number, count: number): Generator<Run> {
  let alike = true;
  for (let from = 0; from < count; alike = !alike) {
    const pages = core.raw.zramAlikeRun(address, a + from, b + from, count - from, Number(alike)) >>> 0;
    if (pages > 0) yield { from, pages, alike };
    from += pages;
  }
}
