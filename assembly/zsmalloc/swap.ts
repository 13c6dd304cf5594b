/** Objects of one size class that change places. */
import { DEBUG } from '../common';
import { SCRATCH_A, SCRATCH_B } from '../memory/staging';
import { cell_set_target, cell_target } from './cell';
import { header_length, object_bytes, object_header, object_move, object_put, object_set_header } from './object';
import { LOCATION_HUGE, zspage_of } from './zspage';

/** The objects of two cells, not huge ones, change places. Both cells own theirs. */
export function objects_swap(cellA: u32, cellB: u32): void {
  const a = cell_target(cellA);
  const b = cell_target(cellB);
  if (DEBUG) {
    assert(!((a | b) & LOCATION_HUGE)); // their header is not in the object
    assert(zspage_of(a).sizeClass == zspage_of(b).sizeClass); // the larger one would not fit
  }
  const header = object_header(a);
  const length = header_length(header);
  memory.copy(SCRATCH_B, object_bytes(a, length, SCRATCH_A), length);
  object_move(a, b);
  object_set_header(b, header);
  object_put(b, 0, SCRATCH_B, length);
  cell_set_target(cellA, b);
  cell_set_target(cellB, a);
}
