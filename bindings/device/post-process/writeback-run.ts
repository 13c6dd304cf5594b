/**
 * One writeback in progress: which writes are due, what becomes of the pages when each is over, and what is undone at the
 * end. It writes nothing itself; `writeback.ts` does, one write after the other, and `writeback-flight.ts`, several at a
 * time.
 */
import type { BackingDevice, SlotWrite, Written } from '../../backing/backing-device.js';
import type { Arena } from '../../backing/batches.js';
import { PAGE_SIZE } from '../../base/arguments.js';
import { ZramError } from '../../base/errors.js';
import { withPagesDone } from '../../base/messages.js';
import { sizeOfState, STATE_MERGED, STATE_PICKED, STATE_STORED } from '../../core/layout.js';
import type { Device } from '../device.js';
import { endedMeanwhile, type Disk } from '../disk.js';
import { MARKS, Picks } from './picks.js';

/** What one call of `writeback` did. */
export interface WritebackReport {
  /** Pages that were moved to the backing device. */
  readonly pagesWritten: number;
  /** How long the call took. */
  readonly milliseconds: number;
}

/** Errno of the core. */
const ENOSPC = -28;

/** No write can begin before one that is in flight is over. */
export const WAIT = Symbol('wait');

/** One write to the backing. */
export interface Job extends SlotWrite {
  /** The page; of a trial none. */
  readonly index: number | undefined;
  readonly cell: number;
  /** The number of its object, if other pages of this call refer to its block; else 0. */
  object: number;
}

/** A block with an object that several pages of this call share. */
interface SharedBlock {
  readonly cell: number;
  /** Of our own: it keeps the object alive, so that its number is not reused for another. */
  readonly handle: number;
  /** The pages that wait for its write; undefined when it is over. */
  waiting: number[] | undefined;
}

export class Writeback {
  readonly #start = performance.now();
  readonly #picks: Picks;
  readonly #arena: Arena | undefined;
  #pagesWritten = 0;
  /** The last error that kept a page from being written. */
  #error: unknown;
  /** The error that ended the call. */
  #stopped: unknown;
  /** Writes in flight. */
  readonly #flying = new Set<Job>();
  /** Pages that wait for a write in flight, their own or that of the object they share. */
  #pagesFlying = 0;
  #trialsFailed = 0;
  /** Pages whose shared object could not be written, to be tried by themselves. */
  readonly #again: number[] = [];
  /** By the object's number: other pages that share it refer to the same block. */
  readonly #blocks = new Map<number, SharedBlock>();

  constructor(
    readonly state: Device,
    readonly pages: Disk,
    readonly backing: BackingDevice,
  ) {
    this.#picks = new Picks(pages);
    this.#arena = backing.transport.arenaForWrites();
    pages.postProcessing = this;
    backing.retain().writing = true;
    backing.beginTrials();
    backing.tellFreed(pages);
  }

  /**
   * The writes to do; the caller answers each with `written`, `failed` or `giveUp`, in any order. Undefined: no write was
   * due, and the caller may rest here. WAIT: it must wait for an answer to one that is in flight.
   */
  *steps(wanted: Iterable<number>): Generator<Job | typeof WAIT | undefined> {
    yield* this.#pick(wanted);
    const { pages, state } = this;
    while (!pages.ended) {
      const index = this.#next();
      if (index === undefined) {
        if (this.#flying.size === 0) return;
        yield WAIT; // what shares an object whose write fails comes again
        continue;
      }
      if (state.writebackLimitEnable && state.writebackLimit <= this.#pagesFlying) {
        this.#again.push(index);
        if (this.#pagesFlying === 0) break;
        yield WAIT; // it may fail, and then does not count
        continue;
      }
      if (this.#sharesBlock(index)) {
        yield;
        continue;
      }
      const content = this.#contentOf(index);
      if (!content) {
        yield;
        continue;
      }
      const cell = yield* this.#takeBlock();
      if (cell === 0) {
        this.#again.push(index);
        break;
      }
      const job = this.#begin(index, cell, content);
      this.#expectSharers(job, index);
      yield job;
    }
    if (pages.ended) return;
    if (state.writebackLimitEnable && state.writebackLimit === 0)
      this.#error ??= new ZramError('EIO', 'writeback_limit is used up: raise it to write more pages back.');
    for (const index of this.#again.splice(0)) this.#picks.release(index);
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

  #next(): number | undefined {
    for (let index = this.#again.pop(); index !== undefined; index = this.#again.pop()) {
      if (this.pages.state(index) & STATE_PICKED) return index;
    }
    return this.#picks.next();
  }

  // ── objects that several pages share ───────────────────────────────────────────────────────────────────────────

  /** If the page's object is written by this call, the page refers to that block, now or when it is written. */
  #sharesBlock(index: number): boolean {
    const { raw } = this.pages.core;
    const object = this.#objectOf(index);
    const shared = this.#blocks.get(object);
    // A merge meanwhile may have given the object another number.
    if (!shared || raw.poolObject(this.pages.pool.address, shared.handle) !== object) return false;
    if (shared.waiting) {
      shared.waiting.push(index);
      this.#pagesFlying++;
    } else this.#take(index, shared.cell);
    return true;
  }

  /** A write of an object that other pages share, too. */
  #expectSharers(job: Job, index: number): void {
    const { pages } = this;
    const { raw } = pages.core;
    if ((pages.state(index) & STATE_MERGED) === 0) return;
    const object = this.#objectOf(index);
    const handle = raw.zramShareObject(pages.address, index);
    if (handle < 0) return; // touched since, or no memory: each is written by itself
    if (raw.poolObject(pages.pool.address, handle) === object && !this.#blocks.has(object)) {
      this.#blocks.set(object, { cell: job.cell, handle, waiting: [] });
      job.object = object;
    } else raw.poolFree(pages.pool.address, handle);
  }

  #objectOf(index: number): number {
    this.pages.state(index);
    return this.pages.core.words()[1];
  }

  // ── what is written where ──────────────────────────────────────────────────────────────────────────────────────

  /** The page's bytes, or its object's; undefined when it is damaged, in which case it stays in memory. */
  #contentOf(index: number): Written | undefined {
    const { pages, state, backing } = this;
    try {
      if (!backing.transport.objects && !state.compressedWriteback)
        return backing.pageToWrite(pages.core, pages.peek(index));
      const payload = pages.core.raw.zramPayload(pages.address, index);
      return backing.objectToWrite(pages.core, payload & 0xffff, payload >>> 16, this.#arena);
    } catch (error) {
      this.#error = error;
      this.#picks.release(index);
      return undefined;
    }
  }

  /**
   * Allocates a block: a free one or, when all are used, a suspect to which zeros can now be written.
   * @returns its cell; 0: there is none
   */
  *#takeBlock(): Generator<Job | typeof WAIT, number> {
    const { pages, backing } = this;
    const { raw } = pages.core;
    while (!pages.ended) {
      const taken = raw.zramTakeBlock(pages.address);
      if (taken > 0) return taken;
      if (taken !== ENOSPC) {
        this.#error = new ZramError(
          'ENOMEM',
          'cannot allocate the number of a block: the engine has reached its maxMemory.',
        );
        return 0;
      }
      if (this.#flying.size > 0) {
        yield WAIT; // a page that was accessed meanwhile leaves its block
        continue;
      }
      const cell = backing.takeSuspect();
      if (cell === undefined) {
        if (this.#trialsFailed === 0) this.#error = full(backing.blocksAside);
        return 0;
      }
      const trial = this.#begin(undefined, cell, backing.pageToWrite(pages.core, new Uint8Array(PAGE_SIZE)));
      yield trial;
      while (this.#flying.has(trial)) yield WAIT;
    }
    return 0;
  }

  #begin(index: number | undefined, cell: number, content: Written): Job {
    const slot = this.pages.core.raw.zramBlockNumber(cell) >>> 0;
    const { bytes, length, codec, asObject, checksum, chunk } = content;
    const job = { bytes, length, codec, asObject, checksum, chunk, index, cell, slot, object: 0 };
    this.#flying.add(job);
    if (index !== undefined) this.#pagesFlying++;
    return job;
  }

  // ── a write is over ────────────────────────────────────────────────────────────────────────────────────────────

  written(job: Job): void {
    const { index, cell } = job;
    const { core, address } = this.pages;
    if (!this.#lands(job)) this.backing.settle(cell, true);
    else if (index === undefined)
      core.raw.zramDropBlock(address, cell); // free: the call may end before it takes one
    else this.#pageWritten(job, index);
  }

  #pageWritten({ cell, object }: Job, index: number): void {
    const { pages } = this;
    this.#take(index, cell);
    const shared = this.#blocks.get(object);
    if (!shared) {
      pages.core.raw.zramDropBlock(pages.address, cell);
      return;
    }
    for (const sharer of shared.waiting as number[]) {
      this.#pagesFlying--;
      this.#take(sharer, cell);
    }
    shared.waiting = undefined;
  }

  /** A page is in the block, and refers to it from now on. */
  #take(index: number, cell: number): void {
    const { pages, state } = this;
    if (pages.core.raw.zramWriteBack(pages.address, index, cell) !== 1) return; // accessed meanwhile
    this.#pagesWritten++;
    if (state.writebackLimitEnable && state.writebackLimit > 0) state.writebackLimit--;
  }

  /** As in the kernel, an error of the backing does not keep other pages from being tried. */
  failed(job: Job, error: unknown): void {
    const { index, cell } = job;
    this.#error = error;
    if (!this.#lands(job)) {
      this.backing.settle(cell, false);
      return;
    }
    this.backing.suspect(cell, index === undefined);
    if (index === undefined) this.#trialsFailed++;
    else {
      this.#picks.release(index);
      this.#forsake(job);
    }
  }

  /** Whether the write was in flight until now: else its device has ended. */
  #lands(job: Job): boolean {
    const flew = this.#flying.delete(job);
    if (flew && job.index !== undefined) this.#pagesFlying--;
    return flew;
  }

  /** The pages that waited for this write are tried by themselves. */
  #forsake({ object }: Job): void {
    const shared = this.#blocks.get(object);
    if (!shared) return;
    const { pages } = this;
    this.#blocks.delete(object);
    pages.core.raw.poolFree(pages.pool.address, shared.handle);
    const waiting = shared.waiting as number[];
    this.#pagesFlying -= waiting.length;
    this.#again.push(...waiting);
  }

  /**
   * The call no longer waits for these writes: their blocks are reserved, and the backing in use, until they are over.
   * @param errors when they are, for each undefined or its error
   */
  giveUp(jobs: readonly Job[], errors: Promise<readonly (ZramError | undefined)[]>): void {
    const { backing } = this;
    for (const job of jobs) {
      const { index, cell } = job;
      if (!this.#lands(job)) continue;
      if (index !== undefined) {
        this.#picks.release(index);
        this.#forsake(job);
      }
      backing.abandon(cell);
    }
    backing.retain();
    void errors.then((all) => {
      for (const [n, { cell }] of jobs.entries()) backing.settle(cell, all[n] === undefined);
      try {
        backing.release();
      } catch {
        // Closing a file failed, and no call is left that could report it.
      }
    });
  }

  // ── the end ────────────────────────────────────────────────────────────────────────────────────────────────────

  /** Ends the call with this error. */
  stop(error: unknown): void {
    this.#stopped = error;
  }

  /** Removes the remaining marks, and releases everything. */
  *end(): Generator<undefined> {
    for (const index of this.#again.splice(0)) this.#picks.release(index);
    yield* this.#picks.end();
    this.abandon();
    if (!this.pages.ended) this.backing.tellFreed(this.pages);
    this.backing.writing = false;
    this.backing.release();
  }

  /** Releases everything but the backing: at the end, or when the device ends while writes are in flight. */
  abandon(): void {
    const { pages } = this;
    if (pages.postProcessing !== this) return;
    pages.postProcessing = undefined;
    const { core, address, pool } = pages;
    for (const { cell } of this.#flying) this.backing.abandon(cell);
    for (const { cell, handle, waiting } of this.#blocks.values()) {
      if (!waiting) core.raw.zramDropBlock(address, cell); // else it is one in flight
      core.raw.poolFree(pool.address, handle);
    }
    this.#flying.clear();
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
