/** Exports for zswap: whole pages in a pool. */
import { CODEC_PAGE, ENOMEM, PAGE_SIZE } from '../common';
import { SCRATCH_A, STAGING } from '../memory/staging';
import { cell_kind, cell_location, cell_number, cell_target, SAME } from '../zsmalloc/cell';
import { zs_malloc, zs_size } from '../zsmalloc/handle';
import { object_copy, object_put } from '../zsmalloc/object';
import { same_fill } from '../zsmalloc/same';
import { Pool } from '../zsmalloc/structs';
import { page_load, page_store } from '../zswap/page';
import { leaf_of } from './pool';

/** Stores the first staging page compressed. @returns a handle * 2, + 1 when it did not compress; -ENOMEM */
export function poolStorePage(pool: usize): i32 {
  const leaf = page_store(changetype<Pool>(pool), STAGING);
  if (leaf == 0) return ENOMEM;
  const incompressible = cell_kind(leaf) != SAME && zs_size(leaf) == PAGE_SIZE;
  return <i32>((cell_number(leaf) << 1) | (incompressible ? 1 : 0));
}

/** Reads what `poolStorePage` stored to the first staging page. @returns as `object_to_page` */
export function poolLoadPage(pool: usize, handle: u32): i32 {
  return page_load(leaf_of(pool, handle), STAGING);
}

/** Stores an encoded page, the first staging page. @returns a handle, or -ENOMEM */
export function poolStoreEncoded(pool: usize, length: u32, codec: u32): i32 {
  const leaf = zs_malloc(changetype<Pool>(pool), length, codec);
  if (leaf == 0) return ENOMEM;
  object_put(cell_target(leaf), 0, STAGING, length);
  return <i32>cell_number(leaf);
}

/**
 * Copies what is stored of a page to the first staging page: its object, or of a same-filled page the 8 bytes that it repeats.
 * @returns as `object_copy`
 */
export function poolPayload(pool: usize, handle: u32): u32 {
  const leaf = leaf_of(pool, handle);
  if (cell_kind(leaf) == SAME) {
    same_fill(leaf, STAGING);
    return (CODEC_PAGE << 16) | 8;
  }
  return object_copy(cell_location(leaf), STAGING, SCRATCH_A);
}
