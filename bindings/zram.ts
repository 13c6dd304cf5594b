/// <reference lib="esnext.disposable" preserve="true" />
/** Zram: the compressed block device. */
import { PAGE_SIZE, checkBytes, checkInteger, checkOptions, checkPages } from './arguments.js';
import { copyOf, isWords } from './bytes.js';
import type { AsyncBacking, Backing } from './backing/backing.js';
import { CODEC_LZ4, CODEC_PAGE, type Encoder } from './compressors/codecs.js';
import { checkCore, type Core } from './core.js';
import { EngineLease } from './engine-lease.js';
import { Engine, ENGINE_OPTIONS, type EngineOptions } from './engine.js';
import { ZramError } from './errors.js';
import { diffPages, type PageRange } from './page-diff.js';
import { markIdle } from './post-process/idle.js';
import {
  encodeVerified,
  recompress,
  type RecompressOptions,
  type RecompressReport,
} from './post-process/recompress.js';
import { writeback, writebackAsync, type WritebackOptions, type WritebackReport } from './post-process/writeback.js';
import type { PoolLease } from './pool-lease.js';
import { LOAD_ALL, LOAD_ONE, loadFile, type LoadMode, type LoadOptions, type LoadedFile } from './save/load.js';
import { saveAll, type SaveOptions, type SaveReport, type Saved } from './save/save.js';
import type { SaveSink } from './save/sink.js';
import type { LoadSource } from './save/source.js';
import type { Size } from './size.js';
import { StoredPages, partsOf, sentenceOf, withPagesDone, type BlockState } from './stored-pages.js';
import { createSysfs, idleOf, recompressOf, writebackOf, type Sysfs } from './sysfs.js';
import { DEVICE_OPTIONS, type ZramOptions } from './zram-options.js';
import { ZramSnapshot, pagesOfAny, pagesOfZram } from './zram-snapshot.js';
import { ZramState, noMemoryForDevice } from './zram-state.js';
import { bdStat, ioStat, mmStat, type BdStat, type DebugStat, type IoStat, type MmStat } from './zram-stats.js';
import { ZsPool, compactPool, mergePool, type CompactReport, type MergeOptions, type MergeReport } from './zs-pool.js';

/**
 * A block device of 4096-byte pages that keeps them compressed in memory, as Linux's zram does: the same rules, the
 * same counters.
 *
 * Every call throws `EINVAL` after `destroy()`, and I/O also while there is no disksize.
 */
export class Zram {
  /** The kernel's attributes, in its own text format. */
  readonly sysfs: Sysfs;
  /** The engine that it lives in. */
  readonly engine: Engine;
  readonly #core: Core;
  readonly #onEnd: () => void;
  readonly #state: ZramState;
  /** The engine that `Zram.create` made. */
  #lease: EngineLease | undefined;
  /** LZ4 is the primary compressor: the core does it all. */
  #inCore = true;
  #stored: StoredPages | undefined;

  /** @internal Made by `Engine.createZram` and `Zram.create`. */
  constructor(engine: Engine, core: Core, options: ZramOptions | undefined, onEnd: () => void) {
    checkCore(core, 'await Zram.create() or engine.createZram()');
    checkOptions(options, [...DEVICE_OPTIONS, 'pool'], 'createZram');
    this.engine = engine;
    this.#core = core;
    this.#onEnd = onEnd;
    this.#state = new ZramState(core, options ?? {});
    this.sysfs = createSysfs(this.#state, this);
    const { pool, disksize } = options ?? {};
    if (pool !== undefined) ZsPool.attach(pool, core, this);
    try {
      if (disksize !== undefined) this.init(disksize);
    } catch (error) {
      if (pool !== undefined) ZsPool.detach(pool, this);
      throw error;
    }
  }

  static {
    pagesOfZram.of = (value) =>
      typeof value === 'object' && value !== null && #stored in value ? value.#state.ready() : undefined;
  }

  /**
   * Makes an engine with one device; destroying the device, and the snapshots and clones of it, destroys the engine. Loads a
   * compressor that has to be loaded.
   * @throws ZramError EINVAL: a wrong option; ENOMEM: `maxMemory` is too small for a device; EOPNOTSUPP: a compressor that is
   * not installed
   */
  static async create(options?: Omit<ZramOptions, 'pool'> & EngineOptions): Promise<Zram> {
    checkOptions(options, [...DEVICE_OPTIONS, ...ENGINE_OPTIONS], 'Zram.create');
    const { module, maxMemory, compressors, ...rest } = options ?? {};
    const engine = await Engine.create({ module, maxMemory, compressors });
    try {
      const secondaries = (Array.isArray(rest.recompAlgorithms) ? rest.recompAlgorithms : []) as unknown[];
      for (const one of [rest.compAlgorithm, ...secondaries]) {
        const name = typeof one === 'object' && one !== null ? (one as { algo?: unknown }).algo : one;
        if (typeof name === 'string') await engine.loadCompressor(name);
      }
      return Zram.onLease(engine, rest, new EngineLease(engine));
    } catch (error) {
      engine.destroy();
      throw error;
    }
  }

  /**
   * Sets the disk's size: the device can then be used (as writing `disksize`).
   * @throws ZramError EBUSY: it has one already, or somebody else uses the backing; EINVAL: 0 or too large; ENOMEM
   */
  init(disksize: Size): void {
    this.#state.live();
    this.#state.init(disksize);
    this.#start();
  }

  #start(): void {
    this.#stored = this.#state.stored;
    this.#inCore = this.#state.encoders[0]?.codec === CODEC_LZ4;
  }

  /**
   * Where pages are written back to, as the option `backing`.
   * @throws ZramError EBUSY: the device has a disksize; EINVAL: it is no backing, or has no slots
   */
  setBacking(backing: Backing | AsyncBacking): void {
    this.#state.live();
    this.#state.setBacking(backing);
  }

  // ── in ─────────────────────────────────────────────────────────────────────────────────────────────────────────

  /**
   * Stores one page.
   * @param index the page's number, from 0
   * @param bytes 4096 bytes
   * @throws ZramError ENOMEM: mem_limit or maxMemory is reached; EIO: the compressor failed; the old content stays
   */
  writePage(index: number, bytes: Uint8Array): void {
    const stored = this.#ready();
    stored.checkIndex(index, 1);
    checkPages(bytes, 1);
    if (!this.#inCore) {
      this.#encodePage(stored, index, bytes);
      return;
    }
    this.#core.page().set(bytes);
    if (this.#core.raw.zramWritePage(stored.address, index, stored.now()) !== 0) throw noRoom(index);
  }

  /**
   * Stores pages that follow each other, in order: the batched path.
   * @param index the first page's number
   * @param bytes a multiple of 4096 bytes
   * @throws ZramError ENOMEM: `pagesDone` pages are stored, the others keep their old content; EIO: the compressor failed
   */
  writePages(index: number, bytes: Uint8Array): void {
    const stored = this.#ready();
    checkPages(bytes);
    const count = bytes.length / PAGE_SIZE;
    stored.checkIndex(index, count);
    if (!this.#inCore) {
      this.#encodePages(stored, index, bytes);
      return;
    }
    const batch = this.#core.stagingPages;
    const now = stored.now();
    for (let done = 0; done < count; done += batch) {
      const pages = Math.min(batch, count - done);
      const from = done * PAGE_SIZE;
      this.#core.staging().set(pages === count ? bytes : bytes.subarray(from, from + pages * PAGE_SIZE));
      const written = this.#core.raw.zramWritePages(stored.address, index + done, pages, now);
      if (written !== pages) throw noRoom(index + done + written, done + written);
    }
  }

  #encodePages(stored: StoredPages, index: number, bytes: Uint8Array): void {
    for (let at = 0; at < bytes.length; at += PAGE_SIZE) {
      try {
        this.#encodePage(stored, index + at / PAGE_SIZE, bytes.subarray(at, at + PAGE_SIZE));
      } catch (error) {
        throw withPagesDone(error, at / PAGE_SIZE);
      }
    }
  }

  /** Stores a page with a compressor that is not the core's. */
  #encodePage(stored: StoredPages, index: number, bytes: Uint8Array): void {
    const { raw, codecs } = this.#core;
    const { address } = stored;
    const page = copyOf(bytes); // whatever the compressor does, this is what is stored
    const encoder = this.#state.encoders[0] as Encoder;
    this.#core.page().set(page);
    const begun = raw.zramWriteBegin(address, index, stored.now());
    if (begun === 1) return;
    if (begun < 0) throw noRoom(index);
    const hash = raw.zramHash();
    try {
      if (begun > 1) {
        const [codec, length] = [begun >>> 16, begun & 0xffff];
        const candidate = this.#core.staging().slice(PAGE_SIZE, PAGE_SIZE + length);
        const holds = codecs.holds(codec, candidate, page);
        stored.live();
        if (holds && this.#share(stored, index, candidate, codec, hash)) return;
      }
      const block = encodeVerified(this.#state, encoder, page);
      stored.live();
      raw.poolStats(stored.pool.address);
      const huge = block.length >= this.#core.number(7);
      this.#core.page().set(huge ? page : block);
      const [length, codec] = huge ? [PAGE_SIZE, CODEC_PAGE] : [block.length, encoder.codec];
      if (raw.zramWriteEncoded(address, index, length, codec, hash, stored.now()) !== 0) throw noRoom(index);
    } catch (error) {
      if (error instanceof ZramError && error.code === 'EIO' && !stored.ended) {
        raw.zramCountFailed(address, 1);
        throw new ZramError('EIO', `page ${index} was not stored, the old content stays: ${sentenceOf(error)}`);
      }
      throw error;
    }
  }

  /** Deduplication: an object was found to hold the page. False when it is gone by now. */
  #share(stored: StoredPages, index: number, block: Uint8Array, codec: number, hash: number): boolean {
    this.#core.page().set(block);
    const { address } = stored;
    const result = this.#core.raw.zramWriteCandidate(address, index, block.length, codec, hash, stored.now());
    if (result < 0) throw noRoom(index);
    return result === 1;
  }

  /**
   * Stores any byte range inside the disk; pages that it covers in part are read, changed and written.
   * @param offset the first byte's place on the disk
   * @param bytes any number of them
   * @throws ZramError ENOMEM: `pagesDone` pages of the range are stored; EIO: a page cannot be read, or the compressor
   * failed; EAGAIN: a page is on an asynchronous backing
   */
  write(offset: number, bytes: Uint8Array): void {
    const stored = this.#ready();
    checkBytes(bytes, 'bytes');
    stored.checkRange(offset, bytes.length);
    for (const part of partsOf(offset, bytes.length)) {
      const piece = bytes.subarray(part.at, part.at + part.length);
      try {
        stored.live(); // a compressor may have ended the device
        if (part.pages > 0) this.writePages(part.index, piece);
        else this.#patchPage(stored, part.index, part.inPage, piece);
      } catch (error) {
        throw withPagesDone(error, part.pagesBefore);
      }
    }
  }

  #patchPage(stored: StoredPages, index: number, inPage: number, piece: Uint8Array): void {
    const page = stored.page(index).slice();
    stored.live();
    page.set(piece, inPage);
    this.writePage(index, page);
  }

  // ── out ────────────────────────────────────────────────────────────────────────────────────────────────────────

  /**
   * Reads one page; a page that was never written reads as zeros.
   * @param index the page's number, from 0
   * @param out array to fill, 4096 bytes or longer; it is returned
   * @throws ZramError EIO: what is stored does not decompress, or the backing failed; EAGAIN: the page is on an asynchronous
   * backing
   */
  readPage(index: number, out?: Uint8Array): Uint8Array {
    return this.#ready().readPage(index, out);
  }

  /**
   * Reads pages that follow each other: the batched path.
   * @param index the first page's number
   * @param count number of pages
   * @param out array to fill, `count` times 4096 bytes or longer; it is returned
   * @throws ZramError as `readPage`; `pagesDone` pages before it are in `out`
   */
  readPages(index: number, count: number, out?: Uint8Array): Uint8Array {
    return this.#ready().readPages(index, count, out);
  }

  /**
   * Reads any byte range inside the disk.
   * @param offset the first byte's place on the disk
   * @param length number of bytes
   * @param out array to fill, `length` bytes or longer; it is returned
   * @throws ZramError as `readPage`
   */
  read(offset: number, length: number, out?: Uint8Array): Uint8Array {
    return this.#ready().read(offset, length, out);
  }

  /** As `readPages`, also for pages on an asynchronous backing. `out` must stay untouched until the promise is settled. */
  async readPagesAsync(index: number, count: number, out?: Uint8Array): Promise<Uint8Array> {
    return this.#ready().readPagesAsync(index, count, out);
  }

  /** As `read`, also for pages on an asynchronous backing. `out` must stay untouched until the promise is settled. */
  async readAsync(offset: number, length: number, out?: Uint8Array): Promise<Uint8Array> {
    return this.#ready().readAsync(offset, length, out);
  }

  // ── memory ─────────────────────────────────────────────────────────────────────────────────────────────────────

  /**
   * Frees the whole pages inside a byte range, which then read as zeros; pages that it covers in part stay as they are,
   * as in the kernel. One call, 0.05 to 0.2 s a million pages that hold something; pages that hold nothing cost nothing.
   * @param offset the first byte's place on the disk
   * @param length number of bytes
   */
  discard(offset: number, length: number): void {
    const stored = this.#ready();
    stored.checkRange(offset, length);
    const first = Math.ceil(offset / PAGE_SIZE);
    const end = Math.floor((offset + length) / PAGE_SIZE);
    if (end > first) this.#core.raw.zramDiscard(stored.address, first, end - first);
  }

  /**
   * Stores identical pages once (the `merge` knob of the 2022 proposal). On a shared pool: of all its users. Without a budget it
   * holds the event loop for as long as it takes: 0.5 to 1.5 s a million pages.
   */
  merge(options?: MergeOptions): MergeReport {
    return mergePool(this.#core, () => this.#ready().pool.address, options);
  }

  /** Moves objects together and frees what becomes empty (zs_compact). One call: 0.1 to 0.3 s a million objects that are moved. */
  compact(): CompactReport {
    return compactPool(this.#core, this.#ready().pool.address);
  }

  /**
   * Marks stored pages as idle, until somebody reads or writes them; same-filled and written-back pages are left out.
   * @param what `'all'` (default), or an age in seconds: pages that were not accessed for so long, while the others' mark is
   * taken away
   * @throws ZramError EINVAL: an age, without the option `trackEntryActime`
   */
  idle(what: 'all' | number | { age?: number | undefined } = 'all'): void {
    markIdle(this.#state, idleOf(what));
  }

  /**
   * Compresses pages again with secondary compressors, and keeps what falls into a smaller size class. An object that pages
   * share is compressed once for all of them. Pages that no compressor makes smaller are marked as incompressible.
   * @param options which pages, and how; or the attribute's text, as `'type=huge algo=zstd'`
   * @throws ZramError EINVAL: a wrong option, or no secondary compressor; EIO: a compressor failed; ENOMEM; EAGAIN:
   * recompression or writeback is under way. No page is lost
   */
  recompress(options: RecompressOptions | string = {}): RecompressReport {
    return recompress(this.#state, recompressOf(options));
  }

  /**
   * Moves pages to the backing device, from where reads fetch them. Same-filled pages are left out. Pages that share an object
   * go to one block.
   * @param options which pages; or the attribute's text, as `'idle'` or `'page_index=7'`
   * @throws ZramError EINVAL: a wrong option; ENODEV: no backing; EIO: the backing failed, or writeback_limit is used up;
   * ENOSPC: it is full; ERANGE: a page outside the disk; EAGAIN: the backing is asynchronous, or this is under way. `pagesDone`
   * pages were written; the others are where they were
   */
  writeback(options: WritebackOptions | string): WritebackReport {
    return writeback(this.#state, writebackOf(options));
  }

  /** As `writeback`, for any backing. Pages that are accessed meanwhile stay in memory. */
  async writebackAsync(options: WritebackOptions | string): Promise<WritebackReport> {
    return writebackAsync(this.#state, writebackOf(options));
  }

  // ── snapshots ──────────────────────────────────────────────────────────────────────────────────────────────────

  /**
   * A read-only copy of what the device holds now: 8 bytes a page, no data. One call, 0.05 to 0.2 s a million pages, as is its end.
   * @throws ZramError ENOMEM
   */
  snapshot(): ZramSnapshot {
    const pages = fork(this.#ready(), false);
    return this.#own(pages, (onEnd) => {
      const state = this.#state;
      const secondaries = state.secondaryCodecs();
      return new ZramSnapshot(pages, { state, secondaries, onEnd, clone: (from) => this.#cloneOf(from) });
    });
  }

  /**
   * A writable copy, on the same pool and with the same settings: 8 bytes a page, no data, and 4 where accesses are tracked. One
   * call, 0.05 to 0.2 s a million pages.
   * @throws ZramError ENOMEM
   */
  clone(): Zram {
    return this.#cloneOf(this.#ready());
  }

  #cloneOf(from: StoredPages): Zram {
    const pages = fork(from, this.#state.tracksTime);
    return this.#own(pages, (onEnd) => {
      const made = new Zram(this.engine, this.#core, undefined, onEnd);
      made.#state.copy(this.#state, pages);
      made.#lease = this.#lease; // its own snapshots hold the engine, too
      made.#start();
      return made;
    });
  }

  /** Ties a fork to what it lives in: engine, pool, and the lease on them. */
  #own<T extends { destroy(): void }>(pages: StoredPages, make: (onEnd: () => void) => T): T {
    const { shared } = pages.pool;
    try {
      const child: T = Engine.adopt(this.engine, (onEnd) =>
        make(() => {
          onEnd();
          if (shared) ZsPool.detach(shared, child);
          this.#lease?.release();
        }),
      );
      this.#lease?.retain();
      if (shared) ZsPool.attach(shared, this.#core, child);
      return child;
    } catch (error) {
      pages.end();
      throw error;
    }
  }

  /** As `ZramSnapshot.diff`. */
  diff(other: ZramSnapshot | Zram): PageRange[] {
    const [a, b] = [this.#ready(), pagesOfAny(other)];
    return diffPages(a, b);
  }

  // ── save and load ──────────────────────────────────────────────────────────────────────────────────────────────

  /**
   * Writes what the device holds now, and its settings, to a file or stream: objects as they are compressed, those that
   * pages share once. Pages on the backing device are read and saved too. Not saved are idle marks, counters and times.
   *
   * The call takes a snapshot first; what is written to the device meanwhile is not in the file.
   * @param sink where to; streams are closed at the end, and given up after a failure
   * @throws ZramError EINVAL: no sink; ENOMEM: for the snapshot; EIO: the sink or the backing failed
   */
  async save(sink: SaveSink): Promise<SaveReport> {
    return saveAll(sink, [this], undefined);
  }

  /**
   * Writes devices and snapshots of one pool to one file, in which they share their objects as they do in memory.
   * @param sink as for `save`
   * @param saved by name, or a list
   * @throws ZramError as `save`; EINVAL: they are on different pools
   */
  static async saveAll(sink: SaveSink, saved: Saved, options?: SaveOptions): Promise<SaveReport> {
    return saveAll(sink, saved, options);
  }

  /**
   * Makes an engine with the device that a file of `save` has; destroying the device destroys the engine. Every page reads
   * as it did; pages that shared an object do so again. Each object is checked to be a page.
   * @param source where from; it is read to its end
   * @throws ZramError EINVAL: the file is truncated, damaged, of a newer version or something else, with the offset where
   * that shows, or it has several devices; EOPNOTSUPP: a compressor that is not here; ENOMEM: `memLimit` or `maxMemory`;
   * EIO: the source failed. Nothing is left then
   */
  static async load(source: LoadSource, options?: Omit<LoadOptions, 'pool'> & EngineOptions): Promise<Zram> {
    const { devices } = await Zram.#loadIntoOwn(source, options, 'Zram.load', LOAD_ONE);
    return devices.values().next().value as Zram;
  }

  /**
   * As `load`, for files with any number of devices and snapshots, which come to be on one pool. The engine is destroyed with
   * the last of them.
   */
  static async loadAll(
    source: LoadSource,
    options?: Omit<LoadOptions, 'pool' | 'backing'> & EngineOptions,
  ): Promise<LoadedFile> {
    return Zram.#loadIntoOwn(source, options, 'Zram.loadAll', LOAD_ALL);
  }

  static async #loadIntoOwn(
    source: LoadSource,
    options: (LoadOptions & EngineOptions) | undefined,
    call: string,
    known: LoadMode,
  ): Promise<LoadedFile> {
    checkOptions(options, [...known.options, ...ENGINE_OPTIONS], call);
    const { module, maxMemory, compressors, ...rest } = options ?? {};
    const engine = await Engine.create({ module, maxMemory, compressors });
    try {
      return await loadFile(engine, source, rest, known, new EngineLease(engine));
    } catch (error) {
      engine.destroy();
      throw error;
    }
  }

  /** @internal Its settings and state. */
  static stateOf(zram: Zram): ZramState {
    return zram.#state;
  }

  /** @internal A device that gives its share of an engine back when it ends. */
  static onLease(engine: Engine, options: ZramOptions, lease: EngineLease | undefined): Zram {
    const made = Engine.adopt(
      engine,
      (onEnd) =>
        new Zram(engine, Engine.coreOf(engine), options, () => {
          onEnd();
          lease?.release();
        }),
    );
    made.#lease = lease;
    return made;
  }

  /** @internal For loading: the device gets a disk, on a pool that others are on where there is one. */
  static initLoaded(zram: Zram, disksize: number, pool: PoolLease | undefined): void {
    zram.#state.init(disksize, pool);
    zram.#start();
  }

  // ── life ───────────────────────────────────────────────────────────────────────────────────────────────────────

  /** Uninitialised again: everything is freed, all counters are zero, all settings are the defaults. Snapshots stay. */
  reset(): void {
    this.#state.live();
    this.#stored = undefined;
    this.#state.end();
    this.#state.setDefaults();
  }

  /** Frees everything. Calling it again does nothing. */
  destroy(): void {
    if (this.#state.destroyed) return;
    this.#stored = undefined;
    this.#state.end();
    this.#state.destroyed = true;
    if (this.#state.sharedPool) ZsPool.detach(this.#state.sharedPool, this);
    this.#state.closeBacking();
    this.#onEnd();
  }

  /** The same as `destroy()`, for `using`. */
  [Symbol.dispose](): void {
    this.destroy();
  }

  // ── statistics ─────────────────────────────────────────────────────────────────────────────────────────────────

  /** The counters of memory, as a frozen copy; all zero while there is no disksize, but for `memLimit`. */
  get mmStat(): MmStat {
    this.#state.live();
    return mmStat(this.#state);
  }

  /** The counters of I/O, as a frozen copy. */
  get ioStat(): IoStat {
    this.#state.live();
    return ioStat(this.#state);
  }

  /** The counters of the backing device, as a frozen copy. */
  get bdStat(): BdStat {
    this.#state.live();
    return bdStat(this.#state);
  }

  /** What the kernel's debug_stat has, as a frozen copy. */
  get debugStat(): DebugStat {
    this.#state.live();
    return Object.freeze({ version: 1, missFree: 0 });
  }

  /** What is stored at a page; undefined when nothing is. */
  blockState(index: number): BlockState | undefined {
    return this.#ready().blockState(index, this.#state.secondaryCodecs());
  }

  /**
   * The states of many pages at once, for pictures: two words a page in `out`. The first has 0 for a page that holds nothing,
   * else bit 0 same-filled, 2 huge, 3 an object in memory, 4 written back, 5 idle, 6 incompressible, 8 merged, bits 9 to 12 the
   * codec, and the object's bytes from bit 13; the second is what `objectOf` tells, or 0.
   * @param out room for two words a page; it is returned
   */
  pageStates(index: number, count: number, out?: Uint32Array): Uint32Array {
    const stored = this.#ready();
    checkInteger(count, 'count', 0, stored.pages);
    stored.checkIndex(index, count);
    if (out !== undefined && !(isWords(out) && out.length >= 2 * count)) {
      throw new ZramError('EINVAL', `out must be a Uint32Array of ${2 * count} words or more.`);
    }
    return stored.states(index, count, out ?? new Uint32Array(2 * count));
  }

  /**
   * Which object holds a page: a number that is equal for two pages exactly when they share one object, also on
   * different devices of one pool. After a merge all pages share that were compressed to the same bytes.
   * It serves to be compared only, and only until something is next written, discarded or merged.
   * @returns undefined for a page without an object: nothing is stored, or it is same-filled or written back
   */
  objectOf(index: number): number | undefined {
    return this.#ready().objectOf(index);
  }

  #ready(): StoredPages {
    return this.#stored ?? this.#state.ready();
  }
}

/** A copy of a device's pages in the core. */
function fork(from: StoredPages, tracksTime: boolean): StoredPages {
  const { core, address, pages, pool, backing } = from;
  const device = core.raw.zramFork(address, Number(tracksTime), core.ticks());
  if (device === 0) throw noMemoryForDevice();
  return new StoredPages(core, device, pages, pool.retain(), backing?.retain(), from.dedup, tracksTime);
}

function noRoom(index: number, pagesDone?: number): ZramError {
  return new ZramError(
    'ENOMEM',
    `no room for page ${index}: mem_limit or the engine's maxMemory is reached; the old content stays.`,
    pagesDone,
  );
}
