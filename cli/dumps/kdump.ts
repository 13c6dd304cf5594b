/**
 * Kdump-compressed files of makedumpfile and QEMU: two bitmaps say which page frames exist and which of them are in the
 * dump; a descriptor for each of the latter, in their order, says where its compressed page is. Pages that were excluded
 * have no bit, and are no zeros. Equal pages of zeros may have one place in the file.
 *
 * Layout: IMPLEMENTATION of makedumpfile, and QEMU's include/sysemu/dump.h.
 */
import { plural } from '../format.js';
import { PAGE_BYTES } from '../page-list.js';
import { endsEarly, type Dump } from './dump.js';
import { MEMORY } from './extents.js';
import { FLATTENED_MAGIC, FlattenedSource, flattenedMisfit } from './flattened.js';
import { DESCRIPTOR_BYTES, KdumpCursor, pageOf, type PageTables } from './kdump-pages.js';
import { Reader } from './reader.js';

export const KDUMP_MAGICS: readonly Buffer[] = [Buffer.from('KDUMP   ', 'latin1'), Buffer.from('DISKDUMP', 'latin1')];

const BLOCK_BYTES_MIN = 4096;
const BLOCK_BYTES_MAX = 65536;
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

/** In `status`: there was no room for all pages. */
const INCOMPLETE = 8;

interface Header {
  readonly blockBytes: number;
  readonly status: number;
  readonly subHeaderBlocks: number;
  readonly bitmapBlocks: number;
  readonly frames: number;
  /** Where in the sub-header it says that the dump is one of several. */
  readonly splitAt: number;
  /** Where in the sub-header the number of page frames stands, if it has one of 64 bits. */
  readonly framesAt: number | undefined;
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
  const isWide = at === STATUS_WIDE;
  return {
    blockBytes,
    status: head.readUInt32LE(at),
    subHeaderBlocks,
    bitmapBlocks,
    frames: head.readUInt32LE(at + 16),
    splitAt: isWide ? 12 : 8,
    // Frames of 32-bit machines fit in the header.
    framesAt: isWide && head.readInt32LE(8) >= VERSION_64 ? 96 : undefined,
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
    const isIncomplete = (status & INCOMPLETE) !== 0;
    const tables: PageTables = {
      reader: this.reader,
      flattened: this.flattened,
      blockBytes,
      isIncomplete,
      bitmapAt: this.#bitmapAt + this.#bitmapBytes,
      descriptorsAt: this.#descriptorsAt,
      count: stored.frames,
    };
    const { missing, cut } = await this.#checkDescriptors(tables);
    const ratio = blockBytes / PAGE_BYTES;
    const notes: string[] = [];
    if (ratio > 1) notes.push(`its pages have ${blockBytes} bytes; each was cut into ${ratio}`);
    if (isIncomplete) notes.push('makedumpfile has marked it as incomplete');
    const file = this.flattened?.reader ?? this.reader;
    return {
      facts: {
        format: 'kdump',
        extents: stored.runs,
        remainders: [],
        bytesOutside: this.#bytesOutside(this.#descriptorsAt + stored.frames * DESCRIPTOR_BYTES),
        pagesNotInDump: (Math.max(0, existing.frames - stored.frames) + missing) * ratio,
        pagesRepeated: 0,
      },
      pages: (stored.frames - missing) * ratio,
      bytesPadded: 0,
      memoryPages: stored.end * ratio,
      spaces: [MEMORY],
      extents: undefined,
      notes,
      truncated: cut > 0 ? endsEarly(file, file.bytes ?? 0, cut * ratio) : this.flattened?.truncated,
      cursor: () => new KdumpCursor(tables),
    };
  }

  /** @param tables where they end */
  #bytesOutside(tables: number): number {
    const { flattened } = this;
    return flattened === undefined ? tables : flattened.bytesOutside + flattened.bytesBefore(tables);
  }

  async #frames(): Promise<number> {
    const { blockBytes, frames, splitAt, framesAt } = this.#header;
    const sub = await this.reader.exactly(blockBytes, SUB_HEADER_BYTES, 'the sub-header');
    if (sub.readInt32LE(splitAt) !== 0)
      throw this.reader.wrong(blockBytes + splitAt, 'it is one part of several; makedumpfile --reassemble joins them');
    return framesAt === undefined ? frames : Number(sub.readBigUInt64LE(framesAt));
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

  /** Looks at every descriptor; counts pages that are not there, and those of them that lie behind the file's end. */
  async #checkDescriptors(tables: PageTables): Promise<{ missing: number; cut: number }> {
    const { descriptorsAt, count } = tables;
    if (!this.reader.reaches(descriptorsAt + count * DESCRIPTOR_BYTES))
      throw this.reader.wrong(descriptorsAt, `${plural(count, 'descriptor')} lie beyond the end of the file`);
    this.#checkCovered(descriptorsAt, count * DESCRIPTOR_BYTES);
    let [missing, cut] = [0, 0];
    for (let index = 0; index < count; index++) {
      const at = descriptorsAt + index * DESCRIPTOR_BYTES;
      const page = pageOf(tables, await this.reader.exactly(at, DESCRIPTOR_BYTES, 'the descriptors'), at);
      if (page === 'cut') cut += 1;
      if (typeof page === 'string') missing += 1;
    }
    return { missing, cut };
  }
}
