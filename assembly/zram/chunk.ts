/**
 * Chunks: 512 slots in a frame, which a device, its snapshots and its clones share until one of them changes a slot.
 *
 * The frame's metadata word:
 *
 *   31                                12 11  10          0
 *  ┌────────────────────────────────────┬───┬─────────────┐
 *  │ other devices that hold the chunk  │ M │ slots in use│   M: slots may have marks
 *  └────────────────────────────────────┴───┴─────────────┘
 *
 * A chunk has one reference to what each of its slots holds, however many devices share it. The copy that a device gets
 * before it changes a slot has references of its own. A device is a frame, so the count of devices cannot overflow.
 * A device that keeps several similar ranges (alike.ts) names a chunk several times; then the count is of its entries,
 * and no further one is accepted at the most.
 *
 * Marks belong to one device: a chunk with marks is never shared. A fork gets a copy without them, and a device gets a
 * copy before it marks a page.
 */
import { DEBUG, PAGE_MASK, PAGE_SIZE } from '../common';
import { frame_alloc, frame_free, frame_meta } from '../memory/frames';
import { Pool } from '../zsmalloc/structs';
import { held_drop, held_retain, SLOT_BYTES, slot_flags, SLOT_MARKS, slot_value } from './slot';
import { Bdev } from './structs';

export const SLOTS_SHIFT: u32 = 9;
/** Slots of a chunk. */
export const SLOTS: u32 = 1 << SLOTS_SHIFT;
/** The slot of a page within its chunk. */
export const SLOT_MASK: u32 = SLOTS - 1;

const USED_MASK: u32 = 0x7ff;
const MARKED: u32 = 1 << 11;
const SHARER: u32 = 1 << 12;

/** Slots of a chunk that are in use. */
export function chunk_used(chunk: u32): u32 {
  return load<u32>(frame_meta(chunk)) & USED_MASK;
}

/** Devices that hold the chunk. */
export function chunk_holders(chunk: u32): u32 {
  return load<u32>(frame_meta(chunk)) / SHARER + 1;
}

/** Whether slots of the chunk may have marks. */
export function chunk_is_marked(chunk: u32): bool {
  return (load<u32>(frame_meta(chunk)) & MARKED) != 0;
}

// @ts-ignore: decorator
@inline
export function chunk_is_shared(chunk: u32): bool {
  return load<u32>(frame_meta(chunk)) >= SHARER;
}

/** Whether the count of holders has room for another. */
export function chunk_has_room(chunk: u32): bool {
  return load<u32>(frame_meta(chunk)) < 0 - SHARER;
}

// @ts-ignore: decorator
@inline
function meta_add(chunk: u32, delta: u32): void {
  const meta = frame_meta(chunk);
  store<u32>(meta, load<u32>(meta) + delta);
}

// ── slots that change ────────────────────────────────────────────────────────────────────────────────────────────

/** Fills an empty slot. */
// @ts-ignore: decorator
@inline
export function slot_set(slot: usize, value: u32, flags: u32): void {
  const chunk = <u32>slot & ~PAGE_MASK;
  if (DEBUG) {
    assert(slot_flags(slot) == 0 && flags != 0); // the count of the chunk is of slots whose flags are not 0
    assert(!chunk_is_shared(chunk)); // the page would change on other devices
  }
  store<u32>(slot, value);
  store<u32>(slot, flags, 4);
  meta_add(chunk, 1);
}

/** Changes the flags of a slot that is in use. On a shared chunk that is done for what is true of all its devices. */
// @ts-ignore: decorator
@inline
export function slot_set_flags(slot: usize, flags: u32): void {
  if (DEBUG) assert(slot_flags(slot) != 0 && flags != 0); // this does not count: an empty slot is filled by `slot_set`
  store<u32>(slot, flags, 4);
}

/** As `slot_set_flags`, with marks among the flags. */
export function slot_mark(slot: usize, flags: u32): void {
  const chunk = <u32>slot & ~PAGE_MASK;
  if (DEBUG) assert(!chunk_is_shared(chunk)); // a mark belongs to one device
  slot_set_flags(slot, flags);
  const meta = frame_meta(chunk);
  store<u32>(meta, load<u32>(meta) | MARKED);
}

/** Empties a slot that is in use. Its chunk stays until `slot_release`. */
// @ts-ignore: decorator
@inline
export function slot_clear(slot: usize): void {
  const chunk = <u32>slot & ~PAGE_MASK;
  if (DEBUG) {
    assert(slot_flags(slot) != 0); // emptied twice, the chunk would go with slots in use
    assert(!chunk_is_shared(chunk)); // the page would go on other devices
  }
  store<u64>(slot, 0);
  meta_add(chunk, -1);
}

// ── sharing ──────────────────────────────────────────────────────────────────────────────────────────────────────

/** What another device holds instead of a chunk: the same one or, where slots have marks, a copy. 0: no memory. */
export function chunk_share(pool: Pool, bdev: Bdev, chunk: u32): u32 {
  if (has_marks(chunk)) return chunk_copy(pool, bdev, chunk);
  meta_add(chunk, SHARER);
  return chunk;
}

function has_marks(chunk: u32): bool {
  if (!chunk_is_marked(chunk)) return false;
  for (let at = chunk; at < chunk + PAGE_SIZE; at += SLOT_BYTES) if (slot_flags(at) & SLOT_MARKS) return true;
  const meta = frame_meta(chunk);
  store<u32>(meta, load<u32>(meta) & ~MARKED);
  return false;
}

/** A chunk with the same slots, without marks; 0: no memory, or what a slot holds has as many references as fit. */
export function chunk_copy(pool: Pool, bdev: Bdev, chunk: u32): u32 {
  const copy = frame_alloc();
  if (copy == 0) return 0;
  memory.copy(copy, chunk, PAGE_SIZE);
  for (let at = copy; at < copy + PAGE_SIZE; at += SLOT_BYTES) {
    const flags = slot_flags(at) & ~SLOT_MARKS;
    if (flags == 0) continue;
    if (!held_retain(slot_value(at), flags)) {
      slots_drop(pool, bdev, copy, at);
      frame_free(copy);
      return 0;
    }
    store<u32>(at, flags, 4);
  }
  store<u32>(frame_meta(copy), chunk_used(chunk));
  return copy;
}

/** A device lets go of a chunk; the last one frees what is in it. */
export function chunk_drop(pool: Pool, bdev: Bdev, chunk: u32): void {
  if (chunk_is_shared(chunk)) {
    meta_add(chunk, -SHARER);
    return;
  }
  if (chunk_used(chunk) != 0) slots_drop(pool, bdev, chunk, chunk + PAGE_SIZE);
  frame_free(chunk);
}

/** Slots in use from `first` to before `end`, numbers within the chunk. */
export function chunk_used_in(chunk: u32, first: u32, end: u32): u32 {
  let used: u32 = 0;
  for (let n = first; n < end; n++) if (slot_flags(chunk + n * SLOT_BYTES) != 0) used++;
  return used;
}

function slots_drop(pool: Pool, bdev: Bdev, from: u32, end: u32): void {
  for (let at = from; at < end; at += SLOT_BYTES) {
    const flags = slot_flags(at);
    if (flags != 0) held_drop(pool, bdev, slot_value(at), flags);
  }
}
