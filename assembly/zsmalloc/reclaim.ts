/** What is tried when an allocation finds no room, before it fails. */
import { zs_compact } from './compact';
import { merge_give_way, merge_renew, merge_step } from './merge/pass';
import { merge_counters_reset } from './merge/report';
import { Pool } from './structs';

/** Objects that are new before the shrinker runs again, at least. */
const SHRINK_CHANGES_MIN: u32 = 64;

/**
 * An allocation failed: gives up the index of an unfinished merge; a pool with `shrinker` merges and compacts.
 * Rate-limited: the shrinker runs again when a sixteenth of the pool is new.
 * @returns whether it is worth trying again
 */
export function pool_make_room(pool: Pool): bool {
  const gaveWay = merge_give_way(pool);
  if (!pool.shrinker || pool.changes - pool.changesShrunk < max(pool.objects >> 4, SHRINK_CHANGES_MIN)) return gaveWay;
  merge_counters_reset();
  merge_renew(pool);
  while (!merge_step(pool, u32.MAX_VALUE, false)) {}
  zs_compact(pool, u32.MAX_VALUE);
  pool.changesShrunk = pool.changes;
  return true;
}
