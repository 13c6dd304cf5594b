/**
 * The blocks of a backing device: which hold a page, and for how many slots.
 *
 * The bindings read and write them; here they are numbers. A block in use has a cell of kind BLOCK, with
 * the block's number and its references: snapshots and clones refer to the block that their origin wrote. The cell of a
 * freed block stays with its number, in a list through its references, until the block is used again or the device
 * ends.
 */
import { DEBUG } from '../common';
import { frame_alloc_zeroed, frame_free } from '../memory/frames';
import {
  BLOCK, cell_add_refs, cell_alloc, cell_free, cell_kind, cell_number, cell_numbered, cell_refs, CELL_RESERVE, cell_set,
  cell_target, REFS_MAX,
} from '../zsmalloc/cell';
import { Pool } from '../zsmalloc/structs';
import { Bdev } from './structs';

/** A backing device of `blocks` blocks; 0 when memory is exhausted. */
export function bdev_make(blocks: u32): Bdev {
  const bdev = changetype<Bdev>(frame_alloc_zeroed());
  if (changetype<usize>(bdev) == 0) return bdev;
  bdev.users = 1;
  bdev.blocks = blocks;
  return bdev;
}

/** One device fewer; the last one ends it. */
export function bdev_drop(pool: Pool, bdev: Bdev): void {
  if (--bdev.users > 0) return;
  if (DEBUG) assert(bdev.inUse == 0); // a slot in use would name a block of a device that is gone
  for (let cell = bdev.freed; cell != 0; ) {
    const next = cell_numbered(cell_refs(cell));
    cell_free(pool, cell);
    cell = next;
  }
  frame_free(changetype<u32>(bdev));
}

/**
 * Takes a block with one reference. The caller has asked `block_left`.
 * @returns its cell, or 0 when memory is exhausted
 */
export function block_take(pool: Pool, bdev: Bdev): u32 {
  if (DEBUG) assert(block_left(bdev)); // the caller asks first: a block behind the last one does not exist
  let cell = bdev.freed;
  if (cell != 0) {
    bdev.freed = cell_numbered(cell_refs(cell));
    cell_set(cell, BLOCK, 1, cell_target(cell));
  } else {
    cell = cell_alloc(pool, CELL_RESERVE);
    if (cell == 0) return 0;
    cell_set(cell, BLOCK, 1, bdev.fresh++);
  }
  bdev.inUse++;
  return cell;
}

export function block_left(bdev: Bdev): bool {
  return bdev.freed != 0 || bdev.fresh < bdev.blocks;
}

/** One more reference. False when it has as many as fit. */
export function block_retain(cell: u32): bool {
  if (DEBUG) assert(cell_kind(cell) == BLOCK); // any other kind counts something else
  if (cell_refs(cell) == REFS_MAX) return false;
  cell_add_refs(cell, 1);
  return true;
}

/** One reference fewer; with the last one the block is free. */
export function block_drop(bdev: Bdev, cell: u32): void {
  // A freed block's references are a link of the free list.
  if (DEBUG) assert(cell_kind(cell) == BLOCK && bdev.inUse > 0);
  if (cell_refs(cell) > 1) {
    cell_add_refs(cell, -1);
    return;
  }
  cell_set(cell, BLOCK, cell_number(bdev.freed), cell_target(cell));
  bdev.freed = cell;
  bdev.inUse--;
}
