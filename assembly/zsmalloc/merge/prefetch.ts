/** A batch of objects, brought into the cache before they are scanned. */
import { PAGE_MASK } from '../../common';
import { cell_kind, cell_target, DIRECT, OBJECT, SHARED } from '../cell';
import { header_hashed, header_length, object_hash, object_header, object_key, SAMPLE_START } from '../object';
import { HEADER_BYTES } from '../size-class';
import { MERGE_HASHED_DIFFER, Pool, Zspage } from '../structs';
import { LOCATION_DOOMED, object_address, zspage_of } from '../zspage';
import { index_home, index_likely } from './key-index';
import { objectsHashed } from './report';

/**
 * Objects that are prefetched together and then scanned: rows of their cells, keys, homes in the index, and likely
 * twins.
 */
export const BATCH_MAX: u32 = 32;
export const BATCH_KEYS: usize = BATCH_MAX * 4;
export const BATCH_HOMES: usize = 2 * BATCH_KEYS;
const BATCH_TWINS: usize = 3 * BATCH_KEYS;
/** Flag beside a home: the object is new. */
export const IS_NEW: u32 = 1;
export const BATCH: usize = memory.data(4 * BATCH_MAX * 4, 4);
/** Bytes that the processor loads at once. */
const LINE_BYTES: u32 = 64;
/** Bytes of an object that hold its header and most of its sample. */
const SAMPLE_LINES_BYTES: u32 = SAMPLE_START + LINE_BYTES;
/** Most objects of the last batch had to be hashed, so those of the next one probably must be, too. */
let expectHashing: bool = false;
/** Keeps the compiler from dropping the loads of `prefetch_batch`. */
let prefetchSink: u32 = 0;

/** Whether a cell holds the location of an object that a dry run has not met as a duplicate. */
// @ts-ignore: decorator
@inline
export function cell_owns(cell: u32): bool {
  const kind = cell_kind(cell);
  return (kind == DIRECT || kind == OBJECT) && !(cell_target(cell) & LOCATION_DOOMED);
}

/**
 * Hashes the objects of the batch, and brings into the cache what scanning them will read: each step loads for all of
 * them what the next one needs, so that the processor waits for many cache misses at once instead of one by one.
 */
export function prefetch_batch(pool: Pool, count: u32): void {
  const end = BATCH + (count << 2);
  let sum: u32 = 0;
  const firstBytes = expectHashing ? SAMPLE_LINES_BYTES : LINE_BYTES;
  for (let at = BATCH; at < end; at += 4) sum += prefetch_lines(object_address(cell_target(load<u32>(at))), firstBytes);
  const hashedBefore = objectsHashed;
  for (let at = BATCH; at < end; at += 4) {
    const location = cell_target(load<u32>(at));
    const hashed = objectsHashed;
    const key = object_key(location, hashed_header(location));
    store<u32>(at, key, BATCH_KEYS);
    const isNew = !(pool.mergeFlags & MERGE_HASHED_DIFFER) || objectsHashed != hashed;
    store<u32>(at, <u32>index_home(pool, key) | <u32>isNew, BATCH_HOMES);
  }
  expectHashing = objectsHashed - hashedBefore > count >> 1;
  for (let at = BATCH; at < end; at += 4) sum += load<u32>(load<u32>(at, BATCH_HOMES) & ~IS_NEW);
  // Of the objects that are likely to be equal, first the cells.
  for (let at = BATCH; at < end; at += 4) {
    const home = load<u32>(at, BATCH_HOMES);
    const other = home & IS_NEW ? index_likely(home & ~IS_NEW, load<u32>(at, BATCH_KEYS)) : 0;
    store<u32>(at, other, BATCH_TWINS);
    if (other != 0) sum += load<u32>(other) + zspage_of(cell_target(load<u32>(at))).next;
  }
  // Then how they begin. No cell: something from address 0.
  for (let at = BATCH; at < end; at += 4) {
    let other = load<u32>(at, BATCH_TWINS);
    if (cell_kind(other) == SHARED) other = cell_target(other);
    const twin = cell_owns(other) ? object_address(cell_target(other)) : 0;
    store<u32>(at, twin, BATCH_TWINS);
    sum += load<u32>(twin);
  }
  // Where they begin alike, all lines of both, and the neighbours of the zspages that will lose an object.
  for (let at = BATCH; at < end; at += 4) {
    const location = cell_target(load<u32>(at));
    const object = object_address(location);
    const twin = load<u32>(at, BATCH_TWINS);
    if (twin == 0 || load<u64>(object, HEADER_BYTES) != load<u64>(twin, HEADER_BYTES)) continue;
    const zspage = zspage_of(location);
    sum += changetype<Zspage>(zspage.next).prev + changetype<Zspage>(zspage.prev).next;
    const bytes = header_length(object_header(location));
    sum += prefetch_lines(object, bytes) + prefetch_lines(twin, bytes);
  }
  prefetchSink = sum;
}

/** Loads something of each line of an object's first bytes, as far as they lie in its first frame. */
// @ts-ignore: decorator
@inline
function prefetch_lines(object: u32, bytes: u32): u32 {
  const end = min(object + bytes, (object | PAGE_MASK) + 1);
  let sum: u32 = 0;
  for (; object < end; object += LINE_BYTES) sum += load<u32>(object);
  return sum;
}

/** The header of an object, which is hashed where it was not. */
export function hashed_header(location: u32): u64 {
  const header = object_header(location);
  if (header_hashed(header)) return header;
  objectsHashed++;
  return object_hash(location, header);
}
