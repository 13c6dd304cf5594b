/// <reference lib="esnext.disposable" preserve="true" />
/** ParallelZram: the device of several workers, asynchronous, in zram's vocabulary. */
import {
  checkByteRange,
  checkBytes,
  checkInteger,
  checkPageRange,
  checkPages,
  outFor,
  PAGE_SIZE,
  parseDiskPages,
} from '../base/arguments.js';
import { lengthOf } from '../base/bytes.js';
import { ZramError } from '../base/errors.js';
import { textOf } from '../base/messages.js';
import { parseSize, type Size } from '../base/size.js';
import { Core } from '../core/core.js';
import { compileCore, loadCore } from '../core/load.js';
import type { CoreSource } from '../core/source.js';
import type { RecompressOptions, RecompressReport } from '../device/post-process/recompress.js';
import { readMergeOptions, type CompactReport, type MergeOptions, type MergeReport } from '../pool/operations.js';
import { Fleet } from './fleet/fleet.js';
import type { ControlName } from './fleet/protocol.js';
import { compactReport, mergeReport, parallelStats, recompressReport } from './fleet/reports.js';
import { Router } from './fleet/router.js';
import { readIdle, readRecompressOptions, readSettings } from './fleet/settings.js';
import { ControlTask, DiscardTask, Disk, ReadTask, WriteTask } from './fleet/tasks.js';
import type { ParallelStats, ParallelZramOptions } from './types.js';

/**
 * A compressed block device on several threads: more than one core, and more than 4 GiB. The calls are those of `Zram`, and
 * give promises.
 *
 * Pages are divided among the workers by a hash of their content. Equal pages meet in one worker, so `merge` and `dedup` find
 * all duplicates, as on one thread. Calls take effect in the order in which they are made, also when nobody waits for their
 * promises; calls for different pages run at the same time. What goes in is copied before a call returns.
 *
 * A worker that dies takes its pages along. Calls that need them fail with `EIO`; `lostPages()` names them; everything else
 * goes on, and a lost page is as good as new when it is written as a whole, or discarded.
 *
 * Every call rejects with `EINVAL` after `destroy()`, and I/O also while there is no disksize.
 */
export class ParallelZram {
  /** @internal Whatever a bundler calls the class. */
  static readonly name = 'ParallelZram';
  readonly #fleet: Fleet;
  readonly #workers: number;
  /** As the calls made from now on shall find it. */
  #disk: Disk | undefined;
  #ended: Promise<void> | undefined;

  private constructor(fleet: Fleet, workers: number) {
    this.#fleet = fleet;
    this.#workers = workers;
  }

  /**
   * Starts the workers and makes a device in each. Loads a compressor that has to be loaded.
   * @param options those of `Zram.create`, and how many workers
   * @throws ZramError EINVAL: a wrong option; EIO: a worker could not be started, or the core not be loaded, or no worker says
   * anything for 15 seconds; ENOMEM; EOPNOTSUPP: a compressor that is not installed. No thread is left then
   */
  static async create(options?: ParallelZramOptions): Promise<ParallelZram> {
    const { workers, source, sharesMemory, module, maxMemory, pages, devices } = readSettings(options);
    const [compiled, router] = await loadRouter(module);
    const fleet = new Fleet({ workers, source, sharesMemory, router });
    try {
      await fleet.start(compiled, maxMemory, devices);
    } catch (error) {
      await fleet.end();
      throw error instanceof ZramError
        ? error
        : new ZramError('ENOMEM', `cannot allocate ${workers} workers: ${textOf(error)}.`);
    }
    const zram = new ParallelZram(fleet, workers);
    if (pages > 0) {
      zram.#disk = new Disk(pages);
      zram.#disk.ready = true;
    }
    return zram;
  }

  /** How many of the workers are alive. */
  get workers(): number {
    return this.#fleet.workersAlive;
  }

  /**
   * Sets the disk's size: the device can then be used (as writing `disksize`). When it fails, so do the calls that were made
   * after it and before its end, and the settings are as before.
   * @throws ZramError EBUSY: it has one already, or another `init` is under way; EINVAL: 0 or too large; ENOMEM
   */
  init(disksize: Size): Promise<void> {
    return this.#start(() => {
      const isNone = parseSize(disksize, 'disksize') === 0;
      this.#live();
      if (this.#disk && !isNone) throw new ZramError('EBUSY', 'the device has a disksize; reset() it first.');
      // What is called after this may count on it.
      const disk = (this.#disk = new Disk(parseDiskPages(disksize)));
      return this.#inTurn(() => this.#initAll(disk), true);
    });
  }

  async #initAll(disk: Disk): Promise<void> {
    try {
      await this.#all('init', disk.pages * PAGE_SIZE);
      disk.ready = true;
    } catch (error) {
      disk.failed = true;
      if (this.#disk === disk) this.#disk = undefined;
      await this.#fleet.control('undo');
      throw error;
    }
  }

  // ── in ─────────────────────────────────────────────────────────────────────────────────────────────────────────

  /**
   * Stores one page.
   * @param index the page's number, from 0
   * @param bytes 4096 bytes
   * @throws ZramError ENOMEM: the page's worker has reached its limit; EIO: it died. The old content stays where it is not
   * lost with its worker
   */
  writePage(index: number, bytes: Uint8Array): Promise<void> {
    return this.#start(() => {
      checkPages(bytes, 1);
      const disk = this.#ready();
      checkPageRange(index, 1, disk.pages);
      return this.#write(disk, index * PAGE_SIZE, bytes);
    });
  }

  /**
   * Stores pages that follow each other: the batched path.
   * @param index the first page's number
   * @param bytes a multiple of 4096 bytes
   * @throws ZramError ENOMEM or EIO, as `writePage`: the first `pagesDone` pages are stored, the page after them is not; of
   * the others each has its new or its old content
   */
  writePages(index: number, bytes: Uint8Array): Promise<void> {
    return this.#start(() => {
      checkPages(bytes);
      const disk = this.#ready();
      checkPageRange(index, lengthOf(bytes) / PAGE_SIZE, disk.pages);
      return this.#write(disk, index * PAGE_SIZE, bytes);
    });
  }

  /**
   * Stores any byte range inside the disk; pages that it covers in part are read, changed and written.
   * @param offset the first byte's place on the disk
   * @param bytes any number of them
   * @throws ZramError as `writePages`
   */
  write(offset: number, bytes: Uint8Array): Promise<void> {
    return this.#start(() => {
      checkBytes(bytes, 'bytes');
      const disk = this.#ready();
      checkByteRange(offset, lengthOf(bytes), disk.pages);
      return this.#write(disk, offset, bytes);
    });
  }

  #write(disk: Disk, offset: number, bytes: Uint8Array): Promise<void> {
    const task = new WriteTask(this.#fleet, disk, offset, bytes);
    if (!this.#fleet.enqueue(task)) task.keep();
    return task.promise;
  }

  // ── out ────────────────────────────────────────────────────────────────────────────────────────────────────────

  /**
   * Reads one page; a page that was never written reads as zeros.
   * @param index the page's number, from 0
   * @param out array to fill, 4096 bytes or longer; the promise gives it. Leave it alone until then
   * @throws ZramError EIO: the page is lost, or what is stored does not decompress
   */
  readPage(index: number, out?: Uint8Array): Promise<Uint8Array> {
    return this.#start(() => {
      const disk = this.#ready();
      checkPageRange(index, 1, disk.pages);
      return this.#read(disk, index * PAGE_SIZE, PAGE_SIZE, out);
    });
  }

  /**
   * Reads pages that follow each other: the batched path.
   * @param index the first page's number
   * @param count number of pages
   * @param out array to fill, `count` times 4096 bytes or longer; the promise gives it. Leave it alone until then
   * @throws ZramError EIO: a page is lost or does not decompress; the `pagesDone` pages before it are in `out`
   */
  readPages(index: number, count: number, out?: Uint8Array): Promise<Uint8Array> {
    return this.#start(() => {
      const disk = this.#ready();
      checkInteger(count, 'count', 0, disk.pages);
      checkPageRange(index, count, disk.pages);
      return this.#read(disk, index * PAGE_SIZE, count * PAGE_SIZE, out);
    });
  }

  /**
   * Reads any byte range inside the disk.
   * @param offset the first byte's place on the disk
   * @param length number of bytes
   * @param out array to fill, `length` bytes or longer; the promise gives it. Leave it alone until then
   * @throws ZramError as `readPages`
   */
  read(offset: number, length: number, out?: Uint8Array): Promise<Uint8Array> {
    return this.#start(() => {
      const disk = this.#ready();
      checkInteger(length, 'length', 0, disk.pages * PAGE_SIZE);
      checkByteRange(offset, length, disk.pages);
      return this.#read(disk, offset, length, out);
    });
  }

  #read(disk: Disk, offset: number, length: number, out: Uint8Array | undefined): Promise<Uint8Array> {
    const task = new ReadTask(this.#fleet, disk, offset, length, outFor(out, length));
    this.#fleet.enqueue(task);
    return task.promise;
  }

  // ── memory ─────────────────────────────────────────────────────────────────────────────────────────────────────

  /**
   * Frees the whole pages inside a byte range, which then read as zeros; pages that it covers in part stay as they are.
   * Pages that were lost with their worker are good again.
   * @param offset the first byte's place on the disk
   * @param length number of bytes
   */
  discard(offset: number, length: number): Promise<void> {
    return this.#start(() => {
      const disk = this.#ready();
      checkInteger(length, 'length', 0, disk.pages * PAGE_SIZE);
      checkByteRange(offset, length, disk.pages);
      const first = Math.ceil(offset / PAGE_SIZE);
      const count = Math.max(Math.floor((offset + length) / PAGE_SIZE) - first, 0);
      const task = new DiscardTask(this.#fleet, disk, first, count);
      this.#fleet.enqueue(task);
      return task.promise;
    });
  }

  /**
   * Stores identical pages once, in all workers at the same time.
   * @param options `maxObjects` is divided among the workers, and rounded up; `maxMilliseconds` is for each
   * @returns sums; the milliseconds are the longest
   */
  merge(options?: MergeOptions): Promise<MergeReport> {
    return this.#start(() => {
      const { maxObjects, ...rest } = readMergeOptions(options);
      return this.#ofDisk(async () => {
        return mergeReport(await this.#all('merge', { ...rest, maxObjects: this.#share(maxObjects) }));
      });
    });
  }

  /** Moves objects together and frees what becomes empty (zs_compact), in all workers. Gives sums, and the longest time. */
  compact(): Promise<CompactReport> {
    return this.#start(() => this.#ofDisk(async () => compactReport(await this.#all('compact'))));
  }

  /**
   * Marks stored pages as idle, until somebody reads or writes them; same-filled pages are left out.
   * @param what `'all'` (default), or an age in seconds: pages that were not accessed for so long, while the others' mark is
   * taken away
   * @throws ZramError EINVAL: an age, without the option `trackEntryActime`
   */
  idle(what: 'all' | number | { age?: number | undefined } = 'all'): Promise<void> {
    return this.#start(() => {
      const age = readIdle(what);
      return this.#ofDisk(async () => {
        await this.#all('idle', age);
      });
    });
  }

  /**
   * Compresses pages again with secondary compressors, in all workers at the same time, and keeps what falls into a smaller
   * size class; as `Zram.recompress`.
   * @param options which pages, and how; `maxPages` is divided among the workers, and rounded up
   * @returns sums; the milliseconds are the longest
   * @throws ZramError EINVAL: a wrong option, or no secondary compressor; EIO: a compressor failed, or every worker died;
   * ENOMEM. No page is lost
   */
  recompress(options?: RecompressOptions): Promise<RecompressReport> {
    return this.#start(() => {
      const { maxPages, ...rest } = readRecompressOptions(options);
      return this.#ofDisk(async () => {
        return recompressReport(await this.#all('recompress', { ...rest, maxPages: this.#share(maxPages) }));
      });
    });
  }

  /** Each worker's part of a budget. */
  #share(budget: number | undefined): number | undefined {
    return budget === undefined ? undefined : Math.ceil(budget / Math.max(this.workers, 1));
  }

  /** Uninitialised again: everything is freed, all counters are zero, limit and compressors are the defaults. */
  reset(): Promise<void> {
    return this.#start(() => {
      this.#live();
      this.#disk = undefined;
      return this.#inTurn(async () => {
        this.#fleet.owners.reset();
        await this.#all('reset');
      }, true);
    });
  }

  /**
   * Ends the workers, and with them all that is stored, after the calls made before; those of workers that say nothing for
   * 15 seconds fail with `EIO`. Does not reject. Calling it again does nothing more.
   */
  destroy(): Promise<void> {
    if (!this.#ended) {
      this.#fleet.hurry();
      this.#ended = this.#inTurn(() => this.#fleet.end(), true);
    }
    return this.#ended;
  }

  /** The same as `destroy()`, for `await using`. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.destroy();
  }

  /** Begins `destroy()`, for `using`: the workers have not ended yet when it returns. */
  [Symbol.dispose](): void {
    void this.destroy();
  }

  // ── statistics ─────────────────────────────────────────────────────────────────────────────────────────────────

  /** The counters, after all calls made before. Pages that are lost are not counted. */
  stats(): Promise<ParallelStats> {
    return this.#start(() => {
      this.#live();
      const disk = this.#disk;
      return this.#inTurn(async () => {
        const notifyFree = disk?.notifyFree ?? 0;
        return parallelStats(await this.#all('stats'), notifyFree);
      });
    });
  }

  /** The pages that were lost with their workers and have neither been written as a whole since nor discarded, in order. */
  lostPages(): number[] {
    this.#live();
    return this.#disk?.ready ? this.#fleet.owners.lost(0, this.#disk.pages) : [];
  }

  // ── calls, and tests of state and arguments ────────────────────────────────────────────────────────────────────

  /** What a call throws becomes its promise's rejection. Not async: that would delay the caller by some microtasks. */
  #start<Value>(call: () => Promise<Value>): Promise<Value> {
    try {
      return call();
    } catch (error) {
      // eslint-disable-next-line @typescript-eslint/prefer-promise-reject-errors
      return Promise.reject(error);
    }
  }

  /** A call of all workers, in its turn. */
  #inTurn<Value>(call: () => Promise<Value>, exclusive = false): Promise<Value> {
    const task = new ControlTask(this.#fleet, call, exclusive);
    this.#fleet.enqueue(task);
    return task.promise;
  }

  /** The same, of the disk that there is. */
  #ofDisk<Value>(call: () => Promise<Value>): Promise<Value> {
    const disk = this.#ready();
    return this.#inTurn(async () => {
      disk.check();
      return call();
    });
  }

  async #all(name: ControlName, argument?: unknown): Promise<unknown[]> {
    const answers = await this.#fleet.control(name, argument);
    if (answers.length === 0) throw new ZramError('EIO', `all ${this.#workers} workers have died.`);
    return answers;
  }

  #live(): void {
    if (this.#ended) throw new ZramError('EINVAL', 'this ParallelZram was destroyed.');
  }

  #ready(): Disk {
    this.#live();
    if (!this.#disk) throw new ZramError('EINVAL', 'the device is not initialised: give it a disksize.');
    return this.#disk;
  }
}

/** The compiled core, for the workers, and what hashes pages with it. */
async function loadRouter(source: CoreSource | undefined): Promise<[module: object, router: Router]> {
  try {
    const module = await compileCore(source);
    const core = new Core(await loadCore(module), Infinity);
    core.makeHashKey();
    return [module, new Router(core)];
  } catch (error) {
    if (error instanceof ZramError) throw error;
    throw new ZramError('EINVAL', `module cannot be loaded: ${textOf(error)}.`);
  }
}
