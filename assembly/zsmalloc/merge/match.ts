/** Looking one object up, and merging it with its equal. */
import { DEBUG } from '../../common';
import {
  cell_add_refs, cell_alloc, cell_kind, cell_refs, cell_root, cell_set, cell_set_target, cell_target, DIRECT, FORWARD,
  OBJECT, SHARED,
} from '../cell';
import { dedup_hand_over } from '../dedup';
import { header_length, object_header, object_join_codec, object_whole_key, objects_equal } from '../object';
import { object_cell_make, object_change_owner, object_free } from '../owner';
import { MERGE_FIRST_ROUND, MERGE_MISSED, Pool } from '../structs';
import { doom } from './doomed';
import {
  entry_cell, entry_is_new, entry_make, entry_matches, entry_new, entry_rename, index_entry, index_full, index_slot,
} from './key-index';
import { bytesMerged, framesFreed, hashCollisions, objectsMerged, objectsScanned } from './report';
import { merge_compact } from './room';

/**
 * The most objects of one key and different bytes that are filed side by side: a header has few bits for a hash, so
 * there are some.
 */
const COLLISIONS_MAX: u32 = 4;

/** Looks one object up by its key, from the key's home on, and merges it with its equal or enters it in the index. */
export function scan(pool: Pool, cell: u32, key: u32, at: usize, isNew: bool, dryRun: bool): void {
  if (pool.mergeFlags & MERGE_FIRST_ROUND) objectsScanned++;
  let second = false;
  let collisions: u32 = 0;
  let slot = u32.MAX_VALUE;
  while (true) {
    const entry = load<u64>(at);
    if (entry == 0) {
      enter(pool, at, entry_make(key, cell, second, isNew), cell);
      return;
    }
    if (entry_matches(entry, key, second)) {
      const other = owner_of(pool, entry_cell(entry));
      if (other == cell) {
        // The object cell of a merge earlier in this pass; or the entry names a leaf below it, which may go; or the
        // cell holds a new object by now.
        store<u64>(at, entry_rename(entry, cell) | entry_new(isNew));
        if (pool.mergeFlags & MERGE_FIRST_ROUND) objectsScanned--;
        return;
      }
      const location = cell_target(cell);
      const header = object_header(location);
      if (other != 0 && (isNew || entry_is_new(entry))) {
        const otherLocation = cell_target(other);
        const otherHeader = object_header(otherLocation);
        if (objects_equal(otherLocation, otherHeader, location, header)) {
          merge(pool, at, other, cell, header, dryRun);
          return;
        }
        hashCollisions++;
      }
      if (!second && ++collisions == COLLISIONS_MAX) {
        second = true;
        key = object_whole_key(location, header);
        slot = index_slot(pool, key);
        at = index_entry(pool, slot);
        continue;
      }
    }
    if (slot == u32.MAX_VALUE) slot = index_slot(pool, key);
    if (++slot == pool.mergeCapacity) slot = 0;
    at = index_entry(pool, slot);
  }
}

/** Enters an object in the index; when the index is full, the next round will begin with it. */
function enter(pool: Pool, at: usize, entry: u64, cell: u32): void {
  if (index_full(pool)) {
    if (pool.mergeResume == 0) pool.mergeResume = cell;
    return;
  }
  if (DEBUG) assert(pool.mergeUsed < pool.mergeCapacity - 1); // without an empty entry a search would never end
  store<u64>(at, entry);
  pool.mergeUsed++;
}

/** The cell that owns the object to which an index entry's cell leads now; 0 where it no longer leads to one. */
function owner_of(pool: Pool, cell: u32): u32 {
  const kind = cell_kind(cell);
  if (kind == DIRECT || kind == OBJECT) return cell;
  if (kind != SHARED && kind != FORWARD) return 0;
  if (kind == SHARED) return cell_root(pool, cell);
  do cell = cell_target(cell);
  while (cell_kind(cell) == FORWARD);
  return cell;
}

/** The object of `cell` equals that of `kept`: frees it, and makes its cell refer to the other's. */
function merge(pool: Pool, entryAt: usize, kept: u32, cell: u32, header: u64, dryRun: bool): void {
  let location = cell_target(cell);
  const length = header_length(header);
  if (dryRun) {
    doom(pool, cell, location);
  } else {
    dedup_hand_over(pool, location, cell_target(kept));
    object_join_codec(cell_target(kept), header);
    let root = unite(pool, kept, cell, length);
    if (root == 0 && merge_compact(pool)) {
      location = cell_target(cell);
      root = unite(pool, kept, cell, length);
    }
    if (root == 0) {
      // No cell could be allocated.
      pool.mergeFlags |= MERGE_MISSED;
      return;
    }
    // Leaves come and go; the entry names the cell that lives as long as the object.
    store<u64>(entryAt, entry_rename(load<u64>(entryAt), root));
    const pagesBefore = pool.totalFrames;
    object_free(pool, location, 0);
    framesFreed += pagesBefore - pool.totalFrames;
  }
  objectsMerged++;
  bytesMerged += length;
}

/**
 * Unites the sharers of two objects under one cell, which keeps the object of `a`; the caller frees the other.
 * @returns their OBJECT cell; 0 when the first merge of two single objects got no cell: nothing has changed
 */
function unite(pool: Pool, a: u32, b: u32, length: u32): u32 {
  if (DEBUG) {
    assert(a != b); // it would forward to itself, and a walk up would never end
    assert(cell_kind(a) == DIRECT || cell_kind(a) == OBJECT); // the object that stays is owned by `a`
    assert(cell_kind(b) == DIRECT || cell_kind(b) == OBJECT); // `b` owns the one that goes
  }
  const location = cell_target(a);
  let root = a;
  if (cell_kind(a) == DIRECT) {
    if (cell_kind(b) == DIRECT) {
      root = cell_alloc(pool, 0);
      if (root == 0) return 0;
      object_cell_make(pool, root, a, length, 0);
    } else {
      root = b;
      share(pool, a, root, length);
    }
  }
  if (cell_kind(b) == DIRECT) {
    share(pool, b, root, length);
  } else if (root != b) {
    // The cell with fewer references forwards to the other: paths stay short.
    if (cell_refs(b) > cell_refs(root)) root = b;
    const child = root == a ? b : a;
    cell_set(child, FORWARD, cell_refs(child), root);
    cell_add_refs(root, 1);
    pool.objectCells--;
    pool.forwards++;
    pool.sharedBytes += length;
  }
  cell_set_target(root, location);
  object_change_owner(pool, location, root, 0);
  return root;
}

function share(pool: Pool, leaf: u32, root: u32, length: u32): void {
  cell_set(leaf, SHARED, cell_refs(leaf), root);
  cell_add_refs(root, 1);
  pool.sharedLeaves++;
  pool.sharedBytes += length;
}
