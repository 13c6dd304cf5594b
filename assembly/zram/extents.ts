/** The runs of a disk's pages that hold data, zeros or nothing: what is there, for who copies or exports a disk. */
import { STAGING } from '../memory/staging';
import { SLOT_MASK } from './chunk';
import { slot_fill_value, slot_flags, SLOT_SAME } from './slot';
import { Device } from './structs';
import { next_chunk, slot_at } from './table';

// What the pages of a run hold. As in bindings/core/layout.ts.
const EXTENT_HOLE: u32 = 0;
const EXTENT_ZERO: u32 = 1;
const EXTENT_DATA: u32 = 2;

/**
 * Writes the runs of the pages `from` to `end` to the staging pages, two words each: the page behind it, and what its
 * pages hold. Neighbours differ. Where the tree has no chunk, nothing is looked at.
 * @param most runs that fit
 * @returns how many there are: `most` may mean that more follow
 */
export function extents(device: Device, from: u32, end: u32, most: u32): u32 {
  let runs: u32 = 0;
  let last = u32.MAX_VALUE; // none
  let page: u64 = from;
  let chunk = next_chunk(device, from);
  while (page < end) {
    let next = page + 1;
    let kind = EXTENT_HOLE;
    if (page < chunk) next = min<u64>(chunk, end);
    else kind = kind_of(slot_at(device, <u32>page));
    if (kind != last) {
      if (runs == most) break;
      runs++;
      last = kind;
    }
    store<u32>(STAGING + (runs - 1) * 8, <u32>next);
    store<u32>(STAGING + (runs - 1) * 8, kind, 4);
    page = next;
    if ((page & SLOT_MASK) == 0) chunk = next_chunk(device, page);
  }
  return runs;
}

function kind_of(slot: usize): u32 {
  const flags = slot_flags(slot);
  if (flags == 0) return EXTENT_HOLE;
  return flags & SLOT_SAME && slot_fill_value(slot) == 0 ? EXTENT_ZERO : EXTENT_DATA;
}
