/**
 * SQLite's write-ahead log and rollback journal: pages of a database, each behind a header of its own. (The database
 * itself is raw, and its pages begin at pages of the file.) Each is an extent of its own, whatever its size. Numbers are
 * big-endian.
 *
 * Layout: https://www.sqlite.org/fileformat2.html, sections 3 and 4.
 */
import { plural } from '../format.js';
import { dumpOf, endsEarly, type Dump } from './dump.js';
import { Extents } from './extents.js';
import type { Reader } from './reader.js';

export const WAL_MAGICS: readonly number[] = [0x377f0682, 0x377f0683];
export const JOURNAL_MAGIC = Buffer.from([0xd9, 0xd5, 0x05, 0xf9, 0x20, 0xa1, 0x63, 0xd7]);

const WAL_FORMAT = 3007000;
const WAL_HEADER_BYTES = 32;
const FRAME_HEADER_BYTES = 24;
const PAGE_BYTES_MIN = 512;
const PAGE_BYTES_MAX = 65536;

const JOURNAL_HEADER_BYTES = 28;
const SECTOR_BYTES_MIN = 32;
const SECTOR_BYTES_MAX = 65536;
/** Number of records that stands for all to the end. */
const TO_THE_END = 0xffffffff;
/** A record is a page with its number before it and its checksum behind it. */
const NUMBER_BYTES = 4;
const CHECKSUM_BYTES = 4;

const isPowerOfTwo = (value: number, least: number, most: number): boolean =>
  value >= least && value <= most && (value & (value - 1)) === 0;

export function walMisfit(head: Buffer): string | undefined {
  if (head.length < WAL_HEADER_BYTES) return 'it ends inside its header';
  const [format, page] = [head.readUInt32BE(4), head.readUInt32BE(8)];
  if (format !== WAL_FORMAT) return `its format is ${format}, not ${WAL_FORMAT}`;
  return isPowerOfTwo(page, PAGE_BYTES_MIN, PAGE_BYTES_MAX) ? undefined : `its pages have ${page} bytes`;
}

export function journalMisfit(head: Buffer): string | undefined {
  if (head.length < JOURNAL_HEADER_BYTES) return 'it ends inside its header';
  const [sector, page] = [head.readUInt32BE(20), head.readUInt32BE(24)];
  if (!isPowerOfTwo(sector, SECTOR_BYTES_MIN, SECTOR_BYTES_MAX)) return `its sectors have ${sector} bytes`;
  return isPowerOfTwo(page, PAGE_BYTES_MIN, PAGE_BYTES_MAX) ? undefined : `its pages have ${page} bytes`;
}

/** @throws CliError */
export async function readSqlite(reader: Reader): Promise<Dump> {
  const head = await reader.upTo(0, WAL_HEADER_BYTES);
  const isJournal = head.subarray(0, JOURNAL_MAGIC.length).equals(JOURNAL_MAGIC);
  if (!isJournal && (head.length < 4 || !WAL_MAGICS.includes(head.readUInt32BE(0))))
    throw reader.wrong(0, 'there is neither a write-ahead log nor a rollback journal');
  const misfit = isJournal ? journalMisfit(head) : walMisfit(head);
  if (misfit !== undefined) throw reader.wrong(0, misfit);
  return isJournal ? readJournal(reader) : readLog(reader, Buffer.from(head));
}

async function readLog(reader: Reader, head: Buffer): Promise<Dump> {
  const pageBytes = head.readUInt32BE(8);
  const salts = head.subarray(16, 24);
  const extents = new Extents(reader.name);
  let [leftover, truncated] = [0, undefined as string | undefined];
  for (let at = WAL_HEADER_BYTES; ; at += FRAME_HEADER_BYTES + pageBytes) {
    const header = await reader.upTo(at, FRAME_HEADER_BYTES);
    if (header.length === 0) break;
    const isOurs = header.length === FRAME_HEADER_BYTES && header.subarray(8, 16).equals(salts);
    const last = at + FRAME_HEADER_BYTES + pageBytes - 1;
    if ((await reader.upTo(last, 1)).length === 0) {
      truncated = endsEarly(reader, reader.bytes ?? at);
      break;
    }
    if (isOurs) extents.addPlain(at + FRAME_HEADER_BYTES, pageBytes);
    else leftover += 1;
  }
  const notes = leftover === 0 ? [] : [`${plural(leftover, 'frame')} of an earlier log left out`];
  return dumpOf(reader, { format: 'sqlite', extents, notes, truncated });
}

async function readJournal(reader: Reader): Promise<Dump> {
  const extents = new Extents(reader.name);
  let truncated: string | undefined;
  for (let at = 0; ;) {
    const head = Buffer.from(await reader.upTo(at, JOURNAL_HEADER_BYTES));
    // Zeros in place of the magic: what follows is not synced yet, and so no part of the journal.
    if (!head.subarray(0, JOURNAL_MAGIC.length).equals(JOURNAL_MAGIC)) break;
    const misfit = journalMisfit(head);
    if (misfit !== undefined) throw reader.wrong(at, misfit);
    const [records, sector, pageBytes] = [head.readUInt32BE(8), head.readUInt32BE(20), head.readUInt32BE(24)];
    const recordBytes = NUMBER_BYTES + pageBytes + CHECKSUM_BYTES;
    const start = at + sector;
    let record = 0;
    for (; record < records; record++) {
      const from = start + record * recordBytes;
      if ((await reader.upTo(from + recordBytes - 1, 1)).length === 0) break;
      extents.addPlain(from + NUMBER_BYTES, pageBytes);
    }
    const end = start + record * recordBytes;
    if (record < records) {
      if (records !== TO_THE_END || (await reader.upTo(end, 1)).length > 0)
        truncated = endsEarly(reader, reader.bytes ?? end);
      break;
    }
    at = Math.ceil(end / sector) * sector;
  }
  return dumpOf(reader, { format: 'sqlite', extents, truncated });
}
