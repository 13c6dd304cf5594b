/**
 * What is in an object: its header and its payload.
 *
 *   63       46  45 44    41 40        29 28                              0
 *  ┌───────────┬───┬────────┬────────────┬─────────────────────────────────┐
 *  │ hash      │ I │ codec  │ length - 1 │ address / 8 of the owner's cell │   I: has an entry in the dedup index
 *  └───────────┴───┴────────┴────────────┴─────────────────────────────────┘
 *
 * The owner is the DIRECT or OBJECT cell that holds the object's location, so that compaction moves an object by
 * writing one cell. Length and codec belong to the object, never to who refers to it: sharers may differ in everything
 * else. `hash` caches 18 bits of a hash of the payload; 0 = not cached, and a write clears it. Huge objects cache 32
 * bits, beside their header in the descriptor: they all have much the same length, which does not help to tell them
 * apart. Where only the bindings can decode an object with an entry in the dedup index, these bits hold the place of
 * that entry, since the core cannot compute it; each merge then hashes the payload again.
 */
import { bytes_equal } from '../bytes/compare';
import { content_hash, hash_finish, nh_piece, PIECE, whole_hash } from '../bytes/hash';
import { CODEC_FOREIGN, CODEC_LZ4, CODEC_LZ4HC, CODEC_PAGE, CODEC_RAW, DEBUG, PAGE_MASK, PAGE_SIZE } from '../common';
import { SCRATCH_A, SCRATCH_B } from '../memory/staging';
import { cell_number, CELL_NUMBER_BITS, CELL_NUMBER_MASK, cell_numbered } from './cell';
import { HEADER_BYTES } from './size-class';
import { header_address, LOCATION_HUGE, LOCATION_STRADDLES, next_frame, object_address, zspage_of } from './zspage';

const LENGTH_SHIFT: u64 = CELL_NUMBER_BITS;
const LENGTH_MASK: u64 = 0xfff;
const CODEC_SHIFT: u64 = 41;
const CODEC_MASK: u64 = 15;
export const HEADER_INDEXED: u64 = 1 << 45;
const HASH_SHIFT: u64 = 46;
/**
 * What is hashed of a payload: its first SAMPLE_START bytes and, if it is plain, a piece at each multiple of
 * SAMPLE_EVERY.
 */
export const SAMPLE_START: u32 = 2 * PIECE;
const SAMPLE_EVERY: u32 = 512;
const HASH_BITS: u32 = 18;
/** 32-bit hashes are cut to what a header has room for. */
const HASH_CUT: u32 = 32 - HASH_BITS;

// @ts-ignore: decorator
@inline
export function header_make(owner: u32, length: u32, codec: u32): u64 {
  return <u64>cell_number(owner) | (<u64>(length - 1) << LENGTH_SHIFT) | (<u64>codec << CODEC_SHIFT);
}

// @ts-ignore: decorator
@inline
export function header_length(header: u64): u32 {
  return <u32>((header >> LENGTH_SHIFT) & LENGTH_MASK) + 1;
}

// @ts-ignore: decorator
@inline
export function header_codec(header: u64): u32 {
  return <u32>((header >> CODEC_SHIFT) & CODEC_MASK);
}

/** Whether the payload is the content itself. */
// @ts-ignore: decorator
@inline
export function is_plain(codec: u32): bool {
  return (codec & ~CODEC_PAGE) == CODEC_RAW;
}

/** Whether it is an LZ4 block, by whichever search: these codecs are two apart as well. */
// @ts-ignore: decorator
@inline
export function is_lz4(codec: u32): bool {
  return (codec & ~(CODEC_LZ4 ^ CODEC_LZ4HC)) == CODEC_LZ4;
}

// @ts-ignore: decorator
@inline
export function header_owner(header: u64): u32 {
  return cell_numbered(<u32>(header & CELL_NUMBER_MASK));
}

// @ts-ignore: decorator
@inline
export function object_header(location: u32): u64 {
  return load<u64>(header_address(location));
}

export function object_set_header(location: u32, header: u64): void {
  store<u64>(header_address(location), header);
}

export function object_set_owner(location: u32, owner: u32): void {
  const at = header_address(location);
  store<u64>(at, (load<u64>(at) & ~CELL_NUMBER_MASK) | <u64>cell_number(owner));
}

// ── payload ──────────────────────────────────────────────────────────────────────────────────────────────────────

/** Address of the payload's first byte. */
// @ts-ignore: decorator
@inline
function payload_address(location: u32): u32 {
  return object_address(location) + (location & LOCATION_HUGE ? 0 : HEADER_BYTES);
}

/** Payload bytes that lie in the first frame. */
// @ts-ignore: decorator
@inline
function first_part(payload: u32): u32 {
  return PAGE_SIZE - (payload & PAGE_MASK);
}

/**
 * A part of the payload in one piece: in place, or gathered in `scratch` when it straddles two frames. For
 * reading only, and only until the next call that changes the pool.
 */
// @ts-ignore: decorator
@inline
function object_part(location: u32, offset: u32, length: u32, scratch: usize): usize {
  const payload = payload_address(location);
  if (!(location & LOCATION_STRADDLES)) return payload + offset;
  const first = first_part(payload);
  // The object straddles; the part may still lie in one of the frames.
  if (offset + length <= first) return payload + offset;
  const second = next_frame(location);
  if (offset >= first) return second + offset - first;
  memory.copy(scratch, payload + offset, first - offset);
  memory.copy(scratch + first - offset, second, offset + length - first);
  return scratch;
}

/** The whole payload, as `object_part`. */
// @ts-ignore: decorator
@inline
export function object_bytes_inline(location: u32, length: u32, scratch: usize): usize {
  return object_part(location, 0, length, scratch);
}

/** As `object_bytes_inline`, as a call: smaller code, for paths that are not hot. */
export function object_bytes(location: u32, length: u32, scratch: usize): usize {
  return object_bytes_inline(location, length, scratch);
}

/** Copies the payload. @returns codec << 16 | length; the codec is CODEC_PAGE for what is not compressed */
export function object_copy(location: u32, to: usize, scratch: usize): u32 {
  const header = object_header(location);
  const length = header_length(header);
  memory.copy(to, object_bytes(location, length, scratch), length);
  const codec = header_codec(header);
  return ((is_plain(codec) ? CODEC_PAGE : codec) << 16) | length;
}

/** Of which object `DECODED` holds the page, 0 = none. */
export let decodedLocation: u32 = 0;

export function set_decoded(location: u32): void {
  decodedLocation = location;
}

/**
 * Copies `length` bytes to `offset` of the payload. Does not touch the header. Nothing else changes a payload, and each
 * object that is made or moved gets its payload here: so no page that was decoded before is taken for what it holds.
 */
export function object_put(location: u32, offset: u32, from: usize, length: u32): void {
  decodedLocation = 0;
  if (DEBUG) assert(offset + length <= header_length(object_header(location))); // the next object's header lies behind
  const payload = payload_address(location);
  if (location & LOCATION_STRADDLES) {
    const first = first_part(payload);
    if (offset + length > first) {
      const second = next_frame(location);
      if (offset >= first) {
        memory.copy(second + offset - first, from, length);
      } else {
        memory.copy(payload + offset, from, first - offset);
        memory.copy(second, from + first - offset, offset + length - first);
      }
      return;
    }
  }
  memory.copy(payload + offset, from, length);
}

/** Clears the cached hash: the payload is about to change. */
export function object_forget_hash(location: u32): void {
  const header = object_header(location);
  if (!header_has_place(header)) object_set_header(location, header_with_hash(header, 0));
}

// @ts-ignore: decorator
@inline
function header_with_hash(header: u64, hash: u32): u64 {
  return (header & ((1 << HASH_SHIFT) - 1)) | (<u64>hash << HASH_SHIFT);
}

// ── the entry in the dedup index ─────────────────────────────────────────────────────────────────────────────────

/** Whether the header says where the object's entry belongs, instead of a hash. */
// @ts-ignore: decorator
@inline
export function header_has_place(header: u64): bool {
  return (header & HEADER_INDEXED) != 0 && header_codec(header) >= CODEC_FOREIGN;
}

/** Where the entry belongs, if the header says it. */
// @ts-ignore: decorator
@inline
export function header_place(header: u64): u32 {
  return <u32>(header >> HASH_SHIFT);
}

/** The object has an entry from now on. */
export function object_set_indexed(location: u32, place: u32): void {
  const header = object_header(location) | HEADER_INDEXED;
  object_set_header(location, header_has_place(header) ? header_with_hash(header, place) : header);
}

/** The object no longer has an entry. */
export function object_clear_indexed(location: u32): void {
  const header = object_header(location);
  object_set_header(location, (header_has_place(header) ? header_with_hash(header, 0) : header) & ~HEADER_INDEXED);
}

// ── content, for merging ─────────────────────────────────────────────────────────────────────────────────────────

/** Whether the header holds a cached hash. */
// @ts-ignore: decorator
@inline
export function header_hashed(header: u64): bool {
  return header >> HASH_SHIFT != 0 && !header_has_place(header);
}

/**
 * Hashes the payload and caches the hash, where there is room for it. Returns the header with it.
 *
 * The whole of a short payload is hashed; of a longer one its beginning and, where it is most of a page and not
 * compressed, a piece of each 512 bytes. Most objects differ there already, and reading them is what a merge's time is:
 * those that do not differ cost some compares and a hash of the whole. Compressed, much the same information stands in
 * each byte; a plain page may begin with zeros for long.
 */
export function object_hash(location: u32, header: u64): u64 {
  const length = header_length(header);
  const codec = header_codec(header);
  const kind = is_plain(codec) ? CODEC_RAW : codec;
  const sampled = kind == CODEC_RAW && length > PAGE_SIZE / 2 ? length : SAMPLE_START;
  const hash = length <= SAMPLE_START
    ? content_hash(object_bytes_inline(location, length, SCRATCH_A), length, kind)
    : hash_finish(sample(location, sampled), length, kind);
  if (location & LOCATION_HUGE) zspage_of(location).hugeHash = hash;
  const hashed = header_with_hash(header, max(hash >> HASH_CUT, 1));
  if (!header_has_place(header)) object_set_header(location, hashed);
  return hashed;
}

/** The sum over the pieces of the payload's first `length` bytes that belong to its sample. */
function sample(location: u32, length: u32): u64 {
  let sum: u64 = 0;
  let offset: u32 = 0;
  while (offset + PIECE <= length) {
    sum += nh_piece(object_part(location, offset, PIECE, SCRATCH_A), offset);
    offset = offset < SAMPLE_START - PIECE ? offset + PIECE : (offset | (SAMPLE_EVERY - 1)) + 1;
  }
  return sum;
}

/** 32 bits that are equal for equal objects: of length and cached hash, or of the longer hash of a huge object. */
// @ts-ignore: decorator
@inline
export function object_key(location: u32, header: u64): u32 {
  if (location & LOCATION_HUGE) return zspage_of(location).hugeHash;
  return <u32>(header >> HASH_SHIFT) | (header_length(header) << HASH_BITS);
}

/** A key of all of the payload, and independent of `object_key`. */
export function object_whole_key(location: u32, header: u64): u32 {
  const length = header_length(header);
  return whole_hash(object_bytes(location, length, SCRATCH_A), length);
}

/** Whether two objects have the same length and bytes, and mean the same by them. */
export function objects_equal(a: u32, headerA: u64, b: u32, headerB: u64): bool {
  const difference = (headerA ^ headerB) & ~CELL_NUMBER_MASK & (HEADER_INDEXED - 1);
  // A page as it is and bytes as they are differ in who may read them alone.
  const onlyWhoReads = difference == <u64>CODEC_PAGE << CODEC_SHIFT && is_plain(header_codec(headerA));
  if (difference != 0 && !onlyWhoReads) return false;
  const length = header_length(headerA);
  return bytes_equal(object_bytes_inline(a, length, SCRATCH_A), object_bytes_inline(b, length, SCRATCH_B), length);
}

/**
 * The users of an equal object with header `other` join those of this one: where one may read bytes, bytes must stay.
 */
export function object_join_codec(location: u32, other: u64): void {
  if (header_codec(other) == CODEC_RAW) object_make_raw(location);
}

/** From now on the object, if it is a plain page, may also be read as bytes. */
export function object_make_raw(location: u32): void {
  const header = object_header(location);
  if (header_codec(header) == CODEC_PAGE) object_set_header(location, header & ~(CODEC_MASK << CODEC_SHIFT));
}

/** Copies payload and header from one object to another of the same class (compaction). */
export function object_move(to: u32, from: u32): void {
  const header = object_header(from);
  if (DEBUG) assert(!(from & LOCATION_HUGE)); // a huge zspage holds one object: it is never partly full
  const length = header_length(header);
  object_set_header(to, header);
  object_put(to, 0, object_bytes(from, length, SCRATCH_A), length);
}
