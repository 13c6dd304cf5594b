/** The part of the text report that sets several compressors side by side. */
import type { AlgorithmResult } from './analysis.js';
import { isBusy, pageTime, saved } from './figures.js';
import { number, table } from './format.js';
import { PAGE_BYTES } from './page-list.js';
import type { Step } from './step-time.js';

/** A column for each compressor; all of them were given the same pages. */
export function sideBySide(algorithms: readonly AlgorithmResult[]): string[] {
  const row = (kernel: string, label: string, cell: (result: AlgorithmResult) => string): string[] => [
    kernel,
    label,
    ...algorithms.map(cell),
  ];
  const share = (of: 'hugePages' | 'samePages') => (result: AlgorithmResult) => {
    const { before } = result.mmStat;
    const pages = before.origDataSize / PAGE_BYTES;
    return number(pages === 0 ? 0 : (100 * before[of]) / pages, 1);
  };
  const time = (step: Step) => (result: AlgorithmResult) => {
    const { microseconds } = pageTime(result.steps[step]);
    return microseconds === undefined ? '-' : number(microseconds, 2);
  };
  return [
    ...table(
      [
        row('', '', ({ algorithm }) => algorithm),
        row('', 'figures', ({ computed }) => (computed === undefined ? 'verified' : 'computed')),
        row('compr_data_size', 'compressed objects', ({ mmStat }) => number(mmStat.before.comprDataSize)),
        row('mem_used_total', 'memory used, by zsmalloc', ({ mmStat }) => number(mmStat.before.memUsedTotal)),
        row('huge_pages', 'incompressible pages', ({ mmStat }) => number(mmStat.before.hugePages)),
        row('', 'their share, %', share('hugePages')),
        row('same_pages', 'same-filled, %', share('samePages')),
        row('mem_used_total', 'merged and compacted', ({ mmStat }) => number(mmStat.afterCompact.memUsedTotal)),
        row('', 'saved by merging, %', (result) => number(saved(result).percent, 1)),
        row('store', 'compressing a page, µs', time('store')),
        row('load', 'decompressing a page, µs', time('load')),
      ],
      [0, 1],
    ),
    ...timeRemarks(algorithms),
  ];
}

/** What a time a page is. */
export function timeRemarks(algorithms: readonly AlgorithmResult[]): string[] {
  const byProcessor = algorithms.every(({ steps }) => pageTime(steps.store).byProcessor);
  const lines = [
    `  µs a page: ${byProcessor ? 'processor time' : 'time by the clock'} on this machine, in WebAssembly (deflate: JavaScript), not in a kernel.`,
    '  The mean of all pages, with the work of zram and zsmalloc, without reading inputs and verifying.',
  ];
  if (!byProcessor) lines.push('  Nothing counts the processor time of a thread here: other programs make it longer.');
  else if (algorithms.some(({ steps }) => isBusy([steps.store, steps.load])))
    lines.push('  The machine was busy: by the clock these steps took longer, see "Time".');
  return lines;
}
