/** Writing whole pages of a device, with the core's compressor or another. */
import { PAGE_SIZE } from '../base/arguments.js';
import { copyOf, lengthOf, setBytes, viewOf } from '../base/bytes.js';
import { ZramError } from '../base/errors.js';
import { sentenceOf, withPagesDone } from '../base/messages.js';
import { lz4Level, type Encoder } from '../compressors/codecs.js';
import { CODEC_LZ4, CODEC_PAGE, RANGE_UNREAD, WRITE_ASKS } from '../core/layout.js';
import type { Device } from './device.js';
import type { Patch, Disk } from './disk.js';
import { encodeVerified } from './encode.js';

export class PageWriter {
  /** LZ4 is the primary compressor, so the core compresses. */
  readonly inCore: boolean;

  /** For `writeCompressed`. */
  #block: Uint8Array | undefined;

  constructor(
    readonly disk: Disk,
    readonly state: Device,
  ) {
    this.inCore = state.encoders[0]?.codec === CODEC_LZ4;
  }

  /**
   * @param bytes a page, checked to be one
   * @param patch as for `encodePage`
   * @returns whether it was stored
   */
  writePage(index: number, bytes: Uint8Array, patch?: Patch): boolean {
    const { disk } = this;
    const { core, address } = disk;
    if (!this.inCore) return this.encodePage(index, bytes, patch);
    core.page().set(bytes);
    const result = core.raw.zramWritePage(address, index, disk.clock(), 1);
    if (result === WRITE_ASKS) return this.encodePage(index, bytes, patch);
    if (result !== 0) throw noRoom(index);
    return this.#noted(index);
  }

  /** @param bytes whole pages, checked to be */
  writePages(index: number, bytes: Uint8Array): void {
    const count = lengthOf(bytes) / PAGE_SIZE;
    const batch = this.inCore ? this.disk.core.stagingPages : 1;
    // Of a fixed length where a compressor's code may run between two batches: it may shrink the array.
    const pages = count <= batch && !this.disk.dedup ? bytes : viewOf(bytes);
    for (let done = 0; done < count;) {
      try {
        done += this.#writeBatch(index + done, pages, done, Math.min(batch, count - done), count);
      } catch (error) {
        throw withPagesDone(error, done);
      }
    }
  }

  /**
   * Writes a batch that fits the staging area: `pages` of the `count` in `bytes`, from the `first` on.
   * @returns how many were stored, one at least
   */
  #writeBatch(index: number, bytes: Uint8Array, first: number, pages: number, count: number): number {
    const { disk } = this;
    disk.checkAlive();
    const from = first * PAGE_SIZE;
    if (!this.inCore) {
      this.encodePage(index, viewOf(bytes, from, from + PAGE_SIZE));
      return 1;
    }
    const { core, address, patches } = disk;
    core.staging().set(pages === count ? bytes : viewOf(bytes, from, from + pages * PAGE_SIZE));
    const result = core.raw.zramWritePages(address, index, pages, disk.clock(), 1);
    const written = result & ~RANGE_UNREAD;
    if (patches.length > 0) disk.touched(index, written);
    if (result === written && written < pages) throw noRoom(index + written, written);
    if (written > 0) return written;
    this.encodePage(index, viewOf(bytes, from, from + PAGE_SIZE));
    return 1;
  }

  /**
   * Stores a page with a compressor that is not the core's, or one that the core asks for.
   * @param patch set if the page is a partly changed one: it is not stored when the original was written meanwhile
   * @param encoded its block, where it is compressed already; or the page itself, which does not compress
   * @returns whether it was stored
   */
  encodePage(index: number, bytes: Uint8Array, patch?: Patch, encoded?: Uint8Array): boolean {
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
      if (this.inCore && !encoded) {
        core.page().set(page);
        if (raw.zramWritePage(address, index, disk.clock(), 0) !== 0) throw noRoom(index);
        return this.#noted(index);
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
    this.encodePage(index, page, undefined, block);
  }

  /** As `writeCompressed`, with the page that the block holds: the caller answers for that. */
  writeBlockOf(index: number, page: Uint8Array, bytes: Uint8Array): void {
    this.encodePage(index, page, undefined, this.#copyOfBlock(bytes));
  }

  /** Without foreign code no call can come between this one and its end, so one array serves them all. */
  #copyOfBlock(bytes: Uint8Array): Uint8Array {
    const { dedup } = this.disk;
    if (dedup || this.state.encoders[0]?.foreign === true) return copyOf(bytes);
    this.#block ??= new Uint8Array(PAGE_SIZE);
    setBytes(this.#block, bytes);
    return viewOf(this.#block, 0, lengthOf(bytes));
  }
}

/** A copy, for the caller. */
function taken(bytes: Uint8Array, out: Uint8Array | undefined): Uint8Array {
  if (!out) return copyOf(bytes);
  setBytes(out, bytes);
  return viewOf(out, 0, bytes.length);
}

export function noRoom(index: number, pagesDone?: number): ZramError {
  return new ZramError(
    'ENOMEM',
    `cannot allocate memory for page ${index}, which keeps its old content: mem_limit or the engine's maxMemory is reached.`,
    pagesDone,
  );
}
