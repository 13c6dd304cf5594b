/** The report of `analyze` as the one JSON object that `--json` prints. */
import type { AlgorithmResult, Analysis, DedupSide } from './analysis.js';
import { DEDUP_COLUMNS, kernelColumns } from './columns.js';
import { megabytesPerSecond, pageTime, saved } from './figures.js';
import { liveJson } from './report-live.js';
import { STEPS } from './step-time.js';

/** The columns of mm_stat have the kernel's names; all other fields are named as in the library. */
export function toJson(analysis: Analysis, version: string): string {
  const { kernel, inputs, algorithms, sharing, zram, stopped, note, configuration, threads, memory } = analysis;
  const names = inputs.map(({ name }) => name);
  return JSON.stringify(
    {
      version,
      complete: stopped === undefined,
      stopped,
      note,
      kernel,
      inputs,
      algorithms: algorithms.map((result) => algorithmJson(result, names)),
      sharing: sharing && { inputs: names.slice(0, sharing.pages.length), pages: sharing.pages },
      zram: zram && liveJson(zram),
      threads,
      configuration,
      memory,
    },
    null,
    2,
  );
}

function algorithmJson(result: AlgorithmResult, names: readonly string[]): object {
  const { algorithm, code, computed, recompression, inputs, mmStat, merge, compact, classes, histogram, dedup, steps } =
    result;
  return {
    algorithm,
    code,
    computed: computed !== undefined,
    computedBecause: computed,
    inputs: inputs.map((row, i) => ({ name: names[i], ...row })),
    recompression,
    mm_stat: {
      before: kernelColumns(mmStat.before),
      afterMerge: kernelColumns(mmStat.afterMerge),
      afterCompact: kernelColumns(mmStat.afterCompact),
    },
    merge,
    compact,
    saved: saved(result),
    classes,
    histogram,
    dedup: dedup && { merging: dedupJson(dedup.merging), inline: dedupJson(dedup.inline) },
    steps: Object.fromEntries(
      STEPS.map((step) => {
        const { milliseconds, processorMilliseconds = null, bytes } = steps[step];
        const speed = megabytesPerSecond(bytes, milliseconds);
        return [step, { milliseconds, processorMilliseconds, bytes, megabytesPerSecond: speed }];
      }),
    ),
    microsecondsPerPage: {
      store: pageTime(steps.store).microseconds ?? null,
      load: pageTime(steps.load).microseconds ?? null,
      by: pageTime(steps.store).byProcessor ? 'processor' : 'clock',
    },
    // A difference ends the run with an error, so whatever is printed has been compared.
    verified: true,
  };
}

function dedupJson({ storeMilliseconds, mergeMilliseconds, mmStat }: DedupSide): object {
  return { storeMilliseconds, mergeMilliseconds, ...kernelColumns(mmStat, DEDUP_COLUMNS) };
}
