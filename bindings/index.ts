/**
 * The public API.
 *
 * `zram-wasm` has the WebAssembly core inlined; `zram-wasm/external` is the same library with the core in a file of its own,
 * `zram-wasm/core.wasm`.
 * @module zram-wasm
 */
export { Engine, type EngineMemory, type EngineOptions } from './engine.js';
export { ZramError, type ZramErrorCode } from './errors.js';
export type { CoreSource } from './core.js';
export type { Backing } from './backing/backing.js';
export { MemoryBacking } from './backing/memory.js';
export { Ksmd, type KsmdOptions, type KsmdStats } from './ksmd.js';
export type { Size } from './size.js';
export type { Sysfs } from './sysfs.js';
export { Zram, type BlockState, type DebugStat, type IoStat, type MmStat, type ZramOptions } from './zram.js';
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
