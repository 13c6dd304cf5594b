/**
 * A zram device: pages in, pages out, discard, and the counters of mm_stat and io_stat, each counted where the kernel
 * counts it.
 *
 * A page's way in: same-filled? then its value goes to the slot. Else it is compressed; a result of `hugeClassSize` or
 * more is stored raw. The new object is allocated, the limit tested, and only then the slot's old content freed: the
 * order shows in mem_used_max and in where objects land.
 *
 * Where the compressor is the bindings', `write_begin` runs before it and `write_encoded` after.
 */
import { page_fill, page_same_filled } from '../bytes/compare';
import { lz4_compress } from '../bytes/lz4-compress';
import { CODEC_LZ4, CODEC_PAGE, DEBUG, ENOMEM, PAGE_SIZE } from '../common';
import { frame_alloc_zeroed, frame_free } from '../memory/frames';
import { COMPRESSED } from '../memory/staging';
import { cell_location, cell_root, cell_target } from '../zsmalloc/cell';
import { object_to_page } from '../zsmalloc/decode';
import { dedup_candidate, dedup_enter, dedup_find_encoded, dedup_find_page, page_hash } from '../zsmalloc/dedup';
import { hash_place } from '../zsmalloc/dedup-index';
import { zs_free, zs_malloc, zs_share } from '../zsmalloc/handle';
import { header_length, object_header, object_put } from '../zsmalloc/object';
import { pool_make_room } from '../zsmalloc/reclaim';
import { value_make } from '../zsmalloc/same';
import { Pool } from '../zsmalloc/structs';
import { bdev_drop } from './backing';
import { slot_clear, slot_set, slot_set_flags } from './chunk';
import {
  held_drop, slot_fill_value, slot_flags, SLOT_HUGE, SLOT_MARKS, SLOT_PLACE_SHIFT, SLOT_SAME, SLOT_SAME_WIDE,
  SLOT_STORED, slot_value, SLOT_WRITTEN_BACK,
} from './slot';
import { Device, DEVICE_MAGIC, NEXT } from './structs';
import { slot_at_inline, slot_make, slot_release, table_end, touch } from './table';

/** A device on a pool; 0 when memory is exhausted. */
export function device_make(pool: Pool, diskPages: u32, level: u32, dedup: bool, tracksTime: bool): Device {
  const device = changetype<Device>(frame_alloc_zeroed());
  if (changetype<usize>(device) == 0) return device;
  device.magic = DEVICE_MAGIC;
  device.pool = pool;
  device.diskPages = diskPages;
  device.level = level;
  device.dedup = dedup;
  device.tracksTime = tracksTime;
  link(device, offsetof<Pool>('devices') + changetype<usize>(pool));
  return device;
}

function link(device: Device, at: usize): void {
  const next = load<u32>(at);
  device.next = next;
  device.link = <u32>at;
  if (next != 0) changetype<Device>(next).link = changetype<u32>(device) + NEXT;
  store<u32>(at, changetype<u32>(device));
}

/** Frees all pages and the device; the pool stays. */
export function device_end(device: Device): void {
  table_end(device);
  if (changetype<usize>(device.bdev) != 0) bdev_drop(device.pool, device.bdev);
  store<u32>(device.link, device.next);
  if (device.next != 0) changetype<Device>(device.next).link = device.link;
  device.magic = 0;
  frame_free(changetype<u32>(device));
}

// ── in ───────────────────────────────────────────────────────────────────────────────────────────────────────────

/** Nothing is stored: an object may hold the page that only the bindings can decode. `write_begin` says which. */
export const WRITE_ASKS: i32 = 1;

/**
 * Stores a page.
 * @param page 4096 bytes
 * @param now the time, for devices that track accesses
 * @param asks whether the answer may be WRITE_ASKS; else the page is then compressed
 * @returns 0; -ENOMEM: the old content stays; WRITE_ASKS
 */
export function write_page(device: Device, index: u32, page: usize, now: u32, asks: bool): i32 {
  if (DEBUG) assert(index < device.diskPages); // slots behind the disk's end are never discarded
  let result = try_write(device, index, page, now, asks);
  if (result == ENOMEM && pool_make_room(device.pool)) result = try_write(device, index, page, now, asks);
  if (result == ENOMEM) device.failedWrites++;
  return result;
}

function try_write(device: Device, index: u32, page: usize, now: u32, asks: bool): i32 {
  const slot = slot_make(device, index);
  if (slot == 0) return ENOMEM;
  const result = page_same_filled(page)
    ? done_or_full(store_same(device, slot, load<u64>(page)))
    : device.dedup
    ? store_unless_known(device, slot, page, asks)
    : done_or_full(compress_and_store(device, slot, page, 0));
  if (result == 0) touch(device, index, now);
  else slot_release(device, index, slot);
  return result;
}

// @ts-ignore: decorator
@inline
function done_or_full(done: bool): i32 {
  return done ? 0 : ENOMEM;
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
function store_unless_known(device: Device, slot: usize, page: usize, asks: bool): i32 {
  const hash = page_hash(page);
  const twin = dedup_find_page(device.pool, hash, page);
  if (twin != 0) return done_or_full(share(device, slot, twin, hash));
  if (asks && dedup_candidate(device.pool, hash) != 0) return WRITE_ASKS;
  return done_or_full(compress_and_store(device, slot, page, hash));
}

/** The slot becomes one more user of the object that a cell owns. */
function share(device: Device, slot: usize, twin: u32, hash: u32): bool {
  const pool = device.pool;
  // Written again with what it holds: a hit that changes nothing but that the page was touched.
  if (slot_flags(slot) & SLOT_STORED && cell_root(pool, slot_value(slot)) == twin) {
    slot_set_flags(slot, slot_flags(slot) & ~SLOT_MARKS);
    return true;
  }
  const length = header_length(object_header(cell_target(twin)));
  const handle = zs_share(pool, twin, hash_place(hash));
  if (handle == 0) return false;
  slot_free(device, slot);
  fill_slot(device, slot, handle, length, hash);
  return true;
}

/** Compresses and stores a page. `hash` is the raw page's on a device with dedup, else 0. */
function compress_and_store(device: Device, slot: usize, page: usize, hash: u32): bool {
  const length = lz4_compress(page, COMPRESSED, device.level);
  if (length >= device.pool.hugeClassSize) return store_object(device, slot, page, PAGE_SIZE, CODEC_PAGE, hash, 0);
  return store_object(device, slot, COMPRESSED, length, CODEC_LZ4, hash, page);
}

/** @param page what an object of LZ4 decodes to, for comparing duplicates with; else 0 */
function store_object(
  device: Device, slot: usize, payload: usize, length: u32, codec: u32, hash: u32, page: usize,
): bool {
  const pool = device.pool;
  const handle = zs_malloc(pool, length, codec);
  if (handle == 0) return false;
  if (device.limitFrames != 0 && pool.totalFrames > device.limitFrames) {
    zs_free(pool, handle, 0);
    return false;
  }
  object_put(cell_target(handle), 0, payload, length);
  slot_free(device, slot);
  fill_slot(device, slot, handle, length, hash);
  if (device.dedup) dedup_enter(pool, hash, cell_target(handle), page);
  return true;
}

/** An empty slot gets a handle. */
export function fill_slot(device: Device, slot: usize, handle: u32, length: u32, hash: u32): void {
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
export function slot_free(device: Device, slot: usize): void {
  const flags = slot_flags(slot);
  if (flags == 0) return;
  slot_uncount(device, flags);
  held_drop(device.pool, device.bdev, slot_value(slot), flags);
  slot_clear(slot);
}

/** The device has one page fewer with these flags. */
// @ts-ignore: decorator
@inline
export function slot_uncount(device: Device, flags: u32): void {
  device.pagesStored--;
  if (flags & SLOT_SAME) device.samePages--;
  if (flags & SLOT_HUGE) device.hugePages--;
}

// ── in, with a compressor of the bindings ────────────────────────────────────────────────────────────────────────

/** What `write_begin` found out about the page: its hash, on a device with dedup. */
export let pendingHash: u32 = 0;

/**
 * What can be done with a page before it is compressed.
 * @returns 0: it has to be compressed; 1: it is stored; -ENOMEM; above 1: an object that may hold it, as
 * `object_to_page` has it, with the payload at `candidate`
 */
export function write_begin(device: Device, index: u32, page: usize, candidate: usize, now: u32): i32 {
  if (page_same_filled(page)) {
    const result = write_page(device, index, page, now, false);
    return result == 0 ? 1 : result;
  }
  pendingHash = 0;
  if (!device.dedup) return 0;
  const hash = page_hash(page);
  pendingHash = hash;
  const twin = dedup_find_page(device.pool, hash, page);
  if (twin != 0) return write_shared(device, index, twin, hash, now);
  const maybe = dedup_candidate(device.pool, hash);
  return maybe == 0 ? 0 : object_to_page(cell_target(maybe), candidate);
}

/** Stores a page as a user of the object that `twin` owns. @returns 1 or -ENOMEM */
function write_shared(device: Device, index: u32, twin: u32, hash: u32, now: u32): i32 {
  const slot = slot_make(device, index);
  if (slot != 0) {
    if (share(device, slot, twin, hash)) {
      touch(device, index, now);
      return 1;
    }
    slot_release(device, index, slot);
  }
  device.failedWrites++;
  return ENOMEM;
}

/**
 * Stores a page that `write_begin` found a candidate for, which the bindings decoded and compared.
 * @param payload the candidate's
 * @returns 1; 0: the candidate is gone, so the page must be compressed; -ENOMEM
 */
export function write_candidate(
  device: Device, index: u32, payload: usize, length: u32, codec: u32, hash: u32, now: u32,
): i32 {
  const twin = dedup_find_encoded(device.pool, hash, codec, payload, length);
  return twin == 0 ? 0 : write_shared(device, index, twin, hash, now);
}

/** Stores a page that the bindings encoded. @returns 0 or -ENOMEM: the old content stays */
export function write_encoded(
  device: Device, index: u32, payload: usize, length: u32, codec: u32, hash: u32, now: u32,
): i32 {
  if (DEBUG) assert(index < device.diskPages && length >= 1 && length <= PAGE_SIZE); // the bindings check both
  for (let tries = 0; tries < 2; tries++) {
    const slot = slot_make(device, index);
    if (slot != 0) {
      if (store_object(device, slot, payload, length, codec, hash, 0)) {
        touch(device, index, now);
        return 0;
      }
      slot_release(device, index, slot);
    }
    if (!pool_make_room(device.pool)) break;
  }
  device.failedWrites++;
  return ENOMEM;
}

// ── out ──────────────────────────────────────────────────────────────────────────────────────────────────────────

/** `read_page`: the page is on the backing device. */
export const READ_WRITTEN_BACK: i32 = 1 << 20;
/** `READ_WRITTEN_BACK`: the block. */
export let readBlock: u32 = 0;

/**
 * Reads a page; one that was never written reads as zeros.
 * @param page room for 4096 bytes
 * @returns 0; -EIO: what is stored does not decompress to a page; above 0 as `object_to_page`, or READ_WRITTEN_BACK
 */
export function read_page(device: Device, index: u32, page: usize, now: u32): i32 {
  if (DEBUG) assert(index < device.diskPages); // the bindings check the range
  const slot = slot_at_inline(device, index);
  const flags = slot == 0 ? 0 : slot_flags(slot);
  if (flags != 0) slot_accessed(device, index, slot, flags, now);
  return slot_read(slot, flags, page);
}

/** A page that is stored is read. */
// @ts-ignore: decorator
@inline
export function slot_accessed(device: Device, index: u32, slot: usize, flags: u32, now: u32): void {
  touch(device, index, now);
  if (flags & SLOT_MARKS) slot_set_flags(slot, flags & ~SLOT_MARKS);
}

/** As `read_page`, without leaving a trace. */
export function peek_page(device: Device, index: u32, page: usize): i32 {
  const slot = slot_at_inline(device, index);
  return slot_read(slot, slot == 0 ? 0 : slot_flags(slot), page);
}

// @ts-ignore: decorator
@inline
function slot_read(slot: usize, flags: u32, page: usize): i32 {
  if (flags & SLOT_STORED) return object_to_page(cell_location(slot_value(slot)), page);
  if (flags & SLOT_WRITTEN_BACK) {
    readBlock = cell_target(slot_value(slot));
    return READ_WRITTEN_BACK;
  }
  if (flags == 0) memory.fill(page, 0, PAGE_SIZE);
  else page_fill(page, slot_fill_value(slot));
  return 0;
}
