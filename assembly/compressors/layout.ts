/**
 * The memory of this module: a page, a block, and the tables of whichever compressor is running. It never grows, so
 * JavaScript keeps its views.
 */
import { PAGE_SIZE } from '../common';

/** The page to compress, or the one that was decompressed. */
export const PAGE: usize = memory.data(PAGE_SIZE, 16);

/** The block that a compressor made, or the one to decompress. No compressor here needs more than 4118 bytes, and 16 that its copies touch. */
export const BLOCK: usize = memory.data(2 * PAGE_SIZE, 16);

/** Heads by hash, zeroed for every page: 8192 of 16 bits for LZO, 32768 for LZ4 HC. */
export const HEADS: usize = memory.data(2 << 15, 16);

/** LZ4 HC only: before each position the one with the same hash, counted from 1; 0 means none. */
export const EARLIER: usize = memory.data(2 * (PAGE_SIZE + 1), 16);

// LZ4 blocks that are fast to read, by position; what a word holds is said in lz4opt-compress.ts.
/** The longest match, and then as long as is best. */
export const MATCH: usize = memory.data(4 * (PAGE_SIZE + 1), 16);
/** What a match here costs with all behind it. Read up to 15 positions further. */
export const PLACE: usize = memory.data(4 * (PAGE_SIZE + 16), 16);
/** What all costs from a sequence that begins here on. Read up to 19 positions further. */
export const COST: usize = memory.data(4 * (PAGE_SIZE + 20), 16);
/** Where the match of a sequence that begins here is; the page's end: there is none. */
export const SEQUENCE: usize = memory.data(2 * (PAGE_SIZE + 1), 16);
