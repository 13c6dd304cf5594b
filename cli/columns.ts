/** The columns of mm_stat that reports show: the kernel's name, a plain label, and the library's name. */
import type { MmStat } from '../bindings/index.js';

export type Column = readonly [kernel: string, label: string, ours: keyof MmStat];

/** In the kernel's order (Documentation/admin-guide/blockdev/zram.rst), then the tenth column, which is ours. */
export const MM_STAT_COLUMNS: readonly Column[] = [
  ['orig_data_size', 'data stored', 'origDataSize'],
  ['compr_data_size', 'compressed objects', 'comprDataSize'],
  ['mem_used_total', 'memory used', 'memUsedTotal'],
  ['mem_limit', 'memory allowed (0: any)', 'memLimit'],
  ['mem_used_max', 'most memory ever used', 'memUsedMax'],
  ['same_pages', 'same-filled pages', 'samePages'],
  ['pages_compacted', 'pages freed by compaction', 'pagesCompacted'],
  ['huge_pages', 'incompressible pages', 'hugePages'],
  ['huge_pages_since', 'the same, ever stored', 'hugePagesSince'],
  ['pages_merged', 'pages with no own object', 'pagesMerged'],
];

/** Where inline deduplication and merging differ. dup_data_size and meta_data_size: the kernel's series of 2017. */
export const DEDUP_COLUMNS: readonly Column[] = [
  ['mem_used_max', 'most memory ever used', 'memUsedMax'],
  ['mem_used_total', 'memory used in the end', 'memUsedTotal'],
  ['compr_data_size', 'compressed objects', 'comprDataSize'],
  ['dup_data_size', 'payload saved by sharing', 'dupDataSize'],
  ['meta_data_size', 'deduplication index', 'metaDataSize'],
  ['pages_merged', 'pages with no own object', 'pagesMerged'],
];

/** Numbers under the kernel's own names. */
export function kernelColumns(mmStat: MmStat, columns = MM_STAT_COLUMNS): Record<string, number> {
  return Object.fromEntries(columns.map(([kernel, , ours]) => [kernel, mmStat[ours]]));
}
