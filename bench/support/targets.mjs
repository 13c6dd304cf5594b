/**
 * The project's own targets: the floor is owed, the moonshot is wanted. A section's measures carry these ids.
 */
import { spread } from './table.mjs';

/**
 * `section`: which one measures it; without one, `missing` says why nothing does. `less`: smaller is better. `exact`:
 * nothing but the bound itself will do.
 */
export const TARGETS = [
  { id: 'lz4-compress', section: 'lz4', what: 'LZ4 compress, in wasm / native liblz4', floor: 0.9, moonshot: 1 },
  { id: 'lz4-decompress', section: 'lz4', what: 'LZ4 decompress, in wasm / native liblz4', floor: 0.84, moonshot: 1.1 },
  { id: 'lzo-compress', section: 'compressors', what: 'lzo compress, in wasm / liblzo2', floor: 0.85, moonshot: 1 },
  { id: 'lzo-decompress', section: 'compressors', what: 'lzo decompress, in wasm / liblzo2', floor: 0.85, moonshot: 1 },
  {
    id: 'lz4hc-compress',
    section: 'compressors',
    what: 'lz4hc compress, level 9, in wasm / native liblz4',
    floor: 0.85,
    moonshot: 1,
  },
  {
    id: 'lzo-rle-write-pages',
    section: 'compressors',
    what: '`writePages` with lzo-rle / the kernel’s zram, 1 MiB O_DIRECT writes',
    floor: 0.85,
    moonshot: 1.2,
  },
  {
    id: 'write-pages',
    section: 'device',
    what: '`writePages` / the kernel’s zram, 1 MiB O_DIRECT writes',
    floor: 1,
    moonshot: 1.5,
  },
  {
    id: 'write-page',
    section: 'device',
    what: '`writePage` / the kernel’s zram, 4 KiB O_DIRECT writes',
    floor: 1.15,
    moonshot: 2,
  },
  {
    id: 'read-pages',
    section: 'device',
    what: '`readPages` / the kernel’s zram, 1 MiB O_DIRECT reads',
    floor: 1.25,
    moonshot: 2,
  },
  {
    id: 'write-page-busy',
    section: 'device',
    what: '`writePage` / the kernel’s zram, 4 KiB O_DIRECT writes, busy memory bus',
    floor: 1.05,
    moonshot: 2,
  },
  {
    id: 'read-pages-busy',
    section: 'device',
    what: '`readPages` / the kernel’s zram, 1 MiB O_DIRECT reads, busy memory bus',
    floor: 1.1,
    moonshot: 1.5,
  },
  {
    id: 'read-page',
    section: 'device',
    what: '`readPage` / the kernel’s zram, 4 KiB O_DIRECT reads',
    floor: 1.8,
    moonshot: 3,
  },
  {
    id: 'idle-read',
    section: 'device',
    what: '`readPages` of pages recompressed with lz4hc, `favorDecSpeed: 6` / the kernel’s lz4, 1 MiB',
    floor: 1.4,
    moonshot: 2,
  },
  {
    id: 'idle-read-busy',
    section: 'device',
    what: 'the same, busy memory bus',
    floor: 1.4,
    moonshot: 2,
  },
  {
    id: 'idle-bytes',
    section: 'device',
    what: 'memory that this saves, of process memory',
    floor: 0.08,
    moonshot: 0.15,
  },
  {
    id: 'cold-read-median',
    section: 'cold',
    what: '`readPage` of a cold page / the kernel’s zram, median',
    floor: 1.5,
    moonshot: 2,
  },
  {
    id: 'cold-read-p99',
    section: 'cold',
    what: '`readPage` of a cold page / the kernel’s zram, p99',
    floor: 1,
    moonshot: 1.5,
  },
  {
    id: 'cold-read-median-busy',
    section: 'cold',
    what: '`readPage` of a cold page / the kernel’s zram, median, busy memory bus',
    floor: 1.5,
    moonshot: 2,
  },
  {
    id: 'cold-read-p99-busy',
    section: 'cold',
    what: '`readPage` of a cold page / the kernel’s zram, p99, busy memory bus',
    floor: 1,
    moonshot: 1.5,
  },
  {
    id: 'cold-write-median',
    section: 'cold',
    what: '`writePage` of a cold page / the kernel’s zram, median',
    floor: 1.5,
    moonshot: 2,
  },
  {
    id: 'cold-write-p99',
    section: 'cold',
    what: '`writePage` of a cold page / the kernel’s zram, p99',
    floor: 1,
    moonshot: 1.5,
  },
  {
    id: 'cold-write-median-busy',
    section: 'cold',
    what: '`writePage` of a cold page / the kernel’s zram, median, busy memory bus',
    floor: 1.5,
    moonshot: 2,
  },
  {
    id: 'cold-write-p99-busy',
    section: 'cold',
    what: '`writePage` of a cold page / the kernel’s zram, p99, busy memory bus',
    floor: 1,
    moonshot: 1.5,
  },
  {
    id: 'workers',
    section: 'workers',
    what: 'two workers / `writePages` on one thread',
    floor: 1.4,
    moonshot: 1.9,
  },
  {
    id: 'dedup-duplicates',
    section: 'dedup',
    what: 'write with inline dedup / without, × (1 − duplicates), from 30 % duplicates up',
    floor: 0.75,
    moonshot: 0.9,
  },
  {
    id: 'dedup-none',
    section: 'dedup',
    what: 'write with inline dedup / without, no duplicates',
    floor: 0.9,
    moonshot: 0.95,
  },
  {
    id: 'dedup-before',
    section: 'dedup',
    what: 'write with inline dedup, 90 % duplicates / the build before',
    floor: 1.5,
    moonshot: 2,
  },
  ...['', '-busy'].map((state) => ({
    id: `dedup-copies-before${state}`,
    section: 'dedup',
    what: `the same with copies of the pages (\`dedupCache\`)${state ? ', busy memory bus' : ''}`,
    floor: 1.5,
    moonshot: 2,
  })),
  ...['quiet', 'busy'].flatMap((state) => [
    {
      id: `history-push-${state}`,
      section: 'history',
      what: `\`StateHistory.push\`, 1 % of the pages changed / a \`Map\` that trusts XXH64, ${state}`,
      floor: 1.5,
      moonshot: 2.5,
    },
    {
      id: `history-push-before-${state}`,
      section: 'history',
      what: `the same / the build without a raw newest state, ${state}`,
      floor: 2.2,
      moonshot: 4,
    },
    {
      id: `history-step-${state}`,
      section: 'history',
      what: `\`get\` of the state before with \`holding\` / \`get\` of that build, ${state}`,
      floor: 15,
      moonshot: 40,
    },
  ]),
  {
    id: 'fork-time',
    section: 'forks',
    what: '`snapshot()` of a device of 1 GiB',
    floor: 100,
    moonshot: 20,
    unit: 'µs',
    less: true,
  },
  {
    id: 'fork-bytes',
    section: 'forks',
    what: '`snapshot()` of a device of 1 GiB, before a write',
    floor: 16384,
    moonshot: 12288,
    unit: 'bytes',
    less: true,
  },
  {
    id: 'merge-first',
    section: 'merge',
    what: 'merge, first pass, 250 k objects of 1.2 KB',
    floor: 3,
    moonshot: 5,
    unit: 'M objects/s',
  },
  {
    id: 'merge-first-busy',
    section: 'merge',
    what: 'the same, busy memory bus',
    floor: 3,
    moonshot: 10,
    unit: 'M objects/s',
  },
  {
    id: 'merge-second',
    section: 'merge',
    what: 'merge, second pass over an unchanged pool / first pass',
    floor: 10,
    moonshot: 100,
  },
  {
    id: 'merge-changed',
    section: 'merge',
    what: 'merge, a pass after 1 % changed / first pass',
    floor: 3,
    moonshot: 20,
  },
  {
    id: 'merge-found',
    section: 'merge',
    what: 'merge, duplicates found / all there are',
    floor: 1,
    moonshot: 1,
    exact: true,
  },
  { id: 'ksm', section: 'ksm', what: 'merge / KSM on the same pages, pages per CPU second', floor: 5, moonshot: 10 },
  { id: 'hash', section: 'hash', what: 'page hash / xxhash-wasm', floor: 2, moonshot: 3 },
  {
    id: 'reserved',
    section: 'memory',
    what: 'linear memory grown / `mem_used_total` + 8 bytes a slot',
    floor: 2.01, // memory doubles
    moonshot: 1.02,
    less: true,
  },
  {
    id: 'held',
    section: 'memory',
    what: 'held memory / a `Map` of lz4-napi buffers with dedupe',
    floor: 0.8,
    moonshot: 0.65,
    less: true,
  },
  {
    id: 'core-bytes',
    section: 'startup',
    what: 'size of `core.wasm`',
    floor: 40,
    moonshot: 20,
    unit: 'KiB',
    less: true,
  },
  {
    id: 'import',
    section: 'startup',
    what: 'import of `zram-wasm` in a fresh process of Node.js',
    floor: 6,
    moonshot: 3,
    unit: 'ms',
    less: true,
  },
  { id: 'ready', section: 'startup', what: '`Engine.createSync`', floor: 5, moonshot: 2, unit: 'ms', less: true },
  {
    id: 'scale',
    section: 'scale',
    what: 'cost per page at 1 M pages / at 10 k pages',
    floor: 1.1,
    moonshot: 1.05,
    less: true,
  },
];

function verdict({ floor, moonshot, less = false, exact = false }, { median }) {
  if (exact) return median === floor ? 'met' : '**missed**';
  const reaches = (bound) => (less ? median <= bound : median >= bound);
  if (reaches(moonshot)) return 'moonshot';
  return reaches(floor) ? 'floor' : '**missed**';
}

/**
 * @param {Record<string, { value: object } | { reason: string }>} measures by target id
 * @param {Record<string, string>} reasons why a section that was run has no measures, by its name
 * @returns {string[][]} rows: what, floor, moonshot, measured, which of the two is reached
 */
export function targetRows(measures, reasons) {
  return TARGETS.map((target) => {
    const { id, section, missing, what, floor, moonshot, unit = '', less = false } = target;
    const bound = (value) => `${less ? '≤ ' : ''}${value}${unit && ` ${unit}`}`;
    const measure = measures[id] ?? { reason: missing ?? reasons[section] ?? 'its section was left out' };
    const cells = measure.value
      ? [spread(measure.value, unit), verdict(target, measure.value)]
      : [measure.reason, 'not measured'];
    return [what, bound(floor), bound(moonshot), ...cells];
  });
}
