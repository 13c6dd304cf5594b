/** What a slot holds, as numbers for JavaScript. */
import { STAGING } from '../memory/staging';
import { cell_location, cell_number, cell_root, is_merged } from '../zsmalloc/cell';
import { header_codec, header_length, object_header } from '../zsmalloc/object';
import { slot_flags, SLOT_STORED, slot_value } from './slot';
import { Device } from './structs';
import { slot_at } from './table';

/**
 * Writes what `count` slots hold to the staging pages, a word each: a handle, a block's cell or a fill value; 0 for
 * nothing.
 */
export function slot_values(device: Device, index: u32, count: u32): void {
  for (let n: u32 = 0; n < count; n++) {
    const slot = slot_at(device, index + n);
    store<u32>(STAGING + n * 4, slot == 0 ? 0 : slot_value(slot));
  }
}

/** Writes two words a page to the staging pages: `slot_state`, and the number of the object. */
export function slot_states(device: Device, index: u32, count: u32): void {
  for (let n: u32 = 0; n < count; n++) {
    store<u32>(STAGING + n * 8, slot_state(device, index + n));
    store<u32>(STAGING + n * 8, slot_object(device, index + n), 4);
  }
}

// A slot's state, above the slot's flags: bit 8 merged, bits 9..12 the codec, from bit 13 the length.
const STATE_MERGED: u32 = 1 << 8;
const STATE_CODEC_SHIFT: u32 = 9;
const STATE_LENGTH_SHIFT: u32 = 13;
const STATE_FLAGS: u32 = 0xff;

/** What is stored at a page; 0 = nothing. */
export function slot_state(device: Device, index: u32): u32 {
  const slot = slot_at(device, index);
  if (slot == 0) return 0;
  const flags = slot_flags(slot);
  let state = flags & STATE_FLAGS;
  if (flags & SLOT_STORED) {
    const leaf = slot_value(slot);
    const header = object_header(cell_location(leaf));
    if (is_merged(device.pool, leaf)) state |= STATE_MERGED;
    state |= (header_codec(header) << STATE_CODEC_SHIFT) | (header_length(header) << STATE_LENGTH_SHIFT);
  }
  return state;
}

/**
 * The number of the cell that owns a page's object, equal for pages that share it; 0 without one: nothing is stored, or
 * it is same-filled or written back.
 */
export function slot_object(device: Device, index: u32): u32 {
  const slot = slot_at(device, index);
  if (slot == 0 || !(slot_flags(slot) & SLOT_STORED)) return 0;
  return cell_number(cell_root(device.pool, slot_value(slot)));
}
