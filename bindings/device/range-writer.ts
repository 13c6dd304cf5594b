/**
 * Writing ranges of bytes: whole pages, and parts of pages, which are read, changed and written atomically, with no
 * other write in between. The core does both for pages that it can read; others are read here.
 */
import type { Reading } from '../backing/backing-device.js';
import { PAGE_SIZE } from '../base/arguments.js';
import type { AsyncCall } from '../base/async-call.js';
import { copyOf, lengthOf, sameBytes, viewOf } from '../base/bytes.js';
import { ZramError } from '../base/errors.js';
import { withPagesDone } from '../base/messages.js';
import { RANGE_UNREAD } from '../core/layout.js';
import { discardPages } from './discard.js';
import { onlyAsynchronous, type Disk, type Patch } from './disk.js';
import { RangeCursor } from './range-cursor.js';
import { partsOf } from './ranges.js';
import { noRoom, type PageWriter } from './writer.js';

/** Tries to change a part of a page while a compressor or backing, called for it, keeps writing to the page itself. */
const PATCH_TRIES = 8;
const ASYNCHRONOUS_TWINS = 'call writeAsync, writeChangedAsync or writeZeroesAsync instead';
const ZEROS = new Uint8Array(PAGE_SIZE);

export class RangeWriter {
  readonly disk: Disk;
  /**
   * By page, the promise of the last asynchronous call that changes a part of it: those of one page run one after the
   * other.
   */
  readonly #turns = new Map<number, Promise<void>>();

  constructor(readonly pages: PageWriter) {
    this.disk = pages.disk;
  }

  /**
   * @param bytes checked to be bytes inside the disk
   * @param changed leaves pages as they are that hold these bytes already
   * @returns the number of pages stored
   */
  write(offset: number, bytes: Uint8Array, changed: boolean): number {
    const range = new RangeCursor(offset, lengthOf(bytes));
    let from = this.pages.inCore ? bytes : viewOf(bytes);
    while (range.left > 0) {
      try {
        if (this.#writeNext(range, from, changed, this.disk.core.stagingPages)) continue;
        from = viewOf(from); // of a fixed length: the code that is called for a page may shrink the array
        const { index, inPage, at } = range;
        const stored = this.#patch(index, inPage, copyOf(from, at, at + range.bytesOf(1)), changed);
        if (stored === undefined) throw onlyAsynchronous(index, ASYNCHRONOUS_TWINS);
        advance(range, 1, stored);
      } catch (error) {
        throw withPagesDone(error, range.pagesDone);
      }
    }
    return range.pagesStored;
  }

  /** Frees whole pages, and writes zeros to parts that have others. @param range checked to lie inside the disk */
  writeZeroes(offset: number, length: number): void {
    for (const { index, pages, at, length: bytes, pagesBefore } of partsOf(offset, length)) {
      try {
        this.disk.checkAlive(); // a compressor may have ended the device
        if (pages > 0) discardPages(this.disk, index, pages);
        else this.write(offset + at, ZEROS.subarray(0, bytes), true);
      } catch (error) {
        throw withPagesDone(error, pagesBefore);
      }
    }
  }

  /**
   * Writes what can be written of the next pages in one go, up to `most` of them.
   * @returns false: the next page must be read first, and the core cannot do that
   */
  #writeNext(range: RangeCursor, bytes: Uint8Array, changed: boolean, most: number): boolean {
    this.disk.checkAlive(); // a compressor may have ended the device
    const { inPage, index, at } = range;
    if (this.pages.inCore) return this.#writeInCore(range, bytes, changed, most);
    if (changed || inPage !== 0 || range.left < PAGE_SIZE) return false;
    this.pages.encodePage(index, viewOf(bytes, at, at + PAGE_SIZE));
    advance(range, 1, 1);
    return true;
  }

  #writeInCore(range: RangeCursor, bytes: Uint8Array, changed: boolean, most: number): boolean {
    const { disk } = this;
    const { core, address, patches } = disk;
    const { raw } = core;
    const { index, inPage, at } = range;
    const length = range.bytesOf(most);
    core.staging().set(length === range.length ? bytes : viewOf(bytes, at, at + length), inPage);
    const result = raw.zramWriteRange(address, index, inPage, length, Number(changed), disk.clock());
    const done = result & ~RANGE_UNREAD;
    advance(range, done, changed ? raw.zramRangeStored() : done);
    if (patches.length > 0) disk.touched(index, done);
    if (done === Math.ceil((inPage + length) / PAGE_SIZE)) return true;
    if (result === done) throw noRoom(index + done);
    return false;
  }

  /**
   * Changes a part of a page that the core cannot read by itself, or whose compressor is not the core's.
   * @param piece a private copy
   * @param reading the result of a read from an asynchronous backing
   * @returns the number of pages stored; undefined: the page is on an asynchronous backing and is not that of `reading`
   */
  #patch(index: number, inPage: number, piece: Uint8Array, changed: boolean, reading?: Reading): number | undefined {
    const { disk, pages } = this;
    const patch: Patch = { index, touched: false };
    disk.patches.push(patch);
    try {
      for (let tries = 0; tries < PATCH_TRIES; tries++) {
        patch.touched = false;
        const now = disk.pageNow(index, reading);
        if (!now) return undefined;
        const page = copyOf(now);
        disk.checkAlive(); // a compressor or backing may have ended the device, or written to the page
        if (patch.touched) continue;
        if (changed && sameBytes(page.subarray(inPage, inPage + piece.length), piece)) return 0;
        page.set(piece, inPage);
        if (!pages.writePage(index, page, patch)) continue;
        return 1;
      }
    } finally {
      disk.patches.pop();
    }
    throw new ZramError(
      'EIO',
      `cannot change page ${index}: its compressor or backing wrote to it during each of ${PATCH_TRIES} tries.`,
    );
  }

  // ── with an asynchronous backing ───────────────────────────────────────────────────────────────────────────────

  /**
   * As `write`. Awaits only where necessary: what can be written synchronously is written when the call returns its
   * promise.
   * @param bytes a private copy, checked to lie inside the disk
   */
  async writeAsync(offset: number, bytes: Uint8Array, changed: boolean, call: AsyncCall): Promise<number> {
    const { disk } = this;
    const range = new RangeCursor(offset, bytes.length);
    while (range.left > 0) {
      try {
        call.check();
        if (call.due) {
          await call.rest(disk);
          continue;
        }
        const free = this.#freePages(range);
        if (free > 0 && this.#writeNext(range, bytes, changed, free)) continue;
        const { index, inPage, at } = range;
        const piece = viewOf(bytes, at, at + range.bytesOf(1));
        if (free === 0 && !changed && piece.length === PAGE_SIZE) {
          await call.until(this.#turns.get(index) as Promise<void>, disk);
        } else {
          const stored = this.#patchAsync(index, inPage, piece, changed, call);
          advance(range, 1, typeof stored === 'number' ? stored : await stored);
        }
      } catch (error) {
        throw withPagesDone(error, range.pagesDone);
      }
    }
    return range.pagesStored;
  }

  async writeZeroesAsync(offset: number, length: number, call: AsyncCall): Promise<void> {
    for (const { index, pages, at, length: bytes, pagesBefore } of partsOf(offset, length)) {
      try {
        call.check();
        this.disk.checkAlive();
        if (pages === 0) {
          await this.writeAsync(offset + at, ZEROS.subarray(0, bytes), true, call);
          continue;
        }
        for (let turn = this.#turnIn(index, pages); turn; turn = this.#turnIn(index, pages)) {
          await call.until(turn, this.disk);
          call.check();
        }
        discardPages(this.disk, index, pages);
      } catch (error) {
        throw withPagesDone(error, pagesBefore);
      }
    }
  }

  /** How many pages of the range follow, up to a batch, that no earlier asynchronous call has yet to change. */
  #freePages({ index }: RangeCursor): number {
    const most = this.disk.core.stagingPages;
    if (this.#turns.size === 0) return most;
    let free = 0;
    while (free < most && !this.#turns.has(index + free)) free++;
    return free;
  }

  /** An earlier asynchronous call that has yet to change one of these pages. */
  #turnIn(index: number, count: number): Promise<void> | undefined {
    for (const [page, turn] of this.#turns) if (page >= index && page < index + count) return turn;
    return undefined;
  }

  /** Changes a part of a page, synchronously if possible; else returns a promise. */
  #patchAsync(
    index: number,
    inPage: number,
    piece: Uint8Array,
    changed: boolean,
    call: AsyncCall,
  ): number | Promise<number> {
    const before = this.#turns.get(index);
    this.disk.checkAlive();
    const now = before ? undefined : this.#patch(index, inPage, piece, changed);
    if (now !== undefined) return now;
    return this.#inTurn(index, before, call, () =>
      this.disk.withReading(index, call, (reading) => this.#patch(index, inPage, piece, changed, reading)),
    );
  }

  /** Runs `work` on a page after the calls that were begun before. */
  async #inTurn<T>(
    index: number,
    before: Promise<void> | undefined,
    call: AsyncCall,
    work: () => Promise<T>,
  ): Promise<T> {
    let over = (): void => undefined;
    const done = new Promise<void>((resolve) => (over = resolve));
    const turn = before ? before.then(() => done) : done;
    this.#turns.set(index, turn);
    void turn.then(() => {
      if (this.#turns.get(index) === turn) this.#turns.delete(index);
    });
    try {
      if (before) await call.until(before, this.disk);
      return await work();
    } finally {
      over();
    }
  }
}

function advance(range: RangeCursor, done: number, stored: number): void {
  range.advance(done);
  range.pagesStored += stored;
}
