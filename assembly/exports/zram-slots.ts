/** Exports for what goes over a device's slots: states, idle marks, recompression, writeback, differences. */
import { EINVAL, ENOMEM, ENOSPC } from '../common';
import { STAGING } from '../memory/staging';
import { bdev_make, block_drop, block_left, block_take } from '../zram/backing';
import { next_difference } from '../zram/difference';
import { extents } from '../zram/extents';
import { change_flags, mark_idle, recompress, settle_huge, write_back } from '../zram/post-process';
import { slot_flags, SLOT_PICKED, SLOT_STORED, slot_value } from '../zram/slot';
import { slot_states } from '../zram/slot-state';
import { Device } from '../zram/structs';
import { next_slot, slot_at, slot_time } from '../zram/table';
import { cell_number, cell_numbered, cell_refs, cell_root, cell_target } from '../zsmalloc/cell';
import { zs_share } from '../zsmalloc/handle';
import { Pool } from '../zsmalloc/structs';

/** Writes `slot_state` and `slot_object` of `count` pages to the staging pages, a word each. */
export function zramSlots(device: usize, index: u32, count: u32): void {
  slot_states(changetype<Device>(device), index, count);
}

/** The page at or after `from` whose slot has all of the flags `all` and none of `none`; 2^32 - 1. */
export function zramNextSlot(device: usize, from: u32, all: u32, none: u32): u32 {
  return next_slot(changetype<Device>(device), from, all, none);
}

/** Sets and clears flags of a slot; with `picked`, only while it has that mark. @returns 0 or -ENOMEM */
export function zramChangeFlags(device: usize, index: u32, set: u32, clear: u32, picked: bool): i32 {
  return change_flags(changetype<Device>(device), index, set, clear, picked) ? 0 : ENOMEM;
}

/** @returns 0 or -ENOMEM: pages up to some page are marked */
export function zramMarkIdle(device: usize, age: u32, now: u32): i32 {
  return mark_idle(changetype<Device>(device), age, now) ? 0 : ENOMEM;
}

/** When a page that is stored was last accessed, on a device that tracks that. */
export function zramSlotTime(device: usize, index: u32): u32 {
  return slot_time(changetype<Device>(device), index);
}

/** Recompression of a picked page to what is in the first staging page, as `recompress`. */
export function zramRecompress(
  device: usize, index: u32, length: u32, codec: u32, threshold: u32, sameClass: bool,
): i32 {
  return recompress(changetype<Device>(device), index, STAGING, length, codec, threshold, sameClass);
}

/** After recompression: clears the mark of pages, on all devices of the pool, that are no longer huge. */
export function poolSettleHuge(pool: usize): void {
  settle_huge(changetype<Pool>(pool));
}

/** Gives a device a backing device of `blocks` blocks. @returns 0 or -ENOMEM */
export function zramSetBacking(device: usize, blocks: u32): i32 {
  const bdev = bdev_make(blocks);
  if (changetype<usize>(bdev) == 0) return ENOMEM;
  changetype<Device>(device).bdev = bdev;
  return 0;
}

/** Takes a block. @returns its cell / 8, -ENOSPC, -ENOMEM */
export function zramTakeBlock(address: usize): i32 {
  const device = changetype<Device>(address);
  if (!block_left(device.bdev)) return ENOSPC;
  const cell = block_take(device.pool, device.bdev);
  return cell == 0 ? ENOMEM : <i32>cell_number(cell);
}

export function zramBlockNumber(cell: u32): u32 {
  return cell_target(cell_numbered(cell));
}

/** The freed block that follows this one in the list of them, or the first; 0: none. */
export function zramFreedBlock(device: usize, cell: u32): u32 {
  const next = cell == 0 ? changetype<Device>(device).bdev.freed : cell_numbered(cell_refs(cell_numbered(cell)));
  return next == 0 ? 0 : cell_number(next);
}

export function zramDropBlock(device: usize, cell: u32): void {
  block_drop(changetype<Device>(device).bdev, cell_numbered(cell));
}

/** A picked page is in this block now. As `write_back`. */
export function zramWriteBack(device: usize, index: u32, cell: u32): i32 {
  return write_back(changetype<Device>(device), index, cell_numbered(cell));
}

/** A handle of the caller's own for a picked page's object. @returns it, -EINVAL: it was touched since, -ENOMEM */
export function zramShareObject(address: usize, index: u32): i32 {
  const device = changetype<Device>(address);
  const slot = slot_at(device, index);
  const flags = slot == 0 ? 0 : slot_flags(slot);
  if (!(flags & SLOT_PICKED) || !(flags & SLOT_STORED)) return EINVAL;
  const leaf = zs_share(device.pool, cell_root(device.pool, slot_value(slot)), 0);
  return leaf == 0 ? ENOMEM : <i32>cell_number(leaf);
}

/** As `next_difference`; a double, which carries it exactly. */
export function zramNextDifference(a: usize, b: usize, from: u32, most: u32): f64 {
  return <f64>next_difference(changetype<Device>(a), changetype<Device>(b), from, most);
}

/** The runs of pages that hold data, zeros or nothing, on the staging pages. As `extents`. */
export function zramExtents(device: usize, from: u32, end: u32, most: u32): u32 {
  return extents(changetype<Device>(device), from, end, most);
}
