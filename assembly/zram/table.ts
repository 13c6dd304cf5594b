/**
 * The table of a device: a slot for each page of the disk, in chunks of 512 under a radix tree of three levels. A frame
 * of the tree is allocated when something is stored below it and released when the last slot below it empties: a sparse
 * disk costs nothing until it is touched. The metadata word of each frame counts what is in use in it.
 *
 * The tree is the device's own; its chunks may be shared with snapshots and clones. What is about to change a slot asks
 * `slot_make` for it, which copies a shared chunk; what only reads asks `slot_at`.
 */
import { DEBUG, PAGE_MASK } from '../common';
import { frame_alloc_zeroed, frame_free, frame_meta } from '../memory/frames';
import {
  chunk_copy, chunk_drop, chunk_has_room, chunk_is_shared, chunk_share, chunk_used, SLOT_MASK, SLOTS_SHIFT,
} from './chunk';
import { SLOT_BYTES, slot_flags } from './slot';
import { Device, ROOT_COUNT, ROOTS } from './structs';
import { entry_chunk, entry_set_chunk, time_in, times_drop, times_make, times_of } from './times';

/** No slot. */
export const NONE: u32 = u32.MAX_VALUE;

const FANOUT_SHIFT: u32 = 10;
const FANOUT: u32 = 1 << FANOUT_SHIFT;
const FANOUT_MASK: u32 = FANOUT - 1;
const UPPER_SHIFT: u32 = SLOTS_SHIFT + FANOUT_SHIFT;
const ROOT_SHIFT: u32 = UPPER_SHIFT + FANOUT_SHIFT;

/** Address of the pointer to the upper tree frame of a page. */
// @ts-ignore: decorator
@inline
function root_of(device: Device, index: u32): u32 {
  return changetype<u32>(device) + ROOTS + (index >> ROOT_SHIFT) * 4;
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

// ── finding ──────────────────────────────────────────────────────────────────────────────────────────────────────

/** The chunk that holds a page's slot, 0 = none. */
// @ts-ignore: decorator
@inline
function chunk_of(device: Device, index: u32): u32 {
  // Neighbours share a chunk: remember the last one.
  if (device.lastChunk != 0 && index >> SLOTS_SHIFT == device.lastChunkNumber) return device.lastChunk;
  return chunk_walk(device, index);
}

function chunk_walk(device: Device, index: u32): u32 {
  const lower = lower_of(device, index);
  if (lower == 0) return 0;
  const entry = lower + lower_offset(index);
  const chunk = entry_chunk(entry);
  if (chunk != 0) remember(device, index, chunk, entry);
  return chunk;
}

/** As `chunk_of`, for callers that are not in a hurry. */
export function chunk_at(device: Device, index: u32): u32 {
  return chunk_of(device, index);
}

// @ts-ignore: decorator
@inline
function remember(device: Device, index: u32, chunk: u32, entry: u32): void {
  device.lastChunk = chunk;
  device.lastEntry = entry;
  device.lastChunkNumber = index >> SLOTS_SHIFT;
}

/** The frame with the pointers to a page's chunk and its neighbours, 0 = none. */
function lower_of(device: Device, index: u32): u32 {
  const upper = load<u32>(root_of(device, index));
  return upper == 0 ? 0 : load<u32>(upper + upper_offset(index));
}

/** Address of the pointer to a page's chunk, which there is. */
function entry_of(device: Device, index: u32): u32 {
  if (device.lastChunk != 0 && index >> SLOTS_SHIFT == device.lastChunkNumber) return device.lastEntry;
  if (DEBUG) assert(lower_of(device, index) != 0); // an address near 0 holds whatever comes first in memory
  return lower_of(device, index) + lower_offset(index);
}

/** Address of a page's slot, for reading; 0 while nothing is stored near it. */
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
        if (entry_chunk(lower + lower_offset(page)) != 0) return index;
        shift = SLOTS_SHIFT;
      }
    }
    index = ((index >> shift) + 1) << shift;
  }
  return pages;
}

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

// ── changing ─────────────────────────────────────────────────────────────────────────────────────────────────────

// @ts-ignore: decorator
@inline
function count_up(frame: u32, delta: i32): void {
  const meta = frame_meta(frame);
  store<u32>(meta, load<u32>(meta) + delta);
}

function lower_make(device: Device, index: u32): u32 {
  const root = root_of(device, index);
  const upper = load<u32>(root) == 0 ? child_make(device, root, 0) : load<u32>(root);
  if (upper == 0) return 0;
  const entry = upper + upper_offset(index);
  return load<u32>(entry) == 0 ? child_make(device, entry, upper) : load<u32>(entry);
}

/** A frame below `entry`, where there is none; 0 when memory is exhausted. */
function child_make(device: Device, entry: u32, parent: u32): u32 {
  const frame = frame_alloc_zeroed();
  if (frame == 0) return 0;
  entry_set_chunk(entry, frame);
  device.tableFrames++;
  if (parent != 0) count_up(parent, 1);
  return frame;
}

/**
 * Address of a page's slot, to be changed: its chunk is made when it is missing, and copied when others share it.
 * 0 when memory is exhausted: then nothing has changed.
 */
export function slot_make(device: Device, index: u32): usize {
  let chunk = chunk_of(device, index);
  if (chunk == 0) chunk = chunk_make(device, index);
  else if (chunk_is_shared(chunk)) chunk = chunk_own(device, index, chunk);
  return chunk == 0 ? 0 : chunk + (index & SLOT_MASK) * SLOT_BYTES;
}

function chunk_make(device: Device, index: u32): u32 {
  const lower = lower_make(device, index);
  const entry = lower + lower_offset(index);
  const chunk = lower == 0 ? 0 : child_make(device, entry, lower);
  if (chunk == 0) prune(device, index);
  else remember(device, index, chunk, entry);
  return chunk;
}

/** A copy takes the place of a chunk that others share. */
function chunk_own(device: Device, index: u32, chunk: u32): u32 {
  const copy = chunk_copy(device.pool, device.bdev, chunk);
  if (copy == 0) return 0;
  entry_drop(device, chunk);
  const entry = entry_of(device, index);
  entry_set_chunk(entry, copy);
  remember(device, index, copy, entry);
  return copy;
}

/** An entry of the table does not name a chunk any more. */
function entry_drop(device: Device, chunk: u32): void {
  if (device.sharedEntries != 0 && chunk_is_shared(chunk)) device.sharedEntries--;
  chunk_drop(device.pool, device.bdev, chunk);
}

/**
 * 512 pages without a chunk get that of 512 others of the device. Counters of what it holds are the caller's.
 * @returns false: there is a chunk already, or no memory for the tree
 */
export function chunk_repeat(device: Device, index: u32, chunk: u32): bool {
  if (DEBUG) assert((index & SLOT_MASK) == 0 && chunk_has_room(chunk)); // a count that overflows would free it early
  const lower = lower_make(device, index);
  const entry = lower + lower_offset(index);
  if (lower == 0 || entry_chunk(entry) != 0) {
    prune(device, index);
    return false;
  }
  entry_set_chunk(entry, chunk_share(device.pool, device.bdev, chunk));
  count_up(lower, 1);
  device.tableFrames++;
  device.sharedEntries++;
  return true;
}

/** Two devices hold the same in 512 pages: from now on they share the chunk of `from`. */
export function chunk_unite(device: Device, index: u32, from: Device): void {
  const mine = chunk_at(device, index);
  const shared = chunk_share(from.pool, from.bdev, chunk_at(from, index));
  if (shared == 0) return;
  chunk_drop(device.pool, device.bdev, mine);
  entry_set_chunk(entry_of(device, index), shared);
  device.lastChunk = 0;
}

/** Gives the slot's chunk back when all its slots are empty. */
// @ts-ignore: decorator
@inline
export function slot_release(device: Device, index: u32, slot: usize): void {
  if (chunk_used(<u32>slot & ~PAGE_MASK) == 0) chunk_remove(device, index);
}

/** Lets go of a page's chunk and of what led to nothing else. Counters of what it held are the caller's. */
export function chunk_remove(device: Device, index: u32): void {
  const entry = entry_of(device, index);
  entry_drop(device, entry_chunk(entry));
  entry_set_chunk(entry, 0);
  times_drop(device, entry);
  count_up(entry & ~PAGE_MASK, -1);
  device.tableFrames--;
  prune(device, index);
}

/** Frees the frames of the tree above a page that have no entry. */
function prune(device: Device, index: u32): void {
  device.lastChunk = 0;
  const root = root_of(device, index);
  const upper = load<u32>(root);
  if (upper == 0) return;
  const entry = upper + upper_offset(index);
  const lower = load<u32>(entry);
  if (lower != 0 && load<u32>(frame_meta(lower)) == 0) {
    tree_free(device, lower);
    store<u32>(entry, 0);
    count_up(upper, -1);
  }
  if (load<u32>(frame_meta(upper)) == 0) {
    tree_free(device, upper);
    store<u32>(root, 0);
  }
}

function tree_free(device: Device, frame: u32): void {
  frame_free(frame);
  device.tableFrames--;
}

// ── the whole ────────────────────────────────────────────────────────────────────────────────────────────────────

/** An empty table gets all chunks of another. False when memory is exhausted: the caller ends what there is. */
export function table_share(from: Device, to: Device): bool {
  if (DEBUG) assert(to.tableFrames == 0 && to.diskPages == from.diskPages); // nothing is overwritten, all fits
  let page = next_chunk(from, 0);
  while (page < from.diskPages) {
    const source = lower_of(from, <u32>page);
    const target = lower_make(to, <u32>page);
    if (target == 0) return false;
    for (let offset: u32 = 0; offset < FANOUT * 4; offset += 4) {
      const chunk = entry_chunk(source + offset);
      if (chunk == 0) continue;
      const shared = chunk_share(from.pool, from.bdev, chunk);
      if (shared == 0) return false;
      entry_set_chunk(target + offset, shared);
      count_up(target, 1);
      to.tableFrames++;
    }
    page = next_chunk(from, ((page >> UPPER_SHIFT) + 1) << UPPER_SHIFT);
  }
  return true;
}

/** Lets go of all chunks, and frees the tree and the times; counters of what they held are the caller's. */
export function table_end(device: Device): void {
  device.lastChunk = 0;
  for (let n: u32 = 0; n < ROOT_COUNT; n++) {
    const root = changetype<usize>(device) + ROOTS + n * 4;
    const upper = load<u32>(root);
    if (upper == 0) continue;
    for (let at = upper; at < upper + FANOUT * 4; at += 4) {
      const lower = load<u32>(at);
      if (lower != 0) lower_end(device, lower);
    }
    tree_free(device, upper);
    store<u32>(root, 0);
  }
}

function lower_end(device: Device, lower: u32): void {
  for (let at = lower; at < lower + FANOUT * 4; at += 4) {
    const chunk = entry_chunk(at);
    if (chunk == 0) continue;
    entry_drop(device, chunk);
    device.tableFrames--;
    entry_set_chunk(at, 0);
    times_drop(device, at);
  }
  tree_free(device, lower);
}

// ── access times ─────────────────────────────────────────────────────────────────────────────────────────────────

/** Remembers that a page that is stored is being accessed; where memory is exhausted, that may be forgotten. */
// @ts-ignore: decorator
@inline
export function touch(device: Device, index: u32, now: u32): void {
  if (device.tracksTime) record(device, index, now);
}

function record(device: Device, index: u32, now: u32): void {
  const entry = entry_of(device, index);
  let times = times_of(entry);
  if (times == 0) times = times_make(device, entry);
  if (times != 0) store<u32>(time_in(times, index), now);
}

/** When a page that is stored was last accessed. */
export function slot_time(device: Device, index: u32): u32 {
  const times = device.tracksTime ? times_of(entry_of(device, index)) : 0;
  return times == 0 ? device.madeAt : load<u32>(time_in(times, index));
}
