/** Merging across all exports: in the background, and at once when it is asked for. */
import { setImmediate as turn } from 'node:timers/promises';

import type { Ksmd, KsmdStats, ZsPool } from '../../bindings/index.js';

/** At most 2 of 52 ms, in which some 5,000 objects are looked at. */
const BACKGROUND = { pagesToScan: 5000, sleepMillisecs: 50, sliceMillisecs: 2 };
/** For which a slice of a merge that was asked for holds up clients. */
const SLICE_MILLISECONDS = 4;

export interface Merged {
  readonly objectsScanned: number;
  readonly objectsMerged: number;
  readonly bytesMerged: number;
  /** 4 KiB frames that merging and compacting freed. */
  readonly pagesFreed: number;
  readonly milliseconds: number;
}

export class Merging {
  readonly #ksmd: Ksmd;
  #running: Promise<Merged> | undefined;

  constructor(readonly pool: ZsPool) {
    this.#ksmd = pool.createKsmd(BACKGROUND);
    this.#ksmd.start();
  }

  stats(): KsmdStats {
    return this.#ksmd.stats();
  }

  /** Ends all merging: one that was asked for ends after its slice. */
  stop(): void {
    this.#ksmd.destroy();
  }

  /** Merges what is there now, then compacts, which is one synchronous call. Who asks meanwhile gets the same. */
  merge(): Promise<Merged> {
    return (this.#running ??= this.#merge().finally(() => {
      this.#running = undefined;
    }));
  }

  async #merge(): Promise<Merged> {
    const start = performance.now();
    const sum = { objectsScanned: 0, objectsMerged: 0, bytesMerged: 0, pagesFreed: 0 };
    // The pass that is under way has left behind it what was written since; the next one has not.
    for (let passes = 0; passes < 2;) {
      const report = this.pool.merge({ maxMilliseconds: SLICE_MILLISECONDS });
      sum.objectsScanned += report.objectsScanned;
      sum.objectsMerged += report.objectsMerged;
      sum.bytesMerged += report.bytesMerged;
      sum.pagesFreed += report.pagesFreed;
      if (report.complete) passes++;
      await turn();
    }
    sum.pagesFreed += this.pool.compact().pagesFreed;
    return { ...sum, milliseconds: performance.now() - start };
  }
}
