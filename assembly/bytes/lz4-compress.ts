/**
 * LZ4 blocks of one page, as the kernel's zram makes them (`LZ4_compress_fast`, one page in, no dictionary).
 *
 * Written from the published block format and the measured behaviour of the kernel; output sizes equal the kernel's on
 * every page. The compressor of the kernel descends from LZ4 1.7.3, whose search ends one position earlier than that
 * of today's liblz4: the last place where a match may begin is `length - 13`, and after a match the block is finished
 * when fewer than 12 bytes follow.
 *
 * A block is a row of sequences: token (literal length << 4 | match length - 4), more literal length, literals, 16-bit
 * offset, more match length. A nibble of 15 goes on in bytes of 255 and a last smaller one. The last sequence has
 * literals only.
 */
import { DEBUG, PAGE_SIZE } from '../common';
import { LASTLITERALS, MFLIMIT, MINMATCH, RUN_MASK } from './lz4-format';
import { finish, put_length } from './lz4-sequence';

/** After 64 misses the search step grows by one, times the acceleration level. */
const SKIP_TRIGGER: u32 = 6;

const HASH_LOG: u32 = 13;
/** Positions by hash: 8192 entries of 16 bits, zeroed for every page (147 ns; epoch tags measured slower). */
const TABLE_BYTES: u32 = 2 << HASH_LOG;
const TABLE: usize = memory.data(TABLE_BYTES, 16);

/** Table address of the entry for four bytes. */
// @ts-ignore: decorator
@inline
function table_entry(fourBytes: u32): usize {
  return TABLE + (((fourBytes * 2654435761) >> (32 - HASH_LOG)) << 1);
}

/**
 * Where the bytes at `a` and at `b` begin to differ. All places are given, and returned, less 2: the next thing to read
 * is what begins two bytes before the end of the match, and an addition on the way to it is one that everything waits for.
 *
 * Sixteen bytes at once, with no branch on which half differs: nine matches of ten end there.
 * @param aEnd how far `a` may run
 */
// @ts-ignore: decorator
@inline
function match_end(a: usize, b: usize, aEnd: usize): usize {
  const wide = aEnd - 16;
  while (a <= wide) {
    const first = load<u64>(a, 2) ^ load<u64>(b, 2);
    const second = load<u64>(a, 10) ^ load<u64>(b, 10);
    if ((first | second) != 0) {
      return select<usize>(a + <u32>(ctz(first) >> 3), a + 8 + <u32>(ctz(second) >> 3), first != 0);
    }
    a += 16;
    b += 16;
  }
  while (a < aEnd && load<u8>(a, 2) == load<u8>(b, 2)) {
    a++;
    b++;
  }
  return a;
}

/**
 * Compresses one page.
 *
 * What it takes is mispredicted branches, one a sequence: as a search ends, and at the test for a match right behind
 * another. Such a branch costs more the longer its condition takes. So what the next two of them need (hash, table entry,
 * and the bytes it points to) is asked for as soon as a match's end is known, before the sequence is written; and each
 * step of a search asks for what the next one compares.
 * @param src the page: 4096 bytes, and two behind it that may be read
 * @param dst room for 4096 + 4096/255 + 16 bytes, and 16 more that copies may touch
 * @param acceleration the level of zram's `algorithm_params`, 1 or more: faster and larger
 * @returns the block's length in bytes; never fails
 */
export function lz4_compress(src: usize, dst: usize, acceleration: u32): u32 {
  if (DEBUG) assert(acceleration >= 1); // with 0 a search stands still, and a position would match itself
  memory.fill(TABLE, 0, TABLE_BYTES);
  const srcEnd = src + PAGE_SIZE;
  const mflimit = srcEnd - MFLIMIT;
  const matchLimit = srcEnd - LASTLITERALS - 2; // as match_end takes it
  let op = dst;
  let anchor = src;
  // Position 0 needs no entry: an empty one says 0 already.
  let ip = src + 1;
  // Of the position that a search looks at next: its four bytes, where their entry is, where that points to, and what
  // stands there.
  let ahead = load<u32>(ip);
  let aheadEntry = table_entry(ahead);
  let aheadMatch = src + load<u16>(aheadEntry);
  let aheadFound = load<u32>(aheadMatch);

  while (true) {
    // Search: step through the page until the four bytes are found where the entry of their hash points.
    let match: usize;
    let forward = ip;
    let step: u32 = 1;
    let misses = acceleration << SKIP_TRIGGER;
    while (true) {
      const here = ahead;
      const entry = aheadEntry;
      const found = aheadFound;
      match = aheadMatch;
      ip = forward;
      forward += step;
      if (forward > mflimit) return finish(op, anchor, srcEnd, dst);
      step = misses++ >> SKIP_TRIGGER;
      store<u16>(entry, <u32>(ip - src));
      ahead = load<u32>(forward);
      aheadEntry = table_entry(ahead);
      aheadMatch = src + load<u16>(aheadEntry);
      aheadFound = load<u32>(aheadMatch);
      if (found == here) break;
    }
    let end = match_end(ip + MINMATCH - 2, match + MINMATCH - 2, matchLimit);

    // A match that begins right behind needs no search and no literals. One load serves three positions: two bytes
    // before the end, the end, and the one after, where a search would begin.
    let around = load<u64>(end);
    store<u16>(table_entry(<u32>around), <u32>(end - src));
    let here = <u32>(around >> 16);
    let entry = table_entry(here);
    let next = src + load<u16>(entry);
    store<u16>(entry, <u32>(end + 2 - src));
    let found = load<u32>(next);
    ahead = <u32>(around >> 24);
    aheadEntry = table_entry(ahead);
    aheadMatch = src + load<u16>(aheadEntry);
    aheadFound = load<u32>(aheadMatch);

    // The match may begin before the position where it was found, which is behind the anchor.
    while (match > src) {
      if (load<u8>(ip - 1) != load<u8>(match - 1)) break;
      match--;
      if (--ip == anchor) break;
    }

    const token = op++;
    const literals = <u32>(ip - anchor);
    let head = literals << 4;
    if (literals >= RUN_MASK) {
      head = RUN_MASK << 4;
      op = put_length(op, literals - RUN_MASK);
    }
    // Whole 16-byte steps: what is written past the literals is overwritten next.
    const literalsEnd = op + literals;
    do {
      v128.store(op, v128.load(anchor));
      op += 16;
      anchor += 16;
    } while (op < literalsEnd);
    store<u16>(literalsEnd, <u32>(ip - match));
    op = literalsEnd + 2;
    const extra = <u32>(end + 2 - ip) - MINMATCH;
    if (extra >= RUN_MASK) {
      store<u8>(token, head | RUN_MASK);
      op = put_length(op, extra - RUN_MASK);
    } else {
      store<u8>(token, head | extra);
    }

    while (true) {
      anchor = end + 2;
      if (anchor > mflimit) return finish(op, anchor, srcEnd, dst);
      if (found != here) break;
      const from = next;
      end = match_end(anchor + MINMATCH - 2, from + MINMATCH - 2, matchLimit);
      around = load<u64>(end);
      store<u16>(table_entry(<u32>around), <u32>(end - src));
      here = <u32>(around >> 16);
      entry = table_entry(here);
      next = src + load<u16>(entry);
      store<u16>(entry, <u32>(end + 2 - src));
      found = load<u32>(next);
      ahead = <u32>(around >> 24);
      aheadEntry = table_entry(ahead);
      aheadMatch = src + load<u16>(aheadEntry);
      aheadFound = load<u32>(aheadMatch);

      store<u16>(op, <u32>(anchor - from), 1);
      const extra = <u32>(end + 2 - anchor) - MINMATCH;
      if (extra >= RUN_MASK) {
        store<u8>(op, RUN_MASK);
        op = put_length(op + 3, extra - RUN_MASK);
      } else {
        store<u8>(op, extra);
        op += 3;
      }
    }
    ip = anchor + 1;
  }
  return unreachable(); // the compiler does not see that every way out is finish()
}
