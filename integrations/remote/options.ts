/** Options that are whole numbers. */
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
