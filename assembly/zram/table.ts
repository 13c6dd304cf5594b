/**
 * The table of a device: one 8-byte slot for each page of the disk.
 *
 *   63               46 45         40 39          32 31                             0
 *  ┌───────────────────┬─────────────┬──────────────┬────────────────────────────────┐
 *  │ hash of the page  │ 0           │ flags        │ handle, block, or fill value   │
 *  └───────────────────┴─────────────┴──────────────┴────────────────────────────────┘
 *
 * A device with dedup keeps the upper 18 bits of the page's hash there: they lead to the index entry when the page is
 * freed.
 *
 * Slots live in chunks of 512, a frame each, under a radix tree of three levels. A frame of the tree is allocated when
 * something is stored below it and released when the last slot below it empties: a sparse disk costs nothing until it
 * is touched. The metadata word of each frame counts what is in use in it.
 *
 * A same-filled page is kept as its value. 32 bits of slot hold a value that repeats a 32-bit word; for any other, the
 * slot names a pair of VALUE cells with one half each.
 *
 * A device that tracks access times keeps them beside its chunks, 4 bytes a page: one frame serves two neighbours. A
 * chunk's metadata word has room for both, its count below and the address of that frame above.
 */
import { DEBUG, PAGE_MASK, PAGE_SIZE } from '../common';
import { frame_alloc_zeroed, frame_free, frame_meta } from '../memory/frames';
import { value_of, value_of_word } from '../zsmalloc/same';
import { Device, ROOTS } from './structs';

/** No slot. */
export const NONE: u32 = u32.MAX_VALUE;

/** The first page at or after `from` whose slot has all of these flags and none of those; NONE. */
export function next_slot(device: Device, from: u32, all: u32, none: u32): u32 {
  let page = next_chunk(device, from);
  while (page < device.diskPages) {
    const flags = slot_flags(slot_at(device, <u32>page));
    if ((flags & all) == all && (flags & none) == 0 && flags != 0) return <u32>page;
    if ((++page & SLOT_MASK) == 0) page = next_chunk(device, page);
  }
  return NONE;
}

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

/** Position of the place, the upper bits of the page's hash, above the flags. */
export const SLOT_PLACE_SHIFT: u32 = 14;

/** A chunk's metadata word: slots in use below, the address of its frame of access times above. */
const COUNT_MASK: u32 = PAGE_MASK;

export const SLOT_BYTES: u32 = 8;
const SLOTS_SHIFT: u32 = 9;
/** Slots of a chunk. */
export const SLOTS: u32 = 1 << SLOTS_SHIFT;
/** The slot of a page within its chunk. */
export const SLOT_MASK: u32 = SLOTS - 1;
const FANOUT_SHIFT: u32 = 10;
const FANOUT_MASK: u32 = (1 << FANOUT_SHIFT) - 1;
const UPPER_SHIFT: u32 = SLOTS_SHIFT + FANOUT_SHIFT;
const ROOT_SHIFT: u32 = UPPER_SHIFT + FANOUT_SHIFT;
/** Below the upper and the lower level of the tree. */
const CHUNK_LEVEL: u32 = 2;

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

/** Address of the pointer to the upper tree frame of a page. */
// @ts-ignore: decorator
@inline
function root_of(device: Device, index: u32): usize {
  return changetype<usize>(device) + ROOTS + (index >> ROOT_SHIFT) * 4;
}

/** Offset of a page's entry in the frames of the upper and lower level. */
// @ts-ignore: decorator
@inline
function upper_offset(index: u32): u32 {
  return ((index >> UPPER_SHIFT) & FANOUT_MASK) * 4;
}

// @ts-ignore: decorator
@inline
function lower_offset(index: u32): u32 {
  return ((index >> SLOTS_SHIFT) & FANOUT_MASK) * 4;
}

/** The chunk that holds a page's slot, 0 = none. */
// @ts-ignore: decorator
@inline
function chunk_of(device: Device, index: u32): u32 {
  // Neighbours share a chunk: remember the last one.
  if (device.lastChunk != 0 && index >> SLOTS_SHIFT == device.lastChunkNumber) return device.lastChunk;
  return chunk_walk(device, index);
}

function chunk_walk(device: Device, index: u32): u32 {
  const upper = load<u32>(root_of(device, index));
  if (upper == 0) return 0;
  const lower = load<u32>(upper + upper_offset(index));
  if (lower == 0) return 0;
  const chunk = load<u32>(lower + lower_offset(index));
  if (chunk != 0) {
    device.lastChunk = chunk;
    device.lastChunkNumber = index >> SLOTS_SHIFT;
  }
  return chunk;
}

/** Address of a page's slot; 0 while nothing is stored near it. */
// @ts-ignore: decorator
@inline
export function slot_at_inline(device: Device, index: u32): usize {
  const chunk = chunk_of(device, index);
  return chunk == 0 ? 0 : chunk + (index & SLOT_MASK) * SLOT_BYTES;
}

/** As `slot_at_inline`, for callers that are not in a hurry: smaller code. */
export function slot_at(device: Device, index: u32): usize {
  return slot_at_inline(device, index);
}

// @ts-ignore: decorator
@inline
function count_up(frame: u32, delta: i32): u32 {
  const meta = frame_meta(frame);
  const count = load<u32>(meta) + delta;
  store<u32>(meta, count);
  return count;
}

/** A frame of the tree below `entry`, made when it is missing; 0 when memory is exhausted. */
function child_make(device: Device, entry: usize, parent: u32): u32 {
  let frame = load<u32>(entry);
  if (frame == 0) {
    frame = frame_alloc_zeroed();
    if (frame == 0) return 0;
    store<u32>(entry, frame);
    device.tableFrames++;
    if (parent != 0) count_up(parent, 1);
  }
  return frame;
}

/** Address of a page's slot, made when it is missing; 0 when memory is exhausted: then nothing has changed. */
export function slot_make(device: Device, index: u32): usize {
  const found = slot_at_inline(device, index);
  if (found != 0) return found;
  const upper = child_make(device, root_of(device, index), 0);
  const lower = upper == 0 ? 0 : child_make(device, upper + upper_offset(index), upper);
  const chunk = lower == 0 ? 0 : child_make(device, lower + lower_offset(index), lower);
  if (chunk == 0 || (device.tracksTime && !times_make(lower, lower_offset(index), chunk))) {
    prune(device, index);
    return 0;
  }
  return slot_at(device, index);
}

/** Fills an empty slot. */
// @ts-ignore: decorator
@inline
export function slot_set(slot: usize, value: u32, flags: u32): void {
  if (DEBUG) assert(slot_flags(slot) == 0 && flags != 0); // the count of the chunk is of slots whose flags are not 0
  store<u32>(slot, value);
  store<u32>(slot, flags, 4);
  count_up(<u32>slot & ~PAGE_MASK, 1);
}

/** Changes the flags of a slot that is in use. */
// @ts-ignore: decorator
@inline
export function slot_set_flags(slot: usize, flags: u32): void {
  if (DEBUG) assert(slot_flags(slot) != 0 && flags != 0); // this does not count: an empty slot is filled by `slot_set`
  store<u32>(slot, flags, 4);
}

/** Empties a slot that is in use. Its chunk stays until `slot_release`. */
// @ts-ignore: decorator
@inline
export function slot_clear(slot: usize): void {
  if (DEBUG) assert(slot_flags(slot) != 0); // emptied twice, the chunk would go with slots in use
  store<u64>(slot, 0);
  count_up(<u32>slot & ~PAGE_MASK, -1);
}

/** Gives the slot's chunk back when all its slots are empty. */
// @ts-ignore: decorator
@inline
export function slot_release(device: Device, index: u32, slot: usize): void {
  if ((load<u32>(frame_meta(<u32>slot)) & COUNT_MASK) == 0) prune(device, index);
}

/** Frees what is empty on the way down to a page, from the bottom up. */
function prune(device: Device, index: u32): void {
  device.lastChunk = 0;
  prune_at(device, index, root_of(device, index), 0);
}

/**
 * Frees the frame that `entry` names and what is below it on the way to a page, where it is empty. Whether it is gone.
 */
function prune_at(device: Device, index: u32, entry: usize, level: u32): bool {
  const frame = load<u32>(entry);
  if (frame == 0) return false;
  if (level < CHUNK_LEVEL) {
    const child = frame + (level == 0 ? upper_offset(index) : lower_offset(index));
    if (prune_at(device, index, child, level + 1)) count_up(frame, -1);
  }
  if ((load<u32>(frame_meta(frame)) & COUNT_MASK) != 0) return false;
  if (level == CHUNK_LEVEL) times_drop(frame);
  frame_free(frame);
  device.tableFrames--;
  store<u32>(entry, 0);
  return true;
}

// ── access times ─────────────────────────────────────────────────────────────────────────────────────────────────

// @ts-ignore: decorator
@inline
function times_of(chunk: u32): u32 {
  return load<u32>(frame_meta(chunk)) & ~COUNT_MASK;
}

/** Gives a new chunk its frame of times, that of its neighbour where there is one. False when memory is exhausted. */
function times_make(lower: u32, offset: u32, chunk: u32): bool {
  const neighbour = load<u32>(lower + (offset ^ 4));
  let times = neighbour == 0 ? 0 : times_of(neighbour);
  if (times == 0) times = frame_alloc_zeroed();
  if (times == 0) return false;
  count_up(times, 1);
  store<u32>(frame_meta(chunk), load<u32>(frame_meta(chunk)) | times);
  return true;
}

function times_drop(chunk: u32): void {
  const times = times_of(chunk);
  if (times != 0 && count_up(times, -1) == 0) frame_free(times);
}

/** Address of the time at which a page was last accessed. */
// @ts-ignore: decorator
@inline
export function slot_time(index: u32, slot: usize): usize {
  return times_of(<u32>slot & ~PAGE_MASK) + (index & (2 * SLOT_MASK + 1)) * 4;
}

/** First page at or after `index` that may have a slot: skips what the tree has no chunk for. */
export function next_chunk(device: Device, index: u64): u64 {
  const pages: u64 = device.diskPages;
  while (index < pages) {
    const page = <u32>index;
    const upper = load<u32>(root_of(device, page));
    let shift = ROOT_SHIFT;
    if (upper != 0) {
      const lower = load<u32>(upper + upper_offset(page));
      shift = UPPER_SHIFT;
      if (lower != 0) {
        if (load<u32>(lower + lower_offset(page)) != 0) return index;
        shift = SLOTS_SHIFT;
      }
    }
    index = ((index >> shift) + 1) << shift;
  }
  return pages;
}

// ── fill values ──────────────────────────────────────────────────────────────────────────────────────────────────

/** The 64-bit fill value of a same-filled slot. */
export function slot_fill_value(slot: usize): u64 {
  const value = slot_value(slot);
  if (!(slot_flags(slot) & SLOT_SAME_WIDE)) return value_of_word(value);
  return value_of(value);
}
