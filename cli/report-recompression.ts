/** The parts of the text report on lines of several compressors: what recompression did, and what to configure. */
import type { Analysis, AlgorithmResult, Recompression } from './analysis.js';
import { number, table } from './format.js';

export function recompressionText({ before, calls }: Recompression, { mmStat }: AlgorithmResult): string[] {
  const rows = calls.map(({ call, pagesTried, objectsRecompressed, bytesSaved, milliseconds }) => [
    call === '' ? 'any page' : call,
    number(pagesTried),
    number(objectsRecompressed),
    number(bytesSaved),
    number(milliseconds, 1),
  ]);
  const after = mmStat.before;
  return [
    ...table([['', 'pages tried', 'objects made smaller', 'bytes saved', 'ms'], ...rows], [0]),
    `  compr_data_size was ${number(before.comprDataSize)} and is ${number(after.comprDataSize)};` +
      ` mem_used_total was ${number(before.memUsedTotal)} and is ${number(after.memUsedTotal)}.`,
  ];
}

/** What to paste into zram-generator.conf. */
export function configurationText(lines: readonly string[], { algorithms }: Analysis): string[] {
  const later = algorithms.some(({ recompression }) => recompression !== undefined);
  return [
    'For a section of zram-generator.conf',
    ...lines.map((line) => `  ${line}`),
    ...(later
      ? [
          '  zram-generator 1.2.1 passes on the parameters of the first compressor alone. Those of later ones are',
          '  written to algorithm_params by hand, and recompression is started by what is written to recompress.',
        ]
      : []),
  ];
}
