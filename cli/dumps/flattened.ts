/**
 * Flattened dumps of makedumpfile, which QEMU's `dump-guest-memory -z` writes as well: a file that was written in any
 * order, as records of offset, length and bytes, so that it could go through a pipe. Here it reads as the file it stands for.
 * Numbers of records are big-endian.
 */
import { endsEarly } from './dump.js';
import type { Reader, Source } from './reader.js';

export const FLATTENED_MAGIC = Buffer.from('makedumpfile\0\0\0\0', 'latin1');
const HEADER_BYTES = 4096;
const RECORD_HEADER_BYTES = 16;
const TYPE = 1n;
const VERSION = 1n;
const END = -1n;
/** Most records, each of which takes 24 bytes here: QEMU's have some 16 KiB, and are 250 GB then. */
const RECORDS_MAX = 2 ** 24;

export function flattenedMisfit(head: Buffer): string | undefined {
  if (head.length < 32) return 'it ends inside its header';
  if (head.readBigInt64BE(16) !== TYPE || head.readBigInt64BE(24) !== VERSION) return 'its type or version is not 1';
  return undefined;
}

/** The file that a flattened one stands for. */
export class FlattenedSource implements Source {
  /** Three numbers a record, by their first: where it begins in the file meant, its length, and where it stands here. */
  readonly #records: Float64Array;
  readonly #count: number;
  readonly bytes: number;
  /** Bytes of records' headers, of the header and behind the last record. */
  readonly bytesOutside: number;

  private constructor(
    readonly reader: Reader,
    records: Float64Array,
    /** The sentence that says where the file ended too early. */
    readonly truncated: string | undefined,
  ) {
    this.#records = records;
    this.#count = records.length / 3;
    const last = this.#count - 1;
    this.bytes = this.#count === 0 ? 0 : this.#start(last) + this.#length(last);
    const payload = this.bytesBefore(this.bytes);
    this.bytesOutside = Math.max(0, (reader.bytes ?? payload) - payload);
  }

  get name(): string {
    return this.reader.name;
  }

  /** Finds all records. @throws CliError */
  static async open(reader: Reader): Promise<FlattenedSource> {
    let [found, count] = [new Float64Array(3 * 64), 0];
    let truncated: string | undefined;
    for (let at = HEADER_BYTES; ;) {
      const header = await reader.upTo(at, RECORD_HEADER_BYTES);
      if (header.length < RECORD_HEADER_BYTES) {
        truncated = endsEarly(reader, at + header.length);
        break;
      }
      const [offset, length] = [header.readBigInt64BE(0), header.readBigInt64BE(8)];
      if (offset === END && length === END) break;
      const start = at + RECORD_HEADER_BYTES;
      if (offset < 0n || length <= 0n || offset + length > BigInt(Number.MAX_SAFE_INTEGER))
        throw reader.wrong(at, `a record of ${length} bytes at ${offset} cannot be`);
      if (!reader.reaches(start + Number(length))) {
        truncated = endsEarly(reader, reader.bytes ?? at);
        break;
      }
      if (count === RECORDS_MAX) throw reader.wrong(at, `there are more than ${RECORDS_MAX} records`);
      if (found.length === 3 * count) {
        const more = new Float64Array(2 * found.length);
        more.set(found);
        found = more;
      }
      found.set([Number(offset), Number(length), start], 3 * count);
      count += 1;
      at = start + Number(length);
    }
    return new FlattenedSource(reader, sorted(reader, found.subarray(0, 3 * count)), truncated);
  }

  async read(offset: number, out: Uint8Array): Promise<number> {
    const wanted = Math.max(0, Math.min(out.length, this.bytes - offset));
    let record = this.#recordAt(offset);
    for (let filled = 0; filled < wanted;) {
      const at = offset + filled;
      while (record < this.#count && this.#start(record) + this.#length(record) <= at) record++;
      const gap = Math.min(wanted - filled, Math.max(0, this.#start(record) - at));
      // What no record names was a hole of the file that was written.
      out.fill(0, filled, filled + gap);
      filled += gap;
      if (gap > 0) continue;
      const inside = at - this.#start(record);
      const count = Math.min(wanted - filled, this.#length(record) - inside);
      await this.reader.fill(this.#place(record) + inside, out.subarray(filled, filled + count), 'a record');
      filled += count;
    }
    return wanted;
  }

  /** Whether records name all bytes of a range: a hole may be zeros of pages, but no table. */
  covers(offset: number, bytes: number): boolean {
    let record = this.#recordAt(offset);
    for (let at = offset; at < offset + bytes; record++) {
      if (record >= this.#count || this.#start(record) > at) return false;
      at = Math.max(at, this.#start(record) + this.#length(record));
    }
    return true;
  }

  /** Bytes that records have before `offset`. */
  bytesBefore(offset: number): number {
    let bytes = 0;
    for (let record = 0; record < this.#count && this.#start(record) < offset; record++)
      bytes += Math.min(this.#length(record), offset - this.#start(record));
    return bytes;
  }

  close(): Promise<void> {
    return this.reader.close();
  }

  /** The last record that begins at `offset` or before it, or the first. */
  #recordAt(offset: number): number {
    let [low, high] = [0, this.#count];
    while (low + 1 < high) {
      const middle = (low + high) >> 1;
      if (this.#start(middle) <= offset) low = middle;
      else high = middle;
    }
    return low;
  }

  #start(record: number): number {
    return this.#records[record * 3] ?? Infinity;
  }

  #length(record: number): number {
    return this.#records[record * 3 + 1] ?? 0;
  }

  #place(record: number): number {
    return this.#records[record * 3 + 2] ?? 0;
  }
}

/** Records by their offsets; those that overlap are refused, as they could name a short file's bytes for ever. */
function sorted(reader: Reader, found: Float64Array): Float64Array {
  const start = (record: number) => found[record * 3] ?? 0;
  const order = Uint32Array.from({ length: found.length / 3 }, (_, record) => record).sort(
    (a, b) => start(a) - start(b),
  );
  const records = new Float64Array(found.length);
  let end = 0;
  order.forEach((from, to) => {
    const [offset, length, place] = found.subarray(from * 3, from * 3 + 3);
    if (offset < end) throw reader.wrong(place - RECORD_HEADER_BYTES, `a record overlaps another one at ${offset}`);
    end = offset + length;
    records.set([offset, length, place], to * 3);
  });
  return records;
}
