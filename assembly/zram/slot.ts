/**
 * A slot: 8 bytes that say what a page of a device holds.
 *
 *   63               46 45         40 39          32 31                             0
 *  ┌───────────────────┬─────────────┬──────────────┬────────────────────────────────┐
 *  │ hash of the page  │ 0           │ flags        │ handle, block, or fill value   │
 *  └───────────────────┴─────────────┴──────────────┴────────────────────────────────┘
 *
 * A device with dedup keeps the upper 18 bits of the page's hash there: they lead to the index entry when the page is
 * freed.
 *
 * A same-filled page is kept as its value. 32 bits of slot hold a value that repeats a 32-bit word; for any other, the
 * slot names a pair of VALUE cells with one half each.
 */
import { zs_free, zs_retain } from '../zsmalloc/handle';
import { value_free, value_of, value_of_word, value_retain } from '../zsmalloc/same';
import { Pool } from '../zsmalloc/structs';
import { block_drop, block_retain } from './backing';
import { Bdev } from './structs';

/** The slot holds a fill value … */
export const SLOT_SAME: u32 = 1 << 0;
/** … in two cells. */
export const SLOT_SAME_WIDE: u32 = 1 << 1;
/** The page did not compress and is stored as it is. */
export const SLOT_HUGE: u32 = 1 << 2;
/** The slot holds a handle; a slot of all zeros is empty. */
export const SLOT_STORED: u32 = 1 << 3;
/** The page is on the backing device: the slot holds a BLOCK cell. */
export const SLOT_WRITTEN_BACK: u32 = 1 << 4;
/** The page has not been read or written since it was marked. */
export const SLOT_IDLE: u32 = 1 << 5;
/** No compressor made the page small enough to save memory. */
export const SLOT_INCOMPRESSIBLE: u32 = 1 << 6;
/** Picked for writeback or recompression; any access to the page clears the mark. */
export const SLOT_PICKED: u32 = 1 << 7;

/** Marks say something of one device's page: its snapshots and clones do not have them. */
export const SLOT_MARKS: u32 = SLOT_IDLE | SLOT_PICKED;

/** Position of the place, the upper bits of the page's hash, above the flags. */
export const SLOT_PLACE_SHIFT: u32 = 14;

export const SLOT_BYTES: u32 = 8;

// @ts-ignore: decorator
@inline
export function slot_value(slot: usize): u32 {
  return load<u32>(slot);
}

// @ts-ignore: decorator
@inline
export function slot_flags(slot: usize): u32 {
  return load<u32>(slot, 4);
}

/** The 64-bit fill value of a same-filled slot. */
export function slot_fill_value(slot: usize): u64 {
  const value = slot_value(slot);
  if (!(slot_flags(slot) & SLOT_SAME_WIDE)) return value_of_word(value);
  return value_of(value);
}

// ── what a slot refers to ────────────────────────────────────────────────────────────────────────────────────────

/** One more reference to what a slot holds. False when that has as many as fit. */
export function held_retain(value: u32, flags: u32): bool {
  if (flags & SLOT_STORED) return zs_retain(value);
  if (flags & SLOT_WRITTEN_BACK) return block_retain(value);
  return !(flags & SLOT_SAME_WIDE) || value_retain(value);
}

/** One reference fewer to what a slot held; with the last one it is freed. */
export function held_drop(pool: Pool, bdev: Bdev, value: u32, flags: u32): void {
  if (flags & SLOT_STORED) zs_free(pool, value, flags >> SLOT_PLACE_SHIFT);
  else if (flags & SLOT_WRITTEN_BACK) block_drop(bdev, value);
  else if (flags & SLOT_SAME_WIDE) value_free(pool, value);
}
