/** Figures that both reports derive from what was measured. */
import type { AlgorithmResult } from './analysis.js';

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
