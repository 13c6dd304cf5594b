/**
 * Access times of a device that tracks them: 4 bytes a page, in frames beside the table, one for two neighbouring
 * chunks. The metadata word of a lower frame of the table counts its entries below and has, above, the address of a
 * frame with pointers to the times below it.
 *
 * They are the device's own, however many share its chunks. A fork begins without any: a frame of times is made when a
 * page below it is first accessed, and until then all of these pages count as accessed when the device was made. So a
 * fork costs no time for each page, and reading needs no memory: an access that finds none is not recorded.
 */
import { DEBUG, PAGE_MASK, PAGE_SIZE } from '../common';
import { frame_alloc, frame_alloc_zeroed, frame_free, frame_meta } from '../memory/frames';
import { Device } from './structs';

const TIMES_SHIFT: u32 = 10;
/** The time of a page within its frame. */
const TIMES_MASK: u32 = (1 << TIMES_SHIFT) - 1;
/** The frame of times within the pointers of a lower frame. */
const FRAME_MASK: u32 = 511;
const POINTERS_BYTES: u32 = (FRAME_MASK + 1) * 4;

/** The pointers to times of a lower frame of the table, 0 = none. */
// @ts-ignore: decorator
@inline
function pointers_of(lower: u32): u32 {
  return load<u32>(frame_meta(lower)) & ~PAGE_MASK;
}

/** Address of the time of a page that is stored, where its frame was the last one used; else 0. */
// @ts-ignore: decorator
@inline
export function time_nearby(device: Device, index: u32): usize {
  if (device.lastTimes == 0 || index >> TIMES_SHIFT != device.lastTimesNumber) return 0;
  return device.lastTimes + (index & TIMES_MASK) * 4;
}

/**
 * Address of the time of a page that is stored.
 * @param lower the frame of the table above the page's chunk
 * @param make whether its frame is made when it is missing
 * @returns 0: there is none
 */
export function time_find(device: Device, lower: u32, index: u32, make: bool): usize {
  const times = times_of(device, lower, index, make);
  if (times == 0) return 0;
  device.lastTimes = times;
  device.lastTimesNumber = index >> TIMES_SHIFT;
  return times + (index & TIMES_MASK) * 4;
}

function times_of(device: Device, lower: u32, index: u32, make: bool): u32 {
  if (DEBUG) assert(lower != 0); // a page that is stored has a chunk, and that is below a lower frame
  let pointers = pointers_of(lower);
  if (pointers == 0) {
    pointers = make ? frame_alloc_zeroed() : 0;
    if (pointers == 0) return 0;
    store<u32>(frame_meta(lower), load<u32>(frame_meta(lower)) | pointers);
    device.timeFrames++;
  }
  const entry = pointers + ((index >> TIMES_SHIFT) & FRAME_MASK) * 4;
  let times = load<u32>(entry);
  if (times == 0 && make) {
    times = frame_alloc();
    if (times == 0) return 0;
    for (let at = times; at < times + PAGE_SIZE; at += 4) store<u32>(at, device.madeAt);
    store<u32>(entry, times);
    device.timeFrames++;
  }
  return times;
}

/** Frees the times of a chunk and its neighbour, which are both gone. `offset` is either's in the lower frame. */
export function times_drop(device: Device, lower: u32, offset: u32): void {
  const pointers = pointers_of(lower);
  if (pointers != 0) frame_drop(device, pointers + ((offset >> 1) & ~3));
}

/** Frees all times below a lower frame of the table. */
export function times_drop_all(device: Device, lower: u32): void {
  const pointers = pointers_of(lower);
  if (pointers == 0) return;
  for (let entry = pointers; entry < pointers + POINTERS_BYTES; entry += 4) frame_drop(device, entry);
  frame_free(pointers);
  device.timeFrames--;
}

function frame_drop(device: Device, entry: u32): void {
  device.lastTimes = 0;
  const times = load<u32>(entry);
  if (times == 0) return;
  frame_free(times);
  store<u32>(entry, 0);
  device.timeFrames--;
}
