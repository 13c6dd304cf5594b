/**
 * All users of one pool at once, and an obviously right model of them: two devices, a zswap whose backing fails, handles,
 * budgeted merges and a scanner, with deduplication and the shrinker on and off, until memory is exhausted and beyond.
 *
 * ZRAM_WASM_LONG=1 runs 10,000 sequences on each build; ZRAM_WASM_SEED repeats a run.
 */
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { DISK_PAGES, ModelShared, type SharedSetting } from './support/model-shared.js';
import { sharedOperation } from './support/model-shared-operations.js';
import { seedOfRun } from './support/random.js';
import { BUILDS, bareCore, engineOf, rawExports, type Build } from './support/raw-core.js';

const LONG = process.env.ZRAM_WASM_LONG === '1';
const LONG_SEQUENCES = 10_000;
const TIMEOUT_MS = LONG ? 3_600_000 : 60_000;
const OPERATIONS_MAX = 70;

interface Variant extends Partial<SharedSetting> {
  readonly name: string;
  /** share of the sequences, in percent */
  readonly percent: number;
  /** pages of linear memory beyond what the core begins with */
  readonly maxMemory?: number;
  readonly hashMask?: number;
}

const VARIANTS: readonly Variant[] = [
  { name: 'without deduplication', percent: 15 },
  { name: 'with deduplication', percent: 10, dedup: 2 },
  { name: 'with deduplication and copies of pages', percent: 10, dedup: 2, dedupCache: 64 * 1024 },
  { name: 'with deduplication of one device', percent: 15, dedup: 1 },
  { name: 'with deduplication, a limit and the shrinker', percent: 10, dedup: 2, shrinker: true, limit: 30 * 4096 },
  { name: 'with exclusive loads and two levels', percent: 10, exclusiveLoads: true, levels: [1, 17] },
  { name: 'with two levels and deduplication', percent: 5, levels: [1, 17], dedup: 2 },
  { name: 'with a hash that is always equal', percent: 5, hashMask: 0 },
  { name: 'with a hash that is always equal and deduplication', percent: 5, dedup: 2, hashMask: 0 },
  { name: 'the same, and copies of pages', percent: 5, dedup: 2, hashMask: 0, dedupCache: 32 * 1024 },
  { name: 'with a small maxMemory', percent: 10, maxMemory: 30, tight: true },
  {
    name: 'with a small maxMemory, deduplication and copies of pages',
    percent: 10,
    maxMemory: 30,
    tight: true,
    dedup: 2,
    dedupCache: 64 * 1024,
  },
  {
    name: 'with a small maxMemory, deduplication and the shrinker',
    percent: 10,
    maxMemory: 30,
    tight: true,
    dedup: 2,
    shrinker: true,
  },
];
const SEQUENCES: Record<Build, number> = LONG
  ? { debug: LONG_SEQUENCES, release: LONG_SEQUENCES }
  : { debug: 100, release: 100 };

describe.each(BUILDS)('the users of a pool of the %s build behave as their model', (build) => {
  // Compression is the release build's on both sides: the test of LZ4 itself is another.
  const lz4 = bareCore('release');
  const initial = ((engine) => engine.memory.reserved)(engineOf(build));
  const happened = { outOfMemory: 0, rejected: 0, writtenBack: 0, failedWritebacks: 0 };

  test.each(VARIANTS)(
    '$name',
    ({ percent, maxMemory, hashMask, ...setting }) => {
      const sequence = fc.array(sharedOperation(DISK_PAGES), { maxLength: OPERATIONS_MAX, size: 'max' });
      const property = fc.property(sequence, (operations) => {
        using engine = engineOf(build, maxMemory === undefined ? {} : { maxMemory: initial + maxMemory * 4096 });
        if (hashMask !== undefined) rawExports(engine).weakenHash(hashMask);
        const model = new ModelShared({
          engine,
          lz4,
          dedup: 0,
          shrinker: false,
          exclusiveLoads: false,
          levels: [1, 1],
          swapLimit: 24 * 4096,
          failPercent: 20,
          tight: false,
          weakHash: hashMask !== undefined,
          ...setting,
        });
        for (const operation of operations) model.run(operation);
        model.end();
        for (const [name, count] of Object.entries(model.happened)) happened[name as keyof typeof happened] += count;
      });
      fc.assert(property, { numRuns: Math.ceil((SEQUENCES[build] * percent) / 100), seed: seedOfRun() | 0 });
    },
    TIMEOUT_MS,
  );

  test('and what they are there for has happened', () => {
    for (const count of Object.values(happened)) expect(count).toBeGreaterThan(0);
  });
});
