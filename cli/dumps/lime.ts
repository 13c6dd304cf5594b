/**
 * LiME: ranges of physical memory one after the other, each behind a header of 32 bytes: magic, version, first and last
 * address (inclusive), and 8 bytes of zeros. Ranges are not whole pages, so what follows a range is shifted, and two
 * ranges may have a page together.
 */
import { PAGE_BYTES } from '../page-list.js';
import { dumpOf, endsEarly, type Dump } from './dump.js';
import { Extents } from './extents.js';
import { safeOffset, type Reader } from './reader.js';

export const LIME_MAGIC = 0x4c694d45;
const VERSION = 1;
const HEADER_BYTES = 32;

/** What is wrong with a header; undefined if nothing is. */
export function limeMisfit(header: Buffer): string | undefined {
  if (header.length < HEADER_BYTES) return 'it ends inside a header';
  if (header.readUInt32LE(0) !== LIME_MAGIC) return 'there is no header of LiME';
  const version = header.readUInt32LE(4);
  if (version !== VERSION) return `its version is ${version}, not ${VERSION}`;
  if (header.readBigUInt64LE(24) !== 0n) return 'the reserved field is not 0';
  const [first, last] = [header.readBigUInt64LE(8), header.readBigUInt64LE(16)];
  return first < last ? undefined : `its first address, ${hex(first)}, is not below its last, ${hex(last)}`;
}

const hex = (address: bigint): string => `0x${address.toString(16)}`;

/** @throws CliError */
export async function readLime(reader: Reader): Promise<Dump> {
  const extents = new Extents(reader.name);
  let [at, missing, truncated] = [0, 0, undefined as string | undefined];
  for (;;) {
    const header = await reader.upTo(at, HEADER_BYTES);
    if (header.length === 0 && at > 0) break;
    if (at > 0 && header.length < HEADER_BYTES) {
      truncated = endsEarly(reader, at + header.length);
      break;
    }
    const misfit = limeMisfit(header);
    // A device goes on behind the dump that was written to it.
    if (misfit !== undefined && at > 0 && reader.bytes === undefined) break;
    if (misfit !== undefined) throw reader.wrong(at, misfit);
    const [first, last] = [header.readBigUInt64LE(8), header.readBigUInt64LE(16)];
    const bytes = safeOffset(reader, at, last - first + 1n, 'the length of a range');
    const start = at + HEADER_BYTES;
    safeOffset(reader, at, BigInt(start) + BigInt(bytes), 'the end of a range');
    at = start + bytes;
    const here = Math.max(0, Math.min(bytes, (reader.bytes ?? Infinity) - start));
    const whole = here === bytes ? bytes : here - ((Number(first % BigInt(PAGE_BYTES)) + here) % PAGE_BYTES);
    if (whole > 0) extents.addPlain(start, whole, first);
    if (here === bytes) continue;
    missing = Math.ceil((bytes - Math.max(whole, 0)) / PAGE_BYTES);
    truncated = endsEarly(reader, start + here, missing);
    break;
  }
  extents.sortByAddress();
  const bytesRepeated = extents.keepFirst();
  const pagesRepeated = Math.floor(bytesRepeated / PAGE_BYTES);
  return dumpOf(reader, { format: 'lime', extents, pagesNotInDump: missing, pagesRepeated, bytesRepeated, truncated });
}
