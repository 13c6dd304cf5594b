/**
 * Tables and figures as text. One form serves the terminal and docs/benchmarks.md: Markdown with padded columns.
 */

/** As in all documents of the repository. */
const LINE_WIDTH = 120;

/** Three digits that count, and thousands kept apart. */
export function figure(value) {
  if (!Number.isFinite(value)) return String(value);
  const size = Math.abs(value);
  if (size >= 1000) return Math.round(value).toLocaleString('en');
  if (size >= 100) return value.toFixed(0);
  if (size >= 10) return value.toFixed(1);
  return value.toFixed(size >= 0.1 || size === 0 ? 2 : 4);
}

/** A whole number of things. */
export function count(value) {
  return Math.round(value).toLocaleString('en');
}

export function percent(share) {
  return `${(100 * share).toFixed(share > 0 && share < 0.995 ? 1 : 0)} %`;
}

/** Median, and in brackets the quartiles where there are any. */
export function spread({ median, low, high }, unit = '') {
  const tail = unit === '' ? '' : ` ${unit}`;
  if (low === high) return `${figure(median)}${tail}`;
  return `${figure(median)}${tail} (${figure(low)} – ${figure(high)})`;
}

/** Bytes in MiB. */
export function mebibytes(bytes) {
  return `${figure(bytes / (1 << 20))} MiB`;
}

/** Prose in lines of at most `LINE_WIDTH` characters; code spans stay whole. */
export function paragraph(text) {
  const lines = [''];
  for (const word of text.match(/(?:`[^`]*`|[^\s`])+/g) ?? []) {
    const line = lines.at(-1);
    if (line === '') lines[lines.length - 1] = word;
    else if (line.length + 1 + word.length <= LINE_WIDTH) lines[lines.length - 1] = `${line} ${word}`;
    else lines.push(word);
  }
  return lines.join('\n');
}

/**
 * @param {string[]} head
 * @param {string[][]} rows
 * @returns {string} a Markdown table, its columns padded to one width so that it can be read as it is
 */
export function markdownTable(head, rows) {
  const cells = [head, ...rows].map((row) => row.map((cell) => String(cell).replaceAll('|', '\\|')));
  const widths = head.map((_, column) => Math.max(3, ...cells.map((row) => [...row[column]].length)));
  const line = (row) => `| ${row.map((cell, n) => cell + ' '.repeat(widths[n] - [...cell].length)).join(' | ')} |`;
  const rule = `|${widths.map((width) => '-'.repeat(width + 2)).join('|')}|`;
  return [line(cells[0]), rule, ...cells.slice(1).map(line)].join('\n');
}
