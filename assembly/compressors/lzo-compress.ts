/**
 * LZO streams of one page, lzo and lzo-rle, as the kernel's zram makes them: the bytes are the same on every page.
 *
 * Written from the published stream format and from the measured behaviour of the kernel. What decides the size:
 * - A table of 8192 positions by the hash of four bytes; position 0 stands for "empty" too, and is compared like others.
 * - Only positions that are probed enter the table, whether the candidate fits or not.
 * - The further behind the last instruction is, the longer the step to the next probe: 1 + floor(literals / 32).
 * - Nothing is probed in the last 20 bytes. A match may reach into them, by the step of 8 with which it is measured.
 */
import { PAGE_SIZE } from '../common';
import { HEADS } from './layout';
import {
  END,
  END_BYTES,
  LITERALS_BASE,
  LITERALS_MASK,
  MATCH_BASE,
  MATCH_LENGTH_MASK,
  MATCH_LONG,
  RLE_HEADER,
  RUN,
  RUN_MARK,
  RUN_MAX,
  RUN_MIN,
  SHORT_DISTANCE_MAX,
  SHORT_LENGTH_MAX,
} from './lzo-format';

const HASH_LOG: u32 = 13;
/** Bytes at the end of a page where no match or run begins. */
const TAIL: u32 = 20;
/** After so many literals the step grows by one. */
const SKIP_SHIFT: u32 = 5;
/** Fewest bytes of a match. */
const MATCH_MIN: u32 = 4;
/** As many literals the instruction before them counts. */
const COUNTED_MAX: u32 = 3;
/** The first probe is not before this position, so the first literals never need to be counted in an instruction. */
const FIRST_PROBE: u32 = 5;

/** Where in the table the entry for four bytes is. */
// @ts-ignore: decorator
@inline
function entry(fourBytes: u32): usize {
  return ((fourBytes * 0x1824429d) >> (32 - HASH_LOG)) << 1;
}

/** Writes what a length has beyond its instruction's bits, 1 or more. */
function put_length(op: usize, rest: u32): usize {
  while (rest > 255) {
    store<u8>(op++, 0);
    rest -= 255;
  }
  store<u8>(op, rest);
  return op + 1;
}

/** Writes the instruction for 4 or more literals. */
// @ts-ignore: decorator
@inline
function put_literals(op: usize, literals: u32): usize {
  if (literals <= LITERALS_MASK + LITERALS_BASE) {
    store<u8>(op, literals - LITERALS_BASE);
    return op + 1;
  }
  store<u8>(op, 0);
  return put_length(op + 1, literals - LITERALS_MASK - LITERALS_BASE);
}

/**
 * Length of a match at `p`, whose first four bytes are known to be equal. It is measured by 8 bytes, of which the last begin
 * before `stop`; here two such steps at once, with no branch on which of them differs.
 */
// @ts-ignore: decorator
@inline
function match_length(p: usize, match: usize, stop: usize): u32 {
  let length: u32 = MATCH_MIN;
  do {
    const first = load<u64>(p + length) ^ load<u64>(match + length);
    const second = (load<u64>(p + length, 8) ^ load<u64>(match + length, 8)) | u64(p + length + 8 >= stop);
    if ((first | second) != 0) {
      return select<u32>(length + <u32>(ctz(first) >> 3), length + 8 + <u32>(ctz(second) >> 3), first != 0);
    }
    length += 16;
  } while (p + length < stop);
  return length;
}

/** Writes the instruction of a match. Its count of literals is two bytes before what is returned. */
// @ts-ignore: decorator
@inline
function put_match(op: usize, length: u32, distance: u32): usize {
  const d = distance - 1;
  if (length > MATCH_LENGTH_MASK + MATCH_BASE) {
    store<u8>(op, MATCH_LONG);
    op = put_length(op + 1, length - MATCH_LENGTH_MASK - MATCH_BASE);
    store<u16>(op, d << 2);
    return op + 2;
  }
  // Both are made and one is taken: which it is, no branch predictor foresees.
  const short = ((length - 1) << 5) | ((d & 7) << 2) | ((d >> 3) << 8);
  const long = MATCH_LONG | (length - MATCH_BASE) | (d << 10);
  const isShort = u32(length <= SHORT_LENGTH_MAX) & u32(distance <= SHORT_DISTANCE_MAX);
  store<u32>(op, select(short, long, isShort));
  return op + 3 - isShort;
}

/** Where a run of zeros ends that begins at `p` with four of them, which may reach past `stop`. */
// @ts-ignore: decorator
@inline
function run_end(p: usize, stop: usize): usize {
  const end = max(p + RUN_MIN, min(p + RUN_MAX, stop));
  for (p += RUN_MIN; p < end; p += 8) {
    const bytes = load<u64>(p);
    if (bytes != 0) return min(p + (<u32>ctz(bytes) >> 3), end);
  }
  return end;
}

/** Writes the last literals and the end of the stream. @returns where the stream ends */
function finish(op: usize, anchor: usize, srcEnd: usize): u32 {
  // A match leaves 9 bytes or more, so these are never so few that an instruction counts them.
  const literals = <u32>(srcEnd - anchor);
  op = put_literals(op, literals);
  memory.copy(op, anchor, literals);
  store<u32>(op + literals, END);
  return <u32>(op + literals + END_BYTES);
}

/**
 * Compresses one page.
 * @param src the page: 4096 bytes. Up to 119 behind it are read, and decide nothing
 * @param dst room for 4118 bytes, and 16 more that copies may touch
 * @param rle lzo-rle: runs of zeros have an instruction of their own
 * @returns the stream's length in bytes; never fails
 */
export function lzo_compress(src: usize, dst: usize, rle: bool): u32 {
  memory.fill(HEADS, 0, 2 << HASH_LOG);
  const srcEnd = src + PAGE_SIZE;
  const stop = srcEnd - TAIL;
  // Four bytes that begin a run; for lzo, what no four bytes are: one test for both.
  const run: u64 = rle ? 0 : 1 << 32;
  let op = dst;
  if (rle) {
    store<u16>(op, RLE_HEADER);
    op += 2;
  }
  // Where the last instruction counts its literals.
  let counter = op;
  let anchor = src;
  let p = src + FIRST_PROBE;
  // What stands at `p`, read once: before the probe that decides whether it is needed.
  let here = load<u32>(p);

  while (p < stop) {
    let match: usize = 0;
    const isRun = <u64>here == run;
    if (!isRun) {
      const e = entry(here);
      match = src + load<u16>(e, HEADS);
      const next = p + 1 + ((p - anchor) >> SKIP_SHIFT);
      const ahead = load<u32>(next);
      store<u16>(e, <u32>(p - src), HEADS);
      if (load<u32>(match) != here) {
        p = next;
        here = ahead;
        continue;
      }
    }

    // The end first: what follows it decides the next branch, which is cheaper to get wrong the sooner it is known.
    const end = isRun ? run_end(p, stop) : p + match_length(p, match, stop);
    here = load<u32>(end);

    // Copies go on past the literals, never past the page: what is written there is overwritten next.
    const literals = <u32>(p - anchor);
    if (literals <= COUNTED_MAX) {
      store<u8>(counter, load<u8>(counter) | literals);
      store<u32>(op, load<u32>(anchor));
    } else {
      op = put_literals(op, literals);
      let to = op;
      do {
        v128.store(to, v128.load(anchor));
        to += 16;
        anchor += 16;
      } while (anchor < p);
    }
    op += literals;

    if (isRun) {
      const more = <u32>(end - p) - RUN_MIN;
      store<u32>(op, RUN | (more & 7) | (RUN_MARK << 8) | ((more >> 3) << 24));
      counter = op + 1;
      op += 4;
    } else {
      op = put_match(op, <u32>(end - p), <u32>(p - match));
      counter = op - 2;
    }
    p = end;
    anchor = end;
  }

  return finish(op, anchor, srcEnd) - <u32>dst;
}
