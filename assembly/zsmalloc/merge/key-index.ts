/**
 * The index of a merge pass: an open-addressing table from an object's key to its cell. It lives in frames of the pool
 * and is given back when the pass ends. Entry, 0 = empty:
 *
 *   63                              32  31  30  29  28                       0
 *  ┌──────────────────────────────────┬───┬───┬───┬─────────────────────────────┐   S: under the second key
 *  │ key                              │ S │ N │ 0 │ address / 8 of the cell     │   N: new, see `merge_begin`
 *  └──────────────────────────────────┴───┴───┴───┴─────────────────────────────┘
 *
 * It asks for 12 bytes an object, and takes what it gets: with less, down to the 350 entries that every pool keeps room
 * for in its own frame, a pass goes over the cells more than once.
 */
import { DEBUG, PAGE_MASK } from '../../common';
import {
  array_end, array_entry, array_grow, array_shrink, ENTRIES_PER_FRAME, ENTRY_BYTES, FrameArray,
} from '../../memory/frame-array';
import { frames_owed } from '../../memory/frames';
import { cell_number, CELL_NUMBER_MASK, cell_numbered } from '../cell';
import { MERGE_ROOM, MERGE_ROOM_BYTES, Pool } from '../structs';
import { merge_compact } from './room';

/** Share of the index that may be filled, in eighths: beyond it, searches grow long. */
export const FILL_EIGHTHS: u32 = 6;

// @ts-ignore: decorator
@inline
export function index_full(pool: Pool): bool {
  return pool.mergeUsed >= (pool.mergeCapacity >> 3) * FILL_EIGHTHS;
}

const SECOND: u64 = 1 << 31;
/** The pool's room holds the head of the array and its directory pointers, or after the head a small index. */
const HEAD_BYTES: u32 = offsetof<FrameArray>('directory0');
const DIRECTORIES_MAX: u32 = (MERGE_ROOM_BYTES - HEAD_BYTES) / 4;
/** Frames that are added in one step, some 0.3 ms where memory has to grow for them. */
const GROW_FRAMES: u32 = 64;
/** One less than there is room for: an entry that stays empty ends `index_likely`. */
const SMALL_ENTRIES: u32 = (MERGE_ROOM_BYTES - HEAD_BYTES) / ENTRY_BYTES - 1;

// @ts-ignore: decorator
@inline
function array_of(pool: Pool): FrameArray {
  return changetype<FrameArray>(changetype<usize>(pool) + MERGE_ROOM);
}

/** Whether the index lives in frames that others could use. */
export function index_in_frames(pool: Pool): bool {
  const array = array_of(pool);
  return pool.mergeCapacity != 0 && array.frames != 0 && array.frames + array.directories > frames_owed();
}

/** Address of an entry. */
// @ts-ignore: decorator
@inline
export function index_entry(pool: Pool, slot: u32): usize {
  const array = array_of(pool);
  if (array.frames == 0) return changetype<usize>(array) + HEAD_BYTES + slot * ENTRY_BYTES;
  return array_entry(array, slot);
}

// @ts-ignore: decorator
@inline
export function entry_make(key: u32, cell: u32, second: bool, isNew: bool): u64 {
  return (<u64>key << 32) | (<u64>second << 31) | entry_new(isNew) | <u64>cell_number(cell);
}

/** The flag of an entry whose object is new, if it is. */
// @ts-ignore: decorator
@inline
export function entry_new(isNew: bool): u64 {
  return <u64>isNew << 30;
}

// @ts-ignore: decorator
@inline
export function entry_is_new(entry: u64): bool {
  return (entry & entry_new(true)) != 0;
}

// @ts-ignore: decorator
@inline
export function entry_cell(entry: u64): u32 {
  return cell_numbered(<u32>entry & <u32>CELL_NUMBER_MASK);
}

/** The entry with its cell replaced. */
// @ts-ignore: decorator
@inline
export function entry_rename(entry: u64, cell: u32): u64 {
  return (entry & ~CELL_NUMBER_MASK) | <u64>cell_number(cell);
}

/** Whether an entry is filed under this key. */
// @ts-ignore: decorator
@inline
export function entry_matches(entry: u64, key: u32, second: bool): bool {
  return <u32>(entry >> 32) == key && (entry & SECOND) != 0 == second;
}

/** Address of the entry where the search for a key begins. */
// @ts-ignore: decorator
@inline
export function index_home(pool: Pool, key: u32): usize {
  return index_entry(pool, index_slot(pool, key));
}

/** Slot where the search for a key begins. Keys are mixed: lengths, their upper bits, are anything but even. */
// @ts-ignore: decorator
@inline
export function index_slot(pool: Pool, key: u32): u32 {
  // An index that is being made has no slots yet.
  if (DEBUG) assert(pool.mergeCapacity != 0 && pool.mergeFramesWanted == 0);
  let x = key * 0x9e3779b1;
  x = (x ^ (x >> 15)) * 0x85ebca77;
  x ^= x >> 13;
  return <u32>((<u64>x * pool.mergeCapacity) >> 32);
}

/**
 * The cell of the first entry under this key, if there is one from its home to the end of the frame or index, else 0.
 */
export function index_likely(home: usize, key: u32): u32 {
  do {
    const entry = load<u64>(home);
    if (entry == 0) return 0;
    if (entry_matches(entry, key, false)) return entry_cell(entry);
    home += ENTRY_BYTES;
  } while ((home & PAGE_MASK) != 0);
  return 0;
}

/** Begins an empty index for `objects` objects. It can be used once `index_grow` returns true. */
export function index_begin(pool: Pool, objects: u32): void {
  memory.fill(changetype<usize>(array_of(pool)), 0, MERGE_ROOM_BYTES);
  pool.mergeCapacity = SMALL_ENTRIES;
  pool.mergeUsed = 0;
  const wanted = objects + (objects >> 1) + 1;
  pool.mergeFramesWanted = wanted <= SMALL_ENTRIES ? 0 : (wanted - 1) / ENTRIES_PER_FRAME + 1;
}

/**
 * Adds some frames to an index that is being made. Where memory is short it takes the frames that compaction frees,
 * then the reserve, and at last does with what it has.
 * @param compact whether objects may be moved
 * @returns whether the index is made
 */
export function index_grow(pool: Pool, compact: bool): bool {
  const array = array_of(pool);
  const wanted = pool.mergeFramesWanted;
  if (wanted == 0) return true;
  const stepEnd = min(wanted, array.frames + GROW_FRAMES);
  while (array.frames < stepEnd && array_grow(array, DIRECTORIES_MAX)) {}
  if (array.frames < stepEnd ? compact && merge_compact(pool) : stepEnd < wanted) return false;
  while (array.frames < wanted && array_grow(array, DIRECTORIES_MAX, true)) {}
  if (array.frames < wanted) {
    // Memory is short, and merging will need cells of its own: leave it a quarter.
    for (let back = (array.frames + 3) / 4; back > 0; back--) array_shrink(array);
  }
  pool.mergeFramesWanted = 0;
  if (array.frames != 0) {
    pool.mergeCapacity = array.frames * ENTRIES_PER_FRAME;
  } else {
    array_end(array);
    memory.fill(changetype<usize>(array), 0, MERGE_ROOM_BYTES);
  }
  return true;
}

/** Gives the index back. */
export function index_end(pool: Pool): void {
  array_end(array_of(pool));
  pool.mergeCapacity = 0;
  pool.mergeUsed = 0;
  pool.mergeFramesWanted = 0;
}
