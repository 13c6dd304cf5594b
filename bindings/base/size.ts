/** Sizes as the kernel reads them (`memparse`, lib/cmdline.c). */
import { ZramError } from './errors.js';
import { describe } from './messages.js';

/**
 * A number of bytes, or a string as the kernel reads it (`memparse`, lib/cmdline.c): decimal, `0x` hexadecimal or
 * leading-zero octal, and at most one suffix K, M, G, T, P or E: `'512K'`, `'256M'`, `'1G'`, `'0x1000'`.
 */
export type Size = number | string;

const SUFFIXES = 'KMGTPE';

/**
 * Reads the number at the beginning of `text`: decimal, `0x` hexadecimal or leading-zero octal, then at most one suffix
 * K, M, G, T, P or E. Returns undefined when it does not begin with a digit; `rest` is the text behind the number.
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
 * An option of a caller in bytes. Stricter than the kernel: nothing may follow the number. Sizes above MAX_SAFE_INTEGER
 * are far beyond every limit and are clamped to it.
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
