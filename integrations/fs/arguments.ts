/** What callers pass, checked as Node checks it: before anything is done. */
import { constants } from './constants.js';
import { fsError, on, outOfRange, withCode, wrongType, wrongValue } from './errors.js';
import { checkEncoding, encode } from './text.js';

/** What this needs of a `URL`, so that the declarations need neither the DOM's types nor Node's. */
export interface UrlLike {
  /** The whole URL. */
  readonly href: string;
  /** `file:`. */
  readonly protocol: string;
  /** Empty. */
  readonly hostname: string;
  /** The path, percent-encoded. */
  readonly pathname: string;
}
/** A path: absolute, or from the root. A URL must be a `file:` URL, bytes must be UTF-8. */
export type PathLike = string | Uint8Array | UrlLike;
/** Permissions: a number, or its octal digits. */
export type Mode = number | string;
/** Seconds since 1970 as a number or its text, or a Date. */
export type TimeLike = number | string | Date;
/** What can be written: text, or the bytes of any typed array, DataView or ArrayBuffer. */
export type Data = string | ArrayBufferView;

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
const LONE_SURROGATES = /[\ud800-\udfff]/;

export function pathOf(path: unknown, syscall: string, name = 'path'): string {
  let text: string;
  if (typeof path === 'string') text = path;
  else if (path instanceof Uint8Array) text = decodePath(path, syscall);
  else if (typeof path === 'object' && path !== null && 'href' in path && 'protocol' in path)
    text = pathOfUrl(path as UrlLike);
  else throw wrongType(name, 'of type string or an instance of Buffer or URL', path);
  if (text.includes('\0')) {
    throw wrongValue(name, 'must be a string, Uint8Array, or URL without null bytes', text);
  }
  // As Linux is given it by Node: names are UTF-8, in which half a pair of surrogates is not a character.
  return LONE_SURROGATES.test(text) ? new TextDecoder().decode(new TextEncoder().encode(text)) : text;
}

function decodePath(bytes: Uint8Array, syscall: string): string {
  try {
    return utf8.decode(bytes);
  } catch {
    throw fsError('EILSEQ', on(syscall, new TextDecoder().decode(bytes)));
  }
}

function pathOfUrl(url: UrlLike): string {
  if (url.protocol !== 'file:') {
    throw withCode(new TypeError('The URL must be of scheme file'), 'ERR_INVALID_URL_SCHEME');
  }
  if (url.hostname !== '') {
    throw withCode(new TypeError('File URL host must be "localhost" or empty'), 'ERR_INVALID_FILE_URL_HOST');
  }
  if (/%2f/i.test(url.pathname)) {
    throw withCode(new TypeError('File URL path must not include encoded / characters'), 'ERR_INVALID_FILE_URL_PATH');
  }
  return decodeURIComponent(url.pathname);
}

export function fdOf(fd: unknown): number {
  if (typeof fd !== 'number') throw wrongType('fd', 'of type number', fd);
  return integer(fd, 'fd', 0, 2 ** 31 - 1);
}

export function integer(value: unknown, name: string, min: number, max: number): number {
  if (typeof value !== 'number') throw wrongType(name, 'of type number', value);
  if (!Number.isInteger(value)) throw outOfRange(name, 'an integer', value);
  if (value < min || value > max) throw outOfRange(name, `>= ${min} && <= ${max}`, value);
  return value;
}

/** @param otherwise what stands for undefined and null */
export function modeOf(mode: unknown, otherwise?: number, name = 'mode'): number {
  if ((mode === undefined || mode === null) && otherwise !== undefined) return otherwise;
  if (typeof mode === 'string') {
    if (/^[0-7]+$/.test(mode)) return parseInt(mode, 8);
    throw wrongValue(name, 'must be a 32-bit unsigned integer or an octal string', mode);
  }
  return integer(mode, name, 0, 2 ** 32 - 1);
}

/** The user or group that -1 means, which is none, leaves the old one. */
export function idOf(id: unknown, name: string): number {
  return integer(id, name, -1, 2 ** 32 - 1);
}

const { O_RDONLY, O_WRONLY, O_RDWR, O_CREAT, O_TRUNC, O_APPEND, O_EXCL, O_SYNC } = constants;
const WRITE = O_TRUNC | O_CREAT | O_WRONLY;
const WRITE_READ = O_TRUNC | O_CREAT | O_RDWR;
const APPEND = O_APPEND | O_CREAT | O_WRONLY;
const APPEND_READ = O_APPEND | O_CREAT | O_RDWR;
const FLAGS = new Map<string, number>(
  Object.entries({
    r: O_RDONLY,
    rs: O_RDONLY | O_SYNC,
    sr: O_RDONLY | O_SYNC,
    'r+': O_RDWR,
    'rs+': O_RDWR | O_SYNC,
    'sr+': O_RDWR | O_SYNC,
    w: WRITE,
    wx: WRITE | O_EXCL,
    xw: WRITE | O_EXCL,
    'w+': WRITE_READ,
    'wx+': WRITE_READ | O_EXCL,
    'xw+': WRITE_READ | O_EXCL,
    a: APPEND,
    ax: APPEND | O_EXCL,
    xa: APPEND | O_EXCL,
    as: APPEND | O_SYNC,
    sa: APPEND | O_SYNC,
    'a+': APPEND_READ,
    'ax+': APPEND_READ | O_EXCL,
    'xa+': APPEND_READ | O_EXCL,
    'as+': APPEND_READ | O_SYNC,
    'sa+': APPEND_READ | O_SYNC,
  }),
);

export function flagsOf(flags: unknown, otherwise: string): number {
  if (typeof flags === 'number') return integer(flags, 'flags', -(2 ** 31), 2 ** 31 - 1);
  const known = FLAGS.get((flags ?? otherwise) as string);
  if (known === undefined) throw wrongValue('flags', 'is invalid', flags);
  return known;
}

/** Milliseconds since 1970. */
export function timeOf(time: unknown): number {
  if (typeof time === 'string' && String(Number(time)) === time) return Number(time) * 1000;
  if (typeof time === 'number' && Number.isFinite(time)) return time < 0 ? Date.now() : time * 1000;
  if (time instanceof Date) return time.getTime();
  throw wrongType('time', 'an instance of Date or an Time in seconds', time);
}

/** The options of a call, which may also be the name of an encoding. */
export function optionsOf<T extends { encoding?: string | null | undefined }>(options: unknown, defaults: T): T {
  if (options === undefined || options === null || typeof options === 'function') return defaults;
  if (typeof options === 'string') {
    checkOptionalEncoding(options);
    return { ...defaults, encoding: options };
  }
  if (typeof options !== 'object') throw wrongType('options', 'of type string or an instance of Object', options);
  const read = { ...defaults, ...(options as T) };
  checkOptionalEncoding(read.encoding);
  return read;
}

function checkOptionalEncoding(encoding: unknown): void {
  if (encoding !== undefined && encoding !== null && encoding !== 'buffer') checkEncoding(encoding);
}

/** The bytes of a view, as they are: not a copy. */
export function bytesOf(view: unknown, name: string): Uint8Array {
  if (view instanceof Uint8Array) return view;
  if (ArrayBuffer.isView(view)) return new Uint8Array(view.buffer, view.byteOffset, view.byteLength);
  throw wrongType(name, 'an instance of Buffer, TypedArray, or DataView', view);
}

/** Bytes to write: of a view as they are, of text encoded. */
export function dataOf(data: unknown, encoding: string | null | undefined, name = 'data'): Uint8Array {
  if (typeof data === 'string') {
    checkOptionalEncoding(encoding);
    return encode(data, encoding ?? 'utf8');
  }
  if (ArrayBuffer.isView(data)) return bytesOf(data, name);
  throw wrongType(name, 'of type string or an instance of Buffer, TypedArray, or DataView', data);
}

/** A place in a file; undefined for null, undefined and negative numbers, which mean where the last call ended. */
export function positionOf(position: unknown): number | undefined {
  if (position === undefined || position === null) return undefined;
  if (typeof position === 'bigint') {
    const max = 2n ** 63n - 1n;
    if (position < -1n || position > max) throw outOfRange('position', `>= -1 && <= ${max}`, position);
    return position < 0n ? undefined : Number(position);
  }
  const place = integer(position, 'position', Number.MIN_SAFE_INTEGER, Number.MAX_SAFE_INTEGER);
  return place < 0 ? undefined : place;
}

/** Options that must be an object, as Node has it. @throws TypeError ERR_INVALID_ARG_TYPE */
export function checkOptions(options: unknown): void {
  if (typeof options !== 'object' || options === null || Array.isArray(options))
    throw wrongType('options', 'of type object', options);
}
