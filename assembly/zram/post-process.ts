/**
 * What happens to stored pages afterwards: marking idle ones, recompression and writeback.
 *
 * The bindings drive it, since compressors and backing devices are theirs: they pick slots (`next_slot`), read pages,
 * and bring the results back. Anything may happen in between, so a picked slot carries a mark that every access
 * clears, as the kernel's ZRAM_PP_SLOT: a result for a slot without its mark is dropped.
 */
import { CODEC_RAW, ENOMEM, PAGE_SIZE } from '../common';
import { cell_location, cell_root, cell_target, cells_settle } from '../zsmalloc/cell';
import { zs_replace } from '../zsmalloc/handle';
import { header_codec, header_length, object_header } from '../zsmalloc/object';
import { class_of } from '../zsmalloc/size-class';
import { Pool } from '../zsmalloc/structs';
import { block_retain } from './backing';
import { slot_clear, slot_mark, slot_set, slot_set_flags } from './chunk';
import {
  held_drop, slot_flags, SLOT_HUGE, SLOT_IDLE, SLOT_PICKED, SLOT_PLACE_SHIFT, SLOT_SAME, SLOT_STORED, slot_value,
  SLOT_WRITTEN_BACK,
} from './slot';
import { Device } from './structs';
import { next_slot, NONE, slot_at, slot_make, slot_time } from './table';

/**
 * Sets and clears flags of a slot that is in use; with `picked`, only of one that still has the mark.
 * @returns false when memory is exhausted: others share the slot's chunk, and the device gets no copy to set them in
 */
export function change_flags(device: Device, index: u32, set: u32, clear: u32, picked: bool): bool {
  const slot = slot_at(device, index);
  const flags = slot == 0 ? 0 : slot_flags(slot);
  if (flags == 0 || (picked && !(flags & SLOT_PICKED))) return true;
  const changed = (flags & ~clear) | set;
  if (changed == flags) return true;
  const own = slot_make(device, index);
  if (own == 0) return false;
  slot_mark(own, changed);
  return true;
}

/**
 * Marks pages as idle that are in memory and not same-filled.
 * @param age how long a page must not have been accessed; one that was is no longer idle. 0 = all pages
 * @param now the time, in the unit of `age`; it may have wrapped round
 * @returns false when memory is exhausted, as `change_flags`: pages behind are as they were
 */
export function mark_idle(device: Device, age: u32, now: u32): bool {
  let index = next_slot(device, 0, 0, SLOT_SAME | SLOT_WRITTEN_BACK);
  for (; index != NONE; index = next_slot(device, index + 1, 0, SLOT_SAME | SLOT_WRITTEN_BACK)) {
    const idle = age == 0 || now - slot_time(device, index) >= age ? SLOT_IDLE : 0;
    if (!change_flags(device, index, idle, SLOT_IDLE, false)) return false;
  }
  return true;
}

// ── recompression ────────────────────────────────────────────────────────────────────────────────────────────────

/**
 * Another encoding of a picked page, for all that share its object.
 * @param payload `length` bytes
 * @param threshold most bytes that are accepted; 0 = any number
 * @param sameClass whether one is taken that saves no memory and takes none
 * @returns 1: done; 0: its size class is no smaller; 2: the page was touched since;
 * -ENOMEM
 */
export function recompress(
  device: Device, index: u32, payload: usize, length: u32, codec: u32, threshold: u32, sameClass: bool,
): i32 {
  const slot = slot_at(device, index);
  if (slot == 0 || !(slot_flags(slot) & SLOT_PICKED)) return 2;
  const pool = device.pool;
  cells_settle(pool);
  const root = cell_root(pool, slot_value(slot));
  const header = object_header(cell_target(root));
  if (header_codec(header) == CODEC_RAW) return 2;
  if (length >= pool.hugeClassSize) return 0;
  const smaller = class_of(pool, length).index < class_of(pool, header_length(header)).index + u32(sameClass);
  if (!smaller || (threshold != 0 && length >= threshold)) return 0;
  const place = slot_flags(slot) >> SLOT_PLACE_SHIFT;
  if (!zs_replace(pool, root, payload, length, codec, place)) return ENOMEM;
  if (slot_flags(slot) & SLOT_HUGE) {
    // The page compresses now; hugePagesSince counts history and stays.
    slot_set_flags(slot, slot_flags(slot) & ~SLOT_HUGE);
    device.hugePages--;
  }
  return 1;
}

/**
 * After recompression: clears the flag of pages, on all devices, whose shared object is no longer huge. All devices
 * count before the first flag goes, since devices that share a chunk share the flag.
 */
export function settle_huge(pool: Pool): void {
  if (!settle_slots(pool, false)) return;
  settle_slots(pool, true);
}

/** Counts, or else clears the flags. Whether there was any. */
function settle_slots(pool: Pool, clearing: bool): bool {
  let any = false;
  for (let at = pool.devices; at != 0; at = changetype<Device>(at).next) {
    const device = changetype<Device>(at);
    if (!clearing && device.hugePages == 0) continue;
    let index = next_slot(device, 0, SLOT_HUGE, 0);
    for (; index != NONE; index = next_slot(device, index + 1, SLOT_HUGE, 0)) {
      const slot = slot_at(device, index);
      if (header_length(object_header(cell_location(slot_value(slot)))) == PAGE_SIZE) continue;
      any = true;
      if (clearing) slot_set_flags(slot, slot_flags(slot) & ~SLOT_HUGE);
      else device.hugePages--;
    }
  }
  return any;
}

// ── writeback ────────────────────────────────────────────────────────────────────────────────────────────────────

/**
 * A picked page is on the backing device now, in the block of this cell, to which it refers: its object goes.
 * @returns 1; 2: the page was touched since, nothing has changed
 */
export function write_back(device: Device, index: u32, block: u32): i32 {
  const slot = slot_at(device, index);
  const flags = slot == 0 ? 0 : slot_flags(slot);
  if (!(flags & SLOT_PICKED) || !(flags & SLOT_STORED) || !block_retain(block)) return 2;
  if (flags & SLOT_HUGE) device.hugePages--;
  held_drop(device.pool, device.bdev, slot_value(slot), flags);
  slot_clear(slot);
  slot_set(slot, block, SLOT_WRITTEN_BACK);
  return 1;
}
