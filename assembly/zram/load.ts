/**
 * Loading: pages that were saved go to the empty pages of a new device, as they were encoded, and merged as they were.
 *
 * A file may come from anywhere, so each object is decoded before it is accepted: a page that could not be read, or
 * that breaks an invariant of the core, is refused. Saving needs one thing that reading does not: to see which slots
 * hold the same handle.
 */
import { bytes_equal, page_same_filled } from '../bytes/compare';
import { lz4_decompress } from '../bytes/lz4-decompress';
import { CODEC_PAGE, DEBUG, EINVAL, ENOMEM, PAGE_SIZE } from '../common';
import { cell_number, cell_root } from '../zsmalloc/cell';
import { page_hash } from '../zsmalloc/dedup';
import { hash_place } from '../zsmalloc/dedup-index';
import { zs_share, zs_size } from '../zsmalloc/handle';
import { is_lz4 } from '../zsmalloc/object';
import { fill_slot, write_encoded } from './device';
import { fork_slot } from './fork';
import { slot_flags, SLOT_HUGE, SLOT_INCOMPRESSIBLE, SLOT_MARKS, slot_value, SLOT_WRITTEN_BACK } from './slot';
import { Device } from './structs';
import { chunk_at, chunk_unite, slot_at, slot_make, slot_release, touch } from './table';

/** What the last `load_object` found: the page's hash, on a device with dedup. */
export let loadedHash: u32 = 0;

function is_empty(device: Device, index: u32): bool {
  const slot = slot_at(device, index);
  return slot == 0 || slot_flags(slot) == 0;
}

/**
 * An empty page gets an object of its own.
 * @param payload `length` bytes, 1..4096
 * @param page room for 4096 bytes; for a codec of the bindings, the page that they decoded
 * @returns the object's handle; -ENOMEM; -EINVAL: the page holds something, the payload does not decode to a page, or
 * to one that would have been stored as a value
 */
export function load_object(
  device: Device, index: u32, payload: usize, length: u32, codec: u32, page: usize, now: u32,
): i32 {
  if (!is_empty(device, index)) return EINVAL;
  if (codec == CODEC_PAGE) {
    if (length != PAGE_SIZE) return EINVAL;
    page = payload;
  } else if (is_lz4(codec) && lz4_decompress(payload, length, page, PAGE_SIZE) != <i32>PAGE_SIZE) {
    return EINVAL;
  }
  if (page_same_filled(page)) return EINVAL;
  loadedHash = device.dedup ? page_hash(page) : 0;
  if (write_encoded(device, index, payload, length, codec, loadedHash, now) != 0) return ENOMEM;
  return <i32>cell_number(slot_value(slot_at(device, index)));
}

/**
 * An empty page gets a handle of its own for an object that another handle has.
 * @param hash what `loadedHash` was for the object
 * @returns 0, -ENOMEM, -EINVAL: the page holds something
 */
export function load_shared(device: Device, index: u32, handle: u32, hash: u32, now: u32): i32 {
  if (!is_empty(device, index)) return EINVAL;
  const slot = slot_make(device, index);
  if (slot == 0) return ENOMEM;
  const pool = device.pool;
  const leaf = zs_share(pool, cell_root(pool, handle), hash == 0 ? 0 : hash_place(hash));
  if (leaf == 0) {
    slot_release(device, index, slot);
    return ENOMEM;
  }
  fill_slot(device, slot, leaf, zs_size(leaf), hash);
  touch(device, index, now);
  return 0;
}

/**
 * Empty pages get what another device on the same pool holds there, the same handles, as if they had been forked.
 * @returns 0, -ENOMEM, -EINVAL: a page holds something, or the other one's nothing that could be had
 */
export function load_forked(device: Device, index: u32, count: u32, from: Device, now: u32): i32 {
  if (DEBUG) assert(device.pool == from.pool); // a handle is a cell of one pool
  for (const end = index + count; index < end; index++) {
    const source = slot_at(from, index);
    const flags = source == 0 ? 0 : slot_flags(source);
    if (flags == 0 || flags & SLOT_WRITTEN_BACK || !is_empty(device, index)) return EINVAL;
    const slot = slot_make(device, index);
    if (slot == 0) return ENOMEM;
    const kept = flags & ~(SLOT_MARKS | SLOT_INCOMPRESSIBLE);
    if (!fork_slot(device, index, slot, slot_value(source), kept, now)) {
      slot_release(device, index, slot);
      return ENOMEM;
    }
    if (flags & SLOT_HUGE) device.hugePagesSince++;
  }
  return 0;
}

/** After loading: two devices share the chunk of a page where they hold the same in all of it. */
export function load_united(device: Device, index: u32, from: Device): void {
  // Slots name cells of one pool, and blocks of one backing.
  if (DEBUG) assert(device.pool == from.pool && device.bdev == from.bdev);
  const chunk = chunk_at(device, index);
  const other = index < from.diskPages ? chunk_at(from, index) : 0;
  if (chunk == 0 || other == 0 || chunk == other || !bytes_equal(chunk, other, PAGE_SIZE)) return;
  chunk_unite(device, index, from);
}
