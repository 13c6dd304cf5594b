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

/** What a zswap is made with; the names are those of the kernel's module parameters. */
export interface ZswapOptions {
  /** Most that the whole pool may take, in percent of the engine's memory limit; default 20. */
  maxPoolPercent?: number | undefined;
  /** The same in bytes; goes before `maxPoolPercent`. */
  maxPoolBytes?: Size | undefined;
  /** Once full, stores are refused until the pool is down to so many percent of its limit; default 90. */
  acceptThresholdPercent?: number | undefined;
  /** As `ZramOptions.compAlgorithm`; default `lz4`. */
  compressor?: string | undefined;
  /** Where pages are written back to. Without one nothing is. */
  backing?: Backing | undefined;
  /** A load takes the page out, as the kernel's does when the page goes to the swap cache; default false. */
  exclusiveLoads?: boolean | undefined;
  /** When memory is exhausted, write back what was not used for longest, and try again; default false. */
  shrinkerEnabled?: boolean | undefined;
  /** A pool of the same engine to live on, instead of one of its own (`engine.createZswap` only). */
  pool?: ZsPool | undefined;
}

/** The counters of the kernel's debugfs/zswap. */
export interface ZswapStats {
  /** Stores that found the pool at its limit. */
  readonly poolLimitHit: number;
  /** Pages that could not be written back. They are still here. */
  readonly rejectReclaimFail: number;
  /** Stores refused: no memory for the object. */
  readonly rejectAllocFail: number;
  /** Stores refused: the host had no memory for the entry. */
  readonly rejectKmemcacheFail: number;
  /** Stores refused: the compressor failed. LZ4 cannot. */
  readonly rejectCompressFail: number;
  /** Always 0 since 6.18: what does not compress is stored as it is. */
  readonly rejectCompressPoor: number;
  /** Loads of an object that does not decompress. */
  readonly decompressFail: number;
  /** Pages that went to the backing. */
  readonly writtenBackPages: number;
  /** Bytes of the pool. */
  readonly poolTotalSize: number;
  /** Pages that are held in memory. */
  readonly storedPages: number;
  /** Of those, pages that did not compress. */
  readonly storedIncompressiblePages: number;
}

const OPTIONS = [
  ...['maxPoolPercent', 'maxPoolBytes', 'acceptThresholdPercent', 'compressor', 'backing', 'exclusiveLoads'],
  'shrinkerEnabled',
] as const;
/** The worker gives up after so many pages that could not be written back. */
const MAX_RECLAIM_RETRIES = 16;
/** What a store does at most of the worker's work, some milliseconds: pages that it writes back, entries that it looks at. */
const RECLAIM_PAGES = 512;
const RECLAIM_LOOKS = 1 << 17;
/** Pages that the shrinker writes back between two tries (SHRINK_BATCH). */
const SHRINK_BATCH = 128;

// What `#storePage` answers: the handle times two, with INCOMPRESSIBLE as the lowest bit, or one of these.
const INCOMPRESSIBLE = 1;
const COMPRESS_FAILED = -Infinity;

/**
 * A cache of compressed pages, by key.
 *
 * Every call throws `EINVAL` after `destroy()`.
 */
export class Zswap {
  /** @internal Whatever a bundler calls the class. */
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
  /** A page is being written back. One at a time, as the kernel has one worker: a backing may call back. */
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
   * Stores a page, in place of what the key held before.
   *
   * False means refused, and the reason is counted: the caller keeps the page elsewhere, as the kernel writes it to the
   * swap device. What the key held before is stale then, and is dropped.
   *
   * A store that finds the pool full writes back up to 512 pages, until the pool is down to `acceptThresholdPercent`; in a
   * large pool it takes several such stores to get there. With `shrinkerEnabled`, so does one that finds no memory.
   * Each page costs a decompression and a write of the backing. Otherwise a store takes the same time however many
   * pages there are.
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
    // A copy where somebody's code is called before the page is stored: this is what is stored, whatever becomes of the array.
    const kept = this.#encoder.foreign || this.#shrinkerEnabled ? copyOf(page0) : undefined;
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

  /** The zswap's shrinker, at once: writes back what is eligible until a page can be stored. */
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
   * Stores the page that is staged.
   * @param kept a copy of it, where somebody's code may be called
   * @returns a handle and the bit INCOMPRESSIBLE, COMPRESS_FAILED, or another number below 0: no memory
   */
  #storeStaged(kept: Uint8Array | undefined): number {
    const { raw } = this.#core;
    if (this.#encoder.codec === CODEC_LZ4 || raw.pageSameFilled(raw.stagingAddress()))
      return raw.poolStorePage(this.#pool);
    let block: Uint8Array;
    try {
      block = this.#encoder.encode(kept ?? this.#core.page());
    } catch {
      this.#live();
      return COMPRESS_FAILED;
    }
    this.#live(); // a compressor may have destroyed it
    const poor = lengthOf(block) >= PAGE_SIZE;
    if (!poor) setBytes(this.#core.page(), block);
    else if (kept) setBytes(this.#core.page(), kept);
    const handle = poor
      ? raw.poolStoreEncoded(this.#pool, PAGE_SIZE, CODEC_PAGE)
      : raw.poolStoreEncoded(this.#pool, lengthOf(block), this.#encoder.codec);
    return handle < 0 ? handle : 2 * handle + (poor ? INCOMPRESSIBLE : 0);
  }

  /** A key that has no entry gets one; false, and counted, when the host has no memory for it. */
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
    // Recompression of a device on the same pool may have encoded it anew.
    const page = result > 0 ? core.codecs.tryDecode(result >>> 16, core.page(), result & 0xffff) : undefined;
    this.#live(); // a compressor may have destroyed it
    if (!page) this.#stats.decompressFail++;
    return page;
  }

  /**
   * Reads a page; undefined when the key holds none. A page that was written back is read from the backing, and compared with a
   * checksum of what was written.
   * @param key as given to `store`
   * @param out array to fill, 4096 bytes or longer; it is returned
   * @throws ZramError EIO: the backing failed or gave anything but the page, or what is stored does not decompress; it stays
   * where it is
   */
  load(key: number, out?: Uint8Array): Uint8Array | undefined {
    checkKey(key);
    checkOut(out, PAGE_SIZE);
    this.#live();
    const entry = this.#entries.find(key);
    if (entry === 0) return undefined;
    const stamp = this.#entries.stampOf(entry);
    const page = this.#entries.isInMemory(entry) ? this.#loadPage(entry) : this.#loadBack(key, entry);
    if (!page) throw new ZramError('EIO', `the page of key ${key} does not decompress: what is stored is damaged.`);
    const to = outFor(out, PAGE_SIZE);
    setBytes(to, page);
    // Not what a compressor or a backing, called for this page, has stored under the key meanwhile.
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
      throw new ZramError('EIO', `the page of key ${key} cannot be read: ${sentenceOf(error as ZramError)}`);
    }
    this.#live();
    return page;
  }

  /** Forgets the page of a key. A key that holds none is no error. */
  invalidate(key: number): void {
    checkKey(key);
    this.#live();
    this.#drop(key);
  }

  /**
   * Writes back up to `pages` pages, those that were not used for longest first; a page that was used since the last
   * look gets a second chance. It ends with the first page that cannot be written. Without a backing nothing is written, and nothing
   * while a page is being written, by a backing that calls back.
   *
   * Each page costs a decompression and a write of the backing, some microseconds. A look at a page that gets a second chance
   * costs 10 to 100 ns, and a call may take as many as there are pages in memory.
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

  /** Forgets all pages; those on a pool that was given one by one, 0.1 µs each. Calling it again does nothing. */
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

  /** The kernel's shrink worker, at once: writes back until the pool accepts stores again, or its share for one store is done. */
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

  /** What the shrinker may take: the better the pages compress, the fewer (zswap_shrinker_count). */
  #eligible(): number {
    return Math.min(this.#core.raw.poolTotalPages(this.#pool) >>> 0, this.#entries.inMemory);
  }

  #shrink(pages: number): number {
    // No more than there are now: a backing may store others meanwhile.
    const most = Math.min(pages, this.#entries.inMemory);
    let written = 0;
    while (written < most) {
      this.#giveChances(Infinity);
      if (!this.#writeBackOldest()) break;
      written++;
    }
    return written;
  }

  /** Until the oldest entry has had its second chance; returns looks that were taken. */
  #giveChances(looksMax: number): number {
    const entries = this.#entries;
    return this.#canWriteBack && entries.oldest !== 0 && !entries.oldestIsDue ? entries.giveChances(looksMax) : 1;
  }

  get #canWriteBack(): boolean {
    return this.#backing !== undefined && !this.#writingBack;
  }

  /** Writes back the oldest entry, if it is due; false when it could not be written, which is counted, or there is none. */
  #writeBackOldest(): boolean {
    const entries = this.#entries;
    if (!this.#backing || !this.#canWriteBack || !entries.oldestIsDue) return false;
    const { oldest } = entries;
    const key = entries.keyOf(oldest);
    const stamp = entries.stampOf(oldest);
    entries.rotate(oldest); // where it stays if it cannot be written
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
    if (slot !== undefined) this.#backing.release(slot); // it was stored anew, or dropped, meanwhile
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

  /** Lets go of what a key holds, here or in the backing. */
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
