/**
 * The objects of a device in the order of its pages, so that pages which are read in turn lie near each other. Only
 * objects of one size class change places: no counter changes.
 */
import { sizeOfState, STATE_MERGED, STATE_STORED } from '../../core/layout.js';
import { compactPool, readCompactOptions, type CompactOptions, type CompactReport } from '../../pool/operations.js';
import type { Disk } from '../disk.js';
import { slotsWith } from './picks.js';

/**
 * @param ready returns the device's disk, and checks that it is alive; called after the options were read
 * @throws ZramError EINVAL: a wrong option
 */
export function compactDevice(ready: () => Disk, given: CompactOptions | undefined): CompactReport {
  const { inPageOrder } = readCompactOptions(given);
  const disk = ready();
  const start = performance.now();
  const report = compactPool(disk.core, disk.pool.address);
  if (!inPageOrder) return report;
  const objectsMoved = report.objectsMoved + sortByPage(disk);
  return Object.freeze({ ...report, objectsMoved, milliseconds: performance.now() - start });
}

/** @returns how many were moved */
function sortByPage(disk: Disk): number {
  let moved = 0;
  for (const objects of objectsByClass(disk)) moved += sortObjects(disk, objects);
  return moved;
}

/** The objects of each size class in the order of the first page that holds them. Huge ones have zspages of their own. */
function objectsByClass(disk: Disk): Iterable<number[]> {
  const { core, pool } = disk;
  const classes = new Map<number, number[]>();
  const merged = new Set<number>();
  for (const index of slotsWith(disk, STATE_STORED, 0)) {
    const state = disk.state(index);
    const size = sizeOfState(state);
    if (size >= pool.hugeClassSize) continue;
    const object = core.words()[1];
    if (state & STATE_MERGED) {
      if (merged.has(object)) continue;
      merged.add(object);
    }
    const sizeClass = core.raw.poolClassIndex(pool.address, size);
    const objects = classes.get(sizeClass);
    if (objects) objects.push(object);
    else classes.set(sizeClass, [object]);
  }
  return classes.values();
}

/** The n-th object to the n-th of the places that they have. */
function sortObjects({ core }: Disk, objects: readonly number[]): number {
  const places = Uint32Array.from(objects, (object) => core.raw.poolObjectPlace(object) >>> 0);
  /** Which object, by its number in the list, is at a place. */
  const holders = new Map<number, number>();
  for (const [n, place] of places.entries()) holders.set(place, n);
  let moved = 0;
  for (const [n, wanted] of places.slice().sort().entries()) {
    const place = places[n];
    if (place === wanted) continue;
    const other = holders.get(wanted) as number;
    core.raw.poolSwapObjects(objects[n], objects[other]);
    places[other] = place;
    places[n] = wanted;
    holders.set(place, other);
    moved++;
  }
  return moved;
}
