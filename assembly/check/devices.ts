/**
 * Invariants of the devices on a pool, for the tests: compiled into the debug build only. They hold between calls, and
 * but for the blocks' references also in the middle of a writeback.
 */
import { PAGE_SIZE } from '../common';
import { chunk_holders, chunk_is_marked, chunk_is_shared, chunk_used, SLOTS } from '../zram/chunk';
import {
  SLOT_BYTES, slot_flags, SLOT_HUGE, SLOT_MARKS, SLOT_SAME, SLOT_SAME_WIDE, SLOT_STORED, slot_value,
  SLOT_WRITTEN_BACK,
} from '../zram/slot';
import { Bdev, Device, DEVICE_MAGIC, NEXT } from '../zram/structs';
import { chunk_at, next_chunk } from '../zram/table';
import {
  BLOCK, cell_kind, cell_location, cell_number, cell_numbered, cell_refs, cell_target, first_cell, is_handle, next_cell,
  SAME, VALUE,
} from '../zsmalloc/cell';
import { header_length, object_header } from '../zsmalloc/object';
import { same_wide_value } from '../zsmalloc/same';
import { Pool } from '../zsmalloc/structs';

/**
 * How often cells are referred to, and how many devices hold a chunk: open addressing, an address and its count an
 * entry. Pools of the tests are small. A cell is never at the start of a frame, where chunks begin.
 */
const COUNTS: u32 = 8192;
const counts: usize = memory.data(COUNTS * 8, 8);

function count_entry(cell: u32): usize {
  let at = (cell_number(cell) ^ (cell_number(cell) >> 9)) & (COUNTS - 1);
  while (true) {
    const entry = counts + at * 8;
    if (load<u32>(entry) == 0 || load<u32>(entry) == cell) return entry;
    at = (at + 1) & (COUNTS - 1);
  }
}

function count(cell: u32): void {
  const entry = count_entry(cell);
  store<u32>(entry, cell);
  store<u32>(entry, load<u32>(entry, 4) + 1, 4);
}

let failed: i32 = 0;

/** Remembers the first condition that does not hold. */
function expect(holds: bool, code: i32): void {
  if (!holds && failed == 0) failed = code;
}

/** 0 when all invariants of the pool's devices hold, else the code of the first that does not. */
export function devices_check(pool: Pool): i32 {
  failed = 0;
  memory.fill(counts, 0, COUNTS * 8);
  let link: u32 = offsetof<Pool>('devices') + changetype<u32>(pool);
  let blocks: u32 = 0;
  for (let at = pool.devices; at != 0 && failed == 0; at = changetype<Device>(at).next) {
    const device = changetype<Device>(at);
    expect(device.magic == DEVICE_MAGIC && device.pool == pool && device.link == link, 50);
    link = at + <u32>NEXT;
    check_pages(device);
    check_frames(device);
    if (changetype<usize>(device.bdev) != 0 && is_first_user(pool, device)) {
      check_bdev(pool, device.bdev);
      blocks += device.bdev.fresh;
    }
  }
  check_holders(pool);
  check_references(pool, blocks);
  return failed;
}

// ── pages ────────────────────────────────────────────────────────────────────────────────────────────────────────

let stored: u32 = 0;
let same: u32 = 0;
let huge: u32 = 0;
/** Chunks that were met before. */
let repeated: u32 = 0;

function check_pages(device: Device): void {
  stored = 0;
  same = 0;
  huge = 0;
  repeated = 0;
  for (let page = next_chunk(device, 0); page < device.diskPages; page = next_chunk(device, page + SLOTS)) {
    check_chunk(device, chunk_at(device, <u32>page));
  }
  expect(device.pagesStored == stored && device.samePages == same && device.hugePages == huge, 51);
  expect(device.sharedEntries == 0 || device.sharedEntries == repeated, 72);
}

function check_chunk(device: Device, chunk: u32): void {
  count(chunk);
  // What slots refer to is counted once, however many devices hold the chunk.
  const first = load<u32>(count_entry(chunk), 4) == 1;
  if (!first) repeated++;
  let used: u32 = 0;
  for (let n: u32 = 0; n < SLOTS; n++) {
    const slot = chunk + n * SLOT_BYTES;
    if (slot_flags(slot) == 0) continue;
    used++;
    check_slot(device, slot, first);
    expect(!(slot_flags(slot) & SLOT_MARKS) || (chunk_is_marked(chunk) && !chunk_is_shared(chunk)), 54);
  }
  expect(used > 0 && chunk_used(chunk) == used, 52);
}

/** The frames of the table are as many as the device counts, and it has times only where it tracks them. */
function check_frames(device: Device): void {
  let chunks: u32 = 0;
  let lowers: u32 = 0;
  let uppers: u32 = 0;
  let last: u64 = u64.MAX_VALUE;
  for (let page = next_chunk(device, 0); page < device.diskPages; page = next_chunk(device, page + SLOTS)) {
    chunks++;
    if (last == u64.MAX_VALUE || last >> 19 != page >> 19) lowers++;
    if (last == u64.MAX_VALUE || last >> 29 != page >> 29) uppers++;
    last = page;
  }
  expect(device.tableFrames == chunks + lowers + uppers, 53);
  expect(device.timeFrames == 0 || (<bool>device.tracksTime && device.timeFrames <= chunks), 55);
}

/** A chunk is held by as many devices as it counts. */
function check_holders(pool: Pool): void {
  for (let at = pool.devices; at != 0; at = changetype<Device>(at).next) {
    const device = changetype<Device>(at);
    for (let page = next_chunk(device, 0); page < device.diskPages; page = next_chunk(device, page + SLOTS)) {
      const chunk = chunk_at(device, <u32>page);
      expect(chunk_holders(chunk) == load<u32>(count_entry(chunk), 4), 71);
    }
  }
}

function check_slot(device: Device, slot: usize, counting: bool): void {
  const flags = slot_flags(slot);
  const value = slot_value(slot);
  const kinds = flags & (SLOT_STORED | SLOT_SAME | SLOT_WRITTEN_BACK);
  expect(popcnt<u32>(kinds) == 1, 56);
  stored++;
  if (flags & SLOT_SAME) same++;
  if (flags & SLOT_HUGE) huge++;
  if (flags & SLOT_STORED) {
    expect(is_handle(device.pool, value) && cell_kind(value) != SAME, 57);
    expect((flags & SLOT_HUGE) != 0 == (header_length(object_header(cell_location(value))) == PAGE_SIZE), 58);
    if (counting) count(value);
  } else {
    expect(!(flags & SLOT_HUGE), 59);
    if (flags & SLOT_WRITTEN_BACK) expect(cell_kind(value) == BLOCK && changetype<usize>(device.bdev) != 0, 60);
    if (flags & SLOT_SAME_WIDE) expect(cell_kind(value) == VALUE, 61);
    if (counting && flags & (SLOT_WRITTEN_BACK | SLOT_SAME_WIDE)) count(value);
  }
}

// ── what slots refer to ──────────────────────────────────────────────────────────────────────────────────────────

/** Whether no device before this one in the list has its backing device. */
function is_first_user(pool: Pool, device: Device): bool {
  let at = pool.devices;
  while (changetype<Device>(at).bdev != device.bdev) at = changetype<Device>(at).next;
  return at == changetype<u32>(device);
}

function check_bdev(pool: Pool, bdev: Bdev): void {
  let users: u32 = 0;
  for (let at = pool.devices; at != 0; at = changetype<Device>(at).next) {
    if (changetype<Device>(at).bdev == bdev) users++;
  }
  let free: u32 = 0;
  for (let cell = bdev.freed; cell != 0; cell = cell_numbered(cell_refs(cell))) {
    expect(cell_kind(cell) == BLOCK && cell_target(cell) < bdev.fresh, 62);
    expect(load<u32>(count_entry(cell), 4) == 0, 63);
    free++;
  }
  expect(bdev.users == users, 64);
  expect(bdev.fresh <= bdev.blocks && bdev.fresh == bdev.inUse + free, 65);
}

/**
 * Leaves, values and blocks have as many references as slots refer to them; leaves that no slot has are others'
 * handles.
 */
function check_references(pool: Pool, blocksExpected: u32): void {
  let blocks: u32 = 0;
  let values: u32 = 0;
  for (let cell = first_cell(pool); cell != 0; cell = next_cell(cell)) {
    const low = cell_kind(cell) == SAME ? same_wide_value(cell) : 0;
    if (low != 0) count(low);
  }
  for (let cell = first_cell(pool); cell != 0; cell = next_cell(cell)) {
    const kind = cell_kind(cell);
    const counted = load<u32>(count_entry(cell), 4);
    if (kind == BLOCK) blocks++;
    if (kind == VALUE) values++;
    if (counted == 0) continue;
    if (kind == VALUE) {
      expect(cell_refs(cell_numbered(cell_refs(cell))) == counted, 66);
      values -= 2;
    } else if (kind == BLOCK) expect(cell_refs(cell) >= counted, 67); // writeback holds the block that it writes
    else expect(cell_refs(cell) == counted, 68);
  }
  expect(values == 0, 69);
  expect(blocks == blocksExpected, 70);
}
