/**
 * Merging (zs_merge): identical objects are found and stored once, no matter which handles refer to them.
 *
 * A pass walks the cells that own objects, in memory order. Of each object a sample is hashed (or the
 * hash taken from its header) and looked up in the index; what is found there is compared byte by byte, and the object
 * is freed when it is equal: its cell then refers to the object that stays. Cells never move, so a pass can stop
 * anywhere and go on later, whatever was allocated, freed, written or compacted in between; an index entry that went
 * stale costs a compare and nothing else.
 *
 * Where the index is too small for all objects, the walk fills it, then compares the rest of the cells with what it
 * holds, empties it, and starts again at the first object that found no home. Each object is thus compared with each
 * later one, which is all that is needed.
 *
 * Objects whose keys are equal and whose bytes are not are filed side by side in the index, but no more than
 * COLLISIONS_MAX of them: more go under a hash of all their bytes, so that no set of objects makes a pass quadratic.
 */
import { DEBUG, PAGE_MASK } from '../../common';
import { cell_kind, cell_target, first_cell, next_cell, OBJECT } from '../cell';
import { object_key } from '../object';
import {
  MERGE_FIRST_ROUND, MERGE_HASHED_BY_DRY_RUN, MERGE_HASHED_DIFFER, MERGE_IN_NEW_CHUNKS, MERGE_MISSED, MERGE_RESTART,
  Pool,
} from '../structs';
import { index_begin, index_end, index_full, index_grow, index_home, index_in_frames } from './key-index';
import { scan } from './match';
import {
  BATCH, BATCH_HOMES, BATCH_KEYS, BATCH_MAX, cell_owns, hashed_header, IS_NEW, prefetch_batch,
} from './prefetch';
import { objectsLooked } from './report';

/** Cells without an object that a step goes past, some 0.1 ms: a slice of a pool full of sharers must end, too. */
const STEP_CELLS_MAX: u32 = 1 << 16;

/** Whether nothing was made or written since the start of a pass that found everything. */
export function merge_is_current(pool: Pool): bool {
  return pool.changesMerged == pool.changes;
}

/**
 * Begins a pass. Objects that were hashed by a pass that went once over all cells and found everything, and that have
 * not changed since, need no compare with each other: each is compared with those that are new, hashed by this pass.
 */
function merge_begin(pool: Pool): void {
  if (DEBUG) assert(pool.mergeCapacity == 0); // the frames of an index that is still there would be lost
  index_begin(pool, pool.objects);
  pool.mergeCursor = first_cell(pool);
  pool.mergeResume = 0;
  pool.mergeChanges = pool.changes;
  pool.mergeFlags = pool.mergeKnown ? MERGE_FIRST_ROUND | MERGE_HASHED_DIFFER : MERGE_FIRST_ROUND;
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
  if (pool.mergeChanges != pool.changes || pool.mergeFlags & MERGE_MISSED) merge_end(pool);
}

/**
 * A leaf took its object over from the OBJECT cell above it. The index of a pass that is under way may name that cell,
 * and the walk may be past the leaf. Its content is about to change, or is to stay unmerged.
 */
export function merge_owner_changed(pool: Pool): void {
  pool.mergeFlags |= MERGE_MISSED;
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
    scan(pool, cell, key, index_home(pool, key), true, false);
  } else if (pool.mergeFramesWanted != 0 && pool.mergeFlags & MERGE_FIRST_ROUND) {
    pool.mergeChunk = pool.chunkNewest; // nothing was looked at: the walk comes to it
  } else {
    pool.mergeFlags |= MERGE_RESTART;
  }
}

/** Memory is short: releases an index that lives in frames. @returns whether there was one */
export function merge_give_way(pool: Pool): bool {
  if (!index_in_frames(pool)) return false;
  merge_end(pool);
  return true;
}

// ── a step ───────────────────────────────────────────────────────────────────────────────────────────────────────

/** What is left of the step's budget: objects to look at, and cells without an object to go past. */
let objectsLeft: u32 = 0;
let cellsLeft: u32 = 0;

/**
 * Goes on with the pass, or begins one, until it ends, has looked at `objectsMax` objects, or has done work that takes
 * some tenths of a millisecond besides: making the index, going past very many cells.
 * @param dryRun only count what would be merged
 * @returns whether the pass ended
 */
export function merge_step(pool: Pool, objectsMax: u32, dryRun: bool): bool {
  if (pool.mergeCursor == 0) merge_begin(pool);
  if (!index_grow(pool, !dryRun)) return false;
  if (DEBUG) assert(pool.mergeFramesWanted == 0); // the index is made: keys have slots
  objectsLeft = objectsMax;
  cellsLeft = STEP_CELLS_MAX;
  let count: u32;
  do {
    count = batch_gather(pool);
    prefetch_batch(pool, count);
    batch_scan(pool, count, dryRun);
    if (pool.mergeCursor == 0) return round_end(pool, dryRun);
  } while (count == BATCH_MAX);
  return false;
}

/**
 * Puts the next objects of the walk into the batch, and moves the cursor behind them: to 0 behind the last cell.
 * @returns how many; fewer than BATCH_MAX where the cells or the step's budget end
 */
function batch_gather(pool: Pool): u32 {
  let cursor = pool.mergeCursor;
  let count: u32 = 0;
  while (cursor != 0 && count < BATCH_MAX) {
    // The OBJECT cells of new chunks were looked at when they were made, see `merge_object_cell_made`.
    if (cell_owns(cursor) && !(pool.mergeFlags & MERGE_IN_NEW_CHUNKS && cell_kind(cursor) == OBJECT)) {
      // The budget ends before an object, never behind the last one: that call ends the pass.
      if (objectsLeft == 0) break;
      objectsLeft--;
      objectsLooked++;
      store<u32>(BATCH + (count++ << 2), cursor);
    } else if (cellsLeft-- == 0) {
      break;
    }
    const next = next_cell(cursor);
    const leavesChunk = ((next ^ cursor) & ~PAGE_MASK) != 0;
    if (leavesChunk && (cursor & ~PAGE_MASK) == pool.mergeChunk) pool.mergeFlags |= MERGE_IN_NEW_CHUNKS;
    cursor = next;
  }
  pool.mergeCursor = cursor;
  return count;
}

/** Looks the objects of the batch up, which `prefetch_batch` has given keys. */
function batch_scan(pool: Pool, count: u32, dryRun: bool): void {
  const end = BATCH + (count << 2);
  for (let at = BATCH; at < end; at += 4) {
    const cell = load<u32>(at);
    // A merge of an earlier object of the batch may have made its cell a sharer.
    if (!cell_owns(cell)) continue;
    const home = load<u32>(at, BATCH_HOMES);
    scan(pool, cell, load<u32>(at, BATCH_KEYS), home & ~IS_NEW, (home & IS_NEW) != 0, dryRun);
  }
}

/** The walk is behind the last cell. Ends the pass, or prepares what is still to do. @returns whether the pass ended */
function round_end(pool: Pool, dryRun: bool): bool {
  if (pool.mergeResume != 0) {
    round_begin(pool);
    return false;
  }
  if (pool.mergeFlags & MERGE_RESTART) {
    merge_end(pool);
    merge_begin(pool);
    return false;
  }
  if (!dryRun && !(pool.mergeFlags & MERGE_MISSED)) {
    pool.changesMerged = pool.mergeChanges;
    pool.mergeKnown = u32((pool.mergeFlags & (MERGE_FIRST_ROUND | MERGE_HASHED_BY_DRY_RUN)) == MERGE_FIRST_ROUND);
  }
  merge_end(pool);
  return true;
}

/**
 * The index was full: what it holds was compared with all objects behind. Starts again at the first that found no room.
 */
function round_begin(pool: Pool): void {
  pool.mergeCursor = pool.mergeResume;
  pool.mergeResume = 0;
  pool.mergeFlags &= ~(MERGE_FIRST_ROUND | MERGE_IN_NEW_CHUNKS);
  // A new index: by now there may be memory for a larger one.
  index_end(pool);
  index_begin(pool, pool.objects);
}
