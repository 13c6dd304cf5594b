/**
 * Copies of pages that duplicates are compared with, uncompressed: that takes a fraction of what comparing a page with
 * an LZ4 block does. A pool has them if it is made with `dedupCache`.
 *
 * A copy goes by its entry in the deduplication index (see dedup.ts): the hash of the page, and the cell that owns the
 * object. It is dropped with the entry, so that the cache holds nothing that no object does. Copies are in sets of 8,
 * chosen by the hash, and a frame has the records of 32 sets. All of it is a loan: it goes back with the last entry, or
 * when memory is exhausted.
 *
 *   record  ┌ entry, 0 = no copy ┬ frame of the copy, 0 = never had one ┬ turn (of the set, in its first record) ┐
 */
import { DEBUG, PAGE_SIZE } from '../common';
import { LOAN_CONTENT, loan_begin, loan_end, loan_frame, loan_frames } from '../memory/frames';
import { Pool } from './structs';

const RECORD_BYTES: u32 = 16;
const RECORD_FRAME: u32 = 8;
const RECORD_TURN: u32 = 12;
/** Copies in a set. */
const WAYS: u32 = 8;
const SET_BYTES: u32 = WAYS * RECORD_BYTES;
/** Sets in a frame; and at most: as many such frames as the loan's first frame can name. */
const SETS: u32 = PAGE_SIZE / SET_BYTES;
const SETS_MAX: u32 = ((PAGE_SIZE - LOAN_CONTENT) / 4) * SETS;
/** Of so many hits that find their set full, one replaces a copy: what is hit more often gets in sooner. */
const TURNS: u32 = 4;

/** Lets a pool keep up to so many copies. */
export function cache_allow(pool: Pool, copies: u32): void {
  pool.dedupCacheSets = min(copies / WAYS, SETS_MAX);
}

/** Number of an entry's set. */
// @ts-ignore: decorator
@inline
function set_number(pool: Pool, entry: u64): u32 {
  return <u32>(((entry >> 32) * <u64>pool.dedupCacheSets) >> 32);
}

/** Address of the word that names the frame of a set. */
// @ts-ignore: decorator
@inline
function sets_word(pool: Pool, set: u32): usize {
  return pool.dedupCache + LOAN_CONTENT + (set / SETS) * 4;
}

/** The first record in an entry's set that has `wanted` in the place of an entry; 0 = there is none. */
function record_with(pool: Pool, entry: u64, wanted: u64): usize {
  if (pool.dedupCache == 0) return 0;
  const set = set_number(pool, entry);
  const sets = load<u32>(sets_word(pool, set));
  if (sets == 0) return 0;
  let record: usize = sets + (set % SETS) * SET_BYTES;
  for (const end = record + SET_BYTES; record < end; record += RECORD_BYTES) {
    if (load<u64>(record) == wanted) return record;
  }
  return 0;
}

/** Where the cache has the page of an entry; 0 = nowhere. */
export function cache_find(pool: Pool, entry: u64): u32 {
  const record = record_with(pool, entry, entry);
  return record == 0 ? 0 : load<u32>(record, RECORD_FRAME);
}

/**
 * Keeps a copy of an entry's page, which it has none of, where there is room and memory for it.
 * @param replace whether another copy may go for it
 */
export function cache_put(pool: Pool, entry: u64, page: usize, replace: bool): void {
  if (pool.dedupCacheSets == 0) return;
  if (DEBUG) assert(record_with(pool, entry, entry) == 0); // a second copy would outlive the first
  if (pool.dedupCache == 0) loan_begin(changetype<usize>(pool) + offsetof<Pool>('dedupCache'));
  const loan = pool.dedupCache;
  if (loan == 0) return;
  const set = set_number(pool, entry);
  const word = sets_word(pool, set);
  if (load<u32>(word) == 0) store<u32>(word, loan_frame(loan));
  if (load<u32>(word) == 0) return;
  let record = record_with(pool, entry, 0);
  if (record == 0) {
    if (!replace) return;
    const first: usize = load<u32>(word) + (set % SETS) * SET_BYTES;
    const turn = load<u32>(first, RECORD_TURN);
    store<u32>(first, turn + 1, RECORD_TURN);
    if (turn % TURNS != 0) return;
    record = first + ((turn / TURNS) % WAYS) * RECORD_BYTES;
  }
  let frame = load<u32>(record, RECORD_FRAME);
  if (frame == 0) {
    frame = loan_frame(loan);
    if (frame == 0) return;
    store<u32>(record, frame, RECORD_FRAME);
  }
  memory.copy(frame, page, PAGE_SIZE);
  store<u64>(record, entry);
}

/** An entry is named otherwise, or has gone (`to` is 0): so has its copy. */
export function cache_rename(pool: Pool, entry: u64, to: u64): void {
  const record = record_with(pool, entry, entry);
  if (record != 0) store<u64>(record, to);
}

/** Gives all memory of the cache back. */
export function cache_end(pool: Pool): void {
  if (pool.dedupCache != 0) loan_end(pool.dedupCache);
}

/** Number of copies. For the invariants of a pool. */
export function cache_copies(pool: Pool): u32 {
  if (pool.dedupCache == 0) return 0;
  let copies: u32 = 0;
  for (let word = pool.dedupCache + LOAN_CONTENT; word < pool.dedupCache + PAGE_SIZE; word += 4) {
    const sets = load<u32>(word);
    if (sets == 0) continue;
    for (let record = sets; record < sets + PAGE_SIZE; record += RECORD_BYTES) copies += u32(load<u64>(record) != 0);
  }
  return copies;
}

/** Bytes that the cache takes. */
export function cache_bytes(pool: Pool): u32 {
  return pool.dedupCache == 0 ? 0 : loan_frames(pool.dedupCache) * PAGE_SIZE;
}
