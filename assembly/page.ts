/**
 * Pages as objects: how a 4096-byte page is encoded into an object of a pool, and back.
 */
import { CODEC_FOREIGN, CODEC_LZ4, CODEC_PAGE, EIO, PAGE_SIZE } from './common';
import { lz4_compress, lz4_decompress } from './lz4';
import { COMPRESSED, SCRATCH_A } from './staging';
import { SAME, cell_kind, cell_location, cell_target } from './zsmalloc/cell';
import { header_codec, header_length, object_header, object_put, object_view } from './zsmalloc/object';
import { pool_make_room, zs_malloc } from './zsmalloc/pool';
import { is_same_filled, same_fill, same_make } from './zsmalloc/same';
import { Pool } from './zsmalloc/structs';

/**
 * Decodes the page that an object holds.
 * @returns 0; -EIO when it holds none: what is stored is damaged; above 0 what only the bindings can decode: codec << 16 |
 * length of the payload, which is at `page`
 */
export function object_to_page(location: u32, page: usize): i32 {
  const header = object_header(location);
  const length = header_length(header);
  const payload = object_view(location, length, SCRATCH_A);
  const codec = header_codec(header);
  if (codec == CODEC_LZ4) return lz4_decompress(payload, length, page, PAGE_SIZE) == <i32>PAGE_SIZE ? 0 : EIO;
  memory.copy(page, payload, length);
  if (codec >= CODEC_FOREIGN) return <i32>((codec << 16) | length);
  return length == PAGE_SIZE ? 0 : EIO;
}

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
