/** What differs between two states of a tree: inodes, and pages of files that may. */
import { PAGE_SIZE } from '../fs/constants.js';
import type { Inode } from '../fs/inode.js';
import type { Tree } from '../fs/tree.js';

/** Pages of a file that follow each other, with their place on the device of the newer state; -1: a hole. */
export interface ChangedPages {
  readonly page: number;
  readonly device: number;
  readonly count: number;
}

/** Pages of the device, of which the file's are a part. */
interface Range {
  readonly index: number;
  readonly count: number;
}

export class Changes {
  /** Pages that differ at the same place of both devices, made when they are needed first. */
  #ranges: readonly Range[] | undefined;

  constructor(
    private readonly before: Tree,
    private readonly now: Tree,
  ) {}

  /**
   * Inodes that are another object, so something about them may have changed. Those that no name leads to any more do not
   * count as there.
   */
  *inodes(): Generator<readonly [ino: number, before: Inode | undefined, now: Inode | undefined]> {
    for (const [ino, before, now] of this.now.changedSince(this.before)) {
      const [old, current] = [named(before), named(now)];
      if (old || current) yield [ino, old, current];
    }
  }

  /** Pages of a file that may differ from those it had, up to its end. */
  *pages(before: Inode | undefined, now: Inode): Generator<ChangedPages> {
    const end = Math.ceil(now.size / PAGE_SIZE);
    const oldEnd = before?.isFile ? Math.min(end, Math.ceil(before.size / PAGE_SIZE)) : 0;
    for (let page = 0; page < oldEnd;) {
      const [old, current] = [(before as Inode).map.at(page), now.map.at(page)];
      const count = Math.min(old.count, current.count, oldEnd - page);
      if (old.device === current.device) {
        if (current.device >= 0) yield* this.#atSamePlace(page, current.device, count);
      } else if (old.device < 0) yield* this.#stored(page, current.device, count);
      else yield { page, device: current.device, count };
      page += count;
    }
    for (const [first, device, count] of now.map) {
      const [start, stop] = [Math.max(first, oldEnd), Math.min(first + count, end)];
      if (start < stop) yield* this.#stored(start, device + start - first, stop - start);
    }
  }

  /** Pages that hold something, of some that follow each other. */
  *#stored(page: number, device: number, count: number): Generator<ChangedPages> {
    for (const extent of this.now.device.extents(device * PAGE_SIZE, count * PAGE_SIZE)) {
      if (extent.kind !== 'data') continue;
      const at = extent.offset / PAGE_SIZE;
      yield { page: page + at - device, device: at, count: extent.length / PAGE_SIZE };
    }
  }

  *#atSamePlace(page: number, device: number, count: number): Generator<ChangedPages> {
    const ranges = (this.#ranges ??= this.before.device.diff(this.now.device));
    let [low, high] = [0, ranges.length];
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (ranges[middle].index + ranges[middle].count <= device) low = middle + 1;
      else high = middle;
    }
    for (; low < ranges.length && ranges[low].index < device + count; low++) {
      const first = Math.max(device, ranges[low].index);
      const end = Math.min(device + count, ranges[low].index + ranges[low].count);
      yield { page: page + first - device, device: first, count: end - first };
    }
  }
}

function named(inode: Inode | undefined): Inode | undefined {
  return inode && inode.nlink > 0 ? inode : undefined;
}
