/**
 * Pages as objects: how a 4096-byte page is encoded into an object of a pool, and back.
 */
import { lz4_compress } from '../bytes/lz4-compress';
import { CODEC_LZ4, CODEC_PAGE, PAGE_SIZE } from '../common';
import { COMPRESSED } from '../memory/staging';
import { cell_kind, cell_location, cell_target, SAME } from '../zsmalloc/cell';
import { object_to_page } from '../zsmalloc/decode';
import { zs_malloc } from '../zsmalloc/handle';
import { object_put } from '../zsmalloc/object';
import { pool_make_room } from '../zsmalloc/reclaim';
import { is_same_filled, same_fill, same_make } from '../zsmalloc/same';
import { Pool } from '../zsmalloc/structs';

/**
 * zswap's way to store a page: same-filled pages are the allocator's business, and the only rule for what does not
 * compress is that it would not fit a page.
 * @returns a leaf cell, 0 when memory is exhausted
 */
export function page_store(pool: Pool, page: usize): u32 {
  if (is_same_filled(page, PAGE_SIZE)) {
    const leaf = same_make(pool, load<u64>(page), PAGE_SIZE);
    return leaf == 0 && pool_make_room(pool) ? same_make(pool, load<u64>(page), PAGE_SIZE) : leaf;
  }
  const length = lz4_compress(page, COMPRESSED, 1);
  const fits = length < PAGE_SIZE;
  const leaf = zs_malloc(pool, fits ? length : PAGE_SIZE, fits ? CODEC_LZ4 : CODEC_PAGE);
  if (leaf != 0) object_put(cell_target(leaf), 0, fits ? COMPRESSED : page, fits ? length : PAGE_SIZE);
  return leaf;
}

/** Reads a page that `page_store` stored. Returns as `object_to_page`. */
export function page_load(leaf: u32, page: usize): i32 {
  if (cell_kind(leaf) != SAME) return object_to_page(cell_location(leaf), page);
  same_fill(leaf, page);
  return 0;
}
