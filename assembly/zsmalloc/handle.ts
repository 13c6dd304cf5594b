/**
 * Handles: zs_malloc and zs_free, reading, writing, and objects that several handles share. A handle is a leaf cell.
 */
import { content_hash } from '../bytes/hash';
import { CODEC_RAW, DEBUG, ENOMEM, PAGE_SIZE } from '../common';
import { SCRATCH_A } from '../memory/staging';
import {
  cell_add_refs, cell_alloc, cell_free, cell_kind, cell_location, cell_refs, CELL_RESERVE, cell_return, cell_root,
  cell_set, cell_set_target, cell_target, DIRECT, first_cell, next_cell, OBJECT, REFS_MAX, SAME, SHARED,
} from './cell';
import { dedup_copied, dedup_enter, dedup_find_bytes, dedup_forget, dedup_replaced } from './dedup';
import { hash_place } from './dedup-index';
import { merge_end, merge_give_way, merge_object_cell_made, merge_owner_changed } from './merge/pass';
import {
  header_codec, header_length, object_bytes, object_forget_hash, object_header, object_make_raw, object_put,
} from './object';
import { object_cell_make, object_change_owner, object_free, object_make } from './owner';
import { pool_make_room } from './reclaim';
import { is_same_filled, same_clear, same_fill, same_length, same_make, same_refs, SAME_REFS_MAX } from './same';
import { MAGIC, Pool } from './structs';
import { class_put } from './zspage';

/**
 * zs_malloc: an object of `length` bytes, 1..4096, with undefined content.
 * @returns its leaf cell, or 0 when the pool's limit or memory is exhausted; then nothing has changed
 */
export function zs_malloc(pool: Pool, length: u32, codec: u32): u32 {
  if (DEBUG) {
    assert(pool.magic == MAGIC); // the frame of a pool that was ended holds something else by now
    assert(length >= 1 && length <= PAGE_SIZE); // size classes end at a page, and a header has no length 0
  }
  const cell = handle_make(pool, length, codec);
  if (cell == 0 && pool_make_room(pool)) return handle_make(pool, length, codec);
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

/**
 * A handle of an object whose content is in memory, so that the allocator sees it first: same-filled content takes no
 * object, and on a pool with `dedup` an equal object that was stored before is shared.
 * @returns its leaf cell, or 0 when the pool's limit or memory is exhausted
 */
export function zs_store(pool: Pool, content: usize, length: u32): u32 {
  if (is_same_filled(content, length)) {
    const leaf = same_make(pool, load<u64>(content), length);
    return leaf == 0 && pool_make_room(pool) ? same_make(pool, load<u64>(content), length) : leaf;
  }
  if (!pool.dedupStore) return store_object(pool, content, length);
  const hash = content_hash(content, length, CODEC_RAW);
  const twin = dedup_find_bytes(pool, hash, content, length);
  if (twin != 0) {
    object_make_raw(cell_target(twin));
    const leaf = zs_share(pool, twin, hash_place(hash));
    if (leaf != 0) return leaf;
  }
  const leaf = store_object(pool, content, length);
  if (leaf == 0) return 0;
  dedup_enter(pool, hash, cell_target(leaf), 0);
  return leaf;
}

function store_object(pool: Pool, content: usize, length: u32): u32 {
  const leaf = zs_malloc(pool, length, CODEC_RAW);
  if (leaf != 0) object_put(cell_target(leaf), 0, content, length);
  return leaf;
}

/**
 * One more handle of an object, given the cell that owns it. 0 when memory is exhausted.
 * @param place of the hash under which deduplication files its content; 0 = not known, and looking it up is slow
 */
export function zs_share(pool: Pool, owner: u32, place: u32): u32 {
  const hadOneLeaf = cell_kind(owner) == DIRECT;
  // Only these two own an object; for a SHARED leaf ask `cell_root`.
  if (DEBUG) assert(hadOneLeaf || cell_kind(owner) == OBJECT);
  if (!hadOneLeaf && cell_refs(owner) == REFS_MAX) return 0;
  // Both cells are allocated before anything changes: a failure leaves the object as it was.
  const leaf = cell_alloc(pool, CELL_RESERVE);
  if (leaf == 0) return 0;
  const root = hadOneLeaf ? cell_alloc(pool, CELL_RESERVE) : owner;
  if (root == 0) {
    cell_return(pool, leaf);
    return 0;
  }
  const length = header_length(object_header(cell_target(owner)));
  if (hadOneLeaf) object_cell_make(pool, root, owner, length, place);
  cell_set(leaf, SHARED, 1, root);
  cell_add_refs(root, 1);
  pool.sharedLeaves++;
  pool.sharedBytes += length;
  pool.handles++;
  if (hadOneLeaf) merge_object_cell_made(pool, root);
  return leaf;
}

/**
 * Replaces an object by another encoding of its page, for all its sharers. The pool has no FORWARD cells.
 * @param root the cell that owns the object
 * @param place as for `zs_share`
 * @returns false without room: nothing has changed
 */
export function zs_replace(pool: Pool, root: u32, payload: usize, length: u32, codec: u32, place: u32): bool {
  if (DEBUG) {
    assert(pool.forwards == 0); // a FORWARD cell counts cells, not leaves: `sharedBytes` would go wrong
    assert(cell_kind(root) == DIRECT || cell_kind(root) == OBJECT); // only these two name an object's location
  }
  const old = cell_target(root);
  const header = object_header(old);
  // The kernel's recompression does not look at mem_used_max.
  const maxUsed = pool.maxUsedFrames;
  const made = object_make(pool, root, length, codec);
  pool.maxUsedFrames = maxUsed;
  if (made == 0) return false;
  object_put(made, 0, payload, length);
  dedup_replaced(pool, old, made, place);
  const lengthBefore = header_length(header);
  if (cell_kind(root) == OBJECT) {
    pool.sharedBytes += <u64>(cell_refs(root) - 1) * (<u64>length - lengthBefore);
  }
  cell_set_target(root, made);
  pool.payloadBytes -= lengthBefore;
  pool.objects--;
  class_put(old);
  return true;
}

/**
 * zs_free: gives a handle back, and with the last sharer the object.
 * @param place as for `zs_share`
 * @returns whether it is still held: it was retained
 */
export function zs_free(pool: Pool, leaf: u32, place: u32): bool {
  const kind = cell_kind(leaf);
  if (DEBUG) {
    assert(kind == DIRECT || kind == SHARED || kind == SAME); // any other cell is not a handle: freed already, or inner
    assert((kind == SAME ? same_refs(leaf) : cell_refs(leaf)) > 0); // a handle counts the frees that are due
  }
  if ((kind == SAME ? same_refs(leaf) : cell_refs(leaf)) > 1) {
    cell_add_refs(leaf, -1); // one of several frees
    return true;
  }
  pool.handles--;
  if (kind == SHARED) {
    leaf_drop(pool, leaf, place);
    cell_free(pool, leaf);
  } else if (kind == SAME) {
    same_clear(pool, leaf);
    cell_free(pool, leaf);
  } else {
    // The header still names the leaf while the index looks for the object's entry.
    object_free(pool, cell_target(leaf), place);
    cell_free(pool, leaf);
  }
  // Nothing is left to look for: an unfinished pass gives its index back.
  if (pool.objects == 0) merge_end(pool);
  return false;
}

/** Drops a SHARED leaf's reference to its object. */
function leaf_drop(pool: Pool, leaf: u32, place: u32): void {
  const root = cell_root(pool, leaf);
  const location = cell_target(root);
  pool.sharedLeaves--;
  if (cell_refs(root) > 1) {
    pool.sharedBytes -= header_length(object_header(location));
    cell_add_refs(root, -1);
    return;
  }
  object_free(pool, location, place);
  cell_free(pool, root);
  pool.objectCells--;
}

/** One more `zs_free` is needed for this handle. False when it has as many references as fit. */
export function zs_retain(leaf: u32): bool {
  if (DEBUG) assert(cell_refs(leaf) > 0); // no free is due: the handle was given back
  if (cell_kind(leaf) == SAME ? same_refs(leaf) == SAME_REFS_MAX : cell_refs(leaf) == REFS_MAX) return false;
  cell_add_refs(leaf, 1);
  return true;
}

/** What `zs_malloc` was asked for. */
// @ts-ignore: decorator
@inline
export function zs_size(leaf: u32): u32 {
  if (cell_kind(leaf) == SAME) return same_length(leaf);
  return header_length(object_header(cell_location(leaf)));
}

/** Copies the whole object to `to`. Returns its length. */
export function zs_read(leaf: u32, to: usize): u32 {
  if (cell_kind(leaf) == SAME) {
    same_fill(leaf, to);
    return same_length(leaf);
  }
  const location = cell_location(leaf);
  const length = header_length(object_header(location));
  memory.copy(to, object_bytes(location, length, SCRATCH_A), length);
  return length;
}

/**
 * Makes the leaf the only one that refers to its object, with a copy where there are sharers (copy on write), and with
 * an object where it had none.
 * @returns the object's location; 0 without room for it, and then nothing has changed
 */
export function object_unshare(pool: Pool, leaf: u32): u32 {
  if (cell_kind(leaf) == SAME) return same_materialise(pool, leaf);
  const root = cell_root(pool, leaf);
  const location = cell_target(root);
  if (root == leaf) return location;
  if (cell_refs(root) == 1) {
    // The others are gone: the leaf takes the object over.
    object_change_owner(pool, location, leaf, 0);
    merge_owner_changed(pool);
    cell_free(pool, root);
    pool.objectCells--;
    pool.sharedLeaves--;
    cell_set(leaf, DIRECT, cell_refs(leaf), location);
    return location;
  }
  const header = object_header(location);
  const length = header_length(header);
  const copy = object_make(pool, leaf, length, header_codec(header));
  if (copy == 0) return 0;
  object_put(copy, 0, object_bytes(location, length, SCRATCH_A), length);
  pool.sharedLeaves--;
  pool.sharedBytes -= length;
  cell_add_refs(root, -1);
  cell_set(leaf, DIRECT, cell_refs(leaf), copy);
  return copy;
}

function same_materialise(pool: Pool, leaf: u32): u32 {
  const length = same_length(leaf);
  const location = object_make(pool, leaf, length, CODEC_RAW);
  if (location == 0) return 0;
  same_fill(leaf, SCRATCH_A);
  object_put(location, 0, SCRATCH_A, length);
  same_clear(pool, leaf);
  cell_set(leaf, DIRECT, same_refs(leaf), location);
  return location;
}

/** Writes `length` bytes at `offset` of the object; the range lies inside it. False when a needed copy has no room. */
export function zs_write(pool: Pool, leaf: u32, offset: u32, from: usize, length: u32): bool {
  if (DEBUG) assert(offset + length <= zs_size(leaf)); // the next object's header lies behind
  let location = object_unshare(pool, leaf);
  if (location == 0 && pool_make_room(pool)) location = object_unshare(pool, leaf);
  if (location == 0) return false;
  dedup_forget(pool, location, 0);
  object_forget_hash(location);
  object_put(location, offset, from, length);
  pool.changes++;
  return true;
}

/**
 * Gives handles that share an object one of their own, until all have one or `handlesMax` got one.
 * @returns how many got one; -ENOMEM without room for another: the rest stay merged
 */
export function pool_unmerge(pool: Pool, handlesMax: u32): i32 {
  let done: u32 = 0;
  for (let cell = first_cell(pool); cell != 0 && done < handlesMax; cell = next_cell(cell)) {
    if (cell_kind(cell) != SHARED) continue;
    if (!unmerge_leaf(pool, cell) && !(merge_give_way(pool) && unmerge_leaf(pool, cell))) return ENOMEM;
    done++;
  }
  return <i32>done;
}

/**
 * Gives a leaf an object of its own, which deduplication finds as it found the shared one. False without room.
 */
function unmerge_leaf(pool: Pool, leaf: u32): bool {
  const shared = cell_location(leaf);
  const own = object_unshare(pool, leaf);
  if (own != 0 && own != shared) dedup_copied(pool, shared, own);
  return own != 0;
}
