/** Sizes on the command line. */
import { UsageError } from './errors.js';
import { number } from './format.js';

const SUFFIXES = 'KMGT';

/**
 * '1000', '512K', '2G': bytes.
 * @throws UsageError that names the option
 */
export function toSize(option: string, text: string, least: number, most: number): number {
  const [, digits = '', suffix = ''] = /^([0-9]+)([KMGT]?)$/i.exec(text) ?? [];
  if (digits === '') throw new UsageError(`${option} must be a size such as 4096, 512K, 64M or 1G, not '${text}'`);
  const bytes = Number(digits) * 1024 ** (suffix === '' ? 0 : 1 + SUFFIXES.indexOf(suffix.toUpperCase()));
  if (bytes < least || bytes > most)
    throw new UsageError(`${option} must be from ${number(least)} to ${number(most)} bytes, not '${text}'`);
  return bytes;
}
