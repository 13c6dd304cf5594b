/**
 * Byte arrays of callers. An array may be a subclass or a `Buffer`, come from another realm, lie in shared memory, be
 * detached, or have properties that shadow the built-in ones. So it is accessed only through the intrinsic getters and
 * methods, which cannot be forged, and every failure is a `ZramError`.
 */
import { ZramError } from './errors.js';

const typedArray = Object.getPrototypeOf(Uint8Array.prototype) as object;

function intrinsic(name: string | symbol, of = typedArray): unknown {
  return Reflect.get(Object.getOwnPropertyDescriptor(of, name) as object, 'get');
}

const tagGetter = intrinsic(Symbol.toStringTag) as () => string | undefined;
const lengthGetter = intrinsic('length') as () => number;
const offsetGetter = intrinsic('byteOffset') as () => number;
const bufferGetter = intrinsic('buffer') as () => ArrayBufferLike;
/** Throws for memory that is shared. */
const ownLengthGetter = intrinsic('byteLength', ArrayBuffer.prototype) as () => number;
// eslint-disable-next-line @typescript-eslint/unbound-method -- called with the array as `this`
const { set } = Uint8Array.prototype;

export function isBytes(value: unknown): value is Uint8Array {
  return tagGetter.call(value) === 'Uint8Array';
}

export function isWords(value: unknown): value is Uint32Array {
  return tagGetter.call(value) === 'Uint32Array';
}

/** The memory of the array. */
export function bufferOf(array: Uint8Array): ArrayBufferLike {
  return bufferGetter.call(array);
}

/** Whether other threads may have the memory of the array as well. */
export function isShared(array: Uint8Array): boolean {
  try {
    ownLengthGetter.call(bufferGetter.call(array));
    return false;
  } catch {
    return true;
  }
}

/** Where the array begins in its memory. */
export function offsetOf(array: Uint8Array): number {
  return offsetGetter.call(array);
}

/** Number of elements; 0 when the array is detached. */
export function lengthOf(array: Uint8Array | Uint32Array): number {
  return lengthGetter.call(array);
}

/** Whether the array was transferred, or its buffer was resized to end before the array begins. */
export function isDetached(array: Uint8Array | Uint32Array): boolean {
  if (lengthGetter.call(array) !== 0) return false;
  try {
    new Uint8Array(bufferGetter.call(array), offsetGetter.call(array), 0);
    return false;
  } catch {
    return true;
  }
}

/**
 * A plain view of a part of the array: not a subclass, without properties of its own, of a fixed length. It is still
 * the caller's memory, and ends where the array does, since the buffer behind that may hold other data.
 * @throws ZramError EINVAL: the array was detached
 */
export function viewOf(bytes: Uint8Array, from = 0, to = Infinity): Uint8Array {
  const end = Math.min(to, lengthGetter.call(bytes));
  try {
    return new Uint8Array(bufferGetter.call(bytes), offsetGetter.call(bytes) + from, end - from);
  } catch {
    throw detached('the array');
  }
}

/**
 * An independent copy: `slice()` of a Buffer would be a view of the same bytes.
 * @throws ZramError EINVAL: the array was detached; ENOMEM: the host has no memory for the copy
 */
export function copyOf(bytes: Uint8Array, from = 0, to = Infinity): Uint8Array<ArrayBuffer> {
  const part = viewOf(bytes, from, to);
  const copy = allocate(part.length);
  setBytes(copy, part);
  return copy;
}

/**
 * Copies `source` into a caller's array.
 * @throws ZramError EINVAL: the array was detached or shrunk meanwhile
 */
export function setBytes<T extends Uint8Array | Uint32Array>(target: T, source: T, at = 0): void {
  try {
    set.call(target, source, at);
  } catch {
    throw detached('out');
  }
}

/** @throws ZramError ENOMEM: longer than any array can be, or the host has no memory for it */
export function allocate(length: number): Uint8Array<ArrayBuffer> {
  try {
    return new Uint8Array(length);
  } catch {
    throw tooLong(length);
  }
}

/** As `allocate`, of 32-bit words. */
export function allocateWords(length: number): Uint32Array<ArrayBuffer> {
  try {
    return new Uint32Array(length);
  } catch {
    throw tooLong(4 * length);
  }
}

export function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  const length = lengthOf(a);
  if (length !== lengthOf(b)) return false;
  for (let n = 0; n < length; n++) if (a[n] !== b[n]) return false;
  return true;
}

export function detached(name: string): ZramError {
  return new ZramError('EINVAL', `${name} must not be detached (transferred) or shrunk.`);
}

function tooLong(bytes: number): ZramError {
  return new ZramError('ENOMEM', `cannot allocate an array of ${bytes} bytes: read less at a time.`);
}
