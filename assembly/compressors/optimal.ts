/**
 * LZ4 blocks that are fast to read, in a module of its own: together with the others it would be larger than what older
 * browsers compile at once on a page's main thread.
 */
import { BLOCK, PAGE } from './layout';
import { lz4opt_compress } from './lz4opt-compress';

export function pageAddress(): usize {
  return PAGE;
}

export function blockAddress(): usize {
  return BLOCK;
}

/**
 * Compresses the page to an LZ4 block that is fast to read.
 * @param level 1 to 16; below 1 is 6, above 16 is 16
 * @param favor 1 to 16: how much the time to read it counts; above 16 is 16
 * @returns the block's length in bytes
 */
export function lz4optCompress(level: i32, favor: u32): u32 {
  return lz4opt_compress(PAGE, BLOCK, level, favor);
}
