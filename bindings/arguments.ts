/** Tests of what callers pass, shared by all classes: a wrong value is EINVAL before anything has changed. */
import { ZramError } from './errors.js';
import { describe, parseSize } from './size.js';

export const PAGE_SIZE = 4096;

const typedArrayPrototype = Object.getPrototypeOf(Uint8Array.prototype) as object;

export function isBytes(value: unknown): value is Uint8Array {
  return value instanceof Uint8Array || isTyped(value, 'Uint8Array');
}

export function isWords(value: unknown): value is Uint32Array {
  return value instanceof Uint32Array || isTyped(value, 'Uint32Array');
}

/** The intrinsic getter knows arrays of other realms too, and cannot be forged. */
function isTyped(value: unknown, type: string): boolean {
  return ArrayBuffer.isView(value) && Reflect.get(typedArrayPrototype, Symbol.toStringTag, value) === type;
}

export function checkBytes(value: unknown, name: string): asserts value is Uint8Array {
  if (!isBytes(value)) throw new ZramError('EINVAL', `${name} must be a Uint8Array, not ${describe(value)}.`);
}

/** A copy of one's own. `slice()` of a Buffer would be a view of the same bytes. */
export function copyOf(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  return new Uint8Array(bytes);
}

export function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, i) => byte === b[i]);
}

/** A whole number from `min` to `max`. */
export function checkInteger(value: unknown, name: string, min: number, max: number): asserts value is number {
  if (typeof value === 'number' && Number.isInteger(value) && value >= min && value <= max) return;
  throw new ZramError('EINVAL', `${name} must be a whole number from ${min} to ${max}, not ${describe(value)}.`);
}

export function checkBoolean(value: unknown, name: string): asserts value is boolean {
  if (typeof value !== 'boolean') {
    throw new ZramError('EINVAL', `${name} must be true or false, not ${describe(value)}.`);
  }
}

/** Whole pages: `count` of them, or any number. */
export function checkPages(bytes: unknown, count?: number): asserts bytes is Uint8Array {
  checkBytes(bytes, 'bytes');
  if (count === undefined ? bytes.length % PAGE_SIZE === 0 : bytes.length === count * PAGE_SIZE) return;
  const expected = count === undefined ? `a multiple of ${PAGE_SIZE}` : String(count * PAGE_SIZE);
  throw new ZramError('EINVAL', `bytes must have ${expected} bytes, not ${bytes.length}.`);
}

/** Pages inside a disk of `diskPages`. */
export function checkPageRange(index: number, count: number, diskPages: number): void {
  if (Number.isInteger(index) && index >= 0 && index + count <= diskPages) return;
  throw new ZramError(
    'EINVAL',
    `the disk has ${diskPages} pages; ${count === 1 ? '' : `${count} pages from `}page ${describe(index)} is outside.`,
  );
}

/** Bytes inside a disk of `diskPages`. */
export function checkByteRange(offset: number, length: number, diskPages: number): void {
  const bytes = diskPages * PAGE_SIZE;
  checkInteger(offset, 'offset', 0, bytes);
  if (offset + length > bytes) {
    throw new ZramError('EINVAL', `bytes ${offset} to ${offset + length} go past the disk's ${bytes} bytes.`);
  }
}

/** Pages of a disk: a slot is numbered with 32 bits. */
const DISK_PAGES_MAX = 2 ** 32 - 1;

export function parseDiskPages(disksize: unknown): number {
  const bytes = parseSize(disksize, 'disksize');
  const pages = Math.ceil(bytes / PAGE_SIZE);
  if (pages > 0 && pages <= DISK_PAGES_MAX) return pages;
  throw new ZramError('EINVAL', `disksize must be from 1 byte to 16 TiB less a page, not ${bytes} bytes.`);
}

/** Tests an options object: a plain mistake such as a string in its place, or a misspelt option, is told. */
export function checkOptions(value: unknown, known: readonly string[], call: string): void {
  if (value === undefined) return;
  if (typeof value !== 'object' || value === null) {
    throw new ZramError('EINVAL', `${call} takes an object of options, not ${describe(value)}.`);
  }
  for (const name of Object.keys(value)) {
    if (!known.includes(name)) {
      throw new ZramError('EINVAL', `${call} has no option '${name}'; it has ${known.join(', ')}.`);
    }
  }
}

/** An array to read into, if one is given, must have room for `length` bytes. */
export function checkOut(out: unknown, length: number): asserts out is Uint8Array | undefined {
  if (out === undefined) return;
  checkBytes(out, 'out');
  if (out.length < length) {
    throw new ZramError('EINVAL', `out has ${out.length} bytes; ${length} are needed.`);
  }
}

/** The array to read into: the caller's, when it has room for `length` bytes, else a new one. */
export function outFor(out: unknown, length: number): Uint8Array {
  checkOut(out, length);
  return out ?? new Uint8Array(length);
}
