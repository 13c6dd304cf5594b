/**
 * Whether an LZ4 block decodes to given bytes: decoding and comparing at once, without a buffer for what was decoded.
 */
import { PAGE_SIZE } from '../common';
import { bytes_equal } from './compare';
import { MINMATCH, PREFIX_MASKS, RUN_MASK, SHORT_IN, SHORT_OUT } from './lz4-format';

/** Where the first `length` bytes, 0..16, at `a` and `b` differ, bits are set. Reads 16 bytes of both. */
// @ts-ignore: decorator
@inline
function difference(a: usize, b: usize, length: u32): v128 {
  return v128.and(v128.xor(v128.load(a), v128.load(b)), v128.load(PREFIX_MASKS + 16 - length));
}

/** As `difference`, of any length, in steps of 16 bytes. Reads up to 15 bytes more. */
// @ts-ignore: decorator
@inline
function difference_overrun(a: usize, b: usize, length: u32): v128 {
  let wrong = i64x2.splat(0);
  const last = a + length - 16;
  while (<isize>(last - a) > 0) {
    wrong = v128.or(wrong, v128.xor(v128.load(a), v128.load(b)));
    a += 16;
    b += 16;
  }
  return v128.or(wrong, difference(a, b, <u32>(last + 16 - a)));
}

/** As `difference`, of a short match of `matched` bytes more than the least: four, and up to 14 that follow. */
// @ts-ignore: decorator
@inline
function difference_match(to: usize, match: usize, matched: u32): v128 {
  return v128.or(difference(to, match, MINMATCH), difference(to + MINMATCH, match + MINMATCH, matched));
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
  // Differences are gathered, not branched on: nearly always nothing differs.
  let wrong = i64x2.splat(0);

  while (ip < ipEnd) {
    while (<i32>(ipEnd - ip) >= <i32>SHORT_IN) {
      const token = <u32>load<u8>(ip);
      if (<i32>(opEnd - op) < <i32>SHORT_OUT) break;
      const literals = token >> 4;
      if (literals == RUN_MASK) break;
      wrong = v128.or(wrong, difference(op, ip + 1, literals));
      const to = op + literals;
      const offset = <u32>load<u16>(ip + literals, 1);
      if (offset - 1 >= <u32>(to - page)) return false;
      const match = to - offset;
      const matched = token & RUN_MASK;
      if (matched != RUN_MASK) {
        wrong = v128.or(wrong, difference_match(to, match, matched));
        ip += literals + 3;
        op = to + matched + MINMATCH;
        continue;
      }
      const more = <u32>load<u8>(ip + literals, 3);
      if (more == 255 || <i32>(opEnd - to) < <i32>(more + RUN_MASK + MINMATCH)) break;
      ip += literals + 4;
      op = to + more + RUN_MASK + MINMATCH;
      wrong = v128.or(wrong, difference_overrun(to, match, more + RUN_MASK + MINMATCH));
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
    if (length > min(<u32>(opEnd - op), <u32>(ipEnd - ip))) return false;
    if (length + 16 <= <u32>(ipEnd - ip)) wrong = v128.or(wrong, difference_overrun(op, ip, length));
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
    wrong = v128.or(wrong, difference_overrun(op, op - offset, length));
    op += length;
  }
  return false;
}
