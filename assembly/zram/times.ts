/**
 * Access times of a device that tracks them: 4 bytes a page, in frames of their own, one for two neighbouring chunks.
 * The device's tree leads to them: the address of a chunk leaves 12 bits of its entry free, and those of two neighbours
 * have room for the number of their frame of times.
 *
 * Times are the device's own, however many share its chunks. A fork begins without any: a frame of times is made when
 * one of its pages is first accessed, and until then these pages count as accessed when the device was made. So a fork
 * costs nothing for each page, and reading needs no memory: an access that finds none is not recorded.
 */
import { DEBUG, PAGE_MASK, PAGE_SHIFT, PAGE_SIZE } from '../common';
import { frame_alloc, frame_free } from '../memory/frames';
import { Device } from './structs';

const TIMES_SHIFT: u32 = 10;
/** The time of a page within its frame. */
const TIMES_MASK: u32 = (1 << TIMES_SHIFT) - 1;
/** Bits of the number of a frame that are in the first of two entries; the other has the rest. */
const HALF_BITS: u32 = 10;
const HALF_MASK: u32 = (1 << HALF_BITS) - 1;

/** The chunk that an entry of the tree names, 0 = none. */
// @ts-ignore: decorator
@inline
export function entry_chunk(entry: usize): u32 {
  return load<u32>(entry) & ~PAGE_MASK;
}

/** Changes the chunk that an entry names. */
export function entry_set_chunk(entry: usize, chunk: u32): void {
  store<u32>(entry, (load<u32>(entry) & PAGE_MASK) | chunk);
}

/** The first of two neighbouring entries. */
// @ts-ignore: decorator
@inline
function pair_of(entry: usize): usize {
  return entry & ~7;
}

function times_of(pair: usize): u32 {
  return ((load<u32>(pair) & PAGE_MASK) | ((load<u32>(pair, 4) & PAGE_MASK) << HALF_BITS)) << PAGE_SHIFT;
}

function times_set(pair: usize, times: u32): void {
  const number = times >> PAGE_SHIFT;
  store<u32>(pair, entry_chunk(pair) | (number & HALF_MASK));
  store<u32>(pair, entry_chunk(pair + 4) | (number >> HALF_BITS), 4);
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
 * @param entry of its chunk
 * @param make whether its frame is made when it is missing
 * @returns 0: there is none
 */
export function time_find(device: Device, entry: usize, index: u32, make: bool): usize {
  if (DEBUG) assert(entry_chunk(entry) != 0); // times go with the last of two chunks: these would stay for ever
  let times = times_of(pair_of(entry));
  if (times == 0) {
    if (!make) return 0;
    times = frame_alloc();
    if (times == 0) return 0;
    for (let at = times; at < times + PAGE_SIZE; at += 4) store<u32>(at, device.madeAt);
    times_set(pair_of(entry), times);
    device.timeFrames++;
  }
  device.lastTimes = times;
  device.lastTimesNumber = index >> TIMES_SHIFT;
  return times + (index & TIMES_MASK) * 4;
}

/** Frees the times of two neighbouring chunks of which neither is left; `entry` is either's. */
export function times_drop(device: Device, entry: usize): void {
  const pair = pair_of(entry);
  const times = times_of(pair);
  if (times == 0 || entry_chunk(pair) != 0 || entry_chunk(pair + 4) != 0) return;
  device.lastTimes = 0;
  device.timeFrames--;
  frame_free(times);
  store<u64>(pair, 0);
}
