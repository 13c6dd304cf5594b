/**
 * A device on several threads.
 * @module zram-wasm/parallel
 */
export { ParallelZram } from './parallel/parallel-zram.js';
export type { ParallelStats, ParallelZramOptions } from './parallel/types.js';
export { LostPagesError } from './parallel/lost-pages-error.js';
export type { WorkerLike, WorkerSource } from './parallel/worker-source.js';
export type { CoreSource } from './core.js';
export type { EngineMemory, EngineOptions } from './engine.js';
export type { RecompressOptions, RecompressReport } from './post-process/recompress.js';
export { ZramError, type ZramErrorCode } from './errors.js';
export type { Size } from './size.js';
export type { RecompAlgorithm, ZramOptions } from './zram-options.js';
export type { IoStat, MmStat } from './zram-stats.js';
export type { CompactReport, MergeOptions, MergeReport, PoolOptions } from './zs-pool.js';
