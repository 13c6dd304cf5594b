/// <reference lib="esnext.disposable" preserve="true" />
/** Zswap: a compressed cache of pages in front of a backing, on the same allocator (mm/zswap.c). */
import { PAGE_SIZE, checkBoolean, checkBytes, checkInteger, checkOptions, checkOut, outFor } from './arguments.js';
import { copyOf } from './bytes.js';
import {
  SlotAllocator,
  checkBacking,
  claimBacking,
  isAsynchronous,
  releaseBacking,
  type Backing,
} from './backing/backing.js';
import { CODEC_LZ4, CODEC_PAGE, type Encoder } from './compressors/codecs.js';
import { checkCore, type Core } from './core.js';
import { Engine, ENGINE_OPTIONS, type EngineOptions } from './engine.js';
import { ZramError } from './errors.js';
import { parseSize, type Size } from './size.js';
import { ZsPool, endPool, makePool } from './zs-pool.js';

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
  /** Always 0: entries need no allocation that could fail by itself. */
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

interface Entry {
  handle: number;
  incompressible: boolean;
  /** Second chance: set when stored or loaded, cleared when writeback comes by. */
  referenced: boolean;
}

const OPTIONS = [
  ...['maxPoolPercent', 'maxPoolBytes', 'acceptThresholdPercent', 'compressor', 'backing', 'exclusiveLoads'],
  'shrinkerEnabled',
] as const;
/** The worker gives up after so many pages that could not be written back. */
const MAX_RECLAIM_RETRIES = 16;
const INCOMPRESSIBLE = 1;

/**
 * A cache of compressed pages, by key.
 *
 * Every call throws `EINVAL` after `destroy()`.
 */
export class Zswap {
  readonly #core: Core;
  readonly #onEnd: () => void;
  readonly #sharedPool: ZsPool | undefined;
  readonly #maxBytes: number;
  readonly #acceptBytes: number;
  readonly #backing: Backing | undefined;
  readonly #encoder: Encoder;
  readonly #slots: SlotAllocator;
  readonly #exclusiveLoads: boolean;
  readonly #shrinkerEnabled: boolean;
  /** By key; in the order of the LRU, as a Map keeps the order of insertion: the first was stored or rotated first. */
  readonly #entries = new Map<number, Entry>();
  /** Slots of the backing, by key. */
  readonly #writtenBack = new Map<number, number>();
  readonly #stats = {
    poolLimitHit: 0,
    rejectReclaimFail: 0,
    rejectAllocFail: 0,
    rejectCompressFail: 0,
    decompressFail: 0,
  };
  #writtenBackPages = 0;
  #incompressible = 0;
  #reachedFull = false;
  #engine: Engine | undefined;
  #pool: number;

  /** @internal Made by `Engine.createZswap` and `Zswap.create`. */
  constructor(core: Core, options: ZswapOptions | undefined, onEnd: () => void) {
    checkCore(core, 'await Zswap.create() or engine.createZswap()');
    checkOptions(options, [...OPTIONS, 'pool'], 'createZswap');
    const { maxPoolPercent = 20, acceptThresholdPercent = 90, compressor = 'lz4' } = options ?? {};
    const { maxPoolBytes, backing, exclusiveLoads = false, shrinkerEnabled = false, pool } = options ?? {};
    checkInteger(maxPoolPercent, 'maxPoolPercent', 1, 100);
    checkInteger(acceptThresholdPercent, 'acceptThresholdPercent', 1, 100);
    checkBoolean(exclusiveLoads, 'exclusiveLoads');
    checkBoolean(shrinkerEnabled, 'shrinkerEnabled');
    this.#encoder = core.codecs.encoder(core.codecs.check(compressor, 'compressor'), {});
    if (backing !== undefined) {
      checkBacking(backing);
      if (isAsynchronous(backing)) throw new ZramError('EINVAL', 'a zswap needs a synchronous backing.');
    }
    this.#core = core;
    this.#onEnd = onEnd;
    this.#maxBytes =
      maxPoolBytes === undefined
        ? (core.raw.limitBytes() * maxPoolPercent) / 100
        : parseSize(maxPoolBytes, 'maxPoolBytes');
    this.#acceptBytes = (this.#maxBytes * acceptThresholdPercent) / 100;
    this.#backing = backing;
    this.#slots = new SlotAllocator(backing?.slots ?? 0);
    this.#exclusiveLoads = exclusiveLoads;
    this.#shrinkerEnabled = shrinkerEnabled;
    this.#sharedPool = pool;
    if (backing !== undefined) claimBacking(backing);
    try {
      this.#pool = pool === undefined ? makePool(core, {}) : ZsPool.attach(pool, core, this);
    } catch (error) {
      if (backing !== undefined) releaseBacking(backing);
      throw error;
    }
  }

  /**
   * Makes an engine with one zswap; destroying the zswap destroys the engine.
   * @throws ZramError EINVAL: a wrong option; ENOMEM: `maxMemory` is too small for a zswap
   */
  static async create(options?: Omit<ZswapOptions, 'pool'> & EngineOptions): Promise<Zswap> {
    checkOptions(options, [...OPTIONS, ...ENGINE_OPTIONS], 'Zswap.create');
    const { module, maxMemory, compressors, ...rest } = options ?? {};
    const engine = await Engine.create({ module, maxMemory, compressors });
    const zswap = engine.createZswap(rest);
    zswap.#engine = engine;
    return zswap;
  }

  /**
   * Stores a page, in place of what the key held before.
   *
   * False means refused, and the reason is counted: the caller keeps the page elsewhere, as the kernel writes it to the
   * swap device. What the key held before is stale then, and is dropped.
   * @param key a non-negative safe integer (the swap slot)
   * @param page 4096 bytes
   */
  store(key: number, page: Uint8Array): boolean {
    this.#live();
    checkKey(key);
    checkPage(page);
    if (this.#isFull()) {
      this.#drop(key);
      this.#reclaim();
      return false;
    }
    let handle = this.#tryStore(key, page);
    if (handle === undefined) return false;
    if (handle < 0 && this.#shrinkerEnabled && this.#shrink(this.#eligible()) > 0) {
      this.#live(); // a backing may have destroyed it
      handle = this.#storePage(page);
    }
    this.#drop(key);
    if (handle < 0) {
      this.#stats.rejectAllocFail++;
      return false;
    }
    const incompressible = (handle & INCOMPRESSIBLE) !== 0;
    if (incompressible) this.#incompressible++;
    this.#entries.set(key, { handle: handle >>> 1, incompressible, referenced: true });
    return true;
  }

  /** As `#storePage`; undefined when the compressor failed: that is counted, and what the key held is stale. */
  #tryStore(key: number, page: Uint8Array): number | undefined {
    try {
      return this.#storePage(page);
    } catch (error) {
      if (!(error instanceof ZramError) || error.code !== 'EIO') throw error;
      this.#stats.rejectCompressFail++;
      this.#drop(key);
      return undefined;
    }
  }

  /** A handle and the bit INCOMPRESSIBLE, or a number below 0. */
  #storePage(page: Uint8Array): number {
    const { raw } = this.#core;
    this.#core.page().set(page);
    if (this.#encoder.codec === CODEC_LZ4 || raw.pageSameFilled(raw.stagingAddress()))
      return raw.poolStorePage(this.#pool);
    // Copies: whatever the compressor does to what it is given, or calls, this is what is stored.
    const kept = copyOf(page);
    const block = this.#encoder.encode(copyOf(page));
    const poor = block.length >= PAGE_SIZE;
    this.#live(); // a compressor may have destroyed it
    this.#core.page().set(poor ? kept : block);
    const handle = poor
      ? raw.poolStoreEncoded(this.#pool, PAGE_SIZE, CODEC_PAGE)
      : raw.poolStoreEncoded(this.#pool, block.length, this.#encoder.codec);
    return handle < 0 ? handle : 2 * handle + (poor ? INCOMPRESSIBLE : 0);
  }

  /** An entry's page, valid until the next call into the core; undefined, and counted, when it does not decompress. */
  #loadPage({ handle }: Entry): Uint8Array | undefined {
    const core = this.#core;
    const result = core.raw.poolLoadPage(this.#pool, handle);
    if (result === 0) return core.page();
    // Recompression of a device on the same pool may have encoded it anew.
    const page = result > 0 ? core.codecs.tryDecode(result >>> 16, copyOf(core.page(), 0, result & 0xffff)) : undefined;
    if (!page) this.#stats.decompressFail++;
    return page;
  }

  /**
   * Reads a page; undefined when the key holds none. A page that was written back is read from the backing.
   * @param key as given to `store`
   * @param out array to fill, 4096 bytes or longer; it is returned
   * @throws ZramError EIO: the backing failed, or what is stored does not decompress; it stays where it is
   */
  load(key: number, out?: Uint8Array): Uint8Array | undefined {
    this.#live();
    checkKey(key);
    const entry = this.#entries.get(key);
    if (!entry) return this.#loadBack(key, out);
    const to = outFor(out, PAGE_SIZE);
    const page = this.#loadPage(entry);
    if (!page) throw new ZramError('EIO', `the page of key ${key} does not decompress: what is stored is damaged.`);
    to.set(page);
    // Not what a compressor, called for this page, has stored under the key meanwhile.
    if (this.#exclusiveLoads && this.#entries.get(key) === entry) this.#drop(key);
    else entry.referenced = true;
    return to;
  }

  #loadBack(key: number, out: Uint8Array | undefined): Uint8Array | undefined {
    const slot = this.#writtenBack.get(key);
    checkOut(out, PAGE_SIZE); // also where there is nothing to load
    if (slot === undefined || !this.#backing) return undefined;
    const page = new Uint8Array(PAGE_SIZE);
    const to = outFor(out, PAGE_SIZE);
    try {
      this.#backing.read(slot, page);
    } catch (error) {
      throw new ZramError('EIO', `the backing could not read the page of key ${key}: ${String(error)}.`);
    }
    to.set(page);
    // Not when the backing stored this key meanwhile: that page is another.
    if (this.#exclusiveLoads && this.#writtenBack.get(key) === slot) this.#drop(key);
    return to;
  }

  /** Forgets the page of a key. A key that holds none is no error. */
  invalidate(key: number): void {
    this.#live();
    checkKey(key);
    this.#drop(key);
  }

  /**
   * Writes back up to `pages` pages, those that were not used for longest first; a page that was used since the last
   * look gets a second chance. Without a backing nothing is written.
   * @returns pages written back
   */
  shrink(pages: number): number {
    this.#live();
    checkInteger(pages, 'pages', 0, Number.MAX_SAFE_INTEGER);
    return this.#shrink(pages);
  }

  /** The kernel's counters. */
  stats(): ZswapStats {
    this.#live();
    return Object.freeze({
      ...this.#stats,
      rejectKmemcacheFail: 0,
      rejectCompressPoor: 0,
      writtenBackPages: this.#writtenBackPages,
      poolTotalSize: this.#totalBytes(),
      storedPages: this.#entries.size,
      storedIncompressiblePages: this.#incompressible,
    });
  }

  /** Forgets all pages. Calling it again does nothing. */
  destroy(): void {
    if (this.#pool === 0) return;
    if (this.#sharedPool) {
      for (const { handle } of this.#entries.values()) this.#core.raw.poolFree(this.#pool, handle);
      ZsPool.detach(this.#sharedPool, this);
    } else {
      endPool(this.#core, this.#pool);
    }
    this.#entries.clear();
    this.#writtenBack.clear();
    if (this.#backing) releaseBacking(this.#backing);
    this.#pool = 0;
    this.#onEnd();
    this.#engine?.destroy();
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

  /** The kernel's shrink worker, at once: writes back until the pool accepts stores again. */
  #reclaim(): void {
    let failures = 0;
    while (this.#entries.size > 0 && this.#backing && failures < MAX_RECLAIM_RETRIES) {
      if (this.#totalBytes() <= this.#acceptBytes) return;
      if (this.#shrink(1) === 0) failures++;
    }
  }

  /** What the shrinker may take: the better the pages compress, the fewer (zswap_shrinker_count). */
  #eligible(): number {
    return Math.min(this.#core.raw.poolTotalPages(this.#pool) >>> 0, this.#entries.size);
  }

  #shrink(pages: number): number {
    if (!this.#backing) return 0;
    let written = 0;
    // Each entry is looked at twice at most: once to take its second chance, once to write it.
    for (let looks = 2 * this.#entries.size; looks > 0 && written < pages; looks--) {
      const first = this.#entries.entries().next().value;
      if (!first) break;
      const [key, entry] = first;
      if (entry.referenced) {
        entry.referenced = false;
        this.#rotate(key, entry);
      } else if (this.#writeBack(key, entry, this.#backing)) {
        written++;
      } else {
        this.#stats.rejectReclaimFail++;
        // Not when the backing stored or dropped this key meanwhile: the entry is no longer ours.
        if (this.#entries.get(key) === entry) this.#rotate(key, entry);
        break;
      }
    }
    return written;
  }

  #rotate(key: number, entry: Entry): void {
    this.#entries.delete(key);
    this.#entries.set(key, entry);
  }

  /** Writes a page to the backing, and only then lets go of it. */
  #writeBack(key: number, entry: Entry, backing: Backing): boolean {
    const slot = this.#slots.take();
    if (slot === undefined) return false;
    const page = this.#loadPage(entry);
    if (!page) {
      this.#slots.put(slot);
      return false;
    }
    try {
      // A copy: a backing is somebody else's code, which may keep what it is given or call back into the engine.
      backing.write(slot, copyOf(page));
    } catch {
      this.#slots.put(slot);
      return false;
    }
    if (this.#entries.get(key) !== entry) {
      this.#slots.put(slot); // the backing stored or dropped this key meanwhile
      return false;
    }
    this.#drop(key);
    this.#writtenBack.set(key, slot);
    this.#writtenBackPages++;
    return true;
  }

  /** Lets go of what a key holds, here and in the backing. */
  #drop(key: number): void {
    const entry = this.#entries.get(key);
    if (entry) {
      this.#entries.delete(key);
      this.#core.raw.poolFree(this.#pool, entry.handle);
      if (entry.incompressible) this.#incompressible--;
    }
    const slot = this.#writtenBack.get(key);
    if (slot !== undefined) {
      this.#writtenBack.delete(key);
      this.#slots.put(slot);
    }
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
  if (page.length !== PAGE_SIZE) {
    throw new ZramError('EINVAL', `page must have ${PAGE_SIZE} bytes, not ${page.length}.`);
  }
}
