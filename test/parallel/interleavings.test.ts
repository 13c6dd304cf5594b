/**
 * Many calls of ParallelZram under way at once, of every kind, against a model (model-parallel.ts). Each sequence has a device
 * of its own with a random subset of the features, all drawn from one number (sequence.ts).
 *
 * ZRAM_WASM_LONG=1 runs 100,000 sequences; ZRAM_WASM_SEED repeats a run, ZRAM_WASM_SEQUENCE one sequence of it (the calls,
 * not how the threads are scheduled).
 */
import { describe, expect, test } from '@jest/globals';
import { Random, seedOfRun } from '../support/random.js';
import { PLANTED } from './planted.js';
import { runSequence } from './sequence.js';

const LONG = process.env.ZRAM_WASM_LONG === '1';
const ONE = process.env.ZRAM_WASM_SEQUENCE;
const SEQUENCES = LONG ? 100_000 : 40;
/** A planted bug is found within so many. */
const SEQUENCES_TO_FIND = 80;
const TIMEOUT_MS = LONG ? 36_000_000 : 180_000;

test(
  'overlapping calls behave as if they were made one after the other, with whatever a caller passes',
  async () => {
    const seen = new Map<string, number>();
    const seedOfSequences = new Random(seedOfRun(), 'parallel');
    const unhandled: unknown[] = [];
    const note = (reason: unknown): void => void unhandled.push(reason);
    const events = ['unhandledRejection', 'uncaughtException'] as const;
    for (const event of events) process.on(event, note);
    try {
      for (let n = 0; n < (ONE === undefined ? SEQUENCES : 1); n++) {
        const seed = ONE === undefined ? seedOfSequences.next() : Number(ONE);
        await runSequence(seed, seen).catch((error: unknown) => {
          throw new Error(`with ZRAM_WASM_SEQUENCE=${seed}: ${String(error)}`, { cause: error });
        });
      }
    } finally {
      for (const event of events) process.off(event, note);
    }
    expect(unhandled).toEqual([]);
    if (ONE !== undefined) return;
    // Workers died, limits were reached, and arrays were taken away.
    for (const what of ['EIO', 'ENOMEM', 'fleeting']) expect([what, seen.get(what) ?? 0]).not.toEqual([what, 0]);
  },
  TIMEOUT_MS,
);

describe('a planted bug is found', () => {
  test.each(PLANTED)(
    '$name',
    async ({ wrap }) => {
      const seeds = new Random(seedOfRun(), 'planted');
      let found: unknown;
      for (let n = 0; n < SEQUENCES_TO_FIND && found === undefined; n++) {
        await runSequence(seeds.next(), new Map(), wrap).catch((error: unknown) => (found = error));
      }
      expect(found).toBeInstanceOf(Error);
    },
    TIMEOUT_MS,
  );
});
