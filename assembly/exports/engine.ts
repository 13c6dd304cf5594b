/** Exports for an engine as a whole: memory, staging pages, compression and hashes without a pool. */
import { bytes_equal, page_same_filled } from '../bytes/compare';
import { content_cuts } from '../bytes/cuts';
import { content_hash, hash_init, second_hash } from '../bytes/hash';
import { lz4_compress } from '../bytes/lz4-compress';
import { lz4_decompress } from '../bytes/lz4-decompress';
import { lz4_holds } from '../bytes/lz4-holds';
import { PAGE_SIZE, STAGING_PAGES } from '../common';
import { frames_init, frames_lent_bytes, frames_limit_bytes, frames_used_bytes } from '../memory/frames';
import { COMPRESSED, STAGING } from '../memory/staging';

/**
 * Call once, first.
 * @param limit 64 KiB pages to which memory may grow
 */
export function init(limit: u32): void {
  frames_init(limit);
}

/**
 * Call once, before anything merges or deduplicates.
 * @param seed0 128 bits of random numbers, in four parts, for the hash
 */
export function hashInit(seed0: u32, seed1: u32, seed2: u32, seed3: u32): void {
  hash_init((<u64>seed1 << 32) | seed0, (<u64>seed3 << 32) | seed2);
}

export function stagingAddress(): usize {
  return STAGING;
}

export function stagingPages(): u32 {
  return STAGING_PAGES;
}

/** Bytes in frames that are in use. */
export function usedBytes(): f64 {
  return frames_used_bytes();
}

/** Bytes of them that go back before an allocation fails. */
export function lentBytes(): f64 {
  return frames_lent_bytes();
}

export function limitBytes(): f64 {
  return frames_limit_bytes();
}

/** Compresses the first staging page to the second and third. @returns the block's length */
export function lz4Compress(acceleration: u32): u32 {
  const length = lz4_compress(STAGING, COMPRESSED, acceleration);
  memory.copy(STAGING + PAGE_SIZE, COMPRESSED, length);
  return length;
}

/** Decompresses the `length` bytes in the first staging page to the second. @returns 4096, else they are no block of a page */
export function lz4Decode(length: u32): i32 {
  return lz4_decompress(STAGING, length, STAGING + PAGE_SIZE, PAGE_SIZE);
}

/** Whether a block between two addresses of linear memory decompresses to the page at `page`. */
export function lz4Holds(src: usize, srcLength: u32, page: usize): bool {
  return lz4_holds(src, srcLength, page);
}

/** The content hash of `length` bytes at an address. */
export function contentHash(data: usize, length: u32, codec: u32): u32 {
  return content_hash(data, length, codec);
}

/** Of the same bytes another one. */
export function secondHash(data: usize, length: u32): u32 {
  return second_hash(data, length);
}

export function pageSameFilled(page: usize): bool {
  return page_same_filled(page);
}

/** The parts of `length` staging bytes, as `content_cuts`. */
export function contentCuts(length: u32, ends: bool): u32 {
  return content_cuts(STAGING, length, ends);
}

export function bytesEqual(a: usize, b: usize, length: u32): bool {
  return bytes_equal(a, b, length);
}
