/**
 * Content-defined cuts: where to divide bytes so that an insertion moves the cuts behind it along with the bytes. Whether
 * there is a cut depends on the 32 bytes before it and on the last cut, so after a change the cuts soon are where they
 * were.
 *
 * The rolling sum doubles with each byte, as that of a gear hash, so what is older than 32 bytes is shifted out. Instead
 * of 256 random words, which a table would take, one product spreads the sum over the bits that decide.
 */
import { PAGE_SIZE } from '../common';

/** Shorter parts would cost more for their slot and cell than they save. */
const PART_MIN: u32 = 1024;
/** A part is stored as a page. */
const PART_MAX: u32 = PAGE_SIZE;
/** Beyond the least, one place in 2048 is a cut: parts have 2600 bytes on average. */
const CUT_BITS: u32 = 11;
/** 2^32 divided by the golden ratio. */
const SPREAD: u32 = 0x9e3779b1;
/** Bytes before the first possible cut that count. */
const WINDOW: u32 = 32;

/**
 * Replaces bytes by the lengths of their parts, a word each.
 * @param ends whether the bytes end here; else the last part of them may go on
 * @returns how many parts there are. Without `ends`, less than `PART_MAX` bytes belong to none
 */
export function content_cuts(bytes: usize, length: u32, ends: bool): u32 {
  let count: u32 = 0;
  let at: u32 = 0;
  while (ends ? at < length : length - at >= PART_MAX) {
    const part = part_length(bytes + at, min(length - at, PART_MAX));
    // A part has more bytes than a word, so what is written over was read.
    store<u32>(bytes + count * 4, part);
    count++;
    at += part;
  }
  return count;
}

function part_length(bytes: usize, length: u32): u32 {
  if (length <= PART_MIN) return length;
  let sum: u32 = 0;
  for (let n = PART_MIN - WINDOW; n < length; n++) {
    // One more than the byte, so that a cut is not at every chance among zeros.
    sum = (sum << 1) + <u32>load<u8>(bytes + n) + 1;
    if (n >= PART_MIN && (sum * SPREAD) >>> (32 - CUT_BITS) == 0) return n + 1;
  }
  return length;
}
