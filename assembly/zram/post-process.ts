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
import { drop_object } from './device';
import { Device } from './structs';
import {
  next_slot, NONE, slot_at, slot_clear, slot_flags, SLOT_HUGE, SLOT_IDLE, SLOT_PICKED, SLOT_PLACE_SHIFT, SLOT_SAME,
  slot_set, slot_set_flags, SLOT_STORED, slot_time, slot_value, SLOT_WRITTEN_BACK,
} from './table';

/** Sets and clears flags of a slot that is in use; with `picked`, only of one that still has the mark. */
export function change_flags(device: Device, index: u32, set: u32, clear: u32, picked: bool): void {
  const slot = slot_at(device, index);
  if (slot == 0 || slot_flags(slot) == 0 || (picked && !(slot_flags(slot) & SLOT_PICKED))) return;
  slot_set_flags(slot, (slot_flags(slot) & ~clear) | set);
}

/**
 * Marks pages as idle that are in memory and not same-filled.
 * @param age how long a page must not have been accessed; one that was is no longer idle. 0 = all pages
 * @param now the time, in the unit of `age`; it may have wrapped round
 */
export function mark_idle(device: Device, age: u32, now: u32): void {
  let index = next_slot(device, 0, 0, SLOT_SAME | SLOT_WRITTEN_BACK);
  for (; index != NONE; index = next_slot(device, index + 1, 0, SLOT_SAME | SLOT_WRITTEN_BACK)) {
    const slot = slot_at(device, index);
    const idle = age == 0 || now - load<u32>(slot_time(index, slot)) >= age;
    slot_set_flags(slot, idle ? slot_flags(slot) | SLOT_IDLE : slot_flags(slot) & ~SLOT_IDLE);
  }
}

// ── recompression ────────────────────────────────────────────────────────────────────────────────────────────────

/**
 * Another encoding of a picked page, for all that share its object.
 * @param payload `length` bytes
 * @param threshold most bytes that are accepted; 0 = any number
 * @returns 1: done; 0: it would not save memory, the size class is no smaller; 2: the page was touched since;
 * -ENOMEM
 */
export function recompress(
  device: Device, index: u32, payload: usize, length: u32, codec: u32, threshold: u32,
): i32 {
  const slot = slot_at(device, index);
  if (slot == 0 || !(slot_flags(slot) & SLOT_PICKED)) return 2;
  const pool = device.pool;
  cells_settle(pool);
  const root = cell_root(pool, slot_value(slot));
  const header = object_header(cell_target(root));
  if (header_codec(header) == CODEC_RAW) return 2;
  const smaller = class_of(pool, length).index < class_of(pool, header_length(header)).index;
  if (!smaller || (threshold != 0 && length >= threshold)) return 0;
  const place = slot_flags(slot) >> SLOT_PLACE_SHIFT;
  if (!zs_replace(pool, root, payload, length, codec, place)) return ENOMEM;
  if (slot_flags(slot) & SLOT_HUGE) huge_end(device, slot);
  return 1;
}

/** The page compresses now; hugePagesSince counts history and stays. */
function huge_end(device: Device, slot: usize): void {
  slot_set_flags(slot, slot_flags(slot) & ~SLOT_HUGE);
  device.hugePages--;
}

/** After recompression: clears the mark of pages, on all devices, whose shared object is no longer huge. */
export function settle_huge(pool: Pool): void {
  for (let at = pool.devices; at != 0; at = changetype<Device>(at).next) {
    const device = changetype<Device>(at);
    if (device.hugePages == 0) continue;
    let index = next_slot(device, 0, SLOT_HUGE, 0);
    for (; index != NONE; index = next_slot(device, index + 1, SLOT_HUGE, 0)) {
      const slot = slot_at(device, index);
      if (header_length(object_header(cell_location(slot_value(slot)))) < PAGE_SIZE) huge_end(device, slot);
    }
  }
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
  drop_object(device, flags, slot_value(slot));
  slot_clear(slot);
  slot_set(slot, block, SLOT_WRITTEN_BACK);
  return 1;
}
