/** Statistics in the text format of Prometheus (exposition format 0.0.4). */
import type { ExportStatistics, Statistics } from './statistics.js';

const PREFIX = 'zram_wasm_';

type Type = 'gauge' | 'counter';

/** Metrics of each export. By convention the names of counters end with `_total`, and units are base units. */
const OF_EXPORTS: readonly (readonly [
  name: string,
  type: Type,
  help: string,
  value: (one: ExportStatistics) => number,
])[] = [
  ['export_size_bytes', 'gauge', 'Bytes of the disk.', (one) => one.size],
  ['export_read_only', 'gauge', '1: it cannot be written to.', (one) => Number(one.readOnly)],
  ['export_clients', 'gauge', 'Connections to it.', (one) => one.clients],
  ['export_orig_data_size_bytes', 'gauge', 'Bytes of its stored pages (mm_stat).', (one) => one.orig_data_size],
  ['export_same_pages', 'gauge', 'Same-filled pages (mm_stat).', (one) => one.same_pages],
  ['export_huge_pages', 'gauge', 'Incompressible pages (mm_stat).', (one) => one.huge_pages],
  ['export_failed_reads_total', 'counter', 'Reads that failed (io_stat).', (one) => one.failed_reads],
  ['export_failed_writes_total', 'counter', 'Writes that failed (io_stat).', (one) => one.failed_writes],
  ['export_discarded_pages_total', 'counter', 'Pages that were discarded (io_stat).', (one) => one.notify_free],
];

/** Metrics of all exports together and of their pool. */
const OF_ALL: readonly (readonly [
  name: string,
  type: Type,
  help: string,
  value: (all: Statistics) => number | null,
])[] = [
  ['uptime_seconds', 'gauge', 'Since the exports were loaded.', (all) => all.uptimeSeconds],
  ofColumn('mm_stat', 'orig_data_size', 'orig_data_size_bytes', 'gauge', 'Bytes of stored pages.'),
  ofColumn('mm_stat', 'compr_data_size', 'compr_data_size_bytes', 'gauge', 'Bytes of compressed objects.'),
  ofColumn('mm_stat', 'mem_used_total', 'mem_used_total_bytes', 'gauge', 'Bytes of the pool.'),
  ofColumn('mm_stat', 'mem_used_max', 'mem_used_max_bytes', 'gauge', 'The most that the pool had.'),
  ofColumn('mm_stat', 'same_pages', 'same_pages', 'gauge', 'Same-filled pages.'),
  ofColumn('mm_stat', 'huge_pages', 'huge_pages', 'gauge', 'Incompressible pages.'),
  ofColumn('mm_stat', 'pages_compacted', 'pages_compacted_total', 'counter', 'Pages that compaction freed.'),
  ofColumn('mm_stat', 'pages_merged', 'pages_merged', 'gauge', 'Pages that share the object of another one.'),
  ['memory_used_bytes', 'gauge', 'Bytes of objects, tables and the core.', (all) => all.memory.used],
  ['memory_reserved_bytes', 'gauge', 'Bytes that were taken from the system.', (all) => all.memory.reserved],
  ['memory_limit_bytes', 'gauge', 'Bytes that may be used (--memory).', (all) => all.memory.limit],
  ofColumn('ksm', 'pages_shared', 'ksm_pages_shared', 'gauge', 'Objects that several pages share.'),
  ofColumn('ksm', 'pages_sharing', 'ksm_pages_sharing', 'gauge', 'Objects that sharing saves.'),
  ofColumn('ksm', 'pages_unshared', 'ksm_pages_unshared', 'gauge', 'Objects that were found to be unique.'),
  ofColumn('ksm', 'pages_volatile', 'ksm_pages_volatile', 'gauge', 'Objects written since the last full scan.'),
  ofColumn('ksm', 'pages_skipped', 'ksm_pages_skipped_total', 'counter', 'Objects that did not need to be read.'),
  ofColumn('ksm', 'pages_scanned', 'ksm_pages_scanned_total', 'counter', 'Objects that were scanned.'),
  ofColumn('ksm', 'full_scans', 'ksm_full_scans_total', 'counter', 'Scans of the whole pool.'),
  ofColumn('ksm', 'general_profit', 'ksm_general_profit_bytes', 'gauge', 'Bytes that sharing saves, less its cost.'),
  ['saves_total', 'counter', 'Saves that were completed.', (all) => all.save?.saves ?? null],
  ['save_failures_total', 'counter', 'Saves that failed.', (all) => all.save?.failures ?? null],
  ['last_save_timestamp_seconds', 'gauge', 'When the last save was complete.', (all) => all.save?.lastTime ?? null],
];

/** A metric out of a table of counters; null: this server has no such counter. */
function ofColumn(
  of: 'mm_stat' | 'ksm',
  column: string,
  name: string,
  type: Type,
  help: string,
): (typeof OF_ALL)[number] {
  return [name, type, help, (all) => all[of][column] ?? null];
}

/** Without the end of the last line. */
export function prometheusText(statistics: Statistics): string {
  const lines: string[] = [];
  for (const [name, type, help, value] of OF_EXPORTS) {
    lines.push(...head(name, type, help));
    for (const one of statistics.exports) lines.push(`${PREFIX}${name}{export="${label(one.name)}"} ${value(one)}`);
  }
  for (const [name, type, help, value] of OF_ALL) {
    const now = value(statistics);
    if (now !== null) lines.push(...head(name, type, help), `${PREFIX}${name} ${now}`);
  }
  return lines.join('\n');
}

const head = (name: string, type: Type, help: string): string[] => [
  `# HELP ${PREFIX}${name} ${help}`,
  `# TYPE ${PREFIX}${name} ${type}`,
];

const label = (text: string): string => text.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n');
