/**
 * The LZO1X stream as far as a page needs it: rows of instructions, each followed by up to three literals that its low
 * bits count. https://docs.kernel.org/staging/lzo.html
 *
 * | first byte | then | what |
 * |---|---|---|
 * | 1 L L D D D S S, 0 1 L D D D S S | H | a match: length 1 + the top three bits, distance 8 H + D + 1 |
 * | 0 0 1 L L L L L | more length, D D D D D D S S D D D D D D D D | a match: length 2 + L, distance D + 1 |
 * | 0 0 0 1 1 R R R | 1 1 1 1 1 1 S S, 255, R' | a run of 8 R' + R + 4 zeros; lzo-rle only |
 * | 0 0 0 0 L L L L | more length | 3 + L literals, where the instruction before counted none |
 * | 0 0 0 0 D D S S | H | else a match: of 3 bytes at 4 H + D + 2049 after such literals, of 2 at 4 H + D + 1 after counted ones |
 * | 17 | 0, 0 | the end |
 *
 * More length: where all of L is 0, bytes of 0 that stand for 255 each and one that is not 0, on top of what L can say.
 * Matches further away than 16 KiB have instructions of their own, which cannot occur in a page.
 *
 * A first byte of 18 or more is itself a count of literals, plus 17; one of 17 begins the two bytes that say lzo-rle.
 */

/** From here on the top three bits are a length, less one. */
export const MATCH_SHORT: u32 = 64;
export const MATCH_LONG: u32 = 32;
/** A far match, a run, or the end. */
export const MATCH_FAR: u32 = 16;

/** What a short match can say. */
export const SHORT_LENGTH_MAX: u32 = 8;
export const SHORT_DISTANCE_MAX: u32 = 2048;
/** Bits of a length: a match's, and that of literals. */
export const MATCH_LENGTH_MASK: u32 = 31;
export const LITERALS_MASK: u32 = 15;

/** What literals by an instruction, and long matches, have in addition to the length that is written. */
export const LITERALS_BASE: u32 = 3;
export const MATCH_BASE: u32 = 2;

export const RUN: u32 = 24;
/** Little-endian: second and third byte of a run, apart from the count of literals. */
export const RUN_MARK: u32 = 0xfffc;
export const RUN_MIN: u32 = 4;
export const RUN_MAX: u32 = RUN_MIN + 2047;

/** Little-endian: how an lzo-rle stream begins. */
export const RLE_HEADER: u32 = 17 | (1 << 8);
/** A first byte above this one counts literals. */
export const FIRST_LITERALS: u32 = 17;

/** The last three bytes, little-endian. */
export const END: u32 = 17;
export const END_BYTES: u32 = 3;
