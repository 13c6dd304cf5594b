/**
 * The pages of a device, for reading: what `Zram` and `ZramSnapshot` have in common. A page is in the core, as a value or as
 * an object that the core or a compressor decodes, or on a backing device.
 */
import { PAGE_SIZE, checkByteRange, checkInteger, checkPageRange, outFor } from './arguments.js';
import type { BackingDevice } from './backing/backing.js';
import { copyOf } from './bytes.js';
import type { Core } from './core.js';
import { ZramError } from './errors.js';
import type { PoolLease } from './pool-lease.js';

/** What is stored at a page; the flags have the names of the kernel's debugfs file `block_state`. */
export interface BlockState {
  /** Same-filled: one 64-bit value, which takes no memory of the pool. */
  readonly same: boolean;
  /** On the backing device. */
  readonly writtenBack: boolean;
  /** Did not compress and is stored as it is, 4096 bytes. */
  readonly huge: boolean;
  /** Nobody has read or written it since `idle()` marked it. */
  readonly idle: boolean;
  /** Encoded by a secondary compressor. */
  readonly recompressed: boolean;
  /** No secondary compressor made it small enough to save memory. */
  readonly incompressible: boolean;
  /** Shares its object with other pages. */
  readonly merged: boolean;
  /** Bytes of the object; 0 for a page that is same-filled or written back. */
  readonly comprSize: number;
}

// Bits of a slot's state, as in assembly/zram/table.ts and post-process.ts.
export const STATE_SAME = 1;
export const STATE_HUGE = 1 << 2;
export const STATE_STORED = 1 << 3;
export const STATE_WRITTEN_BACK = 1 << 4;
export const STATE_IDLE = 1 << 5;
export const STATE_INCOMPRESSIBLE = 1 << 6;
export const STATE_PICKED = 1 << 7;
export const STATE_MERGED = 1 << 8;

export function codecOfState(state: number): number {
  return (state >>> 9) & 15;
}

export function sizeOfState(state: number): number {
  return state >>> 13;
}

/** The core's answer to a read of a page that is on the backing device. */
const READ_WRITTEN_BACK = 1 << 20;
/** States that fit the staging pages: two words each. */
const STATES_MAX = 4096;

export class StoredPages {
  /** True after the device was reset or destroyed: what awaited something, or called somebody's code, must stop. */
  ended = false;
  /** Recompression or writeback that is under way; it is told before the device ends. */
  postProcessing: { abandon(): void } | undefined;

  constructor(
    readonly core: Core,
    /** Of the device in the core. */
    readonly address: number,
    /** Pages of the disk. */
    readonly pages: number,
    readonly pool: PoolLease,
    readonly backing: BackingDevice | undefined,
    readonly dedup: boolean,
    readonly tracksTime: boolean,
  ) {}

  /** Frees the pages, and the pool and the backing when nobody else uses them. */
  end(): void {
    if (this.ended) return;
    this.postProcessing?.abandon();
    this.ended = true;
    this.core.raw.zramEnd(this.address);
    this.pool.release();
    this.backing?.release(); // last: closing a file may fail
  }

  /** The clock, for calls that access pages. */
  now(): number {
    return this.tracksTime ? this.core.ticks() : 0;
  }

  // ── reading ────────────────────────────────────────────────────────────────────────────────────────────────────

  readPage(index: number, out: Uint8Array | undefined): Uint8Array {
    this.checkIndex(index, 1);
    const to = outFor(out, PAGE_SIZE);
    const result = this.core.raw.zramReadPage(this.address, index, this.now());
    to.set(result === 0 ? this.core.page() : this.#resolve(index, result));
    return to;
  }

  readPages(index: number, count: number, out: Uint8Array | undefined): Uint8Array {
    checkInteger(count, 'count', 0, this.pages);
    this.checkIndex(index, count);
    const to = outFor(out, count * PAGE_SIZE);
    for (let done = 0; done < count;) {
      this.live();
      done += this.#readBatch(index + done, count - done, to, done * PAGE_SIZE);
      if (done === count) break;
      try {
        to.set(this.page(index + done), done * PAGE_SIZE);
        done++;
      } catch (error) {
        throw withPagesDone(error, done);
      }
    }
    return to;
  }

  async readPagesAsync(index: number, count: number, out: Uint8Array | undefined): Promise<Uint8Array> {
    checkInteger(count, 'count', 0, this.pages);
    this.checkIndex(index, count);
    const to = outFor(out, count * PAGE_SIZE);
    for (let done = 0; done < count;) {
      this.live();
      done += this.#readBatch(index + done, count - done, to, done * PAGE_SIZE);
      if (done === count) break;
      try {
        to.set(await this.#pageAsync(index + done), done * PAGE_SIZE);
        done++;
      } catch (error) {
        throw withPagesDone(error, done);
      }
    }
    return to;
  }

  /** Reads up to `count` pages, as far as the core can by itself. Returns how many. */
  #readBatch(index: number, count: number, to: Uint8Array, at: number): number {
    const { core } = this;
    const batch = core.stagingPages;
    const now = this.now();
    for (let done = 0; done < count; done += batch) {
      const pages = Math.min(batch, count - done);
      const read = core.raw.zramReadPages(this.address, index + done, pages, now);
      const staging = core.staging();
      to.set(read === batch ? staging : staging.subarray(0, read * PAGE_SIZE), at + done * PAGE_SIZE);
      if (read !== pages) return done + read;
    }
    return count;
  }

  read(offset: number, length: number, out: Uint8Array | undefined): Uint8Array {
    this.checkRange(offset, length);
    const to = outFor(out, length);
    for (const part of partsOf(offset, length)) {
      const target = to.subarray(part.at, part.at + part.length);
      try {
        if (part.pages > 0) this.readPages(part.index, part.pages, target);
        else target.set(this.page(part.index).subarray(part.inPage, part.inPage + part.length));
      } catch (error) {
        throw withPagesDone(error, part.pagesBefore);
      }
    }
    return to;
  }

  async readAsync(offset: number, length: number, out: Uint8Array | undefined): Promise<Uint8Array> {
    this.checkRange(offset, length);
    const to = outFor(out, length);
    for (const part of partsOf(offset, length)) {
      const target = to.subarray(part.at, part.at + part.length);
      try {
        if (part.pages > 0) await this.readPagesAsync(part.index, part.pages, target);
        else target.set((await this.#pageAsync(part.index)).subarray(part.inPage, part.inPage + part.length));
      } catch (error) {
        throw withPagesDone(error, part.pagesBefore);
      }
    }
    return to;
  }

  /** A page, valid until the next call into the core. */
  page(index: number): Uint8Array {
    this.live();
    const result = this.core.raw.zramReadPage(this.address, index, this.now());
    return result === 0 ? this.core.page() : this.#resolve(index, result);
  }

  /** As `page`, without leaving a trace: flags, times and counters stay. */
  peek(index: number): Uint8Array {
    this.live();
    const result = this.core.raw.zramPeekPage(this.address, index);
    return result === 0 ? this.core.page() : this.#resolve(index, result, false);
  }

  /** What the core could not do. */
  #resolve(index: number, result: number, counted = true): Uint8Array {
    try {
      if (result === READ_WRITTEN_BACK)
        return (this.backing as BackingDevice).read(this.core.raw.zramReadBlock() >>> 0);
      if (result > 0) return this.core.codecs.decode(result >>> 16, copyOf(this.core.page(), 0, result & 0xffff));
      throw new ZramError('EIO', 'it does not decompress, what is stored is damaged.');
    } catch (error) {
      if (!(error instanceof ZramError) || error.code !== 'EIO') throw error;
      if (counted && !this.ended) this.core.raw.zramCountFailed(this.address, 0);
      throw new ZramError('EIO', `page ${index} cannot be read: ${sentenceOf(error)}`);
    }
  }

  async #pageAsync(index: number): Promise<Uint8Array> {
    const { core } = this;
    for (;;) {
      this.live();
      const result = core.raw.zramReadPage(this.address, index, this.now());
      if (result !== READ_WRITTEN_BACK) return result === 0 ? core.page() : this.#resolve(index, result);
      const block = core.raw.zramReadBlock() >>> 0;
      let page: Uint8Array | undefined;
      let failure: unknown;
      try {
        page = await (this.backing as BackingDevice).readAsync(block);
      } catch (error) {
        failure = error;
      }
      this.live();
      // Meanwhile the page may have been written, and its block given to another page: then it is read again.
      const still = core.raw.zramPeekPage(this.address, index) === READ_WRITTEN_BACK;
      if (!still || core.raw.zramReadBlock() >>> 0 !== block) continue;
      if (page) return page;
      if (failure === undefined) continue;
      core.raw.zramCountFailed(this.address, 0);
      throw new ZramError('EIO', `page ${index} cannot be read: ${sentenceOf(failure as ZramError)}`);
    }
  }

  // ── states ─────────────────────────────────────────────────────────────────────────────────────────────────────

  /** Two words a page: its state and the number of its object. */
  states(index: number, count: number, out: Uint32Array): Uint32Array {
    for (let done = 0; done < count; done += STATES_MAX) {
      const pages = Math.min(STATES_MAX, count - done);
      this.core.raw.zramSlots(this.address, index + done, pages);
      out.set(this.core.words().subarray(0, 2 * pages), 2 * done);
    }
    return out;
  }

  /** What slots hold, a word each: a handle, the cell of a block or a fill value. */
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
    return Object.freeze({
      same: is(STATE_SAME),
      writtenBack: is(STATE_WRITTEN_BACK),
      huge: is(STATE_HUGE),
      idle: is(STATE_IDLE),
      recompressed: is(STATE_STORED) && secondaries.includes(codecOfState(state)),
      incompressible: is(STATE_INCOMPRESSIBLE),
      merged: is(STATE_MERGED),
      comprSize: sizeOfState(state),
    });
  }

  // ── tests of arguments ─────────────────────────────────────────────────────────────────────────────────────────

  live(): void {
    if (this.ended) throw new ZramError('EINVAL', 'the device was reset or destroyed meanwhile.');
  }

  checkIndex(index: number, count: number): void {
    checkPageRange(index, count, this.pages);
  }

  checkRange(offset: number, length: number): void {
    checkInteger(length, 'length', 0, this.pages * PAGE_SIZE);
    checkByteRange(offset, length, this.pages);
  }
}

/** A piece of a byte range: whole pages, or a part of one. */
export interface RangePart {
  readonly index: number;
  /** Whole pages; 0 = a part of one. */
  readonly pages: number;
  /** Where the part begins in its page. */
  readonly inPage: number;
  /** Where the piece begins in the range, and its bytes. */
  readonly at: number;
  readonly length: number;
  /** Pages of the range before this piece. */
  readonly pagesBefore: number;
}

/** Cuts a byte range of the disk at its first and last page boundary. */
export function* partsOf(offset: number, length: number): Generator<RangePart> {
  let pagesBefore = 0;
  for (let at = 0; at < length;) {
    const inPage = (offset + at) % PAGE_SIZE;
    const index = (offset + at - inPage) / PAGE_SIZE;
    const left = length - at;
    const pages = inPage === 0 ? Math.floor(left / PAGE_SIZE) : 0;
    const bytes = pages > 0 ? pages * PAGE_SIZE : Math.min(PAGE_SIZE - inPage, left);
    yield { index, pages, inPage, at, length: bytes, pagesBefore };
    pagesBefore += Math.max(pages, 1);
    at += bytes;
  }
}

/** The message of an error without its code. */
export function sentenceOf(error: ZramError): string {
  return error.message.slice(error.code.length + 2);
}

/** The same error, with the pages done before it added. */
export function withPagesDone(error: unknown, pagesBefore: number): unknown {
  if (!(error instanceof ZramError)) return error;
  return new ZramError(error.code, sentenceOf(error), pagesBefore + (error.pagesDone ?? 0));
}
