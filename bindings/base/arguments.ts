/** Checks of arguments, shared by all classes: a wrong value is EINVAL before anything has changed. */
import { allocate, detached, isBytes, isDetached, lengthOf } from './bytes.js';
import { ZramError } from './errors.js';
import { describe, textOf } from './messages.js';
import { parseSize } from './size.js';

export const PAGE_SIZE = 4096;

/** Pages of a disk, slots of a backing, pages of a limit: the core counts them with 32 bits. */
export const UINT32_MAX = 2 ** 32 - 1;

export function checkBytes(value: unknown, name: string): asserts value is Uint8Array {
  if (!isBytes(value)) throw new ZramError('EINVAL', `${name} must be a Uint8Array, not ${describe(value)}.`);
  if (lengthOf(value) === 0 && isDetached(value)) throw detached(name);
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

/** Bytes of whole pages: exactly `count` of them, or any number. */
export function checkPages(bytes: unknown, count?: number): asserts bytes is Uint8Array {
  checkBytes(bytes, 'bytes');
  const length = lengthOf(bytes);
  if (count === undefined ? length % PAGE_SIZE === 0 : length === count * PAGE_SIZE) return;
  const expected = count === undefined ? `a multiple of ${PAGE_SIZE}` : String(count * PAGE_SIZE);
  throw new ZramError('EINVAL', `bytes must have ${expected} bytes, not ${length}.`);
}

/** Pages inside a disk of `diskPages`. */
export function checkPageRange(index: number, count: number, diskPages: number): void {
  if (Number.isInteger(index) && index >= 0 && index + count <= diskPages) return;
  throw new ZramError(
    'EINVAL',
    `the disk has ${diskPages} pages: ${count === 1 ? '' : `${count} pages from `}page ${describe(index)} is out of range.`,
  );
}

/** Bytes inside a disk of `diskPages`. */
export function checkByteRange(offset: number, length: number, diskPages: number): void {
  const bytes = diskPages * PAGE_SIZE;
  checkInteger(offset, 'offset', 0, bytes);
  if (offset + length > bytes) {
    throw new ZramError(
      'EINVAL',
      `the range ${offset} to ${offset + length} must end within the disk's ${bytes} bytes.`,
    );
  }
}

export function parseDiskPages(disksize: unknown): number {
  const bytes = parseSize(disksize, 'disksize');
  const pages = Math.ceil(bytes / PAGE_SIZE);
  if (pages > 0 && pages <= UINT32_MAX) return pages;
  throw new ZramError('EINVAL', `disksize must be from 1 byte to 16 TiB less a page, not ${bytes} bytes.`);
}

/** Checks an options object, so that a string in its place or a misspelt option is reported instead of ignored. */
export function checkOptions(value: unknown, known: readonly string[], call: string): void {
  if (value === undefined) return;
  if (typeof value !== 'object' || value === null) {
    throw new ZramError('EINVAL', `the options of ${call} must be an object, not ${describe(value)}.`);
  }
  for (const name of Object.keys(value)) {
    if (!known.includes(name)) {
      throw new ZramError('EINVAL', `${call} has no option '${name}'; its options: ${known.join(', ')}.`);
    }
  }
}

/**
 * Copies the options of a call, reading each once: getters of the caller's object run here, before anything is checked
 * or done, and nowhere else.
 * @throws ZramError EINVAL: not an object, an unknown option, or one that cannot be read
 */
export function readOptions<T extends object>(
  value: T | undefined,
  known: readonly string[],
  call: string,
): Partial<T> {
  if (value === undefined) return {};
  const options: Record<string, unknown> = {};
  try {
    checkOptions(value, known, call);
    for (const name of known) {
      const option = (value as Record<string, unknown>)[name];
      if (option !== undefined) options[name] = option;
    }
  } catch (error) {
    throw unreadable(`the options of ${call}`, error);
  }
  return options as Partial<T>;
}

/**
 * Copies a caller's list, reading each element once; undefined when it is not an array.
 * @throws ZramError EINVAL: it cannot be read
 */
export function readList(value: unknown, name: string): unknown[] | undefined {
  if (!Array.isArray(value)) return undefined;
  try {
    const { length } = value;
    const list: unknown[] = [];
    for (let n = 0; n < length; n++) list.push(value[n]);
    return list;
  } catch (error) {
    throw unreadable(name, error);
  }
}

/** An error thrown while a caller's object was read, by our checks or by one of its getters, as a ZramError. */
export function unreadable(name: string, error: unknown): ZramError {
  return error instanceof ZramError ? error : new ZramError('EINVAL', `${name} cannot be read: ${textOf(error)}.`);
}

/** Checks the array to read into, if one is given: it must have room for `length` bytes. */
export function checkOut(out: unknown, length: number): asserts out is Uint8Array | undefined {
  if (out === undefined) return;
  checkBytes(out, 'out');
  if (lengthOf(out) < length) {
    throw new ZramError('EINVAL', `out must have at least ${length} bytes, not ${lengthOf(out)}.`);
  }
}

/** The array to read into: the caller's, which must have room for `length` bytes, else a new one. */
export function outFor(out: unknown, length: number): Uint8Array {
  checkOut(out, length);
  return out ?? allocate(length);
}
