/**
 * The claim of the project: after every operation, mm_stat is the live kernel's to the byte.
 *
 * The same random trace runs on /dev/zram0 and on our device, for each data set, compressor and level, with whole pages
 * and with parts of pages. The seed is printed;
 * ZRAM_WASM_SEED=n repeats a run, ZRAM_WASM_LONG=1 makes it ten times as long on a disk four times as large, and
 * ZRAM_WASM_OPERATIONS=n says how many operations each compressor gets, over all data sets.
 */
import { describe, test } from '@jest/globals';
import { describeWithKernel } from '../support/describe-with-kernel.js';
import { LEVELS } from '../support/fixtures.js';
import { kernelHas, lz4, runOnKernel, type KernelAlgorithm } from '../support/kernel.js';
import { blend, generatedSets, pageCount, type DataSet } from '../support/pages.js';
import { assertParity } from '../support/parity.js';
import { seedOfRun } from '../support/random.js';
import { processPages, programPages } from '../support/real-pages.js';
import { randomTrace } from '../support/trace.js';

const LONG = process.env.ZRAM_WASM_LONG === '1';
const OPERATIONS = Number(process.env.ZRAM_WASM_OPERATIONS ?? (LONG ? 500_000 : 6_000));
const ALGORITHMS: KernelAlgorithm[] = [...LEVELS.map(lz4), { name: 'lzo', level: 1 }, { name: 'lzo-rle', level: 1 }];
const SLOTS = LONG ? 8192 : 2048;
const REAL_PAGES = 600;
const BLEND_PAGES = 100;
/** Another user of the device may hold it for a while first. */
const CASE_MILLISECONDS_MAX = 300_000 + OPERATIONS / 5;

function dataSets(seed: number): DataSet[] {
  const real = [programPages(seed, REAL_PAGES), processPages(seed, REAL_PAGES)];
  const all = [...generatedSets(seed), ...real];
  return [...all, blend('generated and real', seed, all, BLEND_PAGES)];
}

describeWithKernel('parity with the live kernel', () => {
  const seed = seedOfRun();
  process.stdout.write(`kernel parity: seed ${seed}\n`);
  const sets = dataSets(seed);
  const algorithms = ALGORITHMS.filter(({ name }) => kernelHas(name));
  const missing = ALGORITHMS.filter((one) => !algorithms.includes(one)).map(({ name }) => name);
  if (missing.length > 0) process.stderr.write(`Skipped: ${missing.join(', ')}, which this kernel's zram lacks.\n`);
  const operations = Math.ceil(OPERATIONS / sets.length);

  describe.each(sets)('$name', (set) => {
    test.each(algorithms)(
      '$name level $level',
      async (algorithm) => {
        const stream = `${set.name} ${algorithm.name} ${algorithm.level}`;
        const trace = randomTrace({ seed, stream, operations, slots: SLOTS, pages: pageCount(set) });
        const kernel = runOnKernel(set, trace, SLOTS, algorithm);
        await assertParity({ set, trace, slots: SLOTS, algorithm, seed }, kernel);
        await assertParity({ set, trace, slots: SLOTS, algorithm, seed, parts: true }, kernel);
      },
      CASE_MILLISECONDS_MAX,
    );
  });
});
