/**
 * Forks: a second device with the pages of a first, which costs a slot a page and copies no data. Snapshots and clones
 * are forks. Both slots hold the same handle, retained once more; a write to either page gives it an object of its
 * own, as always, and the other keeps what it had.
 */
import { page_same_filled } from '../bytes/compare';
import { DEBUG, ENOMEM } from '../common';
import { cell_location } from '../zsmalloc/cell';
import { object_holds_page } from '../zsmalloc/decode';
import { zs_retain } from '../zsmalloc/handle';
import { value_retain } from '../zsmalloc/same';
import { block_retain } from './backing';
import { device_end, device_make, touch, write_page } from './device';
import { Device, DEVICE_MAGIC } from './structs';
import {
  next_chunk, slot_at, SLOT_BYTES, slot_fill_value, slot_flags, SLOT_HUGE, SLOT_IDLE, slot_make, SLOT_MASK, SLOT_PICKED,
  slot_release, SLOT_SAME, SLOT_SAME_WIDE, slot_set, SLOT_STORED, slot_value, SLOT_WRITTEN_BACK, SLOTS,
} from './table';

/** A device on the same pool with the same pages; 0 when memory is exhausted. */
export function device_fork(from: Device, tracksTime: bool, now: u32): Device {
  if (DEBUG) assert(from.magic == DEVICE_MAGIC); // the frame of a device that was ended holds something else by now
  const device = device_make(from.pool, from.diskPages, from.level, <bool>from.dedup, tracksTime);
  if (changetype<usize>(device) == 0) return device;
  if (changetype<usize>(from.bdev) != 0) {
    device.bdev = from.bdev;
    device.bdev.users++;
  }
  let page = next_chunk(from, 0);
  while (page < from.diskPages) {
    if (!fork_chunk(from, device, <u32>page, now)) {
      device_end(device);
      return changetype<Device>(0);
    }
    page = next_chunk(from, (page | SLOT_MASK) + 1);
  }
  if (DEBUG) assert(device.pagesStored == from.pagesStored); // each slot in use was copied, and counted once
  device.hugePagesSince = from.hugePages;
  return device;
}

/** Copies the slots of a chunk. False when memory is exhausted: what was copied so far is counted. */
function fork_chunk(from: Device, device: Device, first: u32, now: u32): bool {
  const source = slot_at(from, first);
  const target = slot_make(device, first);
  if (target == 0) return false;
  const count = min<u32>(SLOTS, from.diskPages - first);
  for (let n: u32 = 0; n < count; n++) {
    const flags = slot_flags(source + n * SLOT_BYTES);
    if (flags == 0) continue;
    const value = slot_value(source + n * SLOT_BYTES);
    if (!fork_slot(device, first + n, target + n * SLOT_BYTES, value, flags & ~(SLOT_IDLE | SLOT_PICKED), now)) {
      slot_release(device, first, target);
      return false;
    }
  }
  return true;
}

/** An empty slot gets what another holds. False when that has as many references as fit. */
export function fork_slot(device: Device, index: u32, slot: usize, value: u32, flags: u32, now: u32): bool {
  // Marks belong to the slot they were set on.
  if (DEBUG) assert(index < device.diskPages && (flags & (SLOT_IDLE | SLOT_PICKED)) == 0);
  if (!retain(flags, value)) return false;
  slot_set(slot, value, flags);
  // Counted one by one as long as the device may have to be ended halfway.
  device.pagesStored++;
  if (flags & SLOT_SAME) device.samePages++;
  if (flags & SLOT_HUGE) device.hugePages++;
  touch(device, index, slot, now);
  return true;
}

function retain(flags: u32, value: u32): bool {
  if (flags & SLOT_STORED) return zs_retain(value);
  if (flags & SLOT_WRITTEN_BACK) return block_retain(value);
  return !(flags & SLOT_SAME_WIDE) || value_retain(value);
}

/**
 * Stores a page that is likely to be what another page of the device holds: one compare instead of a hash, a look-up
 * and a compare, and one more reference instead of a cell.
 * @param index a page that holds nothing, of a device that does not track access times
 * @param like the other page
 * @returns as `write_page`
 */
export function write_like(device: Device, index: u32, page: usize, like: u32): i32 {
  const source = slot_at(device, like);
  if (source != 0 && slot_holds(source, page)) {
    const target = slot_make(device, index);
    if (target == 0) return ENOMEM;
    const flags = slot_flags(source) & ~(SLOT_IDLE | SLOT_PICKED);
    if (fork_slot(device, index, target, slot_value(source), flags, 0)) return 0;
    slot_release(device, index, target);
  }
  return write_page(device, index, page, 0);
}

function slot_holds(slot: usize, page: usize): bool {
  const flags = slot_flags(slot);
  if (flags & SLOT_STORED) return object_holds_page(cell_location(slot_value(slot)), page);
  return (flags & SLOT_SAME) != 0 && slot_fill_value(slot) == load<u64>(page) && page_same_filled(page);
}
