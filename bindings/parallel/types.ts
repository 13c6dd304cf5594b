/** What a device of several workers is made with, and its counters. */
import type { Size } from '../base/size.js';
import type { EngineMemory } from '../core/host.js';
import type { EngineOptions } from '../core/options.js';
import type { ZramOptions } from '../device/options.js';
import type { IoStat, MmStat } from '../device/stats.js';
import type { WorkerSource } from './worker-source.js';

/** What a device of several workers is made with. */
export interface ParallelZramOptions extends Omit<ZramOptions, 'pool' | 'backing'>, Omit<EngineOptions, 'compressors'> {
  /** Threads, 1 to 64, each with an engine of up to 4 GiB. Default: what the machine runs at once, at most 8. */
  workers?: number | undefined;
  /** Most bytes of all workers' pools; each has an equal share, rounded to pages. 0 = none. A write beyond is `ENOMEM`. */
  memLimit?: Size | undefined;
  /** Bytes to which the linear memory of *each* worker's engine may grow; default and most: 4 GiB less 64 KiB. */
  maxMemory?: Size | undefined;
  /**
   * Where the worker's script is, for bundlers that do not find it, or what starts a worker with it. Default:
   * `parallel-worker.js` beside the library.
   */
  worker?: WorkerSource | undefined;
  /**
   * Whether pages go to the workers through shared memory. Default: where it is to be had, which in a browser is a page that
   * is cross-origin isolated. Without it buffers are transferred.
   */
  sharedMemory?: boolean | undefined;
}

/** What the workers' counters add up to, and each worker's own. */
export interface ParallelStats {
  /** Sums. `memUsedMax` is the sum of the workers' maxima, which they need not have reached at one time. */
  readonly mmStat: MmStat;
  /** Sums; `notifyFree` counts each page of a discard once. */
  readonly ioStat: IoStat;
  /** Sums, over the workers' engines. */
  readonly memory: EngineMemory;
  /** Of the workers that are alive. */
  readonly workers: readonly {
    /** Of the worker's device. */
    readonly mmStat: MmStat;
    /** Of the worker's engine. */
    readonly memory: EngineMemory;
  }[];
}
