/** The parts of the text report on where merging saves memory: by size class, by input, and against inline dedup. */
import type { ClassResult, DedupComparison, InputFacts, Sharing } from './analysis.js';
import { DEDUP_COLUMNS } from './columns.js';
import { number, plural, shorten, table, TEXT_WIDTH } from './format.js';

/** Size classes with a row of their own; the others are summed. */
export const CLASS_ROWS_MAX = 12;
/** Inputs that the printed matrix shows, if their numbers leave room for names. */
export const MATRIX_INPUTS_MAX = 10;
const MATRIX_NAME_MIN = 16;
const MATRIX_NAME_MAX = 36;
/** Spaces before each column of a table. */
const GAP = 2;

/** The classes that save the most, smallest first; then the others together; then the total. */
export function classesText(classes: readonly ClassResult[]): string[] {
  if (classes.length === 0) return ['  Nothing was merged.'];
  const bySaving = [...classes].sort((a, b) => b.bytesSaved - a.bytesSaved);
  const shown = bySaving.slice(0, CLASS_ROWS_MAX).sort((a, b) => a.size - b.size);
  const rest = bySaving.slice(CLASS_ROWS_MAX);
  const rows = shown.map((row) => classRow(number(row.size), [row]));
  if (rest.length > 0) rows.push(classRow(`${number(rest.length)} more`, rest));
  if (classes.length > 1) rows.push(classRow('together', classes));
  return table([['size', 'objects', 'merged', 'bytes saved'], ...rows], []);
}

function classRow(name: string, classes: readonly ClassResult[]): string[] {
  const sum = (field: 'objects' | 'merged' | 'bytesSaved') =>
    number(classes.reduce((total, row) => total + row[field], 0));
  return [name, sum('objects'), sum('merged'), sum('bytesSaved')];
}

/** The matrix of the first inputs. Rows have names; columns have the numbers of the rows. */
export function sharingText({ pages }: Sharing, inputs: readonly InputFacts[]): string[] {
  let shown = Math.min(pages.length, MATRIX_INPUTS_MAX);
  let room = nameRoom(pages, shown);
  while (room < MATRIX_NAME_MIN && shown > 1) room = nameRoom(pages, --shown);
  const numbers = Array.from({ length: shown }, (_, i) => i);
  const rows = numbers.map((row) => {
    const label = `${String(row + 1).padStart(String(shown).length)}  `;
    const name = shorten(inputs[row]?.name ?? '', Math.min(room, MATRIX_NAME_MAX) - label.length);
    return [label + name, ...matrixCells(pages, row, shown)];
  });
  const lines = table([['', ...numbers.map((i) => String(i + 1))], ...rows], [0]);
  lines.push(
    '  Row: the input whose pages are counted. Column: the input that holds the same content; where both',
    '  are one input, pages whose content occurs in it more than once. Same-filled pages are left out.',
  );
  if (shown < inputs.length)
    lines.push(
      `  These are the first ${number(shown)} of ${plural(inputs.length, 'input')}; --json has all ${number(pages.length)}.`,
    );
  return lines;
}

function matrixCells(pages: Sharing['pages'], row: number, shown: number): string[] {
  return (pages[row] ?? []).slice(0, shown).map((count) => number(count));
}

/** Characters per line that a matrix of so many inputs leaves for their names. */
function nameRoom(pages: Sharing['pages'], shown: number): number {
  let room = TEXT_WIDTH - GAP;
  const widths = Array.from({ length: shown }, (_, column) => String(column + 1).length);
  for (let row = 0; row < shown; row++) {
    matrixCells(pages, row, shown).forEach((cell, i) => (widths[i] = Math.max(widths[i] ?? 0, cell.length)));
  }
  for (const width of widths) room -= width + GAP;
  return room;
}

export function dedupText({ merging, inline }: DedupComparison): string[] {
  const time = (milliseconds: number) => `${number(milliseconds, 1)} ms`;
  const rows = DEDUP_COLUMNS.map(([kernel, label, ours]) => [
    kernel,
    label,
    number(merging.mmStat[ours]),
    number(inline.mmStat[ours]),
  ]);
  return table(
    [
      ['', '', 'merged afterwards', 'inline'],
      ['time', 'to store', time(merging.storeMilliseconds), time(inline.storeMilliseconds)],
      ['', 'to merge and compact', time(merging.mergeMilliseconds), '-'],
      ...rows,
    ],
    [0, 1],
  );
}
