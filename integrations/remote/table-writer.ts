/** Writes a table that is another one with changes: the nodes above what changed, and no others. */
import type { ZramError } from '../../bindings/base/errors.js';
import type { PageTable } from './page-table.js';
import type { PutQueue } from './put-queue.js';
import { encodeNode, FANOUT, HOLE, KEY, TableNode } from './table-node.js';

/** A node that is new, with its level and number; `undefined`: there is none any more. */
export type Change = readonly [number, number, TableNode | undefined];

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
   * @param leaves those that change, in ascending order
   * @returns the key of the first node; `undefined`: all pages are holes
   * @throws ZramError EIO: the table cannot be read; or as `fill` and the queue
   */
  async write(leaves: readonly number[]): Promise<Uint8Array | undefined> {
    if (leaves.length === 0) return this.table.root.key;
    const [failure] = (await this.table.loadLeaves(leaves)).values() as Iterable<ZramError>;
    if (failure) throw failure;
    return this.#node(this.table.levels - 1, 0, leaves);
  }

  async #node(level: number, number: number, leaves: readonly number[]): Promise<Uint8Array | undefined> {
    const node = new TableNode(this.table.node(level, number));
    if (level === 0) await this.fill(number, node);
    else {
      for (const [child, some] of groupsOf(leaves, FANOUT ** (level - 1))) {
        const key = await this.#node(level - 1, child, some);
        if (key) node.set(child % FANOUT, KEY, key);
        else node.set(child % FANOUT, HOLE);
      }
    }
    const isEmpty = node.isEmpty;
    if (this.keep) this.changes.push([level, number, isEmpty ? undefined : node]);
    return isEmpty ? undefined : this.queue.add(encodeNode(node, level));
  }
}

/** Leaves by the node of a lower level that they are under, which covers `span` of them. */
function groupsOf(leaves: readonly number[], span: number): Map<number, number[]> {
  const groups = new Map<number, number[]>();
  for (const leaf of leaves) {
    const number = Math.floor(leaf / span);
    const group = groups.get(number);
    if (group) group.push(leaf);
    else groups.set(number, [leaf]);
  }
  return groups;
}
