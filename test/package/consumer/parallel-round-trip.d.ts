import type { ParallelZram, ParallelZramOptions } from '../../../bindings/parallel.js';

export interface ParallelSeen {
  readonly same: boolean;
  readonly objectsMerged: number;
  readonly origDataSize: number;
  readonly spread: boolean;
}

export declare function parallelRoundTrip(
  library: { ParallelZram: typeof ParallelZram },
  options?: ParallelZramOptions,
): Promise<ParallelSeen>;
