/**
 * Cells: the 8-byte words behind handles. A cell never moves, an object may; to the core, a handle is the address of
 * its cell.
 *
 *   63                       35 34   32 31                                0
 *  ┌───────────────────────────┬───────┬───────────────────────────────────┐
 *  │ references                │ kind  │ target                            │
 *  └───────────────────────────┴───────┴───────────────────────────────────┘
 *
 *  kind      references                 target
 *  FREE      -                          next free cell, 0 = last (a cell that was never used is all zeros)
 *  DIRECT    frees that are due         location of an object that no other handle shares
 *  SHARED    frees that are due         the OBJECT or FORWARD cell of an object that may have other sharers
 *  OBJECT    cells that point here      location of the object
 *  FORWARD   cells that point here      the OBJECT or FORWARD cell that took its place
 *  SAME      see same.ts                a 64-bit value that fills the content: no object is stored
 *  VALUE     address / 8 of its twin    half of a 64-bit number; the twin holds the other half, and the references
 *  BLOCK     slots that hold it         a block of a backing device, see zram/backing.ts
 *
 * DIRECT, SHARED and SAME cells are leaves: what users hold. OBJECT and FORWARD cells form a union-find forest above
 * them, so that the sharers of two objects unite by writing one cell.
 *
 * Cells live in chunks of one frame. The first 8 bytes of a chunk are not a cell: they link the chunks of a pool.
 */
import { DEBUG, PAGE_MASK, PAGE_SIZE } from '../common';
import { frame_alloc_zeroed, frame_free, frame_known, frame_meta } from '../memory/frames';
import { Pool } from './structs';

export const FREE: u32 = 0;
export const DIRECT: u32 = 1;
export const SHARED: u32 = 2;
export const OBJECT: u32 = 3;
export const FORWARD: u32 = 4;
export const VALUE: u32 = 5;
export const SAME: u32 = 6;
export const BLOCK: u32 = 7;

const KIND_MASK: u32 = 7;
const REFS_SHIFT: u32 = 3;
const CELL_SHIFT: u32 = 3;
export const CELL_BYTES: u32 = 1 << CELL_SHIFT;
export const CELL_NUMBER_BITS: u32 = 32 - CELL_SHIFT;
/** The bits of a 64-bit word, such as a header, that hold the number of a cell. */
export const CELL_NUMBER_MASK: u64 = (1 << CELL_NUMBER_BITS) - 1;
/** References are 29 bits. */
export const REFS_MAX: u32 = u32.MAX_VALUE >> REFS_SHIFT;

/**
 * Cells that `malloc` leaves to merging: where memory is exhausted, a merge that needs a cell for its first pair would
 * otherwise be impossible just when it is needed most. The memory that it frees then pays for more.
 */
export const CELL_RESERVE: u32 = 32;
/** Marks a frame's metadata word as a chunk of this pool. */
const CHUNK_TAG: u32 = 1;

// @ts-ignore: decorator
@inline
export function cell_target(cell: u32): u32 {
  return load<u32>(cell);
}

// @ts-ignore: decorator
@inline
export function cell_kind(cell: u32): u32 {
  return load<u32>(cell, 4) & KIND_MASK;
}

// @ts-ignore: decorator
@inline
export function cell_refs(cell: u32): u32 {
  return load<u32>(cell, 4) >> REFS_SHIFT;
}

// @ts-ignore: decorator
@inline
export function cell_set(cell: u32, kind: u32, refs: u32, target: u32): void {
  store<u32>(cell, target);
  store<u32>(cell, (refs << REFS_SHIFT) | kind, 4);
}

// @ts-ignore: decorator
@inline
export function cell_set_target(cell: u32, target: u32): void {
  store<u32>(cell, target);
}

/** A cell's number, its address / 8: what headers, index entries and the bindings' handles hold in 29 bits. */
// @ts-ignore: decorator
@inline
export function cell_number(cell: u32): u32 {
  if (DEBUG) assert((cell & (CELL_BYTES - 1)) == 0); // the number drops these bits: it would name another cell
  return cell >> CELL_SHIFT;
}

/** The cell with this number. */
// @ts-ignore: decorator
@inline
export function cell_numbered(number: u32): u32 {
  return number << CELL_SHIFT;
}

/** Adds to the number of references; `delta` may be -1. */
// @ts-ignore: decorator
@inline
export function cell_add_refs(cell: u32, delta: i32): void {
  if (DEBUG) assert(cell_kind(cell) != FREE); // a freed cell is a link of the queue, and counts nothing
  store<u32>(cell, load<u32>(cell, 4) + <u32>(delta << REFS_SHIFT), 4);
}

/** Adds a chunk; what was left of the chunk before it goes to the end of the queue. */
function chunk_make(pool: Pool, merging: bool): bool {
  const chunk = frame_alloc_zeroed(merging);
  if (chunk == 0) return false;
  while ((pool.cellFresh & PAGE_MASK) != 0) {
    const left = pool.cellFresh;
    pool.cellFresh += CELL_BYTES;
    enqueue(pool, left);
  }
  store<u32>(frame_meta(chunk), changetype<u32>(pool) | CHUNK_TAG);
  if (pool.chunkNewest != 0) store<u32>(pool.chunkNewest, chunk);
  else pool.chunkOldest = chunk;
  pool.chunkNewest = chunk;
  pool.chunks++;
  pool.cellFresh = chunk + CELL_BYTES;
  return true;
}

function enqueue(pool: Pool, cell: u32): void {
  store<u64>(cell, 0);
  if (pool.cellFreeTail != 0) store<u32>(pool.cellFreeTail, cell);
  else pool.cellFreeHead = cell;
  pool.cellFreeTail = cell;
  pool.cellsFree++;
}

/** Makes the first chunk. False when memory is exhausted. */
export function cells_init(pool: Pool): bool {
  return chunk_make(pool, false);
}

/** Gives all chunks back, with whatever cells are still in use. */
export function cells_end(pool: Pool): void {
  let chunk = pool.chunkOldest;
  while (chunk != 0) {
    const next = chunk_next(chunk);
    frame_free(chunk);
    chunk = next;
  }
}

/** Cells that could be handed out without a new chunk. */
// @ts-ignore: decorator
@inline
function available(pool: Pool): u32 {
  const fresh = pool.cellFresh;
  return pool.cellsFree + ((PAGE_SIZE - (fresh & PAGE_MASK)) & PAGE_MASK) / CELL_BYTES;
}

/** Bytes of the pool's chunks that are not cells in use. */
export function cells_unused_bytes(pool: Pool): u32 {
  return (available(pool) + pool.chunks) * CELL_BYTES;
}

/**
 * A cell of kind FREE, which the caller sets at once; 0 when memory is exhausted.
 * @param reserve how many cells must stay available: CELL_RESERVE for handles, 0 for merging
 */
export function cell_alloc(pool: Pool, reserve: u32): u32 {
  if (available(pool) <= reserve && !chunk_make(pool, reserve == 0)) return 0;
  const cell = pool.cellFreeHead;
  if (cell != 0) {
    if (DEBUG) assert(cell_kind(cell) == FREE); // a cell in the queue was written to after it was freed
    const next = load<u32>(cell);
    pool.cellFreeHead = next;
    if (next == 0) pool.cellFreeTail = 0;
    pool.cellsFree--;
    return cell;
  }
  const fresh = pool.cellFresh;
  pool.cellFresh = fresh + CELL_BYTES;
  return fresh;
}

/** Takes back the cell handed out last, not needed after all: it goes to the head of the queue, as if never taken. */
export function cell_return(pool: Pool, cell: u32): void {
  // A chunk's first 8 bytes link chunks and are never handed out.
  if (DEBUG) assert(cell != 0 && (cell & PAGE_MASK) != 0);
  store<u64>(cell, pool.cellFreeHead);
  pool.cellFreeHead = cell;
  if (pool.cellFreeTail == 0) pool.cellFreeTail = cell;
  pool.cellsFree++;
}

/** Frees a cell; it is reused after all that were freed before it. */
export function cell_free(pool: Pool, cell: u32): void {
  if (DEBUG) {
    assert(cell_kind(cell) != FREE); // freed twice, it would be handed out twice
    assert(load<u32>(frame_meta(cell)) == (changetype<u32>(pool) | CHUNK_TAG)); // the queue would mix two pools
  }
  enqueue(pool, cell);
}

/** Next chunk of the pool, 0 = none. */
// @ts-ignore: decorator
@inline
function chunk_next(chunk: u32): u32 {
  return load<u32>(chunk);
}

/** First cell of the pool, in memory order; never 0. */
export function first_cell(pool: Pool): u32 {
  return pool.chunkOldest + CELL_BYTES;
}

/** The cell after this one, 0 = none. */
// @ts-ignore: decorator
@inline
export function next_cell(cell: u32): u32 {
  cell += CELL_BYTES;
  if ((cell & PAGE_MASK) != 0) return cell;
  const chunk = chunk_next(cell - PAGE_SIZE);
  return chunk == 0 ? 0 : chunk + CELL_BYTES;
}

/** Whether `address` is a leaf cell of this pool. For assertions. */
export function is_handle(pool: Pool, address: u32): bool {
  if (!frame_known(address)) return false;
  if (load<u32>(frame_meta(address)) != (changetype<u32>(pool) | CHUNK_TAG)) return false;
  if ((address & PAGE_MASK) == 0 || (address & (CELL_BYTES - 1)) != 0) return false;
  const kind = cell_kind(address);
  return kind == DIRECT || kind == SHARED || kind == SAME;
}

// ── the forest ───────────────────────────────────────────────────────────────────────────────────────────────────

/** The cell that owns a leaf's object: the leaf itself, or the OBJECT cell above it. Shortens the way to it. */
export function cell_root(pool: Pool, leaf: u32): u32 {
  if (cell_kind(leaf) != SHARED) return leaf;
  let above = cell_target(leaf);
  while (cell_kind(above) == FORWARD) {
    const next = cell_target(above);
    // The leaf moves one step up; a FORWARD cell that nothing else points to is freed, and passes its reference on.
    cell_set_target(leaf, next);
    if (cell_refs(above) == 1) {
      cell_free(pool, above);
      pool.forwards--;
    } else {
      cell_add_refs(above, -1);
      cell_add_refs(next, 1);
    }
    above = next;
  }
  // Its references are its sharers: with 0 it was freed.
  if (DEBUG) assert(cell_kind(above) == OBJECT && cell_refs(above) > 0);
  return above;
}

/** Whether a leaf's object has other leaves now. */
export function is_merged(pool: Pool, leaf: u32): bool {
  return cell_kind(leaf) == SHARED && cell_refs(cell_root(pool, leaf)) > 1;
}

/** Makes every leaf point to its OBJECT cell: then the references of that are its leaves. */
export function cells_settle(pool: Pool): void {
  if (pool.forwards == 0) return;
  for (let cell = first_cell(pool); cell != 0; cell = next_cell(cell)) {
    if (cell_kind(cell) == SHARED) cell_root(pool, cell);
  }
  // A FORWARD cell goes with the last cell that points to it: every leaf has moved up.
  if (DEBUG) assert(pool.forwards == 0);
}

/** Location of a leaf's object, without changing anything: for reads. */
// @ts-ignore: decorator
@inline
export function cell_location(leaf: u32): u32 {
  if (cell_kind(leaf) == DIRECT) return cell_target(leaf);
  return shared_location(leaf);
}

function shared_location(leaf: u32): u32 {
  let above = cell_target(leaf);
  while (cell_kind(above) == FORWARD) above = cell_target(above);
  return cell_target(above);
}
