/**
 * LZ4 blocks of one page, searched more thoroughly: lz4hc as the kernel's zram makes it. The bytes are the same on every
 * page, and any LZ4 decoder reads them.
 *
 * Written from the rules of LZ4 1.7.3, from which the kernel's compressor descends. Where later versions differ, these
 * rules decide the size: every candidate that has the hash counts as an attempt; of equally long matches the first that
 * is met counts, which is the nearest; a search begins only where more than 12 bytes follow.
 *
 * A match is not taken at once: one that begins inside it, or up to three bytes before its end, may be longer. So three
 * matches, each reaching into the one before, are weighed before the first of them is written.
 */
import { PAGE_SIZE } from '../common';
import { LASTLITERALS, MFLIMIT, MINMATCH, RUN_MASK } from '../bytes/lz4-format';
import { count_equal, finish, put_sequence } from '../bytes/lz4-sequence';
import { EARLIER, HEADS } from './layout';

export const LEVEL_DEFAULT: i32 = 9;
export const LEVEL_MAX: i32 = 16;

const HASH_LOG: u32 = 15;
/** The longest match whose length fits the token: where two overlap, the first gives way down to this. */
const TOKEN_LENGTH_MAX: u32 = RUN_MASK - 1 + MINMATCH;
/** Fewer bytes than this before a better match are not worth a match of their own. */
const WORTHWHILE: u32 = 3;

// The page, and how thoroughly it is searched.
let page: usize = 0;
/** Where no match begins, and where none reaches. */
let searchEnd: usize = 0;
let matchEnd: usize = 0;
let attempts: u32 = 0;
/** Positions before this one are in the chains. */
let chained: usize = 0;

// What is written.
let op: usize = 0;
/** The first byte that is in no sequence yet. */
let anchor: usize = 0;

// The match that a search found.
let foundAt: usize = 0;
let foundFrom: usize = 0;

// Matches that are being weighed: where they begin, how long they are, and where their bytes stood before.
let firstAt: usize = 0;
let firstLength: u32 = 0;
let firstFrom: usize = 0;
let secondAt: usize = 0;
let secondLength: u32 = 0;
let secondFrom: usize = 0;

/** Where among the heads that of the chain is that four bytes belong to. */
// @ts-ignore: decorator
@inline
function head(fourBytes: u32): usize {
  return ((fourBytes * 2654435761) >> (32 - HASH_LOG)) << 1;
}

/** Enters positions before `at` in the chains. There they are counted from 1: 0 ends a chain. */
// @ts-ignore: decorator
@inline
function chain_up_to(at: usize): void {
  for (let next = chained; next < at; next++) {
    const e = head(load<u32>(next));
    const number = <u32>(next - page) + 1;
    store<u16>(number << 1, load<u16>(e, HEADS), EARLIER);
    store<u16>(e, number, HEADS);
  }
  if (at > chained) chained = at;
}

/**
 * Looks for a match that covers the four bytes at `at`, begins at `low` or later, and is longer than `longest`, which
 * reaches at least beyond the byte behind `at`.
 * @returns the length of the longest, found at `foundAt` and `foundFrom`; `longest` where there is none
 */
function find_longer(at: usize, low: usize, longest: u32): u32 {
  chain_up_to(at);
  const fourBytes = load<u32>(at);
  const base = page - 1;
  const lead = at - low;
  const lengthMax = <u32>(matchEnd - low);
  // The last two bytes that a longer one must have: they tell most candidates apart.
  let tail = <u32>load<u16>(low + longest - 1);
  let left = attempts;
  for (let number = <u32>load<u16>(head(fourBytes), HEADS); number != 0; number = load<u16>(number << 1, EARLIER)) {
    if (left-- == 0) break;
    let from = base + number;
    if (load<u16>(from - lead + longest - 1) != tail) continue;
    if (load<u32>(from) != fourBytes) continue;
    const forward = MINMATCH + count_equal(at + MINMATCH, from + MINMATCH, matchEnd);
    let start = at;
    while (start > low && from > page && load<u8>(start - 1) == load<u8>(from - 1)) {
      start--;
      from--;
    }
    const length = forward + <u32>(at - start);
    if (length <= longest) continue;
    longest = length;
    foundAt = start;
    foundFrom = from;
    if (length == lengthMax) break;
    tail = load<u16>(low + longest - 1);
  }
  return longest;
}

/** Writes the literals up to a match, and the match. */
function put_match(at: usize, length: u32, from: usize): void {
  op = put_sequence(op, anchor, <u32>(at - anchor), length, <u32>(at - from));
  anchor = at + length;
}

// @ts-ignore: decorator
@inline
function put_first(): void {
  put_match(firstAt, firstLength, firstFrom);
}

// @ts-ignore: decorator
@inline
function make_second_first(): void {
  firstAt = secondAt;
  firstLength = secondLength;
  firstFrom = secondFrom;
}

// @ts-ignore: decorator
@inline
function make_found_second(length: u32): void {
  secondAt = foundAt;
  secondLength = length;
  secondFrom = foundFrom;
}

/** The second match begins that much later. */
// @ts-ignore: decorator
@inline
function delay_second(by: u32): void {
  secondAt += by;
  secondFrom += by;
  secondLength -= by;
}

/** Of two that overlap, leaves the first what its token can say, if the second stays a match. @returns the first's length then */
function divide(): u32 {
  const before = <u32>(secondAt - firstAt);
  const length = min(min(firstLength, TOKEN_LENGTH_MAX), before + secondLength - MINMATCH);
  if (length > before) delay_second(length - before);
  return length;
}

/**
 * Looks for a second match, longer than the first and reaching into it; one so near to the first's beginning takes its place.
 * @returns whether there are two now; else only the first is left
 */
function find_second(savedAt: usize, savedLength: u32, savedFrom: usize): bool {
  while (true) {
    const end = firstAt + firstLength;
    if (end >= searchEnd) return false;
    const length = find_longer(end - 2, firstAt, firstLength);
    if (length == firstLength) return false;
    make_found_second(length);
    // What was skipped for the first is worth its place after all, when the second leaves it room.
    if (savedAt < firstAt && secondAt < firstAt + savedLength) {
      firstAt = savedAt;
      firstLength = savedLength;
      firstFrom = savedFrom;
    }
    if (secondAt - firstAt >= WORTHWHILE) return true;
    make_second_first();
  }
}

/** Writes the first of the matches at hand, and what else is decided by then. @returns where the search goes on */
function weigh(): usize {
  let savedAt = firstAt;
  let savedLength = firstLength;
  let savedFrom = firstFrom;
  while (find_second(savedAt, savedLength, savedFrom)) {
    // Until the second is gone: to be written, or to be the first.
    while (true) {
      if (secondAt - firstAt < TOKEN_LENGTH_MAX) divide();
      const firstEnd = firstAt + firstLength;
      const end = secondAt + secondLength;
      const length = end < searchEnd ? find_longer(end - 3, secondAt, secondLength) : secondLength;
      if (length == secondLength) {
        if (secondAt < firstEnd) firstLength = <u32>(secondAt - firstAt);
        put_first();
        put_match(secondAt, secondLength, secondFrom);
        return anchor;
      }
      if (foundAt >= firstEnd + WORTHWHILE) {
        if (secondAt < firstEnd) {
          if (secondAt - firstAt < RUN_MASK) firstLength = divide();
          else firstLength = <u32>(secondAt - firstAt);
        }
        put_first();
        make_second_first();
        make_found_second(length);
        continue;
      }
      if (foundAt < firstEnd) {
        // The third leaves the second no room.
        make_found_second(length);
        continue;
      }
      // The first ends where the third begins, or nearly: the second is saved for what may come of the third.
      if (secondAt < firstEnd) {
        const overlap = <u32>(firstEnd - secondAt);
        if (secondLength >= overlap + MINMATCH) delay_second(overlap);
        else make_found_second(length);
      }
      put_first();
      savedAt = secondAt;
      savedLength = secondLength;
      savedFrom = secondFrom;
      firstAt = foundAt;
      firstLength = length;
      firstFrom = foundFrom;
      break;
    }
  }
  put_first();
  return anchor;
}

/**
 * Compresses one page.
 * @param src the page: 4096 bytes
 * @param dst room for 4096 + 4096/255 + 16 bytes, and 16 more that copies may touch
 * @param level 1 to 16: 2^(level - 1) candidates are tried for each match; below 1 is 9, above 16 is 16
 * @returns the block's length in bytes; never fails
 */
export function lz4hc_compress(src: usize, dst: usize, level: i32): u32 {
  memory.fill(HEADS, 0, 2 << HASH_LOG);
  attempts = 1 << ((level < 1 ? LEVEL_DEFAULT : min(level, LEVEL_MAX)) - 1);
  page = src;
  chained = src;
  searchEnd = src + PAGE_SIZE - MFLIMIT;
  matchEnd = src + PAGE_SIZE - LASTLITERALS;
  op = dst;
  anchor = src;
  let ip = src + 1;
  while (ip < searchEnd) {
    // Any match has four bytes: more than three.
    firstLength = find_longer(ip, ip, MINMATCH - 1);
    if (firstLength < MINMATCH) {
      ip++;
      continue;
    }
    firstAt = ip;
    firstFrom = foundFrom;
    ip = weigh();
  }
  return finish(op, anchor, src + PAGE_SIZE, dst);
}
