/**
 * Forks and snapshots against a model that copies everything, with and without memory to spare.
 *
 * ZRAM_WASM_LONG=1 runs 10,000 sequences, ZRAM_WASM_SEQUENCES another number; ZRAM_WASM_SEED repeats a run.
 */
import { describe, expect, test } from '@jest/globals';
import { Engine } from '../../../bindings/index.js';
import { Random, seedOfRun } from '../../support/random.js';
import { checkPools, compiledCore } from '../../support/raw-core.js';
import { Forest, type ForestOptions } from './forest.js';

const LONG = process.env.ZRAM_WASM_LONG === '1';
const SEQUENCES = Number(process.env.ZRAM_WASM_SEQUENCES ?? (LONG ? 10_000 : 20));
const TIMEOUT_MS = LONG ? 7_200_000 : 120_000;
const CALLS = 120;
const KIB = 1024;

function runSequence(seed: number, engine: Engine, calls: number, options: ForestOptions): Forest {
  const random = new Random(seed, 'forest');
  const forest = new Forest(engine, random, options);
  let refused = 0;
  try {
    for (let n = 1; n <= calls; n++) {
      if (!forest.step()) forest.seen.set('refused', ++refused);
      if (n % 15 === 0) forest.check();
      if (n % 15 === 0 && refused === 0) forest.checkDiff();
    }
    forest.check();
    forest.end();
  } catch (error) {
    throw new Error(`with seed ${seed}: ${String(error)}`, { cause: error });
  }
  return forest;
}

describe('forks and snapshots', () => {
  test(
    'each is a copy of everything, and nothing is left of them',
    () => {
      const seeds = new Random(seedOfRun(), 'forks');
      const engine = Engine.createSync({ module: compiledCore('debug') });
      const before = engine.memory.used;
      for (let n = 0; n < SEQUENCES; n++) {
        runSequence(seeds.next(), engine, CALLS, { dedup: seeds.chance(40) });
        checkPools(engine);
        expect(engine.memory.used).toBe(before);
      }
      engine.destroy();
    },
    TIMEOUT_MS,
  );

  test(
    'when memory ends, old content stays, all can be read, and then removed',
    () => {
      const seeds = new Random(seedOfRun(), 'exhaustion');
      let refused = 0;
      for (let n = 0; n < SEQUENCES; n++) {
        const engine = Engine.createSync({
          module: compiledCore('debug'),
          maxMemory: (1280 + 64 * seeds.below(8)) * KIB,
        });
        const options = { dedup: seeds.chance(40), randomPercent: 95 };
        refused += runSequence(seeds.next(), engine, CALLS, options).seen.get('refused') ?? 0;
        checkPools(engine);
        engine.destroy();
      }
      expect(refused).toBeGreaterThan(0);
    },
    TIMEOUT_MS,
  );

  test('when there is no room for names, old content stays', () => {
    const seeds = new Random(seedOfRun(), 'metadata');
    const engine = Engine.createSync();
    let refused = 0;
    for (let n = 0; n < SEQUENCES; n++) {
      const options = { maxMetadata: 500 + 100 * n };
      refused += runSequence(seeds.next(), engine, CALLS, options).seen.get('refused') ?? 0;
    }
    expect(refused).toBeGreaterThan(0);
    engine.destroy();
  });
});
