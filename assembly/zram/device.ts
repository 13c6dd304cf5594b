/**
 * A zram device: pages in, pages out, discard, and the counters of mm_stat and io_stat, each counted where the kernel
 * counts it.
 *
 * A page's way in: same-filled? then its value goes to the slot. Else it is compressed; a result of `hugeClassSize` or
 * more is stored raw. The new object is allocated, the limit tested, and only then the slot's old content freed: the
 * order shows in mem_used_max and in where objects land.
 */
import { CODEC_LZ4, CODEC_RAW, DEBUG, EIO, ENOMEM, PAGE_SIZE } from '../common';
import { page_fill, page_same_filled } from '../compare';
import { frame_alloc_zeroed, frame_free } from '../frames';
import { lz4_compress } from '../lz4';
import { object_to_page } from '../page';
import { COMPRESSED } from '../staging';
import { cell_location, cell_root, cell_target } from '../zsmalloc/cell';
import { dedup_enter, dedup_find_page, dedup_hint, hash_place, page_hash } from '../zsmalloc/dedup';
import { header_length, object_header, object_put } from '../zsmalloc/object';
import { pool_make_room, zs_free, zs_malloc, zs_share } from '../zsmalloc/pool';
import { value_free, value_make } from '../zsmalloc/same';
import { Pool } from '../zsmalloc/structs';
import { DEVICE_MAGIC, Device } from './structs';
import {
  SLOT_HUGE, SLOT_PLACE_SHIFT, SLOT_SAME, SLOT_SAME_WIDE, SLOT_STORED, next_chunk, slot_clear, slot_fill_value,
  slot_find, slot_flags, slot_make, slot_release, slot_set, slot_value,
} from './table';

/** A device on a pool; 0 when memory is exhausted. */
export function device_make(pool: Pool, diskPages: u32, level: u32, dedup: bool): Device {
  const device = changetype<Device>(frame_alloc_zeroed());
  if (changetype<usize>(device) == 0) return device;
  device.magic = DEVICE_MAGIC;
  device.pool = pool;
  device.diskPages = diskPages;
  device.level = level;
  device.dedup = dedup;
  return device;
}

/** Frees all pages and the device; the pool stays. */
export function device_end(device: Device): void {
  discard(device, 0, device.diskPages);
  device.magic = 0;
  frame_free(changetype<u32>(device));
}

// @ts-ignore: decorator
@inline
export function device_alive(device: Device): bool {
  return device.magic == DEVICE_MAGIC;
}

// ── in ───────────────────────────────────────────────────────────────────────────────────────────────────────────

/**
 * Stores a page.
 * @param page 4096 bytes
 * @returns 0, or -ENOMEM: the old content stays
 */
export function write_page(device: Device, index: u32, page: usize): i32 {
  if (DEBUG) assert(index < device.diskPages);
  if (try_write(device, index, page)) return 0;
  if (pool_make_room(device.pool) && try_write(device, index, page)) return 0;
  device.failedWrites++;
  return ENOMEM;
}

function try_write(device: Device, index: u32, page: usize): bool {
  const slot = slot_make(device, index);
  if (slot == 0) return false;
  const done = page_same_filled(page)
    ? store_same(device, slot, load<u64>(page))
    : device.dedup
    ? store_unless_known(device, slot, page)
    : store_object(device, slot, page, 0);
  if (!done) slot_release(device, index, slot);
  return done;
}

function store_same(device: Device, slot: usize, value: u64): bool {
  const pool = device.pool;
  let held = <u32>value;
  let flags = SLOT_SAME;
  if (<u32>(value >> 32) != held) {
    held = value_make(pool, value);
    if (held == 0) return false;
    flags |= SLOT_SAME_WIDE;
  }
  slot_free(device, slot);
  slot_set(slot, held, flags);
  device.samePages++;
  device.pagesStored++;
  return true;
}

/** Inline deduplication: hashes the raw page, and shares the object of an equal one instead of compressing. */
function store_unless_known(device: Device, slot: usize, page: usize): bool {
  const pool = device.pool;
  const hash = page_hash(page);
  const twin = dedup_find_page(pool, hash, page);
  if (twin == 0) return store_object(device, slot, page, hash);
  // Written again with what it holds: a hit that changes nothing.
  if (slot_flags(slot) & SLOT_STORED && cell_root(pool, slot_value(slot)) == twin) return true;
  const length = header_length(object_header(cell_target(twin)));
  dedup_hint(hash_place(hash));
  const handle = zs_share(pool, twin);
  dedup_hint(0);
  if (handle == 0) return false;
  slot_free(device, slot);
  fill_slot(device, slot, handle, length, hash);
  return true;
}

/** Compresses and stores a page. `hash` is the raw page's on a device with dedup, else 0. */
function store_object(device: Device, slot: usize, page: usize, hash: u32): bool {
  const pool = device.pool;
  let payload = COMPRESSED;
  let length = lz4_compress(page, COMPRESSED, device.level);
  let codec = CODEC_LZ4;
  if (length >= pool.hugeClassSize) {
    payload = page;
    length = PAGE_SIZE;
    codec = CODEC_RAW;
  }
  const handle = zs_malloc(pool, length, codec);
  if (handle == 0) return false;
  if (device.limitPages != 0 && pool.totalPages > device.limitPages) {
    zs_free(pool, handle);
    return false;
  }
  object_put(cell_target(handle), 0, payload, length);
  slot_free(device, slot);
  fill_slot(device, slot, handle, length, hash);
  if (device.dedup) dedup_enter(pool, hash, cell_target(handle));
  return true;
}

function fill_slot(device: Device, slot: usize, handle: u32, length: u32, hash: u32): void {
  let flags = SLOT_STORED;
  if (length == PAGE_SIZE) {
    flags |= SLOT_HUGE;
    device.hugePages++;
    device.hugePagesSince++;
  }
  if (device.dedup) flags |= hash_place(hash) << SLOT_PLACE_SHIFT;
  slot_set(slot, handle, flags);
  device.pagesStored++;
}

/** Frees what a slot holds; an empty slot moves no counter. */
function slot_free(device: Device, slot: usize): void {
  const flags = slot_flags(slot);
  if (flags == 0) return;
  const value = slot_value(slot);
  if (flags & SLOT_SAME) {
    if (flags & SLOT_SAME_WIDE) value_free(device.pool, value);
    device.samePages--;
  } else {
    if (flags & SLOT_HUGE) device.hugePages--;
    dedup_hint(flags >> SLOT_PLACE_SHIFT);
    zs_free(device.pool, value);
    dedup_hint(0);
  }
  device.pagesStored--;
  slot_clear(slot);
}

// ── out ──────────────────────────────────────────────────────────────────────────────────────────────────────────

/**
 * Reads a page; one that was never written reads as zeros.
 * @param page room for 4096 bytes
 * @returns 0, or -EIO: what is stored does not decompress to a page
 */
export function read_page(device: Device, index: u32, page: usize): i32 {
  if (DEBUG) assert(index < device.diskPages);
  const slot = slot_find(device, index);
  const flags = slot == 0 ? 0 : slot_flags(slot);
  if (!(flags & SLOT_STORED)) {
    if (flags == 0) memory.fill(page, 0, PAGE_SIZE);
    else page_fill(page, slot_fill_value(slot));
    return 0;
  }
  if (object_to_page(cell_location(slot_value(slot)), page)) return 0;
  device.failedReads++;
  return EIO;
}

/** Frees `count` pages. The kernel counts every page of the range in notify_free, also those that hold nothing. */
export function discard(device: Device, index: u32, count: u32): void {
  const last = <u64>index + count;
  let page = next_chunk(device, index);
  while (page < last) {
    const slot = slot_find(device, <u32>page);
    if (slot_flags(slot) != 0) {
      slot_free(device, slot);
      slot_release(device, <u32>page, slot);
    }
    page++;
    // Inside a chunk go page by page; at its end, and when it was given back, look where the next one is.
    if ((page & 511) == 0 || device.lastChunk == 0) page = next_chunk(device, page);
  }
  device.notifyFree += count;
}
