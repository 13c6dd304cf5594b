/** Exports for saving and loading devices. */
import { PAGE_SIZE } from '../common';
import { SCRATCH_A, STAGING } from '../memory/staging';
import { load_forked, load_object, load_shared, load_united, loadedHash } from '../zram/load';
import { slot_flags, SLOT_STORED, slot_value } from '../zram/slot';
import { slot_values } from '../zram/slot-state';
import { Device } from '../zram/structs';
import { slot_at } from '../zram/table';
import { cell_location, cell_numbered } from '../zsmalloc/cell';
import { object_copy } from '../zsmalloc/object';

/** The payload of a page's object, to the first staging page. @returns as `object_copy`; 0 without an object */
export function zramPayload(address: usize, index: u32): u32 {
  const slot = slot_at(changetype<Device>(address), index);
  if (slot == 0 || !(slot_flags(slot) & SLOT_STORED)) return 0;
  return object_copy(cell_location(slot_value(slot)), STAGING, SCRATCH_A);
}

/** As `slot_values`, for `count` pages. */
export function zramSlotValues(device: usize, index: u32, count: u32): void {
  slot_values(changetype<Device>(device), index, count);
}

/** As `load_object`: the payload is in the first staging page, a page that the bindings decoded in the second. */
export function zramLoadObject(device: usize, index: u32, length: u32, codec: u32, now: u32): i32 {
  return load_object(changetype<Device>(device), index, STAGING, length, codec, STAGING + PAGE_SIZE, now);
}

/** The page's hash that the last `zramLoadObject` made. */
export function zramLoadedHash(): u32 {
  return loadedHash;
}

/** As `load_shared`. */
export function zramLoadShared(device: usize, index: u32, handle: u32, hash: u32, now: u32): i32 {
  return load_shared(changetype<Device>(device), index, cell_numbered(handle), hash, now);
}

/** As `load_forked`. */
export function zramLoadForked(device: usize, index: u32, count: u32, from: usize, now: u32): i32 {
  return load_forked(changetype<Device>(device), index, count, changetype<Device>(from), now);
}

/** As `load_united`. */
export function zramLoadUnited(device: usize, index: u32, from: usize): void {
  load_united(changetype<Device>(device), index, changetype<Device>(from));
}
