/**
 * Invariants of a pool, for the tests: compiled into the debug build only.
 */
import { bytes_equal } from '../bytes/compare';
import { PAGE_SIZE } from '../common';
import { SCRATCH_B } from '../memory/staging';
import {
  cell_kind, cell_location, cell_number, cell_refs, cell_target, DIRECT, first_cell, FORWARD, FREE, next_cell, OBJECT,
  SAME, SHARED,
} from '../zsmalloc/cell';
import { object_to_page } from '../zsmalloc/decode';
import { dedup_finds, page_hash } from '../zsmalloc/dedup';
import { cache_copies, cache_find } from '../zsmalloc/dedup-cache';
import { entries_sound } from '../zsmalloc/dedup-index';
import { header_has_place, HEADER_INDEXED, header_length, header_owner, object_header } from '../zsmalloc/object';
import { class_at } from '../zsmalloc/size-class';
import { GROUP_FULL, GROUPS, Pool, SizeClass, Zspage } from '../zsmalloc/structs';
import { group_first, LOCATION_HUGE, next_in_use, zspage_location } from '../zsmalloc/zspage';
import { devices_check } from './devices';

let objects: u32 = 0;
let bytes: u64 = 0;
let pages: u32 = 0;
let sharedBytes: u64 = 0;
let indexed: u32 = 0;
let copied: u32 = 0;
let undecodable: u32 = 0;
let failed: i32 = 0;

/** Remembers the first condition that does not hold. */
function expect(holds: bool, code: i32): void {
  if (!holds && failed == 0) failed = code;
}

/** 0 when all invariants of the pool hold, else the code of the first that does not. */
export function poolCheck(address: usize): i32 {
  const pool = changetype<Pool>(address);
  objects = 0;
  bytes = 0;
  pages = 0;
  sharedBytes = 0;
  indexed = 0;
  copied = 0;
  undecodable = 0;
  failed = 0;
  for (let n: u32 = 0; n < pool.classes; n++) checkClass(pool, class_at(pool, n));
  expect(pool.objects == objects, 1);
  expect(pool.payloadBytes == bytes, 2);
  expect(pool.totalFrames == pages, 3);
  checkCells(pool);
  expect(pool.sharedBytes == sharedBytes, 4);
  expect(pool.dedupUsed == indexed && entries_sound(pool, indexed), 5);
  const copies = cache_copies(pool);
  expect(copied <= copies && copies <= copied + undecodable, 6);
  if (failed == 0) failed = devices_check(pool);
  return failed;
}

function checkClass(pool: Pool, sizeClass: SizeClass): void {
  let allocated: u32 = 0;
  let inUse: u32 = 0;
  for (let group: u32 = 0; group < GROUPS; group++) {
    let prev: u32 = 0;
    expect((sizeClass.groupMask >> group & 1) != 0 == (changetype<usize>(group_first(sizeClass, group)) != 0), 10);
    let zspage = group_first(sizeClass, group);
    for (; changetype<usize>(zspage) != 0; zspage = changetype<Zspage>(zspage.next)) {
      expect(zspage.prev == prev && <u32>zspage.group == group && zspage.sizeClass == sizeClass, 11);
      const used = <u32>zspage.inUse;
      const expected = used == sizeClass.objects ? GROUP_FULL : (100 * used) / sizeClass.objects / 10 + 1;
      expect(group == expected && used > 0, 12);
      allocated += sizeClass.objects;
      inUse += used;
      pages += sizeClass.frames;
      checkObjects(pool, zspage);
      prev = changetype<u32>(zspage);
    }
  }
  expect(sizeClass.objectsAllocated == allocated && sizeClass.objectsInUse == inUse, 13);
}

function checkObjects(pool: Pool, zspage: Zspage): void {
  const sizeClass = zspage.sizeClass;
  let used: u32 = 0;
  if (sizeClass.objects == 1) {
    checkObject(pool, zspage.frame0 | LOCATION_HUGE);
    used = 1;
  } else {
    expect(zspage.doomed == 0, 20);
    for (let index = next_in_use(zspage, 0); index < sizeClass.objects; index = next_in_use(zspage, index + 1)) {
      checkObject(pool, zspage_location(zspage, index));
      used++;
    }
  }
  expect(used == <u32>zspage.inUse, 21);
}

/** The header's owner is a cell that names the object; where it says so, its entry in the dedup index is found. */
function checkObject(pool: Pool, location: u32): void {
  const header = object_header(location);
  const owner = header_owner(header);
  const kind = cell_kind(owner);
  expect(kind == DIRECT || kind == OBJECT, 22);
  expect(cell_target(owner) == location, 23);
  if (header & HEADER_INDEXED) {
    indexed++;
    checkCopy(pool, location, owner);
  }
  expect(!header_has_place(header) || dedup_finds(pool, location), 24);
  objects++;
  bytes += header_length(header);
}

/** The cache of deduplication has no copy of the object's page, or the right one. */
function checkCopy(pool: Pool, location: u32, owner: u32): void {
  const result = object_to_page(location, SCRATCH_B);
  if (result > 0) undecodable++;
  if (result != 0) return;
  const copy = cache_find(pool, (<u64>page_hash(SCRATCH_B) << 32) | <u64>cell_number(owner));
  if (copy == 0) return;
  copied++;
  expect(bytes_equal(copy, SCRATCH_B, PAGE_SIZE), 25);
}

function checkCells(pool: Pool): void {
  let handles: u32 = 0;
  let shared: u32 = 0;
  let objectCells: u32 = 0;
  let free: u32 = 0;
  let forwards: u32 = 0;
  for (let cell = first_cell(pool); cell != 0; cell = next_cell(cell)) {
    const kind = cell_kind(cell);
    if (kind == DIRECT || kind == SHARED || kind == SAME) handles++;
    if (kind == SHARED) {
      shared++;
      const above = cell_kind(cell_target(cell));
      expect(above == OBJECT || above == FORWARD, 30);
      sharedBytes += header_length(object_header(cell_location(cell)));
    }
    if (kind == OBJECT) {
      objectCells++;
      sharedBytes -= header_length(object_header(cell_target(cell)));
    }
    if (kind == OBJECT || kind == FORWARD) expect(cell_refs(cell) == pointers(pool, cell) && cell_refs(cell) > 0, 31);
    if (kind == FORWARD) forwards++;
  }
  for (let cell = pool.cellFreeHead; cell != 0; cell = cell_target(cell)) {
    expect(cell_kind(cell) == FREE, 33);
    free++;
  }
  expect(pool.handles == handles && pool.sharedLeaves == shared && pool.objectCells == objectCells, 34);
  expect(pool.cellsFree == free, 35);
  expect(pool.forwards == forwards, 36);
}

/** How many cells point to an OBJECT or FORWARD cell. */
function pointers(pool: Pool, target: u32): u32 {
  let count: u32 = 0;
  for (let cell = first_cell(pool); cell != 0; cell = next_cell(cell)) {
    const kind = cell_kind(cell);
    if ((kind == SHARED || kind == FORWARD) && cell_target(cell) == target) count++;
  }
  return count;
}
