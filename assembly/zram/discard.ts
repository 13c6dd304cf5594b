/**
 * Discarding pages. A chunk that other devices share and that is discarded as a whole is let go of; one of which pages
 * stay has to be copied first, and for that memory may be missing.
 */
import { DEBUG, ENOMEM } from '../common';
import { pool_make_room } from '../zsmalloc/reclaim';
import { chunk_is_shared, chunk_used, chunk_used_in, SLOT_MASK, SLOTS } from './chunk';
import { slot_free, slot_uncount } from './device';
import { SLOT_BYTES, slot_flags } from './slot';
import { Device } from './structs';
import { chunk_at, chunk_remove, next_chunk, slot_make, slot_release } from './table';

/**
 * Frees `count` pages. The kernel counts every page of the range in notify_free, also those that hold nothing.
 * @returns 0 or -ENOMEM: nothing has changed
 */
export function discard(device: Device, index: u32, count: u32): i32 {
  const end = <u64>index + count;
  if (DEBUG) assert(end <= device.diskPages); // the bindings check the range
  if (count == 0) return 0;
  // Only the chunks at the ends can be discarded in part: with these two made the device's own, nothing can fail.
  if (!part_own(device, index, end) || !part_own(device, max(index, <u32>(end - 1) & ~SLOT_MASK), end)) return ENOMEM;
  let page = next_chunk(device, index);
  while (page < end) {
    const after = min<u64>(end, (page | SLOT_MASK) + 1);
    discard_in_chunk(device, <u32>page, <u32>(after - page));
    page = next_chunk(device, after);
  }
  device.notifyFree += count;
  return 0;
}

/** The range begins, or ends, in the chunk of a page: if others share that and pages stay, the device gets its own. */
function part_own(device: Device, from: u32, end: u64): bool {
  const chunk = chunk_at(device, from);
  if (chunk == 0 || !chunk_is_shared(chunk)) return true;
  const first = from & SLOT_MASK;
  const last = <u32>min<u64>(SLOTS, first + (end - from));
  const used = chunk_used_in(chunk, first, last);
  if (used == 0 || used == chunk_used(chunk)) return true;
  return slot_make(device, from) != 0 || (pool_make_room(device.pool) && slot_make(device, from) != 0);
}

/** Pages of one chunk. If others share that, all that it holds is among them, or nothing. */
function discard_in_chunk(device: Device, index: u32, count: u32): void {
  const chunk = chunk_at(device, index);
  const shared = chunk_is_shared(chunk);
  const from = index & SLOT_MASK;
  if (shared && chunk_used_in(chunk, from, from + count) == 0) return;
  const first = chunk + from * SLOT_BYTES;
  for (let slot = first; slot < first + count * SLOT_BYTES; slot += SLOT_BYTES) {
    const flags = slot_flags(slot);
    if (flags == 0) continue;
    if (shared) slot_uncount(device, flags);
    else slot_free(device, slot);
  }
  if (shared) chunk_remove(device, index);
  else slot_release(device, index, first);
}
