/**
 * Deduplication: the index that finds an object with given content before it is stored again.
 *
 * Two kinds of content are indexed, in one table, apart by their hashes: raw pages (a zram device with `dedup`, whose
 * objects hold them compressed) and the bytes given to `store` (a pool with `dedup`). An entry is the hash and the cell
 * that owns the object; a bit in the object's header says that there is one. Freeing the object, moving it to another
 * owner and writing to it all update the entry, so the table never holds a stale one.
 *
 *   63                              32 31 29 28                             0
 *  ┌──────────────────────────────────┬─────┬─────────────────────────────────┐
 *  │ hash of the content              │  0  │ address / 8 of the owner's cell │   0 = empty
 *  └──────────────────────────────────┴─────┴─────────────────────────────────┘
 *
 * Where an entry belongs depends on the upper 18 bits of its hash alone: a slot has room for these, and they are enough
 * to find the entry of an object that is freed. The table is allocated with the first entry and released with the last:
 * 11 to 21 bytes an object. Where it cannot grow, objects are stored without an entry, and a later merge finds them.
 */
import { bytes_equal } from '../bytes/compare';
import { content_hash } from '../bytes/hash';
import { CODEC_FOREIGN, CODEC_RAW, DEBUG, PAGE_SIZE } from '../common';
import { SCRATCH_A, SCRATCH_B } from '../memory/staging';
import { cell_number, CELL_NUMBER_MASK, cell_numbered, cell_target } from './cell';
import { ANY_FOREIGN, AS_PAGE, holds, object_to_page } from './decode';
import { cache_end, cache_find, cache_put, cache_rename } from './dedup-cache';
import { entries_add, entries_end, entries_first, entries_next, entries_remove, hash_place } from './dedup-index';
import {
  header_codec, header_has_place, HEADER_INDEXED, header_length, header_owner, header_place, is_lz4, is_plain, object_bytes,
  object_clear_indexed, object_header, object_set_indexed,
} from './object';
import { Pool } from './structs';

/** Hash domain of raw pages; payloads are hashed with their codec, 0..15. */
const PAGE_DOMAIN: u32 = 16;
/** Hash of a raw page. */
export function page_hash(page: usize): u32 {
  return content_hash(page, PAGE_SIZE, PAGE_DOMAIN);
}

// @ts-ignore: decorator
@inline
function entry_cell(entry: u64): u32 {
  return cell_numbered(<u32>entry & <u32>CELL_NUMBER_MASK);
}

/** The entry with another cell in place of its own. */
// @ts-ignore: decorator
@inline
function entry_rename(pool: Pool, at: u32, owner: u32): void {
  const entry = load<u64>(at);
  const renamed = (entry & ~CELL_NUMBER_MASK) | <u64>cell_number(owner);
  cache_rename(pool, entry, renamed);
  store<u64>(at, renamed);
}

// ── finding ──────────────────────────────────────────────────────────────────────────────────────────────────────

/** The owner of an object that holds this raw page, compressed or not; else 0. */
export function dedup_find_page(pool: Pool, hash: u32, page: usize): u32 {
  return find_owner(pool, hash, page, PAGE_SIZE, AS_PAGE);
}

/**
 * An object that may hold this raw page, and that only the bindings can decode: the first with the page's hash.
 * @returns the cell that owns it, or 0
 */
export function dedup_candidate(pool: Pool, hash: u32): u32 {
  return find_owner(pool, hash, 0, 0, ANY_FOREIGN);
}

/** The owner of an object with the page's hash, this codec and these bytes; else 0. */
export function dedup_find_encoded(pool: Pool, hash: u32, codec: u32, payload: usize, length: u32): u32 {
  return find_owner(pool, hash, payload, length, codec);
}

/** The owner of an object whose payload is these bytes, stored as they are; else 0. */
export function dedup_find_bytes(pool: Pool, hash: u32, bytes: usize, length: u32): u32 {
  return find_owner(pool, hash, bytes, length, CODEC_RAW);
}

function find_owner(pool: Pool, hash: u32, bytes: usize, length: u32, wanted: u32): u32 {
  if (pool.dedupDirectory == 0) return 0;
  let at = entries_first(pool, hash_place(hash));
  while (true) {
    const entry = load<u64>(at);
    if (entry == 0) return 0;
    if (<u32>(entry >> 32) == hash && entry_holds(pool, entry, bytes, length, wanted)) return entry_cell(entry);
    at = entries_next(at);
  }
}

/** Whether the object of an entry is what is looked for: as `holds`, a page by its copy where it has one. */
function entry_holds(pool: Pool, entry: u64, bytes: usize, length: u32, wanted: u32): bool {
  const copy = wanted == AS_PAGE ? cache_find(pool, entry) : 0;
  if (copy != 0) return bytes_equal(copy, bytes, PAGE_SIZE);
  const location = cell_target(entry_cell(entry));
  if (!holds(location, bytes, length, wanted)) return false;
  // An object that is the page itself is compared as fast as a copy of it.
  if (wanted == AS_PAGE && is_lz4(header_codec(object_header(location)))) cache_put(pool, entry, bytes, true);
  return true;
}

// ── entries ──────────────────────────────────────────────────────────────────────────────────────────────────────

/** Enters an object under the hash of its content. Without room in the table it stays without an entry. */
export function dedup_enter(pool: Pool, hash: u32, location: u32, page: usize): void {
  const header = object_header(location);
  if (DEBUG) assert((header & HEADER_INDEXED) == 0); // one entry an object: a second would outlive it
  const entry = (<u64>hash << 32) | <u64>cell_number(header_owner(header));
  if (!entries_add(pool, entry)) return;
  if (page != 0) cache_put(pool, entry, page, false);
  object_set_indexed(location, hash_place(hash));
  pool.dedupUsed++;
}

/**
 * The object is freed or its content changes: removes its entry.
 * @param place the place of the content's hash, where the caller knows it; 0 = not known
 */
export function dedup_forget(pool: Pool, location: u32, place: u32): void {
  const header = object_header(location);
  if ((header & HEADER_INDEXED) == 0) return;
  if (DEBUG) assert(pool.dedupUsed > 0); // with the last entry the table went back
  const at = entry_of(pool, location, header, place);
  cache_rename(pool, load<u64>(at), 0);
  entries_remove(at);
  object_clear_indexed(location);
  if (--pool.dedupUsed != 0) return;
  entries_end(pool);
  cache_end(pool);
}

/** The object's owner is another cell now (its header still names the old one): so does its entry. `place` as above. */
export function dedup_moved(pool: Pool, location: u32, owner: u32, place: u32): void {
  const header = object_header(location);
  if ((header & HEADER_INDEXED) != 0) entry_rename(pool, entry_of(pool, location, header, place), owner);
}

/** Two objects are equal and `from` will be freed: its entry passes to `to`, unless that has one. */
export function dedup_hand_over(pool: Pool, from: u32, to: u32): void {
  const header = object_header(from);
  if ((header & HEADER_INDEXED) == 0) return;
  const heir = object_header(to);
  if (heir & HEADER_INDEXED) {
    dedup_forget(pool, from, 0);
    return;
  }
  const at = entry_of(pool, from, header, 0);
  entry_rename(pool, at, header_owner(heir));
  object_clear_indexed(from);
  object_set_indexed(to, place_at(at));
}

/** Another encoding of the same page replaces an object: the entry, which goes by the page, stays. */
export function dedup_replaced(pool: Pool, from: u32, to: u32, place: u32): void {
  const header = object_header(from);
  if ((header & HEADER_INDEXED) == 0) return;
  const at = entry_of(pool, from, header, place);
  // Whether a compressor of the bindings reads its own blocks is only known by trying: without a copy, each write does.
  if (header_codec(object_header(to)) >= CODEC_FOREIGN) cache_rename(pool, load<u64>(at), 0);
  object_set_indexed(to, place_at(at));
}

/** An object was copied: the copy gets an entry as well, unless many share its hash. */
export function dedup_copied(pool: Pool, from: u32, to: u32): void {
  const header = object_header(from);
  if ((header & HEADER_INDEXED) != 0) dedup_enter(pool, load<u32>(entry_of(pool, from, header, 0), 4), to, 0);
}

/** Whether an object's entry, if it has one, is found. For the invariants of a pool. */
export function dedup_finds(pool: Pool, location: u32): bool {
  const header = object_header(location);
  return (header & HEADER_INDEXED) == 0 || entry_of(pool, location, header, 0) != 0;
}

function place_at(at: u32): u32 {
  return hash_place(load<u32>(at, 4));
}

/** Address of the object's entry. @param known the place of its content's hash, or 0 */
function entry_of(pool: Pool, location: u32, header: u64, known: u32): u32 {
  const owner = header_owner(header);
  const place = header_has_place(header) ? header_place(header) : known;
  if (place != 0) {
    const at = entry_find(pool, place, owner);
    if (at != 0) return at;
  }
  // Not known: it follows from the content. Raw objects may be entered as bytes, whole pages also as a page.
  const length = header_length(header);
  const codec = header_codec(header);
  const payload = object_bytes(location, length, SCRATCH_A);
  let page = payload;
  if (is_plain(codec)) {
    const at = entry_find(pool, hash_place(content_hash(payload, length, CODEC_RAW)), owner);
    if (at != 0) return at;
  } else {
    if (DEBUG) assert(is_lz4(codec)); // all other codecs have the place in the header, see `header_has_place`
    object_to_page(location, SCRATCH_B);
    page = SCRATCH_B;
  }
  const at = entry_find(pool, hash_place(page_hash(page)), owner);
  if (DEBUG) assert(at != 0); // the header's bit is set with the entry and cleared with it
  return at;
}

/** Address of the entry that names `owner`, at or behind the place where it belongs; else 0. */
function entry_find(pool: Pool, place: u32, owner: u32): u32 {
  let at = entries_first(pool, place);
  while (true) {
    const entry = load<u64>(at);
    if (entry == 0) return 0;
    if (entry_cell(entry) == owner) return at;
    at = entries_next(at);
  }
}
