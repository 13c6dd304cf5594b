/**
 * How long each step of an analysis took, and how many bytes of pages it processed: by the clock, and in processor time,
 * which other programs do not lengthen.
 */
import { processorMilliseconds } from './processor-time.js';

export const STEPS = ['read', 'store', 'merge', 'compact', 'load', 'checksum'] as const;
export type Step = (typeof STEPS)[number];

export interface StepTime {
  /** By the clock. */
  milliseconds: number;
  /** Of the processor; undefined where the system does not count it, and of steps that wait. */
  processorMilliseconds: number | undefined;
  /** Bytes of pages that the step processed. */
  bytes: number;
}

export const noTime = (): StepTime => ({ milliseconds: 0, processorMilliseconds: 0, bytes: 0 });

/** Of a step that waits for something, so that its processor time says nothing. */
export const waitingTime = (): StepTime => ({ ...noTime(), processorMilliseconds: undefined });

/** Adds the time of `work` to a step. */
export function timed<T>(time: StepTime, bytes: number, work: () => T): T {
  const processorStart = processorMilliseconds();
  const start = performance.now();
  const result = work();
  time.milliseconds += performance.now() - start;
  const processorEnd = processorMilliseconds();
  if (processorStart === undefined || processorEnd === undefined) time.processorMilliseconds = undefined;
  else if (time.processorMilliseconds !== undefined) time.processorMilliseconds += processorEnd - processorStart;
  time.bytes += bytes;
  return result;
}

/** Adds the time and the bytes of a part of a step. */
export function addTime(sum: StepTime, { milliseconds, processorMilliseconds, bytes }: StepTime): void {
  sum.milliseconds += milliseconds;
  sum.bytes += bytes;
  if (processorMilliseconds === undefined) sum.processorMilliseconds = undefined;
  else if (sum.processorMilliseconds !== undefined) sum.processorMilliseconds += processorMilliseconds;
}
