/**
 * Forks: a second device with the pages of a first, which copies no data. Snapshots and clones are forks. Both hold the
 * same chunks of slots until one changes a slot (chunk.ts), so that a fork costs a pointer for each 512 pages, and a
 * chunk for each of them that is changed afterwards.
 */
import { DEBUG } from '../common';
import { frame_alloc_zeroed, frame_free } from '../memory/frames';
import { slot_set } from './chunk';
import { device_end, device_make } from './device';
import { held_retain, SLOT_HUGE, SLOT_MARKS, SLOT_SAME } from './slot';
import { Device, DEVICE_MAGIC, ROOT_COUNT, ROOTS } from './structs';
import { table_end, table_share, touch } from './table';

/** A device on the same pool with the same pages; 0 when memory is exhausted. */
export function device_fork(from: Device, tracksTime: bool, now: u32): Device {
  if (DEBUG) {
    assert(from.magic == DEVICE_MAGIC); // the frame of a device that was ended holds something else by now
    assert(from.sharedEntries == 0); // a chunk's holders are either devices or entries of one: `entry_drop`
  }
  const device = device_make(from.pool, from.diskPages, from.level, <bool>from.dedup, tracksTime);
  if (changetype<usize>(device) == 0) return device;
  if (changetype<usize>(from.bdev) != 0) {
    device.bdev = from.bdev;
    device.bdev.users++;
  }
  if (!table_share(from, device)) {
    device_end(device);
    return changetype<Device>(0);
  }
  counts_copy(from, device, now);
  device.hugePagesSince = from.hugePages;
  return device;
}

/**
 * A device gets the pages of another of its family, as they are there now; its settings and its other counters stay.
 * @returns false when memory is exhausted: nothing has changed
 */
export function device_restore(device: Device, from: Device, now: u32): bool {
  if (DEBUG) {
    assert(device.pool == from.pool && device.diskPages == from.diskPages); // a chunk fits both
    assert(device.bdev == from.bdev); // slots name blocks of this one
  }
  // The new table is made beside the old one: both hold what they have in common, so that none of it goes.
  const made = changetype<Device>(frame_alloc_zeroed());
  if (changetype<usize>(made) == 0) return false;
  made.pool = device.pool;
  made.bdev = device.bdev;
  made.diskPages = device.diskPages;
  const done = table_share(from, made);
  if (done) {
    table_end(device);
    const roots = changetype<usize>(made) + ROOTS;
    memory.copy(changetype<usize>(device) + ROOTS, roots, ROOT_COUNT * 4);
    device.tableFrames = made.tableFrames;
    counts_copy(from, device, now);
    // Of all pages that were ever huge, those that are huge now are the least.
    device.hugePagesSince = max<u64>(device.hugePagesSince, device.hugePages);
  } else table_end(made);
  frame_free(changetype<u32>(made));
  return done;
}

function counts_copy(from: Device, to: Device, now: u32): void {
  to.pagesStored = from.pagesStored;
  to.samePages = from.samePages;
  to.hugePages = from.hugePages;
  to.madeAt = now;
}

/** An empty slot gets what another holds. False when that has as many references as fit. */
export function fork_slot(device: Device, index: u32, slot: usize, value: u32, flags: u32, now: u32): bool {
  // Marks belong to the slot they were set on.
  if (DEBUG) assert(index < device.diskPages && (flags & SLOT_MARKS) == 0);
  if (!held_retain(value, flags)) return false;
  slot_set(slot, value, flags);
  device.pagesStored++;
  if (flags & SLOT_SAME) device.samePages++;
  if (flags & SLOT_HUGE) device.hugePages++;
  touch(device, index, now);
  return true;
}

