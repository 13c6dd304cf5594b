/** Marks that a dry run leaves on what merging would free. */
import { cell_set_target } from '../cell';
import { Pool } from '../structs';
import { LOCATION_DOOMED, LOCATION_HUGE, zspage_of } from '../zspage';
import { FILL_EIGHTHS } from './key-index';
import { framesFreed } from './report';

/** Whether there are cells that bear a mark of the dry run. */
export let cellsDoomed: bool = false;

/** Counts an object that merging would free, and its zspage when it is the last one there. */
export function doom(pool: Pool, cell: u32, location: u32): void {
  if (takes_rounds(pool)) {
    // The next round would meet it again, and find it to be the first or the second of its kind.
    cell_set_target(cell, location | LOCATION_DOOMED);
    cellsDoomed = true;
  }
  const zspage = zspage_of(location);
  if (location & LOCATION_HUGE) {
    framesFreed++;
  } else if (++zspage.doomed == zspage.inUse) {
    framesFreed += zspage.sizeClass.frames;
  }
}

/** Whether the index may be too small for one round. */
// @ts-ignore: decorator
@inline
function takes_rounds(pool: Pool): bool {
  return (pool.mergeCapacity >> 3) * FILL_EIGHTHS < pool.objects;
}
