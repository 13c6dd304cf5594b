/// <reference lib="esnext.disposable" preserve="true" />
/** Zram: the compressed block device. */
import { readBacking, type AsyncBacking, type Backing } from './backing/backing.js';
import { checkBytes, checkInteger, checkOut, checkPages, PAGE_SIZE, readOptions } from './base/arguments.js';
import { ASYNC_OPTIONS, AsyncCall, type AsyncOptions } from './base/async-call.js';
import { allocateWords, copyOf, isWords, lengthOf } from './base/bytes.js';
import { endAll } from './base/end-all.js';
import { ZramError } from './base/errors.js';
import { notOurs } from './base/foreign.js';
import type { KernelVersion } from './base/kernel.js';
import { notWithNew } from './base/messages.js';
import type { Size } from './base/size.js';
import type { Core } from './core/core.js';
import { Host } from './core/host.js';
import { ENGINE_OPTIONS, type EngineOptions } from './core/options.js';
import { Device } from './device/device.js';
import { discardPages } from './device/discard.js';
import type { Disk } from './device/disk.js';
import { fork, restore } from './device/fork.js';
import { DEVICE_OPTIONS, readDeviceOptions, type ZramOptions } from './device/options.js';
import type { PoolLease } from './device/pool-lease.js';
import { markIdle } from './device/post-process/idle.js';
import { compactDevice } from './device/post-process/page-order.js';
import { recompress, type RecompressOptions, type RecompressReport } from './device/post-process/recompress.js';
import {
  writeback,
  writebackAsync,
  type WritebackAsyncOptions,
  type WritebackOptions,
  type WritebackReport,
} from './device/post-process/writeback.js';
import { readPages, spansOf, type PageList } from './device/post-process/spans.js';
import { prefetch, type PrefetchReport } from './device/prefetch.js';
import { DISK, PARTS, ReadableDevice, SECONDARIES, type Frozen, type ReadableParts } from './device/readable.js';
import { bdStat, ioStat, mmStat, type BdStat, type DebugStat, type IoStat, type MmStat } from './device/stats.js';
import { RangeWriter } from './device/range-writer.js';
import { createSysfs, type Sysfs } from './device/sysfs/sysfs.js';
import { idleOf, recompressOf, writebackOf } from './device/sysfs/text.js';
import { PageWriter } from './device/writer.js';
import {
  mergePool,
  type CompactOptions,
  type CompactReport,
  type MergeOptions,
  type MergeReport,
} from './pool/operations.js';
import { loadFile, loadFileIntoOwn, type DeviceMaker, type LoadMode, type LoadOptions } from './save/load.js';
import { saveAll, type Saved, type SaveOptions, type SaveReport } from './save/save.js';
import type { SaveSink } from './save/sink-target.js';
import type { LoadSource } from './save/source.js';
import { ZsPool } from './zs-pool.js';

/**
 * Key of `Zram.saveAll` on devices and snapshots, for entries that stand on the library: they are given devices, and do not
 * know of which copy of it these are.
 */
const SAVE_ALL: unique symbol = Symbol.for('zram-wasm.saveAll');

/** A snapshot's access to its origin. */
interface SnapshotOrigin {
  /** Settings, for clones and saved files of the snapshot. */
  readonly state: Device;
  readonly secondaries: readonly number[];
  clone(pages: Disk): Zram;
  onEnd(): void;
}

/**
 * A read-only copy of a device. It costs 12 KiB for a disk of up to 2 GiB, and no data: device and snapshot share
 * objects until the device's page is written, and the table's slots, 8 bytes a page, until one of 512 pages is changed. It
 * outlives the device's `reset` and `destroy`.
 *
 * Every call throws `EINVAL` after `destroy()`.
 */
export class ZramSnapshot extends ReadableDevice {
  /** @internal Fixed, since a bundler may rename the class. */
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
   * Makes a writable device with these pages on the same pool, with the current settings of the snapshot's origin.
   * @throws ZramError ENOMEM
   */
  clone(): Zram {
    return this.#origin.clone(this[DISK]());
  }

  /** As `Zram.save`, with the current settings of the snapshot's origin. */
  async save(sink: SaveSink): Promise<SaveReport> {
    return saveAll(sink, [this], undefined);
  }

  /**
   * Frees what only this snapshot holds. Calling it again does nothing. Synchronous: up to 0.2 s for a million pages
   * that it does not share.
   */
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
    return { isSnapshot: true, state: this.#origin.state, freeze: () => this.#freeze() };
  }

  /** A copy, since the snapshot may be destroyed; without memory for one, the snapshot itself, which then must not be. */
  #freeze(): Frozen {
    const pages = this[DISK]();
    try {
      return frozen(this.clone());
    } catch (error) {
      if (error instanceof ZramError && error.code === 'ENOMEM') return { pages, destroy: () => undefined };
      throw error;
    }
  }

  /** @internal */
  get [SAVE_ALL](): typeof Zram.saveAll {
    return saveAll;
  }
}

/**
 * A block device of 4096-byte pages that are stored compressed in memory, with the rules and counters of Linux's zram.
 *
 * Every call throws `EINVAL` after `destroy()`, and I/O also before the disksize is set.
 *
 * Synchronous calls block the event loop. The cost of a page is about 4 µs to write, 0.6 µs to read with `readPages`,
 * 0.5 µs in `merge`, 0.4 µs in the list of a `writeback` plus the backing's time, 0.3 µs in `recompress` plus the
 * compressors' time, 0.1 µs in `discard`, `reset`, `destroy`, `pageStates`, `memoryUse` and `diff` (when it compares by
 * object), 0.05 µs in `idle`, and 3 µs in the attribute `block_state`; pages that hold nothing cost nothing. `snapshot`,
 * `clone` and `restore` take some microseconds for each GiB, and the first write to 512 pages after one some more.
 * Asynchronous calls let timers and I/O run every 8 ms, except for synchronous parts at the same costs: the list of
 * pages of `writebackAsync`, and the copy of `writeAsync`.
 */
export class Zram extends ReadableDevice {
  /** @internal Fixed, since a bundler may rename the class. */
  static override readonly name = 'Zram';
  /** The kernel's attributes, in its own text format. */
  readonly sysfs: Sysfs;
  readonly #host: Host;
  readonly #core: Core;
  readonly #onEnd: () => void;
  readonly #state: Device;
  /** The host that was made for this device, its snapshots and its clones, if any. */
  #held: Host | undefined;
  /** Set while there is a disk. */
  #writer: RangeWriter | undefined;

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
   * Makes an engine with one device; the engine is destroyed with the last of the device, its snapshots and its clones.
   * Loads compressors that need loading.
   * @throws ZramError EINVAL: a wrong option; ENOMEM: `maxMemory` is too small for a device; EOPNOTSUPP: a compressor
   * that is not installed
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
   * Sets the disk's size, which makes the device usable (as writing `disksize`).
   * @throws ZramError EBUSY: the size is set already, or the backing is in use; EINVAL: 0 or too large; ENOMEM
   */
  init(disksize: Size): void {
    this.#state.checkAlive();
    this.#state.checkLevels();
    this.#state.init(disksize);
    this.#start();
  }

  #start(): void {
    this.#writer = new RangeWriter(new PageWriter(this.#state.readyDisk(), this.#state));
  }

  /**
   * Sets where pages are written back to, as the option `backing`.
   * @throws ZramError EBUSY: the device has a disksize; EINVAL: not a backing, or one without slots
   */
  setBacking(backing: Backing | AsyncBacking): void {
    const read = readBacking(backing);
    this.#state.checkAlive();
    this.#state.setBacking(read);
  }

  /** Bytes of the disk; 0 before the disksize is set. */
  get disksize(): number {
    this.#state.checkAlive();
    return (this.#state.disk?.pages ?? 0) * PAGE_SIZE;
  }

  /** The version of Linux whose rules the device has: the option `kernel`. */
  get kernel(): KernelVersion {
    this.#state.checkAlive();
    return this.#state.kernel.version;
  }

  // ── writing ───────────────────────────────────────────────────────────────────────────────────────────────────────

  /**
   * Stores one page.
   * @param index the page's number, from 0
   * @param bytes 4096 bytes
   * @throws ZramError ENOMEM: mem_limit or maxMemory is reached; EIO: the compressor failed; the old content is kept
   */
  writePage(index: number, bytes: Uint8Array): void {
    const writer = this.#writing();
    writer.disk.checkIndex(index, 1);
    checkPages(bytes, 1);
    writer.pages.writePage(index, bytes);
  }

  /**
   * Stores consecutive pages, in order: the batched, fast path.
   * @param index the first page's number
   * @param bytes a multiple of 4096 bytes
   * @throws ZramError ENOMEM: `pagesDone` pages are stored, the others keep their old content; EIO: the compressor
   * failed
   */
  writePages(index: number, bytes: Uint8Array): void {
    const writer = this.#writing();
    checkPages(bytes);
    writer.disk.checkIndex(index, lengthOf(bytes) / PAGE_SIZE);
    writer.pages.writePages(index, bytes);
  }

  /**
   * Compresses a page as this device would, and stores nothing: for `writeCompressed` of a device with the same settings,
   * in another thread or engine, so that several threads compress for one device. Costs what compressing costs; the
   * device may be empty.
   * @param bytes 4096 bytes
   * @param out array to fill, of 4096 bytes or more
   * @returns the block, in a new array or as a view of `out`; or the page itself, 4096 bytes, if it does not compress or
   * is same-filled
   * @throws ZramError EIO: the compressor failed
   */
  compressPage(bytes: Uint8Array, out?: Uint8Array): Uint8Array {
    const writer = this.#writing();
    checkPages(bytes, 1);
    checkOut(out, PAGE_SIZE);
    return writer.pages.compressPage(bytes, out);
  }

  /**
   * Stores one page that is compressed already: what `compressPage` returned, or a block by any compressor of the format.
   * The block is decompressed first, which is part of its cost: it is refused unless it holds a page. Then it is stored
   * as that page would be by `writePage`, the block as it is: a page that is same-filled, too long for a size class or,
   * with deduplication, stored already takes what it would take there.
   * @param index the page's number, from 0
   * @param block 1 to 4095 bytes in the format of the device's primary compressor, or a page of 4096 bytes
   * @throws ZramError EINVAL: it is not a block of a page; ENOMEM, EIO: as `writePage`; the old content is kept
   */
  writeCompressed(index: number, block: Uint8Array): void {
    const writer = this.#writing();
    writer.disk.checkIndex(index, 1);
    checkBytes(block, 'block');
    if (lengthOf(block) < 1 || lengthOf(block) > PAGE_SIZE)
      throw new ZramError('EINVAL', `block must have 1 to ${PAGE_SIZE} bytes, not ${lengthOf(block)}.`);
    writer.pages.writeCompressed(index, block);
  }

  /**
   * Stores any byte range inside the disk; partly covered pages are read, changed and written.
   * @param offset of the first byte on the disk
   * @param bytes any number of bytes
   * @throws ZramError ENOMEM: `pagesDone` pages of the range are stored; EIO: a page cannot be read, or the compressor
   * failed; EAGAIN: a page is on an asynchronous backing, which `writeAsync` serves
   */
  write(offset: number, bytes: Uint8Array): void {
    const writer = this.#writing();
    checkBytes(bytes, 'bytes');
    writer.disk.checkRange(offset, lengthOf(bytes));
    writer.write(offset, bytes, false);
  }

  /**
   * As `write`, also for parts of pages on an asynchronous backing. The bytes are copied when it is called: the array
   * may be reused at once.
   *
   * Pages are written one after the other, each atomically: writes of other calls to a page are not lost, and if
   * several calls write parts of one page, all take effect in the order of the calls. When a call fails, `pagesDone`
   * pages are written.
   * @param offset of the first byte on the disk
   * @param bytes any number of bytes
   * @param options a `signal` that ends the call
   * @throws ZramError as `write`; EINVAL: the device was reset or destroyed meanwhile; ECANCELED: the signal was
   * aborted
   */
  async writeAsync(offset: number, bytes: Uint8Array, options?: AsyncOptions): Promise<void> {
    const { signal } = readOptions(options, ASYNC_OPTIONS, 'writeAsync');
    return AsyncCall.run(signal, async (call) => {
      const writer = this.#writing();
      checkBytes(bytes, 'bytes');
      writer.disk.checkRange(offset, lengthOf(bytes));
      await writer.writeAsync(offset, copyOf(bytes), false, call);
    });
  }

  /**
   * As `write`, but leaves pages as they are that hold these bytes already: they keep their object, which they may
   * share, and their place on the backing device. To be found equal counts as an access. It costs a read of each page
   * and a comparison, 1 µs, and for those that differ the write, about 4 µs.
   * @param offset of the first byte on the disk
   * @param bytes any number of bytes
   * @returns the number of pages that differed, and were stored
   * @throws ZramError as `write`
   */
  writeChanged(offset: number, bytes: Uint8Array): number {
    const writer = this.#writing();
    checkBytes(bytes, 'bytes');
    writer.disk.checkRange(offset, lengthOf(bytes));
    return writer.write(offset, bytes, true);
  }

  /** As `writeChanged`, also for pages on an asynchronous backing, with the rules and options of `writeAsync`. */
  async writeChangedAsync(offset: number, bytes: Uint8Array, options?: AsyncOptions): Promise<number> {
    const { signal } = readOptions(options, ASYNC_OPTIONS, 'writeChangedAsync');
    return AsyncCall.run(signal, (call) => {
      const writer = this.#writing();
      checkBytes(bytes, 'bytes');
      writer.disk.checkRange(offset, lengthOf(bytes));
      return writer.writeAsync(offset, copyOf(bytes), true, call);
    });
  }

  /**
   * Makes a byte range read as zeros. Whole pages are freed, as the kernel's zram does with REQ_OP_WRITE_ZEROES; the
   * parts of pages at the ends are written with zeros, unless they are zeros already. The cost of `discard`, and up to
   * two pages read and written.
   * @param offset of the first byte on the disk
   * @param length number of bytes
   * @throws ZramError as `write`, for the ends: `pagesDone` pages of the range read as zeros
   */
  writeZeroes(offset: number, length: number): void {
    const writer = this.#writing();
    writer.disk.checkRange(offset, length);
    writer.writeZeroes(offset, length);
  }

  /**
   * As `writeZeroes`, also for parts of pages on an asynchronous backing, with the rules and options of `writeAsync`.
   * Whole pages are freed in one synchronous call.
   */
  async writeZeroesAsync(offset: number, length: number, options?: AsyncOptions): Promise<void> {
    const { signal } = readOptions(options, ASYNC_OPTIONS, 'writeZeroesAsync');
    return AsyncCall.run(signal, async (call) => {
      const writer = this.#writing();
      writer.disk.checkRange(offset, length);
      await writer.writeZeroesAsync(offset, length, call);
    });
  }

  // ── memory ─────────────────────────────────────────────────────────────────────────────────────────────────────

  /**
   * Frees the whole pages inside a byte range, which then read as zeros; partly covered pages are not changed, as in
   * the kernel. Synchronous: 0.05 to 0.2 s for a million stored pages; pages that hold nothing cost nothing.
   * @param offset of the first byte on the disk
   * @param length number of bytes
   * @throws ZramError ENOMEM: snapshots or clones share the table of 512 pages of which only some are discarded, and
   * there is no memory for one of the device's own; nothing has changed
   */
  discard(offset: number, length: number): void {
    const disk = this[DISK]();
    disk.checkRange(offset, length);
    const first = Math.ceil(offset / PAGE_SIZE);
    const end = Math.floor((offset + length) / PAGE_SIZE);
    if (end <= first) return;
    discardPages(disk, first, end - first);
  }

  /**
   * Stores identical pages once (the `merge` knob of the 2022 proposal). On a shared pool it merges the pages of all
   * its users. Without a budget it blocks the event loop for 0.5 to 1.5 s for a million pages.
   */
  merge(options?: MergeOptions): MergeReport {
    return mergePool(this.#core, () => this[DISK]().pool.address, options);
  }

  /**
   * Compacts the pool (zs_compact): moves objects together and frees the zspages that become empty. Synchronous: 0.1 to
   * 0.3 s for a million moved objects; with `inPageOrder` 2 to 3 s.
   * @throws ZramError EINVAL: a wrong option
   */
  compact(options?: CompactOptions): CompactReport {
    return compactDevice(() => this[DISK](), options);
  }

  /**
   * Marks stored pages as idle until they are read or written; same-filled and written-back pages are skipped.
   * Synchronous: 0.05 s for a million pages.
   * @param what `'all'` (default), or an age in seconds: pages that were not accessed for that long; the mark of all
   * others is removed
   * @throws ZramError EINVAL: an age, without the option `trackEntryActime`; ENOMEM: no memory for the table of pages
   * that snapshots or clones share, 8 bytes a page; pages up to some page are marked
   */
  idle(what: 'all' | number | { age?: number | undefined } = 'all'): void {
    markIdle(this.#state, idleOf(what));
  }

  /**
   * Compresses pages again with secondary compressors, and keeps results of a smaller size class; with `favorDecSpeed`
   * also of the same one, from another compressor. A shared object is compressed once for all its sharers. Pages that no
   * compressor makes smaller are marked as incompressible.
   * @param options which pages, and how; or the attribute's text, such as `'type=huge algo=zstd'`
   * @throws ZramError EINVAL: a wrong option, or no secondary compressor; EIO: a compressor failed; ENOMEM; EAGAIN:
   * recompression or writeback is in progress. Pages keep their content
   */
  recompress(options: RecompressOptions | string = {}): RecompressReport {
    return recompress(this.#state, recompressOf(options));
  }

  /**
   * Moves pages to the backing device, from where they are read. Same-filled pages are skipped. Pages that share an
   * object share a block.
   * @param options which pages; or the attribute's text, such as `'idle'` or `'page_index=7'`
   * @throws ZramError EINVAL: a wrong option; ENODEV: no backing; EIO: the backing failed, or writeback_limit is used
   * up; ENOSPC: it is full; ERANGE: a page outside the disk (on kernels 6.1 and 6.12
   * EINVAL), or a range that ends before it begins; EAGAIN: the backing is asynchronous, or recompression or
   * writeback is in progress. `pagesDone` pages were written; the others have not moved
   */
  writeback(options: WritebackOptions | string): WritebackReport {
    return writeback(this.#state, writebackOf(options, this.#state.kernel));
  }

  /**
   * As `writeback`, for any backing. Pages that are accessed meanwhile stay in memory. `writeback` continues after
   * failures, as the kernel does; this call ends after `maxFailures` failures in a row.
   * @param options which pages, a `signal` that ends the call, and `maxFailures`; or the attribute's text
   * @throws ZramError as `writeback`; ECANCELED: the signal was aborted. The call then does not wait for the write in
   * progress: its page stays in memory, and its slot is reserved until the write has settled. EINVAL: the device was
   * reset or destroyed; thrown when the write in progress has settled
   */
  async writebackAsync(options: WritebackAsyncOptions | string): Promise<WritebackReport> {
    return writebackAsync(this.#state, writebackOf(options, this.#state.kernel));
  }

  /**
   * Brings pages back from the backing device to memory before they are needed, compressed by the primary compressor, and
   * frees their blocks. Pages in memory stay there: it counts as an access, so that a writeback in progress leaves them out.
   * Reads of an asynchronous backing are begun before their pages' turn, in batches; `readPagesAsync` does that as well,
   * and leaves the pages where they are.
   * @param pages pages, and ranges given by their first and last page
   * @param options a `signal` that ends the call
   * @throws ZramError EINVAL: not such a list; ERANGE: a page outside the disk (on kernels 6.1 and 6.12 EINVAL), or a range
   * that ends before it begins; EIO: a page cannot be read, the others were tried, unless 16 failed in a row; ENOMEM;
   * ECANCELED. `pagesDone` pages were brought back; the others are where they were
   */
  async prefetch(pages: PageList, options?: AsyncOptions): Promise<PrefetchReport> {
    const { signal } = readOptions(options, ASYNC_OPTIONS, 'prefetch');
    const { pages: writer } = this.#writing();
    const spans = spansOf(writer.disk, readPages(pages, 'pages'), 'pages', this.#state.kernel);
    return AsyncCall.run(signal, (call) => prefetch(writer, spans, call));
  }

  // ── snapshots ──────────────────────────────────────────────────────────────────────────────────────────────────

  /**
   * Makes a read-only copy of the device's current pages: 12 KiB, with 4 KiB more for each 2 GiB beyond the first in
   * which pages are stored, and no data. Afterwards 4 KiB for the first page that is changed among 512. Synchronous:
   * some microseconds for each GiB; where pages are marked, by `idle`, as long as `idle`, and 8 bytes for each page
   * near them.
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
   * Gives the device the pages of a snapshot again, which stays as it is: one of this device or of another on the same
   * pool, with the same size and backing. Pages on the backing device are restored as well. Idle marks go, and all pages
   * count as accessed. Settings and other counters stay. Synchronous: it takes the time of `snapshot`, and of
   * `discard` for pages that were written since.
   * @throws ZramError EINVAL: not a snapshot, or one of another pool, size or backing; ENOMEM: nothing has changed
   */
  restore(snapshot: ZramSnapshot): void {
    const disk = this[DISK]();
    if (!(snapshot instanceof ZramSnapshot))
      throw notOurs(snapshot, 'snapshot must be a ZramSnapshot', ['ZramSnapshot']);
    restore(disk, snapshot[DISK]());
  }

  /**
   * Makes a writable copy on the same pool with the same settings, at the cost of `snapshot`. If access times are
   * tracked, its pages count as accessed now, and 4 KiB are taken when the first of 1024 pages is accessed.
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
      made.#held = this.#held; // its own snapshots hold it as well
      made.#start();
      return made;
    });
  }

  /** Ties a fork to its host and pool. */
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
   * Writes the device's current pages and settings to a file or stream: objects as they are stored, shared objects
   * once. Pages on the backing device are read and saved as well. Idle marks, counters and times are not saved.
   *
   * The call takes a snapshot first: writes to the device meanwhile are not in the file.
   * @param sink the destination; streams are closed at the end, and aborted after a failure
   * @throws ZramError EINVAL: not a sink; ENOMEM: no memory for the snapshot; EIO: the sink or the backing failed
   */
  async save(sink: SaveSink): Promise<SaveReport> {
    return saveAll(sink, [this], undefined);
  }

  /**
   * Writes devices and snapshots of one pool to one file, in which they share objects as in memory.
   * @param sink as for `save`
   * @param saved devices and snapshots, by name or as a list
   * @throws ZramError as `save`; EINVAL: they are on different pools
   */
  static async saveAll(sink: SaveSink, saved: Saved, options?: SaveOptions): Promise<SaveReport> {
    return saveAll(sink, saved, options);
  }

  /**
   * Makes an engine with the device in a file of `save`; destroying the device destroys the engine. Every page has its
   * old content, and pages that shared an object share one again. Each object is checked to decode to a page.
   * @param source the file; it is read to its end
   * @throws ZramError EINVAL: the file is truncated, damaged, of another version or not a save file, with the offset in
   * the message, or it has several devices; EOPNOTSUPP: a compressor that is not available; ENOMEM: `memLimit` or
   * `maxMemory` is reached; EIO: the source failed. After a failure nothing remains
   */
  static async load(source: LoadSource, options?: Omit<LoadOptions, 'pool'> & EngineOptions): Promise<Zram> {
    const { devices } = await loadIntoOwn(source, options, 'one', 'Zram.load');
    return devices.values().next().value as Zram;
  }

  /**
   * As `load`, for files with any number of devices and snapshots, which are loaded to one pool. The engine is
   * destroyed with the last of them.
   */
  static async loadAll(
    source: LoadSource,
    options?: Omit<LoadOptions, 'pool' | 'backing'> & EngineOptions,
  ): Promise<LoadedFile> {
    return loadIntoOwn(source, options, 'all', 'Zram.loadAll');
  }

  /** @internal As `Disk.readListed`, for threads that read for another. */
  static readListed(
    zram: Zram,
    indexes: ArrayLike<number>,
    count: number,
    take: (n: number, page: Uint8Array) => void,
  ): void {
    zram[DISK]().readListed(indexes, count, take);
  }

  /** @internal The host of a device, for tests. */
  static hostOf(zram: Zram): Host {
    return zram.#host;
  }

  /**
   * @internal As `writeCompressed`, of a page that the block is known to hold: nothing is decompressed to look. For the workers
   * of ParallelZram, and the command line's threads, which compare everything with checksums afterwards.
   */
  static writeBlockOf(zram: Zram, index: number, page: Uint8Array, block: Uint8Array): void {
    zram.#writing().pages.writeBlockOf(index, page, block);
  }

  /** @internal Makes a device. @param held the host, if it ends with this device, its snapshots and its clones */
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

  /** @internal For loading: gives the device its disk, on the shared pool if there is one. */
  static initLoaded(zram: Zram, disksize: number, pool: PoolLease | undefined): void {
    zram.#state.init(disksize, pool);
    zram.#start();
  }

  // ── life ───────────────────────────────────────────────────────────────────────────────────────────────────────

  /**
   * Makes the device uninitialised: frees everything, zeroes all counters, and restores all settings to the defaults.
   * Snapshots are kept. Synchronous: up to 0.1 s for a million pages.
   */
  reset(): void {
    this.#state.checkAlive();
    this.#writer = undefined;
    endAll(
      () => this.#state.end(),
      () => this.#state.setDefaults(),
    );
  }

  /** Frees everything. Calling it again does nothing. Synchronous: up to 0.1 s for a million pages. */
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

  /** The counters of memory, as a frozen copy; all but `memLimit` are zero before the disksize is set. */
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

  /** The kernel's debug_stat, as a frozen copy. */
  get debugStat(): DebugStat {
    this.#state.checkAlive();
    return Object.freeze({ version: 1, missFree: 0 });
  }

  /**
   * The states of many pages at once, for example to draw them: two words for each page in `out`. The first is 0 for a
   * page that holds nothing, else bit 0 same-filled, 2 huge, 3 an object in memory, 4 written back, 5 idle, 6
   * incompressible, 8 merged, bits 9 to 12 the codec, and the object's size in bytes from bit 13; the second is the
   * number that `objectOf` returns, or 0. Synchronous: 0.1 s for a million pages.
   * @param out array to fill, two words for each page or longer; it is returned
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
    return { isSnapshot: false, state: this.#state, freeze: () => frozen(this.snapshot()) };
  }

  /** @internal */
  get [SAVE_ALL](): typeof Zram.saveAll {
    return saveAll;
  }

  #writing(): RangeWriter {
    if (this.#writer) return this.#writer;
    this.#state.readyDisk();
    throw new ZramError('EINVAL', 'the device is not initialised: set a disksize first.');
  }
}

// ── loading ──────────────────────────────────────────────────────────────────────────────────────────────────────

/** The content of a file of `Zram.saveAll`. */
export interface LoadedFile {
  /** Devices and snapshots by name, in the order of the file. */
  readonly devices: ReadonlyMap<string, Zram | ZramSnapshot>;
  /** The comment with which it was saved. */
  readonly comment: string | undefined;
  /** The attachment with which it was saved, in one array. */
  readonly attachment: Uint8Array | undefined;
}

const MAKER: DeviceMaker<Zram, ZramSnapshot> = {
  make: (host, options, held) => Zram.make(host, options, held),
  init: (zram, disksize, pool) => Zram.initLoaded(zram, disksize, pool),
  stateOf: (zram) => zram[PARTS]().state,
};

/** @internal Loads into an existing host. */
export function loadInto(
  host: Host,
  source: LoadSource,
  options: LoadOptions | undefined,
  mode: LoadMode,
  call: string,
): Promise<LoadedFile> {
  return loadFile(MAKER, host, source, options, mode, call);
}

/** Loads into a new host, which ends with the last of the loaded devices. */
function loadIntoOwn(
  source: LoadSource,
  options: (LoadOptions & EngineOptions) | undefined,
  mode: LoadMode,
  call: string,
): Promise<LoadedFile> {
  return loadFileIntoOwn(MAKER, source, options, mode, call);
}

/** A copy that nobody else has. */
function frozen(copy: Zram | ZramSnapshot): Frozen {
  return { pages: copy[DISK](), destroy: () => copy.destroy() };
}
