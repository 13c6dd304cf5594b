/**
 * Same-filled content: a handle and no object. One 64-bit value is all there is to keep, 32 bits of it in the leaf when
 * it repeats a 32-bit word, else both halves in a pair of VALUE cells.
 *
 *   63           55  54  53                 35 34   32 31                                0
 *  ┌───────────────┬───┬──────────────────────┬───────┬───────────────────────────────────┐
 *  │ words - 1     │ W │ frees that are due   │ SAME  │ value, or W: cell of the low half │
 *  └───────────────┴───┴──────────────────────┴───────┴───────────────────────────────────┘
 */
import { DEBUG } from '../common';
import {
  cell_add_refs, cell_alloc, cell_free, cell_kind, cell_number, cell_numbered, cell_refs, CELL_RESERVE, cell_return,
  cell_set, cell_target, REFS_MAX, SAME, VALUE,
} from './cell';
import { Pool } from './structs';

const WORDS_SHIFT: u32 = 20;
const WIDE: u32 = 1 << 19;
/** References of a SAME leaf are 19 bits. */
export const SAME_REFS_MAX: u32 = WIDE - 1;
/** Content shorter than two words is not worth the test. */
const SAME_BYTES_MIN: u32 = 16;

// ── 64-bit values in two cells ───────────────────────────────────────────────────────────────────────────────────

/** The 64-bit value that repeats a 32-bit word. */
// @ts-ignore: decorator
@inline
export function value_of_word(word: u32): u64 {
  return <u64>word * 0x100000001;
}

/** Two cells that hold a value; 0 when memory is exhausted. */
export function value_make(pool: Pool, value: u64): u32 {
  const low = cell_alloc(pool, CELL_RESERVE);
  if (low == 0) return 0;
  cell_set(low, VALUE, 0, <u32>value);
  const high = cell_alloc(pool, CELL_RESERVE);
  if (high == 0) {
    cell_return(pool, low);
    return 0;
  }
  cell_set(high, VALUE, 1, <u32>(value >> 32));
  cell_set(low, VALUE, cell_number(high), <u32>value);
  return low;
}

/** Drops a reference to a value; the last one frees the cells. */
export function value_free(pool: Pool, low: u32): void {
  const high = cell_numbered(cell_refs(low));
  // The references are the high half's.
  if (DEBUG) assert(cell_kind(low) == VALUE && cell_kind(high) == VALUE && cell_refs(high) > 0);
  if (cell_refs(high) > 1) {
    cell_add_refs(high, -1);
    return;
  }
  cell_free(pool, high);
  cell_free(pool, low);
}

/** One more `value_free` is needed. False when it has as many references as fit. */
export function value_retain(low: u32): bool {
  const high = cell_numbered(cell_refs(low));
  if (cell_refs(high) == REFS_MAX) return false;
  cell_add_refs(high, 1);
  return true;
}

export function value_of(low: u32): u64 {
  return cell_target(low) | (<u64>cell_target(cell_numbered(cell_refs(low))) << 32);
}

// ── leaves ───────────────────────────────────────────────────────────────────────────────────────────────────────

/** Whether content can be kept as a value: two words or more, whole words, all equal. */
export function is_same_filled(content: usize, length: u32): bool {
  if (length < SAME_BYTES_MIN || (length & 7) != 0) return false;
  const value = load<u64>(content);
  if (load<u64>(content + length - 8) != value) return false;
  for (const end = content + length; content < end; content += 8) if (load<u64>(content) != value) return false;
  return true;
}

/** A leaf that represents `length` bytes of a 64-bit value; 0 when memory is exhausted. */
export function same_make(pool: Pool, value: u64, length: u32): u32 {
  // A leaf has room for words - 1, see `is_same_filled`.
  if (DEBUG) assert(length >= SAME_BYTES_MIN && (length & 7) == 0);
  const leaf = cell_alloc(pool, CELL_RESERVE);
  if (leaf == 0) return 0;
  const words = ((length >> 3) - 1) << WORDS_SHIFT;
  cell_set(leaf, SAME, words | 1, <u32>value);
  if (<u32>(value >> 32) != <u32>value) {
    const low = value_make(pool, value);
    if (low == 0) {
      cell_return(pool, leaf);
      return 0;
    }
    cell_set(leaf, SAME, words | WIDE | 1, low);
  }
  pool.handles++;
  return leaf;
}

/** The number of frees that are due. */
export function same_refs(leaf: u32): u32 {
  return cell_refs(leaf) & SAME_REFS_MAX;
}

export function same_length(leaf: u32): u32 {
  return ((cell_refs(leaf) >> WORDS_SHIFT) + 1) << 3;
}

/** Fills `same_length` bytes with the leaf's value. */
export function same_fill(leaf: u32, to: usize): void {
  const target = cell_target(leaf);
  const value = cell_refs(leaf) & WIDE ? value_of(target) : value_of_word(target);
  for (const end = to + same_length(leaf); to < end; to += 8) store<u64>(to, value);
}

/** The cell of a leaf's 64-bit value; 0: its 32 bits are in the leaf. */
export function same_wide_value(leaf: u32): u32 {
  return cell_refs(leaf) & WIDE ? cell_target(leaf) : 0;
}

/** Frees what the leaf holds beside itself. */
export function same_clear(pool: Pool, leaf: u32): void {
  if (cell_refs(leaf) & WIDE) value_free(pool, cell_target(leaf));
}
