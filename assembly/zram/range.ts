/**
 * Byte ranges of a device: pages of which a range covers only a part, and pages that hold already what is written.
 *
 * A range lies in the staging pages as it lies on the disk, so that its pages are pages there: all cross in one call.
 * A page of which it covers a part is decoded beside them and changed there. That page stays decoded, since those who
 * write records and logs come back to it with the next one: decoding it is most of what a small read costs.
 */
import { bytes_equal } from '../bytes/compare';
import { DEBUG, PAGE_MASK, PAGE_SHIFT, PAGE_SIZE } from '../common';
import { COMPRESSED, DECODED, STAGING } from '../memory/staging';
import { cell_location } from '../zsmalloc/cell';
import { decodedLocation, set_decoded } from '../zsmalloc/object';
import { peek_page, read_page, slot_accessed, WRITE_ASKS, write_page } from './device';
import { slot_flags, SLOT_STORED, slot_value } from './slot';
import { Device } from './structs';
import { slot_at } from './table';

/** With the number of pages that are done: the core cannot read the next one, `read_page` says why. */
export const RANGE_UNREAD: u32 = 1 << 16;

/** Pages that the last `write_range` has stored: all that are done, or with `changed` those that differed. */
export let rangeStored: u32 = 0;

/** Pages that a range touches which begins `from` bytes behind the start of one. */
// @ts-ignore: decorator
@inline
function pages_of(from: u32, length: u32): u32 {
  return (from + length + PAGE_MASK) >> PAGE_SHIFT;
}

/** Where a range that ends `last` bytes behind the start of its first page ends in its page n. */
// @ts-ignore: decorator
@inline
function end_in_page(last: u32, n: u32): u32 {
  return min(last - (n << PAGE_SHIFT), PAGE_SIZE);
}

/**
 * Writes the range that begins `from` bytes behind the start of the staging pages and of the page `index`.
 * @param changed leaves pages as they are that hold these bytes already; that counts as a read of them
 * @returns how many of its pages are done. Fewer than there are: -ENOMEM, the next page keeps its old content; or
 * RANGE_UNREAD
 */
export function write_range(device: Device, index: u32, from: u32, length: u32, changed: bool, now: u32): u32 {
  const last = from + length;
  const count = pages_of(from, length);
  if (DEBUG) assert(from < PAGE_SIZE && length > 0 && <u64>index + count <= device.diskPages); // the bindings check
  rangeStored = 0;
  for (let n: u32 = 0; n < count; n++) {
    const begin = n == 0 ? from : 0;
    const end = end_in_page(last, n);
    let page = STAGING + (n << PAGE_SHIFT);
    const part = begin != 0 || end != PAGE_SIZE;
    if (part || changed) {
      if (read_decoded(device, index + n, now) != 0) return n | RANGE_UNREAD;
      if (changed && bytes_equal(DECODED + begin, page + begin, end - begin)) continue;
      if (part) page = patch_decoded(page, begin, end);
    }
    const result = write_page(device, index + n, page, now, true);
    if (result == WRITE_ASKS) return n | RANGE_UNREAD;
    if (result != 0) return n;
    if (part) set_decoded(location_of(device, index + n));
    rangeStored++;
  }
  return count;
}

/**
 * Reads a range to where it lies in the staging pages, as `write_range`. Bytes beside it become anything.
 * @returns how many of its pages are done: fewer than there are only with RANGE_UNREAD
 */
export function read_range(device: Device, index: u32, from: u32, length: u32, now: u32): u32 {
  const last = from + length;
  const count = pages_of(from, length);
  if (DEBUG) assert(from < PAGE_SIZE && length > 0 && <u64>index + count <= device.diskPages); // the bindings check
  for (let n: u32 = 0; n < count; n++) {
    const begin = n == 0 ? from : 0;
    const end = end_in_page(last, n);
    const page = STAGING + (n << PAGE_SHIFT);
    const part = begin != 0 || end != PAGE_SIZE;
    const result = part ? read_decoded(device, index + n, now) : read_page(device, index + n, page, now);
    if (result != 0) return n | RANGE_UNREAD;
    if (part) memory.copy(page + begin, DECODED + begin, end - begin);
  }
  return count;
}

/** As `read_page` to `DECODED`, where the page may be already. */
function read_decoded(device: Device, index: u32, now: u32): i32 {
  const location = location_of(device, index);
  if (location != 0 && location == decodedLocation) {
    if (DEBUG) assert(peek_page(device, index, COMPRESSED) == 0 && bytes_equal(COMPRESSED, DECODED, PAGE_SIZE));
    const slot = slot_at(device, index);
    slot_accessed(device, index, slot, slot_flags(slot), now);
    return 0;
  }
  const result = read_page(device, index, DECODED, now);
  set_decoded(result == 0 ? location : 0);
  return result;
}

/** Replaces a part of the decoded page by that of a staging page. Nothing holds this page until it is written. */
function patch_decoded(page: usize, begin: u32, end: u32): usize {
  set_decoded(0);
  memory.copy(DECODED + begin, page + begin, end - begin);
  return DECODED;
}

/** Where the object of a page is, 0 for a page without one. */
function location_of(device: Device, index: u32): u32 {
  const slot = slot_at(device, index);
  return slot != 0 && slot_flags(slot) & SLOT_STORED ? cell_location(slot_value(slot)) : 0;
}
