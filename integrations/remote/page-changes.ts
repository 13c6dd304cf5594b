/** What becomes of changed pages in a table: leaves that are filled anew, and whole nodes that become holes. */
import type { PageRange, Zram } from '../../bindings/index.js';
import { PAGE_SIZE } from './page-blocks.js';
import { FANOUT } from './table-node.js';
import type { Place } from './table-writer.js';

export interface PageChanges {
  /** Pages that changed, holes among them. */
  readonly pages: number;
  /** Those that are looked at one by one, by leaf. */
  readonly leaves: ReadonlyMap<number, readonly number[]>;
  /** Those leaves, and the nodes that become holes. */
  readonly places: readonly Place[];
}

/** @param changed in ascending order. They cost what is stored in them, and their borders */
export function changesOf(device: Zram, changed: Iterable<PageRange>, levels: number): PageChanges {
  const leaves = new Map<number, number[]>();
  const holes: Place[] = [];
  const disk = device.disksize / PAGE_SIZE;
  let pages = 0;
  const each = (from: number, end: number): void => {
    for (let page = from; page < end; page++) {
      const leaf = Math.floor(page / FANOUT);
      const those = leaves.get(leaf);
      if (those) those.push(page);
      else leaves.set(leaf, [page]);
    }
  };
  for (const { index, count } of changed) {
    pages += count;
    for (const { offset, length, kind } of device.extents(index * PAGE_SIZE, count * PAGE_SIZE)) {
      const from = offset / PAGE_SIZE;
      const end = from + length / PAGE_SIZE;
      const first = Math.ceil(from / FANOUT);
      const last = end === disk ? Math.ceil(end / FANOUT) : Math.floor(end / FANOUT);
      if (kind !== 'hole' || first >= last) each(from, end);
      else {
        each(from, first * FANOUT);
        for (const hole of nodesOf(first, last, levels)) holes.push(hole);
        each(Math.min(last * FANOUT, end), end);
      }
    }
  }
  const filled = [...leaves.keys()].map((number): Place => ({ level: 0, number, isHole: false }));
  return { pages, leaves, places: [...filled, ...holes] };
}

/** The largest nodes that make up these leaves. */
function* nodesOf(first: number, end: number, levels: number): Generator<Place> {
  for (let leaf = first; leaf < end;) {
    let level = 0;
    let span = 1;
    while (level + 1 < levels && leaf % (span * FANOUT) === 0 && leaf + span * FANOUT <= end) {
      level++;
      span *= FANOUT;
    }
    yield { level, number: leaf / span, isHole: true };
    leaf += span;
  }
}
