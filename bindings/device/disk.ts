/**
 * The pages of a device, and how they are read: shared by `Zram` and `ZramSnapshot`. A page is in the core, as a fill
 * value or as an object that the core or a compressor decodes, or on a backing device.
 */
import type { BackingDevice, Reading } from '../backing/backing-device.js';
import type { StoredForm } from '../backing/slot-records.js';
import { checkByteRange, checkInteger, checkPageRange, outFor, PAGE_SIZE } from '../base/arguments.js';
import { AsyncCall, type Ending } from '../base/async-call.js';
import { setBytes } from '../base/bytes.js';
import { ZramError } from '../base/errors.js';
import { sentenceOf, withPagesDone } from '../base/messages.js';
import type { Core } from '../core/core.js';
import {
  CODEC_LZ4,
  CODEC_LZ4HC,
  CODEC_PAGE,
  codecOfState,
  RANGE_UNREAD,
  READ_WRITTEN_BACK,
  sizeOfState,
  STATE_HUGE,
  STATE_IDLE,
  STATE_INCOMPRESSIBLE,
  STATE_MERGED,
  STATE_SAME,
  STATE_STORED,
  STATE_WRITTEN_BACK,
} from '../core/layout.js';
import type { BlockState } from './block-state.js';
import type { PoolLease } from './pool-lease.js';
import { ReadAhead } from './read-ahead.js';
import { RangeCursor } from './range-cursor.js';
import { partsOf } from './ranges.js';

/** Pages that were read before their turn, between two looks at the clock, which take as long as a tenth of one. */
const PAGES_A_LOOK = 8;
/** Page states that fit the staging area, two words each. */
const STATES_MAX = 4096;

/** A page that is being changed in part; a write to it meanwhile sets `touched`. */
export interface Patch {
  readonly index: number;
  touched: boolean;
}

export class Disk implements Ending {
  /** True after the device was reset or destroyed: a call that awaited something, or called foreign code, must stop. */
  ended = false;
  /** The recompression or writeback in progress; its `abandon` is called before the device ends. */
  postProcessing: { abandon(): void } | undefined;
  /** Reject functions of the waits in progress, called when the device ends. */
  readonly waiting = new Set<(error: ZramError) => void>();
  readonly patches: Patch[] = [];

  constructor(
    readonly core: Core,
    /** The address of the device in the core. */
    readonly address: number,
    /** Pages of the disk. */
    readonly pages: number,
    readonly pool: PoolLease,
    readonly backing: BackingDevice | undefined,
    readonly dedup: boolean,
    readonly tracksTime: boolean,
  ) {
    backing?.join(this);
  }

  /** Frees the pages, and releases the pool and the backing, which end with their last user. */
  end(): void {
    if (this.ended) return;
    this.ended = true;
    this.postProcessing?.abandon();
    this.backing?.leave(this);
    this.core.raw.zramEnd(this.address);
    const error = endedMeanwhile();
    for (const fail of [...this.waiting]) fail(error);
    this.pool.release();
    this.backing?.release(); // last: closing a file may fail
  }

  /** The access time to record, in ticks; 0 when times are not tracked. */
  clock(): number {
    return this.tracksTime ? this.core.ticks() : 0;
  }

  /** To be called whenever the content of pages changes. */
  touched(index: number, count: number): void {
    for (const patch of this.patches) if (patch.index >= index && patch.index < index + count) patch.touched = true;
  }

  // ── reading ────────────────────────────────────────────────────────────────────────────────────────────────────

  readPage(index: number, out: Uint8Array | undefined): Uint8Array {
    this.checkIndex(index, 1);
    const to = outFor(out, PAGE_SIZE);
    const result = this.core.raw.zramReadPage(this.address, index, this.clock());
    setBytes(to, result === 0 ? this.core.page() : this.page(index));
    return to;
  }

  readPages(index: number, count: number, out: Uint8Array | undefined): Uint8Array {
    checkInteger(count, 'count', 0, this.pages);
    this.checkIndex(index, count);
    const to = outFor(out, count * PAGE_SIZE);
    this.#readInto(index, count, to, 0);
    return to;
  }

  read(offset: number, length: number, out: Uint8Array | undefined): Uint8Array {
    this.checkRange(offset, length);
    const to = outFor(out, length);
    const range = new RangeCursor(offset, length);
    while (range.left > 0) {
      try {
        this.checkAlive(); // a compressor or backing may have ended the device
        if (this.#readNext(range, to)) continue;
        const { index, inPage, at } = range;
        setBytes(to, this.page(index).subarray(inPage, inPage + range.bytesOf(1)), at);
        range.advance(1);
      } catch (error) {
        throw withPagesDone(error, range.pagesDone);
      }
    }
    return to;
  }

  /** Reads what fits the staging area of the next pages. Returns false at a page that the core cannot read by itself. */
  #readNext(range: RangeCursor, to: Uint8Array): boolean {
    const { core } = this;
    const { index, inPage, at } = range;
    const length = range.bytesOf(core.stagingPages);
    const result = core.raw.zramReadRange(this.address, index, inPage, length, this.clock());
    const read = result & ~RANGE_UNREAD;
    if (read > 0) setBytes(to, core.staging().subarray(inPage, inPage + range.bytesOf(read)), at);
    range.advance(read);
    return result === read;
  }

  #readInto(index: number, count: number, to: Uint8Array, at: number): void {
    for (let done = 0; done < count;) {
      this.checkAlive();
      done += this.#readBatch(index + done, count - done, to, at + done * PAGE_SIZE);
      if (done === count) break;
      try {
        setBytes(to, this.page(index + done), at + done * PAGE_SIZE);
        done++;
      } catch (error) {
        throw withPagesDone(error, done);
      }
    }
  }

  /** Reads up to `count` pages, up to the first that the core cannot read by itself. Returns the number read. */
  #readBatch(index: number, count: number, to: Uint8Array, at: number): number {
    const { core } = this;
    const batch = core.stagingPages;
    const now = this.clock();
    for (let done = 0; done < count; done += batch) {
      const pages = Math.min(batch, count - done);
      const read = core.raw.zramReadPages(this.address, index + done, pages, now);
      if (read === 0) return done;
      const staging = core.staging();
      setBytes(to, read === batch ? staging : staging.subarray(0, read * PAGE_SIZE), at + done * PAGE_SIZE);
      if (read !== pages) return done + read;
    }
    return count;
  }

  /**
   * Reads pages from anywhere. Nothing is checked.
   * @param indexes `count` of them
   * @param take is called with the place of each among them, in order, and with the page, which is valid during that call
   * @throws ZramError as `readPages`
   */
  readListed(indexes: ArrayLike<number>, count: number, take: (n: number, page: Uint8Array) => void): void {
    const { core } = this;
    const batch = core.stagingPages - 1;
    const list = (batch * PAGE_SIZE) / 4;
    for (let n = 0; n < count;) {
      this.checkAlive();
      const listed = Math.min(batch, count - n);
      const words = core.words();
      for (let k = 0; k < listed; k++) words[list + k] = indexes[n + k];
      const read = core.raw.zramReadListed(this.address, listed, this.clock());
      for (let k = 0; k < read; k++) take(n + k, core.stagingPage(k));
      n += read;
      if (read === listed) continue;
      try {
        take(n, this.page(indexes[n]));
      } catch (error) {
        throw withPagesDone(error, n);
      }
      n++;
    }
  }

  /**
   * A page, valid until the next call: it may be the staging page.
   * @throws ZramError EIO; EAGAIN: an asynchronous backing has it
   */
  page(index: number): Uint8Array {
    const page = this.pageNow(index);
    if (page) return page;
    throw onlyAsynchronous(index, 'read it with readAsync or readPagesAsync');
  }

  /** As `page`, without side effects: flags, times and counters do not change. */
  peek(index: number): Uint8Array {
    const page = this.pageNow(index, undefined, false);
    if (page) return page;
    throw onlyAsynchronous(index, 'compare it with diffAsync');
  }

  /**
   * A page, valid until the next call: it may be the staging page. Undefined when it is on an asynchronous backing and
   * is not the page of `reading`.
   * @param reading the result of `fetch`
   * @param counted whether flags, times and counters are updated
   * @param blockOf a codec: of a page on an asynchronous backing, an object of it is given instead, shorter than a page
   * @throws ZramError EIO
   */
  pageNow(index: number, reading?: Reading, counted = true, blockOf?: number): Uint8Array | undefined {
    const { core, address } = this;
    for (;;) {
      this.checkAlive();
      const result = counted
        ? core.raw.zramReadPage(address, index, this.clock())
        : core.raw.zramPeekPage(address, index);
      if (result === 0) return core.page();
      try {
        if (result < 0) throw new ZramError('EIO', 'it does not decompress, the stored data is damaged.');
        if (result !== READ_WRITTEN_BACK) {
          return core.codecs.decode(result >>> 16, core.page(), result & 0xffff);
        }
        const backing = this.backing as BackingDevice;
        const slot = core.raw.zramReadBlock() >>> 0;
        if (backing.transport.asynchronous)
          return reading?.slot === slot ? backing.pageOf(reading, core, blockOf) : undefined;
        const page = backing.read(slot, core);
        if (page) return page;
      } catch (error) {
        if (!(error instanceof ZramError) || error.code !== 'EIO') throw error;
        if (counted && !this.ended) core.raw.zramCountFailed(address, 0);
        throw new ZramError('EIO', `cannot read page ${index}: ${sentenceOf(error)}`);
      }
    }
  }

  // ── reading from an asynchronous backing ───────────────────────────────────────────────────────────────────────

  async readPagesAsync(
    index: number,
    count: number,
    out: Uint8Array | undefined,
    call = new AsyncCall(),
  ): Promise<Uint8Array> {
    checkInteger(count, 'count', 0, this.pages);
    this.checkIndex(index, count);
    const to = outFor(out, count * PAGE_SIZE);
    await this.#readIntoAsync(index, count, to, 0, call);
    return to;
  }

  async readAsync(offset: number, length: number, out: Uint8Array | undefined, call: AsyncCall): Promise<Uint8Array> {
    this.checkRange(offset, length);
    const to = outFor(out, length);
    for (const part of partsOf(offset, length)) {
      const { index, inPage, at } = part;
      try {
        if (part.pages > 0) await this.#readIntoAsync(index, part.pages, to, at, call);
        else await this.#readPartAsync(index, inPage, part.length, to, at, call);
      } catch (error) {
        throw withPagesDone(error, part.pagesBefore);
      }
    }
    return to;
  }

  async #readIntoAsync(index: number, count: number, to: Uint8Array, at: number, call: AsyncCall): Promise<void> {
    let done = 0;
    let ahead: ReadAhead | undefined;
    try {
      while (done < count) {
        call.check();
        this.checkAlive();
        let taken = ahead?.take(index + done, call);
        if (!taken) {
          const batch = Math.min(this.core.stagingPages, count - done);
          const read = this.#readBatch(index + done, batch, to, at + done * PAGE_SIZE);
          done += read;
          if (read > 0) {
            if (call.due) await call.rest(this);
            continue;
          }
          if (this.backing?.transport.asynchronous) ahead ??= new ReadAhead(this, index + done, index + count);
          taken = ahead?.take(index + done, call);
        }
        const reading = taken instanceof Promise ? await taken : taken;
        if (!this.#readNow(index + done, to, at + done * PAGE_SIZE, call, reading))
          await this.#readPartAsync(index + done, 0, PAGE_SIZE, to, at + done * PAGE_SIZE, call);
        done++;
        if (done % PAGES_A_LOOK === 0 && call.due) await call.rest(this);
      }
    } catch (error) {
      throw withPagesDone(error, done);
    } finally {
      ahead?.stop();
    }
  }

  /** The page, if it need not be waited for: what was read of it is here. @param reading is ended here */
  #readNow(index: number, to: Uint8Array, at: number, call: AsyncCall, reading: Reading | undefined): boolean {
    return this.#attempt(call, reading, () => {
      const page = this.pageNow(index, reading);
      if (page) setBytes(to, page, at);
      return page !== undefined;
    });
  }

  #readPartAsync(
    index: number,
    inPage: number,
    length: number,
    to: Uint8Array,
    at: number,
    call: AsyncCall,
  ): Promise<unknown> {
    const attempt = (reading?: Reading): Uint8Array | undefined => {
      const page = this.pageNow(index, reading);
      if (page) setBytes(to, page.subarray(inPage, inPage + length), at);
      return page;
    };
    return this.withReading(index, call, attempt);
  }

  /**
   * Repeats an attempt at a page until it succeeds, reading from an asynchronous backing in between. Each attempt is
   * synchronous, so the page does not change during it.
   * @param attempt takes the reading for `pageNow`; returns undefined when the page is on the backing and has not been
   * read, else the result
   * @param first a read that is over; it is ended here
   */
  async withReading<T>(
    index: number,
    call: AsyncCall,
    attempt: (reading?: Reading) => T | undefined,
    first?: Reading,
  ): Promise<T> {
    for (let reading = first; ;) {
      const result = this.#attempt(call, reading, attempt);
      if (result !== undefined) return result;
      reading = await this.fetch(index, call);
    }
  }

  /** With what was read, which is ended then. */
  #attempt<T>(call: AsyncCall, reading: Reading | undefined, attempt: (reading?: Reading) => T): T {
    try {
      call.check();
      return attempt(reading);
    } finally {
      if (reading) this.backing?.end(reading);
    }
  }

  /**
   * The object of a page, in the format of this codec, or else the page; valid until the next call.
   * @throws ZramError as `peek`
   */
  objectOr(index: number, codec: number): Uint8Array {
    const { core, address } = this;
    const payload = core.raw.zramPayload(address, index);
    if (payload !== 0 && formatOf(payload >>> 16) === formatOf(codec)) return core.page().subarray(0, payload & 0xffff);
    const page = this.pageNow(index, undefined, false);
    if (page) return page;
    throw onlyAsynchronous(index, 'bring it back with prefetch');
  }

  /**
   * Reads from an asynchronous backing what `pageNow` needs; undefined when it needs nothing. The caller ends the
   * reading.
   */
  async fetch(index: number, call: AsyncCall): Promise<Reading | undefined> {
    this.checkAlive();
    const { core, address } = this;
    const backing = this.backing as BackingDevice;
    if (core.raw.zramPeekPage(address, index) !== READ_WRITTEN_BACK || !backing.transport.asynchronous)
      return undefined;
    const reading = backing.begin(core.raw.zramReadBlock() >>> 0);
    try {
      await call.until(backing.fill(reading), this);
      return reading;
    } catch (error) {
      backing.end(reading);
      throw error;
    }
  }

  // ── states ─────────────────────────────────────────────────────────────────────────────────────────────────────

  /** Two words a page: its state and the number of its object. */
  states(index: number, count: number, out: Uint32Array): Uint32Array {
    for (let done = 0; done < count; done += STATES_MAX) {
      const pages = Math.min(STATES_MAX, count - done);
      this.core.raw.zramSlots(this.address, index + done, pages);
      setBytes(out, this.core.words().subarray(0, 2 * pages), 2 * done);
    }
    return out;
  }

  /** The values of slots, a word each: a handle, the cell of a block or a fill value. */
  slotValues(index: number, count: number): Uint32Array {
    this.core.raw.zramSlotValues(this.address, index, count);
    return this.core.words().slice(0, count);
  }

  state(index: number): number {
    this.core.raw.zramSlots(this.address, index, 1);
    return this.core.words()[0];
  }

  objectOf(index: number): number | undefined {
    this.checkIndex(index, 1);
    this.core.raw.zramSlots(this.address, index, 1);
    const object = this.core.words()[1];
    return object === 0 ? undefined : object;
  }

  /** @param secondaries codecs of the secondary compressors */
  blockState(index: number, secondaries: readonly number[]): BlockState | undefined {
    this.checkIndex(index, 1);
    const state = this.state(index);
    if (state === 0) return undefined;
    const is = (flag: number): boolean => (state & flag) !== 0;
    const object = is(STATE_WRITTEN_BACK) ? this.#writtenObject(index) : undefined;
    const codec = object?.codec ?? (is(STATE_STORED) ? codecOfState(state) : undefined);
    return Object.freeze({
      same: is(STATE_SAME),
      writtenBack: is(STATE_WRITTEN_BACK),
      huge: is(STATE_HUGE) || object?.codec === CODEC_PAGE,
      idle: is(STATE_IDLE),
      recompressed: codec !== undefined && secondaries.includes(codec),
      incompressible: is(STATE_INCOMPRESSIBLE),
      merged: is(STATE_MERGED),
      comprSize: object?.length ?? sizeOfState(state),
    });
  }

  /** How a page is on the backing, if its object is there and not the page itself. As in the kernel it keeps its size then. */
  #writtenObject(index: number): StoredForm | undefined {
    const { core, address, backing } = this;
    if (!backing || core.raw.zramPeekPage(address, index) !== READ_WRITTEN_BACK) return undefined;
    return backing.objectIn(core.raw.zramReadBlock() >>> 0);
  }

  // ── checks of arguments ─────────────────────────────────────────────────────────────────────────────────────────

  checkAlive(): void {
    if (this.ended) throw endedMeanwhile();
  }

  checkIndex(index: number, count: number): void {
    checkPageRange(index, count, this.pages);
  }

  checkRange(offset: number, length: number): void {
    checkInteger(length, 'length', 0, this.pages * PAGE_SIZE);
    checkByteRange(offset, length, this.pages);
  }
}

/** lz4 and lz4hc make blocks of one format. */
function formatOf(codec: number): number {
  return codec === CODEC_LZ4HC ? CODEC_LZ4 : codec;
}

export function onlyAsynchronous(index: number, remedy: string): ZramError {
  return new ZramError('EAGAIN', `page ${index} is on an asynchronous backing: ${remedy}.`);
}

export function endedMeanwhile(): ZramError {
  return new ZramError('EINVAL', 'the device was reset or destroyed meanwhile.');
}

export function noMemoryForDevice(): ZramError {
  return new ZramError('ENOMEM', 'cannot allocate a device: the engine has reached its maxMemory.');
}
