/**
 * What JavaScript calls: numbers only. Bytes cross through the staging pages.
 *
 * Pools and devices are addresses, handles a leaf cell's address / 8, below 2^29. The bindings keep them, and never pass one
 * that was ended or freed; what users have in their place is the bindings' affair. Results below 0 are errors.
 */
import { CODEC_RAW, DEBUG, EINVAL, ENOMEM, ENOSPC, PAGE_SIZE, STAGING_PAGES } from './common';
import { frames_init, frames_limit_bytes, frames_used_bytes } from './frames';
import { content_hash, hash_init, hash_weaken } from './hash';
import { lz4_compress, lz4_decompress, lz4_holds } from './lz4';
import { page_load, page_store } from './page';
import { COMPRESSED, SCRATCH_A, STAGING } from './staging';
import { bytes_equal, page_same_filled } from './compare';
import {
  OBJECT, SAME, SHARED, cell_kind, cell_location, cell_root, cell_target, cells_unused_bytes, first_cell, is_handle, next_cell,
} from './zsmalloc/cell';
import { pool_codecs } from './zsmalloc/codecs';
import { can_compact, objectsMoved, zs_compact } from './zsmalloc/compact';
import {
  bytesMerged, hashCollisions, merge_counters_reset, merge_dry_begin, merge_dry_end, merge_is_current, merge_renew, merge_step,
  objectsHashed, objectsLooked, objectsMerged, objectsScanned, pagesFreed,
} from './zsmalloc/merge';
import {
  header_codec, header_length, object_forget_hash, object_header, object_put, object_bytes,
} from './zsmalloc/object';
import {
  pool_bytes, pool_end, pool_make, pool_unmerge, zs_free, zs_malloc, zs_read, zs_retain, zs_share, zs_size, zs_store, zs_write,
} from './zsmalloc/pool';
import { entries_bytes } from './zsmalloc/dedup-index';
import { class_at, class_number, class_of } from './zsmalloc/size-class';
import { GROUPS, GROUP_FULL, Pool, SizeClass, Zspage } from './zsmalloc/structs';
import { group_first, zspage_of } from './zsmalloc/zspage';
import {
  device_end, device_make, discard, peek_page, pendingHash, readBlock, read_page, write_begin, write_candidate,
  write_encoded, write_page,
} from './zram/device';
import { bdev_make, block_drop, block_left, block_take } from './zram/backing';
import { device_fork, next_difference, write_like } from './zram/fork';
import { load_forked, load_object, load_shared, loadedHash, slot_values } from './zram/load';
import { change_flags, mark_idle, next_slot, recompress, settle_huge, slot_states, write_back } from './zram/post-process';
import { Device } from './zram/structs';
import { SLOT_PICKED, SLOT_STORED, slot_at, slot_flags, slot_time, slot_value } from './zram/table';

/** Writes the n-th number of a block of statistics to the staging pages. */
// @ts-ignore: decorator
@inline
function put(n: u32, value: f64): void {
  store<f64>(STAGING + n * 8, value);
}

// ── engine ───────────────────────────────────────────────────────────────────────────────────────────────────────

/**
 * Call once, first.
 * @param limit 64 KiB pages to which memory may grow
 */
export function init(limit: u32): void {
  frames_init(limit);
}

/**
 * Call once, before anything merges or deduplicates.
 * @param seed0 128 bits of random numbers, in four parts, for the hash
 */
export function hashInit(seed0: u32, seed1: u32, seed2: u32, seed3: u32): void {
  hash_init((<u64>seed1 << 32) | seed0, (<u64>seed3 << 32) | seed2);
}

export function stagingAddress(): usize {
  return STAGING;
}

export function stagingPages(): u32 {
  return STAGING_PAGES;
}

/** Bytes in frames that are in use. */
export function usedBytes(): f64 {
  return frames_used_bytes();
}

export function limitBytes(): f64 {
  return frames_limit_bytes();
}

// ── pools ────────────────────────────────────────────────────────────────────────────────────────────────────────

/** @returns a pool, or 0 when memory is exhausted */
export function poolMake(chainSize: u32, limitPages: u32, dedup: bool, shrinker: bool): usize {
  const pool = pool_make(chainSize);
  if (changetype<usize>(pool) != 0) {
    pool.limitPages = limitPages;
    pool.dedupStore = dedup;
    pool.shrinker = shrinker;
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
  return <i32>(leaf >> 3);
}

/** @returns a handle for the first `size` bytes, 1..4096, of the staging pages; -ENOMEM */
export function poolStore(pool: usize, size: u32): i32 {
  const leaf = zs_store(changetype<Pool>(pool), STAGING, size);
  return leaf == 0 ? ENOMEM : <i32>(leaf >> 3);
}

/** The cell of a handle. */
// @ts-ignore: decorator
@inline
function leaf_of(pool: usize, handle: u32): u32 {
  if (DEBUG) assert(is_handle(changetype<Pool>(pool), handle << 3)); // another cell would be a page of somebody else's
  return handle << 3;
}

/** @returns whether the handle is still held: it was retained */
export function poolFree(pool: usize, handle: u32): bool {
  return zs_free(changetype<Pool>(pool), leaf_of(pool, handle));
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

/** Stores the first staging page compressed. @returns a handle * 2, + 1 when it did not compress; -ENOMEM */
export function poolStorePage(pool: usize): i32 {
  const leaf = page_store(changetype<Pool>(pool), STAGING);
  if (leaf == 0) return ENOMEM;
  const incompressible = cell_kind(leaf) != SAME && zs_size(leaf) == PAGE_SIZE;
  return <i32>((leaf >> 2) | (incompressible ? 1 : 0));
}

/** Reads what `poolStorePage` stored to the first staging page. @returns as `object_to_page` */
export function poolLoadPage(pool: usize, handle: u32): i32 {
  return page_load(leaf_of(pool, handle), STAGING);
}

/** @returns frames freed; the number of objects moved is at staging 0 */
export function poolCompact(pool: usize): u32 {
  const freed = zs_compact(changetype<Pool>(pool), u32.MAX_VALUE);
  put(0, objectsMoved);
  return freed;
}

/**
 * Zeroes the counters that `poolMergeStep` adds to. For a dry run it sets an unfinished pass aside; `whole` says that the
 * pass that follows, or goes on, is to find everything.
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
  put(0, objectsLooked);
  return ended ? 1 : 0;
}

/** Ends a dry run, and writes the counters since `poolMergeBegin` to the staging pages. */
export function poolMergeEnd(pool: usize, dryRun: bool): void {
  if (dryRun) merge_dry_end(changetype<Pool>(pool));
  put(0, objectsScanned);
  put(1, objectsHashed);
  put(2, objectsMerged);
  put(3, <f64>bytesMerged);
  put(4, pagesFreed);
  put(5, hashCollisions);
}

export function poolTotalPages(pool: usize): u32 {
  return changetype<Pool>(pool).totalPages;
}

/** Writes the pool's counters to the staging pages. */
export function poolStats(address: usize): void {
  const pool = changetype<Pool>(address);
  put(0, pool.totalPages);
  put(1, <f64>pool.pagesCompacted);
  put(2, pool.sharedLeaves - pool.objectCells);
  put(3, pool.objects);
  put(4, pool.handles);
  put(5, <f64>pool.payloadBytes);
  put(6, cells_unused_bytes(pool));
  put(7, pool.hugeClassSize);
  put(8, pool.classes);
  put(9, pool.objectCells);
  put(10, pool.sharedLeaves);
  put(11, <f64>pool.sharedBytes);
  put(12, entries_bytes(pool));
  put(13, pool.changes);
  put(14, pool.limitPages);
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
  put(0, sizeClass.index);
  put(1, sizeClass.size);
  for (let group: u32 = 0; group < GROUPS; group++) put(2 + group, zspages(sizeClass, group));
  put(14, sizeClass.objectsAllocated);
  put(15, sizeClass.objectsInUse);
  put(16, (sizeClass.objectsAllocated / sizeClass.objects) * sizeClass.pages);
  put(17, sizeClass.pages);
  put(18, can_compact(sizeClass));
}

function zspages(sizeClass: SizeClass, group: u32): u32 {
  let count: u32 = 0;
  for (let zspage = group_first(sizeClass, group); changetype<usize>(zspage) != 0; zspage = changetype<Zspage>(zspage.next)) count++;
  return count;
}

// ── devices ──────────────────────────────────────────────────────────────────────────────────────────────────────

/** @returns a device, or 0 when memory is exhausted */
export function zramMake(pool: usize, diskPages: u32, level: u32, dedup: bool, tracksTime: bool): usize {
  return changetype<usize>(device_make(changetype<Pool>(pool), diskPages, level, dedup, tracksTime));
}

/** @returns a device with the same pages on the same pool, or 0 when memory is exhausted */
export function zramFork(device: usize, tracksTime: bool, now: u32): usize {
  return changetype<usize>(device_fork(changetype<Device>(device), tracksTime, now));
}

export function zramEnd(device: usize): void {
  device_end(changetype<Device>(device));
}

/** mem_limit in pages, 0 = none. */
export function zramSetLimit(device: usize, pages: u32): void {
  changetype<Device>(device).limitPages = pages;
}

export function zramSetLevel(device: usize, level: u32): void {
  changetype<Device>(device).level = level;
}

/** mem_used_max becomes what is used now. */
export function zramResetMaxUsed(device: usize): void {
  const pool = changetype<Device>(device).pool;
  pool.maxUsedPages = pool.totalPages;
}

/** Stores the first staging page at the time `now`. @returns 0 or -ENOMEM */
export function zramWritePage(device: usize, index: u32, now: u32): i32 {
  return write_page(changetype<Device>(device), index, STAGING, now);
}

/** Stores `count` staging pages in order. @returns how many were stored: fewer than `count` means -ENOMEM */
export function zramWritePages(device: usize, index: u32, count: u32, now: u32): u32 {
  for (let n: u32 = 0; n < count; n++) {
    if (write_page(changetype<Device>(device), index + n, STAGING + n * PAGE_SIZE, now) != 0) return n;
  }
  return count;
}

/** Stores `count` staging pages in order, as `write_like` with pages from `like` on. @returns as `zramWritePages` */
export function zramWriteLike(device: usize, index: u32, count: u32, like: u32): u32 {
  for (let n: u32 = 0; n < count; n++) {
    if (write_like(changetype<Device>(device), index + n, STAGING + n * PAGE_SIZE, like + n) != 0) return n;
  }
  return count;
}

/** As `write_begin`: a candidate is at the second staging page. */
export function zramWriteBegin(device: usize, index: u32, now: u32): i32 {
  return write_begin(changetype<Device>(device), index, STAGING, STAGING + PAGE_SIZE, now);
}

/** The hash that the last `zramWriteBegin` made. */
export function zramHash(): u32 {
  return pendingHash;
}

/** Stores a page whose candidate, the payload in the first staging page, was compared. As `write_candidate`. */
export function zramWriteCandidate(device: usize, index: u32, length: u32, codec: u32, hash: u32, now: u32): i32 {
  return write_candidate(changetype<Device>(device), index, STAGING, length, codec, hash, now);
}

/** Stores a page whose encoding is in the first staging page. @returns 0 or -ENOMEM */
export function zramWriteEncoded(device: usize, index: u32, length: u32, codec: u32, hash: u32, now: u32): i32 {
  return write_encoded(changetype<Device>(device), index, STAGING, length, codec, hash, now);
}

/** Reads a page to the first staging page. @returns 0, -EIO, or what else `read_page` has */
export function zramReadPage(device: usize, index: u32, now: u32): i32 {
  return read_page(changetype<Device>(device), index, STAGING, now);
}

/** As `zramReadPage`, without leaving a trace. */
export function zramPeekPage(device: usize, index: u32): i32 {
  return peek_page(changetype<Device>(device), index, STAGING);
}

/** The block of a page that was found to be written back by the last read. */
export function zramReadBlock(): u32 {
  return readBlock;
}

/** Reads `count` pages to the staging pages. @returns how many were read: what the next one needs, `zramReadPage` tells */
export function zramReadPages(device: usize, index: u32, count: u32, now: u32): u32 {
  for (let n: u32 = 0; n < count; n++) {
    if (read_page(changetype<Device>(device), index + n, STAGING + n * PAGE_SIZE, now) != 0) return n;
  }
  return count;
}

/** The bindings could not encode, decode, or fetch a page. */
export function zramCountFailed(device: usize, writing: bool): void {
  if (writing) changetype<Device>(device).failedWrites++;
  else changetype<Device>(device).failedReads++;
}

export function zramDiscard(device: usize, index: u32, count: u32): void {
  discard(changetype<Device>(device), index, count);
}

/** Writes the counters of mm_stat and io_stat to the staging pages; memory in pages. */
export function zramStats(address: usize): void {
  const device = changetype<Device>(address);
  const pool = device.pool;
  put(0, device.pagesStored);
  put(1, <f64>pool.payloadBytes);
  put(2, pool.totalPages);
  put(3, device.limitPages);
  put(4, pool.maxUsedPages);
  put(5, device.samePages);
  put(6, <f64>pool.pagesCompacted);
  put(7, device.hugePages);
  put(8, <f64>device.hugePagesSince);
  put(9, pool.sharedLeaves - pool.objectCells);
  put(10, <f64>device.failedReads);
  put(11, <f64>device.failedWrites);
  put(12, <f64>device.notifyFree);
  put(13, device.dedup ? <f64>pool.sharedBytes : 0);
  put(14, device.dedup ? entries_bytes(pool) : 0);
  put(15, changetype<usize>(device.bdev) == 0 ? 0 : device.bdev.inUse);
}

/**
 * Bytes that a device without access times and backing holds, its pool included. Those of them that may stay when objects go,
 * descriptors and index, are at staging 0.
 */
export function zramHeldBytes(address: usize): f64 {
  const device = changetype<Device>(address);
  put(0, device.pool.slabs * PAGE_SIZE + entries_bytes(device.pool));
  return pool_bytes(device.pool) + <f64>(1 + device.tableFrames) * <f64>PAGE_SIZE;
}

/** Writes `slot_state` and `slot_object` of `count` pages to the staging pages, a word each. */
export function zramSlots(device: usize, index: u32, count: u32): void {
  slot_states(changetype<Device>(device), index, count);
}

/** The page at or after `from` whose slot has all of the flags `all` and none of `none`; 2^32 - 1. */
export function zramNextSlot(device: usize, from: u32, all: u32, none: u32): u32 {
  return next_slot(changetype<Device>(device), from, all, none);
}

/** Sets and clears flags of a slot; with `picked`, only while it has that mark. */
export function zramChangeFlags(device: usize, index: u32, set: u32, clear: u32, picked: bool): void {
  change_flags(changetype<Device>(device), index, set, clear, picked);
}

export function zramMarkIdle(device: usize, age: u32, now: u32): void {
  mark_idle(changetype<Device>(device), age, now);
}

/** When a page that is stored was last accessed, on a device that tracks that. */
export function zramSlotTime(device: usize, index: u32): u32 {
  return load<u32>(slot_time(index, slot_at(changetype<Device>(device), index)));
}

/** Recompression of a picked page to what is in the first staging page, as `recompress`. */
export function zramRecompress(device: usize, index: u32, length: u32, codec: u32, threshold: u32): i32 {
  return recompress(changetype<Device>(device), index, STAGING, length, codec, threshold);
}

/** After recompression: the pages of all devices on the pool that are huge no more. */
export function poolSettleHuge(pool: usize): void {
  settle_huge(changetype<Pool>(pool));
}

/** Largest size index of the class for `length` bytes. */
export function poolClassIndex(pool: usize, length: u32): u32 {
  return class_of(changetype<Pool>(pool), length).index;
}

/** Gives a device a backing device of so many blocks. @returns 0 or -ENOMEM */
export function zramSetBacking(device: usize, blocks: u32): i32 {
  const bdev = bdev_make(blocks);
  if (changetype<usize>(bdev) == 0) return ENOMEM;
  changetype<Device>(device).bdev = bdev;
  return 0;
}

/** Takes a block. @returns its cell / 8, -ENOSPC, -ENOMEM */
export function zramTakeBlock(address: usize): i32 {
  const device = changetype<Device>(address);
  if (!block_left(device.bdev)) return ENOSPC;
  const cell = block_take(device.pool, device.bdev);
  return cell == 0 ? ENOMEM : <i32>(cell >> 3);
}

export function zramBlockNumber(cell: u32): u32 {
  return cell_target(cell << 3);
}

export function zramDropBlock(device: usize, cell: u32): void {
  block_drop(changetype<Device>(device).bdev, cell << 3);
}

/** A picked page is in this block now. As `write_back`. */
export function zramWriteBack(device: usize, index: u32, cell: u32): i32 {
  return write_back(changetype<Device>(device), index, cell << 3);
}

/** A handle of the caller's own for a picked page's object. @returns it, -EINVAL: it was touched meanwhile, -ENOMEM */
export function zramShareObject(address: usize, index: u32): i32 {
  const device = changetype<Device>(address);
  const slot = slot_at(device, index);
  const flags = slot == 0 ? 0 : slot_flags(slot);
  if (!(flags & SLOT_PICKED) || !(flags & SLOT_STORED)) return EINVAL;
  const leaf = zs_share(device.pool, cell_root(device.pool, slot_value(slot)));
  return leaf == 0 ? ENOMEM : <i32>(leaf >> 3);
}

/** The number of the object that a handle has now, as `zramSlots` has it. */
export function poolObject(pool: usize, handle: u32): u32 {
  return cell_root(changetype<Pool>(pool), handle << 3) >> 3;
}

/** As `next_difference`; a double, which carries it exactly. */
export function zramNextDifference(a: usize, b: usize, from: u32, most: u32): f64 {
  return <f64>next_difference(changetype<Device>(a), changetype<Device>(b), from, most);
}

/** The payload of a page's object, to the first staging page. @returns codec << 16 | length; 0: there is no object */
export function zramPayload(address: usize, index: u32): u32 {
  const slot = slot_at(changetype<Device>(address), index);
  if (slot == 0 || !(slot_flags(slot) & SLOT_STORED)) return 0;
  const location = cell_location(slot_value(slot));
  const header = object_header(location);
  const length = header_length(header);
  memory.copy(STAGING, object_bytes(location, length, SCRATCH_A), length);
  return (header_codec(header) << 16) | length;
}

/** Stores an encoded page, the first staging page. @returns a handle, or -ENOMEM */
export function poolStoreEncoded(pool: usize, length: u32, codec: u32): i32 {
  const leaf = zs_malloc(changetype<Pool>(pool), length, codec);
  if (leaf == 0) return ENOMEM;
  object_put(cell_target(leaf), 0, STAGING, length);
  return <i32>(leaf >> 3);
}

/** As `slot_values`, for `count` pages. */
export function zramSlotValues(device: usize, index: u32, count: u32): void {
  slot_values(changetype<Device>(device), index, count);
}

/** As `load_object`: the payload is in the first staging page, a page that the bindings decoded in the second. */
export function zramLoadObject(device: usize, index: u32, length: u32, codec: u32, now: u32): i32 {
  return load_object(changetype<Device>(device), index, STAGING, length, codec, STAGING + PAGE_SIZE, now);
}

/** The page's hash that the last `zramLoadObject` made. */
export function zramLoadedHash(): u32 {
  return loadedHash;
}

/** As `load_shared`. */
export function zramLoadShared(device: usize, index: u32, handle: u32, hash: u32, now: u32): i32 {
  return load_shared(changetype<Device>(device), index, handle << 3, hash, now);
}

/** As `load_forked`. */
export function zramLoadForked(device: usize, index: u32, count: u32, from: usize, now: u32): i32 {
  return load_forked(changetype<Device>(device), index, count, changetype<Device>(from), now);
}

// ── for tests and benches ────────────────────────────────────────────────────────────────────────────────────────

/** Test hook: weakens the content hash by a mask, to force collisions. */
export function weakenHash(mask: u32): void {
  hash_weaken(mask);
}

/** Test hook: overwrites the start of a stored page's object with staging bytes, as corrupted memory would be. */
export function corruptPage(address: usize, index: u32, length: u32): void {
  const slot = slot_at(changetype<Device>(address), index);
  const location = cell_location(slot_value(slot));
  object_forget_hash(location);
  object_put(location, 0, STAGING, length);
}

/** Compresses the first staging page to the second and third. @returns the block's length */
export function lz4Compress(acceleration: u32): u32 {
  const length = lz4_compress(STAGING, COMPRESSED, acceleration);
  memory.copy(STAGING + PAGE_SIZE, COMPRESSED, length);
  return length;
}

/** Decompresses a block between two addresses of linear memory. @returns bytes written or -EIO */
export function lz4Decompress(src: usize, srcLength: u32, dst: usize, dstLength: u32): i32 {
  return lz4_decompress(src, srcLength, dst, dstLength);
}

/** Whether a block between two addresses of linear memory decompresses to the page at `page`. */
export function lz4Holds(src: usize, srcLength: u32, page: usize): bool {
  return lz4_holds(src, srcLength, page);
}

/** The content hash of `length` bytes at an address. */
export function contentHash(data: usize, length: u32, codec: u32): u32 {
  return content_hash(data, length, codec);
}

export function bytesEqual(a: usize, b: usize, length: u32): bool {
  return bytes_equal(a, b, length);
}

export function pageSameFilled(page: usize): bool {
  return page_same_filled(page);
}
