/**
 * The nine columns of the kernel's mm_stat, as one row of numbers, for comparing many rows quickly.
 *
 * A row begins with the errno of the operation before it (0: it went through), because whether a write is refused is
 * part of what has to be equal.
 */

/** The columns by the names of `zram.mmStat`, in the kernel's order. */
export const MM_STAT_COLUMNS = [
  'origDataSize',
  'comprDataSize',
  'memUsedTotal',
  'memLimit',
  'memUsedMax',
  'samePages',
  'pagesCompacted',
  'hugePages',
  'hugePagesSince',
] as const;

export type MmStat = Readonly<Record<(typeof MM_STAT_COLUMNS)[number], number>>;

export const ROW_NUMBERS = 1 + MM_STAT_COLUMNS.length;

/** One row of ROW_NUMBERS numbers after the other. */
export type Rows = Float64Array;

/** errno of a write that mem_limit refused, as the user of a block device sees it. */
export const EIO = 5;

export interface IoStat {
  readonly failedReads: number;
  readonly failedWrites: number;
  readonly invalidIo: number;
  readonly notifyFree: number;
}

export function rowCount(rows: Rows): number {
  return rows.length / ROW_NUMBERS;
}

export function fillRow(rows: Rows, index: number, errno: number, stat: MmStat): void {
  let at = index * ROW_NUMBERS;
  rows[at++] = errno;
  for (const column of MM_STAT_COLUMNS) rows[at++] = stat[column];
}

/** The index of the first row that differs, or -1. */
export function firstDifference(a: Rows, b: Rows): number {
  const length = Math.min(a.length, b.length);
  for (let i = 0; i < length; i++) if (a[i] !== b[i]) return Math.floor(i / ROW_NUMBERS);
  return a.length === b.length ? -1 : Math.floor(length / ROW_NUMBERS);
}

/** Two rows as a table for a person; the columns that differ are marked. */
export function compareRows(expectedName: string, expected: Rows, actualName: string, actual: Rows, index: number) {
  const names = ['errno', ...MM_STAT_COLUMNS];
  const lines = names.map((name, i) => {
    const a = expected[index * ROW_NUMBERS + i];
    const b = actual[index * ROW_NUMBERS + i];
    return `${a === b ? ' ' : '>'} ${name.padEnd(16)}${String(a).padStart(14)}${String(b).padStart(14)}`;
  });
  return [`  ${'column'.padEnd(16)}${expectedName.padStart(14)}${actualName.padStart(14)}`, ...lines].join('\n');
}
