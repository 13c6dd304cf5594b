/** The report of `analyze` as text, at most TEXT_WIDTH characters wide. */
import type { MmStat } from '../bindings/index.js';
import type { AlgorithmResult, Analysis, InputFacts } from './analysis.js';
import { MM_STAT_COLUMNS } from './columns.js';
import { megabytesPerSecond, pageTime, saved } from './figures.js';
import { bar, exactBytes, humanBytes, number, percent, plural, shorten, table, wrapped } from './format.js';
import { sideBySide, timeRemarks } from './report-algorithms.js';
import { liveText } from './report-live.js';
import { configurationText, recompressionText } from './report-recompression.js';
import { remarksOn, swapRemarks } from './report-remarks.js';
import { classesText, dedupText, sharingText } from './report-sharing.js';
import { STEPS, type Step } from './step-time.js';

/** Width left for a name beside five columns of numbers. */
const NAME_WIDTH = 36;
const BAR_WIDTH = 50;

const STEP_LABELS: Record<Step, string> = {
  read: 'reading the inputs',
  store: 'compressing and storing',
  merge: 'merging identical objects',
  compact: 'compacting',
  load: 'reading every page back',
  checksum: 'checksums of both (sha256)',
};

/** The report as text, without the line end of the last line. */
export function toText(analysis: Analysis, version: string): string {
  const { kernel, inputs, algorithms, sharing, zram, note, configuration, threads, memory } = analysis;
  const pages = inputs.reduce((sum, input) => sum + input.pages, 0);
  const lines = [`zram-wasm ${version}: what zram would make of ${plural(pages, 'page')} of 4096 bytes`];
  if (note !== undefined) lines.push(note);
  lines.push(
    `Kernel ${kernel.version}: zspages of up to ${kernel.chainSize} pages, huge from ${number(kernel.hugeClassSize)} bytes; its default compressor is ${kernel.compressorDefault}`,
  );
  if (zram !== undefined) lines.push('', ...liveText(zram, algorithms));
  if (algorithms.length > 1) lines.push('', 'Side by side, on the same pages', ...sideBySide(algorithms));
  for (const result of algorithms) lines.push('', ...algorithmText(result, inputs, algorithms.length === 1));
  if (sharing !== undefined) lines.push('', 'Pages that inputs share', ...sharingText(sharing, inputs));
  const remarks = [...inputs.flatMap(remarksOn), ...swapRemarks(inputs)];
  if (remarks.length > 0) lines.push('', 'Remarks', ...remarks.map((remark) => `  ${remark}`));
  lines.push(
    '',
    ...(threads === 1 ? [] : [`The algorithms were on ${threads} threads, which slow each other down a little.`]),
    `Memory of this analysis: ${humanBytes(memory.engineUsed)} of linear memory, ${humanBytes(memory.peakRss)} for the whole process at its peak.`,
  );
  if (configuration !== undefined) lines.push('', ...configurationText(configuration, analysis));
  return lines.join('\n');
}

/** @param isAlone no table of several algorithms explains its times */
function algorithmText(result: AlgorithmResult, inputs: readonly InputFacts[], isAlone: boolean): string[] {
  return [
    `Inputs, stored with ${result.algorithm}`,
    ...setIn(result.code),
    ...(result.computed === undefined ? [] : setIn([`Figures are computed: ${result.computed}`])),
    ...inputsText(result, inputs),
    ...(result.recompression === undefined
      ? []
      : ['', 'Recompressed, every page being idle', ...recompressionText(result.recompression, result)]),
    '',
    'The device, by the columns of mm_stat',
    ...mmStatText(result),
    '',
    'What merging adds',
    ...mergeText(result),
    '',
    'The merge by size class: bytes per object, objects left, pages merged; unmerged classes left out',
    ...classesText(result.classes),
    '',
    'Compressed size of the pages that are not same-filled',
    ...histogramText(result),
    ...(result.dedup === undefined
      ? []
      : ['', 'Inline deduplication and merging afterwards, on the same pages', ...dedupText(result.dedup)]),
    '',
    'Time (MB: 1,000,000 bytes of pages)',
    ...timeText(result),
    ...(isAlone ? timeRemarks([result]) : []),
    '  Every page read back is the page that was stored.',
  ];
}

const setIn = (texts: readonly string[]): string[] => texts.flatMap(wrapped).map((line) => `  ${line}`);

function inputsText(result: AlgorithmResult, inputs: readonly InputFacts[]): string[] {
  const rows = inputs.map((input, i) => {
    const row = result.inputs[i] ?? { samePages: 0, hugePages: 0, comprDataSize: 0, pagesSharing: 0 };
    return [input.pages, row.samePages, row.hugePages, row.comprDataSize, row.pagesSharing];
  });
  const total = rows.reduce((sum, row) => sum.map((value, i) => value + (row[i] ?? 0)), [0, 0, 0, 0, 0]);
  const lines = rows.map((row, i) => [shorten(inputs[i]?.name ?? '', NAME_WIDTH), ...row.map((n) => number(n))]);
  if (rows.length > 1) lines.push(['together', ...total.map((n) => number(n))]);
  return table([['', 'pages', 'same-filled', 'huge', 'compressed', 'sharing'], ...lines], [0]);
}

function mmStatText({ mmStat: { before, afterMerge, afterCompact } }: AlgorithmResult): string[] {
  const states = [before, afterMerge, afterCompact];
  const rows = MM_STAT_COLUMNS.map(([kernel, label, ours]) => [
    kernel,
    label,
    ...states.map((mmStat) => number(mmStat[ours])),
  ]);
  return table([['', '', 'before', 'after merge', 'after compact'], ...rows], [0, 1]);
}

function mergeText(result: AlgorithmResult): string[] {
  const { merge, compact, mmStat } = result;
  const { bytes } = saved(result);
  const used = mmStat.before.memUsedTotal;
  const rows = [
    [
      'objects merged',
      `${number(merge.objectsMerged)} of ${number(merge.objectsScanned)} (${percent(merge.objectsMerged, merge.objectsScanned)})`,
    ],
    ['their payload', exactBytes(merge.bytesMerged)],
    ['pages freed', `${number(merge.pagesFreed)} by merging, ${number(compact.pagesFreed)} by compacting afterwards`],
    ['memory saved', `${exactBytes(bytes)}, ${percent(bytes, used)} of mem_used_total`],
    ['ratio', `${ratio(mmStat.before)} before, ${ratio(mmStat.afterCompact)} now (data stored / memory used)`],
  ];
  if (!merge.complete) rows.push(['not finished', 'the pass ended before it had seen all objects']);
  return table(rows, [0, 1]);
}

function ratio({ origDataSize, memUsedTotal }: MmStat): string {
  return memUsedTotal === 0 ? '-' : number(origDataSize / memUsedTotal, 2);
}

function histogramText({ histogram }: AlgorithmResult): string[] {
  const total = histogram.reduce((sum, row) => sum + row.pages, 0);
  const most = Math.max(...histogram.map((row) => row.pages));
  const rows = histogram.map(({ from, to, pages }) => [
    `${number(from).padStart(5)} - ${number(to).padStart(5)} bytes`,
    number(pages),
    percent(pages, total),
    bar(pages, most, BAR_WIDTH),
  ]);
  return table(rows, [0, 3]);
}

function timeText({ steps }: AlgorithmResult): string[] {
  const rows = STEPS.map((step) => {
    const { milliseconds, processorMilliseconds, bytes } = steps[step];
    const { microseconds } = pageTime(steps[step]);
    const speed = milliseconds === 0 ? '-' : number(megabytesPerSecond(bytes, milliseconds));
    const processor = processorMilliseconds === undefined ? '-' : `${number(processorMilliseconds, 1)} ms`;
    const page = microseconds === undefined ? '-' : `${number(microseconds, 2)} µs`;
    return [step, STEP_LABELS[step], `${number(milliseconds, 1)} ms`, `${speed} MB/s`, processor, page];
  });
  return table([['', '', 'by the clock', '', 'processor', 'a page'], ...rows], [0, 1]);
}
