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
import { EIO, PAGE_SIZE } from './common';

const MINMATCH: u32 = 4;
/** No match begins within the last 12 bytes … */
const MFLIMIT: u32 = 12;
/** … and none reaches into the last 5. */
const LASTLITERALS: u32 = 5;
/** After 64 misses the search step grows by one, times the acceleration level. */
const SKIP_TRIGGER: u32 = 6;
/** A nibble of the token that says "more length bytes follow". */
const RUN_MASK: u32 = 15;

const HASH_LOG: u32 = 13;
/** Positions by hash: 8192 entries of 16 bits, zeroed for every page (147 ns; epoch tags measured slower). */
const TABLE_BYTES: u32 = 2 << HASH_LOG;
const TABLE: usize = memory.data(TABLE_BYTES, 16);

/** Table address of the entry for the four bytes at `p`. */
// @ts-ignore: decorator
@inline
function entry(p: usize): usize {
  return TABLE + (((load<u32>(p) * 2654435761) >> (32 - HASH_LOG)) << 1);
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
  let forwardEntry = entry(ip);

  // Position 0 needs no entry: an empty one says 0 already.
  while (true) {
    // Search: step through the page until four bytes stand at the place that their hash names.
    let match: usize;
    let forward = ip;
    let step: u32 = 1;
    let misses = missesAtStart;
    while (true) {
      const e = forwardEntry;
      ip = forward;
      forward += step;
      if (forward > mflimit) return finish(op, anchor, srcEnd, dst);
      step = misses++ >> SKIP_TRIGGER;
      match = src + load<u16>(e);
      forwardEntry = entry(forward);
      store<u16>(e, <u32>(ip - src));
      if (load<u32>(match) == load<u32>(ip)) break;
    }

    // The match may begin earlier than where it was found.
    while (ip > anchor && match > src && load<u8>(ip - 1) == load<u8>(match - 1)) {
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

      // A match that begins right here needs no search and no literals.
      store<u16>(entry(ip - 2), <u32>(ip - 2 - src));
      const e = entry(ip);
      match = src + load<u16>(e);
      store<u16>(e, <u32>(ip - src));
      if (load<u32>(match) != load<u32>(ip)) break;
      token = op++;
      store<u8>(token, 0);
    }
    forwardEntry = entry(++ip);
  }
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

/** Copies 16 bytes at a time and up to 15 past `toEnd`. */
// @ts-ignore: decorator
@inline
function copy_wild(to: usize, from: usize, toEnd: usize): void {
  do {
    v128.store(to, v128.load(from));
    to += 16;
    from += 16;
  } while (to < toEnd);
}

/**
 * Decompresses one block. Safe on any input, also a hostile one: it reads `srcLength` bytes at `src` and nothing
 * else, writes `dstLength` bytes at `dst` and nothing else, and always ends.
 * @returns the number of bytes written, or -EIO where the block is malformed or does not fit
 */
export function lz4_decompress(src: usize, srcLength: u32, dst: usize, dstLength: u32): i32 {
  let ip = src;
  let op = dst;
  const ipEnd = src + srcLength;
  const opEnd = dst + dstLength;

  while (ip < ipEnd) {
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

    // Literals. (Lengths stay far below 2^32 - memory, since each 255 of them cost a byte of input.)
    const literalsEnd = op + length;
    if (length > <usize>(opEnd - op) || length > <usize>(ipEnd - ip)) return EIO;
    if (<usize>(opEnd - op) >= length + 16 && <usize>(ipEnd - ip) >= length + 16) {
      copy_wild(op, ip, literalsEnd);
    } else {
      memory.copy(op, ip, length);
    }
    ip += length;
    op = literalsEnd;
    if (ip == ipEnd) return <i32>(op - dst);

    // Match.
    if (ip + 2 > ipEnd) return EIO;
    const offset = <usize>load<u16>(ip);
    ip += 2;
    if (offset == 0 || offset > op - dst) return EIO;
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
    const matchEnd = op + length;
    const match = op - offset;
    if (offset >= 16 && <usize>(opEnd - op) >= length + 16) {
      copy_wild(op, match, matchEnd);
    } else if (offset >= 8 && <usize>(opEnd - op) >= length + 8) {
      let from = match;
      do {
        store<u64>(op, load<u64>(from));
        op += 8;
        from += 8;
      } while (op < matchEnd);
    } else {
      repeat(op, match, matchEnd, opEnd);
    }
    op = matchEnd;
  }
  // A block ends with literals; one that ends after a match, and an empty one, is cut short.
  return EIO;
}

/** Copies a match that overlaps itself closely or stands at the end of the room: a pattern of `to - from` bytes. */
function repeat(to: usize, from: usize, toEnd: usize, roomEnd: usize): void {
  const offset = to - from;
  if (offset == 1 || offset == 2 || offset == 4) {
    // The pattern divides eight bytes: store it as whole words.
    let pattern: u64 = load<u8>(from);
    if (offset == 1) pattern *= 0x0101010101010101;
    else if (offset == 2) pattern = <u64>load<u16>(from) * 0x0001000100010001;
    else pattern = <u64>load<u32>(from) * 0x0000000100000001;
    const wordsEnd = min(toEnd, roomEnd - 8 + 1);
    while (to < wordsEnd) {
      store<u64>(to, pattern);
      to += 8;
      from += 8;
    }
  }
  while (to < toEnd) store<u8>(to++, load<u8>(from++));
}
