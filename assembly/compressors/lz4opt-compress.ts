/**
 * LZ4 blocks of one page that are fast to read: of all ways to say a page with the matches that were found in it, the one
 * whose bytes and time to decode cost least together. Any LZ4 decoder reads them.
 *
 * What decoding takes are few kinds of events, most of them mispredicted branches. `favor` says how much a nanosecond of
 * that counts, in sixteenths of a byte.
 *
 * The costs of literals and of a match add up. So, from the page's end to its beginning, for each position: what is the
 * least that the rest can cost, if a match is here, and if a sequence begins here?
 */
import { LASTLITERALS, MFLIMIT, MINMATCH, RUN_MASK } from '../bytes/lz4-format';
import { count_equal, finish, put_sequence } from '../bytes/lz4-sequence';
import { PAGE_SIZE } from '../common';
import { COST, EARLIER, HEADS, MATCH, PLACE, SEQUENCE } from './layout';

const LEVEL_DEFAULT: i32 = 6;
const LEVEL_MAX: i32 = 16;
const FAVOR_MAX: u32 = 16;

/** What a byte costs. */
const BYTE: u32 = 16;
/** Nanoseconds of a sequence, and more of one with 15 literals or more, and with a match of more than 16 bytes. */
const NS_SEQUENCE: u32 = 2;
const NS_LITERALS: u32 = 8;
const NS_LONG: u32 = 6;

const HASH_LOG: u32 = 15;
/** As long as a match goes on that is longer than this, no other is looked for. */
const GOOD: u32 = 32;

/** Where no match begins any more, and where none reaches. */
const SEARCH_END: u32 = PAGE_SIZE - MFLIMIT;
const MATCH_END: u32 = PAGE_SIZE - LASTLITERALS;
/** A match with a longer length takes one byte more. */
const TOKEN_LENGTH_MAX: u32 = RUN_MASK - 1 + MINMATCH;

/** A match in a word: its length, and how far back its bytes stand. 0 = none. */
// @ts-ignore: decorator
@inline
function match_word(length: u32, offset: u32): u32 {
  return length | (offset << 16);
}

// @ts-ignore: decorator
@inline
function match_length(match: u32): u32 {
  return match & 0xffff;
}

// @ts-ignore: decorator
@inline
function match_offset(match: u32): u32 {
  return match >> 16;
}

/** Fills `MATCH` with the longest match at each position, the nearest of equally long ones. */
function find_matches(page: usize, attempts: u32): void {
  memory.fill(HEADS, 0, 2 << HASH_LOG);
  const end = page + MATCH_END;
  let length: u32 = 0;
  let offset: u32 = 0;
  for (let at: u32 = 0; at < SEARCH_END; at++) {
    const head = ((load<u32>(page + at) * 2654435761) >> (32 - HASH_LOG)) << 1;
    let number = <u32>load<u16>(head, HEADS);
    store<u16>(at << 1, number, EARLIER);
    store<u16>(head, at + 1, HEADS);
    // The match at the position before goes on here; from its last bytes on, any with four bytes is longer.
    length = length > MINMATCH ? length - 1 : MINMATCH - 1;
    for (let left = length > GOOD ? 0 : attempts; number != 0 && left != 0; left--) {
      const from = number - 1;
      number = <u32>load<u16>(from << 1, EARLIER);
      // The last bytes that a longer one must have tell most candidates apart.
      if (load<u32>(page + from + length - 3) != load<u32>(page + at + length - 3)) continue;
      const found = count_equal(page + at, page + from, end);
      if (found <= length) continue;
      length = found;
      offset = at - from;
    }
    store<u32>(at << 2, length < MINMATCH ? 0 : match_word(length, offset), MATCH);
  }
}

// ── choices ──────────────────────────────────────────────────────────────────────────────────────────────────────

/** A choice is a cost, and below it what costs that: the smallest of such words has both. */
const WHAT_BITS: u32 = 12;
const WHAT_MASK: u32 = (1 << WHAT_BITS) - 1;
const NO_CHOICE: u32 = u32.MAX_VALUE;

// @ts-ignore: decorator
@inline
function choice(cost: u32, what: u32): u32 {
  return (cost << WHAT_BITS) | what;
}

// @ts-ignore: decorator
@inline
function choice_cost(word: u32): u32 {
  return word >> WHAT_BITS;
}

/** The smallest of four words. */
// @ts-ignore: decorator
@inline
function smallest(words: v128): u32 {
  const halves = i32x4.min_u(words, i32x4.shuffle(words, words, 2, 3, 0, 1));
  return <u32>i32x4.extract_lane(i32x4.min_u(halves, i32x4.shuffle(halves, halves, 1, 0, 3, 2)), 0);
}

/** Four choices of a match's length. @param costs of what follows @param own a choice for the match alone */
// @ts-ignore: decorator
@inline
function four_lengths(costs: usize, own: v128, lengths: v128, lengthMax: v128): v128 {
  return v128.or(i32x4.add(i32x4.shl(v128.load(costs), WHAT_BITS), own), i32x4.gt_s(lengths, lengthMax));
}

/**
 * Fills `SEQUENCE` with where the match of a sequence from each position on is best, and cuts the matches to their best
 * lengths. Of the lengths that need a byte of their own only the first and the whole are tried.
 */
function weigh(favor: u32): void {
  const costLong = NS_LONG * favor + 2 * BYTE;
  const costLiterals = NS_LITERALS * favor + BYTE;
  const costSequence = NS_SEQUENCE * favor + BYTE;
  const lengths4 = i32x4(4, 5, 6, 7);
  const lengths8 = i32x4(8, 9, 10, 11);
  const lengths12 = i32x4(12, 13, 14, 15);
  const lengths16 = i32x4(16, 17, 18, 19);
  const short = choice(2 * BYTE, 0);
  const long = choice(costLong, 0);
  const own4 = v128.or(i32x4.splat(short), lengths4);
  const own8 = v128.or(i32x4.splat(short), lengths8);
  const own12 = v128.or(i32x4.splat(short), lengths12);
  const own16 = v128.or(i32x4(short, long, long, choice(costLong + BYTE, 0)), lengths16);
  // Of the matches from here on the best for a sequence that begins here, as if many literals cost no more than few. The
  // cost is that of all the page, with nothing but literals before the match.
  let best: u32 = NO_CHOICE;
  for (let at = <i32>PAGE_SIZE; at >= 0; at--) {
    const before = <u32>at * BYTE;
    const costs = COST + (<usize>at << 2);
    let place: u32 = NO_CHOICE;
    const longest = <u32>at < SEARCH_END ? load<u32>(<usize>at << 2, MATCH) : 0;
    if (longest != 0) {
      const length = match_length(longest);
      const lengthMax = i32x4.splat(length);
      const words4 = four_lengths(costs + 4 * 4, own4, lengths4, lengthMax);
      const words8 = four_lengths(costs + 8 * 4, own8, lengths8, lengthMax);
      const words12 = four_lengths(costs + 12 * 4, own12, lengths12, lengthMax);
      const words16 = four_lengths(costs + 16 * 4, own16, lengths16, lengthMax);
      let cut = smallest(i32x4.min_u(i32x4.min_u(words4, words8), i32x4.min_u(words12, words16)));
      if (length > TOKEN_LENGTH_MAX) {
        cut = min(cut, choice(load<u32>(costs + (<usize>length << 2)) + costLong + BYTE, length));
      }
      store<u32>(<usize>at << 2, match_word(cut & WHAT_MASK, match_offset(longest)), MATCH);
      place = choice(choice_cost(cut) + before, <u32>at);
      best = min(best, place);
    }
    store<u32>(<usize>at << 2, place, PLACE);

    const last = PAGE_SIZE - <u32>at;
    let cost = (last + 1) * BYTE + (last >= RUN_MASK ? BYTE : 0);
    let next: u32 = PAGE_SIZE;
    if (best != NO_CHOICE) {
      let chosen = best;
      let chosenCost = choice_cost(best) - before + costSequence;
      if ((best & WHAT_MASK) - at >= RUN_MASK) {
        chosenCost += costLiterals;
        const places = PLACE + (<usize>at << 2);
        const first8 = i32x4.min_u(v128.load(places), v128.load(places, 16));
        const near = smallest(i32x4.min_u(first8, i32x4.min_u(v128.load(places, 32), v128.load(places, 44))));
        const nearCost = choice_cost(near) - before + costSequence;
        if (near != NO_CHOICE && nearCost < chosenCost) {
          chosen = near;
          chosenCost = nearCost;
        }
      }
      if (chosenCost < cost) {
        cost = chosenCost;
        next = chosen & WHAT_MASK;
      }
    }
    store<u32>(costs, cost);
    store<u16>(<usize>at << 1, next, SEQUENCE);
  }
}

/**
 * Compresses one page.
 * @param src the page: 4096 bytes
 * @param dst room for 4096 + 4096/255 + 16 bytes, and 16 more that copies may touch
 * @param level 1 to 16: 2^(level - 1) candidates are tried for each match; below 1 is 6, above 16 is 16
 * @param favor 1 to 16: what a nanosecond of decoding counts, in sixteenths of a byte; above 16 is 16
 * @returns the block's length in bytes; never fails
 */
export function lz4opt_compress(src: usize, dst: usize, level: i32, favor: u32): u32 {
  find_matches(src, 1 << ((level < 1 ? LEVEL_DEFAULT : min(level, LEVEL_MAX)) - 1));
  weigh(min(favor, FAVOR_MAX));
  let op = dst;
  let at: u32 = 0;
  while (true) {
    const next = <u32>load<u16>(<usize>at << 1, SEQUENCE);
    if (next == PAGE_SIZE) return finish(op, src + at, src + PAGE_SIZE, dst);
    const match = load<u32>(<usize>next << 2, MATCH);
    op = put_sequence(op, src + at, next - at, match_length(match), match_offset(match));
    at = next + match_length(match);
  }
  return unreachable(); // a block ends with literals
}
