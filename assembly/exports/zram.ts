/** Exports for devices: reading, writing, discarding, statistics. */
import { DEBUG, ENOMEM, PAGE_SIZE, STAGING_PAGES } from '../common';
import { STAGING } from '../memory/staging';
import { alike_run, range_copy, write_like } from '../zram/alike';
import {
  device_end, device_make, peek_page, pendingHash, read_page, readBlock, write_begin, write_candidate, write_encoded,
  WRITE_ASKS, write_page,
} from '../zram/device';
import { discard } from '../zram/discard';
import { device_fork, device_restore } from '../zram/fork';
import { memory_use, privateBytes, sharedBytes, sharedChunks } from '../zram/memory-use';
import { RANGE_UNREAD, rangeStored, read_range, write_range } from '../zram/range';
import { Device } from '../zram/structs';
import { entries_bytes } from '../zsmalloc/dedup-index';
import { pool_bytes } from '../zsmalloc/pool';
import { Pool } from '../zsmalloc/structs';
import {
  DEVICE_BLOCKS_USED, DEVICE_DEDUP_BYTES_SAVED, DEVICE_DEDUP_INDEX_BYTES, DEVICE_FAILED_READS, DEVICE_FAILED_WRITES,
  DEVICE_HUGE_PAGES, DEVICE_HUGE_PAGES_SINCE, DEVICE_LIMIT_PAGES, DEVICE_MAX_USED_PAGES, DEVICE_NOTIFY_FREE,
  DEVICE_PAGES_ALLOCATED, DEVICE_PAGES_COMPACTED, DEVICE_PAGES_MERGED, DEVICE_PAGES_STORED, DEVICE_PAYLOAD_BYTES,
  DEVICE_SAME_PAGES, HELD_METADATA_BYTES, put, USE_PRIVATE_BYTES, USE_SHARED_BYTES, USE_TABLE_PRIVATE_PAGES,
  USE_TABLE_SHARED_PAGES,
} from './stats';

/** @returns a device, or 0 when memory is exhausted */
export function zramMake(pool: usize, diskPages: u32, level: u32, dedup: bool, tracksTime: bool): usize {
  return changetype<usize>(device_make(changetype<Pool>(pool), diskPages, level, dedup, tracksTime));
}

/** @returns a device with the same pages on the same pool, or 0 when memory is exhausted */
export function zramFork(device: usize, tracksTime: bool, now: u32): usize {
  return changetype<usize>(device_fork(changetype<Device>(device), tracksTime, now));
}

/** The device gets the pages of another on its pool, as large and with the same backing. @returns 0 or -ENOMEM */
export function zramRestore(device: usize, from: usize, now: u32): i32 {
  return device_restore(changetype<Device>(device), changetype<Device>(from), now) ? 0 : ENOMEM;
}

export function zramEnd(device: usize): void {
  device_end(changetype<Device>(device));
}

/** mem_limit in pages, 0 = none. */
export function zramSetLimit(device: usize, pages: u32): void {
  changetype<Device>(device).limitFrames = pages;
}

export function zramSetLevel(device: usize, level: u32): void {
  changetype<Device>(device).level = level;
}

/** mem_used_max becomes what is used now. */
export function zramResetMaxUsed(device: usize): void {
  const pool = changetype<Device>(device).pool;
  pool.maxUsedFrames = pool.totalFrames;
}

/** Stores the first staging page at the time `now`. @returns as `write_page` */
export function zramWritePage(device: usize, index: u32, now: u32, asks: bool): i32 {
  return write_page(changetype<Device>(device), index, STAGING, now, asks);
}

/**
 * Stores `count` staging pages in order.
 * @param asks whether it may stop at a page for WRITE_ASKS
 * @returns how many were stored: fewer than `count` means -ENOMEM or, with RANGE_UNREAD, WRITE_ASKS
 */
export function zramWritePages(device: usize, index: u32, count: u32, now: u32, asks: bool): u32 {
  for (let n: u32 = 0; n < count; n++) {
    const result = write_page(changetype<Device>(device), index + n, STAGING + n * PAGE_SIZE, now, asks);
    if (result == WRITE_ASKS) return n | RANGE_UNREAD;
    if (result != 0) return n;
  }
  return count;
}

/** Writes a range of bytes that is in the staging pages. As `write_range`. */
export function zramWriteRange(device: usize, index: u32, from: u32, length: u32, changed: bool, now: u32): u32 {
  return write_range(changetype<Device>(device), index, from, length, changed, now);
}

/** Reads a range of bytes to the staging pages. As `read_range`. */
export function zramReadRange(device: usize, index: u32, from: u32, length: u32, now: u32): u32 {
  return read_range(changetype<Device>(device), index, from, length, now);
}

/** Pages that the last `zramWriteRange` has stored. */
export function zramRangeStored(): u32 {
  return rangeStored;
}

/** Stores `count` staging pages in order, as `write_like` with pages from `like` on. @returns as `zramWritePages` */
export function zramWriteLike(device: usize, index: u32, count: u32, like: u32): u32 {
  for (let n: u32 = 0; n < count; n++) {
    if (write_like(changetype<Device>(device), index + n, STAGING + n * PAGE_SIZE, like + n) != 0) return n;
  }
  return count;
}

/** As `range_copy`. */
export function zramCopyRange(device: usize, index: u32, count: u32, from: u32): u32 {
  return range_copy(changetype<Device>(device), index, count, from);
}

/** As `alike_run`. */
export function zramAlikeRun(device: usize, a: u32, b: u32, count: u32, alike: bool): u32 {
  return alike_run(changetype<Device>(device), a, b, count, alike);
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

/**
 * Reads `count` pages to the staging pages.
 * @returns how many were read; call `zramReadPage` for the next one, which needs more than the core can do
 */
export function zramReadPages(device: usize, index: u32, count: u32, now: u32): u32 {
  for (let n: u32 = 0; n < count; n++) {
    if (read_page(changetype<Device>(device), index + n, STAGING + n * PAGE_SIZE, now) != 0) return n;
  }
  return count;
}

/** The last staging page holds a list of pages for `zramReadListed`; the others hold what is read. */
const LISTED_MAX: u32 = STAGING_PAGES - 1;
const LIST: usize = STAGING + LISTED_MAX * PAGE_SIZE;

/**
 * Reads listed pages to the staging pages.
 * @param count of numbers in the last staging page, which is not read to
 * @returns as `zramReadPages`
 */
export function zramReadListed(device: usize, count: u32, now: u32): u32 {
  if (DEBUG) assert(count <= LISTED_MAX);
  for (let n: u32 = 0; n < count; n++) {
    const index = load<u32>(LIST + n * 4);
    if (read_page(changetype<Device>(device), index, STAGING + n * PAGE_SIZE, now) != 0) return n;
  }
  return count;
}

/** The bindings could not encode, decode, or fetch a page. */
export function zramCountFailed(device: usize, writing: bool): void {
  if (writing) changetype<Device>(device).failedWrites++;
  else changetype<Device>(device).failedReads++;
}

/** @returns 0 or -ENOMEM: nothing has changed */
export function zramDiscard(device: usize, index: u32, count: u32): i32 {
  return discard(changetype<Device>(device), index, count);
}

/** Writes what the device's pages take, and what of it is its own, to the staging pages. */
export function zramMemoryUse(address: usize): void {
  const device = changetype<Device>(address);
  memory_use(device);
  put(USE_PRIVATE_BYTES, <f64>privateBytes);
  put(USE_SHARED_BYTES, <f64>sharedBytes);
  put(USE_TABLE_PRIVATE_PAGES, 1 + device.tableFrames - sharedChunks + device.timeFrames);
  put(USE_TABLE_SHARED_PAGES, sharedChunks);
}

/** Writes the counters of mm_stat and io_stat to the staging pages; memory in pages. */
export function zramStats(address: usize): void {
  const device = changetype<Device>(address);
  const pool = device.pool;
  put(DEVICE_PAGES_STORED, device.pagesStored);
  put(DEVICE_PAYLOAD_BYTES, <f64>pool.payloadBytes);
  put(DEVICE_PAGES_ALLOCATED, pool.totalFrames);
  put(DEVICE_LIMIT_PAGES, device.limitFrames);
  put(DEVICE_MAX_USED_PAGES, pool.maxUsedFrames);
  put(DEVICE_SAME_PAGES, device.samePages);
  put(DEVICE_PAGES_COMPACTED, <f64>pool.framesCompacted);
  put(DEVICE_HUGE_PAGES, device.hugePages);
  put(DEVICE_HUGE_PAGES_SINCE, <f64>device.hugePagesSince);
  put(DEVICE_PAGES_MERGED, pool.sharedLeaves - pool.objectCells);
  put(DEVICE_FAILED_READS, <f64>device.failedReads);
  put(DEVICE_FAILED_WRITES, <f64>device.failedWrites);
  put(DEVICE_NOTIFY_FREE, <f64>device.notifyFree);
  put(DEVICE_DEDUP_BYTES_SAVED, device.dedup ? <f64>pool.sharedBytes : 0);
  put(DEVICE_DEDUP_INDEX_BYTES, device.dedup ? entries_bytes(pool) : 0);
  put(DEVICE_BLOCKS_USED, changetype<usize>(device.bdev) == 0 ? 0 : device.bdev.inUse);
}

/**
 * Bytes that a device without access times and backing holds, its pool included, and what is lent left out. Those of
 * them that may stay when objects go, descriptors and index, are at staging 0.
 */
export function zramHeldBytes(address: usize): f64 {
  const device = changetype<Device>(address);
  put(HELD_METADATA_BYTES, device.pool.slabs * PAGE_SIZE + entries_bytes(device.pool));
  return pool_bytes(device.pool) + <f64>(1 + device.tableFrames - device.sharedEntries) * <f64>PAGE_SIZE;
}
