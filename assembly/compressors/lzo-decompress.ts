/** LZO streams to a page, lzo and lzo-rle. Any input is allowed: what is not the stream of a page is refused, and nothing outside is touched. */
import { DEBUG, EIO, PAGE_SIZE } from '../common';
import {
  END,
  END_BYTES,
  FIRST_LITERALS,
  LITERALS_BASE,
  LITERALS_MASK,
  MATCH_BASE,
  MATCH_FAR,
  MATCH_LENGTH_MASK,
  MATCH_LONG,
  MATCH_SHORT,
  RLE_HEADER,
  RUN,
  RUN_MARK,
  RUN_MIN,
  SHORT_DISTANCE_MAX,
} from './lzo-format';

/** Bytes that are copied at once. */
const STEP: u32 = 16;
/** Bytes of input, and of room, that any instruction of `decode_fast` may touch: 18 literals, and three steps. */
const FAST_IN: u32 = 1 + STEP + 4;
const FAST_OUT: u32 = 3 * STEP;
/** The low two bits of an instruction: literals that follow it. */
const COUNTED: u32 = 3;
/** In the place of such a count: literals of an instruction of their own came before. */
const AFTER_LITERALS: u32 = 4;

// Where decoding has come to between two functions: in the stream, in the page, and the literals that were counted last.
let ip: usize = 0;
let op: usize = 0;
let count: u32 = 0;

/** Copies a match: what it repeats doubles with each copy. */
function copy_match(to: usize, distance: usize, length: usize): void {
  if (distance == 1) {
    memory.fill(to, load<u8>(to - 1), length);
    return;
  }
  const from = to - distance;
  while (length > distance) {
    memory.copy(to, from, distance);
    to += distance;
    length -= distance;
    distance <<= 1;
  }
  memory.copy(to, from, length);
}

/** Copies a short match that overlaps itself. */
// @ts-ignore: decorator
@inline
function repeat(to: usize, from: usize, length: u32): void {
  for (const end = to + length; to < end; to++, from++) store<u8>(to, load<u8>(from));
}

/**
 * Decodes instructions away from both ends, of which nearly all are short, and stops at one that it is not made for.
 * @param inMax the first place where one might not be read
 * @param outMax the last place where any of them can be written
 * @param dst where the page begins, below 2 GiB: a match before address 0 is then negative
 * @returns false where the stream is malformed
 */
function decode_fast(inMax: usize, outMax: usize, dst: usize): bool {
  let from = ip;
  let to = op;
  let counted = count;
  while (from < inMax) {
    if (to > outMax) break;
    const code = <u32>load<u8>(from);
    if (code >= MATCH_SHORT) {
      const match = to - (((code >> 2) & 7) + (<u32>load<u8>(from, 1) << 3) + 1);
      if (<i32>match < <i32>dst) return false;
      const length = (code >> 5) + 1;
      if (to - match >= 8) store<u64>(to, load<u64>(match));
      else repeat(to, match, length);
      to += length;
      counted = code & COUNTED;
      from += 2;
    } else if (code >= MATCH_LONG) {
      const length = (code & MATCH_LENGTH_MASK) + MATCH_BASE;
      if (length == MATCH_BASE) break;
      const low = <u32>load<u16>(from, 1);
      const match = to - ((low >> 2) + 1);
      if (<i32>match < <i32>dst) return false;
      if (to - match >= STEP) {
        v128.store(to, v128.load(match));
        if (length > STEP) {
          v128.store(to, v128.load(match, STEP), STEP);
          v128.store(to, v128.load(match, 2 * STEP), 2 * STEP);
        }
      } else {
        repeat(to, match, length);
      }
      to += length;
      counted = low & COUNTED;
      from += 3;
    } else {
      if (code == 0 || code > LITERALS_MASK || counted != 0) break;
      const length = code + LITERALS_BASE;
      v128.store(to, v128.load(from, 1));
      store<u32>(to, load<u32>(from, 1 + STEP), STEP);
      to += length;
      from += length + 1;
      counted = AFTER_LITERALS;
      continue;
    }
    store<u32>(to, load<u32>(from));
    to += counted;
    from += counted;
  }
  ip = from;
  op = to;
  count = counted;
  return true;
}

/**
 * Reads what a length has beyond its instruction's bits, and checks that `behind` bytes follow. (No length comes near
 * 2^32, since each 255 of it cost a byte of input.)
 * @returns the length, 1 or more; 0 where the stream is cut short
 */
function more_length(ipEnd: usize, behind: usize): u32 {
  let length: u32 = 0;
  while (ip + behind < ipEnd) {
    const more = <u32>load<u8>(ip++);
    if (more != 0) return length + more;
    length += 255;
  }
  return 0;
}

/** Copies literals from the stream. @returns whether there are so many, and room for them */
function literals(length: u32, ipEnd: usize, opEnd: usize): bool {
  if (length > <u32>(ipEnd - ip)) return false;
  if (length > <u32>(opEnd - op)) return false;
  memory.copy(op, ip, length);
  ip += length;
  op += length;
  return true;
}

/**
 * Decodes any instruction but the last, with the literals that it counts. Three bytes may be read: the end is still to come.
 * @returns false where it is malformed
 */
function decode_any(ipEnd: usize, dst: usize, opEnd: usize, rle: bool): bool {
  const code = <u32>load<u8>(ip);
  const pair = <u32>load<u16>(ip, 1);
  let length: u32;
  let distance: u32;
  if (code >= MATCH_SHORT) {
    length = (code >> 5) + 1;
    distance = ((code >> 2) & 7) + ((pair & 255) << 3) + 1;
    count = code & COUNTED;
    ip += 2;
  } else if (code >= MATCH_LONG) {
    ip++;
    length = code & MATCH_LENGTH_MASK;
    if (length == 0) {
      length = more_length(ipEnd, 2);
      if (length == 0) return false;
      length += MATCH_LENGTH_MASK;
    }
    length += MATCH_BASE;
    const low = <u32>load<u16>(ip);
    distance = (low >> 2) + 1;
    count = low & COUNTED;
    ip += 2;
  } else if (code >= MATCH_FAR) {
    // Of those, a page has runs only.
    if (!rle || code < RUN || (pair & RUN_MARK) != RUN_MARK || ip + 4 > ipEnd) return false;
    length = (code & 7) + (<u32>load<u8>(ip, 3) << 3) + RUN_MIN;
    if (length > <u32>(opEnd - op)) return false;
    memory.fill(op, 0, length);
    op += length;
    ip += 4;
    count = pair & COUNTED;
    return literals(count, ipEnd, opEnd);
  } else if (count == 0) {
    ip++;
    length = code;
    if (code == 0) {
      length = more_length(ipEnd, 0);
      if (length == 0) return false;
      length += LITERALS_MASK;
    }
    count = AFTER_LITERALS;
    return literals(length + LITERALS_BASE, ipEnd, opEnd);
  } else {
    length = count == AFTER_LITERALS ? 3 : 2;
    distance = (code >> 2) + ((pair & 255) << 2) + 1 + (count == AFTER_LITERALS ? SHORT_DISTANCE_MAX : 0);
    count = code & COUNTED;
    ip += 2;
  }
  if (length > <u32>(opEnd - op)) return false;
  if (distance > <u32>(op - dst)) return false;
  copy_match(op, distance, length);
  op += length;
  return literals(count, ipEnd, opEnd);
}

/**
 * Decompresses the stream of one page, lzo or lzo-rle. Safe on any input, also a hostile one: what it answers depends on
 * `srcLength` bytes at `src` and on nothing else, it reads nothing outside them, it changes 4096 bytes at `dst`, which is
 * below 2 GiB, and nothing else, and it always ends.
 * @returns 4096, or -EIO where the stream is malformed, or not that of exactly a page
 */
export function lzo_decompress(src: usize, srcLength: u32, dst: usize): i32 {
  if (DEBUG) assert(<isize>dst >= 0);
  const ipEnd = src + srcLength;
  const opEnd = dst + PAGE_SIZE;
  // 0: never.
  const inMax = srcLength < FAST_IN ? <usize>0 : ipEnd - FAST_IN + 1;
  const outMax = opEnd - FAST_OUT;
  if (srcLength < END_BYTES) return EIO;
  const rle = load<u16>(src) == RLE_HEADER;
  ip = rle ? src + 2 : src;
  op = dst;
  count = 0;
  const first = <u32>load<u8>(ip);
  if (first > FIRST_LITERALS) {
    ip++;
    if (!literals(first - FIRST_LITERALS, ipEnd, opEnd)) return EIO;
    count = min(first - FIRST_LITERALS, AFTER_LITERALS);
  }
  while (true) {
    if (!decode_fast(inMax, outMax, dst)) return EIO;
    if (ip + END_BYTES > ipEnd) return EIO;
    if ((load<u16>(ip) | (<u32>load<u8>(ip, 2) << 16)) == END) {
      return op == opEnd && ip + END_BYTES == ipEnd ? <i32>PAGE_SIZE : EIO;
    }
    if (!decode_any(ipEnd, dst, opEnd, rle)) return EIO;
  }
  return unreachable(); // the compiler does not see that every way out is a return
}
