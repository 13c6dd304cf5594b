/// <reference lib="esnext.disposable" preserve="true" />
/** Zswap: a compressed cache of pages in front of a backing, on the same allocator (mm/zswap.c). */
import type { AsyncBacking, Backing } from './backing/backing.js';
import { checkBoolean, checkBytes, checkInteger, checkOut, outFor, PAGE_SIZE, readOptions } from './base/arguments.js';
import { ASYNC_OPTIONS, AsyncCall, type AsyncOptions } from './base/async-call.js';
import { copyOf, lengthOf, setBytes } from './base/bytes.js';
import { ZramError } from './base/errors.js';
import { sentenceOf } from './base/messages.js';
import { parseSize, type Size } from './base/size.js';
import type { EncoderHold } from './compressors/codecs.js';
import { checkCore, type Core } from './core/core.js';
import { Host } from './core/host.js';
import { ENGINE_OPTIONS, type EngineOptions } from './core/options.js';
import { endPool, makePool } from './pool/operations.js';
import { ZsPool } from './zs-pool.js';
import { COMPRESS_FAILED, Contents } from './zswap/contents.js';
import { Reclaim } from './zswap/reclaim.js';
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
  backing?: Backing | AsyncBacking | undefined;
  /**
   * Writes back the compressed objects of pages, as many as fit to a slot of the backing, instead of a page to each; a slot
   * is free when its last page has gone. A backing of objects (`AsyncBacking.objects`) gets each by itself anyway. Default:
   * false.
   */
  packSlots?: boolean | undefined;
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
  ...['shrinkerEnabled', 'packSlots'],
] as const;
/** Pages that the shrinker writes back between two tries (SHRINK_BATCH). */
const SHRINK_BATCH = 128;
/** Most pages that it writes back for one store. */
const SHRINK_PAGES = 512;

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
  readonly #encoders: EncoderHold;
  readonly #exclusiveLoads: boolean;
  readonly #shrinkerEnabled: boolean;
  readonly #contents: Contents;
  readonly #reclaim: Reclaim | undefined;
  #reachedFull = false;

  /** @internal Made by `Engine.createZswap` and `Zswap.create`. */
  constructor(core: Core, options: ZswapOptions | undefined, onEnd: () => void) {
    checkCore(core, 'await Zswap.create() or engine.createZswap()');
    const given = readOptions(options, [...OPTIONS, 'pool'], 'createZswap');
    const { maxPoolPercent = 20, acceptThresholdPercent = 90, compressor = 'lz4' } = given;
    const { maxPoolBytes, backing, exclusiveLoads = false, shrinkerEnabled = false, pool } = given;
    const { packSlots = false } = given;
    checkInteger(maxPoolPercent, 'maxPoolPercent', 1, 100);
    checkInteger(acceptThresholdPercent, 'acceptThresholdPercent', 1, 100);
    checkBoolean(exclusiveLoads, 'exclusiveLoads');
    checkBoolean(shrinkerEnabled, 'shrinkerEnabled');
    checkBoolean(packSlots, 'packSlots');
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
    this.#backing = backing === undefined ? undefined : new SwapBacking(backing);
    this.#encoders = core.codecs.hold();
    try {
      const encoder = this.#encoders.encoder(algorithm, {});
      const address = pool === undefined ? makePool(core, {}) : ZsPool.attach(pool, core, this);
      this.#contents = new Contents(core, address, encoder, this.#backing);
    } catch (error) {
      this.#encoders.end();
      this.#backing?.end();
      throw error;
    }
    this.#reclaim = this.#backing && new Reclaim(this.#contents, this.#backing, packSlots, this.#acceptBytes);
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
   *
   * With an asynchronous backing all that is done in the background, as by the kernel's worker, as soon as the caller
   * awaits something: such a store only begins it, and is refused.
   * @param key a non-negative safe integer (the swap slot)
   * @param page 4096 bytes
   */
  store(key: number, page: Uint8Array): boolean {
    checkKey(key);
    checkPage(page);
    const contents = this.#live();
    const { stats } = contents;
    if (this.#isFull()) {
      contents.drop(key);
      this.#makeRoom();
      return false;
    }
    const page0 = this.#core.page();
    setBytes(page0, page);
    const shrinks = this.#shrinkerEnabled && this.#backing?.transport.asynchronous === false;
    // A copy if foreign code runs before the page is stored, since it may change the array.
    const kept = contents.encoder.foreign || shrinks ? copyOf(page0) : undefined;
    let result = contents.storeStaged(kept);
    if (isNoMemory(result) && kept && shrinks) result = this.#shrinkAndStore(kept);
    contents.drop(key);
    if (result >= 0) return contents.enter(key, result);
    if (isNoMemory(result)) {
      stats.rejectAllocFail++;
      if (this.#shrinkerEnabled && !shrinks) this.#reclaim?.start(SHRINK_BATCH);
    } else stats.rejectCompressFail++;
    return false;
  }

  #makeRoom(): void {
    if (this.#backing?.transport.asynchronous) this.#reclaim?.start(0);
    else {
      this.#reclaim?.reclaim();
      this.#live(); // a backing may have destroyed it
    }
  }

  /** The zswap's shrinker, run synchronously: writes back eligible pages until the page can be stored. */
  #shrinkAndStore(page: Uint8Array): number {
    let result = -1;
    for (let left = Math.min(this.#eligible(), SHRINK_PAGES); left > 0 && result < 0;) {
      const written = (this.#reclaim as Reclaim).shrink(Math.min(left, SHRINK_BATCH));
      this.#live();
      if (written === 0) break;
      left -= written;
      setBytes(this.#core.page(), page);
      result = this.#contents.storeStaged(page);
      if (result === COMPRESS_FAILED) break;
    }
    return result;
  }

  /**
   * Reads a page; undefined when the key has no page. A page that was written back is read from the backing, and its
   * checksum is verified.
   * @param key as given to `store`
   * @param out array to fill, 4096 bytes or longer; it is returned
   * @throws ZramError EAGAIN: the page is on an asynchronous backing, call `loadAsync`; EIO: the backing failed or
   * returned anything but the page, or the stored data does not decompress; the entry is kept
   */
  load(key: number, out?: Uint8Array): Uint8Array | undefined {
    checkKey(key);
    checkOut(out, PAGE_SIZE);
    const { entries } = this.#live();
    const entry = entries.find(key);
    if (entry === 0) return undefined;
    if (!entries.isInMemory(entry) && this.#backing?.transport.asynchronous) {
      throw new ZramError('EAGAIN', `the page of key ${key} is on an asynchronous backing: call loadAsync.`);
    }
    const stamp = entries.stampOf(entry);
    const page = entries.isInMemory(entry)
      ? this.#contents.pageOf(entry)
      : this.#pageIn(key, entry, () => (this.#backing as SwapBacking).read(entries.placeOf(entry)));
    return this.#loaded(key, stamp, page, out);
  }

  /**
   * As `load`, from any backing. What it gives is what the key held when the promise was fulfilled: a page that is stored or
   * dropped while the backing reads is looked up again. With `exclusiveLoads`, one of several loads of a key gets the page.
   * @param key as given to `store`
   * @param out array to fill, 4096 bytes or longer; it is returned
   * @param options a `signal` that ends the call
   * @throws ZramError EIO, as `load`; ECANCELED
   */
  async loadAsync(key: number, out?: Uint8Array, options?: AsyncOptions): Promise<Uint8Array | undefined> {
    checkKey(key);
    checkOut(out, PAGE_SIZE);
    const { signal } = readOptions(options, ASYNC_OPTIONS, 'loadAsync');
    this.#live();
    return AsyncCall.run(signal, (call) => this.#loadAsync(key, out, call));
  }

  async #loadAsync(key: number, out: Uint8Array | undefined, call: AsyncCall): Promise<Uint8Array | undefined> {
    for (;;) {
      call.check();
      const { entries } = this.#live();
      const entry = entries.find(key);
      if (entry === 0) return undefined;
      if (entries.isInMemory(entry) || !this.#backing?.transport.asynchronous) return this.load(key, out);
      const [stamp, { slot, length }] = [entries.stampOf(entry), entries.placedOf(entry)];
      const read = this.#backing.readAsync(slot, length).then(
        (held) => () => held,
        (error: unknown) => () => {
          throw error;
        },
      );
      const held = await call.until(read, this.#contents);
      if (!entries.isStill(key, stamp)) continue; // stored anew, or dropped: the slot may hold anything
      return this.#loaded(key, stamp, this.#pageIn(key, entry, held), out);
    }
  }

  /** The page of an entry on the backing. @param read what its slot holds */
  #pageIn(key: number, entry: number, read: () => Uint8Array): Uint8Array | undefined {
    const placed = this.#contents.entries.placedOf(entry);
    try {
      return this.#contents.pageIn(read(), placed);
    } catch (error) {
      this.#live(); // the backing may have destroyed it
      throw new ZramError('EIO', `cannot load the page of key ${key}: ${sentenceOf(error as ZramError)}`);
    }
  }

  /** A page was read: it is used, or with exclusive loads moved. */
  #loaded(key: number, stamp: number, page: Uint8Array | undefined, out: Uint8Array | undefined): Uint8Array {
    const { entries } = this.#live();
    if (!page)
      throw new ZramError(
        'EIO',
        `cannot load the page of key ${key}: it does not decompress, the stored data is damaged.`,
      );
    const to = outFor(out, PAGE_SIZE);
    setBytes(to, page);
    // A compressor or backing, called for this page, may have stored another under the key.
    if (!entries.isStill(key, stamp)) return to;
    const entry = entries.find(key);
    if (this.#exclusiveLoads) this.#contents.drop(key);
    else if (entries.isInMemory(entry)) entries.reference(entry);
    return to;
  }

  /** Drops the page of a key, if it has one. */
  invalidate(key: number): void {
    checkKey(key);
    this.#live().drop(key);
  }

  /**
   * Writes back up to `pages` pages, the least recently used first; a page that was used since it was last examined
   * gets a second chance. It stops at the first page that cannot be written. Nothing is written without a backing, nor
   * when a backing calls this during a write.
   *
   * Each page costs a decompression and a write of the backing, some microseconds; with `packSlots` no decompression, and a
   * write for several. A second chance costs 10 to 100 ns, and one call may give it to all pages in memory.
   * @returns pages written back
   * @throws ZramError EAGAIN: the backing is asynchronous, call `shrinkAsync`
   */
  shrink(pages: number): number {
    checkPages(pages);
    this.#live();
    if (this.#backing?.transport.asynchronous) {
      throw new ZramError('EAGAIN', 'the backing of this Zswap is asynchronous: call shrinkAsync.');
    }
    const written = this.#reclaim?.shrink(pages) ?? 0;
    this.#live();
    return written;
  }

  /**
   * As `shrink`, at any backing: an asynchronous one has 32 writes in flight, or eight batches of `writeMany`. After a
   * failure no more are begun. Pages stay in memory, and can be loaded, stored and dropped, until their write is over; a
   * write that is in flight when the call is aborted still counts when it succeeds.
   * @param options a `signal` that ends the call
   * @returns pages written back
   * @throws ZramError ECANCELED, with `pagesDone`
   */
  async shrinkAsync(pages: number, options?: AsyncOptions): Promise<number> {
    checkPages(pages);
    const { signal } = readOptions(options, ASYNC_OPTIONS, 'shrinkAsync');
    this.#live();
    return AsyncCall.run(signal, async (call) => (await this.#reclaim?.shrinkAsync(pages, call)) ?? 0);
  }

  /** The kernel's counters. */
  stats(): ZswapStats {
    const contents = this.#live();
    return Object.freeze({
      ...contents.stats,
      rejectCompressPoor: 0,
      writtenBackPages: contents.writtenBackPages,
      poolTotalSize: contents.totalBytes(),
      storedPages: contents.entries.inMemory,
      storedIncompressiblePages: contents.incompressible,
    });
  }

  /**
   * Frees all pages; on a pool of the caller's one by one, 0.1 µs each. Calling it again does nothing. Asynchronous calls
   * that are under way fail with EINVAL; the backing is in use until its writes are over.
   */
  destroy(): void {
    if (this.#contents.ended) return;
    this.#contents.end(this.#sharedPool !== undefined);
    if (this.#sharedPool) ZsPool.detach(this.#sharedPool, this);
    else endPool(this.#core, this.#contents.pool);
    this.#encoders.end();
    this.#backing?.end();
    this.#onEnd();
  }

  /** The same as `destroy()`, for `using`. */
  [Symbol.dispose](): void {
    this.destroy();
  }

  /** The limit and its hysteresis (zswap_check_limits). */
  #isFull(): boolean {
    const { stats } = this.#contents;
    const total = this.#contents.totalBytes();
    if (total >= this.#maxBytes) {
      stats.poolLimitHit++;
      this.#reachedFull = true;
    } else if (this.#reachedFull && total <= this.#acceptBytes) {
      this.#reachedFull = false;
    }
    return this.#reachedFull;
  }

  /** Pages that the shrinker may write back: the fewer, the better they compress (zswap_shrinker_count). */
  #eligible(): number {
    const { pool, entries } = this.#contents;
    return Math.min(this.#core.raw.poolTotalPages(pool) >>> 0, entries.inMemory);
  }

  /** The contents. @throws ZramError EINVAL: it was destroyed */
  #live(): Contents {
    this.#contents.live();
    return this.#contents;
  }
}

/** A result of `storeStaged`. */
function isNoMemory(result: number): boolean {
  return result < 0 && result !== COMPRESS_FAILED;
}

function checkPages(pages: unknown): void {
  checkInteger(pages, 'pages', 0, Number.MAX_SAFE_INTEGER);
}

function checkKey(key: unknown): void {
  checkInteger(key, 'key', 0, Number.MAX_SAFE_INTEGER);
}

function checkPage(page: unknown): void {
  checkBytes(page, 'page');
  if (lengthOf(page) === PAGE_SIZE) return;
  throw new ZramError('EINVAL', `page must have ${PAGE_SIZE} bytes, not ${lengthOf(page)}.`);
}
