/**
 * Random operations on a device, or on two that share a pool, and on an obviously right model of them. On the debug
 * build every invariant of the pool is tested after each operation, and the core's assertions are on.
 *
 * ZRAM_WASM_LONG=1 runs 10,000 sequences on each build; ZRAM_WASM_SEED repeats a run.
 */
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { assertUntil } from '../support/assert-until.js';
import { DISK_PAGES, ModelZram } from '../support/model-zram.js';
import { zramOperation } from '../support/model-zram-operations.js';
import { BUILDS, bareCore, engineOf, rawExports, type Build } from '../support/raw-core.js';

const LONG = process.env.ZRAM_WASM_LONG === '1';
const LONG_SEQUENCES = 10_000;
const TIMEOUT_MS = LONG ? 3_600_000 : 60_000;
const OPERATIONS_MAX = 60;

interface Variant {
  readonly name: string;
  /** share of the sequences, in percent */
  readonly percent: number;
  readonly levels: readonly number[];
  readonly shared: boolean;
  /** pages of linear memory beyond what the core begins with */
  readonly maxMemory?: number;
  readonly hashMask?: number;
}

const VARIANTS: readonly Variant[] = [
  { name: 'a device', percent: 30, levels: [1], shared: false },
  { name: 'two devices on a pool', percent: 30, levels: [1, 1], shared: true },
  { name: 'two devices of different levels on a pool', percent: 10, levels: [1, 17], shared: true },
  { name: 'a hash that is always equal', percent: 10, levels: [1, 1], shared: true, hashMask: 0 },
  { name: 'a small maxMemory', percent: 20, levels: [1, 1], shared: true, maxMemory: 40 },
];
const SEQUENCES: Record<Build, number> = LONG
  ? { debug: LONG_SEQUENCES, release: LONG_SEQUENCES }
  : { debug: 150, release: 150 };

describe.each(BUILDS)('zram of the %s build behaves as its model', (build) => {
  // Compression is the release build's on both sides: the test of LZ4 itself is another.
  const lz4 = bareCore('release');
  const initial = ((engine) => engine.memory.reserved)(engineOf(build));

  test.each(VARIANTS)(
    '$name',
    async ({ percent, levels, shared, maxMemory, hashMask }) => {
      let failures = 0;
      const sequence = fc.array(zramOperation(DISK_PAGES, levels.length), { maxLength: OPERATIONS_MAX, size: 'max' });
      const property = fc.property(sequence, (operations) => {
        using engine = engineOf(build, maxMemory === undefined ? {} : { maxMemory: initial + maxMemory * 4096 });
        if (hashMask !== undefined) rawExports(engine).weakenHash(hashMask);
        const usedBefore = engine.memory.used;
        const pool = shared ? engine.createPool() : undefined;
        const model = new ModelZram({ engine, pool, levels, lz4, tight: maxMemory !== undefined });
        for (const operation of operations) model.run(operation);
        model.end();
        failures += model.failures;
        pool?.destroy();
        if (engine.memory.used !== usedBefore) throw new Error('what was destroyed left memory in use');
      });
      const numRuns = Math.ceil((SEQUENCES[build] * percent) / 100);
      await assertUntil(property, numRuns, () => failures > 0);
      expect(failures).toBeGreaterThan(0); // mem_limit and maxMemory were reached
    },
    TIMEOUT_MS,
  );
});
