/**
 * The newest state, uncompressed beside the compressed one: a push compares with it, and a read copies what other states
 * have in common with it. Its pages are where they are on the device, padded as they are there, so that a segment that
 * grows a little does not move those behind it.
 */
import { PAGE_SIZE } from '../base/arguments.js';
import { allocate } from '../base/bytes.js';
import type { Disk } from '../device/disk.js';
import { COMPARED_MAX, fastCompare, type Compare } from './equal.js';
import type { PageRun } from './ranges.js';
import { piecesOf, type Piece } from './segments.js';
import type { State } from './state-order.js';
import { runsOf, type Run } from './runs.js';

const EMPTY = new Uint8Array(0);
const BLOCK_PAGES = COMPARED_MAX / PAGE_SIZE;
/** Of a state's pages, most that are read to come back to it; beyond, the next push reads and compares them anyway. */
const READ_SHARE = 1 / 4;

export class NewestCopy {
  readonly #disk: Disk;
  readonly #equal: Compare;
  #bytes: Uint8Array = EMPTY;
  /** Whose pages it holds; undefined: nobody's, or not all of them. */
  #of: State | undefined;

  constructor(disk: Disk) {
    this.#disk = disk;
    this.#equal = fastCompare(disk.core);
  }

  get heldBytes(): number {
    return this.#bytes.length;
  }

  /** The state whose pages it holds. */
  get state(): State | undefined {
    return this.#of;
  }

  /** Whether it holds a state, and could hold another by overwriting the pages that differ. */
  serves(before: State | undefined, state: State): boolean {
    return before !== undefined && this.#of === before && sameLayout(before, state);
  }

  /** Begins to change: until `settle` it holds no state. False: there is no memory for it. */
  begin(pages: number): boolean {
    this.#of = undefined;
    const length = pages * PAGE_SIZE;
    if (length <= this.#bytes.length && length >= this.#bytes.length / 2) return true;
    try {
      const grown = allocate(length);
      grown.set(this.#bytes.subarray(0, length));
      this.#bytes = grown;
      return true;
    } catch {
      this.drop();
      return false;
    }
  }

  settle(state: State): void {
    this.#of = state;
  }

  drop(): void {
    this.#of = undefined;
    this.#bytes = EMPTY;
  }

  /** Pages of its own. Valid until it changes. */
  pages(from: number, count: number): Uint8Array {
    return this.#bytes.subarray(from * PAGE_SIZE, (from + count) * PAGE_SIZE);
  }

  /** Takes pages over, the last of which may be a part of one. */
  set(page: number, bytes: Uint8Array): void {
    const at = page * PAGE_SIZE;
    this.#bytes.set(bytes, at);
    const end = at + bytes.length;
    this.#bytes.fill(0, end, Math.ceil(end / PAGE_SIZE) * PAGE_SIZE);
  }

  /**
   * Compares pages of a piece: which runs of them are as they are here.
   * @param bytes those of the piece
   */
  *runs(piece: Piece, bytes: Uint8Array, [first, end]: PageRun): Generator<Run> {
    let from = first;
    for (let n = first; n < end;) {
      const count = Math.min(BLOCK_PAGES, end - n);
      if (this.#holds(piece, bytes, n, count)) {
        n += count;
        continue;
      }
      while (n < end && this.#holds(piece, bytes, n, 1)) n++;
      if (from < n) yield { from, pages: n - from, alike: true };
      from = n;
      while (n < end && !this.#holds(piece, bytes, n, 1)) n++;
      if (from < n) yield { from, pages: n - from, alike: false }; // shared memory may be equal by now
      from = n;
    }
    if (from < end) yield { from, pages: end - from, alike: true };
  }

  #holds({ page }: Piece, bytes: Uint8Array, from: number, count: number): boolean {
    const at = from * PAGE_SIZE;
    const length = Math.min(count * PAGE_SIZE, bytes.length - at);
    const own = page * PAGE_SIZE + at;
    if (!this.#equal(bytes, at, this.#bytes, own, length)) return false;
    for (let n = own + length; n < own + count * PAGE_SIZE; n++) if (this.#bytes[n] !== 0) return false;
    return true;
  }

  /** The newest state goes, and this is the newest then: what differs is read, unless that is much. */
  comeBackTo(state: State | undefined): void {
    const last = this.#of;
    if (last && state) {
      const runs = differingPages(this.#disk, last, state);
      if (runs && this.begin(state.pages) && this.#read(state, runs)) {
        this.#of = state;
        return;
      }
    }
    this.drop();
  }

  #read(state: State, runs: readonly PageRun[]): boolean {
    try {
      for (const [from, end] of runs) {
        this.#disk.readPages(state.base + from, end - from, this.pages(from, end - from));
      }
      return true;
    } catch {
      return false; // who reads the state gets the error
    }
  }
}

/** Whether the pieces that two states have begin at the same pages. */
function sameLayout(a: State, b: State): boolean {
  if (a.starts.length === 1 || b.starts.length === 1) return true;
  const others = piecesOf(b);
  for (const { page } of piecesOf(a)) {
    const other = others.next();
    if (other.done) return true;
    if (other.value.page !== page) return false;
  }
  return true;
}

/** The pages of `state` that `last` does not have in the same places. Undefined: they are many. */
function differingPages(disk: Disk, last: State, state: State): PageRun[] | undefined {
  const common = Math.min(last.pages, state.pages);
  const runs: PageRun[] = [];
  if (common < state.pages) runs.push([common, state.pages]);
  let pages = state.pages - common;
  for (const { from, pages: count, alike } of runsOf(disk, state.base, last.base, common)) {
    if (alike) continue;
    pages += count;
    if (pages > state.pages * READ_SHARE) return undefined;
    runs.push([from, from + count]);
  }
  return runs;
}
