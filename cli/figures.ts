/** Figures that both reports derive from what was measured. */
import type { AlgorithmResult } from './analysis.js';
import { PAGE_BYTES } from './page-list.js';
import type { StepTime } from './step-time.js';

/** A machine is busy if steps last longer than this many times their processor time... */
const BUSY_RATIO = 1.15;
/** ...by more than what interrupts and coarse clocks make of short ones. */
const BUSY_MILLISECONDS = 20;

/** How much of mem_used_total merging, and compacting afterwards, saved. */
export function saved({ mmStat: { before, afterMerge, afterCompact } }: AlgorithmResult): {
  bytes: number;
  bytesByMerge: number;
  percent: number;
} {
  const bytes = before.memUsedTotal - afterCompact.memUsedTotal;
  return {
    bytes,
    bytesByMerge: before.memUsedTotal - afterMerge.memUsedTotal,
    percent: before.memUsedTotal === 0 ? 0 : (100 * bytes) / before.memUsedTotal,
  };
}

export const megabytesPerSecond = (bytes: number, milliseconds: number): number =>
  milliseconds === 0 ? 0 : bytes / 1000 / milliseconds;

/** Time of a step for a page: processor time where it is known, else time by the clock; undefined of no pages. */
export function pageTime({ milliseconds, processorMilliseconds, bytes }: StepTime): {
  microseconds: number | undefined;
  byProcessor: boolean;
} {
  const time = processorMilliseconds ?? milliseconds;
  const microseconds = bytes === 0 ? undefined : (1000 * time * PAGE_BYTES) / bytes;
  return { microseconds, byProcessor: processorMilliseconds !== undefined };
}

/** Whether other programs kept the processor from these steps for a while. */
export function isBusy(steps: readonly StepTime[]): boolean {
  let [byClock, onProcessor] = [0, 0];
  for (const { milliseconds, processorMilliseconds } of steps) {
    if (processorMilliseconds === undefined) return false;
    byClock += milliseconds;
    onProcessor += processorMilliseconds;
  }
  return byClock > BUSY_RATIO * onProcessor && byClock - onProcessor > BUSY_MILLISECONDS;
}
