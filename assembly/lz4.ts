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
import { DEBUG, EIO, PAGE_SIZE } from './common';
import { bytes_equal } from './compare';

const MINMATCH: u32 = 4;
/** No match begins within the last 12 bytes … */
const MFLIMIT: u32 = 12;
/** … and none reaches into the last 5. */
const LASTLITERALS: u32 = 5;
/** After 64 misses the search step grows by one, times the acceleration level. */
const SKIP_TRIGGER: u32 = 6;
/** A nibble of the token that says "more length bytes follow". */
const RUN_MASK: u32 = 15;

/** Less than 15 literals and less than 19 bytes of match: bytes of input, and of room, that such a sequence may touch. */
const SHORT_IN: u32 = 1 + 14 + 2 + 1;
const SHORT_OUT: u32 = 14 + 18;

const HASH_LOG: u32 = 13;
/** Positions by hash: 8192 entries of 16 bits, zeroed for every page (147 ns; epoch tags measured slower). */
const TABLE_BYTES: u32 = 2 << HASH_LOG;
const TABLE: usize = memory.data(TABLE_BYTES, 16);

/** Table address of the entry for four bytes. */
// @ts-ignore: decorator
@inline
function entry(fourBytes: u32): usize {
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

/** Number of equal bytes at `a` and `b`, where `a` may run up to `aEnd`. */
// @ts-ignore: decorator
@inline
function count_equal(a: usize, b: usize, aEnd: usize): u32 {
  const start = a;
  while (a + 8 <= aEnd) {
    const different = load<u64>(a) ^ load<u64>(b);
    if (different != 0) return <u32>(a - start) + <u32>(ctz(different) >> 3);
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
  memory.fill(TABLE, 0, TABLE_BYTES);
  const srcEnd = src + PAGE_SIZE;
  const mflimit = srcEnd - MFLIMIT;
  const matchLimit = srcEnd - LASTLITERALS;
  const missesAtStart = acceleration << SKIP_TRIGGER;

  let op = dst;
  let anchor = src;
  let ip = src + 1;
  // What stands at `forward`, read once: for its table entry now, for the compare in the next step.
  let ahead = load<u32>(ip);
  let aheadEntry = entry(ahead);

  // Position 0 needs no entry: an empty one says 0 already.
  while (true) {
    // Search: step through the page until four bytes stand at the place that their hash names.
    let match: usize;
    let forward = ip;
    let step: u32 = 1;
    let misses = missesAtStart;
    while (true) {
      const here = ahead;
      const e = aheadEntry;
      ip = forward;
      forward += step;
      if (forward > mflimit) return finish(op, anchor, srcEnd, dst);
      step = misses++ >> SKIP_TRIGGER;
      match = src + load<u16>(e);
      ahead = load<u32>(forward);
      aheadEntry = entry(ahead);
      store<u16>(e, <u32>(ip - src));
      if (load<u32>(match) == here) break;
    }

    // The match may begin earlier than where it was found.
    while (match > src) {
      const before = load<u8>(ip - 1);
      if (ip == anchor) break;
      if (before != load<u8>(match - 1)) break;
      ip--;
      match--;
    }

    let token = op++;
    const literals = <u32>(ip - anchor);
    if (literals >= RUN_MASK) {
      store<u8>(token, RUN_MASK << 4);
      op = put_length(op, literals - RUN_MASK);
    } else {
      store<u8>(token, literals << 4);
    }
    // Whole 16-byte steps: what is written past the literals is overwritten next.
    let from = anchor;
    const literalsEnd = op + literals;
    do {
      v128.store(op, v128.load(from));
      op += 16;
      from += 16;
    } while (op < literalsEnd);
    op = literalsEnd;

    while (true) {
      store<u16>(op, <u32>(ip - match));
      op += 2;
      const extra = count_equal(ip + MINMATCH, match + MINMATCH, matchLimit);
      ip += MINMATCH + extra;
      if (extra >= RUN_MASK) {
        store<u8>(token, load<u8>(token) | RUN_MASK);
        op = put_length(op, extra - RUN_MASK);
      } else {
        store<u8>(token, load<u8>(token) | extra);
      }
      anchor = ip;
      if (ip > mflimit) return finish(op, anchor, srcEnd, dst);

      // A match that begins right here needs no search and no literals. One load serves three positions.
      const around = load<u64>(ip - 2);
      store<u16>(entry(<u32>around), <u32>(ip - 2 - src));
      const here = <u32>(around >> 16);
      const e = entry(here);
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
    aheadEntry = entry(ahead);
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

/** Copies in steps of 16 bytes: up to 15 bytes more are read and written. */
// @ts-ignore: decorator
@inline
function copy_wild(to: usize, from: usize, toEnd: usize): void {
  do {
    v128.store(to, v128.load(from));
    to += 16;
    from += 16;
  } while (to < toEnd);
}

/** 16 bytes of ones and 16 of zeros: read at 16 - n, the mask of the first n bytes. */
const FIRST: usize = memory.data<u8>([
  255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255,
  0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
]);

/**
 * Copies a range that lies 16 bytes or more after its source. The 16 bytes that end with it are written at once: less
 * than that, and what stands before them is written again as it is, which costs no branch that has to be guessed.
 */
// @ts-ignore: decorator
@inline
function copy(to: usize, from: usize, length: usize): void {
  const last = to + length - 16;
  const lastFrom = from + length - 16;
  if (length < 16) {
    v128.store(last, v128.bitselect(v128.load(last), v128.load(lastFrom), v128.load(FIRST + length)));
    return;
  }
  while (to < last) {
    v128.store(to, v128.load(from));
    to += 16;
    from += 16;
  }
  v128.store(last, v128.load(lastFrom));
}

/** Byte n of a 16-byte step is byte n % offset of the pattern: a row of 16 indexes for each offset 0..15. */
const PATTERN: usize = memory.data<u8>([
  0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, /* 1 */ 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
  0, 1, 0, 1, 0, 1, 0, 1, 0, 1, 0, 1, 0, 1, 0, 1, /* 3 */ 0, 1, 2, 0, 1, 2, 0, 1, 2, 0, 1, 2, 0, 1, 2, 0,
  0, 1, 2, 3, 0, 1, 2, 3, 0, 1, 2, 3, 0, 1, 2, 3, /* 5 */ 0, 1, 2, 3, 4, 0, 1, 2, 3, 4, 0, 1, 2, 3, 4, 0,
  0, 1, 2, 3, 4, 5, 0, 1, 2, 3, 4, 5, 0, 1, 2, 3, /* 7 */ 0, 1, 2, 3, 4, 5, 6, 0, 1, 2, 3, 4, 5, 6, 0, 1,
  0, 1, 2, 3, 4, 5, 6, 7, 0, 1, 2, 3, 4, 5, 6, 7, /* 9 */ 0, 1, 2, 3, 4, 5, 6, 7, 8, 0, 1, 2, 3, 4, 5, 6,
  0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 0, 1, 2, 3, 4, 5, /* 11 */ 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 0, 1, 2, 3, 4,
  0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 0, 1, 2, 3, /* 13 */ 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 0, 1, 2,
  0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 0, 1, /* 15 */ 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 0,
]);

/** Bytes of whole patterns in 16, by offset 0..15. */
const PATTERN_STEP: usize = memory.data<u8>([16, 16, 16, 15, 16, 15, 12, 14, 16, 9, 10, 11, 12, 13, 14, 15]);

/** Copies a match that overlaps itself: the `offset` bytes, 1..15, before `to`, again and again. */
function repeat(to: usize, offset: usize, toEnd: usize, roomEnd: usize): void {
  const wholeEnd = roomEnd - 16;
  if (to <= wholeEnd) {
    const pattern = i8x16.swizzle(v128.load(to - offset), v128.load(PATTERN + (offset << 4)));
    // As many bytes as make whole patterns.
    const step = <usize>load<u8>(PATTERN_STEP + offset);
    while (to < toEnd && to <= wholeEnd) {
      v128.store(to, pattern);
      to += step;
    }
  }
  while (to < toEnd) {
    store<u8>(to, load<u8>(to - offset));
    to++;
  }
}

/** Where `decode_fast` stopped. */
let stoppedIp: usize = 0;
let stoppedOp: usize = 0;

/**
 * Decodes sequences away from both ends, of which nearly all are short, and stops at one that it is not made for.
 *
 * A function of its own, and written as it is, for what V8 makes of it: few values alive, so that none is spilled in
 * the loop; one addition between a token and the next, since that chain is what the time of short sequences is; stores
 * as few and as narrow as may be; tests apart, with loads and stores between them (joined, they become arithmetic), and
 * each as late as may be: that a match begins before `dst` is found out by one signed compare, in the branch that reads it.
 * @param inMax two bytes before the first token that is too near the block's end to read any short sequence of it
 * @param outMax the last place where any short sequence can be written
 * @param dst where the page begins, below 2 GiB: a match before address 0 is then negative
 * @returns false where the block is malformed
 */
function decode_fast(ip: usize, inMax: usize, op: usize, outMax: usize, dst: usize): bool {
  // Two bytes before the token: as far as from a sequence's offset to the next token.
  ip -= 2;
  while (ip < inMax) {
    if (op > outMax) break;
    const token = <u32>load<u8>(ip, 2);
    let next = ip + 3;
    v128.store(op, v128.load(next));
    let to: usize;
    const literals = token >> 4;
    if (literals != RUN_MASK) {
      next += literals;
      to = op + literals;
    } else {
      const more = <u32>load<u8>(next);
      if (more == 255) break;
      next += more + 1 + RUN_MASK;
      to = op + more + RUN_MASK;
      if (next >= inMax) break;
      if (to > outMax) break;
      v128.store(op, v128.load(ip, 4));
      v128.store(op, v128.load(ip, 20), 16);
      if (more > 32 - RUN_MASK) copy_wild(op + 32, ip + 36, to);
    }
    const offset = <u32>load<u16>(next);
    const match = to - offset;
    const matched = token & RUN_MASK;
    if (matched != RUN_MASK) {
      if (offset >= 16) {
        if (<i32>match < <i32>dst) return false;
        v128.store(to, v128.load(match));
        if (matched > 16 - MINMATCH) store<u16>(to, load<u16>(match, 16), 16);
      } else {
        if (offset == 0) return false;
        if (<i32>match < <i32>dst) return false;
        v128.store(to, i8x16.swizzle(v128.load(match), v128.load(PATTERN + (offset << 4))));
        if (matched > 16 - MINMATCH) store<u16>(to, load<u16>(to + 16 - <usize>load<u8>(PATTERN_STEP + offset)), 16);
      }
      op = to + matched + MINMATCH;
      ip = next;
      continue;
    }
    const more = <u32>load<u8>(next, 2);
    const end = to + more + (RUN_MASK + MINMATCH);
    if (end > outMax) break;
    if (<i32>match < <i32>dst) return false;
    if (offset < 16) break;
    v128.store(to, v128.load(match));
    if (more == 255) break;
    v128.store(to, v128.load(match, 16), 16);
    ip = next + 1;
    op = end;
    if (more > 32 - RUN_MASK - MINMATCH) copy_wild(to + 32, match + 32, end);
  }
  stoppedIp = ip + 2;
  stoppedOp = op;
  return true;
}

/**
 * Decompresses one block. Safe on any input, also a hostile one: what it answers depends on `srcLength` bytes at `src`
 * and on nothing else, it changes `dstLength` bytes at `dst`, which is below 2 GiB, and nothing else, and it always ends.
 * (It may read up to 16 bytes before both, which are memory of ours in any case, and reads nothing behind them.)
 * @returns the number of bytes written, or -EIO where the block is malformed or does not fit
 */
export function lz4_decompress(src: usize, srcLength: u32, dst: usize, dstLength: u32): i32 {
  if (DEBUG) assert(<isize>dst >= 0);
  const ipEnd = src + srcLength;
  const opEnd = dst + dstLength;
  // 0: never.
  const inMax = srcLength < SHORT_IN ? <usize>0 : ipEnd - SHORT_IN - 1;
  const outMax = dstLength < SHORT_OUT ? <usize>0 : opEnd - SHORT_OUT;
  if (!decode_fast(src, inMax, dst, outMax, dst)) return EIO;
  while (true) {
    let ip = stoppedIp;
    let op = stoppedOp;
    // A block ends with literals; one that ends after a match, and an empty one, is cut short.
    if (ip >= ipEnd) return EIO;

    // Any sequence. (Lengths stay far below 2^32 - memory, since each 255 of them cost a byte of input.)
    const token = <u32>load<u8>(ip++);
    let length = <usize>(token >> 4);
    if (length == RUN_MASK) {
      let more: u32;
      do {
        if (ip >= ipEnd) return EIO;
        more = load<u8>(ip++);
        length += more;
      } while (more == 255);
    }
    if (length > <usize>(opEnd - op)) return EIO;
    if (length > <usize>(ipEnd - ip)) return EIO;
    copy(op, ip, length);
    op += length;
    ip += length;
    if (ip == ipEnd) return <i32>(op - dst);

    if (ip + 2 > ipEnd) return EIO;
    const offset = <usize>load<u16>(ip);
    ip += 2;
    if (offset == 0) return EIO;
    if (offset > op - dst) return EIO;
    length = (token & RUN_MASK) + MINMATCH;
    if (length == RUN_MASK + MINMATCH) {
      let more: u32;
      do {
        if (ip >= ipEnd) return EIO;
        more = load<u8>(ip++);
        length += more;
      } while (more == 255);
    }
    if (length > <usize>(opEnd - op)) return EIO;
    if (offset >= 16) copy(op, op - offset, length);
    else repeat(op, offset, op + length, opEnd);
    op += length;
    if (!decode_fast(ip, inMax, op, outMax, dst)) return EIO;
  }
  return unreachable(); // as above
}

/** Where the first `length` bytes, 0..16, at `a` and `b` differ, bits are set. Reads 16 bytes of both. */
// @ts-ignore: decorator
@inline
function different(a: usize, b: usize, length: u32): v128 {
  return v128.and(v128.xor(v128.load(a), v128.load(b)), v128.load(FIRST + 16 - length));
}

/** As `different`, of any length, in steps of 16 bytes. Reads up to 15 bytes more. */
// @ts-ignore: decorator
@inline
function different_wild(a: usize, b: usize, length: u32): v128 {
  let wrong = i64x2.splat(0);
  const last = a + length - 16;
  while (<isize>(last - a) > 0) {
    wrong = v128.or(wrong, v128.xor(v128.load(a), v128.load(b)));
    a += 16;
    b += 16;
  }
  return v128.or(wrong, different(a, b, <u32>(last + 16 - a)));
}

/**
 * Whether a block decompresses to exactly this page: the same answer as decompressing and comparing, without writing a
 * byte. Literals are compared with the page; a match is compared inside the page, which is right since everything
 * before it was found to agree. Reads `srcLength` bytes at `src` and up to 16 bytes past the page.
 */
export function lz4_holds(src: usize, srcLength: u32, page: usize): bool {
  let ip = src;
  let op = page;
  const ipEnd = src + srcLength;
  const opEnd = page + PAGE_SIZE;
  // Differences are gathered, not branched on: nearly always there are none.
  let wrong = i64x2.splat(0);

  while (ip < ipEnd) {
    while (<i32>(ipEnd - ip) >= <i32>SHORT_IN) {
      const token = <u32>load<u8>(ip);
      if (<i32>(opEnd - op) < <i32>SHORT_OUT) break;
      const literals = token >> 4;
      if (literals == RUN_MASK) break;
      wrong = v128.or(wrong, different(op, ip + 1, literals));
      const to = op + literals;
      const offset = <u32>load<u16>(ip + literals, 1);
      if (offset - 1 >= <u32>(to - page)) return false;
      const match = to - offset;
      const matched = token & RUN_MASK;
      if (matched != RUN_MASK) {
        // 4..18 bytes: four, and up to 14 that follow.
        wrong = v128.or(wrong, different(to, match, MINMATCH));
        wrong = v128.or(wrong, different(to + MINMATCH, match + MINMATCH, matched));
        ip += literals + 3;
        op = to + matched + MINMATCH;
        continue;
      }
      const more = <u32>load<u8>(ip + literals, 3);
      if (more == 255 || <i32>(opEnd - to) < <i32>(more + RUN_MASK + MINMATCH)) break;
      ip += literals + 4;
      op = to + more + RUN_MASK + MINMATCH;
      wrong = v128.or(wrong, different_wild(to, match, more + RUN_MASK + MINMATCH));
    }
    if (ip == ipEnd) break;

    const token = <u32>load<u8>(ip++);
    let length = token >> 4;
    if (length == RUN_MASK) {
      let more: u32;
      do {
        if (ip >= ipEnd) return false;
        more = load<u8>(ip++);
        length += more;
      } while (more == 255);
    }
    if (length > <u32>(opEnd - op)) return false;
    if (length > <u32>(ipEnd - ip)) return false;
    if (length + 16 <= <u32>(ipEnd - ip)) wrong = v128.or(wrong, different_wild(op, ip, length));
    else if (!bytes_equal(op, ip, length)) return false;
    op += length;
    ip += length;
    if (ip == ipEnd) return op == opEnd && !v128.any_true(wrong);

    if (ip + 2 > ipEnd) return false;
    const offset = <u32>load<u16>(ip);
    ip += 2;
    if (offset - 1 >= <u32>(op - page)) return false;
    length = (token & RUN_MASK) + MINMATCH;
    if (length == RUN_MASK + MINMATCH) {
      let more: u32;
      do {
        if (ip >= ipEnd) return false;
        more = load<u8>(ip++);
        length += more;
      } while (more == 255);
    }
    if (length > <u32>(opEnd - op)) return false;
    wrong = v128.or(wrong, different_wild(op, op - offset, length));
    op += length;
  }
  return false;
}
