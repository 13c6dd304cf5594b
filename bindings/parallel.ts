/**
 * A device on several threads.
 * @module zram-wasm/parallel
 */
export { ParallelZram, type ParallelStats, type ParallelZramOptions } from './parallel/parallel-zram.js';
export { LostPagesError } from './parallel/lost-pages-error.js';
export type { WorkerLike, WorkerSource } from './parallel/worker-source.js';
export type { CoreSource } from './core.js';
export type { EngineMemory, EngineOptions } from './engine.js';
export { ZramError, type ZramErrorCode } from './errors.js';
export type { Size } from './size.js';
export type { ZramOptions } from './zram-options.js';
export type { IoStat, MmStat } from './zram-stats.js';
export type { CompactReport, MergeOptions, MergeReport, PoolOptions } from './zs-pool.js';
