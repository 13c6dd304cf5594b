/**
 * LZ4 blocks to bytes. Any input is allowed: what is not a block is refused, and nothing outside the two buffers is
 * touched.
 */
import { DEBUG, EIO } from '../common';
import { MINMATCH, PREFIX_MASKS, RUN_MASK, SHORT_IN, SHORT_OUT } from './lz4-format';

/** Copies in steps of 16 bytes: up to 15 bytes more are read and written. */
// @ts-ignore: decorator
@inline
function copy_overrun(to: usize, from: usize, toEnd: usize): void {
  do {
    v128.store(to, v128.load(from));
    to += 16;
    from += 16;
  } while (to < toEnd);
}

/** In steps of 32 bytes: up to 31 more. */
// @ts-ignore: decorator
@inline
function copy_overrun_32(to: usize, from: usize, toEnd: usize): void {
  do {
    v128.store(to, v128.load(from));
    v128.store(to, v128.load(from, 16), 16);
    to += 32;
    from += 32;
  } while (to < toEnd);
}

/**
 * Copies a range that lies 16 bytes or more after its source. The 16 bytes that end with it are written at once. Of a
 * shorter range, the bytes before it are written back unchanged, which takes no branch that could be mispredicted.
 */
// @ts-ignore: decorator
@inline
function copy_exact(to: usize, from: usize, length: usize): void {
  const last = to + length - 16;
  const lastFrom = from + length - 16;
  if (length < 16) {
    v128.store(last, v128.bitselect(v128.load(last), v128.load(lastFrom), v128.load(PREFIX_MASKS + length)));
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
const PATTERN_LANES: usize = memory.data<u8>([
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

/** The first 16 bytes of a match that begins `offset` bytes, 0..15, before where it goes. */
// @ts-ignore: decorator
@inline
function pattern_at(match: usize, offset: usize): v128 {
  return i8x16.swizzle(v128.load(match), v128.load(PATTERN_LANES + (offset << 4)));
}

/** Copies a match that overlaps itself: the `offset` bytes, 1..15, before `to`, again and again. */
function copy_pattern(to: usize, offset: usize, toEnd: usize, roomEnd: usize): void {
  const wholeEnd = roomEnd - 16;
  if (to <= wholeEnd) {
    const pattern = pattern_at(to - offset, offset);
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

/** A match of 17 bytes or more is written as 64: how much further from the page's end that is than a short sequence. */
const LONG_OUT: usize = 64 - 17 - SHORT_OUT;

/** Where `decode_fast` stopped. */
let stoppedIp: usize = 0;
let stoppedOp: usize = 0;

/**
 * Decodes sequences away from both ends, of which nearly all are short, and stops at one that it is not made for.
 *
 * A function of its own, and written as it is, for what V8 makes of it: few values alive, so that none is spilled in
 * the loop; one addition between a token and the next, since that chain is what the time of short sequences is; stores
 * as few and as narrow as may be; tests apart, with loads and stores between them (joined, they become arithmetic), and
 * each as late as may be: that a match begins before `dst` is found out by one signed compare, in the branch that reads
 * it.
 *
 * A mispredicted branch takes as long as two sequences. So there is one for all matches of more than 16 bytes, of which
 * 64 are written whatever their length; and a shorter one is copied again where it reaches into itself, which is much
 * rarer than an offset below 16.
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
      if (more > 32 - RUN_MASK) copy_overrun(op + 32, ip + 36, to);
    }
    const offset = <u32>load<u16>(next);
    const match = to - offset;
    const matched = token & RUN_MASK;
    if (matched <= 16 - MINMATCH) {
      if (<i32>match < <i32>dst) return false;
      v128.store(to, v128.load(match));
      if (offset < matched + MINMATCH) {
        if (offset == 0) return false;
        v128.store(to, pattern_at(match, offset));
      }
      op = to + matched + MINMATCH;
      ip = next;
      continue;
    }
    const isRun = u32(matched == RUN_MASK);
    const more = <u32>load<u8>(next, 2) & (0 - isRun);
    const end = to + matched + MINMATCH + more;
    if (end > outMax - LONG_OUT) break;
    if (<i32>match < <i32>dst) return false;
    if (more == 255) break;
    if (offset < 16) {
      if (offset == 0) return false;
      const pattern = pattern_at(match, offset);
      const step = <usize>load<u8>(PATTERN_STEP + offset);
      do {
        v128.store(to, pattern);
        to += step;
      } while (to < end);
      ip = next + isRun;
      op = end;
      continue;
    }
    v128.store(to, v128.load(match));
    v128.store(to, v128.load(match, 16), 16);
    v128.store(to, v128.load(match, 32), 32);
    v128.store(to, v128.load(match, 48), 48);
    ip = next + isRun;
    op = end;
    if (end > to + 64) copy_overrun_32(to + 64, match + 64, end);
  }
  stoppedIp = ip + 2;
  stoppedOp = op;
  return true;
}

/**
 * Decompresses one block. Safe on any input, also a hostile one: what it answers depends on `srcLength` bytes at `src`
 * and on nothing else, it changes `dstLength` bytes at `dst`, which is below 2 GiB, and nothing else, and it always
 * ends. (It may read up to 16 bytes before both, which are memory of ours in any case, and reads nothing behind them.)
 * @returns the number of bytes written, or -EIO where the block is malformed or does not fit
 */
export function lz4_decompress(src: usize, srcLength: u32, dst: usize, dstLength: u32): i32 {
  if (DEBUG) assert(<isize>dst >= 0); // a match before address 0 is found out by its sign, see `decode_fast`
  const ipEnd = src + srcLength;
  const opEnd = dst + dstLength;
  // 0: never.
  const inMax = srcLength < SHORT_IN ? <usize>0 : ipEnd - SHORT_IN - 1;
  const outMax = dstLength < SHORT_OUT ? <usize>0 : opEnd - SHORT_OUT;
  let ip = src;
  let op = dst;
  while (true) {
    if (ip < inMax) {
      if (op <= outMax) {
        if (!decode_fast(ip, inMax, op, outMax, dst)) return EIO;
        ip = stoppedIp;
        op = stoppedOp;
      }
    }
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
    copy_exact(op, ip, length);
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
    if (offset >= 16) copy_exact(op, op - offset, length);
    else copy_pattern(op, offset, op + length, opEnd);
    op += length;
  }
  return unreachable(); // every way out is a return
}
