/** The part of both reports that sets a live device, as it is now, beside what was computed from its pages. */
import type { AlgorithmResult } from './analysis.js';
import { MM_STAT_COLUMNS } from './columns.js';
import { humanBytes, number, plural, table, wrapped } from './format.js';
import { fragmentation } from './live-comparison.js';
import { COMPUTED, type LiveComparison } from './live-facts.js';
import { liveColumns } from './zram-attributes.js';

const kernelName = (column: string): string => MM_STAT_COLUMNS.find(([, , ours]) => ours === column)?.[0] ?? column;

export function liveText(live: LiveComparison, algorithms: readonly AlgorithmResult[]): string[] {
  const { path, algorithm, release, disksize, chain, mmStat } = live;
  const from = chain.from.startsWith('/') ? `, by ${chain.from}` : '';
  const row = (name: string, { comprDataSize, memUsedTotal, samePages, hugePages }: typeof mmStat, merged?: number) => [
    name,
    ...[comprDataSize, memUsedTotal, samePages, hugePages].map((value) => number(value)),
    merged === undefined ? '' : number(merged),
  ];
  const rows = [
    ['', 'compressed', 'memory used', 'same-filled', 'huge', 'merged and compacted'],
    row(`as it is now (${algorithm})`, mmStat),
    ...algorithms.map((one) => row(one.algorithm, one.mmStat.before, one.mmStat.afterCompact.memUsedTotal)),
  ];
  const sentences = [
    `kernel ${release}, zspages of up to ${chain.chainSize} pages${from}; ${slotsText(live)}`,
    ...resultText(live, algorithms),
    ...live.notes,
  ];
  return [
    `${path}, ${humanBytes(disksize)}, as it is now, and fresh devices with the same pages`,
    ...table(rows, [0]),
    ...sentences.flatMap(wrapped).map((line) => `  ${line}`),
  ];
}

function slotsText({ slotsFrom, slotsEmpty }: LiveComparison): string {
  return `${plural(slotsEmpty, 'slot')} that ${slotsEmpty === 1 ? 'holds' : 'hold'} nothing left out, by ${slotsFrom}`;
}

function resultText(live: LiveComparison, algorithms: readonly AlgorithmResult[]): string[] {
  const { computed, equal, mmStat, algorithm } = live;
  if (computed === undefined) return [];
  if (equal !== true) {
    const differing = COMPUTED.filter((column) => computed[column] !== mmStat[column]);
    const figures = differing.map(
      (column) => `${kernelName(column)} ${number(computed[column])}, not ${number(mmStat[column])}`,
    );
    return [`computed from its pages otherwise: ${figures.join('; ')}`];
  }
  const names = COMPUTED.map(kernelName);
  const result = [`computed from its pages, and equal: ${names.slice(0, -1).join(', ')} and ${names.at(-1)}`];
  const fresh = algorithms.find((one) => one.algorithm === algorithm)?.mmStat.before.memUsedTotal ?? 0;
  const more = fragmentation(live, fresh);
  if (more === undefined) return result;
  if (more < 0) return [...result, `memory used is less than a fresh device takes: zspages must have another length`];
  return [...result, `${plural(more, 'byte')} of its memory are fragmentation: a fresh device takes ${number(fresh)}`];
}

/** The columns of mm_stat have the kernel's names. */
export function liveJson(live: LiveComparison): object {
  const { path, release, kernel, disksize, algorithm, recompressors, chain } = live;
  const { slotsFrom, slotsEmpty, pagesWrittenBack, mmStat, changed, computed, equal, notes } = live;
  return {
    device: path,
    release,
    kernel,
    disksize,
    algorithm,
    recompression: recompressors,
    chainSize: chain.chainSize,
    chainSizeFrom: chain.from,
    slotsFrom,
    slotsEmpty,
    pagesWrittenBack,
    mm_stat: liveColumns(mmStat),
    changed,
    // Fields of JSON that do not apply are null, so that `equal` is not taken for false.
    computed:
      computed === undefined
        ? null
        : Object.fromEntries(COMPUTED.map((column) => [kernelName(column), computed[column]])),
    equal: equal ?? null,
    notes,
  };
}
