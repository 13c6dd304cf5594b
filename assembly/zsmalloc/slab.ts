/**
 * Slabs: zspage descriptors of one length, packed in frames. A frame goes back when its last descriptor does.
 *
 * A slab frame begins with a 16-byte head: next and previous frame that has room, first free record, records in use.
 */
import { DEBUG, PAGE_MASK, PAGE_SIZE } from '../common';
import { frame_alloc, frame_free } from '../memory/frames';
import { DESCRIPTOR_ALIGN, Pool, SLAB_LISTS, SLAB0 } from './structs';

const HEAD_BYTES: u32 = 16;

@unmanaged
class Slab {
  next: u32;
  prev: u32;
  /// Address of the first free record, 0 = none: the slab is full and in no list.
  free: u32;
  inUse: u32;
}

/** Address of the pool's list head for records of `bytes`, a multiple of 16. */
// @ts-ignore: decorator
@inline
function list_head(pool: Pool, bytes: u32): usize {
  return changetype<usize>(pool) + SLAB0 + (bytes / DESCRIPTOR_ALIGN) * 4;
}

function link(head: usize, slab: Slab): void {
  const first = load<u32>(head);
  slab.next = first;
  slab.prev = 0;
  if (first != 0) changetype<Slab>(first).prev = changetype<u32>(slab);
  store<u32>(head, changetype<u32>(slab));
}

function unlink(head: usize, slab: Slab): void {
  if (slab.prev != 0) changetype<Slab>(slab.prev).next = slab.next;
  else store<u32>(head, slab.next);
  if (slab.next != 0) changetype<Slab>(slab.next).prev = slab.prev;
}

/** A record of `bytes` with undefined content, or 0 when memory is exhausted. */
export function slab_alloc(pool: Pool, bytes: u32): u32 {
  if (DEBUG) {
    assert(bytes % DESCRIPTOR_ALIGN == 0); // a frame's metadata word keeps its number in the 4 bits that this leaves
    assert(bytes / DESCRIPTOR_ALIGN < SLAB_LISTS); // beyond the lists lies the room of the merge index
  }
  const head = list_head(pool, bytes);
  let slab = changetype<Slab>(load<u32>(head));
  if (changetype<usize>(slab) == 0) {
    const frame = frame_alloc();
    if (frame == 0) return 0;
    slab = changetype<Slab>(frame);
    slab.free = frame + HEAD_BYTES;
    slab.inUse = 0;
    let record = frame + HEAD_BYTES;
    for (; record + 2 * bytes <= frame + PAGE_SIZE; record += bytes) store<u32>(record, record + bytes);
    store<u32>(record, 0);
    link(head, slab);
    pool.slabs++;
  }
  const record = slab.free;
  if (DEBUG) assert(record != 0); // a full slab is in no list
  slab.free = load<u32>(record);
  slab.inUse++;
  if (slab.free == 0) unlink(head, slab);
  return record;
}

export function slab_free(pool: Pool, record: u32, bytes: u32): void {
  const head = list_head(pool, bytes);
  const slab = changetype<Slab>(record & ~PAGE_MASK);
  if (DEBUG) {
    assert(slab.inUse > 0); // with its last record the frame went back
    assert(((record & PAGE_MASK) - HEAD_BYTES) % bytes == 0); // a record of another length: it belongs to another list
  }
  if (slab.free == 0) link(head, slab);
  store<u32>(record, slab.free);
  slab.free = record;
  if (--slab.inUse == 0) {
    unlink(head, slab);
    pool.slabs--;
    frame_free(changetype<u32>(slab));
  }
}
