/**
 * Deduplication: the index that finds an object with given content before it is stored again.
 *
 * Two kinds of content are indexed, in one table, apart by their hashes: raw pages (a zram device with `dedup`, whose
 * objects hold them compressed) and the bytes given to `store` (a pool with `dedup`). An entry is the hash and the cell
 * that owns the object; a bit in the object's header says that there is one. Who frees the object, moves it to another
 * owner or writes to it takes care of the entry, so the table has no stale ones.
 *
 *   63                              32 31 29 28                             0
 *  ┌──────────────────────────────────┬─────┬─────────────────────────────────┐
 *  │ hash of the content              │  0  │ address / 8 of the owner's cell │   0 = empty
 *  └──────────────────────────────────┴─────┴─────────────────────────────────┘
 *
 * Open addressing with backward-shift deletion. Where an entry belongs depends on the upper 18 bits of its hash alone:
 * so many a slot remembers, and they are enough to find the entry of an object that goes.
 *
 * The table is made with the first entry, doubles at three quarters, and goes with the last one: 11 to 21 bytes an
 * object. Where it cannot grow, objects are stored without an entry, and a later merge finds them.
 */
import { CODEC_FOREIGN, CODEC_LZ4, CODEC_RAW, DEBUG, PAGE_SIZE } from '../common';
import { bytes_equal } from '../compare';
import {
  ENTRIES_PER_FRAME, FrameArray, array_bytes, array_end, array_entry, array_grow,
} from '../frame-array';
import { frame_alloc_zeroed, frame_free } from '../frames';
import { content_hash } from '../hash';
import { lz4_holds } from '../lz4';
import { object_to_page } from '../page';
import { SCRATCH_A, SCRATCH_B } from '../staging';
import { cell_target } from './cell';
import {
  HEADER_INDEXED, header_codec, header_length, header_owner, is_plain, object_bytes, object_header, object_set_header,
} from './object';
import { Pool } from './structs';

/** Hash domain of raw pages; payloads are hashed with their codec, 0..15. */
const RAW_PAGE: u32 = 16;
const DIRECTORIES_MAX: u32 = (PAGE_SIZE - offsetof<FrameArray>('directory0')) / 4;
/** A table is grown at 6 eighths; one that cannot grow is filled up to 7. */
const GROW_EIGHTHS: u32 = 6;
const FULL_EIGHTHS: u32 = 7;

/** The place that belongs to the hash of the object at hand, where its user knows it; 0 = not known. */
let placeHint: u32 = 0;

export function dedup_hint(place: u32): void {
  placeHint = place;
}

/** Hash of a raw page. */
export function page_hash(page: usize): u32 {
  return content_hash(page, PAGE_SIZE, RAW_PAGE);
}

/** The 18 bits of a hash that say where its entry belongs; never 0. */
// @ts-ignore: decorator
@inline
export function hash_place(hash: u32): u32 {
  return max(hash >> 14, 1);
}

// @ts-ignore: decorator
@inline
function array_of(pool: Pool): FrameArray {
  return changetype<FrameArray>(pool.dedupArray);
}

// @ts-ignore: decorator
@inline
function capacity(pool: Pool): u32 {
  return array_of(pool).frames * ENTRIES_PER_FRAME;
}

// @ts-ignore: decorator
@inline
function slot_of(place: u32, entries: u32): u32 {
  return <u32>((<u64>place * entries) >> 18);
}

// @ts-ignore: decorator
@inline
function entry_cell(entry: u64): u32 {
  return (<u32>entry & 0x1fffffff) << 3;
}

/** Bytes of the table. */
export function dedup_bytes(pool: Pool): u32 {
  return pool.dedupArray == 0 ? 0 : PAGE_SIZE + array_bytes(array_of(pool));
}

// ── finding ──────────────────────────────────────────────────────────────────────────────────────────────────────

/** The owner of an object that holds this raw page, compressed or not; 0 when there is none. */
export function dedup_find_page(pool: Pool, hash: u32, page: usize): u32 {
  return find(pool, hash, page, PAGE_SIZE, ANY);
}

/**
 * An object that may hold this raw page, and that only the bindings can decode: the first with the page's hash.
 * @returns the cell that owns it, 0 when there is none
 */
export function dedup_candidate(pool: Pool, hash: u32): u32 {
  return find(pool, hash, 0, 0, FOREIGN);
}

/** The owner of an object with the page's hash, this codec and these bytes; 0 when there is none. */
export function dedup_find_encoded(pool: Pool, hash: u32, codec: u32, payload: usize, length: u32): u32 {
  return find(pool, hash, payload, length, codec);
}

/** The owner of an object whose payload is these bytes, stored as they are; 0 when there is none. */
export function dedup_find_bytes(pool: Pool, hash: u32, bytes: usize, length: u32): u32 {
  return find(pool, hash, bytes, length, CODEC_RAW);
}

/** Instead of a codec, for `find`: whatever the core can decode; whatever it cannot. */
const ANY: u32 = 16;
const FOREIGN: u32 = 17;

function find(pool: Pool, hash: u32, bytes: usize, length: u32, wanted: u32): u32 {
  if (pool.dedupArray == 0) return 0;
  const entries = capacity(pool);
  let slot = slot_of(hash_place(hash), entries);
  while (true) {
    const entry = load<u64>(array_entry(array_of(pool), slot));
    if (entry == 0) return 0;
    if (<u32>(entry >> 32) == hash && holds(cell_target(entry_cell(entry)), bytes, length, wanted)) {
      return entry_cell(entry);
    }
    if (++slot == entries) slot = 0;
  }
}

/** Whether an object holds these bytes: as its payload in the wanted codec, or (`ANY`) as a page that it decodes to. */
function holds(location: u32, bytes: usize, length: u32, wanted: u32): bool {
  const header = object_header(location);
  const stored = header_length(header);
  const codec = header_codec(header);
  if (wanted == FOREIGN) return codec >= CODEC_FOREIGN;
  const payload = object_bytes(location, stored, SCRATCH_A);
  const same = wanted == codec || (is_plain(codec) && (wanted == ANY || is_plain(wanted)));
  if (same) return stored == length && bytes_equal(payload, bytes, length);
  if (wanted != ANY) return false;
  return codec == CODEC_LZ4 && lz4_holds(payload, stored, bytes);
}

/** Whether an object holds this page, as far as the core can decode it. */
export function object_holds_page(location: u32, page: usize): bool {
  return holds(location, page, PAGE_SIZE, ANY);
}

// ── entries ──────────────────────────────────────────────────────────────────────────────────────────────────────

/** Enters an object under the hash of its content. Where there is no room for an entry, it has none. */
export function dedup_enter(pool: Pool, hash: u32, location: u32): void {
  if (!make_room(pool)) return;
  const header = object_header(location);
  if (DEBUG) assert((header & HEADER_INDEXED) == 0);
  object_set_header(location, header | HEADER_INDEXED);
  put(array_of(pool), (<u64>hash << 32) | <u64>(header_owner(header) >> 3));
  pool.dedupUsed++;
}

function put(array: FrameArray, entry: u64): void {
  const entries = array.frames * ENTRIES_PER_FRAME;
  let slot = slot_of(hash_place(<u32>(entry >> 32)), entries);
  while (load<u64>(array_entry(array, slot)) != 0) if (++slot == entries) slot = 0;
  store<u64>(array_entry(array, slot), entry);
}

function make_room(pool: Pool): bool {
  if (pool.dedupArray != 0 && pool.dedupUsed < (capacity(pool) >> 3) * GROW_EIGHTHS) return true;
  const frames: u32 = pool.dedupArray == 0 ? 1 : array_of(pool).frames * 2;
  const made = changetype<FrameArray>(frame_alloc_zeroed());
  if (changetype<usize>(made) != 0) {
    while (made.frames < frames && array_grow(made, DIRECTORIES_MAX)) {}
    if (made.frames == frames) {
      replace_array(pool, made);
      return true;
    }
    array_end(made);
    frame_free(changetype<u32>(made));
  }
  return pool.dedupArray != 0 && pool.dedupUsed < (capacity(pool) >> 3) * FULL_EIGHTHS;
}

function replace_array(pool: Pool, made: FrameArray): void {
  if (pool.dedupArray != 0) {
    const old = array_of(pool);
    const entries = capacity(pool);
    for (let slot: u32 = 0; slot < entries; slot++) {
      const entry = load<u64>(array_entry(old, slot));
      if (entry != 0) put(made, entry);
    }
    dedup_end(pool);
  }
  pool.dedupArray = changetype<u32>(made);
}

/** Gives the table back. */
export function dedup_end(pool: Pool): void {
  if (pool.dedupArray == 0) return;
  array_end(array_of(pool));
  frame_free(pool.dedupArray);
  pool.dedupArray = 0;
}

/** The object goes, or its content changes: its entry goes. */
export function dedup_forget(pool: Pool, location: u32): void {
  const header = object_header(location);
  if ((header & HEADER_INDEXED) == 0) return;
  object_set_header(location, header & ~HEADER_INDEXED);
  remove(pool, slot_with(pool, location, header));
  if (--pool.dedupUsed == 0) dedup_end(pool);
}

/** The object's owner is another cell now (its header still names the old one): so does its entry. */
export function dedup_moved(pool: Pool, location: u32, owner: u32): void {
  const header = object_header(location);
  if ((header & HEADER_INDEXED) == 0) return;
  const at = array_entry(array_of(pool), slot_with(pool, location, header));
  store<u64>(at, (load<u64>(at) & ~0x1fffffff) | <u64>(owner >> 3));
}

/** Two objects are equal and `from` goes: its entry becomes that of `to`, where `to` has none. */
export function dedup_hand_over(pool: Pool, from: u32, to: u32): void {
  const header = object_header(from);
  if ((header & HEADER_INDEXED) == 0) return;
  const heir = object_header(to);
  if (heir & HEADER_INDEXED) {
    dedup_forget(pool, from);
    return;
  }
  const at = array_entry(array_of(pool), slot_with(pool, from, header));
  store<u64>(at, (load<u64>(at) & ~0x1fffffff) | <u64>(header_owner(heir) >> 3));
  object_set_header(from, header & ~HEADER_INDEXED);
  object_set_header(to, heir | HEADER_INDEXED);
}

/** The slot of the object's entry. */
function slot_with(pool: Pool, location: u32, header: u64): u32 {
  const owner = header_owner(header);
  if (placeHint != 0) {
    const slot = search(pool, placeHint, owner);
    if (slot != u32.MAX_VALUE) return slot;
  }
  // Not known: the content tells. Raw objects may be entered as bytes, whole pages also as a page.
  const length = header_length(header);
  const codec = header_codec(header);
  const payload = object_bytes(location, length, SCRATCH_A);
  let page = payload;
  if (is_plain(codec)) {
    const slot = search(pool, hash_place(content_hash(payload, length, CODEC_RAW)), owner);
    if (slot != u32.MAX_VALUE) return slot;
  } else {
    // What only the bindings can decode is looked for everywhere: rare, and slow.
    if (codec >= CODEC_FOREIGN) return search_all(pool, owner);
    object_to_page(location, SCRATCH_B);
    page = SCRATCH_B;
  }
  const slot = search(pool, hash_place(page_hash(page)), owner);
  if (DEBUG) assert(slot != u32.MAX_VALUE); // an indexed object has an entry
  return slot;
}

/** Slot of the entry that names `owner`, at or behind the place where it belongs; u32.MAX_VALUE when there is none. */
function search(pool: Pool, place: u32, owner: u32): u32 {
  const entries = capacity(pool);
  let slot = slot_of(place, entries);
  while (true) {
    const entry = load<u64>(array_entry(array_of(pool), slot));
    if (entry == 0) return u32.MAX_VALUE;
    if (entry_cell(entry) == owner) return slot;
    if (++slot == entries) slot = 0;
  }
}

/** Slot of the entry that names `owner`, wherever it is. */
function search_all(pool: Pool, owner: u32): u32 {
  let slot: u32 = 0;
  while (entry_cell(load<u64>(array_entry(array_of(pool), slot))) != owner) slot++;
  return slot;
}

/** Empties a slot, and moves back what had to stand behind its place. */
function remove(pool: Pool, slot: u32): void {
  const array = array_of(pool);
  const entries = capacity(pool);
  let hole = slot;
  let next = slot;
  while (true) {
    if (++next == entries) next = 0;
    const entry = load<u64>(array_entry(array, next));
    if (entry == 0) break;
    const home = slot_of(hash_place(<u32>(entry >> 32)), entries);
    // An entry whose home lies behind the hole, up to where it stands, must stay.
    const behind = hole <= next ? hole < home && home <= next : hole < home || home <= next;
    if (behind) continue;
    store<u64>(array_entry(array, hole), entry);
    hole = next;
  }
  store<u64>(array_entry(array, hole), 0);
}
