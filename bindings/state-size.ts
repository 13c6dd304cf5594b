/** What a state of a history would take if it were alone: whether dropping the others can help. */
import { PAGE_SIZE } from './arguments.js';
import { STATE_STORED, sizeOfState, type StoredPages } from './stored-pages.js';

const SLOTS_PER_FRAME = 512;
/** A slot's handle is a cell, and so is what several handles share. */
const CELL_BYTES = 8;
/** Descriptors are 32 to 96 bytes. */
const DESCRIPTOR_BYTES = 64;
/** The two frames of the table's tree, and two chunks that the state fills in part. */
const TABLE_FRAMES = 4;

interface SizeClass {
  /** Bytes of an object. */
  readonly size: number;
  /** Pages of a zspage. */
  readonly pages: number;
}

/**
 * Bytes that pages of a device take beside what the device takes without any, with all other pages gone and the pool compacted,
 * as exactly as can be told beforehand.
 */
export function aloneBytes(stored: StoredPages, index: number, count: number): number {
  const { core, pool } = stored;
  const classes = classesOf(stored);
  const words = stored.states(index, count, new Uint32Array(2 * count));
  const objects = new Set<number>();
  const perClass = new Map<SizeClass, number>();
  for (let n = 0; n < count; n++) {
    const [state, object] = [words[2 * n], words[2 * n + 1]];
    if (!(state & STATE_STORED) || objects.has(object)) continue;
    objects.add(object);
    const sizeClass = classes.get(core.raw.poolClassIndex(pool.address, sizeOfState(state))) as SizeClass;
    perClass.set(sizeClass, (perClass.get(sizeClass) ?? 0) + 1);
  }
  let bytes = (count + objects.size) * CELL_BYTES;
  for (const [{ size, pages }, used] of perClass) {
    const zspages = Math.ceil(used / Math.floor((pages * PAGE_SIZE) / size));
    bytes += zspages * (pages * PAGE_SIZE + DESCRIPTOR_BYTES);
  }
  core.raw.poolStats(pool.address);
  return bytes + core.number(12) + (Math.floor(count / SLOTS_PER_FRAME) + TABLE_FRAMES) * PAGE_SIZE;
}

/** The pool's size classes by their size index. */
function classesOf({ core, pool }: StoredPages): Map<number, SizeClass> {
  core.raw.poolStats(pool.address);
  const count = core.number(8);
  const classes = new Map<number, SizeClass>();
  for (let n = 0; n < count; n++) {
    core.raw.poolClass(pool.address, n);
    classes.set(core.number(0), { size: core.number(1), pages: core.number(17) });
  }
  return classes;
}
