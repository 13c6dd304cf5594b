/**
 * A device on several threads.
 * @module zram-wasm/parallel
 */
export { ParallelZram } from './parallel/parallel-zram.js';
export type { ParallelStats, ParallelZramOptions } from './parallel/types.js';
export { LostPagesError } from './parallel/lost-pages-error.js';
export type { WorkerLike, WorkerSource } from './parallel/worker-source.js';
export type { CoreSource } from './core/source.js';
export type { EngineMemory } from './core/host.js';
export type { EngineOptions } from './core/options.js';
export type { RecompressOptions, RecompressReport } from './device/post-process/recompress.js';
export { ZramError, type ZramErrorCode } from './base/errors.js';
export type { Size } from './base/size.js';
export type { RecompAlgorithm, ZramOptions } from './device/options.js';
export type { IoStat, MmStat } from './device/stats.js';
export type { CompactReport, MergeOptions, MergeReport } from './pool/operations.js';
export type { PoolOptions } from './pool/options.js';
