/** The base class of devices and snapshots: their pages can be read, inspected and compared. */
import { checkOut, PAGE_SIZE, readOptions } from '../base/arguments.js';
import { ASYNC_OPTIONS, AsyncCall, type AsyncOptions } from '../base/async-call.js';
import { copyOf, setBytes, viewOf } from '../base/bytes.js';
import { notOurs } from '../base/foreign.js';
import { CODEC_PAGE } from '../core/layout.js';
import type { BlockState } from './block-state.js';
import type { Device } from './device.js';
import { diffPages, diffPagesAsync, type PageRange } from './diff.js';
import type { Disk } from './disk.js';
import { extentsOf, type Extent } from './extents.js';
import { memoryUse, type MemoryUse } from './memory-use.js';

/** Pages that stay as they are until `destroy`. */
export interface Frozen {
  readonly pages: Disk;
  destroy(): void;
}

/** What saving needs from a device or snapshot. */
export interface ReadableParts {
  readonly isSnapshot: boolean;
  /** Its own settings, or for a snapshot the current ones of its origin. */
  readonly state: Device;
  freeze(): Frozen;
}

/** Keys of members that only classes of this package use. */
export const DISK = Symbol('disk');
export const SECONDARIES = Symbol('secondaries');
export const PARTS = Symbol('parts');

/**
 * A disk of 4096-byte pages that can be read: a device, or a snapshot of one.
 *
 * Synchronous calls block the event loop: 0.6 µs for each page that `readPages` reads, 0.1 µs for each that `diff`
 * compares by object. Asynchronous calls let timers and I/O run every 8 ms.
 */
export abstract class ReadableDevice {
  readonly #isOurs = true;

  /** @internal @throws ZramError EINVAL: destroyed, or without a disksize */
  abstract [DISK](): Disk;
  /** @internal Codecs of the secondary compressors. */
  abstract [SECONDARIES](): readonly number[];
  /** @internal */
  abstract [PARTS](): ReadableParts;

  /** @internal @throws ZramError EINVAL: neither a device nor a snapshot */
  static check(value: unknown): asserts value is ReadableDevice {
    if (typeof value === 'object' && value !== null && #isOurs in value) return;
    throw notOurs(value, 'the device must be a ZramSnapshot or a Zram', ['ZramSnapshot', 'Zram']);
  }

  /** @internal The pages of a device or snapshot. @throws ZramError EINVAL */
  static diskOf(value: unknown): Disk {
    ReadableDevice.check(value);
    return value[DISK]();
  }

  /**
   * Reads one page; a page that was never written reads as zeros.
   * @param index the page's number, from 0
   * @param out array to fill, 4096 bytes or longer; it is returned
   * @throws ZramError EIO: the stored data does not decompress, or the backing failed; EAGAIN: the page is on an
   * asynchronous backing
   */
  readPage(index: number, out?: Uint8Array): Uint8Array {
    return this[DISK]().readPage(index, out);
  }

  /**
   * Reads consecutive pages: the batched, fast path.
   * @param index the first page's number
   * @param count number of pages
   * @param out array to fill, `count` times 4096 bytes or longer; it is returned
   * @throws ZramError as `readPage`; the `pagesDone` pages before the failure are in `out`
   */
  readPages(index: number, count: number, out?: Uint8Array): Uint8Array {
    return this[DISK]().readPages(index, count, out);
  }

  /**
   * Reads any byte range inside the disk.
   * @param offset of the first byte on the disk
   * @param length number of bytes
   * @param out array to fill, `length` bytes or longer; it is returned
   * @throws ZramError as `readPage`
   */
  read(offset: number, length: number, out?: Uint8Array): Uint8Array {
    return this[DISK]().read(offset, length, out);
  }

  /**
   * Reads a page as it is stored: what `writeCompressed` of a device with the same compressor takes, so that a page can be
   * moved without being compressed again. Idle marks, access times and counters stay as they are.
   * @param index the page's number, from 0
   * @param out array to fill, of 4096 bytes or more
   * @returns the page's block in the format of the primary compressor, 1 to 4095 bytes; or the page itself, 4096 bytes, if
   * it is stored in another way or not at all. In a new array, or as a view of `out`
   * @throws ZramError EIO: the stored data does not decompress, or the backing failed; EAGAIN: the page is on an
   * asynchronous backing
   */
  readCompressed(index: number, out?: Uint8Array): Uint8Array {
    const disk = this[DISK]();
    disk.checkIndex(index, 1);
    checkOut(out, PAGE_SIZE);
    const object = disk.objectOr(index, this[PARTS]().state.encoders[0]?.codec ?? CODEC_PAGE);
    if (!out) return copyOf(object);
    setBytes(out, object);
    return viewOf(out, 0, object.length);
  }

  /**
   * As `readPages`, also for pages on an asynchronous backing. Each page is read as it was at some moment during the
   * call.
   * @param out is filled page by page; it must not be transferred or shrunk before the promise is settled
   * @param options a `signal` that ends the call
   * @throws ZramError as `readPages`; EINVAL: the device was reset or destroyed meanwhile, or `out` was transferred or
   * shrunk; ECANCELED: the signal was aborted
   */
  async readPagesAsync(index: number, count: number, out?: Uint8Array, options?: AsyncOptions): Promise<Uint8Array> {
    const { signal } = readOptions(options, ASYNC_OPTIONS, 'readPagesAsync');
    return AsyncCall.run(signal, (call) => this[DISK]().readPagesAsync(index, count, out, call));
  }

  /** As `read`, also for pages on an asynchronous backing, with the rules of `readPagesAsync`. */
  async readAsync(offset: number, length: number, out?: Uint8Array, options?: AsyncOptions): Promise<Uint8Array> {
    const { signal } = readOptions(options, ASYNC_OPTIONS, 'readAsync');
    return AsyncCall.run(signal, (call) => this[DISK]().readAsync(offset, length, out, call));
  }

  /**
   * The runs of bytes that hold data, zeros or nothing, for a copy or an export that leaves out what is not there: in
   * ascending order, without gaps, and each of another kind than the one before. Inside the range they begin and end on
   * page boundaries. Synchronous: 5 ns for each stored page, nothing for a hole, and 0.1 µs for each run.
   * @param offset of the first byte on the disk
   * @param length number of bytes
   */
  extents(offset: number, length: number): Extent[] {
    const disk = this[DISK]();
    disk.checkRange(offset, length);
    return extentsOf(disk, offset, length);
  }

  /** The state of a page; undefined when nothing is stored there. */
  blockState(index: number): BlockState | undefined {
    return this[DISK]().blockState(index, this[SECONDARIES]());
  }

  /**
   * The number of the object that holds a page: equal for two pages exactly when they share one object, also on
   * different devices of one pool. After a merge, all pages that compressed to the same bytes share one. Use it only
   * for comparison, and only until the next write, discard or merge.
   * @returns undefined for a page without an object: nothing is stored, or it is same-filled or written back
   */
  objectOf(index: number): number | undefined {
    return this[DISK]().objectOf(index);
  }

  /**
   * What the pages take in memory, and how much of it snapshots, clones and other users of the pool share. Each object
   * counts once. Synchronous: it goes over the stored pages, 0.1 s for a million, and after a merge over the pool's
   * handles.
   */
  memoryUse(): MemoryUse {
    return memoryUse(this[DISK]());
  }

  /**
   * The pages that read differently, as ranges in ascending order. Within one engine, only pages of different
   * compressors are decompressed; equal pages that lz4 or lz4hc compressed at different levels may be listed. One
   * synchronous call: 0.1 s for a million pages, plus reading those that cannot be compared as stored; `diffAsync` does
   * the same without blocking the event loop.
   * @param other a snapshot or a device, of any engine; beyond the end of its disk it reads as zeros
   * @throws ZramError EIO: a page cannot be read; EAGAIN: it is on an asynchronous backing, which `diffAsync` serves
   */
  diff(other: ReadableDevice): PageRange[] {
    const [a, b] = [this[DISK](), ReadableDevice.diskOf(other)];
    return diffPages(a, b);
  }

  /**
   * As `diff`, also for pages on an asynchronous backing. Pages that change meanwhile are compared as both sides were
   * at one moment of the call.
   * @param options a `signal` that ends the call
   * @throws ZramError EIO: a page cannot be read; EINVAL: either was reset or destroyed meanwhile; ECANCELED: the
   * signal was aborted
   */
  async diffAsync(other: ReadableDevice, options?: AsyncOptions): Promise<PageRange[]> {
    const { signal } = readOptions(options, ASYNC_OPTIONS, 'diffAsync');
    return AsyncCall.run(signal, (call) => diffPagesAsync(this[DISK](), ReadableDevice.diskOf(other), call));
  }
}
