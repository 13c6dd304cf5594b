/**
 * The table of deduplication: 8-byte entries, in buckets of a frame each (extendible hashing).
 *
 * The place of an entry is 18 bits of its hash. The first of them lead through a directory to a bucket, the others to a
 * slot in it; inside a bucket it is open addressing with backward-shift deletion. A bucket that is three quarters full
 * is split in two by the next bit, so that adding an entry never moves more than one bucket, however large the table:
 * one that doubled as a whole took 50 ms at a million entries. The directory doubles when a bucket is split that has
 * only one word there.
 *
 *   place  ┌ depth of the directory ┬──────── 18 bits ────────┐      directory: 2^depth words in up to 256 frames
 *          └ depth of a bucket, or less ┴ slot in the bucket ─┘      bucket: 512 entries; 0 = empty
 *
 * The metadata word of a bucket's frame has its depth and the number of its entries.
 */
import { DEBUG, PAGE_MASK, PAGE_SIZE } from '../common';
import { frame_alloc, frame_alloc_zeroed, frame_free, frame_meta } from '../memory/frames';
import { SCRATCH_A } from '../memory/staging';
import { Pool } from './structs';

const PLACE_BITS: u32 = 18;
const PLACE_MASK: u32 = (1 << PLACE_BITS) - 1;
const ENTRY_BYTES: u32 = 8;
const BUCKET_ENTRIES: u32 = PAGE_SIZE / ENTRY_BYTES;
const BUCKET_SHIFT: u32 = 9;
/** A bucket is split at 6 eighths; one that cannot be is filled up to 7. */
const SPLIT_ENTRIES: u32 = (BUCKET_ENTRIES >> 3) * 6;
const FULL_ENTRIES: u32 = (BUCKET_ENTRIES >> 3) * 7;
/** Entries with one hash, at most: some different contents may share it. */
const EQUAL_MAX: u32 = 16;
/** Words of the directory in one frame. */
const WORDS_SHIFT: u32 = 10;
const WORDS_MASK: u32 = (1 << WORDS_SHIFT) - 1;

@unmanaged
class Directory {
  /// Bits of a place that the directory goes by.
  depth: u32;
  buckets: u32;
  /// Frames of words, 2^depth words in all.
  frames: u32;
  frame0: u32;
}
const DIRECTORY_FRAME0: u32 = offsetof<Directory>('frame0');

/** A bucket's metadata word: entries below, depth above. */
const DEPTH_SHIFT: u32 = 16;
const COUNT_MASK: u32 = (1 << DEPTH_SHIFT) - 1;

// @ts-ignore: decorator
@inline
function directory_of(pool: Pool): Directory {
  return changetype<Directory>(pool.dedupDirectory);
}

/** The n-th frame of words. */
// @ts-ignore: decorator
@inline
function directory_frame(directory: Directory, n: u32): u32 {
  return load<u32>(changetype<usize>(directory) + n * 4, DIRECTORY_FRAME0);
}

/** Address of a word of the directory. */
// @ts-ignore: decorator
@inline
function word_at(directory: Directory, n: u32): usize {
  return directory_frame(directory, n >> WORDS_SHIFT) + (n & WORDS_MASK) * 4;
}

// @ts-ignore: decorator
@inline
function bucket_of(directory: Directory, place: u32): u32 {
  return load<u32>(word_at(directory, place >> (PLACE_BITS - directory.depth)));
}

/** The 18 bits of a hash that say where its entry belongs; never 0. */
// @ts-ignore: decorator
@inline
export function hash_place(hash: u32): u32 {
  return max(hash >> (32 - PLACE_BITS), 1);
}

/** Address in a bucket where the search for an entry begins. */
// @ts-ignore: decorator
@inline
function home_in(bucket: u32, depth: u32, place: u32): u32 {
  return bucket + (((place << depth) & PLACE_MASK) >> (PLACE_BITS - BUCKET_SHIFT)) * ENTRY_BYTES;
}

/** Address where the search for an entry begins; the index is not empty. It ends at the first entry that is 0. */
// @ts-ignore: decorator
@inline
export function entries_first(pool: Pool, place: u32): u32 {
  if (DEBUG) assert(pool.dedupDirectory != 0); // without entries there is no bucket to search
  const bucket = bucket_of(directory_of(pool), place);
  return home_in(bucket, load<u32>(frame_meta(bucket)) >> DEPTH_SHIFT, place);
}

/** The address after this one, in its bucket. */
// @ts-ignore: decorator
@inline
export function entries_next(at: u32): u32 {
  return (at & ~PAGE_MASK) | ((at + ENTRY_BYTES) & PAGE_MASK);
}

/** Bytes of the index. */
export function entries_bytes(pool: Pool): u32 {
  if (pool.dedupDirectory == 0) return 0;
  const directory = directory_of(pool);
  return (1 + directory.frames + directory.buckets) * PAGE_SIZE;
}

// ── entries ──────────────────────────────────────────────────────────────────────────────────────────────────────

/**
 * Adds an entry. False where there is no room for it, nor where others have that hash already: they are equal pages
 * that were loaded one by one, or cannot be compared, and more entries would only lie in the way.
 */
export function entries_add(pool: Pool, entry: u64): bool {
  const bucket = bucket_with_room(pool, hash_place(<u32>(entry >> 32)));
  return bucket != 0 && bucket_put(bucket, entry, EQUAL_MAX);
}

function bucket_put(bucket: u32, entry: u64, equalMax: u32): bool {
  const meta = frame_meta(bucket);
  let at = home_in(bucket, load<u32>(meta) >> DEPTH_SHIFT, hash_place(<u32>(entry >> 32)));
  while (true) {
    const other = load<u64>(at);
    if (other == 0) break;
    if (other >> 32 == entry >> 32 && --equalMax == 0) return false;
    at = entries_next(at);
  }
  store<u64>(at, entry);
  store<u32>(meta, load<u32>(meta) + 1);
  return true;
}

/** Removes an entry, and moves back entries that it had kept from their home. */
export function entries_remove(at: u32): void {
  const bucket = at & ~PAGE_MASK;
  const meta = frame_meta(bucket);
  const depth = load<u32>(meta) >> DEPTH_SHIFT;
  if (DEBUG) assert((load<u32>(meta) & COUNT_MASK) != 0); // the count would borrow from the bucket's depth
  store<u32>(meta, load<u32>(meta) - 1);
  let hole = at;
  let next = at;
  while (true) {
    next = entries_next(next);
    const entry = load<u64>(next);
    if (entry == 0) break;
    const home = home_in(bucket, depth, hash_place(<u32>(entry >> 32)));
    // An entry whose home lies behind the hole, up to its own slot, must stay.
    const behind = hole <= next ? hole < home && home <= next : hole < home || home <= next;
    if (behind) continue;
    store<u64>(hole, entry);
    hole = next;
  }
  store<u64>(hole, 0);
}

// ── buckets ──────────────────────────────────────────────────────────────────────────────────────────────────────

/** The bucket for a place, with room for an entry; 0 without room. */
function bucket_with_room(pool: Pool, place: u32): u32 {
  if (pool.dedupDirectory == 0 && !directory_make(pool)) return 0;
  while (true) {
    const directory = directory_of(pool);
    const bucket = bucket_of(directory, place);
    const used = load<u32>(frame_meta(bucket)) & COUNT_MASK;
    if (used < SPLIT_ENTRIES) return bucket;
    if (!bucket_split(directory, bucket, place)) return used < FULL_ENTRIES ? bucket : 0;
  }
}

/** Splits the bucket for a place. False when memory is exhausted, or all bits are used. */
function bucket_split(directory: Directory, bucket: u32, place: u32): bool {
  const depth = load<u32>(frame_meta(bucket)) >> DEPTH_SHIFT;
  if (depth == PLACE_BITS || (depth == directory.depth && !directory_double(directory))) return false;
  const made = frame_alloc_zeroed();
  if (made == 0) return false;
  directory.buckets++;
  memory.copy(SCRATCH_A, bucket, PAGE_SIZE);
  memory.fill(bucket, 0, PAGE_SIZE);
  store<u32>(frame_meta(bucket), (depth + 1) << DEPTH_SHIFT);
  store<u32>(frame_meta(made), (depth + 1) << DEPTH_SHIFT);
  const bit = PLACE_BITS - 1 - depth;
  for (let at = SCRATCH_A; at < SCRATCH_A + PAGE_SIZE; at += ENTRY_BYTES) {
    const entry = load<u64>(at);
    if (entry != 0) bucket_put((hash_place(<u32>(entry >> 32)) >> bit) & 1 ? made : bucket, entry, u32.MAX_VALUE);
  }
  // Of the words that name the bucket, the second half names the new one.
  const words: u32 = 1 << (directory.depth - depth);
  const first = (place >> (PLACE_BITS - depth)) * words;
  for (let n = first + (words >> 1); n < first + words; n++) store<u32>(word_at(directory, n), made);
  return true;
}

/** Makes a directory with one bucket. False when memory is exhausted. */
function directory_make(pool: Pool): bool {
  const directory = changetype<Directory>(frame_alloc_zeroed());
  if (changetype<usize>(directory) == 0) return false;
  directory.frame0 = frame_alloc();
  const bucket = directory.frame0 == 0 ? 0 : frame_alloc_zeroed();
  if (bucket == 0) {
    if (directory.frame0 != 0) frame_free(directory.frame0);
    frame_free(changetype<u32>(directory));
    return false;
  }
  directory.frames = 1;
  directory.buckets = 1;
  store<u32>(directory.frame0, bucket);
  pool.dedupDirectory = changetype<u32>(directory);
  return true;
}

/** One bit more. False when memory is exhausted. */
function directory_double(directory: Directory): bool {
  const words: u32 = 1 << directory.depth;
  const before = directory.frames;
  while ((directory.frames << WORDS_SHIFT) < 2 * words) {
    const frame = frame_alloc();
    if (frame == 0) {
      while (directory.frames > before) frame_free(directory_frame(directory, --directory.frames));
      return false;
    }
    store<u32>(changetype<usize>(directory) + directory.frames++ * 4, frame, DIRECTORY_FRAME0);
  }
  for (let n = words; n-- > 0; ) {
    const bucket = load<u32>(word_at(directory, n));
    store<u32>(word_at(directory, 2 * n + 1), bucket);
    store<u32>(word_at(directory, 2 * n), bucket);
  }
  directory.depth++;
  return true;
}

/** Gives the index back. */
export function entries_end(pool: Pool): void {
  if (pool.dedupDirectory == 0) return;
  const directory = directory_of(pool);
  let last: u32 = 0;
  for (let n: u32 = 0; n >> directory.depth == 0; n++) {
    const bucket = load<u32>(word_at(directory, n));
    if (bucket != last) frame_free(bucket);
    last = bucket;
  }
  for (let n: u32 = 0; n < directory.frames; n++) frame_free(directory_frame(directory, n));
  frame_free(pool.dedupDirectory);
  pool.dedupDirectory = 0;
}

/** Whether all entries are where they belong, and as many as expected. For the invariants of a pool. */
export function entries_sound(pool: Pool, entriesExpected: u32): bool {
  if (pool.dedupDirectory == 0) return entriesExpected == 0;
  const directory = directory_of(pool);
  let entries: u32 = 0;
  let buckets: u32 = 0;
  for (let n: u32 = 0; n >> directory.depth == 0; ) {
    const bucket = load<u32>(word_at(directory, n));
    const meta = load<u32>(frame_meta(bucket));
    const depth = meta >> DEPTH_SHIFT;
    let used: u32 = 0;
    for (let at = bucket; at < bucket + PAGE_SIZE; at += ENTRY_BYTES) {
      const entry = load<u64>(at);
      if (entry == 0) continue;
      used++;
      const place = hash_place(<u32>(entry >> 32));
      if (bucket_of(directory, place) != bucket) return false;
      // No gap between its home and its slot.
      for (let before = home_in(bucket, depth, place); before != at; before = entries_next(before)) {
        if (load<u64>(before) == 0) return false;
      }
    }
    if (used != (meta & COUNT_MASK)) return false;
    const words: u32 = 1 << (directory.depth - depth);
    if (n % words != 0) return false;
    for (const end = n + words; n < end; n++) if (load<u32>(word_at(directory, n)) != bucket) return false;
    entries += used;
    buckets++;
  }
  return entries == entriesExpected && buckets == directory.buckets;
}
