/** Dry runs: a pass that only counts, beside one that may be under way. */
import { cell_kind, cell_set_target, cell_target, DIRECT, first_cell, next_cell, OBJECT } from '../cell';
import { class_at } from '../size-class';
import {
  GROUPS, MERGE_HASHED_BY_DRY_RUN, MERGE_HASHED_DIFFER, MERGE_ROOM, MERGE_ROOM_BYTES, MERGE_STATE, MERGE_STATE_BYTES,
  Pool, Zspage,
} from '../structs';
import { group_first, LOCATION_DOOMED } from '../zspage';
import { cellsDoomed } from './doomed';
import { merge_end } from './pass';

/** The pass that is under way while a dry run uses the pool's fields: its state, and its directory or small index. */
const SAVED: usize = memory.data(MERGE_STATE_BYTES + MERGE_ROOM_BYTES, 8);

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
  pool.mergeFlags = (pool.mergeFlags & ~MERGE_HASHED_DIFFER) | MERGE_HASHED_BY_DRY_RUN;
  for (let n: u32 = 0; n < pool.classes; n++) {
    const sizeClass = class_at(pool, n);
    if (sizeClass.objects == 1) continue;
    for (let group: u32 = 0; group < GROUPS; group++) {
      let zspage = group_first(sizeClass, group);
      for (; changetype<usize>(zspage) != 0; zspage = changetype<Zspage>(zspage.next)) {
        zspage.doomed = 0;
      }
    }
  }
}
