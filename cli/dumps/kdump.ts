/**
 * Kdump-compressed files of makedumpfile and QEMU: two bitmaps say which page frames exist and which of them are in the
 * dump; a descriptor for each of the latter, in their order, says where its compressed page is. Pages that were excluded
 * have no bit, and are no zeros. Equal pages of zeros may have one place in the file.
 *
 * Layout: IMPLEMENTATION of makedumpfile, and QEMU's include/sysemu/dump.h.
 */
import * as zlib from 'node:zlib';

import { messageOf } from '../errors.js';
import { plural } from '../format.js';
import { PAGE_BYTES } from '../page-list.js';
import { endsEarly, type Dump, type PageCursor, type Places } from './dump.js';
import { MEMORY } from './extents.js';
import { FLATTENED_MAGIC, FlattenedSource, flattenedMisfit } from './flattened.js';
import { Reader } from './reader.js';

export const KDUMP_MAGICS: readonly Buffer[] = [Buffer.from('KDUMP   ', 'latin1'), Buffer.from('DISKDUMP', 'latin1')];

const BLOCK_BYTES_MIN = 4096;
const BLOCK_BYTES_MAX = 65536;
const DESCRIPTOR_BYTES = 24;
const SUB_HEADER_BYTES = 104;
/** From this version on, the sub-header has a number of page frames of 64 bits. */
const VERSION_64 = 6;
/** 64 TiB in pages of 4096: a bitmap of 2 GiB. */
const FRAMES_MAX = 2 ** 34;
/** Offset of `status` in the header; with 32-bit words the times before it are shorter. */
const STATUS_WIDE = 424;
const STATUS_NARROW = 412;
/** As much of the header as is read. */
const HEADER_BYTES = STATUS_WIDE + 20;

/** Pages kept decoded. */
const DECODED_MAX = 8;

const STORED = 0;
const ZLIB = 1;
const LZO = 2;
const SNAPPY = 4;
const ZSTD = 0x20;
const INCOMPLETE = 8;

interface Header {
  readonly blockBytes: number;
  readonly version: number;
  readonly status: number;
  readonly subHeaderBlocks: number;
  readonly bitmapBlocks: number;
  readonly frames: number;
}

const isBlockSize = (bytes: number): boolean =>
  bytes >= BLOCK_BYTES_MIN && bytes <= BLOCK_BYTES_MAX && (bytes & (bytes - 1)) === 0;

/** The header's fields; a sentence if they do not fit. */
function headerOf(head: Buffer, size: number | undefined): Header | string {
  if (head.length < HEADER_BYTES) return 'it ends inside its header';
  const wide = headerAt(head, STATUS_WIDE, size);
  if (typeof wide !== 'string') return wide;
  // With 32-bit words, the number of page frames stands where the size of a block would, and may look like one.
  const narrow = headerAt(head, STATUS_NARROW, size);
  return typeof narrow !== 'string' || isBlockSize(head.readInt32LE(STATUS_NARROW + 4)) ? narrow : wide;
}

function headerAt(head: Buffer, at: number, size: number | undefined): Header | string {
  const blockBytes = head.readInt32LE(at + 4);
  if (!isBlockSize(blockBytes)) return `its blocks have ${blockBytes} bytes`;
  const [subHeaderBlocks, bitmapBlocks] = [head.readInt32LE(at + 8), head.readUInt32LE(at + 12)];
  const tables = (1 + subHeaderBlocks + bitmapBlocks) * blockBytes;
  if (subHeaderBlocks < 1 || bitmapBlocks < 2 || (size !== undefined && tables > size))
    return 'its tables lie beyond the end of the file';
  const frames = head.readUInt32LE(at + 16);
  return {
    blockBytes,
    version: head.readInt32LE(8),
    status: head.readUInt32LE(at),
    subHeaderBlocks,
    bitmapBlocks,
    frames,
  };
}

export function kdumpMisfit(head: Buffer, size: number | undefined): string | undefined {
  const header = headerOf(head, size);
  return typeof header === 'string' ? header : undefined;
}

/** A dump as it is, or flattened. @throws CliError */
export async function readKdump(reader: Reader): Promise<Dump> {
  const head = await reader.upTo(0, 512);
  if (KDUMP_MAGICS.some((magic) => head.subarray(0, 8).equals(magic))) return new KdumpReader(reader).read();
  if (!head.subarray(0, FLATTENED_MAGIC.length).equals(FLATTENED_MAGIC))
    throw reader.wrong(0, 'it is not a kdump-compressed dump, nor a flattened one');
  const misfit = flattenedMisfit(head);
  if (misfit !== undefined) throw reader.wrong(0, misfit);
  const flattened = await FlattenedSource.open(reader);
  const inner = new Reader(flattened);
  const start = await inner.upTo(0, 8);
  if (!KDUMP_MAGICS.some((magic) => start.equals(magic)))
    throw reader.wrong(0, 'the flattened file holds no kdump; makedumpfile -R makes the plain file of it');
  return new KdumpReader(inner, flattened).read();
}

/** Reads the tables of a dump, and checks all of them before a page is read. */
class KdumpReader {
  #header!: Header;
  #bitmapAt = 0;
  #bitmapBytes = 0;
  #descriptorsAt = 0;

  constructor(
    readonly reader: Reader,
    readonly flattened?: FlattenedSource,
  ) {}

  async read(): Promise<Dump> {
    const header = headerOf(await this.reader.upTo(0, 512), undefined);
    if (typeof header === 'string') throw this.reader.wrong(0, header);
    this.#header = header;
    const frames = await this.#frames();
    const { blockBytes, subHeaderBlocks, bitmapBlocks, status } = header;
    this.#bitmapAt = (1 + subHeaderBlocks) * blockBytes;
    this.#bitmapBytes = (bitmapBlocks * blockBytes) / 2;
    this.#descriptorsAt = this.#bitmapAt + bitmapBlocks * blockBytes;
    if (!this.reader.reaches(this.#descriptorsAt))
      throw this.reader.wrong(0, 'its tables lie beyond the end of the file');
    if (frames > FRAMES_MAX || Math.ceil(frames / 8) > this.#bitmapBytes)
      throw this.reader.wrong(0, `${frames} page frames are more than its bitmaps have`);
    this.#checkCovered(0, HEADER_BYTES);
    this.#checkCovered(blockBytes, SUB_HEADER_BYTES);
    this.#checkCovered(this.#bitmapAt, bitmapBlocks * blockBytes);
    const [existing, stored] = [await this.#count(0, frames), await this.#count(this.#bitmapBytes, frames)];
    const { missing, truncated } = await this.#checkDescriptors(stored.frames);
    const ratio = blockBytes / PAGE_BYTES;
    const present = stored.frames - missing;
    const notes: string[] = [];
    if (ratio > 1) notes.push(`its pages have ${blockBytes} bytes; each was cut into ${ratio}`);
    if ((status & INCOMPLETE) !== 0) notes.push('makedumpfile has marked it as incomplete');
    const notInDump = Math.max(0, existing.frames - stored.frames) + missing;
    return {
      facts: {
        format: 'kdump',
        extents: stored.runs,
        remainders: [],
        bytesOutside: this.#bytesOutside(this.#descriptorsAt + stored.frames * DESCRIPTOR_BYTES),
        pagesNotInDump: notInDump * ratio,
        pagesRepeated: 0,
      },
      pages: present * ratio,
      bytesPadded: 0,
      memoryPages: stored.end * ratio,
      spaces: [MEMORY],
      extents: undefined,
      notes,
      truncated: truncated ?? this.flattened?.truncated,
      cursor: () =>
        new KdumpCursor(this.reader, blockBytes, this.#bitmapAt + this.#bitmapBytes, this.#descriptorsAt, present),
    };
  }

  /** @param tables where they end */
  #bytesOutside(tables: number): number {
    const { flattened } = this;
    return flattened === undefined ? tables : flattened.bytesOutside + flattened.bytesBefore(tables);
  }

  async #frames(): Promise<number> {
    const { version, blockBytes, frames } = this.#header;
    const sub = await this.reader.exactly(blockBytes, SUB_HEADER_BYTES, 'the sub-header');
    if (sub.readInt32LE(12) !== 0)
      throw this.reader.wrong(blockBytes + 12, 'it is one part of several; makedumpfile --reassemble joins them');
    return version < VERSION_64 ? frames : Number(sub.readBigUInt64LE(96));
  }

  #checkCovered(offset: number, bytes: number): void {
    if (this.flattened?.covers(offset, bytes) === false)
      throw this.reader.wrong(offset, 'records of the flattened file leave a gap in its tables');
  }

  /** Bits of a bitmap, the runs in which they stand, and the frame behind the last. */
  async #count(bitmap: number, frames: number): Promise<{ frames: number; runs: number; end: number }> {
    let [set, runs, before, end] = [0, 0, 0, 0];
    for (let byte = 0; byte < Math.ceil(frames / 8); byte += PAGE_BYTES) {
      const length = Math.min(PAGE_BYTES, Math.ceil(frames / 8) - byte);
      const bytes = await this.reader.exactly(this.#bitmapAt + bitmap + byte, length, 'a bitmap');
      for (const [index, whole] of bytes.entries()) {
        // Bits of the last byte may stand for no frame.
        const value = whole & (2 ** Math.min(8, frames - (byte + index) * 8) - 1);
        if (value !== 0) end = (byte + index) * 8 + 32 - Math.clz32(value);
        if (value === 0 || (value === 0xff && before === 1)) {
          if (value === 0xff) set += 8;
          else before = 0;
          continue;
        }
        for (let bit = 0; bit < 8 && (byte + index) * 8 + bit < frames; bit++) {
          const one = (value >> bit) & 1;
          set += one;
          if (one > before) runs += 1;
          before = one;
        }
      }
    }
    return { frames: set, runs, end };
  }

  /** Looks at every descriptor: those whose pages lie behind the end must be the last ones that were written. */
  async #checkDescriptors(count: number): Promise<{ missing: number; truncated: string | undefined }> {
    const { blockBytes } = this.#header;
    if (!this.reader.reaches(this.#descriptorsAt + count * DESCRIPTOR_BYTES))
      throw this.reader.wrong(this.#descriptorsAt, `${plural(count, 'descriptor')} lie beyond the end of the file`);
    this.#checkCovered(this.#descriptorsAt, count * DESCRIPTOR_BYTES);
    let whole = 0;
    let missing = 0;
    for (let index = 0; index < count; index++) {
      const at = this.#descriptorsAt + index * DESCRIPTOR_BYTES;
      const descriptor = await this.reader.exactly(at, DESCRIPTOR_BYTES, 'the descriptors');
      const { offset, size, flags } = fieldsOf(descriptor);
      const method = methodOf(flags);
      if (typeof method === 'string') throw this.reader.wrong(at, method);
      if (size === 0 || size > 2 * blockBytes || (flags === STORED && size !== blockBytes))
        throw this.reader.wrong(at, `a page of ${size} bytes cannot be`);
      const end = offset + BigInt(size);
      const here = end <= BigInt(this.reader.bytes ?? Number.MAX_SAFE_INTEGER);
      if (here && missing === 0 && this.flattened?.covers(Number(offset), size) !== false) whole = index + 1;
      else missing += 1;
    }
    if (missing === 0) return { missing, truncated: undefined };
    return { missing: count - whole, truncated: endsEarly(this.reader, this.reader.bytes ?? 0, count - whole) };
  }
}

function fieldsOf(descriptor: Buffer): { offset: bigint; size: number; flags: number } {
  return {
    offset: descriptor.readBigUInt64LE(0),
    size: descriptor.readUInt32LE(8),
    flags: descriptor.readUInt32LE(12),
  };
}

type Method = (block: Buffer, blockBytes: number) => Buffer;

/** What makes a page of the bytes in the file; a sentence if nothing here does. */
function methodOf(flags: number): Method | string {
  switch (flags) {
    case STORED:
      return (block) => block;
    case ZLIB:
      return inflate;
    case ZSTD:
      return zstd ?? 'its pages are compressed with zstd, which Node.js has from 22.15 on';
    case LZO:
    case SNAPPY:
      return (
        `its pages are compressed with ${flags === LZO ? 'LZO' : 'snappy'}, which is not read; ` +
        `'makedumpfile -c -d 0 IN OUT' makes one with zlib`
      );
    default:
      return `a page has unknown flags, 0x${flags.toString(16)}`;
  }
}

function inflate(block: Buffer, blockBytes: number): Buffer {
  // With `info`, it says how much of the block it has used. Node's types do not know that.
  const options = { maxOutputLength: blockBytes, info: true };
  const { buffer, engine } = zlib.inflateSync(block, options) as unknown as {
    buffer: Buffer;
    engine: { bytesWritten: number };
  };
  if (engine.bytesWritten !== block.length) throw new Error('bytes follow its end');
  return buffer;
}

/** As far as it is used here; the types of Node 20 do not know it. */
const { zstdDecompressSync } = zlib as {
  zstdDecompressSync?: (block: Uint8Array, options: { maxOutputLength: number }) => Buffer;
};
const zstd: Method | undefined =
  zstdDecompressSync && ((block, blockBytes) => zstdDecompressSync(block, { maxOutputLength: blockBytes }));

/** Pages by the second bitmap, each with the next descriptor. */
class KdumpCursor implements PageCursor {
  #frame = -1;
  #index = 0;
  /** The last pages that were decoded, by their places: all pages of zeros may have one. */
  readonly #decoded = new Map<string, Buffer>();
  #page: Buffer = Buffer.alloc(0);
  /** Pieces of the page at hand that were given out. */
  #pieces: number;
  readonly #ratio: number;
  /** Bitmap, descriptors and pages are gone through side by side, each with a window of its own. */
  readonly #bitmap: Reader;
  readonly #descriptors: Reader;

  constructor(
    readonly reader: Reader,
    readonly blockBytes: number,
    readonly bitmapAt: number,
    readonly descriptorsAt: number,
    readonly count: number,
  ) {
    this.#bitmap = new Reader(reader.source);
    this.#descriptors = new Reader(reader.source);
    this.#ratio = blockBytes / PAGE_BYTES;
    this.#pieces = this.#ratio;
  }

  async next(out: Uint8Array, places?: Places): Promise<number> {
    const room = Math.floor(out.length / PAGE_BYTES);
    let filled = 0;
    for (; filled < room; filled++) {
      if (this.#pieces === this.#ratio) {
        if (this.#index === this.count) break;
        await this.#nextPage();
        this.#pieces = 0;
      }
      const from = this.#pieces * PAGE_BYTES;
      out.set(this.#page.subarray(from, from + PAGE_BYTES), filled * PAGE_BYTES);
      if (places !== undefined) {
        places.spaces[filled] = 0;
        places.pages[filled] = this.#frame * this.#ratio + this.#pieces;
      }
      this.#pieces += 1;
    }
    return filled;
  }

  async #nextPage(): Promise<void> {
    await this.#nextFrame();
    const at = this.descriptorsAt + this.#index * DESCRIPTOR_BYTES;
    this.#index += 1;
    const descriptor = await this.#descriptors.exactly(at, DESCRIPTOR_BYTES, 'the descriptors');
    const key = descriptor.toString('latin1', 0, 16);
    this.#page = this.#decoded.get(key) ?? (await this.#decode(descriptor));
    this.#decoded.delete(key); // to be the last of the map
    this.#decoded.set(key, this.#page);
    const [oldest = ''] = this.#decoded.keys();
    if (this.#decoded.size > DECODED_MAX) this.#decoded.delete(oldest);
  }

  async #decode(descriptor: Buffer): Promise<Buffer> {
    const { offset, size, flags } = fieldsOf(descriptor);
    const at = Number(offset);
    const method = methodOf(flags);
    if (typeof method === 'string') throw this.reader.wrong(at, method);
    // A copy: a page that is stored as it is would go with the window.
    const block = Buffer.from(await this.reader.exactly(at, size, 'a page'));
    try {
      const page = method(block, this.blockBytes);
      if (page.length !== this.blockBytes) throw new Error(`it has ${page.length} bytes`);
      return page;
    } catch (error) {
      throw this.reader.wrong(at, `a page cannot be decompressed: ${messageOf(error)}`);
    }
  }

  async #nextFrame(): Promise<void> {
    for (;;) {
      this.#frame += 1;
      const [byte = 0] = await this.#bitmap.exactly(this.bitmapAt + Math.floor(this.#frame / 8), 1, 'a bitmap');
      if ((byte & (1 << (this.#frame % 8))) !== 0) return;
      // Whole bytes without a bit are passed at once.
      if (byte === 0) this.#frame += 7 - (this.#frame % 8);
    }
  }
}
