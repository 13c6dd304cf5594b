/** Numbers for JavaScript, more than a call can return: they cross on the staging pages. */
import { STAGING } from '../memory/staging';

/** Writes the n-th number of a block of statistics to the staging pages. */
// @ts-ignore: decorator
@inline
export function put(n: u32, value: f64): void {
  store<f64>(STAGING + n * 8, value);
}

// Of a pool (`poolStats`). As in bindings/core/layout.ts.
export const POOL_PAGES_ALLOCATED: u32 = 0;
export const POOL_PAGES_COMPACTED: u32 = 1;
export const POOL_PAGES_MERGED: u32 = 2;
export const POOL_OBJECTS: u32 = 3;
export const POOL_HANDLES: u32 = 4;
export const POOL_BYTES: u32 = 5;
export const POOL_UNUSED_CELL_BYTES: u32 = 6;
export const POOL_HUGE_CLASS_SIZE: u32 = 7;
export const POOL_CLASSES: u32 = 8;
export const POOL_SHARED_OBJECTS: u32 = 9;
export const POOL_SHARERS: u32 = 10;
export const POOL_BYTES_SAVED: u32 = 11;
export const POOL_DEDUP_INDEX_BYTES: u32 = 12;
export const POOL_CHANGES: u32 = 13;
export const POOL_LIMIT_PAGES: u32 = 14;
export const POOL_DEDUP_CACHE_BYTES: u32 = 15;

// Of a merge (`poolMergeEnd`); after a step, the first is how many objects it has looked at. As in
// bindings/core/layout.ts.
export const MERGE_OBJECTS_SCANNED: u32 = 0;
export const MERGE_OBJECTS_HASHED: u32 = 1;
export const MERGE_OBJECTS_MERGED: u32 = 2;
export const MERGE_BYTES_MERGED: u32 = 3;
export const MERGE_PAGES_FREED: u32 = 4;
export const MERGE_HASH_COLLISIONS: u32 = 5;

// Of a size class (`poolClass`); the first of twelve groups of zspages is named. As in bindings/core/layout.ts.
export const CLASS_INDEX: u32 = 0;
export const CLASS_SIZE: u32 = 1;
export const CLASS_ZSPAGES: u32 = 2;
export const CLASS_OBJECTS_ALLOCATED: u32 = 14;
export const CLASS_OBJECTS_USED: u32 = 15;
export const CLASS_PAGES_USED: u32 = 16;
export const CLASS_PAGES_PER_ZSPAGE: u32 = 17;
export const CLASS_FREEABLE: u32 = 18;

// Of a device (`zramStats`). As in bindings/core/layout.ts.
export const DEVICE_PAGES_STORED: u32 = 0;
export const DEVICE_PAYLOAD_BYTES: u32 = 1;
export const DEVICE_PAGES_ALLOCATED: u32 = 2;
export const DEVICE_LIMIT_PAGES: u32 = 3;
export const DEVICE_MAX_USED_PAGES: u32 = 4;
export const DEVICE_SAME_PAGES: u32 = 5;
export const DEVICE_PAGES_COMPACTED: u32 = 6;
export const DEVICE_HUGE_PAGES: u32 = 7;
export const DEVICE_HUGE_PAGES_SINCE: u32 = 8;
export const DEVICE_PAGES_MERGED: u32 = 9;
export const DEVICE_FAILED_READS: u32 = 10;
export const DEVICE_FAILED_WRITES: u32 = 11;
export const DEVICE_NOTIFY_FREE: u32 = 12;
export const DEVICE_DEDUP_BYTES_SAVED: u32 = 13;
export const DEVICE_DEDUP_INDEX_BYTES: u32 = 14;
export const DEVICE_BLOCKS_USED: u32 = 15;

// Of what a device takes (`zramMemoryUse`). As in bindings/core/layout.ts.
export const USE_PRIVATE_BYTES: u32 = 0;
export const USE_SHARED_BYTES: u32 = 1;
export const USE_TABLE_PRIVATE_PAGES: u32 = 2;
export const USE_TABLE_SHARED_PAGES: u32 = 3;

// As COMPACT and HELD there.
export const COMPACT_OBJECTS_MOVED: u32 = 0;
export const HELD_METADATA_BYTES: u32 = 0;
