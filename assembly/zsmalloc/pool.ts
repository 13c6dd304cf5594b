/**
 * The pool: zs_malloc and zs_free on cells, and making and ending pools.
 */
import { PAGE_SIZE } from '../common';
import { frame_alloc_zeroed, frame_free } from '../memory/frames';
import { cells_end, cells_init, cells_unused_bytes } from './cell';
import { cache_end } from './dedup-cache';
import { entries_bytes, entries_end } from './dedup-index';
import { merge_end } from './merge/pass';
import { class_at, classes_init, CLASSES_PER_FRAME } from './size-class';
import { CLASS_FRAMES0, GROUPS, MAGIC, MERGE_ROOM, Pool, SLAB_LISTS, SLAB0 } from './structs';
import { group_first, zspage_end, zspage_unlink } from './zspage';

/** Makes a pool whose zspages chain up to `chainSize` frames; `byPercent`: see `pages_per_zspage`. 0 when memory is exhausted. */
export function pool_make(chainSize: u32, byPercent: bool): Pool {
  // At compile time: a field more must not reach into what lies behind the struct.
  if (SLAB0 + 4 * SLAB_LISTS > MERGE_ROOM) ERROR('Pool and its slab lists reach into MERGE_ROOM');
  if (offsetof<Pool>() != SLAB0 + 4) ERROR('slab0 is not the last field of Pool');
  const pool = changetype<Pool>(frame_alloc_zeroed());
  if (changetype<usize>(pool) == 0) return pool;
  pool.chainSize = chainSize;
  pool.changes = 1;
  if (!classes_init(pool, byPercent) || !cells_init(pool)) {
    pool_end(pool);
    return changetype<Pool>(0);
  }
  pool.magic = MAGIC;
  return pool;
}

/** Gives back all that the pool holds, live objects too. */
export function pool_end(pool: Pool): void {
  pool.magic = 0;
  merge_end(pool);
  entries_end(pool);
  cache_end(pool);
  for (let n: u32 = 0; n < pool.classes; n++) {
    const sizeClass = class_at(pool, n);
    for (let group: u32 = 0; group < GROUPS; group++) {
      let zspage = group_first(sizeClass, group);
      for (; changetype<usize>(zspage) != 0; zspage = group_first(sizeClass, group)) {
        zspage_unlink(zspage);
        zspage.inUse = 0;
        zspage_end(zspage);
      }
    }
  }
  cells_end(pool);
  for (let n: u32 = 0; n < 4; n++) {
    const frame = load<u32>(changetype<usize>(pool) + (n << 2), CLASS_FRAMES0);
    if (frame != 0) frame_free(frame);
  }
  frame_free(changetype<u32>(pool));
}

/** Bytes that the pool holds, without what is lent: zspages and their descriptors, classes, cells in use, the deduplication index. */
export function pool_bytes(pool: Pool): f64 {
  const classFrames = (pool.classes - 1) / CLASSES_PER_FRAME + 1;
  const frames = <f64>pool.totalFrames + <f64>(1 + classFrames + pool.slabs + pool.chunks);
  return frames * <f64>PAGE_SIZE - <f64>cells_unused_bytes(pool) + <f64>entries_bytes(pool);
}
