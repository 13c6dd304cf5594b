/// <reference lib="esnext.disposable" preserve="true" />
/** Zram: the compressed block device. */
import { readBacking, type AsyncBacking, type Backing } from './backing/backing.js';
import { checkBytes, checkInteger, checkPages, PAGE_SIZE, readOptions } from './base/arguments.js';
import { ASYNC_OPTIONS, AsyncCall, type AsyncOptions } from './base/async-call.js';
import { allocateWords, copyOf, isWords, lengthOf } from './base/bytes.js';
import { endAll } from './base/end-all.js';
import { ZramError } from './base/errors.js';
import type { KernelVersion } from './base/kernel.js';
import { notWithNew } from './base/messages.js';
import type { Size } from './base/size.js';
import type { Core } from './core/core.js';
import { Host } from './core/host.js';
import { ENGINE_OPTIONS, type EngineOptions } from './core/options.js';
import { Device } from './device/device.js';
import type { Disk } from './device/disk.js';
import { fork } from './device/fork.js';
import { DEVICE_OPTIONS, readDeviceOptions, type ZramOptions } from './device/options.js';
import type { PoolLease } from './device/pool-lease.js';
import { markIdle } from './device/post-process/idle.js';
import { recompress, type RecompressOptions, type RecompressReport } from './device/post-process/recompress.js';
import {
  writeback,
  writebackAsync,
  type WritebackAsyncOptions,
  type WritebackOptions,
  type WritebackReport,
} from './device/post-process/writeback.js';
import { DISK, PARTS, ReadableDevice, SECONDARIES, type Frozen, type ReadableParts } from './device/readable.js';
import { bdStat, ioStat, mmStat, type BdStat, type DebugStat, type IoStat, type MmStat } from './device/stats.js';
import { createSysfs, type Sysfs } from './device/sysfs/sysfs.js';
import { idleOf, recompressOf, writebackOf } from './device/sysfs/text.js';
import { PageWriter } from './device/writer.js';
import { compactPool, mergePool, type CompactReport, type MergeOptions, type MergeReport } from './pool/operations.js';
import {
  LOAD_ALL,
  LOAD_ONE,
  loadFile,
  loadFileIntoOwn,
  type DeviceMaker,
  type LoadMode,
  type LoadOptions,
} from './save/load.js';
import { saveAll, type Saved, type SaveOptions, type SaveReport } from './save/save.js';
import type { SaveSink } from './save/sink-target.js';
import type { LoadSource } from './save/source.js';
import { ZsPool } from './zs-pool.js';

/** How a snapshot is tied to its origin. */
interface SnapshotOrigin {
  /** Settings, for what is made of the snapshot. */
  readonly state: Device;
  readonly secondaries: readonly number[];
  clone(pages: Disk): Zram;
  onEnd(): void;
}

/**
 * A read-only copy of a device that costs a slot of 8 bytes a page and no data: device and snapshot share objects until the
 * device's page is written. It outlives the device's `reset` and `destroy`.
 *
 * Every call throws `EINVAL` after `destroy()`.
 */
export class ZramSnapshot extends ReadableDevice {
  /** @internal Whatever a bundler calls the class. */
  static override readonly name = 'ZramSnapshot';
  readonly #origin: SnapshotOrigin;
  #disk: Disk | undefined;

  /** @internal Made by `Zram.snapshot`. */
  constructor(disk: Disk, origin: SnapshotOrigin) {
    super();
    if (typeof origin?.clone !== 'function') throw notWithNew('zram.snapshot()');
    this.#disk = disk;
    this.#origin = origin;
  }

  /** Bytes of the disk. */
  get disksize(): number {
    return this[DISK]().pages * PAGE_SIZE;
  }

  /**
   * A writable device with these pages on the same pool, and with the settings that its origin has now.
   * @throws ZramError ENOMEM
   */
  clone(): Zram {
    return this.#origin.clone(this[DISK]());
  }

  /** As `Zram.save`, with the settings that its origin has now. */
  async save(sink: SaveSink): Promise<SaveReport> {
    return saveAll(sink, [this], undefined);
  }

  /** Gives back what only this snapshot holds. Calling it again does nothing. One call: up to 0.2 s a million pages. */
  destroy(): void {
    const disk = this.#disk;
    if (!disk) return;
    this.#disk = undefined;
    endAll(
      () => disk.end(),
      () => this.#origin.onEnd(),
    );
  }

  /** The same as `destroy()`, for `using`. */
  [Symbol.dispose](): void {
    this.destroy();
  }

  /** @internal */
  override [DISK](): Disk {
    if (this.#disk) return this.#disk;
    throw new ZramError('EINVAL', 'this ZramSnapshot was destroyed.');
  }

  /** @internal */
  override [SECONDARIES](): readonly number[] {
    return this.#origin.secondaries;
  }

  /** @internal */
  override [PARTS](): ReadableParts {
    const pages = this[DISK]();
    return { isSnapshot: true, state: this.#origin.state, freeze: () => ({ pages, destroy: () => undefined }) };
  }
}

/**
 * A block device of 4096-byte pages that keeps them compressed in memory, as Linux's zram does: the same rules, the
 * same counters.
 *
 * Every call throws `EINVAL` after `destroy()`, and I/O also while there is no disksize.
 *
 * What returns no promise holds the event loop until it is done. A page costs about 4 µs to write, 0.6 µs to read from a batch,
 * 0.5 µs in `merge`, 0.4 µs in the list of a `writeback` and the backing's time to go there, 0.3 µs in `recompress` and the
 * compressors' time, 0.1 µs in `discard`, `reset`, `destroy`, `pageStates` and where `diff` compares objects, 0.05 µs in
 * `snapshot`, `clone` and `idle`, and 3 µs in the attribute `block_state`; pages that hold nothing cost nothing. The asynchronous
 * calls let timers and I/O run every 8 ms, and go by the same costs where they cannot: `writebackAsync` in its list of pages,
 * `writeAsync` in its copy.
 */
export class Zram extends ReadableDevice {
  /** @internal Whatever a bundler calls the class. */
  static override readonly name = 'Zram';
  /** The kernel's attributes, in its own text format. */
  readonly sysfs: Sysfs;
  readonly #host: Host;
  readonly #core: Core;
  readonly #onEnd: () => void;
  readonly #state: Device;
  /** The host that was made for it, and its snapshots and clones. */
  #held: Host | undefined;
  /** While there is a disk. */
  #writer: PageWriter | undefined;

  /** @internal Made by `Engine.createZram` and `Zram.create`. */
  constructor(host: Host, options: ZramOptions | undefined, onEnd: () => void) {
    super();
    if (!(host instanceof Host)) throw notWithNew('await Zram.create() or engine.createZram()');
    const { core } = host;
    const read = readDeviceOptions(options, [...DEVICE_OPTIONS, 'pool'], 'createZram');
    this.#host = host;
    this.#core = core;
    this.#onEnd = onEnd;
    this.#state = new Device(core, read);
    this.sysfs = createSysfs(this.#state, this);
    const { pool, disksize } = read;
    if (pool !== undefined) ZsPool.attach(pool, core, this);
    try {
      if (disksize !== undefined) this.init(disksize);
    } catch (error) {
      if (pool !== undefined) ZsPool.detach(pool, this);
      throw error;
    }
  }

  /**
   * Makes an engine with one device; destroying the device, and the snapshots and clones of it, destroys the engine. Loads a
   * compressor that has to be loaded.
   * @throws ZramError EINVAL: a wrong option; ENOMEM: `maxMemory` is too small for a device; EOPNOTSUPP: a compressor that is
   * not installed
   */
  static async create(options?: Omit<ZramOptions, 'pool'> & EngineOptions): Promise<Zram> {
    const read = readDeviceOptions(options, [...DEVICE_OPTIONS, ...ENGINE_OPTIONS], 'Zram.create');
    const { module, maxMemory, compressors, ...rest } = read;
    const host = await Host.create({ module, maxMemory, compressors }, 'Zram.create');
    try {
      const secondaries = (Array.isArray(rest.recompAlgorithms) ? rest.recompAlgorithms : []) as unknown[];
      for (const one of [rest.compAlgorithm, ...secondaries]) {
        const name = typeof one === 'object' && one !== null ? (one as { algo?: unknown }).algo : one;
        if (typeof name === 'string') await host.loadCompressor(name);
      }
      return Zram.make(host, rest, host);
    } catch (error) {
      host.destroy();
      throw error;
    }
  }

  /**
   * Sets the disk's size: the device can then be used (as writing `disksize`).
   * @throws ZramError EBUSY: it has one already, or somebody else uses the backing; EINVAL: 0 or too large; ENOMEM
   */
  init(disksize: Size): void {
    this.#state.checkAlive();
    this.#state.init(disksize);
    this.#start();
  }

  #start(): void {
    this.#writer = new PageWriter(this.#state.readyDisk(), this.#state);
  }

  /**
   * Where pages are written back to, as the option `backing`.
   * @throws ZramError EBUSY: the device has a disksize; EINVAL: it is no backing, or has no slots
   */
  setBacking(backing: Backing | AsyncBacking): void {
    const read = readBacking(backing);
    this.#state.checkAlive();
    this.#state.setBacking(read);
  }

  /** The version of Linux whose rules the device has: the option `kernel`. */
  get kernel(): KernelVersion {
    this.#state.checkAlive();
    return this.#state.kernel.version;
  }

  // ── in ─────────────────────────────────────────────────────────────────────────────────────────────────────────

  /**
   * Stores one page.
   * @param index the page's number, from 0
   * @param bytes 4096 bytes
   * @throws ZramError ENOMEM: mem_limit or maxMemory is reached; EIO: the compressor failed; the old content stays
   */
  writePage(index: number, bytes: Uint8Array): void {
    const writer = this.#writing();
    writer.disk.checkIndex(index, 1);
    checkPages(bytes, 1);
    writer.writePage(index, bytes);
  }

  /**
   * Stores pages that follow each other, in order: the batched path.
   * @param index the first page's number
   * @param bytes a multiple of 4096 bytes
   * @throws ZramError ENOMEM: `pagesDone` pages are stored, the others keep their old content; EIO: the compressor failed
   */
  writePages(index: number, bytes: Uint8Array): void {
    const writer = this.#writing();
    checkPages(bytes);
    writer.disk.checkIndex(index, lengthOf(bytes) / PAGE_SIZE);
    writer.writePages(index, bytes);
  }

  /**
   * Stores any byte range inside the disk; pages that it covers in part are read, changed and written.
   * @param offset the first byte's place on the disk
   * @param bytes any number of them
   * @throws ZramError ENOMEM: `pagesDone` pages of the range are stored; EIO: a page cannot be read, or the compressor
   * failed; EAGAIN: a page is on an asynchronous backing, which `writeAsync` serves
   */
  write(offset: number, bytes: Uint8Array): void {
    const writer = this.#writing();
    checkBytes(bytes, 'bytes');
    writer.disk.checkRange(offset, lengthOf(bytes));
    writer.write(offset, bytes);
  }

  /**
   * As `write`, also for parts of pages on an asynchronous backing. The bytes are copied at the call: the array may be used
   * again at once.
   *
   * Pages are written one after the other, each in one step: what others write to a page meanwhile is not lost, and when several
   * calls write parts of one page, all take effect in the order of the calls. Of a call that fails, `pagesDone` pages are
   * written.
   * @param offset the first byte's place on the disk
   * @param bytes any number of them
   * @param options a `signal` that ends the call
   * @throws ZramError as `write`; EINVAL: the device was reset or destroyed meanwhile; ECANCELED: the signal was aborted
   */
  async writeAsync(offset: number, bytes: Uint8Array, options?: AsyncOptions): Promise<void> {
    const { signal } = readOptions(options, ASYNC_OPTIONS, 'writeAsync');
    return AsyncCall.run(signal, async (call) => {
      const writer = this.#writing();
      checkBytes(bytes, 'bytes');
      writer.disk.checkRange(offset, lengthOf(bytes));
      await writer.writeAsync(offset, copyOf(bytes), call);
    });
  }

  // ── memory ─────────────────────────────────────────────────────────────────────────────────────────────────────

  /**
   * Frees the whole pages inside a byte range, which then read as zeros; pages that it covers in part stay as they are,
   * as in the kernel. One call, 0.05 to 0.2 s a million pages that hold something; pages that hold nothing cost nothing.
   * @param offset the first byte's place on the disk
   * @param length number of bytes
   */
  discard(offset: number, length: number): void {
    const disk = this[DISK]();
    disk.checkRange(offset, length);
    const first = Math.ceil(offset / PAGE_SIZE);
    const end = Math.floor((offset + length) / PAGE_SIZE);
    if (end <= first) return;
    this.#core.raw.zramDiscard(disk.address, first, end - first);
    disk.touched(first, end - first);
  }

  /**
   * Stores identical pages once (the `merge` knob of the 2022 proposal). On a shared pool: of all its users. Without a budget it
   * holds the event loop for as long as it takes: 0.5 to 1.5 s a million pages.
   */
  merge(options?: MergeOptions): MergeReport {
    return mergePool(this.#core, () => this[DISK]().pool.address, options);
  }

  /** Moves objects together and frees what becomes empty (zs_compact). One call: 0.1 to 0.3 s a million objects that are moved. */
  compact(): CompactReport {
    return compactPool(this.#core, this[DISK]().pool.address);
  }

  /**
   * Marks stored pages as idle, until somebody reads or writes them; same-filled and written-back pages are left out. One call:
   * 0.05 s a million pages.
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
   * ENOSPC: it is full; ERANGE: a page outside the disk (before kernel 6.16 EINVAL), or a range that ends before it begins; EAGAIN: the backing is asynchronous, or this is under way. `pagesDone`
   * pages were written; the others are where they were
   */
  writeback(options: WritebackOptions | string): WritebackReport {
    return writeback(this.#state, writebackOf(options, this.#state.kernel));
  }

  /**
   * As `writeback`, for any backing. Pages that are accessed meanwhile stay in memory. Where `writeback` goes on whatever fails,
   * as the kernel does, this ends after `maxFailures` failures in a row.
   * @param options which pages, a `signal` that ends the call, and `maxFailures`; or the attribute's text
   * @throws ZramError as `writeback`; ECANCELED: the signal was aborted. The write under way is then not waited for: its page
   * stays in memory, and its slot is nobody's until the backing has answered. EINVAL: the device was reset or destroyed, when the
   * write under way is over
   */
  async writebackAsync(options: WritebackAsyncOptions | string): Promise<WritebackReport> {
    return writebackAsync(this.#state, writebackOf(options, this.#state.kernel));
  }

  // ── snapshots ──────────────────────────────────────────────────────────────────────────────────────────────────

  /**
   * A read-only copy of what the device holds now: 8 bytes a page, no data. One call, 0.05 to 0.2 s a million pages, as is its end.
   * @throws ZramError ENOMEM
   */
  snapshot(): ZramSnapshot {
    const pages = fork(this[DISK](), false);
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
    return this.#cloneOf(this[DISK]());
  }

  #cloneOf(from: Disk): Zram {
    const pages = fork(from, this.#state.tracksTime);
    return this.#own(pages, (onEnd) => {
      const made = new Zram(this.#host, undefined, onEnd);
      made.#state.copy(this.#state, pages);
      made.#held = this.#held; // its own snapshots hold it, too
      made.#start();
      return made;
    });
  }

  /** Ties a fork to what it lives in: host and pool. */
  #own<T extends { destroy(): void }>(pages: Disk, make: (onEnd: () => void) => T): T {
    const { shared } = pages.pool;
    try {
      const child: T = this.#host.adopt((onEnd) =>
        make(() => {
          onEnd();
          if (shared) ZsPool.detach(shared, child);
          this.#held?.release();
        }),
      );
      this.#held?.hold();
      if (shared) ZsPool.attach(shared, this.#core, child);
      return child;
    } catch (error) {
      pages.end();
      throw error;
    }
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
    const { devices } = await loadIntoOwn(source, options, LOAD_ONE, 'Zram.load');
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
    return loadIntoOwn(source, options, LOAD_ALL, 'Zram.loadAll');
  }

  /** @internal The host that it lives in, for tests. */
  static hostOf(zram: Zram): Host {
    return zram.#host;
  }

  /** @internal A device on a host that ends with it and others: `held`; or on one that stays: undefined. */
  static make(host: Host, options: ZramOptions, held: Host | undefined): Zram {
    const made = host.adopt(
      (onEnd) =>
        new Zram(host, options, () => {
          onEnd();
          held?.release();
        }),
    );
    made.#held = held?.hold();
    return made;
  }

  /** @internal For loading: the device gets a disk, on a pool that others are on where there is one. */
  static initLoaded(zram: Zram, disksize: number, pool: PoolLease | undefined): void {
    zram.#state.init(disksize, pool);
    zram.#start();
  }

  // ── life ───────────────────────────────────────────────────────────────────────────────────────────────────────

  /**
   * Uninitialised again: everything is freed, all counters are zero, all settings are the defaults. Snapshots stay. One call: up to
   * 0.1 s a million pages.
   */
  reset(): void {
    this.#state.checkAlive();
    this.#writer = undefined;
    endAll(
      () => this.#state.end(),
      () => this.#state.setDefaults(),
    );
  }

  /** Frees everything. Calling it again does nothing. One call: up to 0.1 s a million pages. */
  destroy(): void {
    if (this.#state.destroyed) return;
    this.#writer = undefined;
    this.#state.destroyed = true;
    const { sharedPool } = this.#state;
    endAll(
      () => this.#state.end(),
      () => this.#state.closeBacking(),
      () => sharedPool && ZsPool.detach(sharedPool, this),
      () => this.#onEnd(),
    );
  }

  /** The same as `destroy()`, for `using`. */
  [Symbol.dispose](): void {
    this.destroy();
  }

  // ── statistics ─────────────────────────────────────────────────────────────────────────────────────────────────

  /** The counters of memory, as a frozen copy; all zero while there is no disksize, but for `memLimit`. */
  get mmStat(): MmStat {
    this.#state.checkAlive();
    return mmStat(this.#state);
  }

  /** The counters of I/O, as a frozen copy. */
  get ioStat(): IoStat {
    this.#state.checkAlive();
    return ioStat(this.#state);
  }

  /** The counters of the backing device, as a frozen copy. */
  get bdStat(): BdStat {
    this.#state.checkAlive();
    return bdStat(this.#state);
  }

  /** What the kernel's debug_stat has, as a frozen copy. */
  get debugStat(): DebugStat {
    this.#state.checkAlive();
    return Object.freeze({ version: 1, missFree: 0 });
  }

  /**
   * The states of many pages at once, for pictures: two words a page in `out`. The first has 0 for a page that holds nothing,
   * else bit 0 same-filled, 2 huge, 3 an object in memory, 4 written back, 5 idle, 6 incompressible, 8 merged, bits 9 to 12 the
   * codec, and the object's bytes from bit 13; the second is what `objectOf` tells, or 0. One call: 0.1 s a million pages.
   * @param out room for two words a page; it is returned
   */
  pageStates(index: number, count: number, out?: Uint32Array): Uint32Array {
    const disk = this[DISK]();
    checkInteger(count, 'count', 0, disk.pages);
    disk.checkIndex(index, count);
    if (out !== undefined && !(isWords(out) && lengthOf(out) >= 2 * count)) {
      throw new ZramError('EINVAL', `out must be a Uint32Array of ${2 * count} words or more.`);
    }
    return disk.states(index, count, out ?? allocateWords(2 * count));
  }

  /** @internal */
  override [DISK](): Disk {
    return this.#writer?.disk ?? this.#state.readyDisk();
  }

  /** @internal */
  override [SECONDARIES](): readonly number[] {
    return this.#state.secondaryCodecs();
  }

  /** @internal */
  override [PARTS](): ReadableParts {
    const freeze = (): Frozen => {
      const snapshot = this.snapshot();
      return { pages: snapshot[DISK](), destroy: () => snapshot.destroy() };
    };
    return { isSnapshot: false, state: this.#state, freeze };
  }

  #writing(): PageWriter {
    if (this.#writer) return this.#writer;
    this.#state.readyDisk();
    throw new ZramError('EINVAL', 'the device is not initialised.');
  }
}

// ── loading ──────────────────────────────────────────────────────────────────────────────────────────────────────

/** What a file of `Zram.saveAll` had. */
export interface LoadedFile {
  /** Devices and snapshots by their names, in their order. */
  readonly devices: ReadonlyMap<string, Zram | ZramSnapshot>;
  /** The comment it was saved with. */
  readonly comment: string | undefined;
}

const MAKER: DeviceMaker<Zram, ZramSnapshot> = {
  make: (host, options, held) => Zram.make(host, options, held),
  init: (zram, disksize, pool) => Zram.initLoaded(zram, disksize, pool),
  stateOf: (zram) => zram[PARTS]().state,
};

/** @internal Into a host that there is. */
export function loadInto(
  host: Host,
  source: LoadSource,
  options: LoadOptions | undefined,
  mode: LoadMode,
  call: string,
): Promise<LoadedFile> {
  return loadFile(MAKER, host, source, options, mode, call);
}

/** Into a host of its own, which ends with the last of what is loaded. */
function loadIntoOwn(
  source: LoadSource,
  options: (LoadOptions & EngineOptions) | undefined,
  mode: LoadMode,
  call: string,
): Promise<LoadedFile> {
  return loadFileIntoOwn(MAKER, source, options, mode, call);
}
