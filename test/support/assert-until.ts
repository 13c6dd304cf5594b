import fc from 'fast-check';
import { seedOfRun } from './random.js';

/** So many runs have not been needed. */
const RUNS_MAX = 10;

/**
 * Asserts a property over `numRuns` sequences; and over as many others while those have not done what they are about, as the few
 * sequences of a short run may lack it. The caller expects it afterwards.
 */
export async function assertUntil(
  property: fc.IRawProperty<unknown>,
  numRuns: number,
  isDone: () => boolean,
): Promise<void> {
  for (let run = 0; run === 0 || (run < RUNS_MAX && !isDone()); run++)
    await fc.assert(property, { numRuns, seed: (seedOfRun() + run) | 0 });
}
