/** Zswap on a backing that fails, gives promises, restores what was there before, writes late, keeps arrays, and calls back. */
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import type { ZswapOptions } from '../../bindings/index.js';
import { HostileBacking } from '../support/hostile-backing.js';
import {
  HostileModel,
  PLANTED,
  withFault,
  zswapOperation,
  type ZswapOperation,
} from '../support/model-zswap-hostile.js';
import { seedOfRun } from '../support/random.js';
import { BUILDS, checkPools, engineOf, type Build } from '../support/raw-core.js';

const LONG = process.env.ZRAM_WASM_LONG === '1';
const SEQUENCES: Record<Build, number> = LONG ? { debug: 20_000, release: 50_000 } : { debug: 40, release: 80 };
/** In which each planted fault is found, by far. */
const CANARY_SEQUENCES = 500;
const TIMEOUT_MS = LONG ? 3_600_000 : 60_000;
const OPERATIONS_MAX = 50;
/** More than there are writes in a sequence. */
const SLOTS = 100_000;
const operations = fc.array(zswapOperation, { maxLength: OPERATIONS_MAX, size: 'max' });

/** Runs a sequence on a zswap, and returns what failed on the way; everything is given back afterwards. */
function run(build: Build, options: ZswapOptions, sequence: ZswapOperation[], fault?: string): HostileModel {
  using engine = engineOf(build);
  const used = engine.memory.used;
  const backing = new HostileBacking(SLOTS);
  const zswap = engine.createZswap({ ...options, backing });
  const calls = withFault(zswap, fault === undefined ? {} : PLANTED[fault](zswap));
  const model = new HostileModel(calls, backing, options.exclusiveLoads ?? false);
  for (const operation of sequence) model.run(operation);
  model.end();
  checkPools(engine);
  zswap.destroy();
  expect(engine.memory.used).toBe(used);
  return model;
}

const VARIANTS: [string, ZswapOptions][] = [
  ['with room', {}],
  ['that is full', { maxPoolBytes: 5 * 4096, acceptThresholdPercent: 60 }],
  ['with exclusive loads', { exclusiveLoads: true }],
];

describe.each(BUILDS)('a zswap of the %s build', (build) => {
  test.each(VARIANTS)(
    '%s behaves as a list whatever its backing does',
    (_, options) => {
      let [failures, written, failed] = [0, 0, 0];
      const property = fc.property(operations, (sequence) => {
        const model = run(build, options, sequence);
        failures += model.failures;
        written += model.writtenBackPages;
        failed += model.rejectReclaimFail;
      });
      fc.assert(property, { numRuns: SEQUENCES[build], seed: seedOfRun() | 0 });
      for (const count of [failures, written, failed]) expect(count).toBeGreaterThan(0);
    },
    TIMEOUT_MS,
  );
});

test.each(Object.keys(PLANTED))('the model finds a zswap in which %s', (fault) => {
  const property = fc.property(operations, (sequence) => {
    run('release', {}, sequence, fault);
  });
  expect(() => fc.assert(property, { numRuns: CANARY_SEQUENCES, seed: seedOfRun() | 0, endOnFailure: true })).toThrow(
    /Property failed/,
  );
});
