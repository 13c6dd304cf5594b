/**
 * The public API.
 *
 * `zram-wasm` has the WebAssembly core inlined; `zram-wasm/external` is the same library with the core in a file of its
 * own, `zram-wasm/core.wasm`.
 * @module zram-wasm
 */
export type { AbortSignalLike, AsyncOptions } from './base/async-call.js';
export { Engine } from './engine.js';
export type { EngineMemory } from './core/host.js';
export type { EngineOptions } from './core/options.js';
export type { ReadableDevice } from './device/readable.js';
export { ZramError, type ZramErrorCode } from './base/errors.js';
export { KERNELS, type KernelProfile, type KernelVersion } from './base/kernel.js';
export type { CoreSource } from './core/source.js';
export type { AsyncBacking, Backing } from './backing/backing.js';
export { MemoryBacking } from './backing/memory.js';
export { OpfsBacking } from './backing/opfs.js';
export { Ksmd, type KsmdOptions, type KsmdStats } from './ksmd.js';
export type { Size } from './base/size.js';
export type { Sysfs } from './device/sysfs/sysfs.js';
export type { Compressor, CompressorInfo } from './compressors/compressor.js';
export type { PageRange } from './device/diff.js';
export type { Extent } from './device/extents.js';
export type { MemoryUse } from './device/memory-use.js';
export type { PageType } from './device/post-process/picks.js';
export type { RecompressOptions, RecompressReport } from './device/post-process/recompress.js';
export type { PageList } from './device/post-process/spans.js';
export type { PrefetchReport } from './device/prefetch.js';
export type { WritebackAsyncOptions, WritebackOptions, WritebackReport } from './device/post-process/writeback.js';
export type { LoadOptions } from './save/load.js';
export type { SaveOptions, SaveReport, Saved } from './save/save.js';
export type { OwnBytes, SaveSink, WebSink, WriteSink } from './save/sink-target.js';
export type { BlobSource, LoadSource, WebSource } from './save/source.js';
export type { GetOptions, PushOptions, StateHistoryOptions, StateHistoryStats } from './history/options.js';
export type { ByteRange } from './history/ranges.js';
export { StateHistory } from './state-history.js';
export type { BlockState } from './device/block-state.js';
export { Zram, ZramSnapshot, type LoadedFile } from './zram.js';
export type { RecompAlgorithm, ZramOptions } from './device/options.js';
export type { BdStat, DebugStat, IoStat, MmStat } from './device/stats.js';
export { ZsPool, type Handle, type PoolStats, type SizeClassStats } from './zs-pool.js';
export type { CompactOptions, CompactReport, MergeOptions, MergeReport } from './pool/operations.js';
export type { PoolOptions } from './pool/options.js';
export { Zswap, type ZswapOptions, type ZswapStats } from './zswap.js';
