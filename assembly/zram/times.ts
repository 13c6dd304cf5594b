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

/** The time of a page within its frame: two chunks have 1024 pages. */
const TIMES_MASK: u32 = 1023;
/** Bits of the number of a frame that are in the first of two entries; the other has the rest. */
const HALF_BITS: u32 = 10;
const HALF_MASK: u32 = (1 << HALF_BITS) - 1;

/** The chunk that an entry of the tree names, 0 = none. */
// @ts-ignore: decorator
@inline
export function entry_chunk(entry: u32): u32 {
  return load<u32>(entry) & ~PAGE_MASK;
}

/** Changes the chunk that an entry names. */
export function entry_set_chunk(entry: u32, chunk: u32): void {
  store<u32>(entry, (load<u32>(entry) & PAGE_MASK) | chunk);
}

/** The first of two neighbouring entries. */
// @ts-ignore: decorator
@inline
function pair_of(entry: u32): u32 {
  return entry & ~7;
}

/** The frame of times of a chunk and its neighbour, 0 = none. `entry` is that of either, here and below. */
// @ts-ignore: decorator
@inline
export function times_of(entry: u32): u32 {
  const pair = pair_of(entry);
  return ((load<u32>(pair) & PAGE_MASK) | ((load<u32>(pair, 4) & PAGE_MASK) << HALF_BITS)) << PAGE_SHIFT;
}

/** Address of a page's time in its frame. */
// @ts-ignore: decorator
@inline
export function time_in(times: u32, index: u32): u32 {
  return times + (index & TIMES_MASK) * 4;
}

/** Makes the frame of times of a chunk and its neighbour; 0 when memory is exhausted. */
export function times_make(device: Device, entry: u32): u32 {
  // Times go with the last of two chunks: these would stay for ever.
  if (DEBUG) assert(entry_chunk(entry) != 0 && times_of(entry) == 0);
  const times = frame_alloc();
  if (times == 0) return 0;
  for (let at = times; at < times + PAGE_SIZE; at += 4) store<u32>(at, device.madeAt);
  const pair = pair_of(entry);
  const number = times >> PAGE_SHIFT;
  store<u32>(pair, entry_chunk(pair) | (number & HALF_MASK));
  store<u32>(pair, entry_chunk(pair + 4) | (number >> HALF_BITS), 4);
  device.timeFrames++;
  return times;
}

/** Frees the times of two neighbouring chunks of which neither is left. */
export function times_drop(device: Device, entry: u32): void {
  const times = times_of(entry);
  const pair = pair_of(entry);
  if (times == 0 || entry_chunk(pair) != 0 || entry_chunk(pair + 4) != 0) return;
  device.timeFrames--;
  frame_free(times);
  store<u64>(pair, 0);
}
