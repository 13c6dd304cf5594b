/**
 * Compressors of callers: their properties are read once, at registration, and every call yields bytes or an EIO,
 * whatever the functions do.
 */
import { PAGE_SIZE } from '../base/arguments.js';
import { copyOf, isBytes, lengthOf } from '../base/bytes.js';
import { ZramError } from '../base/errors.js';
import { describe, textOf } from '../base/messages.js';
import type { Compressor } from './compressor.js';

/** The kernel's limit for the name of a compressor, terminating zero included (CRYPTO_MAX_ALG_NAME). */
export const ALGORITHM_NAME_MAX = 128;

/** @throws ZramError EINVAL: a wrong name, a missing function, or a member that cannot be read */
export function readCompressor(value: unknown): Compressor {
  const { name, compress, decompress } = membersOf(value);
  if (typeof name !== 'string' || !/^\S+$/.test(name) || name.length >= ALGORITHM_NAME_MAX || /[[\]]/.test(name)) {
    throw new ZramError(
      'EINVAL',
      `the name of a compressor must be 1 to ${ALGORITHM_NAME_MAX - 1} characters without white space or brackets, not ${describe(name)}.`,
    );
  }
  if (typeof compress !== 'function' || typeof decompress !== 'function') {
    throw new ZramError('EINVAL', `the compressor ${name} must have the functions compress and decompress.`);
  }
  return {
    name,
    compress: (page, level, dictionary) => Reflect.apply(compress, value, [page, level, dictionary]) as Uint8Array,
    decompress: (block, dictionary) => Reflect.apply(decompress, value, [block, dictionary]) as Uint8Array,
  };
}

function membersOf(value: unknown): Partial<Record<keyof Compressor, unknown>> {
  try {
    const { name, compress, decompress } = (value ?? {}) as Partial<Compressor>;
    return { name, compress, decompress };
  } catch (error) {
    throw new ZramError('EINVAL', `cannot read a compressor: ${textOf(error)}.`);
  }
}

/**
 * The result of `compress`, cut to the size of a page: a result as long as that means the page does not compress.
 * @throws ZramError EIO
 */
export function compressed(name: string, call: () => unknown): Uint8Array {
  const bytes = called(name, 'compress', call);
  return copied(name, bytes, Math.min(lengthOf(bytes), PAGE_SIZE));
}

/** The page that `decompress` returned. @throws ZramError EIO */
export function decompressed(name: string, call: () => unknown): Uint8Array {
  const bytes = called(name, 'decompress', call);
  const length = lengthOf(bytes);
  if (length === PAGE_SIZE) return copied(name, bytes, length);
  throw new ZramError('EIO', `${name} must decompress a block to ${PAGE_SIZE} bytes, not ${length}.`);
}

function called(name: string, what: string, call: () => unknown): Uint8Array {
  let result: unknown;
  try {
    result = call();
  } catch (error) {
    throw new ZramError('EIO', `${name} cannot ${what} a page: ${textOf(error)}`);
  }
  if (isBytes(result) && lengthOf(result) > 0) return result;
  void settled(result);
  throw new ZramError(
    'EIO',
    `${name} must ${what} a page to a Uint8Array that is not empty, not to ${describe(result)}.`,
  );
}

/** Copies a result: a compressor may return the same buffer each time. */
function copied(name: string, bytes: Uint8Array, length: number): Uint8Array {
  try {
    return copyOf(bytes, 0, length);
  } catch (error) {
    throw new ZramError('EIO', `cannot read the bytes that ${name} returned: ${textOf(error)}`);
  }
}

/** Handles the rejection of a promise returned by mistake, which would otherwise end the process. */
async function settled(result: unknown): Promise<void> {
  try {
    await result;
  } catch {
    // The call fails with EIO already.
  }
}
