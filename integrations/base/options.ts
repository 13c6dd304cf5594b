/** Checks of options and other arguments. */
import { ZramError } from '../../bindings/base/errors.js';

/** @throws ZramError EINVAL: neither left out nor a whole number within these bounds */
export function wholeNumber(
  value: number | undefined,
  name: string,
  otherwise: number,
  min: number,
  max: number,
): number {
  const number = value ?? otherwise;
  if (Number.isInteger(number) && number >= min && number <= max) return number;
  throw new ZramError('EINVAL', `${name} must be a whole number from ${min} to ${max}, not ${String(number)}.`);
}

/** What `setTimeout` takes; with more it does not wait at all. */
export const TIMER_MILLISECONDS_MAX = 2 ** 31 - 1;

/** @throws ZramError EINVAL: options are neither left out nor an object */
export function checkOptions(options: unknown, what = 'the options'): void {
  if (options === undefined || (typeof options === 'object' && options !== null)) return;
  throw new ZramError('EINVAL', `${what} must be an object.`);
}

/** @throws ZramError EINVAL: an option is neither left out nor of this type */
export function checkType(value: unknown, name: string, type: 'string' | 'boolean' | 'function'): void {
  if (value === undefined || typeof value === type) return;
  throw new ZramError('EINVAL', `${name} must be a ${type}.`);
}

/** Whether a value can be iterated over, in this way. */
export function isIterable(
  value: unknown,
  by: typeof Symbol.iterator | typeof Symbol.asyncIterator = Symbol.iterator,
): boolean {
  return typeof (value as Record<symbol, unknown> | null | undefined)?.[by] === 'function';
}

/** @param what it is, for the message. @throws ZramError EINVAL: it does not have all of these methods */
export function checkMethods(value: unknown, what: string, names: readonly string[]): void {
  const missing = names.find(
    (name) => typeof (value as Record<string, unknown> | null | undefined)?.[name] !== 'function',
  );
  if (missing !== undefined)
    throw new ZramError('EINVAL', `${what} must have ${names.join(', ')}: there is no ${missing}.`);
}
