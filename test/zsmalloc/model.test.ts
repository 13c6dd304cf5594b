/**
 * Random operations on a pool and on an obviously right model of it. On the debug build every invariant of the pool is
 * tested after each operation, and the core's assertions are on.
 *
 * ZRAM_WASM_LONG=1 runs 10,000 sequences on each build; ZRAM_WASM_SEED repeats a run.
 */
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { ModelPool } from '../support/model-pool.js';
import { poolOperation } from '../support/model-pool-operations.js';
import { BUILDS, engineOf, rawExports, type Build } from '../support/raw-core.js';
import { seedOfRun } from '../support/random.js';

const LONG = process.env.ZRAM_WASM_LONG === '1';
const LONG_SEQUENCES = 10_000;
const TIMEOUT_MS = LONG ? 3_600_000 : 60_000;

interface Variant {
  readonly name: string;
  /** share of the sequences, in percent */
  readonly percent: number;
  readonly maxMemory?: number;
  readonly limit?: number;
  readonly hashMask?: number;
  readonly dedup?: boolean;
  readonly shrinker?: boolean;
  readonly operations: number;
  readonly countMax: number;
}

const VARIANTS: readonly Variant[] = [
  { name: 'room enough', percent: 20, operations: 80, countMax: 1 },
  { name: 'many objects', percent: 10, operations: 30, countMax: 200 },
  { name: 'a hash that is always equal', percent: 10, hashMask: 0, operations: 60, countMax: 4 },
  { name: 'a hash of two bits', percent: 10, hashMask: 3 << 20, operations: 60, countMax: 4 },
  { name: 'deduplication', percent: 20, dedup: true, operations: 60, countMax: 8 },
  { name: 'a limit of the pool', percent: 20, limit: 20 * 4096, operations: 80, countMax: 2 },
  { name: 'a limit and a shrinker', percent: 10, limit: 20 * 4096, shrinker: true, operations: 80, countMax: 8 },
  { name: 'a small maxMemory', percent: 10, maxMemory: 64, operations: 80, countMax: 30 },
  {
    name: 'a small maxMemory and deduplication',
    percent: 10,
    maxMemory: 40,
    dedup: true,
    operations: 80,
    countMax: 30,
  },
];
/** Sequences that the shares are of. */
const SEQUENCES: Record<Build, number> = LONG
  ? { debug: LONG_SEQUENCES, release: LONG_SEQUENCES }
  : { debug: 250, release: 250 };

/** Bytes of linear memory that the core begins with. */
function initialMemory(build: Build): number {
  using engine = engineOf(build);
  return engine.memory.reserved;
}

describe.each(BUILDS)('a pool of the %s build behaves as its model', (build) => {
  const initial = initialMemory(build);

  test.each(VARIANTS)(
    'with $name',
    ({ percent, maxMemory, limit, hashMask, dedup = false, shrinker = false, operations, countMax }) => {
      let failures = 0;
      const sequence = fc.array(poolOperation(countMax), { maxLength: operations, size: 'max' });
      const property = fc.property(sequence, (list) => {
        using engine = engineOf(build, maxMemory === undefined ? {} : { maxMemory: initial + maxMemory * 4096 });
        if (hashMask !== undefined) rawExports(engine).weakenHash(hashMask);
        const usedBefore = engine.memory.used;
        const pool = engine.createPool({ limit, dedup, shrinker });
        const model = new ModelPool({
          engine,
          pool,
          ...(limit === undefined ? {} : { limit }),
          tight: maxMemory !== undefined,
          shrinker,
        });
        for (const operation of list) model.run(operation);
        model.settle();
        model.end();
        failures += model.failures;
        pool.destroy();
        if (engine.memory.used !== usedBefore) throw new Error('the destroyed pool left memory in use');
      });
      fc.assert(property, { numRuns: Math.ceil((SEQUENCES[build] * percent) / 100), seed: seedOfRun() | 0 });
      // What a variant is there for has to happen.
      if (maxMemory !== undefined || limit !== undefined) expect(failures).toBeGreaterThan(0);
      else expect(failures).toBe(0);
    },
    TIMEOUT_MS,
  );
});
