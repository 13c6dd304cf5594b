/**
 * Ranges of one device that resemble each other, as the states of a history do: where they are equal, their slots hold
 * the same handles. Whole chunks of slots are shared, as forks share them, so that a copy of a range, and finding what
 * differs between two, cost a pointer for each 512 pages that are equal.
 *
 * The device tracks no access times, and its pages are neither marked nor written back.
 */
import { page_same_filled } from '../bytes/compare';
import { DEBUG } from '../common';
import { cell_location } from '../zsmalloc/cell';
import { object_holds_page } from '../zsmalloc/decode';
import { chunk_has_room, SLOT_MASK, SLOTS } from './chunk';
import { write_page } from './device';
import { DIFFERENCE_SAME_SO_FAR, slots_compare } from './difference';
import { fork_slot } from './fork';
import { SLOT_BYTES, slot_fill_value, slot_flags, SLOT_HUGE, SLOT_SAME, SLOT_STORED, slot_value } from './slot';
import { Device } from './structs';
import { chunk_repeat, slot_at, slot_make, slot_release } from './table';

/**
 * Empty pages get what others of the device hold.
 * @returns how many did. Fewer than `count`: memory is exhausted, or what the next one holds has as many references as
 * fit; it has to be written, or tried again
 */
export function range_copy(device: Device, index: u32, count: u32, from: u32): u32 {
  let done: u32 = 0;
  while (done < count) {
    const whole = ((index + done) | (from + done)) & SLOT_MASK ? false : count - done >= SLOTS;
    if (whole && copy_chunk(device, index + done, from + done)) done += SLOTS;
    else if (copy_slot(device, index + done, from + done)) done++;
    else break;
  }
  return done;
}

function copy_chunk(device: Device, index: u32, from: u32): bool {
  const chunk = <u32>slot_at(device, from);
  if (chunk == 0 || !chunk_has_room(chunk) || !chunk_repeat(device, index, chunk)) return false;
  for (let slot = chunk; slot < chunk + SLOTS * SLOT_BYTES; slot += SLOT_BYTES) {
    const flags = slot_flags(slot);
    if (flags != 0) device.pagesStored++;
    if (flags & SLOT_SAME) device.samePages++;
    if (flags & SLOT_HUGE) device.hugePages++;
  }
  return true;
}

function copy_slot(device: Device, index: u32, from: u32): bool {
  const source = slot_at(device, from);
  const flags = source == 0 ? 0 : slot_flags(source);
  if (flags == 0) return true;
  // Read before the target is made, which may move the source to another chunk.
  const value = slot_value(source);
  const target = slot_make(device, index);
  if (target == 0) return false;
  if (DEBUG) assert(slot_flags(target) == 0); // what it held would never be freed
  if (fork_slot(device, index, target, value, flags, 0)) return true;
  slot_release(device, index, target);
  return false;
}

/**
 * Stores a page that is likely to be what another page of the device holds: one compare instead of a hash, a look-up
 * and a compare, and one more reference instead of a cell.
 * @param index a page that holds nothing
 * @param like the other page
 * @returns 0 or -ENOMEM
 */
export function write_like(device: Device, index: u32, page: usize, like: u32): i32 {
  const source = slot_at(device, like);
  if (source != 0 && slot_holds(source, page) && copy_slot(device, index, like)) return 0;
  return write_page(device, index, page, 0, false);
}

function slot_holds(slot: usize, page: usize): bool {
  const flags = slot_flags(slot);
  if (flags & SLOT_STORED) return object_holds_page(cell_location(slot_value(slot)), page);
  return (flags & SLOT_SAME) != 0 && slot_fill_value(slot) == load<u64>(page) && page_same_filled(page);
}

/**
 * How many pages from two on are all equal, or all different. Pages that only the bindings can compare count as
 * different.
 */
export function alike_run(device: Device, a: u32, b: u32, count: u32, alike: bool): u32 {
  let n: u32 = 0;
  while (n < count) {
    let slotA = slot_at(device, a + n);
    let slotB = slot_at(device, b + n);
    const end = min(count, n + SLOTS - max((a + n) & SLOT_MASK, (b + n) & SLOT_MASK));
    if (slotA == slotB) {
      if (!alike) return n;
      n = end; // one chunk, or none
      continue;
    }
    for (; n < end; n++) {
      if (slots_alike(slotA, slotB) != alike) return n;
      if (slotA != 0) slotA += SLOT_BYTES;
      if (slotB != 0) slotB += SLOT_BYTES;
    }
  }
  return count;
}

function slots_alike(a: usize, b: usize): bool {
  if (a != 0 && b != 0 && load<u64>(a) == load<u64>(b)) return true;
  return slots_compare(a, a == 0 ? 0 : slot_flags(a), b, b == 0 ? 0 : slot_flags(b)) == DIFFERENCE_SAME_SO_FAR;
}
