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
