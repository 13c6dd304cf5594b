/**
 * The index of a merge pass: an open-addressing table from an object's key to its cell. It lives in frames of the pool
 * and is given back when the pass ends. Entry, 0 = empty:
 *
 *   63                              32  31  30 29 28                        0
 *  ┌──────────────────────────────────┬───┬─────┬─────────────────────────────┐
 *  │ key                              │ S │  0  │ address / 8 of the cell     │   S: under the second key
 *  └──────────────────────────────────┴───┴─────┴─────────────────────────────┘
 *
 * It asks for 12 bytes an object, and takes what it gets: with less, down to the 350 entries that every pool keeps room
 * for in its own frame, a pass goes over the cells more than once.
 */
import { PAGE_SIZE } from '../common';
import { frame_alloc, frame_alloc_zeroed, frame_free } from '../frames';
import { MERGE_ROOM, MERGE_ROOM_BYTES, Pool } from './structs';

const ENTRY_BYTES: u32 = 8;
const ENTRIES_PER_FRAME: u32 = PAGE_SIZE / ENTRY_BYTES;
const FRAMES_PER_DIRECTORY: u32 = PAGE_SIZE / 4;
const SECOND: u64 = 1 << 31;

/** Address of an entry. */
// @ts-ignore: decorator
@inline
export function index_entry(pool: Pool, slot: u32): usize {
  const room = changetype<usize>(pool) + MERGE_ROOM;
  if (pool.mergeDirectories == 0) return room + slot * ENTRY_BYTES;
  const frame = slot / ENTRIES_PER_FRAME;
  const directory = load<u32>(room + (frame / FRAMES_PER_DIRECTORY) * 4);
  return load<u32>(directory + (frame % FRAMES_PER_DIRECTORY) * 4) + (slot % ENTRIES_PER_FRAME) * ENTRY_BYTES;
}

// @ts-ignore: decorator
@inline
export function entry_make(key: u32, cell: u32, second: bool): u64 {
  return (<u64>key << 32) | (second ? SECOND : 0) | <u64>(cell >> 3);
}

// @ts-ignore: decorator
@inline
export function entry_cell(entry: u64): u32 {
  return (<u32>entry & 0x1fffffff) << 3;
}

/** Whether an entry stands under this key. */
// @ts-ignore: decorator
@inline
export function entry_matches(entry: u64, key: u32, second: bool): bool {
  return <u32>(entry >> 32) == key && (entry & SECOND) != 0 == second;
}

/** Slot where the search for a key begins. Keys are mixed: lengths, their upper bits, are anything but even. */
// @ts-ignore: decorator
@inline
export function index_slot(pool: Pool, key: u32): u32 {
  let x = key * 0x9e3779b1;
  x = (x ^ (x >> 15)) * 0x85ebca77;
  x ^= x >> 13;
  return <u32>((<u64>x * pool.mergeCapacity) >> 32);
}

/** Makes an empty index for so many objects, or the largest that memory allows. */
export function index_make(pool: Pool, objects: u32): void {
  const room = changetype<usize>(pool) + MERGE_ROOM;
  const inRoom = MERGE_ROOM_BYTES / ENTRY_BYTES;
  const wanted = objects + (objects >> 1) + 1;
  memory.fill(room, 0, MERGE_ROOM_BYTES);
  pool.mergeDirectories = 0;
  pool.mergeFrames = 0;
  if (wanted > inRoom) {
    const framesWanted = (wanted - 1) / ENTRIES_PER_FRAME + 1;
    while (pool.mergeFrames < framesWanted && add_frame(pool)) {}
    if (pool.mergeFrames < framesWanted) {
      // Memory is short, and merging will need cells of its own: leave it a quarter.
      for (let back = (pool.mergeFrames + 3) / 4; back > 0; back--) drop_frame(pool);
    }
  }
  if (pool.mergeFrames == 0) index_end(pool);
  pool.mergeCapacity = pool.mergeFrames == 0 ? inRoom : pool.mergeFrames * ENTRIES_PER_FRAME;
  pool.mergeUsed = 0;
}

function add_frame(pool: Pool): bool {
  const room = changetype<usize>(pool) + MERGE_ROOM;
  const place = pool.mergeFrames % FRAMES_PER_DIRECTORY;
  const number = pool.mergeFrames / FRAMES_PER_DIRECTORY;
  if (number == pool.mergeDirectories) {
    const directory = frame_alloc();
    if (directory == 0) return false;
    store<u32>(room + number * 4, directory);
    pool.mergeDirectories++;
  }
  const frame = frame_alloc_zeroed();
  if (frame == 0) return false;
  store<u32>(load<u32>(room + number * 4) + place * 4, frame);
  pool.mergeFrames++;
  return true;
}

function drop_frame(pool: Pool): void {
  const room = changetype<usize>(pool) + MERGE_ROOM;
  const last = --pool.mergeFrames;
  frame_free(load<u32>(load<u32>(room + (last / FRAMES_PER_DIRECTORY) * 4) + (last % FRAMES_PER_DIRECTORY) * 4));
}

/** Forgets all entries. */
export function index_clear(pool: Pool): void {
  pool.mergeUsed = 0;
  if (pool.mergeDirectories == 0) {
    memory.fill(changetype<usize>(pool) + MERGE_ROOM, 0, MERGE_ROOM_BYTES);
    return;
  }
  for (let slot: u32 = 0; slot < pool.mergeCapacity; slot += ENTRIES_PER_FRAME) {
    memory.fill(index_entry(pool, slot), 0, PAGE_SIZE);
  }
}

/** Gives the index back. */
export function index_end(pool: Pool): void {
  const room = changetype<usize>(pool) + MERGE_ROOM;
  while (pool.mergeFrames > 0) drop_frame(pool);
  while (pool.mergeDirectories > 0) frame_free(load<u32>(room + --pool.mergeDirectories * 4));
  // A small index and the directory share their room.
  memory.fill(room, 0, MERGE_ROOM_BYTES);
  pool.mergeCapacity = 0;
  pool.mergeUsed = 0;
}
