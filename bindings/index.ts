/**
 * The public API.
 *
 * `zram-wasm` has the WebAssembly core inlined; `zram-wasm/external` is the same library with the core in a file of its own,
 * `zram-wasm/core.wasm`.
 * @module zram-wasm
 */
export type { AbortSignalLike, AsyncOptions } from './async-call.js';
export { Engine, type EngineMemory, type EngineOptions } from './engine.js';
export { ZramError, type ZramErrorCode } from './errors.js';
export type { CoreSource } from './core.js';
export type { AsyncBacking, Backing } from './backing/backing.js';
export { MemoryBacking } from './backing/memory.js';
export { OpfsBacking } from './backing/opfs.js';
export { Ksmd, type KsmdOptions, type KsmdStats } from './ksmd.js';
export type { Size } from './size.js';
export type { Sysfs } from './sysfs.js';
export type { Compressor } from './compressors/compressor.js';
export type { PageRange } from './page-diff.js';
export type { PageType } from './post-process/picks.js';
export type { RecompressOptions, RecompressReport } from './post-process/recompress.js';
export type { WritebackAsyncOptions, WritebackOptions, WritebackReport } from './post-process/writeback.js';
export type { LoadOptions, LoadedFile } from './save/load.js';
export type { SaveOptions, SaveReport, Saved } from './save/save.js';
export type { OwnBytes, SaveSink, WebSink, WriteSink } from './save/sink.js';
export type { BlobSource, LoadSource, WebSource } from './save/source.js';
export { StateHistory, type PushOptions, type StateHistoryOptions, type StateHistoryStats } from './state-history.js';
export type { BlockState } from './stored-pages.js';
export { Zram } from './zram.js';
export type { RecompAlgorithm, ZramOptions } from './zram-options.js';
export { ZramSnapshot } from './zram-snapshot.js';
export type { BdStat, DebugStat, IoStat, MmStat } from './zram-stats.js';
export {
  ZsPool,
  type CompactReport,
  type Handle,
  type MergeOptions,
  type MergeReport,
  type PoolOptions,
  type PoolStats,
  type SizeClassStats,
} from './zs-pool.js';
export { Zswap, type ZswapOptions, type ZswapStats } from './zswap.js';
