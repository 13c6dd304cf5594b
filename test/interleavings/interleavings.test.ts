/**
 * Many asynchronous calls under way at once, against a model of what each may give (model.ts). Each sequence is drawn from
 * one number, with a random subset of the features.
 *
 * ZRAM_WASM_LONG=1 runs 50,000 sequences on each build, ZRAM_WASM_SEQUENCES another number; ZRAM_WASM_SEED repeats a run,
 * ZRAM_WASM_SEQUENCE one sequence of it.
 */
import { describe, expect, test } from '@jest/globals';
import { Random, seedOfRun } from '../support/random.js';
import { BUILDS } from '../support/raw-core.js';
import { PLANTED } from './planted.js';
import { runSequence } from './sequence.js';

const LONG = process.env.ZRAM_WASM_LONG === '1';
const ONE = process.env.ZRAM_WASM_SEQUENCE;
const SEQUENCES = Number(process.env.ZRAM_WASM_SEQUENCES ?? (LONG ? 50_000 : 200));
/** A planted bug is found within so many; most are within ten. */
const SEQUENCES_TO_FIND = 400;
const TIMEOUT_MS = LONG ? 7_200_000 : 120_000;
describe.each(BUILDS)('calls that overlap, on the %s build', (build) => {
  test(
    'each gives what it may',
    async () => {
      const seen = new Map<string, number>();
      const seedOfSequences = new Random(seedOfRun(), build);
      const rejections: unknown[] = [];
      const note = (reason: unknown): void => void rejections.push(reason);
      process.on('unhandledRejection', note);
      try {
        for (let n = 0; n < (ONE === undefined ? SEQUENCES : 1); n++) {
          const seed = ONE === undefined ? seedOfSequences.next() : Number(ONE);
          await runSequence(build, seed, seen).catch((error: unknown) => {
            throw new Error(`with ZRAM_WASM_SEQUENCE=${seed}: ${String(error)}`, { cause: error });
          });
        }
      } finally {
        process.off('unhandledRejection', note);
      }
      expect(rejections).toEqual([]);
      if (ONE !== undefined) return;
      // The sequences did what this is about.
      for (const what of ['read', 'written', 'written back', 'saved', 'loaded', 'diff', 'reset', 'EINVAL', 'EIO']) {
        expect([what, seen.get(what) ?? 0]).not.toEqual([what, 0]);
      }
    },
    TIMEOUT_MS,
  );
});

describe('a planted bug is found', () => {
  test.each(PLANTED)('$name', async ({ plant }) => {
    using _planted = plant();
    const seeds = new Random(seedOfRun(), 'planted');
    let found: unknown;
    for (let n = 0; n < SEQUENCES_TO_FIND && found === undefined; n++) {
      await runSequence('release', seeds.next(), new Map()).catch((error: unknown) => (found = error));
    }
    expect(found).toBeDefined();
  });
});
