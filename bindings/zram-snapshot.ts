/// <reference lib="esnext.disposable" preserve="true" />
/** ZramSnapshot: what a device held at one moment. */
import { PAGE_SIZE, readOptions } from './arguments.js';
import { AsyncCall, type AsyncOptions } from './async-call.js';
import { endAll } from './end-all.js';
import { ZramError } from './errors.js';
import { notOurs } from './foreign.js';
import { diffPages, diffPagesAsync, type PageRange } from './page-diff.js';
import type { BlockState, StoredPages } from './stored-pages.js';
import { saveAll, type SaveReport } from './save/save.js';
import type { SaveSink } from './save/sink.js';
import type { ZramState } from './zram-state.js';
import type { Zram } from './zram.js';

/** @internal How a snapshot is tied to its origin, for zram.ts. */
export interface SnapshotOrigin {
  /** Settings, for what is made of the snapshot. */
  readonly state: ZramState;
  readonly secondaries: readonly number[];
  clone(pages: StoredPages): Zram;
  onEnd(): void;
}

/**
 * A read-only copy of a device that costs a slot of 8 bytes a page and no data: device and snapshot share objects until the
 * device's page is written. It outlives the device's `reset` and `destroy`.
 *
 * Every call throws `EINVAL` after `destroy()`.
 */
export class ZramSnapshot {
  /** @internal Whatever a bundler calls the class. */
  static readonly name = 'ZramSnapshot';
  readonly #origin: SnapshotOrigin;
  #stored: StoredPages | undefined;

  /** @internal Made by `Zram.snapshot`. */
  constructor(stored: StoredPages, origin: SnapshotOrigin) {
    if (typeof origin?.clone !== 'function') {
      throw new ZramError('EINVAL', 'this class is not made with new: call zram.snapshot().');
    }
    this.#stored = stored;
    this.#origin = origin;
  }

  /** @internal The pages of a snapshot; undefined for anything else. */
  static pagesOf(value: unknown): StoredPages | undefined {
    return typeof value === 'object' && value !== null && #stored in value ? value.#live() : undefined;
  }

  /** @internal The settings that its origin has now. */
  static stateOf(snapshot: ZramSnapshot): ZramState {
    return snapshot.#origin.state;
  }

  /** Bytes of the disk. */
  get disksize(): number {
    return this.#live().pages * PAGE_SIZE;
  }

  /** As `Zram.readPage`. */
  readPage(index: number, out?: Uint8Array): Uint8Array {
    return this.#live().readPage(index, out);
  }

  /** As `Zram.readPages`. */
  readPages(index: number, count: number, out?: Uint8Array): Uint8Array {
    return this.#live().readPages(index, count, out);
  }

  /** As `Zram.read`. */
  read(offset: number, length: number, out?: Uint8Array): Uint8Array {
    return this.#live().read(offset, length, out);
  }

  /** As `Zram.readPagesAsync`. */
  async readPagesAsync(index: number, count: number, out?: Uint8Array, options?: AsyncOptions): Promise<Uint8Array> {
    const { signal } = readOptions(options, ['signal'], 'readPagesAsync');
    return AsyncCall.run(signal, (call) => this.#live().readPagesAsync(index, count, out, call));
  }

  /** As `Zram.readAsync`. */
  async readAsync(offset: number, length: number, out?: Uint8Array, options?: AsyncOptions): Promise<Uint8Array> {
    const { signal } = readOptions(options, ['signal'], 'readAsync');
    return AsyncCall.run(signal, (call) => this.#live().readAsync(offset, length, out, call));
  }

  /** What is stored at a page; undefined when nothing is. */
  blockState(index: number): BlockState | undefined {
    return this.#live().blockState(index, this.#origin.secondaries);
  }

  /** As `Zram.objectOf`. */
  objectOf(index: number): number | undefined {
    return this.#live().objectOf(index);
  }

  /**
   * The pages that read differently, as ranges in ascending order. Of two snapshots of one engine only those pages are
   * decompressed that different compressors made; equal pages that LZ4 made at different levels may be listed. One call, 0.1 s a
   * million pages and what reading takes; `diffAsync` does the same without holding the event loop.
   * @param other a snapshot or a device, of any engine; behind its disk's end it reads as zeros
   * @throws ZramError EIO: a page cannot be read; EAGAIN: it is on an asynchronous backing, which `diffAsync` serves
   */
  diff(other: ZramSnapshot | Zram): PageRange[] {
    const [a, b] = [this.#live(), pagesOfAny(other)];
    return diffPages(a, b);
  }

  /**
   * As `diff`, also for pages on an asynchronous backing. Pages that change meanwhile are compared as both sides held them at one
   * moment of the call.
   * @param options a `signal` that ends the call
   * @throws ZramError EIO: a page cannot be read; EINVAL: either was reset or destroyed meanwhile; ECANCELED: the signal was
   * aborted
   */
  async diffAsync(other: ZramSnapshot | Zram, options?: AsyncOptions): Promise<PageRange[]> {
    const { signal } = readOptions(options, ['signal'], 'diffAsync');
    return AsyncCall.run(signal, (call) => diffPagesAsync(this.#live(), pagesOfAny(other), call));
  }

  /**
   * A writable device with these pages on the same pool, and with the settings that its origin has now.
   * @throws ZramError ENOMEM
   */
  clone(): Zram {
    return this.#origin.clone(this.#live());
  }

  /** As `Zram.save`, with the settings that its origin has now. */
  async save(sink: SaveSink): Promise<SaveReport> {
    return saveAll(sink, [this], undefined);
  }

  /** Gives back what only this snapshot holds. Calling it again does nothing. One call: up to 0.2 s a million pages. */
  destroy(): void {
    const stored = this.#stored;
    if (!stored) return;
    this.#stored = undefined;
    endAll(
      () => stored.end(),
      () => this.#origin.onEnd(),
    );
  }

  /** The same as `destroy()`, for `using`. */
  [Symbol.dispose](): void {
    this.destroy();
  }

  #live(): StoredPages {
    if (this.#stored) return this.#stored;
    throw new ZramError('EINVAL', 'this ZramSnapshot was destroyed.');
  }
}

/** Set by zram.ts, which this file cannot import: each needs the other's class. */
export const pagesOfZram: { of(value: unknown): StoredPages | undefined } = { of: () => undefined };

export function pagesOfAny(value: unknown): StoredPages {
  const pages = ZramSnapshot.pagesOf(value) ?? pagesOfZram.of(value);
  if (pages) return pages;
  throw notOurs(value, 'a ZramSnapshot or a Zram is needed', ['ZramSnapshot', 'Zram']);
}
