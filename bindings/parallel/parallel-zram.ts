/// <reference lib="esnext.disposable" preserve="true" />
/** ParallelZram: an asynchronous device on several workers, in zram's vocabulary. */
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
import {
  readCompactOptions,
  readMergeOptions,
  type CompactOptions,
  type CompactReport,
  type MergeOptions,
  type MergeReport,
} from '../pool/operations.js';
import { Fleet } from './fleet/fleet.js';
import type { ControlName } from './fleet/protocol.js';
import { compactReport, mergeReport, parallelStats, recompressReport } from './fleet/reports.js';
import { Router } from './fleet/router.js';
import { readIdle, readRecompressOptions, readSettings } from './fleet/settings.js';
import { ControlTask, DiscardTask, Disk, ReadTask, WriteTask } from './fleet/tasks.js';
import type { ParallelStats, ParallelZramOptions } from './types.js';

/**
 * A compressed block device on several threads: it uses more than one core and more than 4 GiB. The calls are those of
 * `Zram`, and return promises.
 *
 * Pages are distributed to the workers by a hash of their content. Equal pages go to the same worker, so `merge` and
 * `dedup` find all duplicates, as on one thread. Calls take effect in the order in which they are made, even if their
 * promises are not awaited; calls for different pages run in parallel. Arguments are copied before a call returns.
 *
 * When a worker dies, its pages are lost. Calls that need them fail with `EIO`, and `lostPages()` lists them; all other
 * pages stay usable, and a lost page becomes usable again when it is completely written or discarded.
 *
 * Every call rejects with `EINVAL` after `destroy()`, and I/O also before the disksize is set.
 */
export class ParallelZram {
  /** @internal Fixed, since a bundler may rename the class. */
  static readonly name = 'ParallelZram';
  readonly #fleet: Fleet;
  readonly #workers: number;
  /** The disk that calls made from now on will use. */
  #disk: Disk | undefined;
  #ended: Promise<void> | undefined;

  private constructor(fleet: Fleet, workers: number) {
    this.#fleet = fleet;
    this.#workers = workers;
  }

  /**
   * Starts the workers and makes a device in each. Loads compressors that need loading.
   * @param options those of `Zram.create`, and the number of workers
   * @throws ZramError EINVAL: a wrong option; EIO: a worker or the core could not be started, or no worker answered for
   * 15 seconds; ENOMEM; EOPNOTSUPP: a compressor that is not installed. After a failure no thread is left
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

  /** Number of live workers. */
  get workers(): number {
    return this.#fleet.workersAlive;
  }

  /**
   * Sets the disk's size, which makes the device usable (as writing `disksize`). If it fails, the calls made meanwhile
   * fail as well, and the settings are as before.
   * @throws ZramError EBUSY: the size is set already, or another `init` is in progress; EINVAL: 0 or too large; ENOMEM
   */
  init(disksize: Size): Promise<void> {
    return this.#start(() => {
      const isNone = parseSize(disksize, 'disksize') === 0;
      this.#live();
      if (this.#disk && !isNone) throw new ZramError('EBUSY', 'the device has a disksize already: reset() it first.');
      // Set at once: calls made after this one may rely on it.
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

  // ── writing ───────────────────────────────────────────────────────────────────────────────────────────────────────

  /**
   * Stores one page.
   * @param index the page's number, from 0
   * @param bytes 4096 bytes
   * @throws ZramError ENOMEM: the page's worker has reached its limit; EIO: the worker died. The old content is kept
   * unless it was lost with its worker
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
   * Stores consecutive pages: the batched, fast path.
   * @param index the first page's number
   * @param bytes a multiple of 4096 bytes
   * @throws ZramError ENOMEM or EIO, as `writePage`: the first `pagesDone` pages are stored, the next one is not; each
   * of the others has its new or its old content
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
   * @param offset of the first byte on the disk
   * @param bytes any number of bytes
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

  // ── reading ────────────────────────────────────────────────────────────────────────────────────────────────────────

  /**
   * Reads one page; a page that was never written reads as zeros.
   * @param index the page's number, from 0
   * @param out array to fill, 4096 bytes or longer; the promise resolves to it. Do not use it before that
   * @throws ZramError EIO: the page is lost, or the stored data does not decompress
   */
  readPage(index: number, out?: Uint8Array): Promise<Uint8Array> {
    return this.#start(() => {
      const disk = this.#ready();
      checkPageRange(index, 1, disk.pages);
      return this.#read(disk, index * PAGE_SIZE, PAGE_SIZE, out);
    });
  }

  /**
   * Reads consecutive pages: the batched, fast path.
   * @param index the first page's number
   * @param count number of pages
   * @param out array to fill, `count` times 4096 bytes or longer; the promise resolves to it. Do not use it before that
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
   * @param offset of the first byte on the disk
   * @param length number of bytes
   * @param out array to fill, `length` bytes or longer; the promise resolves to it. Do not use it before that
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
   * Frees the whole pages inside a byte range, which then read as zeros; partly covered pages are not changed. Lost
   * pages become usable again.
   * @param offset of the first byte on the disk
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
   * @returns sums; `milliseconds` is the longest time of a worker
   */
  merge(options?: MergeOptions): Promise<MergeReport> {
    return this.#start(() => {
      const { maxObjects, ...rest } = readMergeOptions(options);
      return this.#ofDisk(async () => {
        return mergeReport(await this.#all('merge', { ...rest, maxObjects: this.#share(maxObjects) }));
      });
    });
  }

  /**
   * Compacts the pools of all workers (zs_compact): moves objects together and frees the zspages that become empty.
   * Returns sums, and the longest time of a worker.
   * @throws ZramError EINVAL: a wrong option
   */
  compact(options?: CompactOptions): Promise<CompactReport> {
    return this.#start(() => {
      const read = readCompactOptions(options);
      return this.#ofDisk(async () => compactReport(await this.#all('compact', read)));
    });
  }

  /**
   * Marks stored pages as idle until they are read or written; same-filled pages are skipped.
   * @param what `'all'` (default), or an age in seconds: pages that were not accessed for that long; the mark of all
   * others is removed
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
   * Compresses pages again with secondary compressors, in all workers at the same time, and keeps results of a smaller
   * size class; as `Zram.recompress`.
   * @param options which pages, and how; `maxPages` is divided among the workers, and rounded up
   * @returns sums; `milliseconds` is the longest time of a worker
   * @throws ZramError EINVAL: a wrong option, or no secondary compressor; EIO: a compressor failed, or every worker
   * died; ENOMEM. Pages keep their content
   */
  recompress(options?: RecompressOptions): Promise<RecompressReport> {
    return this.#start(() => {
      const { maxPages, ...rest } = readRecompressOptions(options);
      return this.#ofDisk(async () => {
        return recompressReport(await this.#all('recompress', { ...rest, maxPages: this.#share(maxPages) }));
      });
    });
  }

  /** Each worker's share of a budget. */
  #share(budget: number | undefined): number | undefined {
    return budget === undefined ? undefined : Math.ceil(budget / Math.max(this.workers, 1));
  }

  /**
   * Makes the device uninitialised: frees everything and zeroes all counters; limit and compressors return to the
   * defaults.
   */
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
   * Terminates the workers and frees everything, after the calls made before. Calls of workers that do not answer for
   * 15 seconds fail with `EIO`. Never rejects. Calling it again does nothing.
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

  /** Begins `destroy()`, for `using`: the workers are still ending when it returns. */
  [Symbol.dispose](): void {
    void this.destroy();
  }

  // ── statistics ─────────────────────────────────────────────────────────────────────────────────────────────────

  /** The counters, after all calls made before. Lost pages are not counted. */
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

  /**
   * The pages that were lost with their workers and have since been neither completely written nor discarded, in order.
   */
  lostPages(): number[] {
    this.#live();
    return this.#disk?.ready ? this.#fleet.owners.lost(0, this.#disk.pages) : [];
  }

  // ── calls, and checks of state and arguments ────────────────────────────────────────────────────────────────────

  /** Turns what a call throws into a rejected promise. Not async, which would delay the caller by some microtasks. */
  #start<Value>(call: () => Promise<Value>): Promise<Value> {
    try {
      return call();
    } catch (error) {
      // eslint-disable-next-line @typescript-eslint/prefer-promise-reject-errors
      return Promise.reject(error);
    }
  }

  /** Runs a call of all workers in its turn. */
  #inTurn<Value>(call: () => Promise<Value>, exclusive = false): Promise<Value> {
    const task = new ControlTask(this.#fleet, call, exclusive);
    this.#fleet.enqueue(task);
    return task.promise;
  }

  /** The same, for the current disk. */
  #ofDisk<Value>(call: () => Promise<Value>): Promise<Value> {
    const disk = this.#ready();
    return this.#inTurn(async () => {
      disk.check();
      return call();
    });
  }

  async #all(name: ControlName, argument?: unknown): Promise<unknown[]> {
    const answers = await this.#fleet.control(name, argument);
    if (answers.length === 0)
      throw new ZramError('EIO', `all ${this.#workers} workers have died: create the device again.`);
    return answers;
  }

  #live(): void {
    if (this.#ended) throw new ZramError('EINVAL', 'this ParallelZram was destroyed.');
  }

  #ready(): Disk {
    this.#live();
    if (!this.#disk) throw new ZramError('EINVAL', 'the device is not initialised: set a disksize first.');
    return this.#disk;
  }
}

/** The compiled core for the workers, and the router that hashes pages with it. */
async function loadRouter(source: CoreSource | undefined): Promise<[module: object, router: Router]> {
  try {
    const module = await compileCore(source);
    const core = new Core(await loadCore(module), Infinity);
    core.makeHashKey();
    return [module, new Router(core)];
  } catch (error) {
    if (error instanceof ZramError) throw error;
    throw new ZramError('EINVAL', `cannot load module: ${textOf(error)}.`);
  }
}
