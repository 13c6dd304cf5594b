/** The table of a saved device: which value of the tier each page is. Its nodes are read when they are needed. */
import { ZramError } from '../../bindings/base/errors.js';
import { deleteRange } from './delete-range.js';
import { sameBytes } from './same-bytes.js';
import { damaged, decodeNode, FANOUT, HOLE, KEY, type TableNode } from './table-node.js';
import type { TableRoot } from './table-root.js';
import { isKeyOf, type RemoteTier } from './tier.js';

/** Nodes that are read with one call. */
const BATCH = 64;

/** Levels of a table of so many pages. */
export function levelsOf(pages: number): number {
  let levels = 1;
  for (let covered = FANOUT; covered < pages; covered *= FANOUT) levels++;
  return levels;
}

/** Nodes of this level before the number; of level -1, pages. */
const below = (level: number): number => FANOUT ** (level + 1);

export class PageTable {
  readonly pages: number;
  readonly levels: number;
  #key: Uint8Array | undefined;
  /** By level, then by number. */
  readonly #nodes: Map<number, TableNode>[];
  readonly #loading = new Map<string, Promise<ZramError | undefined>>();

  constructor(
    private readonly tier: RemoteTier,
    { pages, key }: TableRoot,
  ) {
    this.pages = pages;
    this.levels = levelsOf(pages);
    this.#key = key;
    this.#nodes = Array.from({ length: this.levels }, () => new Map<number, TableNode>());
  }

  get root(): TableRoot {
    return { pages: this.pages, key: this.#key };
  }

  /** A node; `undefined`: it is a hole, or not loaded. */
  node(level: number, number: number): TableNode | undefined {
    return this.#nodes[level]?.get(number);
  }

  /** The key of a node; `undefined`: it is a hole. The node above must be loaded. */
  keyOfNode(level: number, number: number): Uint8Array | undefined {
    if (level === this.levels - 1) return this.#key;
    const parent = this.node(level + 1, Math.floor(number / FANOUT));
    const slot = number % FANOUT;
    return parent?.kinds[slot] === KEY ? parent.at(slot) : undefined;
  }

  /** Loads the leaves with these numbers. Returns why some could not be, by their number. */
  loadLeaves(leaves: Iterable<number>): Promise<Map<number, ZramError>> {
    return this.loadFromTop(0, leaves);
  }

  /** Loads nodes of a level, and those above them. Returns why some could not be, by their number. */
  async loadFromTop(lowest: number, numbers: Iterable<number>): Promise<Map<number, ZramError>> {
    const failures = new Map<number, ZramError>();
    let left = [...new Set(numbers)];
    for (let level = this.levels - 1; level >= lowest; level--) {
      const span = FANOUT ** (level - lowest);
      const wanted = new Set(left.map((number) => Math.floor(number / span)));
      const failed = await this.load(level, wanted);
      if (failed.size === 0) continue;
      left = left.filter((number) => {
        const failure = failed.get(Math.floor(number / span));
        if (failure) failures.set(number, failure);
        return !failure;
      });
    }
    return failures;
  }

  /** Loads nodes whose parents are loaded. Returns why some could not be. */
  async load(level: number, numbers: Iterable<number>): Promise<Map<number, ZramError>> {
    const waited: [number, Promise<ZramError | undefined>][] = [];
    const missing: number[] = [];
    for (const number of numbers) {
      if (this.node(level, number) || !this.keyOfNode(level, number)) continue;
      const loading = this.#loading.get(`${level}/${number}`);
      if (loading) waited.push([number, loading]);
      else missing.push(number);
    }
    for (let n = 0; n < missing.length; n += BATCH) {
      const some = missing.slice(n, n + BATCH);
      const loaded = this.#fetch(level, some);
      some.forEach((number, i) => {
        const one = loaded.then((failures) => failures[i]).finally(() => this.#loading.delete(`${level}/${number}`));
        this.#loading.set(`${level}/${number}`, one);
        waited.push([number, one]);
      });
    }
    const failures = new Map<number, ZramError>();
    for (const [number, one] of waited) {
      const failure = await one;
      if (failure) failures.set(number, failure);
    }
    return failures;
  }

  /** Never rejects. */
  async #fetch(level: number, numbers: readonly number[]): Promise<(ZramError | undefined)[]> {
    const keys = numbers.map((number) => this.keyOfNode(level, number) as Uint8Array);
    const values = await valuesOf(this.tier, keys);
    return numbers.map((number, n) => {
      const first = number * below(level);
      const pages = `pages ${first} to ${Math.min(first + below(level), this.pages) - 1}`;
      try {
        const value = values[n];
        if (!(value instanceof Uint8Array)) throw damaged(value?.message ?? 'it is not in the tier');
        const slots = Math.ceil((this.pages - first) / below(level - 1));
        const node = decodeNode(value, level, slots);
        // A save may have dropped it meanwhile, with its pages; it would come back with what they were.
        const key = this.keyOfNode(level, number);
        if (key && sameBytes(key, keys[n])) this.#nodes[level]?.set(number, node);
        return undefined;
      } catch (cause) {
        const text = `the table of ${pages} cannot be read: ${(cause as Error).message}`;
        return new ZramError('EIO', text, undefined, { cause });
      }
    });
  }

  /** Drops a node from memory. */
  forget(level: number, number: number): void {
    this.#nodes[level]?.delete(number);
  }

  #forgetAll(level: number, number: number): void {
    this.forget(level, number);
    for (let each = 0; each < level; each++) {
      const span = FANOUT ** (level - each);
      deleteRange(this.#nodes[each], number * span, (number + 1) * span);
    }
  }

  /** Becomes the table of which these nodes are new; those of pages that were loaded must have been. */
  replace(key: Uint8Array | undefined, changed: readonly (readonly [number, number, TableNode | undefined])[]): void {
    this.#key = key;
    for (const [level, number, node] of changed) {
      if (node) this.#nodes[level]?.set(number, node);
      else this.#forgetAll(level, number);
    }
  }

  /**
   * All leaves that are not holes, with their numbers and keys of all nodes on the way, which are dropped from memory
   * again.
   * @param onLost gets ranges of pages whose table cannot be read
   */
  async *walk(onLost: (index: number, count: number, failure: ZramError) => void): AsyncGenerator<Visit> {
    const top = this.levels - 1;
    const failures = await this.load(top, [0]);
    const failure = failures.get(0);
    if (failure) onLost(0, this.pages, failure);
    else yield* this.#walk(top, 0, onLost);
  }

  async *#walk(level: number, number: number, onLost: Parameters<PageTable['walk']>[0]): AsyncGenerator<Visit> {
    const node = this.node(level, number);
    const key = this.keyOfNode(level, number);
    if (!node || !key) return;
    yield { level, number, key, node };
    if (level > 0) {
      const children: number[] = [];
      for (let slot = 0; slot < FANOUT; slot++) if (node.kinds[slot] !== HOLE) children.push(number * FANOUT + slot);
      const failures = await this.load(level - 1, children);
      for (const child of children) {
        const failure = failures.get(child);
        const first = child * below(level - 1);
        if (failure) onLost(first, Math.min(below(level - 1), this.pages - first), failure);
        else yield* this.#walk(level - 1, child, onLost);
      }
    }
    this.forget(level, number);
  }
}

/** A node of a table, met on the way. */
export interface Visit {
  readonly level: number;
  readonly number: number;
  readonly key: Uint8Array;
  readonly node: TableNode;
}

/** Values that are those of their keys; an Error for one that is not, or that there is none. Never rejects. */
export async function valuesOf(
  tier: RemoteTier,
  keys: readonly Uint8Array[],
): Promise<readonly (Uint8Array | Error)[]> {
  let values: readonly (Uint8Array | undefined | Error)[];
  try {
    values = await tier.getMany(keys);
    if (values?.length !== keys.length) throw new ZramError('EIO', 'the tier did not answer for each value.');
  } catch (error) {
    return keys.map(() => asError(error));
  }
  return keys.map((key, n) => {
    const value = values[n] ?? undefined;
    if (value === undefined) return new ZramError('EIO', 'the tier does not have it.');
    if (!(value instanceof Uint8Array)) return asError(value);
    return isKeyOf(key, value) ? value : new ZramError('EIO', 'the tier returned another value.');
  });
}

export function asError(error: unknown): Error {
  return error instanceof Error ? error : new Error(String(error));
}
