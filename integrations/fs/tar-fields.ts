/**
 * The header block of a tar: where its fields are, and the numbers in them.
 *
 * Formats: v7, ustar and pax (POSIX.1-2001, pax, "ustar Interchange Format"), and GNU's (its manual, "Basic Tar Format").
 * Unit: a block of 512 bytes. Whatever two readers could understand in two ways is refused: a number with something behind
 * it, a checksum that is neither of the two that were ever written.
 */
import { refusal } from './refusal.js';

/** Bytes of a block: headers and content are padded to it. */
export const BLOCK = 512;

/** Offset and length of a field, in bytes. */
type Field = readonly [at: number, length: number];

export const FIELDS = {
  name: [0, 100],
  mode: [100, 8],
  uid: [108, 8],
  gid: [116, 8],
  size: [124, 12],
  mtime: [136, 12],
  checksum: [148, 8],
  linkname: [157, 100],
  magic: [257, 8],
  prefix: [345, 155],
} as const satisfies Record<string, Field>;

/** Offset of the byte that says what the member is. */
export const TYPE_AT = 156;

/** The most that eleven octal digits hold: sizes from 8 GiB on need another notation. */
export const OCTAL_11_MAX = 0o77777777777;
/** The most that seven octal digits hold. */
export const OCTAL_7_MAX = 0o7777777;

/** Of names: what is no UTF-8 is refused, since it would come out as another name. A byte order mark is part of a name. */
const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
const encoder = new TextEncoder();

const SPACE = 0x20;
const ZERO = 0x30;
const SEVEN = 0x37;

export function encodeText(text: string): Uint8Array {
  return encoder.encode(text);
}

/** @throws EILSEQ: not UTF-8 */
export function decodeText(bytes: Uint8Array, what: string): string {
  try {
    return decoder.decode(bytes);
  } catch {
    throw refusal('EILSEQ', `${what} is not UTF-8. Names of files are text here.`);
  }
}

/** The bytes up to the first NUL, or all. */
function untilNul(bytes: Uint8Array): Uint8Array {
  const end = bytes.indexOf(0);
  return end === -1 ? bytes : bytes.subarray(0, end);
}

export function textField(block: Uint8Array, [at, length]: Field, what: string): string {
  return decodeText(untilNul(block.subarray(at, at + length)), what);
}

/**
 * A number: octal digits between spaces, ended by spaces or NULs; or, where the first byte has its highest bit set, binary.
 * A field of nothing but spaces and NULs is 0.
 * @throws EBADMSG: neither, or beyond 2^53
 */
export function numberField(block: Uint8Array, [at, length]: Field, what: string): number {
  return block[at] >= 0x80 ? binary(block, at, length, what) : octal(block, at, length, what);
}

function octal(block: Uint8Array, at: number, length: number, what: string): number {
  const end = at + length;
  let place = at;
  while (place < end && block[place] === SPACE) place++;
  let value = 0;
  for (; place < end && block[place] >= ZERO && block[place] <= SEVEN; place++) value = value * 8 + block[place] - ZERO;
  for (; place < end; place++) {
    if (block[place] !== SPACE && block[place] !== 0) throw badNumber(what);
  }
  return value;
}

/** GNU's notation of what has too many digits: 0x80 and a number, or 0xff and a negative one in two's complement. */
function binary(block: Uint8Array, at: number, length: number, what: string): number {
  const negative = block[at] === 0xff;
  if (!negative && block[at] !== 0x80) throw badNumber(what);
  let value = 0;
  for (let place = at + 1; place < at + length; place++) {
    value = value * 256 + (negative ? 0xff - block[place] : block[place]);
    if (value >= Number.MAX_SAFE_INTEGER) throw badNumber(what);
  }
  return negative ? -value - 1 : value;
}

function badNumber(what: string): Error {
  return refusal('EBADMSG', `${what} is not a number as a tar has them`);
}

export function isZeroBlock(block: Uint8Array): boolean {
  for (const byte of block) if (byte !== 0) return false;
  return true;
}

/** The sum of a header's bytes, with its checksum counted as spaces. `signed` is how some old writers added them. */
export function checksumOf(block: Uint8Array, signed: boolean): number {
  const [from, length] = FIELDS.checksum;
  let sum = 0;
  for (let at = 0; at < BLOCK; at++) {
    const byte = at >= from && at < from + length ? SPACE : block[at];
    sum += signed && byte > 0x7f ? byte - 0x100 : byte;
  }
  return sum;
}

/** @throws EBADMSG */
export function checkChecksum(block: Uint8Array, where: string): void {
  const stored = numberField(block, FIELDS.checksum, `the checksum of the header ${where}`);
  if (stored === checksumOf(block, false) || stored === checksumOf(block, true)) return;
  throw refusal('EBADMSG', `the checksum of the header ${where} is wrong`);
}
