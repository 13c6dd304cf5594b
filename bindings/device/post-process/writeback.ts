/**
 * Writeback to a backing device (the attribute `writeback`), by the rules of kernel 6.18
 * (Documentation/admin-guide/blockdev/zram.rst).
 */
import type { BackingDevice } from '../../backing/backing-device.js';
import { checkInteger, PAGE_SIZE, readList, readOptions } from '../../base/arguments.js';
import { AsyncCall, type AsyncOptions } from '../../base/async-call.js';
import { copyOf } from '../../base/bytes.js';
import { ZramError } from '../../base/errors.js';
import type { KernelProfile } from '../../base/kernel.js';
import { describe, sentenceOf, withPagesDone } from '../../base/messages.js';
import { sizeOfState, STATE_MERGED, STATE_SAME, STATE_STORED, STATE_WRITTEN_BACK } from '../../core/layout.js';
import type { Device } from '../device.js';
import { endedMeanwhile, type Disk } from '../disk.js';
import {
  checkIdle,
  drain,
  MARKS,
  PAGE_FLAGS,
  Picks,
  slotsIn,
  slotsWith,
  type PageSpan,
  type PageType,
} from './picks.js';

/** The options of `writeback`: a type, or pages. */
export interface WritebackOptions {
  /** Pages of this type. */
  type?: PageType | undefined;
  /** One page. */
  pageIndex?: number | undefined;
  /** Pages, and ranges given by their first and last page. */
  pageIndexes?: readonly (number | readonly [number, number])[] | undefined;
}

/** The options of `writebackAsync`. */
export interface WritebackAsyncOptions extends WritebackOptions, AsyncOptions {
  /**
   * Failures of the backing in a row after which the call ends; Infinity: it tries every page, as the kernel does.
   * Default: 16.
   */
  maxFailures?: number | undefined;
}

/** What one call of `writeback` did. */
export interface WritebackReport {
  /** Pages that were moved to the backing device. */
  readonly pagesWritten: number;
  /** How long the call took. */
  readonly milliseconds: number;
}

/** Errno of the core. */
const ENOSPC = -28;

const OPTIONS = ['type', 'pageIndex', 'pageIndexes'] as const;
const ASYNC_OPTIONS = [...OPTIONS, 'signal', 'maxFailures'] as const;

/** After this many failures in a row a backing is considered gone; each failure of remote storage may take long. */
const MAX_FAILURES = 16;

export function writeback(state: Device, given: WritebackOptions): WritebackReport {
  const options = read(given, OPTIONS, 'writeback');
  const pages = state.readyDisk();
  if (pages.backing?.asynchronous)
    throw new ZramError('EAGAIN', 'the backing is asynchronous: call writebackAsync instead.');
  const { run, wanted } = begin(state, pages, options);
  try {
    for (const job of run.steps(wanted)) {
      if (!job) continue;
      try {
        run.backing.write(job.block, job.page);
      } catch (error) {
        run.failed(job, error);
        continue;
      }
      run.written(job);
    }
  } finally {
    drain(run.end());
  }
  return run.report();
}

export async function writebackAsync(state: Device, given: WritebackAsyncOptions): Promise<WritebackReport> {
  const { signal, maxFailures = MAX_FAILURES, ...options } = read(given, ASYNC_OPTIONS, 'writebackAsync');
  if (maxFailures !== Infinity) checkInteger(maxFailures, 'maxFailures', 1, Number.MAX_SAFE_INTEGER);
  return AsyncCall.run(signal, async (call) => {
    const { run, wanted } = begin(state, state.readyDisk(), options);
    try {
      await drive(run, wanted, call, maxFailures);
    } catch (error) {
      run.stop(error);
    } finally {
      const tidying = new AsyncCall(); // not ended by the signal
      for (const step of run.end()) if (!step && tidying.due) await tidying.rest();
    }
    return run.report();
  });
}

async function drive(run: Writeback, wanted: Iterable<number>, call: AsyncCall, maxFailures: number): Promise<void> {
  let failures = 0;
  call.check();
  for (const job of run.steps(wanted)) {
    if (job) {
      const write = run.backing.writeAsync(job.block, job.page);
      try {
        // The end of the device does not end this wait: the backing is in use until the write is over.
        await call.until(write);
        failures = 0;
        run.written(job);
      } catch (error) {
        if (call.canceled) {
          run.giveUp(job, write);
          throw error;
        }
        run.failed(job, error);
        if (++failures >= maxFailures) throw givenUp(error, failures);
      }
      call.check();
    }
    if (call.due) await call.rest(run.pages);
  }
}

/** Copies the options of a call, including the elements of lists, reading each once. */
function read<T extends WritebackOptions>(given: T, known: readonly string[], call: string): Partial<T> {
  const options = readOptions(given, known, call);
  const list = readList(options.pageIndexes, 'pageIndexes');
  if (!list) return options;
  const pageIndexes = list.map((one) => readList(one, 'a range of pages') ?? one);
  return { ...options, pageIndexes: pageIndexes as WritebackOptions['pageIndexes'] };
}

function begin(state: Device, pages: Disk, options: WritebackOptions): { run: Writeback; wanted: Iterable<number> } {
  const { backing } = pages;
  if (!backing) throw new ZramError('ENODEV', 'the device has no backing: set one with the option backing.');
  const wanted = wantedPages(state, pages, options);
  checkIdle(pages);
  if (backing.writing) {
    throw new ZramError(
      'EAGAIN',
      'the backing is still being written to by a snapshot, a clone or the device before its reset: try again later.',
    );
  }
  return { run: new Writeback(state, pages, backing), wanted };
}

/** States of pages that cannot be written back. */
const NOT_WRITTEN = STATE_SAME | STATE_WRITTEN_BACK;

/** The pages that were selected and can be written back. */
function wantedPages(
  { kernel }: Device,
  pages: Disk,
  { type, pageIndex, pageIndexes }: WritebackOptions,
): Iterable<number> {
  const given = [type, pageIndex, pageIndexes].filter((one) => one !== undefined).length;
  if (given !== 1)
    throw new ZramError(
      'EINVAL',
      'the options of writeback must include exactly one of type, pageIndex and pageIndexes.',
    );
  if (type !== undefined) {
    if (typeof type === 'string' && Object.hasOwn(PAGE_FLAGS, type)) {
      return slotsWith(pages, PAGE_FLAGS[type], NOT_WRITTEN);
    }
    throw new ZramError('EINVAL', `type must be one of ${Object.keys(PAGE_FLAGS).join(', ')}, not ${describe(type)}.`);
  }
  if (pageIndexes !== undefined && !Array.isArray(pageIndexes)) {
    throw new ZramError('EINVAL', `pageIndexes must be a list of pages and ranges, not ${describe(pageIndexes)}.`);
  }
  const ranges = (pageIndexes ?? [pageIndex]).map((one: unknown) => rangeOf(pages, one, kernel));
  return slotsIn(pages, disjoint(ranges), NOT_WRITTEN);
}

/** The ranges as given; if some overlap, their union in ascending order, so that no page is processed twice. */
function disjoint(ranges: readonly PageSpan[]): readonly PageSpan[] {
  const joined: [number, number][] = [];
  for (const [first, last] of [...ranges].sort(([a], [b]) => a - b)) {
    const before = joined.at(-1);
    if (before && first <= before[1]) before[1] = Math.max(before[1], last);
    else joined.push([first, last]);
  }
  return joined.length === ranges.length ? ranges : joined;
}

function rangeOf(pages: Disk, one: unknown, kernel: KernelProfile): PageSpan {
  const [first, last, ...more] = (Array.isArray(one) ? one : [one, one]) as unknown[];
  if (more.length > 0)
    throw new ZramError('EINVAL', 'a range of pages must be its first and its last page, and nothing else.');
  const [from, to] = [indexOf(pages, first, kernel), indexOf(pages, last, kernel)];
  if (from <= to) return [from, to];
  throw new ZramError('ERANGE', `a range of pages must not end before it begins, as ${from}-${to} does.`);
}

function indexOf(pages: Disk, index: unknown, kernel: KernelProfile): number {
  checkInteger(index, 'a page index', 0, Number.MAX_SAFE_INTEGER);
  if (index < pages.pages) return index;
  throw new ZramError(kernel.writebackOutside, `the disk has ${pages.pages} pages: page ${index} is out of range.`);
}

/** One write to the backing. */
interface Job {
  readonly cell: number;
  readonly block: number;
  /** The backing may keep it. */
  readonly page: Uint8Array;
}

class Writeback {
  readonly #start = performance.now();
  readonly #picks: Picks;
  #pagesWritten = 0;
  /** The last error that kept a page from being written. */
  #error: unknown;
  /** The error that ended the call. */
  #stopped: unknown;
  /** The current page, and the cell of the block that is being written; 0: none. */
  #index = 0;
  #cell = 0;
  /** The block's last write failed, and zeros are being written to test it. */
  #onTrial = false;
  #trialsFailed = 0;
  #merged = false;
  /**
   * Blocks of shared objects that this call has written, by the object's number: the other sharers refer to the same
   * block. A handle of our own keeps the object alive, so that its number is not reused for another.
   */
  readonly #blocks = new Map<number, { readonly cell: number; readonly handle: number }>();

  constructor(
    readonly state: Device,
    readonly pages: Disk,
    readonly backing: BackingDevice,
  ) {
    this.#picks = new Picks(pages);
    pages.postProcessing = this;
    backing.retain().writing = true;
    backing.beginTrials();
  }

  /**
   * The writes to do, one after the other; the caller answers each with `written`, `failed` or `giveUp`. Undefined: no
   * write was due, and the caller may rest here.
   */
  *steps(wanted: Iterable<number>): Generator<Job | undefined> {
    yield* this.#pick(wanted);
    const { pages, state } = this;
    for (let index = this.#picks.next(); index !== undefined; index = this.#picks.next()) {
      this.#index = index;
      if (state.writebackLimitEnable && state.writebackLimit === 0) {
        this.#error ??= new ZramError('EIO', 'writeback_limit is used up: raise it to write more pages back.');
        this.#picks.release(index);
        return;
      }
      if (this.#sharesBlock(index)) {
        yield;
        continue;
      }
      const page = this.#contentOf(index);
      if (pages.ended) return; // a compressor ended the device
      if (!page) {
        yield;
        continue;
      }
      if (!(yield* this.#takeBlock())) {
        this.#picks.release(index);
        return;
      }
      yield { cell: this.#cell, block: pages.core.raw.zramBlockNumber(this.#cell) >>> 0, page };
      if (pages.ended) return;
    }
  }

  *#pick(wanted: Iterable<number>): Generator<undefined> {
    const { pages } = this;
    let marked = 0;
    for (const index of wanted) {
      const state = pages.state(index);
      if (state & STATE_STORED) this.#picks.add(index, sizeOfState(state));
      if (++marked % MARKS === 0) yield;
      if (pages.ended) return;
    }
  }

  /** If the page's object was written in this call, makes the page refer to that block and returns true. */
  #sharesBlock(index: number): boolean {
    const { pages } = this;
    const { raw } = pages.core;
    this.#merged = (pages.state(index) & STATE_MERGED) !== 0;
    const object = pages.core.words()[1];
    const shared = this.#blocks.get(object);
    if (!shared || raw.poolObject(pages.pool.address, shared.handle) !== object) return false;
    this.#take(shared.cell);
    return true;
  }

  /** The page's bytes; undefined when it is damaged, in which case it stays in memory. */
  #contentOf(index: number): Uint8Array | undefined {
    try {
      return copyOf(this.pages.peek(index));
    } catch (error) {
      this.#error = error;
      this.#picks.release(index);
      return undefined;
    }
  }

  /**
   * Allocates a block for `#cell`: a free one or, when all are used, a suspect to which zeros can now be written.
   * Returns whether it succeeded.
   */
  *#takeBlock(): Generator<Job, boolean> {
    const { pages, backing } = this;
    const { raw } = pages.core;
    for (;;) {
      const taken = raw.zramTakeBlock(pages.address);
      if (taken > 0) {
        this.#cell = taken;
        return true;
      }
      const cell = taken === ENOSPC ? backing.takeSuspect() : undefined;
      if (cell === undefined) {
        if (taken !== ENOSPC)
          this.#error = new ZramError(
            'ENOMEM',
            'cannot allocate the number of a block: the engine has reached its maxMemory.',
          );
        else if (this.#trialsFailed === 0) this.#error = full(backing.blocksAside);
        return false;
      }
      this.#cell = cell;
      this.#onTrial = true;
      yield { cell, block: raw.zramBlockNumber(cell) >>> 0, page: new Uint8Array(PAGE_SIZE) };
      this.#onTrial = false;
      if (pages.ended) return false;
      if (this.#cell === cell) return true;
    }
  }

  written({ cell }: Job): void {
    if (this.#cell !== cell) this.backing.settle(cell, true);
    else if (!this.#onTrial) this.#pageWritten(cell);
  }

  #pageWritten(cell: number): void {
    const { pages } = this;
    const { raw } = pages.core;
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

  /** The current page is in the block, and refers to it from now on. */
  #take(cell: number): void {
    const { pages, state } = this;
    if (pages.core.raw.zramWriteBack(pages.address, this.#index, cell) !== 1) return; // accessed meanwhile
    this.#pagesWritten++;
    if (state.writebackLimitEnable && state.writebackLimit > 0) state.writebackLimit--;
  }

  /** As in the kernel, an error of the backing does not keep other pages from being tried. */
  failed({ cell }: Job, error: unknown): void {
    this.#error = error;
    if (this.#cell !== cell) {
      this.backing.settle(cell, false);
      return;
    }
    this.#cell = 0;
    this.backing.suspect(cell, this.#onTrial);
    if (this.#onTrial) this.#trialsFailed++;
    else this.#picks.release(this.#index);
  }

  /**
   * The call no longer waits for this write: its block is reserved, and the backing in use, until the write is over.
   */
  giveUp({ cell }: Job, write: Promise<void>): void {
    const { backing } = this;
    if (this.#cell === cell) {
      this.#cell = 0;
      this.#picks.release(this.#index);
      backing.abandon(cell);
    }
    backing.retain();
    const over = (written: boolean): void => {
      backing.settle(cell, written);
      try {
        backing.release();
      } catch {
        // Closing a file failed, and no call is left that could report it.
      }
    };
    write.then(
      () => over(true),
      () => over(false),
    );
  }

  /** Ends the call with this error. */
  stop(error: unknown): void {
    this.#stopped = error;
  }

  /** Removes the remaining marks, and releases everything. */
  *end(): Generator<undefined> {
    yield* this.#picks.end();
    this.abandon();
    this.backing.writing = false;
    this.backing.release();
  }

  /** Releases everything but the backing: at the end, or when the device ends during a write. */
  abandon(): void {
    const { pages } = this;
    if (pages.postProcessing !== this) return;
    pages.postProcessing = undefined;
    const { core, address, pool } = pages;
    if (this.#cell !== 0) this.backing.abandon(this.#cell);
    this.#cell = 0;
    for (const { cell, handle } of this.#blocks.values()) {
      core.raw.zramDropBlock(address, cell);
      core.raw.poolFree(pool.address, handle);
    }
    this.#blocks.clear();
  }

  /** @throws ZramError the error that ended the call or kept a page from being written; `pagesDone` were written */
  report(): WritebackReport {
    const error = this.#stopped ?? (this.pages.ended ? endedMeanwhile() : this.#error);
    if (error !== undefined) throw withPagesDone(error, this.#pagesWritten);
    return Object.freeze({ pagesWritten: this.#pagesWritten, milliseconds: performance.now() - this.#start });
  }
}

function full(aside: number): ZramError {
  const inUse = aside > 0 ? `: ${aside} of its slots are still being written` : '';
  return new ZramError('ENOSPC', `the backing device is full${inUse}.`);
}

function givenUp(error: unknown, failures: number): unknown {
  if (!(error instanceof ZramError)) return error;
  const times = `after ${failures} failures in a row the other pages were not tried.`;
  return new ZramError(error.code, `${sentenceOf(error).replace(/\.$/, '')}; ${times}`);
}
