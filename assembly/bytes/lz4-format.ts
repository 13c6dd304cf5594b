/**
 * The LZ4 block format: a row of sequences, each of literals and a match.
 * https://github.com/lz4/lz4/blob/dev/doc/lz4_Block_format.md
 *
 * Published numbers of the format, and how much a decoder may read and write beyond a short sequence.
 */

export const MINMATCH: u32 = 4;
/** No match begins within the last 12 bytes … */
export const MFLIMIT: u32 = 12;
/** … and none reaches into the last 5. */
export const LASTLITERALS: u32 = 5;

/** A nibble of the token that says "more length bytes follow". */
export const RUN_MASK: u32 = 15;

/**
 * Less than 15 literals and less than 19 bytes of match: bytes of input, and of room, that such a sequence may touch.
 */
export const SHORT_IN: u32 = 1 + 14 + 2 + 1;
export const SHORT_OUT: u32 = 14 + 18;

/** 16 bytes of ones and 16 of zeros: read at 16 - n, the mask of the first n bytes. */
export const PREFIX_MASKS: usize = memory.data<u8>([
  255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255,
  0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
]);
