/**
 * Merging (zs_merge): identical objects are found and stored once, whoever holds their handles.
 *
 * A pass walks the cells that own objects, in the order in which they stand. Of each object a sample is hashed (or the
 * hash taken from its header) and looked up in the index; what is found there is compared byte by byte, and the object is
 * freed when it is equal: its cell then refers to the object that stays. Cells never move, so a pass can stop anywhere and
 * go on later, whatever was allocated, freed, written or compacted in between; an index entry that went stale costs a
 * compare and nothing else.
 *
 * Where the index is too small for all objects, the walk fills it, then compares the rest of the cells with what it
 * holds, empties it, and starts again at the first object that found no place. Each object is thus compared with each
 * later one, which is all that is needed.
 *
 * Objects whose keys are equal and whose bytes are not stand side by side in the index, but no more than
 * COLLISIONS_MAX of them: more go under a hash of all their bytes, so that no set of objects makes a pass quadratic.
 */
import { DEBUG, PAGE_MASK } from '../common';
import {
  DIRECT, FORWARD, OBJECT, SHARED, cell_add_refs, cell_alloc, cell_kind, cell_refs,
  cell_root, cell_set, cell_set_target, cell_target, first_cell, next_cell,
} from './cell';
import {
  entry_cell, entry_is_new, entry_make, entry_new, entry_matches, entry_rename, index_begin, index_end, index_entry, index_grow,
  index_in_frames, index_likely, index_place, index_slot,
} from './merge-index';
import {
  SAMPLE_START, header_hashed, header_length, object_hash, object_header, object_join_codec, object_key, object_whole_key,
  objects_equal,
} from './object';
import { zs_compact } from './compact';
import { dedup_hand_over } from './dedup';
import { object_cell_make, object_change_owner, object_free } from './pool';
import { HEADER_BYTES, class_at } from './size-class';
import { GROUPS, MERGE_ROOM, MERGE_ROOM_BYTES, MERGE_STATE, MERGE_STATE_BYTES, Pool, Zspage } from './structs';
import { LOCATION_DOOMED, LOCATION_HUGE, group_first, object_address, zspage_of } from './zspage';

/** So many objects of one key and different bytes, as few bits as a header has for a hash make them, stand side by side. */
const COLLISIONS_MAX: u32 = 4;
/** Share of the index that may be filled, in eighths: beyond it, searches grow long. */
const FILL_EIGHTHS: u32 = 6;

/** Objects that are fetched together and then scanned; their cells, keys, places in the index, and likely equals. */
const GROUP_MAX: u32 = 32;
const KEYS: usize = GROUP_MAX * 4;
const PLACES: usize = 2 * KEYS;
const OTHERS: usize = 3 * KEYS;
/** Flag beside a place: the object is new. */
const IS_NEW: u32 = 1;
const GROUP: usize = memory.data(4 * GROUP_MAX * 4, 4);
/** Bytes that the processor loads at once. */
const LINE_BYTES: u32 = 64;
/** Bytes of an object that hold its header and most of its sample. */
const FIRST_BYTES: u32 = SAMPLE_START + LINE_BYTES;
/** Most objects of the group before had to be hashed: so will those of the next. */
let hashing: bool = false;
/** Keeps the loads of `fetch` from being left out. */
let fetched: u32 = 0;

/** The pass goes over the cells for the first time: each object met is one scanned. */
const FIRST_ROUND: u32 = 1;
/** The pass may have missed something and does not vouch for the pool: the next call makes another. */
const SKIPPED: u32 = 2;
/** The pass has missed an object that was there: it goes over all cells again before it ends. */
const AGAIN: u32 = 4;
/** The walk has come to chunks that were made since the pass began. */
const BEYOND: u32 = 8;
/** Objects that were hashed before the pass began are known to differ from each other. */
const KNOWN: u32 = 16;
/** A dry run has hashed objects since the pass began, also such as the pass will not come to. */
const FOREIGN_HASHES: u32 = 32;
/** Cells without an object that a step goes past, some 0.1 ms: a slice of a pool full of sharers must end, too. */
const STEP_CELLS_MAX: u32 = 1 << 16;

/** Frames that compaction is to free where merging lacks memory: enough for thousands of cells, and soon done. */
const COMPACT_FRAMES: u32 = 16;

// What the steps since `merge_counters_reset` did; looks are counted in every round, objects in the first.
export let objectsLooked: u32 = 0;
export let objectsScanned: u32 = 0;
export let objectsHashed: u32 = 0;
export let objectsMerged: u32 = 0;
export let bytesMerged: u64 = 0;
export let pagesFreed: u32 = 0;
export let hashCollisions: u32 = 0;

export function merge_counters_reset(): void {
  objectsLooked = 0;
  objectsScanned = 0;
  objectsHashed = 0;
  objectsMerged = 0;
  bytesMerged = 0;
  pagesFreed = 0;
  hashCollisions = 0;
}

/** Whether nothing was made or written since a pass began that found all there was. */
export function merge_is_current(pool: Pool): bool {
  return pool.changesMerged == pool.changes;
}

/**
 * Begins a pass. Objects that were hashed by a pass that went once over all cells and found everything, and that have
 * not changed since, need no compare with each other: each is compared with those that are new, hashed by this pass.
 */
function merge_begin(pool: Pool): void {
  index_begin(pool, pool.objects);
  pool.mergeCursor = first_cell(pool);
  pool.mergeResume = 0;
  pool.mergeChanges = pool.changes;
  pool.mergeFlags = pool.mergeKnown ? FIRST_ROUND | KNOWN : FIRST_ROUND;
  pool.mergeKnown = 0;
  pool.mergeChunk = pool.chunkNewest;
}

/** Ends the pass that is under way, if any, and gives its index back. The next step begins a new pass. */
export function merge_end(pool: Pool): void {
  if (pool.mergeCapacity != 0) index_end(pool);
  pool.mergeCursor = 0;
}

/** Ends the pass that is under way if it could miss what was made or written since it began. */
export function merge_renew(pool: Pool): void {
  if (pool.mergeChanges != pool.changes || pool.mergeFlags & SKIPPED) merge_end(pool);
}

/**
 * A leaf took its object over from the OBJECT cell above it. The index of a pass that is under way may name that cell, and
 * the walk may be past the leaf. What it holds is about to change, or not wanted merged.
 */
export function merge_owner_changed(pool: Pool): void {
  pool.mergeFlags |= SKIPPED;
}

/**
 * An object has got an OBJECT cell. The walk of a pass that is under way may be past that cell and not have come to the
 * leaf that owned the object; or the index names the leaf, which may go. The object is looked at now.
 */
export function merge_object_cell_made(pool: Pool, cell: u32): void {
  if (pool.mergeCursor == 0) return;
  if (pool.mergeFramesWanted == 0 && !index_full(pool)) {
    const location = cell_target(cell);
    const key = object_key(location, hashed_header(location));
    scan(pool, cell, key, index_place(pool, key), true, false);
  } else if (pool.mergeFramesWanted != 0 && pool.mergeFlags & FIRST_ROUND) {
    pool.mergeChunk = pool.chunkNewest; // nothing was looked at: the walk comes to it
  } else {
    pool.mergeFlags |= AGAIN;
  }
}

/** Memory is short: gives up an index that lives in frames. Whether there was one. */
export function merge_give_way(pool: Pool): bool {
  if (!index_in_frames(pool)) return false;
  merge_end(pool);
  return true;
}

/**
 * Goes on with the pass, or begins one, until it ends, has looked at `objectsMax` objects, or has done what takes some
 * tenths of a millisecond beside: making the index, going past very many cells.
 * @param dryRun only count what would be merged
 * @returns whether the pass ended
 */
export function merge_step(pool: Pool, objectsMax: u32, dryRun: bool): bool {
  if (pool.mergeCursor == 0) merge_begin(pool);
  if (!index_grow(pool, !dryRun)) return false;
  let cursor = pool.mergeCursor;
  let cellsLeft = STEP_CELLS_MAX;
  while (true) {
    let count: u32 = 0;
    let stop = false;
    while (cursor != 0 && count < GROUP_MAX) {
      if (cell_owns(cursor) && !(pool.mergeFlags & BEYOND && cell_kind(cursor) == OBJECT)) {
        // The budget ends before an object, never behind the last one: that call ends the pass.
        if (objectsMax == 0) {
          stop = true;
          break;
        }
        objectsMax--;
        objectsLooked++;
        store<u32>(GROUP + (count++ << 2), cursor);
      } else if (cellsLeft-- == 0) {
        stop = true;
        break;
      }
      const next = next_cell(cursor);
      if ((next ^ cursor) & ~PAGE_MASK && (cursor & ~PAGE_MASK) == pool.mergeChunk) pool.mergeFlags |= BEYOND;
      cursor = next;
    }
    fetch(pool, count);
    for (let n: u32 = 0; n < count; n++) {
      const at = GROUP + (n << 2);
      const cell = load<u32>(at);
      // A merge of the group may have made it a sharer.
      const place = load<u32>(at, PLACES);
      if (cell_owns(cell)) scan(pool, cell, load<u32>(at, KEYS), place & ~IS_NEW, (place & IS_NEW) != 0, dryRun);
    }
    if (stop) break;
    if (cursor != 0) continue;
    if (pool.mergeResume == 0) {
      if (pool.mergeFlags & AGAIN) {
        merge_end(pool);
        merge_begin(pool);
        return false;
      }
      if (!dryRun && !(pool.mergeFlags & SKIPPED)) {
        pool.changesMerged = pool.mergeChanges;
        pool.mergeKnown = u32((pool.mergeFlags & (FIRST_ROUND | FOREIGN_HASHES)) == FIRST_ROUND);
      }
      merge_end(pool);
      return true;
    }
    // What the index holds was compared with all that follows; the next round begins where it became full.
    pool.mergeCursor = pool.mergeResume;
    pool.mergeResume = 0;
    pool.mergeFlags &= ~(FIRST_ROUND | BEYOND);
    // A new one: memory may have come free for more.
    index_end(pool);
    index_begin(pool, pool.objects);
    return false;
  }
  pool.mergeCursor = cursor;
  return false;
}

/** Whether a cell holds the location of an object that a dry run has not met as a duplicate. */
// @ts-ignore: decorator
@inline
function cell_owns(cell: u32): bool {
  const kind = cell_kind(cell);
  return (kind == DIRECT || kind == OBJECT) && !(cell_target(cell) & LOCATION_DOOMED);
}

/**
 * Hashes the objects of the group, and brings into the cache what scanning them will read: each step loads for all of
 * them what the next one needs, so that the processor waits for many cache misses at once instead of one by one.
 */
function fetch(pool: Pool, count: u32): void {
  const end = GROUP + (count << 2);
  let sum: u32 = 0;
  const firstBytes = hashing ? FIRST_BYTES : LINE_BYTES;
  for (let at = GROUP; at < end; at += 4) sum += fetch_lines(object_address(cell_target(load<u32>(at))), firstBytes);
  const hashedBefore = objectsHashed;
  for (let at = GROUP; at < end; at += 4) {
    const location = cell_target(load<u32>(at));
    const hashed = objectsHashed;
    const key = object_key(location, hashed_header(location));
    store<u32>(at, key, KEYS);
    const isNew = !(pool.mergeFlags & KNOWN) || objectsHashed != hashed;
    store<u32>(at, <u32>index_place(pool, key) | <u32>isNew, PLACES);
  }
  hashing = objectsHashed - hashedBefore > count >> 1;
  for (let at = GROUP; at < end; at += 4) sum += load<u32>(load<u32>(at, PLACES) & ~IS_NEW);
  // Of the objects that are likely to be equal, first the cells.
  for (let at = GROUP; at < end; at += 4) {
    const place = load<u32>(at, PLACES);
    const other = place & IS_NEW ? index_likely(place & ~IS_NEW, load<u32>(at, KEYS)) : 0;
    store<u32>(at, other, OTHERS);
    if (other != 0) sum += load<u32>(other) + zspage_of(cell_target(load<u32>(at))).next;
  }
  // Then how they begin. No cell: something from address 0.
  for (let at = GROUP; at < end; at += 4) {
    let other = load<u32>(at, OTHERS);
    if (cell_kind(other) == SHARED) other = cell_target(other);
    const twin = cell_owns(other) ? object_address(cell_target(other)) : 0;
    store<u32>(at, twin, OTHERS);
    sum += load<u32>(twin);
  }
  // Where they begin alike, all lines of both, and the neighbours of the zspages that will lose an object.
  for (let at = GROUP; at < end; at += 4) {
    const location = cell_target(load<u32>(at));
    const object = object_address(location);
    const twin = load<u32>(at, OTHERS);
    if (twin == 0 || load<u64>(object, HEADER_BYTES) != load<u64>(twin, HEADER_BYTES)) continue;
    const zspage = zspage_of(location);
    sum += changetype<Zspage>(zspage.next).prev + changetype<Zspage>(zspage.prev).next;
    const bytes = header_length(object_header(location));
    sum += fetch_lines(object, bytes) + fetch_lines(twin, bytes);
  }
  fetched = sum;
}

/** Loads something of each line of an object's first bytes, as far as they stand in its first frame. */
// @ts-ignore: decorator
@inline
function fetch_lines(object: u32, bytes: u32): u32 {
  const end = min(object + bytes, (object | PAGE_MASK) + 1);
  let sum: u32 = 0;
  for (; object < end; object += LINE_BYTES) sum += load<u32>(object);
  return sum;
}

/** The header of an object, which is hashed where it was not. */
function hashed_header(location: u32): u64 {
  const header = object_header(location);
  if (header_hashed(header)) return header;
  objectsHashed++;
  return object_hash(location, header);
}

/** Looks one object up by its key, from the key's place on, and merges it with its equal or enters it in the index. */
function scan(pool: Pool, cell: u32, key: u32, at: usize, isNew: bool, dryRun: bool): void {
  if (pool.mergeFlags & FIRST_ROUND) objectsScanned++;
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
        // The object cell of a merge earlier in this pass; or the entry names a leaf below it, which may go; or the cell
        // holds a new object by now.
        store<u64>(at, entry_rename(entry, cell) | entry_new(isNew));
        if (pool.mergeFlags & FIRST_ROUND) objectsScanned--;
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

// @ts-ignore: decorator
@inline
function index_full(pool: Pool): bool {
  return pool.mergeUsed >= (pool.mergeCapacity >> 3) * FILL_EIGHTHS;
}

/** Enters an object in the index; when the index is full, the next round will begin with it. */
function enter(pool: Pool, at: usize, entry: u64, cell: u32): void {
  if (index_full(pool)) {
    if (pool.mergeResume == 0) pool.mergeResume = cell;
    return;
  }
  store<u64>(at, entry);
  pool.mergeUsed++;
}

/** The cell that owns the object which an index entry's cell leads to now; 0 when it leads to none. */
function owner_of(pool: Pool, cell: u32): u32 {
  const kind = cell_kind(cell);
  if (kind == DIRECT || kind == OBJECT) return cell;
  if (kind != SHARED && kind != FORWARD) return 0;
  if (kind == SHARED) return cell_root(pool, cell);
  do cell = cell_target(cell);
  while (cell_kind(cell) == FORWARD);
  return cell;
}

/** Memory is short, and merging leaves room between objects: moves some together. Whether frames came free. */
export function merge_compact(pool: Pool): bool {
  const freed = zs_compact(pool, COMPACT_FRAMES);
  pagesFreed += freed;
  return freed != 0;
}

/** The object of `cell` is equal to that of `kept`: it goes, and its cell refers to the other's. */
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
      // No cell was to be had.
      pool.mergeFlags |= SKIPPED;
      return;
    }
    // Leaves come and go; the entry names the cell that lives as long as the object.
    store<u64>(entryAt, entry_rename(load<u64>(entryAt), root));
    const pagesBefore = pool.totalPages;
    object_free(pool, location);
    pagesFreed += pagesBefore - pool.totalPages;
  }
  objectsMerged++;
  bytesMerged += length;
}

/**
 * Makes one group of the sharers of two objects, which keeps the object of `a`; the caller frees the other.
 * @returns the group's OBJECT cell; 0 when the first merge of two single objects got no cell: nothing has changed
 */
function unite(pool: Pool, a: u32, b: u32, length: u32): u32 {
  if (DEBUG) assert(a != b);
  const location = cell_target(a);
  let root = a;
  if (cell_kind(a) == DIRECT) {
    if (cell_kind(b) == DIRECT) {
      root = cell_alloc(pool, 0);
      if (root == 0) return 0;
      object_cell_make(pool, root, a, length);
    } else {
      root = b;
      share(pool, a, root, length);
    }
  }
  if (cell_kind(b) == DIRECT) {
    share(pool, b, root, length);
  } else if (root != b) {
    // The smaller group forwards to the larger: ways stay short.
    if (cell_refs(b) > cell_refs(root)) root = b;
    const child = root == a ? b : a;
    cell_set(child, FORWARD, cell_refs(child), root);
    cell_add_refs(root, 1);
    pool.objectCells--;
    pool.forwards++;
    pool.sharedBytes += length;
  }
  cell_set_target(root, location);
  object_change_owner(pool, location, root);
  return root;
}

function share(pool: Pool, leaf: u32, root: u32, length: u32): void {
  cell_set(leaf, SHARED, cell_refs(leaf), root);
  cell_add_refs(root, 1);
  pool.sharedLeaves++;
  pool.sharedBytes += length;
}

// ── dry runs ─────────────────────────────────────────────────────────────────────────────────────────────────────

/** The pass that is under way while a dry run uses the pool's fields: its state, and its directory or small index. */
const SAVED: usize = memory.data(MERGE_STATE_BYTES + MERGE_ROOM_BYTES, 8);

/** Whether there are cells that bear a mark of the dry run. */
let cellsDoomed: bool = false;

/** Sets a pass that is under way aside. The dry run's steps follow, and nothing else until `merge_dry_end`. */
export function merge_dry_begin(pool: Pool): void {
  const state = changetype<usize>(pool) + MERGE_STATE;
  memory.copy(SAVED, state, MERGE_STATE_BYTES);
  memory.copy(SAVED + MERGE_STATE_BYTES, changetype<usize>(pool) + MERGE_ROOM, MERGE_ROOM_BYTES);
  memory.fill(state, 0, MERGE_STATE_BYTES);
}

/** Ends a dry run, complete or not. */
export function merge_dry_end(pool: Pool): void {
  merge_end(pool);
  for (let cell = cellsDoomed ? first_cell(pool) : 0; cell != 0; cell = next_cell(cell)) {
    const kind = cell_kind(cell);
    if (kind == DIRECT || kind == OBJECT) cell_set_target(cell, cell_target(cell) & ~LOCATION_DOOMED);
  }
  cellsDoomed = false;
  memory.copy(changetype<usize>(pool) + MERGE_STATE, SAVED, MERGE_STATE_BYTES);
  memory.copy(changetype<usize>(pool) + MERGE_ROOM, SAVED + MERGE_STATE_BYTES, MERGE_ROOM_BYTES);
  pool.mergeFlags = (pool.mergeFlags & ~KNOWN) | FOREIGN_HASHES;
  for (let n: u32 = 0; n < pool.classes; n++) {
    const sizeClass = class_at(pool, n);
    if (sizeClass.objects == 1) continue;
    for (let group: u32 = 0; group < GROUPS; group++) {
      for (let zspage = group_first(sizeClass, group); changetype<usize>(zspage) != 0; zspage = changetype<Zspage>(zspage.next)) {
        zspage.doomed = 0;
      }
    }
  }
}

/** Counts an object that merging would free, and its zspage when it is the last one there. */
function doom(pool: Pool, cell: u32, location: u32): void {
  if (takes_rounds(pool)) {
    // The next round would meet it again, and find it to be the first or the second of its kind.
    cell_set_target(cell, location | LOCATION_DOOMED);
    cellsDoomed = true;
  }
  const zspage = zspage_of(location);
  if (location & LOCATION_HUGE) {
    pagesFreed++;
  } else if (++zspage.doomed == zspage.inUse) {
    pagesFreed += zspage.sizeClass.pages;
  }
}

/** Whether the index may be too small for one round. */
// @ts-ignore: decorator
@inline
function takes_rounds(pool: Pool): bool {
  return (pool.mergeCapacity >> 3) * FILL_EIGHTHS < pool.objects;
}
