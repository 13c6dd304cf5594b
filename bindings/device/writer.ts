/**
 * Writing the pages of a device: whole pages with the core's compressor or another, and parts of pages, which are read,
 * changed and written atomically, with no other write in between.
 */
import type { Reading } from '../backing/backing-device.js';
import { PAGE_SIZE } from '../base/arguments.js';
import type { AsyncCall } from '../base/async-call.js';
import { copyOf, lengthOf, setBytes, viewOf } from '../base/bytes.js';
import { ZramError } from '../base/errors.js';
import { sentenceOf, withPagesDone } from '../base/messages.js';
import { lz4Level, type Encoder } from '../compressors/codecs.js';
import { CODEC_LZ4, CODEC_PAGE } from '../core/layout.js';
import type { Device } from './device.js';
import { onlyAsynchronous, type Patch, type Disk } from './disk.js';
import { encodeVerified } from './encode.js';
import { partsOf } from './ranges.js';

/** Tries to change a part of a page while a compressor or backing, called for it, keeps writing to the page itself. */
const PATCH_TRIES = 8;

export class PageWriter {
  /** LZ4 is the primary compressor, so the core compresses. */
  readonly #inCore: boolean;
  /**
   * By page, the promise of the last asynchronous call that changes a part of it: those of one page run one after the
   * other.
   */
  readonly #turns = new Map<number, Promise<void>>();

  /** For `writeCompressed`. */
  #block: Uint8Array | undefined;

  constructor(
    readonly disk: Disk,
    readonly state: Device,
  ) {
    this.#inCore = state.encoders[0]?.codec === CODEC_LZ4;
  }

  // ── whole pages ────────────────────────────────────────────────────────────────────────────────────────────────

  /** @param bytes a page, checked to be one */
  writePage(index: number, bytes: Uint8Array): void {
    const { disk } = this;
    const { core, address, patches } = disk;
    if (!this.#inCore) {
      this.#encodePage(index, bytes);
      return;
    }
    core.page().set(bytes);
    if (core.raw.zramWritePage(address, index, disk.clock()) !== 0) throw noRoom(index);
    if (patches.length > 0) disk.touched(index, 1);
  }

  /** @param bytes whole pages, checked to be */
  writePages(index: number, bytes: Uint8Array): void {
    const count = lengthOf(bytes) / PAGE_SIZE;
    const batch = this.#inCore ? this.disk.core.stagingPages : 1;
    const pages = count <= batch ? bytes : viewOf(bytes);
    for (let done = 0; done < count; done += batch) {
      try {
        this.#writeBatch(index + done, pages, done, Math.min(batch, count - done), count);
      } catch (error) {
        throw withPagesDone(error, done);
      }
    }
  }

  /** Writes a batch that fits the staging area: `pages` of the `count` in `bytes`, from the `first` on. */
  #writeBatch(index: number, bytes: Uint8Array, first: number, pages: number, count: number): void {
    const { disk } = this;
    disk.checkAlive();
    const from = first * PAGE_SIZE;
    if (!this.#inCore) {
      this.#encodePage(index, viewOf(bytes, from, from + PAGE_SIZE));
      return;
    }
    const { core, address, patches } = disk;
    core.staging().set(pages === count ? bytes : viewOf(bytes, from, from + pages * PAGE_SIZE));
    const written = core.raw.zramWritePages(address, index, pages, disk.clock());
    if (patches.length > 0) disk.touched(index, written);
    if (written !== pages) throw noRoom(index + written, written);
  }

  /**
   * Stores a page with a compressor that is not the core's.
   * @param patch set if the page is a partly changed one: it is not stored when the original was written meanwhile
   * @param encoded its block, where it is compressed already; or the page itself, which does not compress
   * @returns whether it was stored
   */
  #encodePage(index: number, bytes: Uint8Array, patch?: Patch, encoded?: Uint8Array): boolean {
    const { disk, state } = this;
    const { core, address } = disk;
    const { raw, codecs } = core;
    const encoder = state.encoders[0] as Encoder;
    core.page().set(bytes);
    const begun = raw.zramWriteBegin(address, index, disk.clock());
    if (begun < 0) throw noRoom(index);
    if (begun === 1) return this.#noted(index);
    const hash = disk.dedup ? raw.zramHash() : 0;
    // Where foreign code is called, the page is a copy: whatever that code does, this is what is stored.
    const page = begun === 0 && !encoder.foreign ? core.page() : copyOf(core.page());
    try {
      if (begun > 1) {
        const [codec, length] = [begun >>> 16, begun & 0xffff];
        const candidate = copyOf(core.staging(), PAGE_SIZE, PAGE_SIZE + length);
        const holds = codecs.holds(codec, candidate, page);
        disk.checkAlive();
        if (patch?.touched) return false;
        if (holds && this.#share(index, candidate, codec, hash)) return this.#noted(index);
      }
      const block = encoded ?? encodeVerified(state, encoder, page);
      disk.checkAlive();
      if (patch?.touched) return false;
      const huge = block.length >= disk.pool.hugeClassSize;
      if (!huge) core.page().set(block);
      else if (page !== core.page()) core.page().set(page);
      const [length, codec] = huge ? [PAGE_SIZE, CODEC_PAGE] : [block.length, encoder.codec];
      if (raw.zramWriteEncoded(address, index, length, codec, hash, disk.clock()) !== 0) throw noRoom(index);
      return this.#noted(index);
    } catch (error) {
      if (error instanceof ZramError && error.code === 'EIO' && !disk.ended) {
        raw.zramCountFailed(address, 1);
        throw new ZramError('EIO', `cannot store page ${index}, which keeps its old content: ${sentenceOf(error)}`);
      }
      throw error;
    }
  }

  #noted(index: number): true {
    if (this.disk.patches.length > 0) this.disk.touched(index, 1);
    return true;
  }

  /** Deduplication: shares the object that was found to hold the page. False when it has been freed meanwhile. */
  #share(index: number, block: Uint8Array, codec: number, hash: number): boolean {
    const { core, address } = this.disk;
    core.page().set(block);
    const result = core.raw.zramWriteCandidate(address, index, block.length, codec, hash, this.disk.clock());
    if (result < 0) throw noRoom(index);
    return result === 1;
  }

  // ── pages that are compressed elsewhere ──────────────────────────────────────────────────────────────────────────

  /**
   * Compresses a page as a write does, and stores nothing.
   * @param bytes a page, checked to be one
   * @param out an array of a page or more, if there is one
   * @returns the block, or the page itself where a write would not store a block
   */
  compressPage(bytes: Uint8Array, out: Uint8Array | undefined): Uint8Array {
    const { core, pool } = this.disk;
    const { raw } = core;
    core.page().set(bytes);
    if (raw.pageSameFilled(raw.stagingAddress())) return taken(core.page(), out);
    const encoder = this.state.encoders[0] as Encoder;
    if (encoder.codec === CODEC_LZ4) {
      const length = raw.lz4Compress(lz4Level(encoder.params));
      const isBlock = length < pool.hugeClassSize;
      return taken(isBlock ? core.staging().subarray(PAGE_SIZE, PAGE_SIZE + length) : core.page(), out);
    }
    const page = encoder.foreign ? copyOf(core.page()) : core.page();
    const block = encodeVerified(this.state, encoder, page);
    this.disk.checkAlive();
    return taken(block.length < pool.hugeClassSize ? block : page, out);
  }

  /** @param bytes a block of 1 to 4096 bytes, or a page */
  writeCompressed(index: number, bytes: Uint8Array): void {
    const { disk, state } = this;
    // A copy: other threads may change it, and a compressor may change its input.
    const block = this.#copyOfBlock(bytes);
    let page: Uint8Array | undefined = block;
    if (block.length !== PAGE_SIZE) {
      const { name, codec } = state.encoders[0] as Encoder;
      page = disk.core.tryDecode(codec, block);
      disk.checkAlive();
      if (!page)
        throw new ZramError('EINVAL', `the block must be one that ${name} decompresses to a page of 4096 bytes.`);
    }
    this.#encodePage(index, page, undefined, block);
  }

  /** Without foreign code no call can come between this one and its end, so one array serves them all. */
  #copyOfBlock(bytes: Uint8Array): Uint8Array {
    const { dedup } = this.disk;
    if (dedup || this.state.encoders[0]?.foreign === true) return copyOf(bytes);
    this.#block ??= new Uint8Array(PAGE_SIZE);
    setBytes(this.#block, bytes);
    return viewOf(this.#block, 0, lengthOf(bytes));
  }

  // ── parts of pages ─────────────────────────────────────────────────────────────────────────────────────────────

  /** @param bytes checked to be bytes inside the disk */
  write(offset: number, bytes: Uint8Array): void {
    const view = viewOf(bytes);
    for (const part of partsOf(offset, view.length)) {
      const { index, inPage, at, length } = part;
      try {
        this.disk.checkAlive(); // a compressor may have ended the device
        if (part.pages > 0) this.writePages(index, viewOf(view, at, at + length));
        else if (!this.#patch(index, inPage, copyOf(view, at, at + length))) {
          throw onlyAsynchronous(index, 'change a part of it with writeAsync');
        }
      } catch (error) {
        throw withPagesDone(error, part.pagesBefore);
      }
    }
  }

  /**
   * Changes a part of a page.
   * @param piece a private copy
   * @param reading the result of a read from an asynchronous backing
   * @returns false: nothing was written, as the page is on an asynchronous backing and is not the one of `reading`
   */
  #patch(index: number, inPage: number, piece: Uint8Array, reading?: Reading): boolean {
    const { disk } = this;
    const patch: Patch = { index, touched: false };
    disk.patches.push(patch);
    try {
      for (let tries = 0; tries < PATCH_TRIES; tries++) {
        patch.touched = false;
        const now = disk.pageNow(index, reading);
        if (!now) return false;
        const page = copyOf(now);
        page.set(piece, inPage);
        disk.checkAlive(); // a compressor or backing may have ended the device, or written to the page
        if (patch.touched) continue;
        if (this.#inCore) this.writePage(index, page);
        else if (!this.#encodePage(index, page, patch)) continue;
        return true;
      }
    } finally {
      disk.patches.pop();
    }
    throw new ZramError(
      'EIO',
      `cannot change page ${index}: its compressor or backing wrote to it during each of ${PATCH_TRIES} tries.`,
    );
  }

  // ── with an asynchronous backing ───────────────────────────────────────────────────────────────────────────────

  /** @param bytes a private copy, checked to lie inside the disk */
  async writeAsync(offset: number, bytes: Uint8Array, call: AsyncCall): Promise<void> {
    for (const part of partsOf(offset, bytes.length)) {
      const { index, inPage, at, length } = part;
      const piece = viewOf(bytes, at, at + length);
      try {
        call.check();
        // Awaits only where necessary: what can be written synchronously is written when the call returns its promise.
        const rest =
          part.pages > 0 ? this.#writePagesAsync(index, piece, call) : this.#patchAsync(index, inPage, piece, call);
        if (rest) await rest;
      } catch (error) {
        throw withPagesDone(error, part.pagesBefore);
      }
    }
  }

  /** Writes whole pages, synchronously as far as possible; returns a promise for the rest, if any. */
  #writePagesAsync(index: number, bytes: Uint8Array, call: AsyncCall, from = 0): Promise<void> | undefined {
    const count = bytes.length / PAGE_SIZE;
    const batch = this.#inCore ? this.disk.core.stagingPages : 1;
    for (let done = from; done < count; done += batch) {
      try {
        const pages = Math.min(batch, count - done);
        const before = this.#turnOf(index + done, pages);
        if (before || call.due) {
          const waited = before ? call.until(before, this.disk) : call.rest(this.disk);
          return this.#goOn(index, bytes, call, done, waited);
        }
        call.check();
        this.#writeBatch(index + done, bytes, done, pages, count);
      } catch (error) {
        throw withPagesDone(error, done);
      }
    }
    return undefined;
  }

  async #goOn(index: number, bytes: Uint8Array, call: AsyncCall, from: number, waited: Promise<void>): Promise<void> {
    try {
      await waited;
      call.check();
    } catch (error) {
      throw withPagesDone(error, from);
    }
    await this.#writePagesAsync(index, bytes, call, from);
  }

  /** The earlier asynchronous call that these pages have to wait for, if any. */
  #turnOf(index: number, count: number): Promise<void> | undefined {
    if (this.#turns.size === 0) return undefined;
    for (let page = index; page < index + count; page++) {
      const turn = this.#turns.get(page);
      if (turn) return turn;
    }
    return undefined;
  }

  /** Changes a part of a page, synchronously if possible; else returns a promise. */
  #patchAsync(index: number, inPage: number, piece: Uint8Array, call: AsyncCall): Promise<void> | undefined {
    const before = this.#turns.get(index);
    this.disk.checkAlive();
    if (!before && this.#patch(index, inPage, piece)) return undefined;
    return this.#inTurn(index, before, call, () =>
      this.disk.withReading(index, call, (reading) => this.#patch(index, inPage, piece, reading)),
    );
  }

  /** Runs `work` on a page after the calls that were begun before. */
  async #inTurn(
    index: number,
    before: Promise<void> | undefined,
    call: AsyncCall,
    work: () => Promise<void>,
  ): Promise<void> {
    let over = (): void => undefined;
    const done = new Promise<void>((resolve) => (over = resolve));
    const turn = before ? before.then(() => done) : done;
    this.#turns.set(index, turn);
    void turn.then(() => {
      if (this.#turns.get(index) === turn) this.#turns.delete(index);
    });
    try {
      if (before) await call.until(before, this.disk);
      await work();
    } finally {
      over();
    }
  }
}

/** A copy, for the caller. */
function taken(bytes: Uint8Array, out: Uint8Array | undefined): Uint8Array {
  if (!out) return copyOf(bytes);
  setBytes(out, bytes);
  return viewOf(out, 0, bytes.length);
}

function noRoom(index: number, pagesDone?: number): ZramError {
  return new ZramError(
    'ENOMEM',
    `cannot allocate memory for page ${index}, which keeps its old content: mem_limit or the engine's maxMemory is reached.`,
    pagesDone,
  );
}
