/**
 * What a device's pages take, and how much of that would be free without the device: its own objects apart from those
 * that others share, and its table likewise.
 *
 * An object is the device's own if all references to it are. That is found without memory, by trial: the references of
 * the device's own slots are taken away, what has none left is its own, and they are put back.
 */
import { DEBUG } from '../common';
import {
  cell_add_refs, cell_kind, cell_refs, cell_set_target, cell_target, cells_settle, SHARED,
} from '../zsmalloc/cell';
import { header_length, object_header } from '../zsmalloc/object';
import { LOCATION_SEEN } from '../zsmalloc/zspage';
import { chunk_is_shared, SLOTS } from './chunk';
import { SLOT_BYTES, slot_flags, SLOT_STORED, slot_value } from './slot';
import { Device } from './structs';
import { chunk_at, next_chunk } from './table';

/** Payload bytes of objects that only this device's pages hold, and of those that others hold as well. */
export let privateBytes: u64 = 0;
export let sharedBytes: u64 = 0;
/** Chunks of the table that others hold as well. */
export let sharedChunks: u32 = 0;

const TAKE: u32 = 0;
const COUNT: u32 = 1;
const PUT_BACK: u32 = 2;

/** Goes over the device's pages three times; the results are above. */
export function memory_use(device: Device): void {
  privateBytes = 0;
  sharedBytes = 0;
  sharedChunks = 0;
  cells_settle(device.pool); // then an object's references are its handles
  for (let step = TAKE; step <= PUT_BACK; step++) {
    let page = next_chunk(device, 0);
    for (; page < device.diskPages; page = next_chunk(device, page + SLOTS)) {
      const chunk = chunk_at(device, <u32>page);
      const own = !chunk_is_shared(chunk);
      if (step == COUNT && !own) sharedChunks++;
      for (let slot = chunk; slot < chunk + SLOTS * SLOT_BYTES; slot += SLOT_BYTES) {
        if (!(slot_flags(slot) & SLOT_STORED)) continue;
        if (step == TAKE) take(slot_value(slot), own);
        else if (step == COUNT) count(slot_value(slot));
        else put_back(slot_value(slot), own);
      }
    }
  }
}

/** The cell that owns a handle's object. */
function owner_of(handle: u32): u32 {
  return cell_kind(handle) == SHARED ? cell_target(handle) : handle;
}

function take(handle: u32, own: bool): void {
  if (!own) return;
  if (DEBUG) assert(cell_refs(handle) > 0); // fewer references than slots: freed too early, it would be lost
  cell_add_refs(handle, -1);
  if (cell_refs(handle) == 0 && cell_kind(handle) == SHARED) cell_add_refs(cell_target(handle), -1);
}

/** Counts each object once. */
function count(handle: u32): void {
  const owner = owner_of(handle);
  const location = cell_target(owner);
  if (location & LOCATION_SEEN) return;
  const length = header_length(object_header(location));
  if (cell_refs(owner) == 0) privateBytes += length;
  else sharedBytes += length;
  cell_set_target(owner, location | LOCATION_SEEN);
}

function put_back(handle: u32, own: bool): void {
  const owner = owner_of(handle);
  cell_set_target(owner, cell_target(owner) & ~LOCATION_SEEN);
  if (!own) return;
  if (cell_refs(handle) == 0 && owner != handle) cell_add_refs(owner, 1);
  cell_add_refs(handle, 1);
}
