/**
 * Forks: a second device with the pages of a first, which costs a slot a page and copies no data. Snapshots and clones
 * are forks. Both slots hold the same handle, retained once more; whoever writes to its page gets an object of its own,
 * as always, and the other keeps what it had.
 */
import { ENOMEM } from '../common';
import { bytes_equal, page_same_filled } from '../compare';
import { SCRATCH_A, SCRATCH_B } from '../staging';
import { cell_location } from '../zsmalloc/cell';
import { header_codec, header_length, is_plain, object_header, object_bytes } from '../zsmalloc/object';
import { object_holds_page } from '../zsmalloc/dedup';
import { zs_retain } from '../zsmalloc/pool';
import { value_retain } from '../zsmalloc/same';
import { block_retain } from './backing';
import { device_end, device_make, touch, write_page } from './device';
import { NONE, next_slot } from './post-process';
import { Device } from './structs';
import {
  SLOT_HUGE, SLOT_IDLE, SLOT_PICKED, SLOT_SAME, SLOT_SAME_WIDE, SLOT_STORED, SLOT_WRITTEN_BACK, next_chunk,
  slot_fill_value, slot_at, slot_flags, slot_make, slot_release, slot_set, slot_value,
} from './table';

/** A device on the same pool with the same pages; 0 when memory is exhausted. */
export function device_fork(from: Device, tracksTime: bool, now: u32): Device {
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
    page = next_chunk(from, (page | 511) + 1);
  }
  device.pagesStored = from.pagesStored;
  device.samePages = from.samePages;
  device.hugePages = from.hugePages;
  device.hugePagesSince = from.hugePages;
  return device;
}

/** Copies the slots of a chunk. False when memory is exhausted: the counters of what was copied stand. */
function fork_chunk(from: Device, device: Device, first: u32, now: u32): bool {
  const source = slot_at(from, first);
  const target = slot_make(device, first);
  if (target == 0) return false;
  const count = min<u32>(512, from.diskPages - first);
  for (let n: u32 = 0; n < count; n++) {
    const flags = slot_flags(source + n * 8);
    if (flags == 0) continue;
    const value = slot_value(source + n * 8);
    if (!fork_slot(device, first + n, target + n * 8, value, flags & ~(SLOT_IDLE | SLOT_PICKED), now)) {
      slot_release(device, first, target);
      return false;
    }
  }
  return true;
}

/** An empty slot gets what another holds. False when that has as many references as fit. */
export function fork_slot(device: Device, index: u32, slot: usize, value: u32, flags: u32, now: u32): bool {
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
 * Stores a page that is likely to be what another page of the device holds: one compare instead of a hash, a look-up and a
 * compare, and one more reference instead of a cell.
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

/** What `next_difference` returns beside the page: how far it looked, a page that differs, one that the core cannot compare. */
export const SAME_SO_FAR: u32 = 0;
export const DIFFERS: u32 = 1;
export const UNDECIDED: u32 = 2;

/**
 * The first page at or after `from` that two devices of one engine hold differently, or that the core cannot compare.
 * Objects of one codec are compared by their bytes.
 * @param most how many pages to look at
 * @returns page << 2 | what was found; `NONE` for the page: there is no more
 */
export function next_difference(a: Device, b: Device, from: u32, most: u32): u64 {
  let page = next_chunk_of_two(a, b, from);
  const pages = max(a.diskPages, b.diskPages);
  for (let left = most; page < pages; left--) {
    if (left == 0) return (page << 2) | SAME_SO_FAR;
    const slotA = page < a.diskPages ? slot_at(a, <u32>page) : 0;
    const slotB = page < b.diskPages ? slot_at(b, <u32>page) : 0;
    if (slotA != 0 || slotB != 0) {
      const flagsA = slotA == 0 ? 0 : slot_flags(slotA);
      const flagsB = slotB == 0 ? 0 : slot_flags(slotB);
      const found = slots_compare(slotA, flagsA, slotB, flagsB);
      if (found != SAME_SO_FAR) return (page << 2) | found;
    }
    if ((++page & 511) == 0) page = next_chunk_of_two(a, b, page);
  }
  return <u64>NONE << 2;
}

/** As `next_chunk`, of two devices whose disks may differ in size; behind both disks where neither has more. */
function next_chunk_of_two(a: Device, b: Device, page: u64): u64 {
  const inA = next_chunk(a, page);
  const inB = next_chunk(b, page);
  return min(inA < a.diskPages ? inA : u64.MAX_VALUE, inB < b.diskPages ? inB : u64.MAX_VALUE);
}

function slots_compare(slotA: usize, flagsA: u32, slotB: usize, flagsB: u32): u32 {
  if (flagsA & flagsB & SLOT_STORED) return objects_compare(slot_value(slotA), slot_value(slotB));
  if (flagsA & flagsB & SLOT_WRITTEN_BACK && slot_value(slotA) == slot_value(slotB)) return SAME_SO_FAR;
  if ((flagsA | flagsB) & SLOT_WRITTEN_BACK) return UNDECIDED;
  // What is stored as an object is not same-filled, and nothing reads as zeros.
  if ((flagsA | flagsB) & SLOT_STORED) return DIFFERS;
  return fill_of(slotA, flagsA) == fill_of(slotB, flagsB) ? SAME_SO_FAR : DIFFERS;
}

function fill_of(slot: usize, flags: u32): u64 {
  return flags == 0 ? 0 : slot_fill_value(slot);
}

function objects_compare(leafA: u32, leafB: u32): u32 {
  const a = cell_location(leafA);
  const b = cell_location(leafB);
  if (a == b) return SAME_SO_FAR;
  const headerA = object_header(a);
  const headerB = object_header(b);
  const codecA = header_codec(headerA);
  const codecB = header_codec(headerB);
  const length = header_length(headerA);
  if (codecA != codecB && !(is_plain(codecA) && is_plain(codecB))) return UNDECIDED;
  if (length != header_length(headerB)) return DIFFERS;
  const equal = bytes_equal(object_bytes(a, length, SCRATCH_A), object_bytes(b, length, SCRATCH_B), length);
  return equal ? SAME_SO_FAR : DIFFERS;
}
