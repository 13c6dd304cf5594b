/** CRC-32 as in zlib, PNG and gzip (polynomial 0xEDB88320), four bytes at a time: some 800 MB/s. */
import { viewOf } from '../base/bytes.js';
import { pause, pauseDue } from '../base/pacer.js';

/** At most a millisecond of work. */
const TURN_BYTES = 512 * 1024;

/** Table n has the effect of a byte followed by n zero bytes. */
const TABLES = [0, 1, 2, 3].map(() => new Int32Array(256));

{
  const [first = new Int32Array(0)] = TABLES;
  for (let byte = 0; byte < 256; byte++) {
    let crc = byte;
    for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0xedb88320 : crc >>> 1;
    first[byte] = crc;
  }
  for (const [n, table] of TABLES.entries()) {
    const before = TABLES[n - 1];
    if (before) for (let byte = 0; byte < 256; byte++) table[byte] = (before[byte] >>> 8) ^ first[before[byte] & 255];
  }
}

/**
 * Continues a checksum: `crc` is that of the bytes before these.
 * @param crc 0 to begin
 */
export function crc32(bytes: Uint8Array, crc = 0): number {
  const [t0, t1, t2, t3] = TABLES as [Int32Array, Int32Array, Int32Array, Int32Array];
  const { length } = bytes;
  crc = ~crc;
  let at = 0;
  for (; at + 4 <= length; at += 4) {
    crc ^= bytes[at] | (bytes[at + 1] << 8) | (bytes[at + 2] << 16) | (bytes[at + 3] << 24);
    crc = t3[crc & 255] ^ t2[(crc >>> 8) & 255] ^ t1[(crc >>> 16) & 255] ^ t0[crc >>> 24];
  }
  for (; at < length; at++) crc = t0[(crc ^ bytes[at]) & 255] ^ (crc >>> 8);
  return ~crc >>> 0;
}

/** As `crc32`, yielding to the event loop in between. */
export async function crc32InTurns(bytes: Uint8Array, crc: number): Promise<number> {
  for (let at = 0; at < bytes.length; at += TURN_BYTES) {
    if (pauseDue()) await pause();
    crc = crc32(viewOf(bytes, at, Math.min(at + TURN_BYTES, bytes.length)), crc);
  }
  return crc;
}
