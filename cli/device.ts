/** The device of one algorithm, on a pool of its own, and what is measured while it is filled. */
import { ZramError, type Engine, type MmStat, type PoolOptions, type Zram, type ZsPool } from '../bindings/index.js';
import type { InputResult } from './analysis.js';
import { PAGE_BYTES } from './page-list.js';
import { noTime, timed } from './step-time.js';

/** A device is sparse and its size costs nothing, so it is larger than any input of unknown length. */
export const DISK_BYTES = 1024 ** 4;

/** Whose size classes a device has; undefined: the library's default, and the kernel's. */
export type Rules = Pick<PoolOptions, 'kernel' | 'chainSize'>;

export class Device {
  /** For what the device does not report: the savings by sharing, and the size classes. */
  readonly pool: ZsPool;
  readonly zram: Zram;
  readonly store = noTime();
  readonly inputs: InputResult[] = [];
  #last: MmStat;

  /** @param options whose rules it has, and whether it deduplicates inline */
  constructor(
    engine: Engine,
    readonly algorithm: string,
    { dedup = false, ...rules }: Rules & { dedup?: boolean } = {},
  ) {
    this.pool = engine.createPool(rules);
    this.zram = engine.createZram({ disksize: DISK_BYTES, compAlgorithm: algorithm, dedup, pool: this.pool });
    this.#last = this.zram.mmStat;
  }

  /** Stores whole pages and returns how many fitted. */
  write(index: number, pages: Uint8Array): number {
    try {
      timed(this.store, pages.length, () => this.zram.writePages(index, pages));
      return pages.length / PAGE_BYTES;
    } catch (error) {
      if (error instanceof ZramError && error.code === 'ENOMEM') return error.pagesDone ?? 0;
      throw error;
    }
  }

  /** Ends the row of one input: how much the columns have grown since the previous one. */
  endInput(): void {
    const now = this.zram.mmStat;
    this.inputs.push({
      samePages: now.samePages - this.#last.samePages,
      hugePages: now.hugePages - this.#last.hugePages,
      comprDataSize: now.comprDataSize - this.#last.comprDataSize,
      pagesSharing: 0,
    });
    this.#last = now;
  }
}
