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

/** Writes the rest of a length that did not fit its nibble; a rest of 0 is still one byte. */
// @ts-ignore: decorator
@inline
function put_length(op: usize, rest: u32): usize {
  while (rest >= 255) {
    store<u8>(op++, 255);
    rest -= 255;
  }
  store<u8>(op, rest);
  return op + 1;
}

/** Writes a token and its literals. @returns where the offset of the match goes */
// @ts-ignore: decorator
@inline
function put_literals(token: usize, from: usize, literals: u32): usize {
  let op = token + 1;
  if (literals >= RUN_MASK) {
    store<u8>(token, RUN_MASK << 4);
    op = put_length(op, literals - RUN_MASK);
  } else {
    store<u8>(token, literals << 4);
  }
  // Whole 16-byte steps: what is written past the literals is overwritten next.
  const literalsEnd = op + literals;
  do {
    v128.store(op, v128.load(from));
    op += 16;
    from += 16;
  } while (op < literalsEnd);
  return literalsEnd;
}

/** Writes a match that is `extra` bytes longer than the shortest. @returns where the next token goes */
// @ts-ignore: decorator
@inline
function put_match(token: usize, op: usize, offset: u32, extra: u32): usize {
  store<u16>(op, offset);
  if (extra >= RUN_MASK) {
    store<u8>(token, load<u8>(token) | RUN_MASK);
    return put_length(op + 2, extra - RUN_MASK);
  }
  store<u8>(token, load<u8>(token) | extra);
  return op + 2;
}

/** Number of equal bytes at `a` and `b`, where `a` may run up to `aEnd`. */
// @ts-ignore: decorator
@inline
function count_equal(a: usize, b: usize, aEnd: usize): u32 {
  const start = a;
  while (a + 8 <= aEnd) {
    const difference = load<u64>(a) ^ load<u64>(b);
    if (difference != 0) return <u32>(a - start) + <u32>(ctz(difference) >> 3);
    a += 8;
    b += 8;
  }
  while (a < aEnd && load<u8>(a) == load<u8>(b)) {
    a++;
    b++;
  }
  return <u32>(a - start);
}

/**
 * Compresses one page.
 * @param src the page: 4096 bytes
 * @param dst room for 4096 + 4096/255 + 16 bytes, and 16 more that copies may touch
 * @param acceleration the level of zram's `algorithm_params`, 1 or more: faster and larger
 * @returns the block's length in bytes; never fails
 */
export function lz4_compress(src: usize, dst: usize, acceleration: u32): u32 {
  if (DEBUG) assert(acceleration >= 1); // with 0 a search stands still, and a position would match itself
  memory.fill(TABLE, 0, TABLE_BYTES);
  const srcEnd = src + PAGE_SIZE;
  const mflimit = srcEnd - MFLIMIT;
  let op = dst;
  let anchor = src;
  let ip = src + 1;
  // The four bytes at `forward`, read once: for their table entry now, for the compare in the next step.
  let ahead = load<u32>(ip);
  let aheadEntry = table_entry(ahead);

  // Position 0 needs no entry: an empty one says 0 already.
  while (true) {
    // Search: step through the page until the four bytes are found where the entry of their hash points.
    let match: usize;
    let forward = ip;
    let step: u32 = 1;
    let misses = acceleration << SKIP_TRIGGER;
    while (true) {
      const here = ahead;
      const e = aheadEntry;
      ip = forward;
      forward += step;
      if (forward > mflimit) return finish(op, anchor, srcEnd, dst);
      step = misses++ >> SKIP_TRIGGER;
      match = src + load<u16>(e);
      ahead = load<u32>(forward);
      aheadEntry = table_entry(ahead);
      store<u16>(e, <u32>(ip - src));
      if (load<u32>(match) == here) break;
    }

    // The match may begin before the position where it was found.
    while (match > src) {
      const before = load<u8>(ip - 1);
      if (ip == anchor) break;
      if (before != load<u8>(match - 1)) break;
      ip--;
      match--;
    }

    let token = op;
    op = put_literals(token, anchor, <u32>(ip - anchor));
    while (true) {
      const extra = count_equal(ip + MINMATCH, match + MINMATCH, srcEnd - LASTLITERALS);
      op = put_match(token, op, <u32>(ip - match), extra);
      ip += MINMATCH + extra;
      anchor = ip;
      if (ip > mflimit) return finish(op, anchor, srcEnd, dst);

      // A match that begins right here needs no search and no literals. One load serves three positions.
      const around = load<u64>(ip - 2);
      store<u16>(table_entry(<u32>around), <u32>(ip - 2 - src));
      const here = <u32>(around >> 16);
      const e = table_entry(here);
      match = src + load<u16>(e);
      store<u16>(e, <u32>(ip - src));
      if (load<u32>(match) != here) {
        ahead = <u32>(around >> 24);
        break;
      }
      token = op++;
      store<u8>(token, 0);
    }
    ip++;
    aheadEntry = table_entry(ahead);
  }
  return unreachable(); // the compiler does not see that every way out is finish()
}

/** Writes the last literals and returns the block's length. */
function finish(op: usize, anchor: usize, srcEnd: usize, dst: usize): u32 {
  const literals = <u32>(srcEnd - anchor);
  if (literals >= RUN_MASK) {
    store<u8>(op, RUN_MASK << 4);
    op = put_length(op + 1, literals - RUN_MASK);
  } else {
    store<u8>(op++, literals << 4);
  }
  memory.copy(op, anchor, literals);
  return <u32>(op + literals - dst);
}
