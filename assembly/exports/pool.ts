/** Exports for pools: zsmalloc's calls, merging, statistics. */
import { CODEC_RAW, DEBUG, EINVAL, ENOMEM, ENOSPC, PAGE_SIZE } from '../common';
import { STAGING } from '../memory/staging';
import {
  cell_kind, cell_location, cell_number, cell_numbered, cell_root, cell_target, cells_unused_bytes, first_cell,
  is_handle, next_cell, OBJECT, SHARED,
} from '../zsmalloc/cell';
import { pool_codecs } from '../zsmalloc/codecs';
import { can_compact, objectsMoved, zs_compact } from '../zsmalloc/compact';
import { cache_allow, cache_bytes } from '../zsmalloc/dedup-cache';
import { entries_bytes } from '../zsmalloc/dedup-index';
import { pool_unmerge, zs_free, zs_malloc, zs_read, zs_retain, zs_size, zs_store, zs_write } from '../zsmalloc/handle';
import { merge_dry_begin, merge_dry_end } from '../zsmalloc/merge/dry-run';
import { merge_is_current, merge_renew, merge_step } from '../zsmalloc/merge/pass';
import {
  bytesMerged, framesFreed, hashCollisions, merge_counters_reset, objectsHashed, objectsLooked, objectsMerged,
  objectsScanned,
} from '../zsmalloc/merge/report';
import { object_put } from '../zsmalloc/object';
import { pool_end, pool_make } from '../zsmalloc/pool';
import { class_at, class_number, class_of } from '../zsmalloc/size-class';
import { GROUPS, Pool, SizeClass, Zspage } from '../zsmalloc/structs';
import { objects_swap } from '../zsmalloc/swap';
import { group_first, object_address, zspage_of } from '../zsmalloc/zspage';
import {
  CLASS_FREEABLE, CLASS_INDEX, CLASS_OBJECTS_ALLOCATED, CLASS_OBJECTS_USED, CLASS_PAGES_PER_ZSPAGE, CLASS_PAGES_USED,
  CLASS_SIZE, CLASS_ZSPAGES, COMPACT_OBJECTS_MOVED, MERGE_BYTES_MERGED, MERGE_HASH_COLLISIONS, MERGE_OBJECTS_HASHED,
  MERGE_OBJECTS_MERGED, MERGE_OBJECTS_SCANNED, MERGE_PAGES_FREED, POOL_BYTES, POOL_BYTES_SAVED, POOL_CHANGES,
  POOL_CLASSES, POOL_DEDUP_CACHE_BYTES, POOL_DEDUP_INDEX_BYTES, POOL_HANDLES, POOL_HUGE_CLASS_SIZE, POOL_LIMIT_PAGES,
  POOL_OBJECTS, POOL_PAGES_ALLOCATED, POOL_PAGES_COMPACTED, POOL_PAGES_MERGED, POOL_SHARED_OBJECTS, POOL_SHARERS,
  POOL_UNUSED_CELL_BYTES, put,
} from './stats';

/**
 * @param copies of pages that it may keep for deduplication
 * @returns a pool, or 0 when memory is exhausted
 */
export function poolMake(
  chainSize: u32, byPercent: bool, limitFrames: u32, dedup: bool, shrinker: bool, copies: u32,
): usize {
  const pool = pool_make(chainSize, byPercent);
  if (changetype<usize>(pool) != 0) {
    pool.limitFrames = limitFrames;
    pool.dedupStore = dedup;
    pool.shrinker = shrinker;
    cache_allow(pool, copies);
  }
  return changetype<usize>(pool);
}

export function poolEnd(pool: usize): void {
  pool_end(changetype<Pool>(pool));
}

/** @returns a handle of a zeroed object, -ENOSPC above a page, -ENOMEM */
export function poolMalloc(pool: usize, size: u32): i32 {
  if (size == 0) return EINVAL;
  if (size > PAGE_SIZE) return ENOSPC;
  const leaf = zs_malloc(changetype<Pool>(pool), size, CODEC_RAW);
  if (leaf == 0) return ENOMEM;
  memory.fill(STAGING, 0, size);
  object_put(cell_location(leaf), 0, STAGING, size);
  return <i32>cell_number(leaf);
}

/** @returns a handle for the first `size` bytes, 1..4096, of the staging pages; -ENOMEM */
export function poolStore(pool: usize, size: u32): i32 {
  const leaf = zs_store(changetype<Pool>(pool), STAGING, size);
  return leaf == 0 ? ENOMEM : <i32>cell_number(leaf);
}

/** The cell of a handle. */
// @ts-ignore: decorator
@inline
export function leaf_of(pool: usize, handle: u32): u32 {
  // Any other cell would expose data of another handle.
  if (DEBUG) assert(is_handle(changetype<Pool>(pool), cell_numbered(handle)));
  return cell_numbered(handle);
}

/** @returns whether the handle is still held: it was retained */
export function poolFree(pool: usize, handle: u32): bool {
  return zs_free(changetype<Pool>(pool), leaf_of(pool, handle), 0);
}

/** @returns 0; -EINVAL: it has as many references as fit */
export function poolRetain(pool: usize, handle: u32): i32 {
  return zs_retain(leaf_of(pool, handle)) ? 0 : EINVAL;
}

/** @returns what malloc was asked for */
export function poolSize(pool: usize, handle: u32): u32 {
  return zs_size(leaf_of(pool, handle));
}

/** Writes `length` bytes of the staging pages at `offset`; the bindings have tested the range. @returns 0 or -ENOMEM */
export function poolWrite(pool: usize, handle: u32, offset: u32, length: u32): i32 {
  return zs_write(changetype<Pool>(pool), leaf_of(pool, handle), offset, STAGING, length) ? 0 : ENOMEM;
}

/** Copies the whole object to the staging pages. @returns its length */
export function poolRead(pool: usize, handle: u32): u32 {
  return zs_read(leaf_of(pool, handle), STAGING);
}

/** @returns frames freed; the number of objects moved is at staging 0 */
export function poolCompact(pool: usize): u32 {
  const freed = zs_compact(changetype<Pool>(pool), u32.MAX_VALUE);
  put(COMPACT_OBJECTS_MOVED, objectsMoved);
  return freed;
}

/**
 * Zeroes the counters that `poolMergeStep` adds to. For a dry run it sets an unfinished pass aside; `whole` says that
 * the pass that follows, or goes on, is to find everything.
 */
export function poolMergeBegin(pool: usize, dryRun: bool, whole: bool): void {
  merge_counters_reset();
  if (dryRun) merge_dry_begin(changetype<Pool>(pool));
  else if (whole) merge_renew(changetype<Pool>(pool));
}

/**
 * Looks at up to `objectsMax` objects; the number of looks since `poolMergeBegin` is at staging 0.
 * @returns 0: the pass goes on, 1: it ended, 2: there was nothing to look for
 */
export function poolMergeStep(pool: usize, objectsMax: u32, dryRun: bool): u32 {
  if (merge_is_current(changetype<Pool>(pool))) return 2;
  const ended = merge_step(changetype<Pool>(pool), objectsMax, dryRun);
  put(MERGE_OBJECTS_SCANNED, objectsLooked);
  return ended ? 1 : 0;
}

/** Ends a dry run, and writes the counters since `poolMergeBegin` to the staging pages. */
export function poolMergeEnd(pool: usize, dryRun: bool): void {
  if (dryRun) merge_dry_end(changetype<Pool>(pool));
  put(MERGE_OBJECTS_SCANNED, objectsScanned);
  put(MERGE_OBJECTS_HASHED, objectsHashed);
  put(MERGE_OBJECTS_MERGED, objectsMerged);
  put(MERGE_BYTES_MERGED, <f64>bytesMerged);
  put(MERGE_PAGES_FREED, framesFreed);
  put(MERGE_HASH_COLLISIONS, hashCollisions);
}

export function poolTotalPages(pool: usize): u32 {
  return changetype<Pool>(pool).totalFrames;
}

/** Writes the pool's counters to the staging pages. */
export function poolStats(address: usize): void {
  const pool = changetype<Pool>(address);
  put(POOL_PAGES_ALLOCATED, pool.totalFrames);
  put(POOL_PAGES_COMPACTED, <f64>pool.framesCompacted);
  put(POOL_PAGES_MERGED, pool.sharedLeaves - pool.objectCells);
  put(POOL_OBJECTS, pool.objects);
  put(POOL_HANDLES, pool.handles);
  put(POOL_BYTES, <f64>pool.payloadBytes);
  put(POOL_UNUSED_CELL_BYTES, cells_unused_bytes(pool));
  put(POOL_HUGE_CLASS_SIZE, pool.hugeClassSize);
  put(POOL_CLASSES, pool.classes);
  put(POOL_SHARED_OBJECTS, pool.objectCells);
  put(POOL_SHARERS, pool.sharedLeaves);
  put(POOL_BYTES_SAVED, <f64>pool.sharedBytes);
  put(POOL_DEDUP_INDEX_BYTES, entries_bytes(pool));
  put(POOL_CHANGES, pool.changes);
  put(POOL_LIMIT_PAGES, pool.limitFrames);
  put(POOL_DEDUP_CACHE_BYTES, cache_bytes(pool));
}

/** Gives up to `handlesMax` handles that share an object one of their own. @returns how many; -ENOMEM: no room */
export function poolUnmerge(pool: usize, handlesMax: u32): i32 {
  return pool_unmerge(changetype<Pool>(pool), handlesMax);
}

/** Which of the codecs `wanted`, as bits, objects of the pool have. */
export function poolCodecs(pool: usize, wanted: u32): u32 {
  return pool_codecs(changetype<Pool>(pool), wanted);
}

/** Writes, for each class from the smallest, how many handles have no object of their own to the staging pages. */
export function poolMerged(address: usize): void {
  const pool = changetype<Pool>(address);
  for (let n: u32 = 0; n < pool.classes; n++) put(n, 0);
  for (let cell = first_cell(pool); cell != 0; cell = next_cell(cell)) {
    const kind = cell_kind(cell);
    if (kind != SHARED && kind != OBJECT) continue;
    const location = kind == SHARED ? cell_location(cell) : cell_target(cell);
    const n = pool.classes - 1 - class_number(zspage_of(location).sizeClass);
    put(n, load<f64>(STAGING + n * 8) + (kind == SHARED ? 1 : -1));
  }
}

/** Writes the n-th class, from the smallest, as a row of the kernel's `classes` table to the staging pages. */
export function poolClass(address: usize, n: u32): void {
  const pool = changetype<Pool>(address);
  const sizeClass = class_at(pool, pool.classes - 1 - n);
  put(CLASS_INDEX, sizeClass.index);
  put(CLASS_SIZE, sizeClass.size);
  for (let group: u32 = 0; group < GROUPS; group++) put(CLASS_ZSPAGES + group, zspages(sizeClass, group));
  put(CLASS_OBJECTS_ALLOCATED, sizeClass.objectsAllocated);
  put(CLASS_OBJECTS_USED, sizeClass.objectsInUse);
  put(CLASS_PAGES_USED, (sizeClass.objectsAllocated / sizeClass.objects) * sizeClass.frames);
  put(CLASS_PAGES_PER_ZSPAGE, sizeClass.frames);
  put(CLASS_FREEABLE, can_compact(sizeClass));
}

function zspages(sizeClass: SizeClass, group: u32): u32 {
  let count: u32 = 0;
  let zspage = group_first(sizeClass, group);
  for (; changetype<usize>(zspage) != 0; zspage = changetype<Zspage>(zspage.next)) count++;
  return count;
}

/** Largest size index of the class for `length` bytes. */
export function poolClassIndex(pool: usize, length: u32): u32 {
  return class_of(changetype<Pool>(pool), length).index;
}

/** Where an object is. It goes by its number, as `zramSlots` has it. */
export function poolObjectPlace(object: u32): u32 {
  return object_address(cell_target(cell_numbered(object)));
}

/** Two objects of one size class, by their numbers, change places; none is huge. */
export function poolSwapObjects(a: u32, b: u32): void {
  objects_swap(cell_numbered(a), cell_numbered(b));
}

/** The number of the object that a handle has now, as `zramSlots` has it. */
export function poolObject(pool: usize, handle: u32): u32 {
  return cell_number(cell_root(changetype<Pool>(pool), cell_numbered(handle)));
}
