/**
 * How the time of a call grows with what there is, as a ratio that a busy machine does not change much: processor time, the
 * least of some runs, of one size against another.
 */
import { processorMs } from '../support/processor-time.js';

/** A call with `size` of something, and how its time may grow. */
export interface Scale {
  /**
   * The smaller size, of which the call takes some milliseconds at least. What the call allocates in one piece for the larger
   * size stays below 32 MiB: glibc maps larger pieces anew each time, and then most of the time goes into page faults.
   */
  readonly size: number;
  /** How many times larger the other is; default 32, with a quarter of `size` as the smaller. */
  readonly factor?: number;
  /** Most that the ratio of times may be; default 8 times the factor: memory that no cache holds any more is that much slower, and what grows with the square 32 times. */
  readonly limit?: number;
  /** Milliseconds below which a time is noise, and is taken for this; default 0.2. */
  readonly leastMs?: number;
  /** Makes what is needed; returns the call to be timed, once. Called some times for each size. */
  readonly make: (size: number) => (() => unknown) | Promise<() => unknown>;
}

/** A row of the test of public calls. */
export interface Growth extends Scale {
  readonly name: string;
  /** The public calls that it makes, as `Zram.merge`. */
  readonly calls: readonly string[];
}

const FACTOR = 32;
/** Runs of both sizes, at most; the first one that leaves the ratio far below the limit is the last. */
const RUNS = 10;

async function timeOf(growth: Scale, size: number): Promise<number> {
  const run = await growth.make(size);
  const start = processorMs();
  await run();
  return processorMs() - start;
}

export interface Measured {
  readonly smallMs: number;
  readonly largeMs: number;
  readonly ratio: number;
  readonly limit: number;
}

export async function measure(growth: Scale): Promise<Measured> {
  const { factor = FACTOR, limit = 8 * factor, leastMs = 0.2 } = growth;
  const size = growth.factor === undefined ? growth.size / 4 : growth.size;
  let [smallMs, largeMs] = [Infinity, Infinity];
  await timeOf(growth, size); // code is compiled
  for (let run = 0; run < RUNS; run++) {
    smallMs = Math.min(smallMs, Math.max(await timeOf(growth, size), leastMs));
    largeMs = Math.min(largeMs, Math.max(await timeOf(growth, size * factor), leastMs));
    if (largeMs / smallMs < limit / 2) break;
  }
  return { smallMs, largeMs, ratio: largeMs / smallMs, limit };
}
