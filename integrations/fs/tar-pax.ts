/**
 * The records of pax headers: what a member has beyond the fields of its header block.
 *
 * A record is `<length> <key>=<value>\n`, its length counted in bytes and with itself (POSIX.1-2001, pax, "pax Extended
 * Header"). A record that is cut, has another length or comes twice is refused: readers that take the first and readers
 * that take the last would see two different archives.
 */
import { decodeText, encodeText } from './tar-fields.js';
import { refusal } from './refusal.js';

/** Values by key. An empty value takes back what a global header said. */
export interface PaxRecords {
  values: Map<string, string>;
  /** Of GNU's sparse format 0.0, which repeats its keys: offset and length, alternating. */
  sparse: string[];
}

const SPACE = 0x20;
const EQUALS = 0x3d;
const NEWLINE = 0x0a;
/** Digits of a record's length: more than the largest header has. */
const LENGTH_DIGITS_MAX = 9;

/** Keys whose values are names, which must be text; others may hold any bytes and are not looked at. */
const USED = new Set(['path', 'linkpath', 'size', 'uid', 'gid', 'mtime', 'atime']);
const isUsed = (key: string): boolean => USED.has(key) || key.startsWith('GNU.sparse.');

/** @throws EBADMSG: not records; EILSEQ: a name that is no UTF-8 */
export function parsePax(bytes: Uint8Array, where: string): PaxRecords {
  const records: PaxRecords = { values: new Map(), sparse: [] };
  for (let at = 0; at < bytes.length;) {
    const space = bytes.indexOf(SPACE, at);
    const length = space === -1 || space - at > LENGTH_DIGITS_MAX ? NaN : decimal(bytes.subarray(at, space));
    const end = at + length;
    const equals = bytes.indexOf(EQUALS, space);
    const whole = end <= bytes.length && bytes[end - 1] === NEWLINE && equals > space + 1 && equals < end;
    if (!whole) throw refusal('EBADMSG', `the pax header ${where} has a record that is not one, at byte ${at} of it`);
    const key = decodeText(bytes.subarray(space + 1, equals), `a key of the pax header ${where}`);
    if (isUsed(key)) add(records, key, bytes.subarray(equals + 1, end - 1), where);
    at = end;
  }
  return records;
}

function add({ values, sparse }: PaxRecords, key: string, bytes: Uint8Array, where: string): void {
  const value = decodeText(bytes, `${key} of the pax header ${where}`);
  if (value.includes('\0')) throw refusal('EINVAL', `${key} of the pax header ${where} has a NUL in it`);
  if (key === 'GNU.sparse.offset' || key === 'GNU.sparse.numbytes') {
    const isOffset = key === 'GNU.sparse.offset';
    if (isOffset !== (sparse.length % 2 === 0)) {
      throw refusal('EBADMSG', `the pax header ${where} does not alternate offsets and lengths of a sparse file`);
    }
    sparse.push(value);
    return;
  }
  if (values.has(key)) throw refusal('EBADMSG', `the pax header ${where} has ${key} twice`);
  values.set(key, value);
}

/** A number of decimal digits; NaN for everything else. */
function decimal(bytes: Uint8Array): number {
  let value = 0;
  for (const byte of bytes) {
    if (byte < 0x30 || byte > 0x39) return NaN;
    value = value * 10 + byte - 0x30;
  }
  return bytes.length === 0 ? NaN : value;
}

/** A whole number of a pax header or a sparse map. @throws EBADMSG */
export function wholeNumber(text: string, what: string): number {
  const value = /^\d{1,16}$/.test(text) ? Number(text) : NaN;
  if (Number.isSafeInteger(value)) return value;
  throw refusal('EBADMSG', `${what} is not a whole number: ${JSON.stringify(text)}`);
}

/** Seconds with a fraction, as milliseconds. @throws EBADMSG */
export function milliseconds(text: string, what: string): number {
  const parts = /^(-?)(\d{1,13})(?:\.(\d*))?$/.exec(text);
  if (parts === null) throw refusal('EBADMSG', `${what} is not a time: ${JSON.stringify(text)}`);
  const [, sign, whole, fraction = ''] = parts;
  const value = Number(whole) * 1000 + Number(fraction.slice(0, 9).padEnd(9, '0')) / 1e6;
  return sign === '-' ? -value : value;
}

/** Milliseconds as seconds with as many digits as are needed; the inverse of `milliseconds`. */
export function secondsText(ms: number): string {
  const size = Math.abs(ms);
  let whole = Math.floor(size / 1000);
  let nanoseconds = Math.round((size - whole * 1000) * 1e6);
  if (nanoseconds === 1e9) [whole, nanoseconds] = [whole + 1, 0];
  const fraction = String(nanoseconds).padStart(9, '0').replace(/0+$/, '');
  return `${ms < 0 ? '-' : ''}${whole}${fraction === '' ? '' : `.${fraction}`}`;
}

/** The bytes of a pax header with these records. */
export function paxBytes(records: readonly (readonly [key: string, value: string])[]): Uint8Array {
  return encodeText(records.map(([key, value]) => record(key, value)).join(''));
}

function record(key: string, value: string): string {
  const rest = ` ${key}=${value}\n`;
  const bytes = encodeText(rest).length;
  let length = bytes + 1;
  while (bytes + String(length).length !== length) length = bytes + String(length).length;
  return `${length}${rest}`;
}
