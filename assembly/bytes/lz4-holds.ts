/**
 * Whether an LZ4 block decodes to given bytes: decoding and comparing at once, without a buffer for what was decoded.
 */
import { DEBUG, PAGE_SIZE } from '../common';
import { bytes_equal } from './compare';
import { MINMATCH, RUN_MASK, SHORT_IN, SHORT_OUT } from './lz4-format';

/** Bytes that are compared without a branch on how many there are. */
const WIDE: u32 = 64;
/** `WIDE` bytes of ones and `WIDE` of zeros: read at `WIDE` - n, the mask of the first n bytes. */
const MASKS: usize = memory.data<u8>([
  255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255,
  255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255,
  255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255,
  255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255,
  0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
  0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
]);

/** Where the 16 bytes at `a` and `b` differ, as far as `mask` goes, bits are set. */
// @ts-ignore: decorator
@inline
function difference(a: usize, b: usize, mask: usize): v128 {
  return v128.and(v128.xor(v128.load(a), v128.load(b)), v128.load(mask));
}

/** As `difference`, of the first `length` bytes. Reads `WIDE` bytes of both, and of a longer range up to 15 more. */
// @ts-ignore: decorator
@inline
function difference_wide(a: usize, b: usize, length: u32): v128 {
  const mask = MASKS + WIDE - min(length, WIDE);
  const first = v128.or(difference(a, b, mask), difference(a + 16, b + 16, mask + 16));
  const second = v128.or(difference(a + 32, b + 32, mask + 32), difference(a + 48, b + 48, mask + 48));
  const wrong = v128.or(first, second);
  return length > WIDE ? v128.or(wrong, difference_overrun(a + WIDE, b + WIDE, length - WIDE)) : wrong;
}

/** As `difference`, of any length but 0, in steps of 16 bytes. Reads up to 15 bytes more. */
function difference_overrun(a: usize, b: usize, length: u32): v128 {
  let wrong = i64x2.splat(0);
  const last = a + length - 16;
  while (<isize>(last - a) > 0) {
    wrong = v128.or(wrong, v128.xor(v128.load(a), v128.load(b)));
    a += 16;
    b += 16;
  }
  return v128.or(wrong, difference(a, b, MASKS + WIDE - 16 + (a - last)));
}

/** Where `holds_fast` stopped. */
let stoppedIp: usize = 0;
let stoppedOp: usize = 0;

/**
 * Compares sequences away from both ends, and stops at one that it is not made for.
 *
 * What it takes is mispredicted branches, of which each long run is one: so runs of up to `WIDE` bytes are compared
 * without a loop, and what differs is gathered, not branched on.
 * @param inMax, outMax the last places where a short sequence can be read, and its bytes be
 * @returns false where something differs, or the block is malformed
 */
function holds_fast(ip: usize, inMax: usize, op: usize, outMax: usize, page: usize): bool {
  let wrong = i64x2.splat(0);
  while (ip <= inMax) {
    if (op > outMax) break;
    const token = <u32>load<u8>(ip);
    const literals = token >> 4;
    let next = ip + 1;
    let to = op + literals;
    if (literals != RUN_MASK) {
      wrong = v128.or(wrong, difference(op, next, MASKS + WIDE - literals));
      next += literals;
    } else {
      const more = <u32>load<u8>(next);
      if (more == 255) break;
      to += more;
      next += 1 + RUN_MASK + more;
      if (max(next, ip + 2 + WIDE) > inMax) break;
      if (to > outMax) break;
      wrong = v128.or(wrong, difference_wide(op, ip + 2, RUN_MASK + more));
    }
    const offset = <u32>load<u16>(next);
    const match = to - offset;
    if (<i32>match < <i32>page) return false;
    if (offset == 0) return false;
    const matched = token & RUN_MASK;
    if (matched <= 16 - MINMATCH) {
      wrong = v128.or(wrong, difference(to, match, MASKS + WIDE - MINMATCH - matched));
      op = to + matched + MINMATCH;
      ip = next + 2;
      continue;
    }
    const isRun = u32(matched == RUN_MASK);
    const more = <u32>load<u8>(next, 2) & (0 - isRun);
    if (more == 255) break;
    const end = to + matched + MINMATCH + more;
    if (end > outMax) break;
    wrong = v128.or(wrong, difference_wide(to, match, matched + MINMATCH + more));
    op = end;
    ip = next + 2 + isRun;
  }
  stoppedIp = ip;
  stoppedOp = op;
  return !v128.any_true(wrong);
}

/**
 * Whether a block decompresses to exactly this page: the same answer as decompressing and comparing, without writing a
 * byte. Literals are compared with the page; a match is compared inside the page, which is right since everything
 * before it was found to agree. Reads `srcLength` bytes at `src`, and up to `WIDE` bytes past the page, which lies in
 * static memory below 2 GiB.
 */
export function lz4_holds(src: usize, srcLength: u32, page: usize): bool {
  if (DEBUG) assert(<isize>page >= 0); // a match before address 0 is found out by its sign, see `holds_fast`
  const ipEnd = src + srcLength;
  const opEnd = page + PAGE_SIZE;
  // 0: never.
  const inMax = srcLength < SHORT_IN ? <usize>0 : ipEnd - SHORT_IN;
  const outMax = opEnd - SHORT_OUT;
  if (!holds_fast(src, inMax, page, outMax, page)) return false;
  while (true) {
    let ip = stoppedIp;
    let op = stoppedOp;
    if (ip >= ipEnd) return false;

    // Any sequence.
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
    if (length > min(<u32>(opEnd - op), <u32>(ipEnd - ip))) return false;
    if (!bytes_equal(op, ip, length)) return false;
    op += length;
    ip += length;
    if (ip == ipEnd) return op == opEnd;

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
    if (!bytes_equal(op, op - offset, length)) return false;
    op += length;
    if (!holds_fast(ip, inMax, op, outMax, page)) return false;
  }
  return unreachable(); // every way out is a return
}
