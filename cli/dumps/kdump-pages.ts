/** Pages of a kdump: where they are by their descriptors, what decompresses them, and all of them in order. */
import * as zlib from 'node:zlib';

import { messageOf } from '../errors.js';
import { PAGE_BYTES } from '../page-list.js';
import type { PageCursor, Places } from './dump.js';
import type { FlattenedSource } from './flattened.js';
import { decodeLzo } from './lzo.js';
import { Reader } from './reader.js';
import { decodeSnappy } from './snappy.js';

export const DESCRIPTOR_BYTES = 24;
/** Pages kept decoded. */
const DECODED_MAX = 8;

/** How a page is compressed, in its descriptor's flags. */
const STORED = 0;
const ZLIB = 1;
const LZO = 2;
const SNAPPY = 4;
const ZSTD = 0x20;

/** What the tables of a dump say of its pages. */
export interface PageTables {
  readonly reader: Reader;
  /** If the dump is a flattened one: that `reader` reads. */
  readonly flattened: FlattenedSource | undefined;
  readonly blockBytes: number;
  /** Whether makedumpfile has written descriptors of pages for which there was no room any more. */
  readonly isIncomplete: boolean;
  /** Of the bitmap of pages in the dump. */
  readonly bitmapAt: number;
  readonly descriptorsAt: number;
  /** Bits of the bitmap, and so descriptors. */
  readonly count: number;
}

interface Descriptor {
  readonly offset: bigint;
  readonly size: number;
  readonly flags: number;
}

function fieldsOf(bytes: Buffer): Descriptor {
  return { offset: bytes.readBigUInt64LE(0), size: bytes.readUInt32LE(8), flags: bytes.readUInt32LE(12) };
}

/**
 * Where a page is, or why it is not in the dump.
 * @param bytes the descriptor, which stands at `at`
 * @throws CliError if there can be no such page
 */
export function pageOf(tables: PageTables, bytes: Buffer, at: number): Descriptor | 'unwritten' | 'cut' {
  const { reader, flattened, blockBytes, isIncomplete } = tables;
  const descriptor = fieldsOf(bytes);
  const { offset, size, flags } = descriptor;
  if (isIncomplete && offset === 0n && size === 0) return 'unwritten';
  methodOf(reader, flags, at);
  if (size === 0 || size > 2 * blockBytes || (flags === STORED && size !== blockBytes))
    throw reader.wrong(at, `a page of ${size} bytes cannot be`);
  const isHere = offset + BigInt(size) <= BigInt(reader.bytes ?? Number.MAX_SAFE_INTEGER);
  return isHere && flattened?.covers(Number(offset), size) !== false ? descriptor : 'cut';
}

type Method = (block: Buffer, blockBytes: number) => Buffer;

/** What makes a page of the bytes in the file, by the flags in its descriptor. @throws CliError if nothing here does */
function methodOf(reader: Reader, flags: number, at: number): Method {
  switch (flags) {
    case STORED:
      return (block) => block;
    case ZLIB:
      return inflate;
    case LZO:
      return decoded(decodeLzo);
    case SNAPPY:
      return decoded(decodeSnappy);
    case ZSTD:
      if (zstd === undefined)
        throw reader.wrong(at, 'its pages are compressed with zstd, which Node.js has from 22.15 on');
      return zstd;
    default:
      throw reader.wrong(at, `a page has unknown flags, 0x${flags.toString(16)}`);
  }
}

const decoded =
  (decode: (block: Uint8Array, out: Uint8Array) => number): Method =>
  (block, blockBytes) => {
    const page = Buffer.alloc(blockBytes);
    return page.subarray(0, decode(block, page));
  };

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

/** Pages by the bitmap, each with the next descriptor. */
export class KdumpCursor implements PageCursor {
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

  constructor(readonly tables: PageTables) {
    const { reader, blockBytes } = tables;
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
        if (!(await this.#nextPage())) break;
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

  /** Goes to the next page that the dump has; false if there is none. */
  async #nextPage(): Promise<boolean> {
    const { descriptorsAt, count } = this.tables;
    while (this.#index < count) {
      await this.#nextFrame();
      const at = descriptorsAt + this.#index * DESCRIPTOR_BYTES;
      this.#index += 1;
      const bytes = await this.#descriptors.exactly(at, DESCRIPTOR_BYTES, 'the descriptors');
      const key = bytes.toString('latin1', 0, 16);
      const page = this.#decoded.get(key) ?? (await this.#decode(at, bytes));
      if (page === undefined) continue;
      this.#page = page;
      this.#decoded.delete(key); // to be the last of the map
      this.#decoded.set(key, page);
      const [oldest = ''] = this.#decoded.keys();
      if (this.#decoded.size > DECODED_MAX) this.#decoded.delete(oldest);
      return true;
    }
    return false;
  }

  /** @param at where the descriptor is @returns undefined if the dump does not have the page */
  async #decode(at: number, bytes: Buffer): Promise<Buffer | undefined> {
    const { reader, blockBytes } = this.tables;
    const found = pageOf(this.tables, bytes, at);
    if (typeof found === 'string') return undefined;
    const { size, flags } = found;
    const offset = Number(found.offset);
    const method = methodOf(reader, flags, at);
    // A copy: a page that is stored as it is would go with the window.
    const block = Buffer.from(await reader.exactly(offset, size, 'a page'));
    try {
      const page = method(block, blockBytes);
      if (page.length !== blockBytes) throw new Error(`it has ${page.length} bytes`);
      return page;
    } catch (error) {
      throw reader.wrong(offset, `a page cannot be decompressed: ${messageOf(error)}`);
    }
  }

  async #nextFrame(): Promise<void> {
    for (;;) {
      this.#frame += 1;
      const at = this.tables.bitmapAt + Math.floor(this.#frame / 8);
      const [byte = 0] = await this.#bitmap.exactly(at, 1, 'a bitmap');
      if ((byte & (1 << (this.#frame % 8))) !== 0) return;
      // Whole bytes without a bit are passed at once.
      if (byte === 0) this.#frame += 7 - (this.#frame % 8);
    }
  }
}
