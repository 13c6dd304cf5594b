/**
 * The newest state, uncompressed beside the compressed one: a push compares with it, and a read copies what other states
 * have in common with it. Its pages are where they are on the device, padded as they are there, so that a segment that
 * grows a little does not move those behind it.
 */
import { PAGE_SIZE } from '../base/arguments.js';
import { allocate, isShared, setBytes, viewOf } from '../base/bytes.js';
import type { Disk } from '../device/disk.js';
import { COMPARED_MAX, fastCompare, type Compare } from './equal.js';
import type { PageRun } from './ranges.js';
import { piecesOf, type Piece } from './segments.js';
import type { State } from './state-order.js';
import { runsOf, type Run } from './runs.js';

/** Pages of a piece that were written. */
export interface Written {
  readonly piece: Piece;
  /** Those of the piece. */
  readonly bytes: Uint8Array;
  readonly run: PageRun;
}

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

  /** Whether it holds a state whose pages are where those of another would be, so that the two can be compared here. */
  serves(before: State | undefined, state: State): boolean {
    return before !== undefined && this.#of === before && sameLayout(before, state);
  }

  /** Bytes that it takes when it holds a state. */
  bytesFor(pages: number): number {
    const [length, now] = [pages * PAGE_SIZE, this.#bytes.length];
    return length <= now && length >= now / 2 ? now : length;
  }

  /**
   * Holds another state from now on.
   * @param written what that state has and it has not; all, unless it serves
   */
  hold(state: State, written: readonly Written[]): void {
    try {
      this.#resize(state.pages);
      for (const { piece, bytes, run } of written) {
        const [from, end] = run;
        // Another thread may have written to shared memory since: what counts is what was stored.
        if (isShared(bytes)) this.#read(state, [piece.page + from, piece.page + end]);
        else this.#set(piece.page + from, viewOf(bytes, from * PAGE_SIZE, end * PAGE_SIZE));
      }
      this.#of = state;
    } catch {
      this.drop(); // no memory for it
    }
  }

  #resize(pages: number): void {
    this.#of = undefined;
    const length = this.bytesFor(pages);
    if (length === this.#bytes.length) return;
    const resized = allocate(length);
    setBytes(resized, this.#bytes.subarray(0, length));
    this.#bytes = resized;
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
  #set(page: number, bytes: Uint8Array): void {
    const at = page * PAGE_SIZE;
    this.#bytes.set(bytes, at);
    const end = at + bytes.length;
    this.#bytes.fill(0, end, Math.ceil(end / PAGE_SIZE) * PAGE_SIZE);
  }

  /** @throws ZramError EIO */
  #read({ base }: State, [from, end]: PageRun): void {
    this.#disk.readPages(base + from, end - from, this.pages(from, end - from));
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
    const runs = this.#of && state && differingPages(this.#disk, this.#of, state);
    if (!runs) {
      this.drop();
      return;
    }
    try {
      this.#resize(state.pages);
      for (const run of runs) this.#read(state, run);
      this.#of = state;
    } catch {
      this.drop(); // without memory, or with damaged data, of which those are told who read the state
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
