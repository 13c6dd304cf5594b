/// <reference lib="esnext.disposable" preserve="true" />
/** Zram: the compressed block device. */
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
} from './arguments.js';
import type { Core } from './core.js';
import { Engine, ENGINE_OPTIONS, type EngineOptions } from './engine.js';
import { ZramError } from './errors.js';
import { describe, parseSize, type Size } from './size.js';
import { createSysfs, type Sysfs } from './sysfs.js';
import {
  ZsPool,
  compactPool,
  endPool,
  makePool,
  mergePool,
  type CompactReport,
  type MergeOptions,
  type MergeReport,
  type PoolOptions,
} from './zs-pool.js';

/** What a device is made with. */
export interface ZramOptions {
  /** Bytes of the disk, rounded up to pages; at most 16 TiB less a page. Left out, the device waits for `init`. */
  disksize?: Size | undefined;
  /** The compressor; `lz4`. */
  compAlgorithm?: string | undefined;
  /** LZ4's acceleration, as `algorithm_params`: 1 (default) packs best, more is faster. Below 1 means 1. */
  level?: number | undefined;
  /** mem_limit: most bytes of the pool, rounded up to pages; 0 = none. A write beyond is `ENOMEM`. */
  memLimit?: Size | undefined;
  /**
   * Inline deduplication: a page that is stored already is shared instead of compressed (after a byte compare). Costs a
   * hash a page, and an index of 11 to 21 bytes a distinct page. Default: false.
   */
  dedup?: boolean | undefined;
  /** Of the device's own pool, see PoolOptions. */
  chainSize?: PoolOptions['chainSize'];
  /** Of the device's own pool, see PoolOptions. */
  shrinker?: boolean | undefined;
  /** A pool of the same engine to live on, instead of one of its own (`engine.createZram` only). */
  pool?: ZsPool | undefined;
}

/**
 * The columns of the kernel's mm_stat in their order, `pages_merged`, and two more with `dedup`. Bytes, or pages of 4096
 * bytes. Where devices share a pool, `comprDataSize`, `memUsedTotal`, `memUsedMax`, `pagesCompacted` and `pagesMerged` are
 * the pool's.
 */
export interface MmStat {
  /** Bytes of the pages that are stored. */
  readonly origDataSize: number;
  /** Payload bytes of the pool's distinct objects. */
  readonly comprDataSize: number;
  /** Bytes of the pool's zspages. */
  readonly memUsedTotal: number;
  /** Most bytes of zspages; 0 = no limit. */
  readonly memLimit: number;
  /** The most that memUsedTotal was after an allocation. */
  readonly memUsedMax: number;
  /** Same-filled pages: they take no memory of the pool. */
  readonly samePages: number;
  /** Pages of the pool that compaction freed since the device has a disksize. */
  readonly pagesCompacted: number;
  /** Pages that did not compress and are stored as they are. */
  readonly hugePages: number;
  /** The same, counted up since the device has a disksize. */
  readonly hugePagesSince: number;
  /** Stored pages that have no object of their own now. */
  readonly pagesMerged: number;
  /** Payload bytes that sharing saves; 0 without `dedup`. */
  readonly dupDataSize: number;
  /** Bytes of the deduplication index; 0 without `dedup`. */
  readonly metaDataSize: number;
}

/** The columns of the kernel's io_stat. */
export interface IoStat {
  /** Reads of a page that does not decompress. */
  readonly failedReads: number;
  /** Writes of a page that found no room. */
  readonly failedWrites: number;
  /** Always 0, as in the kernel: a call outside the disk is `EINVAL` before it is counted. */
  readonly invalidIo: number;
  /** Pages of all discards, also pages that held nothing. */
  readonly notifyFree: number;
}

/** The kernel's debug_stat. */
export interface DebugStat {
  /** Of the text's format: 1. */
  readonly version: number;
  /** Always 0: nothing runs beside a call that could keep a page from being freed. */
  readonly missFree: number;
}

/** What is stored at a page; the flags have the names of the kernel's debugfs file `block_state`. */
export interface BlockState {
  /** Same-filled: one 64-bit value, which takes no memory of the pool. */
  readonly same: boolean;
  /** Always false: this version's devices have no backing device. */
  readonly writtenBack: boolean;
  /** Did not compress and is stored as it is, 4096 bytes. */
  readonly huge: boolean;
  /** Always false: this version does not mark pages as idle. */
  readonly idle: boolean;
  /** Always false: this version has no second compressor. */
  readonly recompressed: boolean;
  /** Always false, as `recompressed`. */
  readonly incompressible: boolean;
  /** Shares its object with other pages. */
  readonly merged: boolean;
  /** Bytes of the object; 0 for a same-filled page. */
  readonly comprSize: number;
}

const DEVICE_OPTIONS = ['disksize', 'compAlgorithm', 'level', 'memLimit', 'dedup', 'chainSize', 'shrinker'] as const;
const LIMIT_PAGES_MAX = 2 ** 32 - 1;
export const ALGORITHMS: readonly string[] = ['lz4'];
const DEFAULT_ALGORITHM = 'lz4';

// Bits of the core's zramSlot.
const SLOT_SAME = 2;
const SLOT_HUGE = 4;
const SLOT_MERGED = 8;
const SLOT_SIZE_SHIFT = 8;

/** What sysfs.ts may do with a device beyond its public methods. */
export interface ZramControl {
  readonly zram: Zram;
  readonly initialised: boolean;
  /** @throws ZramError EINVAL: the device was destroyed */
  checkAlive(): void;
  diskBytes(): number;
  algorithm(): string;
  setAlgorithm(name: string): void;
  setLevel(level: number): void;
  readonly dedup: boolean;
  setDedup(on: boolean): void;
  setMemLimit(bytes: number): void;
  resetMemUsedMax(): void;
}

/**
 * A block device of 4096-byte pages that keeps them compressed in memory, as Linux's zram does: the same rules, the
 * same counters.
 *
 * Every call throws `EINVAL` after `destroy()`, and I/O also while there is no disksize.
 */
export class Zram {
  /** The kernel's attributes, in its own text format. */
  readonly sysfs: Sysfs;
  readonly #core: Core;
  readonly #onEnd: () => void;
  /** Of the pool that is made at `init`. */
  readonly #poolOptions: PoolOptions;
  /** The pool that was given, else undefined: then one is made at `init` and ended at `reset`. */
  readonly #sharedPool: ZsPool | undefined;
  #engine: Engine | undefined;
  #pool = 0;
  #device = 0;
  #pages = 0;
  #algorithm: string;
  #level: number;
  #dedup: boolean;
  #limitPages = 0;
  #destroyed = false;

  /** @internal Made by `Engine.createZram` and `Zram.create`. */
  constructor(core: Core, options: ZramOptions | undefined, onEnd: () => void) {
    checkOptions(options, [...DEVICE_OPTIONS, 'pool'], 'createZram');
    const { disksize, compAlgorithm, level, memLimit, dedup = false, chainSize, shrinker, pool } = options ?? {};
    this.#core = core;
    this.#onEnd = onEnd;
    this.#poolOptions = { chainSize, shrinker };
    checkBoolean(dedup, 'dedup');
    this.#dedup = dedup;
    this.#sharedPool = pool;
    this.#algorithm = checkAlgorithm(compAlgorithm ?? DEFAULT_ALGORITHM);
    this.#level = checkLevel(level ?? 1);
    this.sysfs = createSysfs(this.#control());
    if (pool !== undefined && (chainSize !== undefined || shrinker !== undefined)) {
      throw new ZramError('EINVAL', 'chainSize and shrinker are the pool’s: give them to createPool.');
    }
    if (memLimit !== undefined) this.#limitPages = limitPages(parseSize(memLimit, 'memLimit'));
    if (pool !== undefined) this.#pool = ZsPool.attach(pool, core, this);
    try {
      if (disksize !== undefined) this.init(disksize);
    } catch (error) {
      if (pool !== undefined) ZsPool.detach(pool, this);
      throw error;
    }
  }

  /**
   * Makes an engine with one device; destroying the device destroys the engine.
   * @throws ZramError EINVAL: a wrong option; ENOMEM: `maxMemory` is too small for a device
   */
  static async create(options?: Omit<ZramOptions, 'pool'> & EngineOptions): Promise<Zram> {
    checkOptions(options, [...DEVICE_OPTIONS, ...ENGINE_OPTIONS], 'Zram.create');
    const { module, maxMemory, ...rest } = options ?? {};
    const engine = await Engine.create({ module, maxMemory });
    const zram = engine.createZram(rest);
    zram.#engine = engine;
    return zram;
  }

  /**
   * Sets the disk's size: the device can then be used (as writing `disksize`).
   * @throws ZramError EBUSY: it has one already; EINVAL: 0 or too large; ENOMEM
   */
  init(disksize: Size): void {
    this.#live();
    const pages = parseDiskPages(disksize);
    if (this.#device !== 0) throw new ZramError('EBUSY', 'the device has a disksize; reset() it first.');
    const { raw } = this.#core;
    const pool = this.#sharedPool ? this.#pool : makePool(this.#core, this.#poolOptions);
    const device = raw.zramMake(pool, pages, this.#level, Number(this.#dedup));
    if (device === 0) {
      if (!this.#sharedPool) endPool(this.#core, pool);
      throw new ZramError('ENOMEM', 'no memory for a device: the engine has reached its maxMemory.');
    }
    this.#pool = pool;
    this.#device = device;
    this.#pages = pages;
    raw.zramSetLimit(device, this.#limitPages);
  }

  // ── in ─────────────────────────────────────────────────────────────────────────────────────────────────────────

  /**
   * Stores one page.
   * @param index the page's number, from 0
   * @param bytes 4096 bytes
   * @throws ZramError ENOMEM: mem_limit or maxMemory is reached; the old content stays
   */
  writePage(index: number, bytes: Uint8Array): void {
    const device = this.#ready();
    this.#checkIndex(index, 1);
    checkPages(bytes, 1);
    this.#core.page().set(bytes);
    if (this.#core.raw.zramWritePage(device, index) !== 0) throw noRoom(index);
  }

  /**
   * Stores pages that follow each other, in order: the batched path.
   * @param index the first page's number
   * @param bytes a multiple of 4096 bytes
   * @throws ZramError ENOMEM: `pagesDone` pages are stored, the others keep their old content
   */
  writePages(index: number, bytes: Uint8Array): void {
    const device = this.#ready();
    checkPages(bytes);
    const count = bytes.length / PAGE_SIZE;
    this.#checkIndex(index, count);
    const batch = this.#core.stagingPages;
    for (let done = 0; done < count; done += batch) {
      const pages = Math.min(batch, count - done);
      const from = done * PAGE_SIZE;
      this.#core.staging().set(pages === count ? bytes : bytes.subarray(from, from + pages * PAGE_SIZE));
      const written = this.#core.raw.zramWritePages(device, index + done, pages);
      if (written !== pages) throw noRoom(index + done + written, done + written);
    }
  }

  /**
   * Stores any byte range inside the disk; pages that it covers in part are read, changed and written.
   * @param offset the first byte's place on the disk
   * @param bytes any number of them
   * @throws ZramError ENOMEM: `pagesDone` pages of the range are stored; EIO: a page does not decompress
   */
  write(offset: number, bytes: Uint8Array): void {
    this.#ready();
    checkBytes(bytes, 'bytes');
    this.#checkRange(offset, bytes.length);
    let at = offset;
    let from = 0;
    let pagesDone = 0;
    try {
      while (from < bytes.length) {
        const inPage = at % PAGE_SIZE;
        const index = (at - inPage) / PAGE_SIZE;
        const left = bytes.length - from;
        const whole = inPage === 0 ? Math.floor(left / PAGE_SIZE) : 0;
        const length = whole > 0 ? whole * PAGE_SIZE : Math.min(PAGE_SIZE - inPage, left);
        const part = bytes.subarray(from, from + length);
        if (whole > 0) this.writePages(index, part);
        else this.#patchPage(index, inPage, part);
        pagesDone += Math.max(whole, 1);
        at += length;
        from += length;
      }
    } catch (error) {
      if (!(error instanceof ZramError)) throw error;
      throw new ZramError(error.code, error.message.slice(error.code.length + 2), pagesDone + (error.pagesDone ?? 0));
    }
  }

  #patchPage(index: number, inPage: number, part: Uint8Array): void {
    const { raw } = this.#core;
    if (raw.zramReadPage(this.#device, index) !== 0) throw notReadable(index);
    this.#core.page().set(part, inPage);
    if (raw.zramWritePage(this.#device, index) !== 0) throw noRoom(index);
  }

  // ── out ────────────────────────────────────────────────────────────────────────────────────────────────────────

  /**
   * Reads one page; a page that was never written reads as zeros.
   * @param index the page's number, from 0
   * @param out array to fill, 4096 bytes or longer; it is returned
   * @throws ZramError EIO: what is stored does not decompress
   */
  readPage(index: number, out?: Uint8Array): Uint8Array {
    const device = this.#ready();
    this.#checkIndex(index, 1);
    const to = outFor(out, PAGE_SIZE);
    if (this.#core.raw.zramReadPage(device, index) !== 0) throw notReadable(index);
    to.set(this.#core.page());
    return to;
  }

  /**
   * Reads pages that follow each other: the batched path.
   * @param index the first page's number
   * @param count number of pages
   * @param out array to fill, `count` times 4096 bytes or longer; it is returned
   * @throws ZramError EIO: a page does not decompress; `pagesDone` pages before it are in `out`
   */
  readPages(index: number, count: number, out?: Uint8Array): Uint8Array {
    const device = this.#ready();
    checkInteger(count, 'count', 0, this.#pages);
    this.#checkIndex(index, count);
    const to = outFor(out, count * PAGE_SIZE);
    const batch = this.#core.stagingPages;
    for (let done = 0; done < count; done += batch) {
      const pages = Math.min(batch, count - done);
      const read = this.#core.raw.zramReadPages(device, index + done, pages);
      const staging = this.#core.staging();
      to.set(read === batch ? staging : staging.subarray(0, read * PAGE_SIZE), done * PAGE_SIZE);
      if (read !== pages) throw notReadable(index + done + read, done + read);
    }
    return to;
  }

  /**
   * Reads any byte range inside the disk.
   * @param offset the first byte's place on the disk
   * @param length number of bytes
   * @param out array to fill, `length` bytes or longer; it is returned
   * @throws ZramError EIO: a page does not decompress
   */
  read(offset: number, length: number, out?: Uint8Array): Uint8Array {
    this.#ready();
    checkInteger(length, 'length', 0, this.#pages * PAGE_SIZE);
    this.#checkRange(offset, length);
    const to = outFor(out, length);
    let at = offset;
    let done = 0;
    while (done < length) {
      const inPage = at % PAGE_SIZE;
      const index = (at - inPage) / PAGE_SIZE;
      const whole = inPage === 0 ? Math.floor((length - done) / PAGE_SIZE) : 0;
      const part = whole > 0 ? whole * PAGE_SIZE : Math.min(PAGE_SIZE - inPage, length - done);
      if (whole > 0) {
        this.readPages(index, whole, to.subarray(done, done + part));
      } else {
        if (this.#core.raw.zramReadPage(this.#device, index) !== 0) throw notReadable(index);
        to.set(this.#core.page().subarray(inPage, inPage + part), done);
      }
      at += part;
      done += part;
    }
    return to;
  }

  // ── memory ─────────────────────────────────────────────────────────────────────────────────────────────────────

  /**
   * Frees the whole pages inside a byte range, which then read as zeros; pages that it covers in part stay as they are,
   * as in the kernel.
   * @param offset the first byte's place on the disk
   * @param length number of bytes
   */
  discard(offset: number, length: number): void {
    const device = this.#ready();
    checkInteger(length, 'length', 0, this.#pages * PAGE_SIZE);
    this.#checkRange(offset, length);
    const first = Math.ceil(offset / PAGE_SIZE);
    const end = Math.floor((offset + length) / PAGE_SIZE);
    if (end > first) this.#core.raw.zramDiscard(device, first, end - first);
  }

  /** Stores identical pages once (the `merge` knob of the 2022 proposal). On a shared pool: of all its users. */
  merge(options?: MergeOptions): MergeReport {
    this.#ready();
    return mergePool(this.#core, this.#pool, options);
  }

  /** Moves objects together and frees what becomes empty (zs_compact). */
  compact(): CompactReport {
    this.#ready();
    return compactPool(this.#core, this.#pool);
  }

  /** Uninitialised again: everything is freed, all counters are zero, limit and compressor are the defaults. */
  reset(): void {
    this.#live();
    this.#end();
    this.#limitPages = 0;
    this.#level = 1;
    this.#dedup = false;
    this.#algorithm = DEFAULT_ALGORITHM;
  }

  /** Frees everything. Calling it again does nothing. */
  destroy(): void {
    if (this.#destroyed) return;
    this.#end();
    this.#destroyed = true;
    if (this.#sharedPool) ZsPool.detach(this.#sharedPool, this);
    this.#onEnd();
    this.#engine?.destroy();
  }

  /** The same as `destroy()`, for `using`. */
  [Symbol.dispose](): void {
    this.destroy();
  }

  #end(): void {
    if (this.#device === 0) return;
    this.#core.raw.zramEnd(this.#device);
    if (!this.#sharedPool) {
      endPool(this.#core, this.#pool);
      this.#pool = 0;
    }
    this.#device = 0;
    this.#pages = 0;
  }

  // ── statistics ─────────────────────────────────────────────────────────────────────────────────────────────────

  /** The counters of memory, as a frozen copy; all zero while there is no disksize, but for `memLimit`. */
  get mmStat(): MmStat {
    this.#readStats();
    return Object.freeze({
      origDataSize: this.#stat(0) * PAGE_SIZE,
      comprDataSize: this.#stat(1),
      memUsedTotal: this.#stat(2) * PAGE_SIZE,
      memLimit: this.#limitPages * PAGE_SIZE,
      memUsedMax: this.#stat(4) * PAGE_SIZE,
      samePages: this.#stat(5),
      pagesCompacted: this.#stat(6),
      hugePages: this.#stat(7),
      hugePagesSince: this.#stat(8),
      pagesMerged: this.#stat(9),
      dupDataSize: this.#stat(13),
      metaDataSize: this.#stat(14),
    });
  }

  /** The counters of I/O, as a frozen copy. */
  get ioStat(): IoStat {
    this.#readStats();
    return Object.freeze({
      failedReads: this.#stat(10),
      failedWrites: this.#stat(11),
      invalidIo: 0,
      notifyFree: this.#stat(12),
    });
  }

  /** What the kernel's debug_stat has, as a frozen copy. */
  get debugStat(): DebugStat {
    this.#live();
    return Object.freeze({ version: 1, missFree: 0 });
  }

  #readStats(): void {
    this.#live();
    if (this.#device !== 0) this.#core.raw.zramStats(this.#device);
  }

  #stat(n: number): number {
    return this.#device === 0 ? 0 : this.#core.number(n);
  }

  /** What is stored at a page; undefined when nothing is. */
  blockState(index: number): BlockState | undefined {
    const device = this.#ready();
    this.#checkIndex(index, 1);
    const state = this.#core.raw.zramSlot(device, index);
    if (state === 0) return undefined;
    return Object.freeze({
      same: (state & SLOT_SAME) !== 0,
      writtenBack: false,
      huge: (state & SLOT_HUGE) !== 0,
      idle: false,
      recompressed: false,
      incompressible: false,
      merged: (state & SLOT_MERGED) !== 0,
      comprSize: state >>> SLOT_SIZE_SHIFT,
    });
  }

  /**
   * Which object holds a page: a number that is equal for two pages exactly when they share one object, also on
   * different devices of one pool. After a merge all pages share that were compressed to the same bytes.
   * It serves to be compared only, and only until something is next written, discarded or merged.
   * @returns undefined for a page without an object: nothing is stored, or it is same-filled
   */
  objectOf(index: number): number | undefined {
    const device = this.#ready();
    this.#checkIndex(index, 1);
    const object = this.#core.raw.zramObject(device, index);
    return object === 0 ? undefined : object;
  }

  // ── tests of state and arguments ───────────────────────────────────────────────────────────────────────────────

  #live(): void {
    if (this.#destroyed) throw new ZramError('EINVAL', 'this Zram was destroyed.');
  }

  #ready(): number {
    if (this.#device === 0) {
      this.#live();
      throw new ZramError('EINVAL', 'the device is not initialised: give it a disksize.');
    }
    return this.#device;
  }

  #checkIndex(index: number, count: number): void {
    checkPageRange(index, count, this.#pages);
  }

  #checkRange(offset: number, length: number): void {
    checkByteRange(offset, length, this.#pages);
  }

  #control(): ZramControl {
    // eslint-disable-next-line @typescript-eslint/no-this-alias
    const zram = this;
    return {
      zram,
      get initialised() {
        return zram.#device !== 0;
      },
      checkAlive: () => zram.#live(),
      diskBytes: () => zram.#pages * PAGE_SIZE,
      algorithm: () => zram.#algorithm,
      setAlgorithm(name) {
        zram.#algorithm = checkAlgorithm(name);
      },
      setLevel(level) {
        zram.#level = checkLevel(level);
        if (zram.#device !== 0) zram.#core.raw.zramSetLevel(zram.#device, zram.#level);
      },
      get dedup() {
        return zram.#dedup;
      },
      setDedup(on) {
        zram.#dedup = on;
      },
      setMemLimit(bytes) {
        zram.#limitPages = limitPages(bytes);
        if (zram.#device !== 0) zram.#core.raw.zramSetLimit(zram.#device, zram.#limitPages);
      },
      resetMemUsedMax() {
        if (zram.#device !== 0) zram.#core.raw.zramResetMaxUsed(zram.#device);
      },
    };
  }
}

function limitPages(bytes: number): number {
  return Math.min(Math.ceil(bytes / PAGE_SIZE), LIMIT_PAGES_MAX);
}

function checkAlgorithm(name: unknown): string {
  if (typeof name === 'string' && ALGORITHMS.includes(name)) return name;
  throw new ZramError('EINVAL', `compAlgorithm must be one of ${ALGORITHMS.join(', ')}, not ${describe(name)}.`);
}

/** LZ4 takes a level below 1 for 1. Past 2^16 a search ends at its first miss anyway. */
function checkLevel(level: unknown): number {
  checkInteger(level, 'level', -(2 ** 31), 2 ** 31 - 1);
  return Math.min(Math.max(level, 1), 65536);
}

function noRoom(index: number, pagesDone?: number): ZramError {
  return new ZramError(
    'ENOMEM',
    `no room for page ${index}: mem_limit or the engine's maxMemory is reached; the old content stays.`,
    pagesDone,
  );
}

function notReadable(index: number, pagesDone?: number): ZramError {
  return new ZramError('EIO', `page ${index} does not decompress: what is stored is damaged.`, pagesDone);
}
