/** What a WAL adds to its database: the last version of each page that is committed in it. By SQLite's fileformat2, section 4. */

const HEADER_BYTES = 32;
const FRAME_HEADER_BYTES = 24;

/** The database with all that the WAL holds. Frames from the first on that is not whole are left out, as SQLite does. */
export function applyWal(database: Uint8Array<ArrayBuffer>, wal: Uint8Array): Uint8Array<ArrayBuffer> {
  const view = new DataView(wal.buffer, wal.byteOffset, wal.length);
  if (wal.length < HEADER_BYTES || (view.getUint32(0) & ~1) !== 0x377f0682) return database;
  const littleEndian = (view.getUint32(0) & 1) === 0;
  const pageSize = view.getUint32(8);
  const sums = new Checksum(view, littleEndian);
  sums.add(0, HEADER_BYTES - 8);
  if (pageSize < 512 || !sums.equals(24)) return database;

  const pages = new Map<number, number>();
  let pageCount = 0;
  let transaction: [page: number, at: number][] = [];
  const frameBytes = FRAME_HEADER_BYTES + pageSize;
  for (let at = HEADER_BYTES; at + frameBytes <= wal.length; at += frameBytes) {
    const salted = view.getUint32(at + 8) === view.getUint32(16) && view.getUint32(at + 12) === view.getUint32(20);
    sums.add(at, 8);
    sums.add(at + FRAME_HEADER_BYTES, pageSize);
    if (!salted || !sums.equals(at + 16)) break;
    transaction.push([view.getUint32(at), at + FRAME_HEADER_BYTES]);
    const sizeAfter = view.getUint32(at + 4);
    if (sizeAfter === 0) continue;
    pageCount = sizeAfter;
    for (const [page, place] of transaction) pages.set(page, place);
    transaction = [];
  }
  if (pageCount === 0) return database;

  const result = new Uint8Array(pageCount * pageSize);
  result.set(database.subarray(0, result.length));
  for (const [page, at] of pages) {
    // Pages are counted from 1.
    if (page <= pageCount) result.set(wal.subarray(at, at + pageSize), (page - 1) * pageSize);
  }
  return result;
}

/** The running checksum over words, two at a time. */
class Checksum {
  #first = 0;
  #second = 0;

  constructor(
    private readonly view: DataView,
    private readonly littleEndian: boolean,
  ) {}

  add(at: number, bytes: number): void {
    const { view, littleEndian } = this;
    let [first, second] = [this.#first, this.#second];
    for (let n = at; n < at + bytes; n += 8) {
      first = (first + view.getUint32(n, littleEndian) + second) >>> 0;
      second = (second + view.getUint32(n + 4, littleEndian) + first) >>> 0;
    }
    this.#first = first;
    this.#second = second;
  }

  /** Whether it is the one that is written at this place. */
  equals(at: number): boolean {
    return this.view.getUint32(at) === this.#first && this.view.getUint32(at + 4) === this.#second;
  }
}
