/**
 * Writeback to a backing device (the attribute `writeback`), by the kernel's rules of 6.18
 * (Documentation/admin-guide/blockdev/zram.rst).
 */
import { checkInteger, checkOptions } from '../arguments.js';
import { copyOf } from '../bytes.js';
import type { BackingDevice } from '../backing/backing.js';
import { ZramError } from '../errors.js';
import { describe } from '../size.js';
import {
  STATE_MERGED,
  STATE_SAME,
  STATE_WRITTEN_BACK,
  sizeOfState,
  withPagesDone,
  type StoredPages,
} from '../stored-pages.js';
import type { ZramState } from '../zram-state.js';
import { PAGE_FLAGS, Picks, checkIdle, slotsWith, type PageType } from './picks.js';

/** What `writeback` is told: a type, or pages. */
export interface WritebackOptions {
  /** Pages of this type. */
  type?: PageType | undefined;
  /** One page. */
  pageIndex?: number | undefined;
  /** Pages, and ranges of them, first and last. */
  pageIndexes?: readonly (number | readonly [number, number])[] | undefined;
}

/** What one call of `writeback` did. */
export interface WritebackReport {
  /** Pages that are on the backing device now and were not before. */
  readonly pagesWritten: number;
  /** How long the call took. */
  readonly milliseconds: number;
}

/** Of the core. */
const ENOSPC = -28;

export function writeback(state: ZramState, options: WritebackOptions): WritebackReport {
  const pages = state.ready();
  if (state.hasAsyncBacking()) {
    throw new ZramError('EAGAIN', 'the backing is asynchronous: use writebackAsync.');
  }
  const run = beginWriteback(state, pages, options);
  try {
    for (const { block, page } of run.jobs()) {
      try {
        run.backing.write(block, page);
      } catch (error) {
        run.failed(error);
        continue;
      }
      run.written();
    }
  } finally {
    run.end();
  }
  return run.report();
}

export async function writebackAsync(state: ZramState, options: WritebackOptions): Promise<WritebackReport> {
  const pages = state.ready();
  const run = beginWriteback(state, pages, options);
  try {
    for (const { block, page } of run.jobs()) {
      try {
        await run.backing.writeAsync(block, page);
      } catch (error) {
        run.failed(error);
        continue;
      }
      run.written();
    }
  } finally {
    run.end();
  }
  return run.report();
}

function beginWriteback(state: ZramState, pages: StoredPages, options: WritebackOptions): Writeback {
  checkOptions(options, ['type', 'pageIndex', 'pageIndexes'], 'writeback');
  const { backing } = pages;
  if (!backing) throw new ZramError('ENODEV', 'there is no backing device: give one with the option backing.');
  const picks = new Picks(pages);
  const wanted = wantedPages(pages, options);
  checkIdle(pages);
  if (backing.writing) {
    throw new ZramError(
      'EAGAIN',
      'a snapshot or clone, or the device before its reset, is still writing to the backing.',
    );
  }
  for (const index of wanted) picks.add(index, sizeOfState(pages.state(index)));
  return new Writeback(state, pages, backing, picks);
}

/** Pages that are wanted and can be written back. */
function wantedPages(pages: StoredPages, { type, pageIndex, pageIndexes }: WritebackOptions): Iterable<number> {
  const none = STATE_SAME | STATE_WRITTEN_BACK;
  const given = [type, pageIndex, pageIndexes].filter((one) => one !== undefined).length;
  if (given !== 1) throw new ZramError('EINVAL', 'writeback takes one of type, pageIndex and pageIndexes.');
  if (type !== undefined) {
    if (typeof type === 'string' && Object.hasOwn(PAGE_FLAGS, type)) return slotsWith(pages, PAGE_FLAGS[type], none);
    throw new ZramError('EINVAL', `type must be one of ${Object.keys(PAGE_FLAGS).join(', ')}, not ${describe(type)}.`);
  }
  if (pageIndexes !== undefined && !Array.isArray(pageIndexes)) {
    throw new ZramError('EINVAL', `pageIndexes must be a list of pages and ranges, not ${describe(pageIndexes)}.`);
  }
  const ranges = (pageIndexes ?? [pageIndex]).map((one: unknown) => rangeOf(pages, one));
  return ranges.flatMap(([first, last]) => {
    const found: number[] = [];
    for (let index = first; index <= last; index++) {
      index = pages.core.raw.zramNextSlot(pages.address, index, 0, none) >>> 0;
      if (index <= last) found.push(index);
    }
    return found;
  });
}

function rangeOf(pages: StoredPages, one: unknown): [number, number] {
  const [first, last] = (Array.isArray(one) ? one : [one, one]) as unknown[];
  const [from, to] = [indexOf(pages, first), indexOf(pages, last)];
  if (from <= to) return [from, to];
  throw new ZramError('EINVAL', `a range of pages ends where it begins or later; ${from}-${to} does not.`);
}

function indexOf(pages: StoredPages, index: unknown): number {
  checkInteger(index, 'a page index', 0, Number.MAX_SAFE_INTEGER);
  if (index < pages.pages) return index;
  throw new ZramError('ERANGE', `the disk has ${pages.pages} pages; page ${index} is outside.`);
}

class Writeback {
  readonly #start = performance.now();
  #pagesWritten = 0;
  #error: unknown;
  /** The page at hand, and its block's cell. */
  #index = 0;
  #cell = 0;
  #object = 0;
  #merged = false;
  /**
   * Blocks of shared objects that were written in this call, by the object's number: their other pages go to the same. A
   * handle of our own keeps the object, and tells whether a number still means it.
   */
  readonly #blocks = new Map<number, { readonly cell: number; readonly handle: number }>();

  constructor(
    readonly state: ZramState,
    readonly pages: StoredPages,
    readonly backing: BackingDevice,
    readonly picks: Picks,
  ) {
    pages.postProcessing = this;
    backing.retain().writing = true;
  }

  /** Blocks to write, one after the other; each is answered with `written` or `failed`. */
  *jobs(): Generator<{ block: number; page: Uint8Array }> {
    const { pages, state, picks } = this;
    const { raw } = pages.core;
    for (let index = picks.next(); index !== undefined; index = picks.next()) {
      this.#index = index;
      if (state.writebackLimitEnable && state.writebackLimit === 0) {
        this.#error ??= new ZramError('EIO', 'writeback_limit is used up.');
        picks.release(index);
        return;
      }
      this.#merged = (pages.state(index) & STATE_MERGED) !== 0;
      this.#object = pages.core.words()[1];
      const shared = this.#blocks.get(this.#object);
      if (shared && raw.poolObject(pages.pool.address, shared.handle) === this.#object) {
        this.#take(shared.cell);
        continue;
      }
      let page: Uint8Array;
      try {
        page = copyOf(pages.peek(index));
      } catch (error) {
        this.#error = error; // what is damaged stays where it is
        picks.release(index);
        continue;
      }
      if (pages.ended) return; // a compressor ended the device
      const cell = raw.zramTakeBlock(pages.address);
      if (cell < 0) {
        this.#error = cell === ENOSPC ? full() : new ZramError('ENOMEM', 'no memory for the number of a block.');
        picks.release(index);
        return;
      }
      this.#cell = cell;
      yield { block: raw.zramBlockNumber(cell) >>> 0, page };
      if (pages.ended) return;
    }
  }

  written(): void {
    const { pages } = this;
    if (pages.ended) return;
    const { raw } = pages.core;
    const cell = this.#cell;
    this.#cell = 0;
    const handle = this.#merged ? raw.zramShareObject(pages.address, this.#index) : -1;
    this.#take(cell);
    const object = handle < 0 ? 0 : raw.poolObject(pages.pool.address, handle);
    if (handle >= 0 && !this.#blocks.has(object)) {
      this.#blocks.set(object, { cell, handle });
      return;
    }
    if (handle >= 0) raw.poolFree(pages.pool.address, handle);
    raw.zramDropBlock(pages.address, cell);
  }

  /** The page at hand is in the block: it refers to it from now on. */
  #take(cell: number): void {
    const { pages, state } = this;
    if (pages.core.raw.zramWriteBack(pages.address, this.#index, cell) !== 1) return; // accessed meanwhile
    this.#pagesWritten++;
    if (state.writebackLimitEnable && state.writebackLimit > 0) state.writebackLimit--;
  }

  /** As in the kernel an error of the device does not keep other pages from being tried. */
  failed(error: unknown): void {
    this.#error = error;
    if (this.pages.ended) return;
    this.pages.core.raw.zramDropBlock(this.pages.address, this.#cell);
    this.#cell = 0;
    this.picks.release(this.#index);
  }

  end(): void {
    this.abandon();
    this.backing.writing = false;
    this.backing.release();
  }

  /** All but the backing is let go of: at the end, or when the device ends in the middle of a write. */
  abandon(): void {
    if (this.pages.postProcessing !== this) return;
    this.pages.postProcessing = undefined;
    const { core, address, pool } = this.pages;
    if (this.#cell !== 0) core.raw.zramDropBlock(address, this.#cell);
    for (const { cell, handle } of this.#blocks.values()) {
      core.raw.zramDropBlock(address, cell);
      core.raw.poolFree(pool.address, handle);
    }
    this.picks.end();
  }

  /** @throws ZramError what kept pages from being written; `pagesDone` were */
  report(): WritebackReport {
    if (this.#error !== undefined) throw withPagesDone(this.#error, this.#pagesWritten);
    this.pages.live();
    return Object.freeze({ pagesWritten: this.#pagesWritten, milliseconds: performance.now() - this.#start });
  }
}

function full(): ZramError {
  return new ZramError('ENOSPC', 'the backing device is full.');
}
