/** The options of a device on several workers, and its counters. */
import type { Size } from '../base/size.js';
import type { EngineMemory } from '../core/host.js';
import type { EngineOptions } from '../core/options.js';
import type { ZramOptions } from '../device/options.js';
import type { IoStat, MmStat } from '../device/stats.js';
import type { WorkerSource } from './worker-source.js';

/** The options of a device on several workers. */
export interface ParallelZramOptions
  extends
    Omit<ZramOptions, 'pool' | 'backing' | 'compressedWriteback' | 'writebackBatchSize'>,
    Omit<EngineOptions, 'compressors'> {
  /** Threads, 1 to 64, each with an engine of up to 4 GiB. Default: the machine's hardware threads, at most 8. */
  workers?: number | undefined;
  /**
   * Most bytes of all workers' pools; each has an equal share, rounded to pages. 0: no limit. A write beyond it is
   * `ENOMEM`.
   */
  memLimit?: Size | undefined;
  /** As PoolOptions has it, of all workers' pools; each has an equal share, of 32 KiB or more. Default: 0. */
  dedupCache?: Size | undefined;
  /** Bytes to which the linear memory of *each* worker's engine may grow; default and most: 4 GiB less 64 KiB. */
  maxMemory?: Size | undefined;
  /**
   * The address of the worker's script, for bundlers that do not find it, or a function that starts a worker with it.
   * Default: `parallel-worker.js` beside the library.
   */
  worker?: WorkerSource | undefined;
  /**
   * Whether pages are sent to the workers through shared memory; otherwise buffers are transferred. Default: true where
   * it is available, which in a browser is on cross-origin isolated pages.
   */
  sharedMemory?: boolean | undefined;
}

/** The sums of the workers' counters, and those of each worker. */
export interface ParallelStats {
  /** Sums. `memUsedMax` is the sum of the workers' maxima, which they may have reached at different times. */
  readonly mmStat: MmStat;
  /** Sums; `notifyFree` counts each page of a discard once. */
  readonly ioStat: IoStat;
  /** Sums over the workers' engines. */
  readonly memory: EngineMemory;
  /** Of each live worker. */
  readonly workers: readonly {
    /** Of the worker's device. */
    readonly mmStat: MmStat;
    /** Of the worker's engine. */
    readonly memory: EngineMemory;
  }[];
}
