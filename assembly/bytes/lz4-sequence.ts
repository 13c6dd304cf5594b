/** What the compressors of LZ4 blocks share: measuring a match, and writing lengths and the last literals. */
import { MINMATCH, RUN_MASK } from './lz4-format';

/** Writes the rest of a length that did not fit its nibble; a rest of 0 is still one byte. */
// @ts-ignore: decorator
@inline
export function put_length(op: usize, rest: u32): usize {
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
export function count_equal(a: usize, b: usize, aEnd: usize): u32 {
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
 * Writes a sequence whose lengths are known: `literals` bytes from `anchor` on, and a match. Up to 15 bytes behind the
 * literals are read and written as well. @returns where the next token goes
 */
// @ts-ignore: decorator
@inline
export function put_sequence(token: usize, anchor: usize, literals: u32, length: u32, offset: u32): usize {
  const more = length - MINMATCH;
  let op = token + 1;
  store<u8>(token, (min(literals, RUN_MASK) << 4) | min(more, RUN_MASK));
  if (literals >= RUN_MASK) op = put_length(op, literals - RUN_MASK);
  // Whole 16-byte steps: what is written past the literals is overwritten next.
  for (let done: u32 = 0; done < literals; done += 16) v128.store(op + done, v128.load(anchor + done));
  op += literals;
  store<u16>(op, offset);
  op += 2;
  return more >= RUN_MASK ? put_length(op, more - RUN_MASK) : op;
}

/** Writes the last literals and returns the block's length. */
export function finish(op: usize, anchor: usize, srcEnd: usize, dst: usize): u32 {
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
