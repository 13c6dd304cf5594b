/** Numbers and tables in plain text. */
import { printable } from './escaping.js';

/** Longest line of a report, in characters. */
export const TEXT_WIDTH = 100;

const UNITS = ['byte', 'KiB', 'MiB', 'GiB', 'TiB'] as const;

/** Formats by digits after the point: making one takes longer than using it a hundred times. */
const formats = new Map<number, Intl.NumberFormat>();

/** 1234567 as '1,234,567', rounded to `digits` after the point. */
export function number(value: number, digits = 0): string {
  let format = formats.get(digits);
  if (format === undefined) {
    format = new Intl.NumberFormat('en-US', { minimumFractionDigits: digits, maximumFractionDigits: digits });
    formats.set(digits, format);
  }
  return format.format(value);
}

/** Bytes in the largest unit that leaves a whole number before the point: '512 bytes', '1.5 MiB'. */
export function humanBytes(bytes: number): string {
  let unit = 0;
  while (bytes >= 1024 && unit < UNITS.length - 1) {
    bytes /= 1024;
    unit += 1;
  }
  return unit === 0 ? plural(bytes, 'byte') : `${number(bytes, 1)} ${UNITS[unit] ?? ''}`;
}

/** '1,234,567 bytes (1.2 MiB)' */
export function exactBytes(bytes: number): string {
  return bytes < 1024 ? humanBytes(bytes) : `${number(bytes)} bytes (${humanBytes(bytes)})`;
}

/** Whole mebibytes, for progress: '1,234 MiB'. */
export function mebibytes(bytes: number): string {
  return `${number(Math.floor(bytes / 1024 ** 2))} MiB`;
}

/** A count with its noun: '1 page', '2 pages'. */
export function plural(count: number, noun: string): string {
  return `${number(count)} ${noun}${count === 1 ? '' : 's'}`;
}

/** Part of a whole: '12.3 %'; of nothing it is 0. */
export function percent(part: number, whole: number): string {
  return `${number(whole === 0 ? 0 : (100 * part) / whole, 1)} %`;
}

/** A bar whose full length stands for `whole`; any part above 0 shows at least one tick. */
export function bar(part: number, whole: number, width: number): string {
  return part <= 0 ? '' : '#'.repeat(Math.max(1, Math.round((part / whole) * width)));
}

/** Rows as lines of aligned columns: columns listed in `left` align to the left, the others (numbers) to the right. */
export function table(rows: readonly (readonly string[])[], left: readonly number[]): string[] {
  const widths: number[] = [];
  for (const row of rows) row.forEach((cell, i) => (widths[i] = Math.max(widths[i] ?? 0, cell.length)));
  const align = (cell: string, i: number) =>
    left.includes(i) ? cell.padEnd(widths[i] ?? 0) : cell.padStart(widths[i] ?? 0);
  return rows.map((row) => `  ${row.map(align).join('  ')}`.trimEnd());
}

/** A name in at most `width` printable characters. A long one loses its start: its end says more. */
export function shorten(name: string, width: number): string {
  const plain = printable(name);
  return plain.length <= width ? plain : `...${printable(plain.slice(3 - width))}`;
}

/** Lines of a report that are to be set in by two characters; those after the first are set in twice. */
export function wrapped(text: string): string[] {
  const lines: string[] = [''];
  for (const word of text.split(' ')) {
    const line = lines.at(-1) ?? '';
    const longer = line === '' ? word : `${line} ${word}`;
    if (longer.length <= TEXT_WIDTH - 2) lines[lines.length - 1] = longer;
    else lines.push(`  ${word}`);
  }
  return lines;
}
