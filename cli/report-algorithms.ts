/** The part of the text report that sets several compressors side by side. */
import type { AlgorithmResult } from './analysis.js';
import { megabytesPerSecond, saved } from './figures.js';
import { number, table } from './format.js';
import type { Step } from './step-time.js';

/** A column for each compressor; all of them were given the same pages. */
export function sideBySide(algorithms: readonly AlgorithmResult[]): string[] {
  const row = (kernel: string, label: string, cell: (result: AlgorithmResult) => string): string[] => [
    kernel,
    label,
    ...algorithms.map(cell),
  ];
  const speed = (step: Step) => (result: AlgorithmResult) =>
    number(megabytesPerSecond(result.steps[step].bytes, result.steps[step].milliseconds));
  return table(
    [
      row('', '', ({ algorithm }) => algorithm),
      row('', 'figures', ({ computed }) => (computed === undefined ? 'verified' : 'computed')),
      row('compr_data_size', 'compressed objects', ({ mmStat }) => number(mmStat.before.comprDataSize)),
      row('mem_used_total', 'memory used', ({ mmStat }) => number(mmStat.before.memUsedTotal)),
      row('huge_pages', 'incompressible pages', ({ mmStat }) => number(mmStat.before.hugePages)),
      row('mem_used_total', 'merged and compacted', ({ mmStat }) => number(mmStat.afterCompact.memUsedTotal)),
      row('', 'saved by merging, %', (result) => number(saved(result).percent, 1)),
      row('store', 'compressing, MB/s', speed('store')),
      row('load', 'reading back, MB/s', speed('load')),
    ],
    [0, 1],
  );
}
