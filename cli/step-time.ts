/** How long each step of an analysis took, and how many bytes of pages it processed. */
export const STEPS = ['read', 'store', 'merge', 'compact', 'load', 'checksum'] as const;
export type Step = (typeof STEPS)[number];

export interface StepTime {
  milliseconds: number;
  /** Bytes of pages that the step processed. */
  bytes: number;
}

export const noTime = (): StepTime => ({ milliseconds: 0, bytes: 0 });

/** Adds the time of `work` to a step. */
export function timed<T>(time: StepTime, bytes: number, work: () => T): T {
  const start = performance.now();
  const result = work();
  time.milliseconds += performance.now() - start;
  time.bytes += bytes;
  return result;
}
