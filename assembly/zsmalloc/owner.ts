/** The life of an object: made, handed from one cell to another, freed. Its header names the cell that owns it. */
import { DEBUG } from '../common';
import { cell_kind, cell_refs, cell_set, cell_target, DIRECT, OBJECT, SHARED } from './cell';
import { dedup_forget, dedup_moved } from './dedup';
import { header_length, header_make, header_owner, object_header, object_set_header, object_set_owner } from './object';
import { class_of } from './size-class';
import { Pool } from './structs';
import { class_put, class_take } from './zspage';

/** A new object with a header; 0 without room. */
export function object_make(pool: Pool, owner: u32, length: u32, codec: u32): u32 {
  if (DEBUG) assert(owner != 0); // an owner of 0 marks a free object: compaction would pass it by
  const location = class_take(class_of(pool, length));
  if (location == 0) return 0;
  object_set_header(location, header_make(owner, length, codec));
  pool.objects++;
  pool.payloadBytes += length;
  pool.changes++;
  return location;
}

/** Gives the object of a DIRECT leaf an OBJECT cell, to which the leaf then points. */
export function object_cell_make(pool: Pool, cell: u32, leaf: u32, length: u32, place: u32): void {
  if (DEBUG) assert(cell_kind(leaf) == DIRECT); // any other leaf has no object that it alone owns
  const location = cell_target(leaf);
  cell_set(cell, OBJECT, 1, location);
  cell_set(leaf, SHARED, cell_refs(leaf), cell);
  // One leaf more that shares, one object cell more: nothing is saved yet.
  pool.sharedLeaves++;
  pool.objectCells++;
  object_change_owner(pool, location, cell, place);
}

/**
 * The object belongs to another cell now.
 * @param place of its content's hash, where the caller knows it; 0 = not known
 */
export function object_change_owner(pool: Pool, location: u32, owner: u32, place: u32): void {
  if (header_owner(object_header(location)) == owner) return;
  dedup_moved(pool, location, owner, place);
  object_set_owner(location, owner);
}

/** Frees an object whose cell is dealt with by the caller. */
export function object_free(pool: Pool, location: u32, place: u32): void {
  if (DEBUG) assert(pool.objects > 0); // freed more often than made
  dedup_forget(pool, location, place);
  pool.payloadBytes -= header_length(object_header(location));
  class_put(location);
  pool.objects--;
}
