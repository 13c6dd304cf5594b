/**
 * Loops over many pages of linear memory, for bench/: they time the core's inner functions without calls from
 * JavaScript and without copying pages in. Compiled to build/bench.wasm together with index.ts, never into the package.
 *
 * The pages lie above everything that the core uses: the bench grows memory, places them there, and calls nothing that
 * takes a frame.
 */
import { bytes_equal, page_same_filled } from './bytes/compare';
import { content_hash } from './bytes/hash';
import { lz4_compress } from './bytes/lz4-compress';
import { lz4_decompress } from './bytes/lz4-decompress';
import { CODEC_RAW, PAGE_SIZE } from './common';
import { COMPRESSED, STAGING } from './memory/staging';

/** Compresses pages one by one to the same scratch buffer. @returns bytes of all blocks */
export function benchCompress(pages: usize, count: u32, acceleration: u32): u32 {
  let total: u32 = 0;
  for (const end = pages + count * PAGE_SIZE; pages < end; pages += PAGE_SIZE) {
    total += lz4_compress(pages, COMPRESSED, acceleration);
  }
  return total;
}

/**
 * Compresses pages to blocks that follow each other.
 * @param lengths room for a u32 a page: the block's length, or 0 for one of `limit` bytes or more, which is left out
 * @param blocks room for `count` pages
 * @returns bytes of the blocks that are kept
 */
export function benchPack(pages: usize, count: u32, acceleration: u32, limit: u32, lengths: usize, blocks: usize): u32 {
  const start = blocks;
  for (const end = pages + count * PAGE_SIZE; pages < end; pages += PAGE_SIZE) {
    let length = lz4_compress(pages, COMPRESSED, acceleration);
    if (length >= limit) length = 0;
    memory.copy(blocks, COMPRESSED, length);
    store<u32>(lengths, length);
    lengths += 4;
    blocks += length;
  }
  return <u32>(blocks - start);
}

/** Decompresses blocks that follow each other, one by one to the same page. @returns bytes decompressed */
export function benchDecompress(blocks: usize, lengths: usize, count: u32): u32 {
  let total: u32 = 0;
  for (const end = lengths + count * 4; lengths < end; lengths += 4) {
    const length = load<u32>(lengths);
    total += <u32>lz4_decompress(blocks, length, STAGING, PAGE_SIZE);
    blocks += length;
  }
  return total;
}

/** Hashes pages. @returns all hashes in one */
export function benchHash(pages: usize, count: u32): u32 {
  let mixed: u32 = 0;
  for (const end = pages + count * PAGE_SIZE; pages < end; pages += PAGE_SIZE) {
    mixed ^= content_hash(pages, PAGE_SIZE, CODEC_RAW);
  }
  return mixed;
}

/** Compares pages of two images. @returns how many are equal */
export function benchEqual(a: usize, b: usize, count: u32): u32 {
  let equal: u32 = 0;
  for (const end = a + count * PAGE_SIZE; a < end; a += PAGE_SIZE, b += PAGE_SIZE) {
    equal += u32(bytes_equal(a, b, PAGE_SIZE));
  }
  return equal;
}

/** Copies pages from image to image. */
export function benchCopy(from: usize, to: usize, count: u32): void {
  for (const end = from + count * PAGE_SIZE; from < end; from += PAGE_SIZE, to += PAGE_SIZE) {
    memory.copy(to, from, PAGE_SIZE);
  }
}

/** Tests pages for one repeated 64-bit word. @returns how many have it */
export function benchSameFilled(pages: usize, count: u32): u32 {
  let same: u32 = 0;
  for (const end = pages + count * PAGE_SIZE; pages < end; pages += PAGE_SIZE) same += u32(page_same_filled(pages));
  return same;
}
