/**
 * Which pages of the device are free. Each tree has its own view of them, as each has its own device: a fork starts with
 * what its origin had.
 *
 * A device page that holds nothing costs nothing, so a growing file reserves many. Only density counts: the device's table
 * takes memory for each 512 pages of which one is in use, so single pages are given out in ascending order, lowest first.
 */
import { FILE_BYTES_MAX, PAGE_SIZE } from './constants.js';
import type { Owner } from './owner.js';

/** Pages of the device. */
const PAGES_MAX = FILE_BYTES_MAX / PAGE_SIZE;
/** Free runs that are looked at for one that is long enough, before new pages are taken. */
const TRIES = 64;

/** Pages that follow each other on the device. */
export interface PageRun {
  readonly start: number;
  readonly count: number;
}

export class PageSpace {
  #owner: Owner;
  /** Free runs below `#end`, ascending, none adjacent: start and count of each. */
  #free: number[];
  /** All pages from here on are free. */
  #end: number;
  /** Where the search for several pages goes on. */
  #hint = 0;

  private constructor(owner: Owner, free: number[], end: number) {
    this.#owner = owner;
    this.#free = free;
    this.#end = end;
  }

  static empty(owner: Owner): PageSpace {
    return new PageSpace(owner, [], 0);
  }

  /** @param free runs before `end`, ascending and none adjacent: start and count of each */
  static of(owner: Owner, free: number[], end: number): PageSpace {
    return new PageSpace(owner, free, end);
  }

  /** A copy, which shares the list until either changes. Both trees need a new owner. */
  fork(): PageSpace {
    return new PageSpace(this.#owner, this.#free, this.#end);
  }

  /** Pages before which all that are in use lie. */
  get end(): number {
    return this.#end;
  }

  /** Numbers in the list of free runs. */
  get length(): number {
    return this.#free.length;
  }

  /** Takes up to `count` pages; fewer when there is no such run. Undefined: none is left. */
  allocate(count: number, owner: Owner): PageRun | undefined {
    const { length } = this.#free;
    const first = count === 1 ? 0 : this.#hint;
    for (let tries = 0; tries < TRIES && 2 * tries < length; tries++) {
      const at = (first + 2 * tries) % length;
      if (this.#free[at + 1] < count) continue;
      this.#hint = at;
      return this.#takeHead(at, count, owner);
    }
    if (this.#end + count <= PAGES_MAX) {
      const start = this.#end;
      this.#end += count;
      return { start, count };
    }
    if (this.#end < PAGES_MAX) {
      const start = this.#end;
      this.#end = PAGES_MAX;
      return { start, count: PAGES_MAX - start };
    }
    return length > 0 ? this.#takeHead(0, Math.min(count, this.#free[1]), owner) : undefined;
  }

  /** Takes up to `count` free pages that begin exactly at `start`. Returns how many. */
  extend(start: number, count: number, owner: Owner): number {
    if (start === this.#end) {
      const taken = Math.min(count, PAGES_MAX - start);
      this.#end += taken;
      return taken;
    }
    const at = this.#find(start);
    if (this.#free[at] !== start) return 0;
    return this.#takeHead(at, Math.min(count, this.#free[at + 1]), owner).count;
  }

  release(start: number, count: number, owner: Owner): void {
    const free = this.#owned(owner);
    let at = this.#find(start);
    let [from, to] = [start, start + count];
    let replaced = 0;
    if (free[at] === to) {
      to += free[at + 1];
      replaced = 2;
    }
    if (at > 0 && free[at - 2] + free[at - 1] === from) {
      at -= 2;
      from = free[at];
      replaced += 2;
    }
    if (to === this.#end) {
      this.#end = from;
      if (replaced > 0) free.splice(at, replaced);
    } else if (replaced === 2) {
      free[at] = from;
      free[at + 1] = to - from;
    } else free.splice(at, replaced, from, to - from);
    if (this.#hint >= free.length) this.#hint = 0;
  }

  #takeHead(at: number, count: number, owner: Owner): PageRun {
    const free = this.#owned(owner);
    const start = free[at];
    if (free[at + 1] === count) free.splice(at, 2);
    else {
      free[at] += count;
      free[at + 1] -= count;
    }
    if (this.#hint >= free.length) this.#hint = 0;
    return { start, count };
  }

  #owned(owner: Owner): number[] {
    if (this.#owner !== owner) {
      this.#free = this.#free.slice();
      this.#owner = owner;
    }
    return this.#free;
  }

  /** The place of the first free run that begins at `start` or behind it. */
  #find(start: number): number {
    let [low, high] = [0, this.#free.length / 2];
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#free[2 * middle] < start) low = middle + 1;
      else high = middle;
    }
    return 2 * low;
  }
}
