/** Sizes as the kernel reads them (`memparse`, lib/cmdline.c). */
import { ZramError } from './errors.js';

/**
 * A number of bytes, or a string as the kernel reads it (`memparse`, lib/cmdline.c): decimal, `0x` hexadecimal or
 * leading-zero octal, and at most one suffix K, M, G, T, P or E: `'512K'`, `'256M'`, `'1G'`, `'0x1000'`.
 */
export type Size = number | string;

const SUFFIXES = 'KMGTPE';

/**
 * Reads the number at the beginning of `text`: decimal, `0x` hexadecimal or leading-zero octal, then at most one
 * suffix K, M, G, T, P or E. Returns undefined when no digit stands there; what follows the number is `rest`.
 */
export function memparse(text: string): { bytes: number; rest: string } | undefined {
  const match = /^(?:0[xX]([0-9a-fA-F]+)|(0[0-7]*)|([1-9][0-9]*))([kKmMgGtTpPeE]?)/.exec(text);
  if (!match) return undefined;
  const [all, hex, octal, decimal, suffix = ''] = match;
  const digits = hex !== undefined ? parseInt(hex, 16) : octal !== undefined ? parseInt(octal, 8) : Number(decimal);
  const power = suffix === '' ? 0 : SUFFIXES.indexOf(suffix.toUpperCase()) + 1;
  return { bytes: digits * 1024 ** power, rest: text.slice(all.length) };
}

/**
 * Bytes of an option given by a caller: stricter than the kernel, nothing may follow the number. Sizes that numbers do
 * not hold exactly are far beyond every limit, and stand for the largest that they do.
 */
export function parseSize(value: unknown, name: string): number {
  const parsed = typeof value === 'string' ? memparse(value) : undefined;
  const bytes = parsed?.rest === '' ? parsed.bytes : value;
  if (typeof bytes === 'number' && bytes >= 0 && Number.isInteger(bytes)) {
    return Math.min(bytes, Number.MAX_SAFE_INTEGER);
  }
  throw new ZramError(
    'EINVAL',
    `${name} must be a whole number of bytes or a string such as '512K', '256M' or '1G', not ${describe(value)}.`,
  );
}

/** A value as it may stand in a sentence. Whatever the value is, this does not throw. */
export function describe(value: unknown): string {
  if (typeof value === 'string') return `'${printable(value.length > 40 ? `${value.slice(0, 40)}…` : value)}'`;
  if (typeof value === 'object' && value !== null) return classOf(value) || 'an object';
  if (typeof value === 'function') return 'a function';
  if (typeof value === 'bigint') return `the BigInt ${value}`;
  return String(value);
}

function classOf(value: object): string | undefined {
  try {
    const name: unknown = value.constructor?.name;
    return typeof name === 'string' ? printable(name) : undefined;
  } catch {
    return undefined;
  }
}

/** What somebody's code threw, as text. Whatever it is, this does not throw. */
export function textOf(error: unknown): string {
  try {
    return String(error);
  } catch {
    return 'an error that has no text';
  }
}

/** Text without control characters, which a terminal would obey. */
export function printable(text: string): string {
  return text.replace(/\p{Cc}/gu, (character) => JSON.stringify(character).slice(1, -1));
}
