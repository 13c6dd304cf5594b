/** A live device beside what was computed from its pages: do the figures agree, and what may keep them from it? */
import type { AlgorithmResult } from './analysis.js';
import { plural } from './format.js';
import type { LiveDevice } from './live-device.js';
import { COMPUTED, type LiveComparison, type LiveFacts } from './live-facts.js';
import { PAGE_BYTES } from './page-list.js';
import { kernelOfRelease } from './zram-attributes.js';

/** @param missing why the device's own compressor could not be used, as a sentence without its full stop */
export function compareLive(
  { facts, held, hasChanged }: Pick<LiveDevice, 'facts' | 'held' | 'hasChanged'>,
  algorithms: readonly AlgorithmResult[],
  { missing, stopped }: { readonly missing: string | undefined; readonly stopped: string | undefined },
): LiveComparison {
  const own = algorithms.find(({ algorithm }) => algorithm === facts.algorithm);
  // Pages on the backing device count as stored, and nowhere else.
  const elsewhere = (held?.writtenBack ?? 0) * PAGE_BYTES;
  const before = own?.mmStat.before;
  const computed = before && {
    origDataSize: before.origDataSize + elsewhere,
    comprDataSize: before.comprDataSize,
    samePages: before.samePages,
    hugePages: before.hugePages,
  };
  const equal = computed && COMPUTED.every((column) => computed[column] === facts.mmStat[column]);
  return {
    ...facts,
    slotsFrom: held === undefined ? 'orig_data_size' : 'block_state',
    slotsEmpty: (facts.disksize - facts.mmStat.origDataSize) / PAGE_BYTES,
    changed: hasChanged,
    computed,
    equal,
    notes: [
      ...(hasChanged
        ? [`${facts.path} changed while it was read: its figures and its pages are of different times`]
        : []),
      ...(missing === undefined ? [] : [`nothing was computed with its own compressor: ${missing}`]),
      ...notesOn(facts, held),
      ...(equal === false && !hasChanged && stopped === undefined && !countsOthers(facts, held)
        ? reasons(facts, own)
        : []),
    ],
  };
}

/** Whether its figures are those of other objects, as a note says. */
function countsOthers({ recompressors, pagesWrittenBack }: LiveFacts, held: LiveDevice['held']): boolean {
  return held === undefined ? recompressors.length > 0 || pagesWrittenBack > 0 : held.recompressed > 0;
}

function notesOn({ chain, recompressors, pagesWrittenBack }: LiveFacts, held: LiveDevice['held']): string[] {
  const notes: string[] = [];
  if (chain.assumedBecause !== undefined)
    notes.push(`zspages of up to ${chain.chainSize} pages are assumed: ${chain.assumedBecause}`);
  if (recompressors.length > 0) {
    const names = recompressors.map(({ algorithm }) => algorithm).join(', ');
    const pages = held === undefined ? 'pages that were recompressed' : plural(held.recompressed, 'recompressed page');
    notes.push(`compr_data_size and huge_pages as they are count ${pages} as recompressed (${names})`);
  }
  if (pagesWrittenBack > 0) {
    const pages = `${plural(pagesWrittenBack, 'page')} on the backing device`;
    notes.push(
      held === undefined
        ? `compr_data_size and memory as they are do not count ${pages}; what is computed does, since these were read`
        : `${pages}, which ${pagesWrittenBack === 1 ? 'takes no memory, was' : 'take no memory, were'} left out`,
    );
  }
  return notes;
}

/** What else can keep the figures from being equal. */
function reasons(facts: LiveFacts, own: AlgorithmResult | undefined): string[] {
  const { algorithm, kernel, release } = facts;
  const running = kernelOfRelease(release);
  return [
    ...(running === kernel
      ? []
      : [`the computed figures have the rules of kernel ${kernel}, and ${release} is running`]),
    ...(own?.computed === undefined ? [] : [own.computed]),
    `${algorithm} may have a level or a dictionary on the device (algorithm_params), which cannot be read`,
  ];
}

/**
 * Bytes of the device's memory that a fresh one would not take for the same objects; undefined where they are other
 * objects, or other rules.
 */
export function fragmentation(live: LiveComparison, fresh: number): number | undefined {
  const comparable = live.equal === true && !live.changed && kernelOfRelease(live.release) === live.kernel;
  return comparable ? live.mmStat.memUsedTotal - fresh : undefined;
}
