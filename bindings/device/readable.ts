/** What devices and snapshots have in common: their pages can be read, looked at, and compared. */
import { readOptions } from '../base/arguments.js';
import { ASYNC_OPTIONS, AsyncCall, type AsyncOptions } from '../base/async-call.js';
import { notOurs } from '../base/foreign.js';
import type { BlockState } from './block-state.js';
import type { Device } from './device.js';
import { diffPages, diffPagesAsync, type PageRange } from './diff.js';
import type { Disk } from './disk.js';

/** Pages that stay as they are until `destroy`. */
export interface Frozen {
  readonly pages: Disk;
  destroy(): void;
}

/** What saving needs of a device or snapshot. */
export interface ReadableParts {
  readonly isSnapshot: boolean;
  /** Settings: its own, or those that its origin has now. */
  readonly state: Device;
  freeze(): Frozen;
}

/** Names of what the classes below have for each other, and nobody else. */
export const DISK = Symbol('disk');
export const SECONDARIES = Symbol('secondaries');
export const PARTS = Symbol('parts');

/**
 * A disk of 4096-byte pages that can be read: a device, or a snapshot of one.
 *
 * What returns no promise holds the event loop until it is done: 0.6 µs for each page that is read from a batch, 0.1 µs in `diff` where
 * it compares objects. The asynchronous calls let timers and I/O run every 8 ms.
 */
export abstract class ReadableDevice {
  readonly #isOurs = true;

  /** @internal @throws ZramError EINVAL: destroyed, or without a disksize */
  abstract [DISK](): Disk;
  /** @internal Codecs of the secondary compressors. */
  abstract [SECONDARIES](): readonly number[];
  /** @internal */
  abstract [PARTS](): ReadableParts;

  /** @internal @throws ZramError EINVAL: it is something else */
  static check(value: unknown): asserts value is ReadableDevice {
    if (typeof value === 'object' && value !== null && #isOurs in value) return;
    throw notOurs(value, 'a ZramSnapshot or a Zram is needed', ['ZramSnapshot', 'Zram']);
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
   * @throws ZramError EIO: what is stored does not decompress, or the backing failed; EAGAIN: the page is on an asynchronous
   * backing
   */
  readPage(index: number, out?: Uint8Array): Uint8Array {
    return this[DISK]().readPage(index, out);
  }

  /**
   * Reads pages that follow each other: the batched path.
   * @param index the first page's number
   * @param count number of pages
   * @param out array to fill, `count` times 4096 bytes or longer; it is returned
   * @throws ZramError as `readPage`; `pagesDone` pages before it are in `out`
   */
  readPages(index: number, count: number, out?: Uint8Array): Uint8Array {
    return this[DISK]().readPages(index, count, out);
  }

  /**
   * Reads any byte range inside the disk.
   * @param offset the first byte's place on the disk
   * @param length number of bytes
   * @param out array to fill, `length` bytes or longer; it is returned
   * @throws ZramError as `readPage`
   */
  read(offset: number, length: number, out?: Uint8Array): Uint8Array {
    return this[DISK]().read(offset, length, out);
  }

  /**
   * As `readPages`, also for pages on an asynchronous backing. Each page is as it was at a moment while the call was under way.
   * @param out is filled page by page; it may not be transferred or made shorter before the promise is settled
   * @param options a `signal` that ends the call
   * @throws ZramError as `readPages`; EINVAL: the device was reset or destroyed meanwhile, or `out` cannot be filled any more;
   * ECANCELED: the signal was aborted
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

  /** What is stored at a page; undefined when nothing is. */
  blockState(index: number): BlockState | undefined {
    return this[DISK]().blockState(index, this[SECONDARIES]());
  }

  /**
   * Which object holds a page: a number that is equal for two pages exactly when they share one object, also on
   * different devices of one pool. After a merge all pages share that were compressed to the same bytes.
   * It serves to be compared only, and only until something is next written, discarded or merged.
   * @returns undefined for a page without an object: nothing is stored, or it is same-filled or written back
   */
  objectOf(index: number): number | undefined {
    return this[DISK]().objectOf(index);
  }

  /**
   * The pages that read differently, as ranges in ascending order. Of two that live in one engine only those pages are
   * decompressed that different compressors made; equal pages that LZ4 made at different levels may be listed. One call, 0.1 s a
   * million pages and what reading takes; `diffAsync` does the same without holding the event loop.
   * @param other a snapshot or a device, of any engine; behind its disk's end it reads as zeros
   * @throws ZramError EIO: a page cannot be read; EAGAIN: it is on an asynchronous backing, which `diffAsync` serves
   */
  diff(other: ReadableDevice): PageRange[] {
    const [a, b] = [this[DISK](), ReadableDevice.diskOf(other)];
    return diffPages(a, b);
  }

  /**
   * As `diff`, also for pages on an asynchronous backing. Pages that change meanwhile are compared as both sides held them at one
   * moment of the call.
   * @param options a `signal` that ends the call
   * @throws ZramError EIO: a page cannot be read; EINVAL: either was reset or destroyed meanwhile; ECANCELED: the signal was
   * aborted
   */
  async diffAsync(other: ReadableDevice, options?: AsyncOptions): Promise<PageRange[]> {
    const { signal } = readOptions(options, ASYNC_OPTIONS, 'diffAsync');
    return AsyncCall.run(signal, (call) => diffPagesAsync(this[DISK](), ReadableDevice.diskOf(other), call));
  }
}
