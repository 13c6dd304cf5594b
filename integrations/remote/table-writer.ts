/** Writes a table that is another one with changes: the nodes above what changed, and no others. */
import type { ZramError } from '../../bindings/base/errors.js';
import type { PageTable } from './page-table.js';
import type { PutQueue } from './put-queue.js';
import { encodeNode, FANOUT, HOLE, KEY, TableNode } from './table-node.js';

/** A node that is new, with its level and number; `undefined`: there is none any more, and none below it. */
export type Change = readonly [number, number, TableNode | undefined];

/** A node by its place, of which changes are the lowest: a leaf whose pages change, or one that all becomes a hole. */
export interface Place {
  readonly level: number;
  readonly number: number;
  readonly isHole: boolean;
}

export class TableWriter {
  readonly changes: Change[] = [];

  /**
   * @param fill changes the entries of a leaf, and puts the values of its pages
   * @param keep whether nodes are collected in `changes`
   */
  constructor(
    private readonly table: PageTable,
    private readonly queue: PutQueue,
    private readonly fill: (leaf: number, node: TableNode) => Promise<void>,
    private readonly keep: boolean,
  ) {}

  /**
   * @param places leaves that change, and nodes of any level that become holes; none is in another
   * @returns the key of the first node; `undefined`: all pages are holes
   * @throws ZramError EIO: the table cannot be read; or as `fill` and the queue
   */
  async write(places: readonly Place[]): Promise<Uint8Array | undefined> {
    if (places.length === 0) return this.table.root.key;
    await this.#load(places);
    return this.#node(this.table.levels - 1, 0, places);
  }

  /** Of what becomes a hole, the nodes above are enough. */
  async #load(places: readonly Place[]): Promise<void> {
    const wanted = Array.from({ length: this.table.levels + 1 }, (): number[] => []);
    for (const { level, number, isHole } of places) {
      if (isHole) wanted[level + 1].push(Math.floor(number / FANOUT));
      else wanted[level].push(number);
    }
    for (const [level, numbers] of wanted.entries()) {
      if (numbers.length === 0) continue;
      const [failure] = (await this.table.loadFromTop(level, numbers)).values() as Iterable<ZramError>;
      if (failure) throw failure;
    }
  }

  async #node(level: number, number: number, places: readonly Place[]): Promise<Uint8Array | undefined> {
    if (places[0].isHole && places[0].level === level) return this.#changed(level, number, undefined);
    const node = new TableNode(this.table.node(level, number));
    if (level === 0) await this.fill(number, node);
    else {
      for (const [child, some] of childrenOf(places, level - 1)) {
        const key = await this.#node(level - 1, child, some);
        if (key) node.set(child % FANOUT, KEY, key);
        else node.set(child % FANOUT, HOLE);
      }
    }
    return this.#changed(level, number, node.isEmpty ? undefined : node);
  }

  async #changed(level: number, number: number, node: TableNode | undefined): Promise<Uint8Array | undefined> {
    if (this.keep) this.changes.push([level, number, node]);
    return node && this.queue.add(encodeNode(node, level));
  }
}

/** Places by the node of a level that they are, or that they are under. */
function childrenOf(places: readonly Place[], level: number): Map<number, Place[]> {
  const groups = new Map<number, Place[]>();
  for (const place of places) {
    const number = Math.floor(place.number / FANOUT ** (level - place.level));
    const group = groups.get(number);
    if (group) group.push(place);
    else groups.set(number, [place]);
  }
  return groups;
}
