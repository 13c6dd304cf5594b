/// <reference lib="esnext.disposable" preserve="true" />
/** A saved device, opened by its name: its pages come when they are read, what is written stays here. */
import type { AsyncOptions, PageRange, Zram } from '../../bindings/index.js';
import { ZramError } from '../../bindings/base/errors.js';
import { canceled, outFor, signalOf, untilAborted, withPagesDone } from './fork-calls.js';
import { isIterable } from '../base/options.js';
import { PAGE_SIZE, type PageBlocks } from './page-blocks.js';
import { PageFetcher } from './page-fetcher.js';
import { savePages, type SaveNamedReport } from './page-saver.js';
import { PageSet } from './page-set.js';
import type { PageTable } from './page-table.js';
import { checkName } from './table-root.js';
import type { RemoteTier } from './tier.js';

/** Pages that are read from the device in one go, before others may evict some. */
const SLICE_PAGES = 256;

/** Devices that are a fork's now. */
const taken = new WeakSet<Zram>();

/** What a {@link RemoteFork} is made of. */
export interface ForkParts {
  readonly tier: RemoteTier;
  readonly name: string;
  readonly table: PageTable;
  readonly device: Zram;
  readonly blocks: PageBlocks;
  /** Whether the device ends with the fork. */
  readonly ownsDevice: boolean;
  readonly batch: number;
  readonly inFlight: number;
}

/** A save of a fork. */
interface Save {
  /** A copy of its device, as it was when the save was called. */
  readonly frozen: Zram;
  /** Pages that the table does not have, but for those that are in a save before. */
  readonly pages: PageSet;
}

/**
 * A fork of a saved device. Pages are read from the tier when they are first needed, and kept compressed on a local
 * device; what is written goes there only. `save` gives the result a name, and costs what was written.
 *
 * Each page that comes is checked against its key. What is missing or wrong in the tier is `EIO` and names the page, never
 * wrong data; the next read asks again.
 *
 * Every call throws `EINVAL` after `destroy()`. Offsets and lengths are in bytes, pages have 4096.
 */
export class RemoteFork {
  /** @internal Fixed, since a bundler may rename the class. */
  static readonly name = 'RemoteFork';
  readonly #parts: ForkParts;
  /** Pages that the device has, and those of them that the table does not have. */
  readonly #local = new PageSet();
  #dirty = new PageSet();
  /** Saves that have begun or wait for those before them. */
  readonly #saves: Save[] = [];
  readonly #fetcher: PageFetcher;
  #lastWrite: Promise<unknown> = Promise.resolve();
  #lastSave: Promise<unknown> = Promise.resolve();
  #isDestroyed = false;

  /** @internal Made by `openNamed`. @throws ZramError EBUSY: the device is another fork's */
  constructor(parts: ForkParts) {
    if (taken.has(parts.device)) throw new ZramError('EBUSY', 'the device is that of another fork.');
    taken.add(parts.device);
    this.#parts = parts;
    const { tier, table, blocks, batch, inFlight } = parts;
    this.#fetcher = new PageFetcher(tier, table, blocks, this.#local, batch, inFlight);
  }

  /** Bytes of the disk. */
  get disksize(): number {
    return this.#alive().table.pages * PAGE_SIZE;
  }

  // ── reading ────────────────────────────────────────────────────────────────────────────────────────────────────

  /**
   * Reads consecutive pages. Costs 0.6 µs for a page that is here; others come in batches, several in flight: some 10 µs a
   * page and the tier's time. Each page is read as it was at some moment during the call.
   * @param index the first page's number
   * @param count number of pages
   * @param out array to fill, `count` times 4096 bytes or longer; it is returned
   * @throws ZramError EIO: a page is lost, and named; the `pagesDone` pages before it are in `out`. ENOMEM: the local
   * device has no room, see `evict`; ECANCELED: the signal was aborted
   */
  async readPagesAsync(index: number, count: number, out?: Uint8Array, options?: AsyncOptions): Promise<Uint8Array> {
    this.#checkPages(index, count);
    const to = outFor(out, count * PAGE_SIZE);
    await this.#read(index, count, options, (page, pages) => {
      const at = (page - index) * PAGE_SIZE;
      this.#parts.device.readPages(page, pages, to.subarray(at, at + pages * PAGE_SIZE));
    });
    return to;
  }

  /** As `readPagesAsync`, of any byte range inside the disk. */
  async readAsync(offset: number, length: number, out?: Uint8Array, options?: AsyncOptions): Promise<Uint8Array> {
    this.#checkBytes(offset, length);
    const to = outFor(out, length);
    if (length === 0) return to;
    const first = Math.floor(offset / PAGE_SIZE);
    await this.#read(first, Math.ceil((offset + length) / PAGE_SIZE) - first, options, (page, pages) => {
      const from = Math.max(offset, page * PAGE_SIZE);
      const end = Math.min(offset + length, (page + pages) * PAGE_SIZE);
      this.#parts.device.read(from, end - from, to.subarray(from - offset, end - offset));
    });
    return to;
  }

  /** Brings pages and reads them in slices, each at once: nothing can be evicted in between. */
  async #read(
    index: number,
    count: number,
    options: AsyncOptions | undefined,
    read: (page: number, pages: number) => void,
  ): Promise<void> {
    let failures = new Map<number, ZramError>();
    if (!this.#local.hasAll(index, count)) failures = await this.#bring(this.#local.without(index, count), options);
    for (let done = 0; done < count;) {
      const pages = Math.min(SLICE_PAGES, count - done);
      if (this.#local.hasAll(index + done, pages)) {
        read(index + done, pages);
        done += pages;
        continue;
      }
      const missing = [...this.#local.without(index + done, pages)];
      const lost = missing.find((page) => failures.has(page));
      if (lost !== undefined) {
        const here = lost - index - done;
        if (here > 0 && missing[0] === lost) read(index + done, here);
        throw withPagesDone(failures.get(lost) as ZramError, missing[0] === lost ? done + here : done);
      }
      // Evicted meanwhile.
      for (const [page, failure] of await this.#bring(missing, options)) failures.set(page, failure);
    }
  }

  /**
   * Brings pages before they are read, in batches, several in flight.
   * @returns the number of pages that came
   * @throws ZramError EIO: a page is lost; the message names the first, and says how many there are. All others came.
   * ENOMEM: the local device has no room; ECANCELED
   */
  async prefetch(ranges: Iterable<PageRange>, options?: AsyncOptions): Promise<number> {
    let count = 0;
    const local = this.#local;
    const checked = this.#checkRanges(ranges);
    const pages = function* (): Generator<number> {
      for (const range of checked)
        for (const page of local.without(range.index, range.count)) {
          count++;
          yield page;
        }
    };
    const failures = await this.#bring(pages(), options);
    if (failures.size === 0) return count;
    const [[, failure]] = [...failures].sort(([a], [b]) => a - b) as [[number, ZramError]];
    if (failures.size === 1 || failure.code !== 'EIO') throw failure;
    throw new ZramError('EIO', `${failures.size} pages are lost; the first: ${failure.message}`, undefined, {
      cause: failure,
    });
  }

  async #bring(pages: Iterable<number>, options: AsyncOptions | undefined): Promise<Map<number, ZramError>> {
    this.#alive();
    const signal = signalOf(options);
    const isAborted = (): boolean => signal?.aborted === true;
    if (isAborted()) throw canceled(signal?.reason);
    const bringing = this.#fetcher.bring(pages, () => this.#isDestroyed || isAborted());
    const failures = signal === undefined ? await bringing : await untilAborted(bringing, signal);
    this.#alive();
    return failures;
  }

  // ── writing ────────────────────────────────────────────────────────────────────────────────────────────────────

  /**
   * Stores consecutive pages at once, before those of calls of `writeAsync` that wait. Nothing is read from the tier.
   * @param index the first page's number
   * @param bytes a multiple of 4096 bytes
   * @throws ZramError as `Zram.writePages`
   */
  writePages(index: number, bytes: Uint8Array): void {
    const { device } = this.#alive();
    this.#checkPages(index, bytes?.length / PAGE_SIZE);
    this.#wrote(index, bytes.length / PAGE_SIZE, () => device.writePages(index, bytes));
  }

  /**
   * Stores any byte range inside the disk. Pages that are written in part are read first. The bytes are copied when it is
   * called. Calls take effect in their order.
   * @throws ZramError EIO: a page that is written in part is lost, and named; nothing was written. ENOMEM: `pagesDone`
   * pages are written
   */
  async writeAsync(offset: number, bytes: Uint8Array, options?: AsyncOptions): Promise<void> {
    // Others would be converted by the copy: the text '5' to five zeros.
    if (!(bytes instanceof Uint8Array)) throw new ZramError('EINVAL', 'bytes must be a Uint8Array.');
    this.#checkBytes(offset, bytes.length);
    if (bytes.length === 0) return;
    const copy = new Uint8Array(bytes);
    const end = offset + copy.length;
    const first = Math.floor(offset / PAGE_SIZE);
    const last = Math.floor((end - 1) / PAGE_SIZE);
    const parts = new Set<number>();
    if (offset % PAGE_SIZE !== 0) parts.add(first);
    if (end % PAGE_SIZE !== 0) parts.add(last);
    const bringing = this.#bringAll([...parts], options);
    bringing.catch(() => undefined); // it is looked at in turn
    const turn = this.#lastWrite.then(async () => {
      await bringing;
      // Evicted, while those before were waited for.
      while ([...parts].some((page) => !this.#local.has(page))) await this.#bringAll([...parts], options);
      const { device } = this.#alive();
      this.#wrote(first, last + 1 - first, () => device.write(offset, copy));
    });
    this.#lastWrite = turn.catch(() => undefined);
    return turn;
  }

  async #bringAll(pages: readonly number[], options: AsyncOptions | undefined): Promise<void> {
    const missing = pages.filter((page) => !this.#local.has(page));
    if (missing.length === 0) return;
    for (const failure of (await this.#bring(missing, options)).values()) throw failure;
  }

  /**
   * Frees the whole pages inside a byte range, which then read as zeros, at once; partly covered pages are not changed.
   * @throws ZramError as `Zram.discard`
   */
  discard(offset: number, length: number): void {
    const { device } = this.#alive();
    this.#checkBytes(offset, length);
    const first = Math.ceil(offset / PAGE_SIZE);
    const count = Math.floor((offset + length) / PAGE_SIZE) - first;
    if (count > 0) this.#wrote(first, count, () => device.discard(offset, length));
  }

  /** Writes pages, and marks those that were: what is on its way for them is not wanted any more. */
  #wrote(first: number, count: number, write: () => void): void {
    let done = count;
    try {
      write();
    } catch (error) {
      done = (error as { pagesDone?: number }).pagesDone ?? 0;
      throw error;
    } finally {
      this.#local.add(first, done);
      this.#dirty.add(first, done);
      this.#fetcher.cancel(first, done);
    }
  }

  // ── keeping ────────────────────────────────────────────────────────────────────────────────────────────────────

  /**
   * Frees local copies of pages that the tier has; they are read again when they are needed.
   * @param ranges default: all pages
   * @returns the number of pages
   */
  evict(ranges?: Iterable<PageRange>): number {
    const { device, table } = this.#alive();
    let evicted = 0;
    for (const { index, count } of this.#checkRanges(ranges ?? [{ index: 0, count: table.pages }])) {
      for (const range of this.#saved(index, count)) {
        device.discard(range.index * PAGE_SIZE, range.count * PAGE_SIZE);
        this.#local.delete(range.index, range.count);
        evicted += range.count;
      }
    }
    return evicted;
  }

  /** Local pages of a range that the tier has. */
  *#saved(index: number, count: number): Generator<PageRange> {
    const unsaved = [this.#dirty, ...this.#saves.map(({ pages }) => pages)];
    for (const local of this.#local.ranges(index, count)) yield* without(local, unsaved);
  }

  /**
   * Saves the fork as it is now under a name. Only what was written since it was opened or saved goes to the tier, and the
   * nodes of the table above it: 2 KiB for each level. The name is set in the end, in one step. Saves of one fork follow
   * each other.
   *
   * The leases of pages that were not written are not extended: see `renewNamed`.
   * @param name default: the name that was opened, which then is a new version for those who open it from now on
   * @throws ZramError EIO: the tier failed; the name is as before, and the next call saves all
   */
  async save(name: string = this.#parts.name): Promise<SaveNamedReport> {
    const { device } = this.#alive();
    checkName(name);
    const save = { frozen: device.clone(), pages: this.#dirty };
    this.#dirty = new PageSet();
    this.#saves.push(save);
    const saved = this.#lastSave.then(() => this.#save(name, save));
    this.#lastSave = saved.catch(() => undefined);
    return saved;
  }

  /** @param save the first of those that wait */
  async #save(name: string, { frozen, pages }: Save): Promise<SaveNamedReport> {
    try {
      const { tier, table } = this.#alive();
      const { report, key, changes } = await savePages(tier, name, frozen, table, pages.ranges(), true);
      table.replace(key, changes);
      return report;
    } catch (error) {
      const next = this.#saves[1]?.pages ?? this.#dirty;
      for (const { index, count } of pages.ranges()) next.add(index, count);
      throw error;
    } finally {
      this.#saves.shift();
      frozen.destroy();
    }
  }

  /** Ends the fork, and its device if that was made for it. Calling it again does nothing. */
  destroy(): void {
    if (this.#isDestroyed) return;
    this.#isDestroyed = true;
    this.#fetcher.cancelAll(); // the device may be somebody else's from now on
    const { device, blocks, ownsDevice } = this.#parts;
    blocks.destroy();
    taken.delete(device);
    if (ownsDevice) device.destroy();
  }

  /** The same as `destroy()`, for `using`. */
  [Symbol.dispose](): void {
    this.destroy();
  }

  #alive(): ForkParts {
    if (!this.#isDestroyed) return this.#parts;
    throw new ZramError('EINVAL', 'this RemoteFork was destroyed.');
  }

  #checkPages(index: number, count: number): void {
    const { pages } = this.#alive().table;
    const isRight = Number.isInteger(index) && Number.isInteger(count) && index >= 0 && count >= 0;
    if (isRight && index + count <= pages) return;
    throw new ZramError('EINVAL', `the disk has ${pages} pages: ${String(count)} from ${String(index)} are not in it.`);
  }

  #checkRanges(ranges: Iterable<PageRange>): PageRange[] {
    if (!isIterable(ranges)) throw new ZramError('EINVAL', 'ranges must be a list of { index, count }.');
    const all = [...ranges];
    for (const range of all) this.#checkPages(range?.index, range?.count);
    return all;
  }

  #checkBytes(offset: number, length: number): void {
    const { disksize } = this;
    const isRight = Number.isInteger(offset) && Number.isInteger(length) && offset >= 0 && length >= 0;
    if (isRight && offset + length <= disksize) return;
    throw new ZramError(
      'EINVAL',
      `the disk has ${disksize} bytes: ${String(length)} from ${String(offset)} are not in it.`,
    );
  }
}

/** The parts of a range that are in none of these sets. */
function* without(range: PageRange, [set, ...others]: readonly PageSet[]): Generator<PageRange> {
  if (!set) yield range;
  else for (const gap of set.gaps(range.index, range.count)) yield* without(gap, others);
}
