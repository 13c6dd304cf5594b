/**
 * Memory that is kept for saving. A save begins with a snapshot of each export, which takes a few pages: where clients
 * have written until nothing was left, there would be none, and all would be lost for want of 12 KiB.
 */
import { randomFillSync } from 'node:crypto';

import { ZramError, type Engine, type ZsPool } from '../../bindings/index.js';
import { PAGE_BYTES } from '../page-list.js';

/** Of a snapshot: its root, and what may be rounded up. */
const SNAPSHOT_BYTES = 16 * 1024;
/** Beyond that, a page for as much of the disk as one holds the table of. */
const TABLE_COVERS_BYTES = 2 * 2 ** 30;
/** That part is at most this share of all memory: disks of TiBs are nearly empty where memory is short. */
const TABLE_SHARE_MAX = 1 / 64;
/** One save may still be writing when the next one is to be possible. */
const SAVES = 2;

export class Reserve {
  readonly #page = randomFillSync(Buffer.alloc(PAGE_BYTES));
  /** Pages of it take no part in merging, as its pool is not that of the exports. */
  #pool: ZsPool | undefined;
  #held = 0;
  #wanted = 0;

  constructor(readonly engine: Engine) {}

  /** Holds what saving exports of these sizes takes. @returns false: there is less */
  holdFor(sizes: Iterable<number>): boolean {
    let [roots, tables] = [0, 0];
    for (const size of sizes) {
      roots += SNAPSHOT_BYTES;
      tables += Math.ceil(size / TABLE_COVERS_BYTES) * PAGE_BYTES;
    }
    const { limit } = this.engine.memory;
    this.#wanted = Math.ceil((SAVES * (roots + Math.min(tables, limit * TABLE_SHARE_MAX))) / PAGE_BYTES);
    if (this.#held > this.#wanted) this.#free();
    return this.refill();
  }

  /** Gives the memory to `work`, which takes what it needs before it returns; what is left is held again. */
  lend<T>(work: () => T): T {
    this.#free();
    try {
      return work();
    } finally {
      this.refill();
    }
  }

  /** Holds again what there is, up to what is wanted. @returns false: there is less */
  refill(): boolean {
    try {
      this.#fill();
      return true;
    } catch (error) {
      if (error instanceof ZramError && error.code === 'ENOMEM') return false;
      throw error;
    }
  }

  #fill(): void {
    if (this.#held >= this.#wanted) return;
    this.#pool ??= this.engine.createPool();
    for (; this.#held < this.#wanted; this.#held++) this.#pool.store(this.#page);
  }

  #free(): void {
    this.#pool?.destroy();
    this.#pool = undefined;
    this.#held = 0;
  }
}
