/** Exports for tests and benches alone. */
import { hash_weaken } from '../bytes/hash';
import { lz4_decompress } from '../bytes/lz4-decompress';
import { STAGING } from '../memory/staging';
import { slot_value } from '../zram/slot';
import { Device } from '../zram/structs';
import { slot_at } from '../zram/table';
import { cell_location } from '../zsmalloc/cell';
import { object_forget_hash, object_put } from '../zsmalloc/object';

/** Test hook: weakens the content hash by a mask, to force collisions. */
export function weakenHash(mask: u32): void {
  hash_weaken(mask);
}

/** Test hook: overwrites the start of a stored page's object with staging bytes, as corrupted memory would be. */
export function corruptPage(address: usize, index: u32, length: u32): void {
  const slot = slot_at(changetype<Device>(address), index);
  const location = cell_location(slot_value(slot));
  object_forget_hash(location);
  object_put(location, 0, STAGING, length);
}

/** Decompresses a block between two addresses of linear memory. @returns bytes written or -EIO */
export function lz4Decompress(src: usize, srcLength: u32, dst: usize, dstLength: u32): i32 {
  return lz4_decompress(src, srcLength, dst, dstLength);
}
