/** Memory for a merge that has run out of it. */
import { zs_compact } from '../compact';
import { Pool } from '../structs';
import { framesFreed } from './report';

/** Frames that compaction is to free where merging lacks memory: enough for thousands of cells, and soon done. */
const COMPACT_FRAMES: u32 = 16;

/** Memory is short, and merging leaves room between objects: moves some together. Whether frames came free. */
export function merge_compact(pool: Pool): bool {
  const freed = zs_compact(pool, COMPACT_FRAMES);
  framesFreed += freed;
  return freed != 0;
}
