/// <reference lib="esnext.disposable" preserve="true" />
/** ParallelZram: the device of several workers, asynchronous, in zram's vocabulary. */
import {
  PAGE_SIZE,
  checkBoolean,
  checkByteRange,
  checkBytes,
  checkInteger,
  checkOptions,
  checkPageRange,
  checkPages,
  outFor,
  parseDiskPages,
} from '../arguments.js';
import { Core, compileCore, loadCore } from '../core.js';
import type { EngineMemory, EngineOptions } from '../engine.js';
import { ZramError } from '../errors.js';
import { parseSize, type Size } from '../size.js';
import type { ZramOptions } from '../zram-options.js';
import type { IoStat, MmStat } from '../zram-stats.js';
import type { CompactReport, MergeOptions, MergeReport } from '../zs-pool.js';
import { Fleet, type FleetSetting } from './fleet/fleet.js';
import { WORKERS_MAX } from './fleet/owners.js';
import type { ControlName, DeviceOptions, WorkerFigures } from './fleet/protocol.js';
import { Router } from './fleet/router.js';
import { ControlTask, DiscardTask, ReadTask, WriteTask } from './fleet/tasks.js';
import { canShareMemory, hardwareThreads } from './fleet/thread.js';
import type { WorkerSource } from './worker-source.js';

/** What a device of several workers is made with. */
export interface ParallelZramOptions extends Omit<ZramOptions, 'pool' | 'backing'>, Omit<EngineOptions, 'compressors'> {
  /** Threads, 1 to 64, each with an engine of up to 4 GiB. Default: what the machine runs at once, at most 8. */
  workers?: number | undefined;
  /** Most bytes of all workers' pools; each has an equal share, rounded to pages. 0 = none. A write beyond is `ENOMEM`. */
  memLimit?: Size | undefined;
  /** Bytes to which the linear memory of *each* worker's engine may grow; default and most: 4 GiB less 64 KiB. */
  maxMemory?: Size | undefined;
  /** Where the worker's script is, for bundlers that do not find it. Default: `parallel-worker.js` beside the library. */
  worker?: WorkerSource | undefined;
  /**
   * Whether pages go to the workers through shared memory. Default: where it is to be had, which in a browser is a page that
   * is cross-origin isolated. Without it buffers are transferred.
   */
  sharedMemory?: boolean | undefined;
}

/** What the workers' counters add up to, and each worker's own. */
export interface ParallelStats {
  /** Sums. `memUsedMax` is the sum of the workers' maxima, which they need not have reached at one time. */
  readonly mmStat: MmStat;
  /** Sums; `notifyFree` counts each page of a discard once. */
  readonly ioStat: IoStat;
  /** Sums, over the workers' engines. */
  readonly memory: EngineMemory;
  /** Of the workers that are alive. */
  readonly workers: readonly {
    /** Of the worker's device. */
    readonly mmStat: MmStat;
    /** Of the worker's engine. */
    readonly memory: EngineMemory;
  }[];
}

const OPTIONS = [
  'disksize',
  'compAlgorithm',
  'level',
  'memLimit',
  'dedup',
  'chainSize',
  'shrinker',
  'module',
  'maxMemory',
  'workers',
  'worker',
  'sharedMemory',
] as const;
const WORKERS_DEFAULT_MAX = 8;

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
  #pages = 0;
  #notifyFree = 0;
  #ended: Promise<void> | undefined;

  private constructor(fleet: Fleet, workers: number) {
    this.#fleet = fleet;
    this.#workers = workers;
  }

  /**
   * Starts the workers and makes a device in each.
   * @param options those of `Zram.create`, and how many workers
   * @throws ZramError EINVAL: a wrong option; EIO: a worker could not be started, or the core not be loaded; ENOMEM
   */
  static async create(options?: ParallelZramOptions): Promise<ParallelZram> {
    checkOptions(options, OPTIONS, 'ParallelZram.create');
    const { module: source, maxMemory, workers = defaultWorkers(), worker, sharedMemory, ...rest } = options ?? {};
    const { disksize, memLimit = 0, ...device } = rest;
    checkInteger(workers, 'workers', 1, WORKERS_MAX);
    const limits = shares(memLimit, workers);
    const pages = disksize === undefined ? 0 : parseDiskPages(disksize);
    const bytes = maxMemory === undefined ? undefined : parseSize(maxMemory, 'maxMemory');
    const sharesMemory = sharedMemory ?? canShareMemory();
    checkBoolean(sharesMemory, 'sharedMemory');
    if (sharesMemory && !canShareMemory()) {
      throw new ZramError(
        'EINVAL',
        'sharedMemory needs SharedArrayBuffer, and in a browser a cross-origin isolated page.',
      );
    }

    const module = await compileCore(source);
    const core = new Core(await loadCore(module), Infinity);
    core.makeHashKey();
    const router = new Router(core);
    const fleet = makeFleet({ workers, source: worker, sharesMemory, router });
    const zram = new ParallelZram(fleet, workers);
    zram.#pages = pages;
    const deviceOf = (n: number): DeviceOptions => ({
      ...device,
      memLimit: limits[n],
      ...(pages > 0 && { disksize: pages * PAGE_SIZE }),
    });
    try {
      await fleet.start(module, bytes, deviceOf);
    } catch (error) {
      await fleet.end();
      throw error;
    }
    return zram;
  }

  /** How many of the workers are alive. */
  get workers(): number {
    return this.#fleet.workersAlive;
  }

  /**
   * Sets the disk's size: the device can then be used (as writing `disksize`).
   * @throws ZramError EBUSY: it has one already; EINVAL: 0 or too large; ENOMEM
   */
  init(disksize: Size): Promise<void> {
    return this.#start(() => {
      this.#live();
      const pages = parseDiskPages(disksize);
      if (this.#pages > 0) throw new ZramError('EBUSY', 'the device has a disksize; reset() it first.');
      // What is called after this may count on it.
      this.#pages = pages;
      return this.#inTurn(async () => {
        try {
          await this.#all('init', pages * PAGE_SIZE);
        } catch (error) {
          await this.#fleet.control('reset');
          this.#pages = 0;
          throw error;
        }
      }, true);
    });
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
      this.#ready();
      checkPageRange(index, 1, this.#pages);
      checkPages(bytes, 1);
      return this.#write(index * PAGE_SIZE, bytes);
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
      this.#ready();
      checkPages(bytes);
      checkPageRange(index, bytes.length / PAGE_SIZE, this.#pages);
      return this.#write(index * PAGE_SIZE, bytes);
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
      this.#ready();
      checkBytes(bytes, 'bytes');
      checkByteRange(offset, bytes.length, this.#pages);
      return this.#write(offset, bytes);
    });
  }

  #write(offset: number, bytes: Uint8Array): Promise<void> {
    const task = new WriteTask(this.#fleet, offset, bytes);
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
      this.#ready();
      checkPageRange(index, 1, this.#pages);
      return this.#read(index * PAGE_SIZE, PAGE_SIZE, out);
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
      this.#ready();
      checkInteger(count, 'count', 0, this.#pages);
      checkPageRange(index, count, this.#pages);
      return this.#read(index * PAGE_SIZE, count * PAGE_SIZE, out);
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
      this.#ready();
      checkInteger(length, 'length', 0, this.#pages * PAGE_SIZE);
      checkByteRange(offset, length, this.#pages);
      return this.#read(offset, length, out);
    });
  }

  #read(offset: number, length: number, out: Uint8Array | undefined): Promise<Uint8Array> {
    const task = new ReadTask(this.#fleet, offset, length, outFor(out, length));
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
      this.#ready();
      checkInteger(length, 'length', 0, this.#pages * PAGE_SIZE);
      checkByteRange(offset, length, this.#pages);
      const first = Math.ceil(offset / PAGE_SIZE);
      const count = Math.max(Math.floor((offset + length) / PAGE_SIZE) - first, 0);
      this.#notifyFree += count;
      const task = new DiscardTask(this.#fleet, first, count);
      this.#fleet.enqueue(task);
      return task.promise;
    });
  }

  /**
   * Stores identical pages once, in all workers at the same time.
   * @param options `maxObjects` is for all workers together, `maxMilliseconds` for each
   * @returns sums; the milliseconds are the longest
   */
  merge(options?: MergeOptions): Promise<MergeReport> {
    return this.#start(() => {
      this.#ready();
      return this.#inTurn(async () => {
        const { maxObjects } = options ?? {};
        const share = typeof maxObjects === 'number' ? Math.ceil(maxObjects / this.workers) : maxObjects;
        const reports = await this.#all<MergeReport>('merge', options && { ...options, maxObjects: share });
        return Object.freeze({
          ...sums(reports, [
            'objectsScanned',
            'objectsHashed',
            'objectsMerged',
            'bytesMerged',
            'pagesFreed',
            'hashCollisions',
          ]),
          complete: reports.every(({ complete }) => complete),
          milliseconds: Math.max(...reports.map(({ milliseconds }) => milliseconds)),
        });
      });
    });
  }

  /** Moves objects together and frees what becomes empty (zs_compact), in all workers. Gives sums, and the longest time. */
  compact(): Promise<CompactReport> {
    return this.#start(() => {
      this.#ready();
      return this.#inTurn(async () => {
        const reports = await this.#all<CompactReport>('compact');
        return Object.freeze({
          ...sums(reports, ['pagesFreed', 'objectsMoved']),
          milliseconds: Math.max(...reports.map(({ milliseconds }) => milliseconds)),
        });
      });
    });
  }

  /** Uninitialised again: everything is freed, all counters are zero, limit and compressor are the defaults. */
  reset(): Promise<void> {
    return this.#start(() => {
      this.#live();
      this.#pages = 0;
      return this.#inTurn(async () => {
        this.#fleet.owners.reset();
        this.#notifyFree = 0;
        await this.#all('reset');
      }, true);
    });
  }

  /** Ends the workers, and with them all that is stored, after the calls made before. Calling it again does nothing more. */
  destroy(): Promise<void> {
    this.#ended ??= this.#inTurn(() => this.#fleet.end(), true);
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
      return this.#inTurn(async () => {
        const each = await this.#all<WorkerFigures>('stats');
        const all = <Key extends keyof WorkerFigures>(key: Key): WorkerFigures[Key][] => each.map((one) => one[key]);
        const [mm, io, memory] = [all('mmStat'), all('ioStat'), all('memory')];
        return Object.freeze({
          mmStat: Object.freeze(sums(mm, keysOf(mm[0]))),
          ioStat: Object.freeze({ ...sums(io, keysOf(io[0])), notifyFree: this.#notifyFree }),
          memory: Object.freeze(sums(memory, keysOf(memory[0]))),
          workers: Object.freeze(
            each.map((one) => Object.freeze({ mmStat: Object.freeze(one.mmStat), memory: Object.freeze(one.memory) })),
          ),
        });
      });
    });
  }

  /** The pages that were lost with their workers and have neither been written as a whole since nor discarded, in order. */
  lostPages(): number[] {
    this.#live();
    return this.#fleet.owners.lost(0, this.#pages);
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

  async #all<Value>(name: ControlName, argument?: unknown): Promise<Value[]> {
    const values = await this.#fleet.control(name, argument);
    if (values.length === 0) throw new ZramError('EIO', `all ${this.#workers} workers have died.`);
    return values as Value[];
  }

  #live(): void {
    if (this.#ended) throw new ZramError('EINVAL', 'this ParallelZram was destroyed.');
  }

  #ready(): void {
    this.#live();
    if (this.#pages === 0) throw new ZramError('EINVAL', 'the device is not initialised: give it a disksize.');
  }
}

function defaultWorkers(): number {
  return Math.max(1, Math.min(hardwareThreads(), WORKERS_DEFAULT_MAX));
}

/** Each worker's part of a limit, in bytes; together exactly the limit, in pages. */
function shares(memLimit: Size, workers: number): number[] {
  const pages = Math.ceil(parseSize(memLimit, 'memLimit') / PAGE_SIZE);
  if (pages > 0 && pages < workers) {
    throw new ZramError('EINVAL', `memLimit must be at least a page for each of ${workers} workers, or 0 for none.`);
  }
  const each = Math.floor(pages / workers);
  return Array.from({ length: workers }, (_, n) => (each + Number(n < pages % workers)) * PAGE_SIZE);
}

function sums<Of extends object, Key extends keyof Of>(of: readonly Of[], keys: readonly Key[]): Record<Key, number> {
  const entries = keys.map((key) => [key, of.reduce((sum, each) => sum + Number(each[key]), 0)]);
  return Object.fromEntries(entries) as Record<Key, number>;
}

function keysOf<Value extends object>(value: Value): (keyof Value & string)[] {
  return Object.keys(value) as (keyof Value & string)[];
}

function makeFleet(setting: FleetSetting): Fleet {
  try {
    return new Fleet(setting);
  } catch (error) {
    if (error instanceof ZramError) throw error;
    throw new ZramError('ENOMEM', `there is no memory for ${setting.workers} workers: ${String(error)}`);
  }
}
