/** Memory for a merge that has run out of it. */
import { zs_compact } from '../compact';
import { Pool } from '../structs';
import { framesFreed } from './report';

/** Frames that compaction should free where merging lacks memory: enough for thousands of cells, and quick. */
const COMPACT_FRAMES: u32 = 16;

/** Memory is short, and merging leaves gaps between objects: compacts some. @returns whether frames were freed */
export function merge_compact(pool: Pool): bool {
  const freed = zs_compact(pool, COMPACT_FRAMES);
  framesFreed += freed;
  return freed != 0;
}
