/**
 * Changes of the index that count together or not at all: blocks that are replaced keep their place in the file until the
 * change is on the disk, and after a failure everything is as it was.
 */
import type { Blocks } from './blocks.js';
import type { PageIndex } from './page-index.js';
import type { Extent, Space } from './space.js';

/** A file as the store knows it. */
export interface StoredFile {
  /** Its number in the store. */
  readonly id: number;
  readonly index: PageIndex;
}

export class Transaction {
  /** Files whose pages changed, with the page, what it was and what it is. */
  readonly #indexes: PageIndex[] = [];
  readonly #pages: number[] = [];
  readonly #old: number[] = [];
  readonly #now: number[] = [];
  readonly #made: number[] = [];
  /** Blocks that were moved, with the units where they were. */
  readonly moves = new Map<number, number>();
  readonly #undo: (() => void)[] = [];

  constructor(
    private readonly blocks: Blocks,
    private readonly space: Space,
  ) {}

  /** A block was made. */
  made(block: number): void {
    this.#made.push(block);
  }

  /** A block is to be moved. */
  moving(block: number): void {
    this.moves.set(block, this.blocks.unit[block]);
  }

  /** @returns whether the page was another */
  set(index: PageIndex, page: number, block: number): boolean {
    const old = index.get(page);
    if (old === block) return false;
    if (block !== 0) this.blocks.refs[block]++;
    index.set(page, block);
    this.#indexes.push(index);
    this.#pages.push(page);
    this.#old.push(old);
    this.#now.push(block);
    return true;
  }

  /** Something else changed, which this makes undone. */
  undoBy(undo: () => void): void {
    this.#undo.push(undo);
  }

  /** It is on the disk. */
  commit(): void {
    for (const block of this.#old) this.#release(block);
    for (const block of this.#made) this.#dropUnused(block);
    for (const [block, unit] of this.moves) {
      const { units } = this.blocks.extentOf(block);
      if (units > 0) this.space.free({ unit, units });
    }
  }

  /** It is not. @returns places of new blocks, which are free as soon as no record that names them can be on the disk */
  rollback(): Extent[] {
    const freed: Extent[] = [];
    for (let n = this.#pages.length - 1; n >= 0; n--) {
      this.#indexes[n].set(this.#pages[n], this.#old[n]);
      if (this.#now[n] !== 0) this.blocks.refs[this.#now[n]]--;
    }
    for (const undo of this.#undo.reverse()) undo();
    for (const [block, unit] of this.moves) {
      if (this.blocks.unit[block] !== unit) freed.push(this.blocks.extentOf(block));
      this.blocks.unit[block] = unit;
    }
    for (const block of this.#made) {
      freed.push(this.blocks.extentOf(block));
      this.blocks.remove(block);
    }
    return freed;
  }

  #release(block: number): void {
    if (block === 0) return;
    this.blocks.refs[block]--;
    this.#dropUnused(block);
  }

  #dropUnused(block: number): void {
    if (this.blocks.refs[block] > 0 || this.blocks.length[block] === 0) return;
    const moved = this.moves.get(block);
    const extent = this.blocks.extentOf(block);
    this.space.free(extent);
    if (moved !== undefined) {
      this.space.free({ unit: moved, units: extent.units });
      this.moves.delete(block);
    }
    this.blocks.remove(block);
  }
}
