/** How long a call keeps timers from firing. */
import { processorMs } from './processor-time.js';

/** Milliseconds between two turns, with what other threads of the process take. Without turns it is all of a call: 200 and more. */
export const GAP_MAX = 16;

/** A busy machine spoils a run now and then: only what takes too long in each of so many has failed. */
const RUNS = 5;

/** The least of {@link meanGap} over some runs. */
export async function leastGap(work: () => Promise<unknown>): Promise<number> {
  let least = Infinity;
  for (let run = 0; run < RUNS && least >= GAP_MAX; run++) least = Math.min(least, await meanGap(work));
  return least;
}

/** Milliseconds of the processor's time for each time that a timer fired: of the clock's a busy machine takes any number. */
async function meanGap(work: () => Promise<unknown>): Promise<number> {
  let fired = 0;
  const timer = setInterval(() => fired++, 1);
  const start = processorMs();
  await work();
  const taken = processorMs() - start;
  clearInterval(timer);
  return taken / (fired + 1);
}
