/**
 * How a journal or WAL is kept in two streams, so that its database pages lie on page boundaries: there each costs what an
 * aligned page costs, and meets the equal page of the database when pages merge.
 *
 * A journal is 512 bytes of header, then records of page number (4 bytes), page, checksum (4 bytes); a WAL is 32 bytes,
 * then frames of header (24 bytes) and page. Bytes of pages make one stream and all others, in their order, the other. So
 * any byte of the file has its place, whatever is in it, and the file is as long as both streams together.
 */

/** A part of the file, in one piece in one of the streams. */
export interface Piece {
  readonly inPages: boolean;
  /** Its first byte in the stream. */
  at: number;
  length: number;
}

const JOURNAL_MAGIC = [0xd9, 0xd5, 0x05, 0xf9, 0x20, 0xa1, 0x63, 0xd7];
const JOURNAL_HEADER = 512;
const WAL_MAGIC = [0x37, 0x7f, 0x06]; // and 0x82 or 0x83
const WAL_HEADER = 32;
const ALIGNED = 4096;

/** Marks a file as the first stream of two. The numbers follow: kind, and the page size as four bytes. */
const MAGIC = new TextEncoder().encode('zram-parts1');
/** Bytes of the description with which the first stream begins. */
export const DESCRIPTION_BYTES = 16;

export class Parting {
  /** Bytes before a page and behind it, in each record. */
  private readonly before: number;
  private readonly others: number;
  /** Bytes of the file before its first record. */
  private readonly header: number;
  private readonly record: number;

  constructor(
    readonly isWal: boolean,
    readonly pageSize: number,
  ) {
    this.header = isWal ? WAL_HEADER : JOURNAL_HEADER;
    this.before = isWal ? 24 : 4;
    this.others = isWal ? 24 : 8;
    this.record = this.others + pageSize;
  }

  /** For a file that begins with these bytes; undefined if it is no journal or WAL of pages of 4096 bytes or a multiple. */
  static of(start: Uint8Array): Parting | undefined {
    if (start.length < WAL_HEADER) return undefined;
    const isWal = WAL_MAGIC.every((byte, n) => start[n] === byte) && (start[3] & 0xfe) === 0x82;
    if (!isWal && !JOURNAL_MAGIC.every((byte, n) => start[n] === byte)) return undefined;
    const at = isWal ? 8 : 24;
    return Parting.#checked(isWal, new DataView(start.buffer, start.byteOffset).getUint32(at));
  }

  static #checked(isWal: boolean, pageSize: number): Parting | undefined {
    const fits = pageSize >= ALIGNED && pageSize <= 65536 && (pageSize & (pageSize - 1)) === 0;
    return fits ? new Parting(isWal, pageSize) : undefined;
  }

  /** From the description at the start of a first stream; undefined if it is none. */
  static described(start: Uint8Array): Parting | undefined {
    if (start.length < DESCRIPTION_BYTES || !MAGIC.every((byte, n) => start[n] === byte)) return undefined;
    return Parting.#checked(start[MAGIC.length] === 1, new DataView(start.buffer, start.byteOffset).getUint32(12));
  }

  describe(): Uint8Array {
    const bytes = new Uint8Array(DESCRIPTION_BYTES);
    bytes.set(MAGIC);
    bytes[MAGIC.length] = this.isWal ? 1 : 0;
    new DataView(bytes.buffer).setUint32(12, this.pageSize);
    return bytes;
  }

  /** Of the first `size` bytes of the file, how many are in the stream of pages. */
  pageBytes(size: number): number {
    if (size <= this.header) return 0;
    const records = Math.floor((size - this.header) / this.record);
    const rest = size - this.header - records * this.record;
    return records * this.pageSize + Math.min(this.pageSize, Math.max(0, rest - this.before));
  }

  /** Of a file whose streams are so long, how many bytes from its start are in both. */
  wholeSize(othersSize: number, pagesSize: number): number {
    const { header, before, others, pageSize, record } = this;
    const pages = Math.floor(pagesSize / pageSize);
    const byPages = header + pages * record + before + (pagesSize - pages * pageSize);
    if (othersSize < header + before) return othersSize;
    const records = Math.floor((othersSize - header - before) / others) + 1;
    return Math.min(byPages, othersSize + records * pageSize);
  }

  /** The piece at a place in the file, at most `length` bytes of it. It is written into `piece`. */
  pieceAt(at: number, length: number, piece: { -readonly [K in keyof Piece]: Piece[K] }): void {
    const { before, pageSize } = this;
    if (at < this.header) {
      piece.inPages = false;
      piece.at = at;
      piece.length = Math.min(length, this.header + before - at);
      return;
    }
    const records = Math.floor((at - this.header) / this.record);
    const inRecord = at - this.header - records * this.record;
    const others = this.header + records * this.others;
    if (inRecord < before) {
      piece.inPages = false;
      piece.at = others + inRecord;
      piece.length = Math.min(length, before - inRecord);
    } else if (inRecord < before + pageSize) {
      piece.inPages = true;
      piece.at = records * pageSize + inRecord - before;
      piece.length = Math.min(length, before + pageSize - inRecord);
    } else {
      // What is behind a page is followed, in this stream, by what is before the next.
      piece.inPages = false;
      piece.at = others + inRecord - pageSize;
      piece.length = Math.min(length, this.record - inRecord + before);
    }
  }

  /** Whether a WAL's bytes at this place are a frame's header that ends a transaction. */
  endsTransaction(at: number, bytes: Uint8Array): boolean {
    if (!this.isWal || bytes.length < 8 || at < this.header || (at - this.header) % this.record !== 0) return false;
    return (bytes[4] | bytes[5] | bytes[6] | bytes[7]) !== 0; // the size of the database after it
  }
}
