/// <reference lib="esnext.disposable" preserve="true" />
/** Zswap: a compressed cache of pages in front of a backing, on the same allocator (mm/zswap.c). */
import type { Backing } from './backing/backing.js';
import { checkBoolean, checkBytes, checkInteger, checkOut, outFor, PAGE_SIZE, readOptions } from './base/arguments.js';
import { copyOf, lengthOf, setBytes } from './base/bytes.js';
import { ZramError } from './base/errors.js';
import { sentenceOf } from './base/messages.js';
import { parseSize, type Size } from './base/size.js';
import type { Encoder, EncoderHold } from './compressors/codecs.js';
import { checkCore, type Core } from './core/core.js';
import { Host } from './core/host.js';
import { CODEC_LZ4, CODEC_PAGE } from './core/layout.js';
import { ENGINE_OPTIONS, type EngineOptions } from './core/options.js';
import { endPool, makePool } from './pool/operations.js';
import { ZsPool } from './zs-pool.js';
import { Entries } from './zswap/entries.js';
import { SwapBacking } from './zswap/swap-backing.js';

/** The options of a zswap; the names are those of the kernel's module parameters. */
export interface ZswapOptions {
  /** Limit of the whole pool in percent of the engine's memory limit; default 20. */
  maxPoolPercent?: number | undefined;
  /** The same in bytes; overrides `maxPoolPercent`. */
  maxPoolBytes?: Size | undefined;
  /** Once full, stores are refused until the pool has shrunk to this percentage of its limit; default 90. */
  acceptThresholdPercent?: number | undefined;
  /** As `ZramOptions.compAlgorithm`; default `lz4`. */
  compressor?: string | undefined;
  /** Where pages are written back to. Default: pages are not written back. */
  backing?: Backing | undefined;
  /** A load removes the page, as in the kernel when the page moves to the swap cache; default false. */
  exclusiveLoads?: boolean | undefined;
  /** When memory is exhausted, write back the least recently used pages, and try again; default false. */
  shrinkerEnabled?: boolean | undefined;
  /** A pool of the same engine to store objects in, instead of one of its own (`engine.createZswap` only). */
  pool?: ZsPool | undefined;
}

/** The counters of the kernel's debugfs/zswap. */
export interface ZswapStats {
  /** Stores that found the pool at its limit. */
  readonly poolLimitHit: number;
  /** Failed writebacks of pages, which then stay in memory. */
  readonly rejectReclaimFail: number;
  /** Stores refused: no memory for the object. */
  readonly rejectAllocFail: number;
  /** Stores refused: the host had no memory for the entry. */
  readonly rejectKmemcacheFail: number;
  /** Stores refused: the compressor failed. LZ4 cannot. */
  readonly rejectCompressFail: number;
  /** Always 0 since kernel 6.18: pages that do not compress are stored uncompressed. */
  readonly rejectCompressPoor: number;
  /** Loads that failed because the object does not decompress. */
  readonly decompressFail: number;
  /** Pages written to the backing. */
  readonly writtenBackPages: number;
  /** Bytes of the pool. */
  readonly poolTotalSize: number;
  /** Pages in memory. */
  readonly storedPages: number;
  /** Of those, pages that did not compress. */
  readonly storedIncompressiblePages: number;
}

const OPTIONS = [
  ...['maxPoolPercent', 'maxPoolBytes', 'acceptThresholdPercent', 'compressor', 'backing', 'exclusiveLoads'],
  'shrinkerEnabled',
] as const;
/** The worker gives up after this many pages that could not be written back. */
const MAX_RECLAIM_RETRIES = 16;
/**
 * The part of the worker's work that one store does at most, some milliseconds: pages written back, entries examined.
 */
const RECLAIM_PAGES = 512;
const RECLAIM_LOOKS = 1 << 17;
/** Pages that the shrinker writes back between two tries (SHRINK_BATCH). */
const SHRINK_BATCH = 128;

// Results of `#storeStaged`: the handle times two, with INCOMPRESSIBLE as the lowest bit, or a negative number.
const INCOMPRESSIBLE = 1;
const COMPRESS_FAILED = -Infinity;

/**
 * A cache of compressed pages, by key.
 *
 * Every call throws `EINVAL` after `destroy()`.
 */
export class Zswap {
  /** @internal Fixed, since a bundler may rename the class. */
  static readonly name = 'Zswap';
  readonly #core: Core;
  readonly #onEnd: () => void;
  readonly #sharedPool: ZsPool | undefined;
  readonly #maxBytes: number;
  readonly #acceptBytes: number;
  readonly #backing: SwapBacking | undefined;
  readonly #encoder: Encoder;
  readonly #encoders: EncoderHold;
  readonly #exclusiveLoads: boolean;
  readonly #shrinkerEnabled: boolean;
  readonly #entries = new Entries();
  readonly #stats = {
    poolLimitHit: 0,
    rejectReclaimFail: 0,
    rejectAllocFail: 0,
    rejectKmemcacheFail: 0,
    rejectCompressFail: 0,
    decompressFail: 0,
  };
  #writtenBackPages = 0;
  #incompressible = 0;
  #reachedFull = false;
  /**
   * A page is being written back. Only one at a time, as by the kernel's single worker: a backing may call the zswap.
   */
  #writingBack = false;
  #pool: number;

  /** @internal Made by `Engine.createZswap` and `Zswap.create`. */
  constructor(core: Core, options: ZswapOptions | undefined, onEnd: () => void) {
    checkCore(core, 'await Zswap.create() or engine.createZswap()');
    const given = readOptions(options, [...OPTIONS, 'pool'], 'createZswap');
    const { maxPoolPercent = 20, acceptThresholdPercent = 90, compressor = 'lz4' } = given;
    const { maxPoolBytes, backing, exclusiveLoads = false, shrinkerEnabled = false, pool } = given;
    checkInteger(maxPoolPercent, 'maxPoolPercent', 1, 100);
    checkInteger(acceptThresholdPercent, 'acceptThresholdPercent', 1, 100);
    checkBoolean(exclusiveLoads, 'exclusiveLoads');
    checkBoolean(shrinkerEnabled, 'shrinkerEnabled');
    const algorithm = core.codecs.check(compressor, 'compressor');
    this.#core = core;
    this.#onEnd = onEnd;
    this.#maxBytes =
      maxPoolBytes === undefined
        ? (core.raw.limitBytes() * maxPoolPercent) / 100
        : parseSize(maxPoolBytes, 'maxPoolBytes');
    this.#acceptBytes = (this.#maxBytes * acceptThresholdPercent) / 100;
    this.#exclusiveLoads = exclusiveLoads;
    this.#shrinkerEnabled = shrinkerEnabled;
    this.#sharedPool = pool;
    this.#backing = backing === undefined ? undefined : new SwapBacking(core, backing);
    this.#encoders = core.codecs.hold();
    try {
      this.#encoder = this.#encoders.encoder(algorithm, {});
      this.#pool = pool === undefined ? makePool(core, {}) : ZsPool.attach(pool, core, this);
    } catch (error) {
      this.#encoders.end();
      this.#backing?.end();
      throw error;
    }
  }

  /**
   * Makes an engine with one zswap; destroying the zswap destroys the engine.
   * @throws ZramError EINVAL: a wrong option; ENOMEM: `maxMemory` is too small for a zswap
   */
  static async create(options?: Omit<ZswapOptions, 'pool'> & EngineOptions): Promise<Zswap> {
    const { module, maxMemory, compressors, ...rest } = readOptions(
      options,
      [...OPTIONS, ...ENGINE_OPTIONS],
      'Zswap.create',
    );
    const ofEngine = { module, maxMemory, compressors };
    return Host.createFor(ofEngine, 'Zswap.create', ({ core }, onEnd) => new Zswap(core, rest, onEnd));
  }

  /**
   * Stores a page, which replaces that of the same key.
   *
   * False means that the page was refused, and the reason is counted: the caller keeps the page elsewhere, as the
   * kernel writes it to the swap device. An older page of the key is stale then, and is dropped.
   *
   * A store that finds the pool full writes back up to 512 pages, until the pool is down to `acceptThresholdPercent`;
   * in a large pool that takes several such stores. With `shrinkerEnabled`, a store that finds no memory does so as
   * well. Each page costs a decompression and a write of the backing. Otherwise the time of a store does not depend on
   * the number of pages.
   * @param key a non-negative safe integer (the swap slot)
   * @param page 4096 bytes
   */
  store(key: number, page: Uint8Array): boolean {
    checkKey(key);
    checkPage(page);
    this.#live();
    if (this.#isFull()) {
      this.#drop(key);
      this.#reclaim();
      this.#live();
      return false;
    }
    const page0 = this.#core.page();
    setBytes(page0, page);
    // A copy if foreign code runs before the page is stored, since it may change the array.
    const kept = this.#encoder.codec !== CODEC_LZ4 || this.#shrinkerEnabled ? copyOf(page0) : undefined;
    let result = this.#storeStaged(kept);
    if (result < 0 && result !== COMPRESS_FAILED && kept && this.#shrinkerEnabled) result = this.#shrinkAndStore(kept);
    this.#drop(key);
    if (result < 0) {
      if (result === COMPRESS_FAILED) this.#stats.rejectCompressFail++;
      else this.#stats.rejectAllocFail++;
      return false;
    }
    return this.#enter(key, result);
  }

  /** The zswap's shrinker, run synchronously: writes back eligible pages until the page can be stored. */
  #shrinkAndStore(page: Uint8Array): number {
    let result = -1;
    for (let left = Math.min(this.#eligible(), RECLAIM_PAGES); left > 0 && result < 0;) {
      const written = this.#shrink(Math.min(left, SHRINK_BATCH));
      this.#live(); // a backing may have destroyed it
      if (written === 0) break;
      left -= written;
      setBytes(this.#core.page(), page);
      result = this.#storeStaged(page);
      if (result === COMPRESS_FAILED) break;
    }
    return result;
  }

  /**
   * Stores the page in the staging area.
   * @param kept a copy of it, if the compressor is not the core's
   * @returns a handle and the bit INCOMPRESSIBLE, COMPRESS_FAILED, or another negative number: no memory
   */
  #storeStaged(kept: Uint8Array | undefined): number {
    const { raw } = this.#core;
    if (!kept || this.#encoder.codec === CODEC_LZ4 || raw.pageSameFilled(raw.stagingAddress()))
      return raw.poolStorePage(this.#pool);
    let block: Uint8Array;
    try {
      block = this.#encoder.encode(copyOf(kept)); // a copy, since a compressor may modify its input
    } catch {
      this.#live();
      return COMPRESS_FAILED;
    }
    this.#live(); // a compressor may have destroyed it
    const poor = lengthOf(block) >= PAGE_SIZE;
    setBytes(this.#core.page(), poor ? kept : block);
    const handle = poor
      ? raw.poolStoreEncoded(this.#pool, PAGE_SIZE, CODEC_PAGE)
      : raw.poolStoreEncoded(this.#pool, lengthOf(block), this.#encoder.codec);
    return handle < 0 ? handle : 2 * handle + (poor ? INCOMPRESSIBLE : 0);
  }

  /** Adds an entry for a key that has none. False, and counted, when the host has no memory for it. */
  #enter(key: number, stored: number): boolean {
    const incompressible = (stored & INCOMPRESSIBLE) !== 0;
    try {
      this.#entries.add(key, stored >>> 1, incompressible);
    } catch {
      this.#core.raw.poolFree(this.#pool, stored >>> 1);
      this.#stats.rejectKmemcacheFail++;
      return false;
    }
    if (incompressible) this.#incompressible++;
    return true;
  }

  /** An entry's page, valid until the next call into the core; undefined, and counted, when it does not decompress. */
  #loadPage(entry: number): Uint8Array | undefined {
    const core = this.#core;
    const result = core.raw.poolLoadPage(this.#pool, this.#entries.placeOf(entry));
    if (result === 0) return core.page();
    // Recompression of a device on the same pool may have changed its codec.
    const page = result > 0 ? core.codecs.tryDecode(result >>> 16, copyOf(core.page(), 0, result & 0xffff)) : undefined;
    this.#live(); // a compressor may have destroyed it
    if (!page) this.#stats.decompressFail++;
    return page;
  }

  /**
   * Reads a page; undefined when the key has no page. A page that was written back is read from the backing, and its
   * checksum is verified.
   * @param key as given to `store`
   * @param out array to fill, 4096 bytes or longer; it is returned
   * @throws ZramError EIO: the backing failed or returned anything but the page, or the stored data does not
   * decompress; the entry is kept
   */
  load(key: number, out?: Uint8Array): Uint8Array | undefined {
    checkKey(key);
    checkOut(out, PAGE_SIZE);
    this.#live();
    const entry = this.#entries.find(key);
    if (entry === 0) return undefined;
    const stamp = this.#entries.stampOf(entry);
    const page = this.#entries.isInMemory(entry) ? this.#loadPage(entry) : this.#loadBack(key, entry);
    if (!page)
      throw new ZramError(
        'EIO',
        `cannot load the page of key ${key}: it does not decompress, the stored data is damaged.`,
      );
    const to = outFor(out, PAGE_SIZE);
    setBytes(to, page);
    // A compressor or backing, called for this page, may have stored another under the key.
    if (!this.#entries.isStill(key, stamp)) return to;
    if (this.#exclusiveLoads) this.#drop(key);
    else if (this.#entries.isInMemory(entry)) this.#entries.reference(entry);
    return to;
  }

  #loadBack(key: number, entry: number): Uint8Array {
    let page: Uint8Array;
    try {
      page = (this.#backing as SwapBacking).read(this.#entries.placeOf(entry));
    } catch (error) {
      this.#live(); // the backing may have destroyed it
      throw new ZramError('EIO', `cannot load the page of key ${key}: ${sentenceOf(error as ZramError)}`);
    }
    this.#live();
    return page;
  }

  /** Drops the page of a key, if it has one. */
  invalidate(key: number): void {
    checkKey(key);
    this.#live();
    this.#drop(key);
  }

  /**
   * Writes back up to `pages` pages, the least recently used first; a page that was used since it was last examined
   * gets a second chance. It stops at the first page that cannot be written. Nothing is written without a backing, nor
   * when a backing calls this during a write.
   *
   * Each page costs a decompression and a write of the backing, some microseconds. A second chance costs 10 to 100 ns,
   * and one call may give it to all pages in memory.
   * @returns pages written back
   */
  shrink(pages: number): number {
    checkInteger(pages, 'pages', 0, Number.MAX_SAFE_INTEGER);
    this.#live();
    const written = this.#shrink(pages);
    this.#live();
    return written;
  }

  /** The kernel's counters. */
  stats(): ZswapStats {
    this.#live();
    return Object.freeze({
      ...this.#stats,
      rejectCompressPoor: 0,
      writtenBackPages: this.#writtenBackPages,
      poolTotalSize: this.#totalBytes(),
      storedPages: this.#entries.inMemory,
      storedIncompressiblePages: this.#incompressible,
    });
  }

  /** Frees all pages; on a pool of the caller's one by one, 0.1 µs each. Calling it again does nothing. */
  destroy(): void {
    if (this.#pool === 0) return;
    const { raw } = this.#core;
    const entries = this.#entries;
    if (this.#sharedPool) {
      for (let entry = entries.oldest; entry !== 0; entry = entries.newerThan(entry)) {
        raw.poolFree(this.#pool, entries.placeOf(entry));
      }
      ZsPool.detach(this.#sharedPool, this);
    } else {
      endPool(this.#core, this.#pool);
    }
    this.#encoders.end();
    entries.clear();
    this.#backing?.end();
    this.#pool = 0;
    this.#onEnd();
  }

  /** The same as `destroy()`, for `using`. */
  [Symbol.dispose](): void {
    this.destroy();
  }

  // ── limits and writeback ───────────────────────────────────────────────────────────────────────────────────────

  #totalBytes(): number {
    return (this.#core.raw.poolTotalPages(this.#pool) >>> 0) * PAGE_SIZE;
  }

  /** The limit and its hysteresis (zswap_check_limits). */
  #isFull(): boolean {
    const total = this.#totalBytes();
    if (total >= this.#maxBytes) {
      this.#stats.poolLimitHit++;
      this.#reachedFull = true;
    } else if (this.#reachedFull && total <= this.#acceptBytes) {
      this.#reachedFull = false;
    }
    return this.#reachedFull;
  }

  /**
   * The kernel's shrink worker, run synchronously: writes back until the pool accepts stores again, or until the share
   * of one store is done.
   */
  #reclaim(): void {
    if (!this.#backing) return;
    let failures = 0;
    let looks = RECLAIM_LOOKS;
    for (let left = RECLAIM_PAGES; left > 0 && looks > 0 && failures < MAX_RECLAIM_RETRIES; left--) {
      if (this.#pool === 0 || this.#totalBytes() <= this.#acceptBytes) return;
      looks -= this.#giveChances(looks);
      if (!this.#writeBackOldest()) failures++;
    }
  }

  /** Pages that the shrinker may write back: the fewer, the better they compress (zswap_shrinker_count). */
  #eligible(): number {
    return Math.min(this.#core.raw.poolTotalPages(this.#pool) >>> 0, this.#entries.inMemory);
  }

  #shrink(pages: number): number {
    // No more than are in memory now: a backing may store others meanwhile.
    const most = Math.min(pages, this.#entries.inMemory);
    let written = 0;
    while (written < most) {
      this.#giveChances(Infinity);
      if (!this.#writeBackOldest()) break;
      written++;
    }
    return written;
  }

  /** Gives second chances until the oldest entry has had its own. Returns the number of entries examined. */
  #giveChances(looksMax: number): number {
    const entries = this.#entries;
    return this.#canWriteBack && entries.oldest !== 0 && !entries.oldestIsDue ? entries.giveChances(looksMax) : 1;
  }

  get #canWriteBack(): boolean {
    return this.#backing !== undefined && !this.#writingBack;
  }

  /**
   * Writes back the oldest entry, if it is due. False when it could not be written, which is counted, or none is due.
   */
  #writeBackOldest(): boolean {
    const entries = this.#entries;
    if (!this.#backing || !this.#canWriteBack || !entries.oldestIsDue) return false;
    const { oldest } = entries;
    const key = entries.keyOf(oldest);
    const stamp = entries.stampOf(oldest);
    entries.rotate(oldest); // a page that cannot be written stays at the new end
    this.#writingBack = true;
    const slot = this.#tryWrite(this.#backing, oldest);
    this.#writingBack = false;
    if (this.#pool === 0) return false; // a backing or a compressor destroyed it
    if (slot !== undefined && entries.isStill(key, stamp)) {
      this.#free(oldest);
      entries.moveToSlot(oldest, slot);
      this.#writtenBackPages++;
      return true;
    }
    if (slot !== undefined) this.#backing.release(slot); // the key was stored again, or dropped, meanwhile
    this.#stats.rejectReclaimFail++;
    return false;
  }

  #tryWrite(backing: SwapBacking, entry: number): number | undefined {
    try {
      const page = this.#loadPage(entry);
      return page && backing.write(copyOf(page));
    } catch {
      return undefined; // it was destroyed, or the host has no memory for a copy
    }
  }

  /** Drops the page of a key, in memory or on the backing. */
  #drop(key: number): void {
    const entries = this.#entries;
    const entry = entries.find(key);
    if (entry === 0) return;
    if (entries.isInMemory(entry)) this.#free(entry);
    else this.#backing?.release(entries.placeOf(entry));
    entries.remove(entry);
  }

  /** Frees the object of an entry in memory. */
  #free(entry: number): void {
    this.#core.raw.poolFree(this.#pool, this.#entries.placeOf(entry));
    if (this.#entries.isIncompressible(entry)) this.#incompressible--;
  }

  #live(): void {
    if (this.#pool === 0) throw new ZramError('EINVAL', 'this Zswap was destroyed.');
  }
}

function checkKey(key: unknown): void {
  checkInteger(key, 'key', 0, Number.MAX_SAFE_INTEGER);
}

function checkPage(page: unknown): void {
  checkBytes(page, 'page');
  if (lengthOf(page) === PAGE_SIZE) return;
  throw new ZramError('EINVAL', `page must have ${PAGE_SIZE} bytes, not ${lengthOf(page)}.`);
}
