/** Compressors beside the core's LZ4, in a module of their own: numbers cross, and bytes through the page and the block. */
import { BLOCK, PAGE } from './layout';
import { lz4hc_compress } from './lz4hc-compress';
import { lzo_compress } from './lzo-compress';
import { lzo_decompress } from './lzo-decompress';

export function pageAddress(): usize {
  return PAGE;
}

export function blockAddress(): usize {
  return BLOCK;
}

/** Compresses the page to a block. @param rle lzo-rle @returns the block's length in bytes */
export function lzoCompress(rle: bool): u32 {
  return lzo_compress(PAGE, BLOCK, rle);
}

/** Decompresses a block, lzo or lzo-rle, of `length` bytes at `src` to the page at `dst`. @returns 4096 or -EIO */
export function lzoDecompress(src: usize, length: u32, dst: usize): i32 {
  return lzo_decompress(src, length, dst);
}

/** Compresses the page to an LZ4 block. @param level 1 to 16; below 1 is 9, above 16 is 16 @returns the block's length in bytes */
export function lz4hcCompress(level: i32): u32 {
  return lz4hc_compress(PAGE, BLOCK, level);
}
