/** Where two devices hold different pages, as far as the core can tell without decoding foreign codecs. */
import { bytes_equal } from '../bytes/compare';
import { SCRATCH_A, SCRATCH_B } from '../memory/staging';
import { cell_location } from '../zsmalloc/cell';
import { header_codec, header_length, is_plain, object_bytes, object_header } from '../zsmalloc/object';
import { SLOT_MASK } from './chunk';
import { slot_fill_value, slot_flags, SLOT_STORED, slot_value, SLOT_WRITTEN_BACK } from './slot';
import { Device } from './structs';
import { chunk_at, next_chunk, NONE, slot_at } from './table';

/**
 * What `next_difference` returns beside the page: how far it looked, a page that differs, one that the core cannot
 * compare.
 */
export const DIFFERENCE_SAME_SO_FAR: u32 = 0;
export const DIFFERENCE_DIFFERS: u32 = 1;
export const DIFFERENCE_UNDECIDED: u32 = 2;

/**
 * The first page at or after `from` that two devices of one engine hold differently, or that the core cannot compare.
 * Objects of one codec are compared by their bytes.
 * @param most how many pages to look at
 * @returns page << 2 | what was found; `NONE` as the page: no other page differs
 */
export function next_difference(a: Device, b: Device, from: u32, most: u32): u64 {
  let page = next_chunk_of_two(a, b, from);
  const pages = max(a.diskPages, b.diskPages);
  for (let left = most; page < pages; left--) {
    if (left == 0) return (page << 2) | DIFFERENCE_SAME_SO_FAR;
    if (share_chunk(a, b, page)) {
      page = next_chunk_of_two(a, b, (page | SLOT_MASK) + 1);
      continue;
    }
    const slotA = page < a.diskPages ? slot_at(a, <u32>page) : 0;
    const slotB = page < b.diskPages ? slot_at(b, <u32>page) : 0;
    if (slotA != 0 || slotB != 0) {
      const flagsA = slotA == 0 ? 0 : slot_flags(slotA);
      const flagsB = slotB == 0 ? 0 : slot_flags(slotB);
      const found = slots_compare(slotA, flagsA, slotB, flagsB);
      if (found != DIFFERENCE_SAME_SO_FAR) return (page << 2) | found;
    }
    if ((++page & SLOT_MASK) == 0) page = next_chunk_of_two(a, b, page);
  }
  return <u64>NONE << 2;
}

/** Whether two devices hold the same chunk at a page: then they hold the same up to its end. */
function share_chunk(a: Device, b: Device, page: u64): bool {
  if (page >= a.diskPages || page >= b.diskPages) return false;
  const chunk = chunk_at(a, <u32>page);
  return chunk != 0 && chunk == chunk_at(b, <u32>page);
}

/** As `next_chunk`, of two devices whose disks may differ in size; behind both disks where neither has more. */
function next_chunk_of_two(a: Device, b: Device, page: u64): u64 {
  const inA = next_chunk(a, page);
  const inB = next_chunk(b, page);
  return min(inA < a.diskPages ? inA : u64.MAX_VALUE, inB < b.diskPages ? inB : u64.MAX_VALUE);
}

/** What two slots hold, each given with its flags, compared. */
export function slots_compare(slotA: usize, flagsA: u32, slotB: usize, flagsB: u32): u32 {
  if (flagsA & flagsB & SLOT_STORED) return objects_compare(slot_value(slotA), slot_value(slotB));
  if (flagsA & flagsB & SLOT_WRITTEN_BACK && slot_value(slotA) == slot_value(slotB)) return DIFFERENCE_SAME_SO_FAR;
  if ((flagsA | flagsB) & SLOT_WRITTEN_BACK) return DIFFERENCE_UNDECIDED;
  // What is stored as an object is not same-filled, and nothing reads as zeros.
  if ((flagsA | flagsB) & SLOT_STORED) return DIFFERENCE_DIFFERS;
  return fill_of(slotA, flagsA) == fill_of(slotB, flagsB) ? DIFFERENCE_SAME_SO_FAR : DIFFERENCE_DIFFERS;
}

function fill_of(slot: usize, flags: u32): u64 {
  return flags == 0 ? 0 : slot_fill_value(slot);
}

function objects_compare(leafA: u32, leafB: u32): u32 {
  const a = cell_location(leafA);
  const b = cell_location(leafB);
  if (a == b) return DIFFERENCE_SAME_SO_FAR;
  const headerA = object_header(a);
  const headerB = object_header(b);
  const codecA = header_codec(headerA);
  const codecB = header_codec(headerB);
  const length = header_length(headerA);
  if (codecA != codecB && !(is_plain(codecA) && is_plain(codecB))) return DIFFERENCE_UNDECIDED;
  if (length != header_length(headerB)) return DIFFERENCE_DIFFERS;
  const equal = bytes_equal(object_bytes(a, length, SCRATCH_A), object_bytes(b, length, SCRATCH_B), length);
  return equal ? DIFFERENCE_SAME_SO_FAR : DIFFERENCE_DIFFERS;
}
