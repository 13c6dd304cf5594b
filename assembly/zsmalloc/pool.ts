/**
 * The pool: zs_malloc and zs_free on cells, and making and ending pools.
 */
import { DEBUG, EINVAL, PAGE_SHIFT, PAGE_SIZE } from '../common';
import { frame_alloc_zeroed, frame_free } from '../frames';
import { SCRATCH_A } from '../staging';
import {
  CELL_RESERVE, DIRECT, FORWARD, OBJECT, REFS_MAX, SHARED, cell_add_refs, cell_alloc, cell_free, cell_kind,
  cell_location, cell_refs, cell_return, cell_root, cell_set, cell_target, cells_end, cells_init,
} from './cell';
import { merge_end, merge_give_way } from './merge';
import {
  header_codec, header_length, header_make, object_forget_hash, object_header, object_put, object_set_header,
  object_set_owner, object_view,
} from './object';
import { class_at, class_of, classes_init } from './size-class';
import { CLASS_FRAMES0, GROUPS, MAGIC, Pool } from './structs';
import { class_put, class_take, group_first, zspage_end, zspage_unlink } from './zspage';

/** Makes a pool whose zspages chain up to `chainSize` frames. 0 when memory is exhausted. */
export function pool_make(chainSize: u32): Pool {
  const pool = changetype<Pool>(frame_alloc_zeroed());
  if (changetype<usize>(pool) == 0) return pool;
  pool.chainSize = chainSize;
  pool.changes = 1;
  if (!classes_init(pool) || !cells_init(pool)) {
    pool_end(pool);
    return changetype<Pool>(0);
  }
  pool.magic = MAGIC;
  return pool;
}

/** Gives back all that the pool holds, live objects too. */
export function pool_end(pool: Pool): void {
  pool.magic = 0;
  merge_end(pool);
  for (let n: u32 = 0; n < pool.classes; n++) {
    const sizeClass = class_at(pool, n);
    for (let group: u32 = 0; group < GROUPS; group++) {
      for (let zspage = group_first(sizeClass, group); changetype<usize>(zspage) != 0; zspage = group_first(sizeClass, group)) {
        zspage_unlink(zspage);
        zspage.inUse = 0;
        zspage_end(zspage);
      }
    }
  }
  cells_end(pool);
  for (let n: u32 = 0; n < 4; n++) {
    const frame = load<u32>(changetype<usize>(pool) + (n << 2), CLASS_FRAMES0);
    if (frame != 0) frame_free(frame);
  }
  frame_free(changetype<u32>(pool));
}

// @ts-ignore: decorator
@inline
export function pool_alive(pool: Pool): bool {
  return pool.magic == MAGIC;
}

/**
 * zs_malloc: an object of `length` bytes, 1..4096, with undefined content.
 * @returns its leaf cell, or 0 when the pool's limit or memory is exhausted; then nothing has changed
 */
export function zs_malloc(pool: Pool, length: u32, codec: u32): u32 {
  if (DEBUG) assert(length >= 1 && length <= PAGE_SIZE);
  const cell = handle_make(pool, length, codec);
  if (cell == 0 && merge_give_way(pool)) return handle_make(pool, length, codec);
  return cell;
}

function handle_make(pool: Pool, length: u32, codec: u32): u32 {
  const cell = cell_alloc(pool, CELL_RESERVE);
  if (cell == 0) return 0;
  const location = object_make(pool, cell, length, codec);
  if (location == 0) {
    cell_return(pool, cell);
    return 0;
  }
  cell_set(cell, DIRECT, 1, location);
  pool.handles++;
  return cell;
}

/** A new object with a header; 0 when there is no room. */
function object_make(pool: Pool, owner: u32, length: u32, codec: u32): u32 {
  const location = class_take(class_of(pool, length));
  if (location == 0) return 0;
  object_set_header(location, header_make(owner, length, codec));
  pool.objects++;
  pool.payloadBytes += length;
  pool.changes++;
  return location;
}

/** Frees an object whose cell is dealt with by the caller. */
export function object_free(pool: Pool, location: u32): void {
  pool.objects--;
  pool.payloadBytes -= header_length(object_header(location));
  class_put(location);
}

/** zs_free: gives a handle back, and with the last sharer the object. */
export function zs_free(pool: Pool, leaf: u32): void {
  if (cell_refs(leaf) > 1) {
    cell_add_refs(leaf, -1); // retained: one of several frees
    return;
  }
  const shared = cell_kind(leaf) == SHARED;
  const target = cell_target(leaf);
  cell_free(pool, leaf);
  pool.handles--;
  if (shared) {
    pool.sharedLeaves--;
    drop_reference(pool, target);
  } else {
    object_free(pool, target);
  }
}

/** One cell less points to `cell`, an OBJECT or FORWARD. */
function drop_reference(pool: Pool, cell: u32): void {
  while (cell_refs(cell) == 1) {
    const target = cell_target(cell);
    const kind = cell_kind(cell);
    cell_free(pool, cell);
    if (kind == OBJECT) {
      pool.objectCells--;
      object_free(pool, target);
      return;
    }
    if (DEBUG) assert(kind == FORWARD);
    cell = target;
  }
  cell_add_refs(cell, -1);
}

/** One more `zs_free` is needed for this handle. False when it has as many references as fit. */
export function zs_retain(leaf: u32): bool {
  if (cell_refs(leaf) == REFS_MAX) return false;
  cell_add_refs(leaf, 1);
  return true;
}

/** What `zs_malloc` was asked for. */
// @ts-ignore: decorator
@inline
export function zs_size(leaf: u32): u32 {
  return header_length(object_header(cell_location(leaf)));
}

/**
 * Makes the leaf the only one that refers to its object, with a copy where there are sharers (copy on write).
 * @returns the object's location; 0 when there is no room for the copy, and then nothing has changed
 */
function object_unshare(pool: Pool, leaf: u32): u32 {
  const root = cell_root(pool, leaf);
  const location = cell_target(root);
  if (root == leaf) return location;
  if (cell_refs(root) == 1) {
    // The others are gone: the leaf takes the object over.
    cell_free(pool, root);
    pool.objectCells--;
    pool.sharedLeaves--;
    cell_set(leaf, DIRECT, cell_refs(leaf), location);
    object_set_owner(location, leaf);
    return location;
  }
  const header = object_header(location);
  const length = header_length(header);
  const copy = object_make(pool, leaf, length, header_codec(header));
  if (copy == 0) return 0;
  object_put(copy, 0, object_view(location, length, SCRATCH_A), length);
  pool.sharedLeaves--;
  cell_add_refs(root, -1);
  cell_set(leaf, DIRECT, cell_refs(leaf), copy);
  return copy;
}

/** Writes `length` bytes at `offset` of the object; the range lies inside it. False when a needed copy has no room. */
export function zs_write(pool: Pool, leaf: u32, offset: u32, from: usize, length: u32): bool {
  const location = object_unshare(pool, leaf);
  if (location == 0) return false;
  object_forget_hash(location);
  object_put(location, offset, from, length);
  pool.changes++;
  return true;
}

/** Bytes, and 4 KiB pages, that the pool's zspages take. */
export function zs_total_bytes(pool: Pool): u64 {
  return <u64>pool.totalPages << PAGE_SHIFT;
}
