/** What a state of a history would take if it were alone: whether dropping the others can help. */
import { PAGE_SIZE } from './arguments.js';
import { STATE_STORED, sizeOfState, type StoredPages } from './stored-pages.js';

const SLOTS_PER_FRAME = 512;
/** Two chunks of slots that the state fills in part, and the tree above them. */
const TABLE_FRAMES = 6;
/** A page takes up to two cells: its handle and one that its sharers have in common, or the two halves of a fill value. */
const CELLS_OF_PAGE_BYTES = 16;

/** Most bytes of tables and cells for so many pages. */
export function metadataBytes(pages: number): number {
  return pages * CELLS_OF_PAGE_BYTES + (Math.floor(pages / SLOTS_PER_FRAME) + TABLE_FRAMES) * PAGE_SIZE;
}

interface SizeClass {
  /** Objects of a zspage. */
  readonly objects: number;
  /** Pages of a zspage. */
  readonly pages: number;
}

/** Bytes of the zspages that pages of a device take when all others are gone and the pool is compacted: exact. */
export function zspageBytes(stored: StoredPages, index: number, count: number): number {
  const { raw } = stored.core;
  const classes = classesOf(stored);
  const words = stored.states(index, count, new Uint32Array(2 * count));
  const known = new Set<number>();
  const objects = new Map<SizeClass, number>();
  for (let n = 0; n < count; n++) {
    const [state, object] = [words[2 * n], words[2 * n + 1]];
    if (!(state & STATE_STORED) || known.has(object)) continue;
    known.add(object);
    const sizeClass = classes.get(raw.poolClassIndex(stored.pool.address, sizeOfState(state))) as SizeClass;
    objects.set(sizeClass, (objects.get(sizeClass) ?? 0) + 1);
  }
  let pages = 0;
  for (const [sizeClass, used] of objects) pages += Math.ceil(used / sizeClass.objects) * sizeClass.pages;
  return pages * PAGE_SIZE;
}

/** The pool's size classes by their size index. */
function classesOf({ core, pool }: StoredPages): Map<number, SizeClass> {
  core.raw.poolStats(pool.address);
  const count = core.number(8);
  const classes = new Map<number, SizeClass>();
  for (let n = 0; n < count; n++) {
    core.raw.poolClass(pool.address, n);
    const [size, pages] = [core.number(1), core.number(17)];
    classes.set(core.number(0), { objects: Math.floor((pages * PAGE_SIZE) / size), pages });
  }
  return classes;
}
