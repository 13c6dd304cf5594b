/**
 * Size classes: 255 size indexes, 16 bytes apart, merged to the classes that differ.
 *
 * An object of 2720 bytes in single frames would waste a third of each; three of them fill two frames almost wholly.
 * So a zspage chains as many frames as waste least. Two neighbouring sizes that come to the same number of frames and
 * objects are one class: fewer classes, fewer partly filled zspages. The rules and the resulting table are the
 * kernel's, with both of its ways to say what is least; see docs/design.md.
 */
import { DEBUG, PAGE_MASK, PAGE_SIZE } from '../common';
import { frame_alloc_zeroed } from '../memory/frames';
import { CLASS_BYTES, CLASS_FRAMES0, CLASS_MAP, Pool, SIZE_INDEXES, SizeClass } from './structs';

const MIN_SIZE: u32 = 32;
const CLASS_DELTA: u32 = 16;
/** The kernel's word in front of each object. Huge objects have none, yet their class is chosen as if they had. */
export const HEADER_BYTES: u32 = 8;

export const CLASSES_PER_FRAME: u32 = PAGE_SIZE / CLASS_BYTES;

/** The class of a request for `size` payload bytes, 1..4096. */
// @ts-ignore: decorator
@inline
export function class_of(pool: Pool, size: u32): SizeClass {
  if (DEBUG) assert(size >= 1 && size <= PAGE_SIZE); // a header keeps length - 1 in 12 bits
  return changetype<SizeClass>(load<u32>(changetype<usize>(pool) + (class_index(size) << 2), CLASS_MAP));
}

/** The size index of a request. */
// @ts-ignore: decorator
@inline
function class_index(size: u32): u32 {
  const withHeader = size + HEADER_BYTES;
  if (withHeader <= MIN_SIZE) return 0;
  return min((withHeader - MIN_SIZE + CLASS_DELTA - 1) / CLASS_DELTA, SIZE_INDEXES - 1);
}

/**
 * How many frames a zspage of this object size chains: the number that wastes least, the smaller on a tie. Before 6.3 the
 * kernel compared whole per cents of the zspage (`byPercent`), since then bytes.
 */
function frames_per_zspage(size: u32, chainSize: u32, byPercent: bool): u32 {
  if (popcnt(size) == 1) return 1;
  let best: u32 = 1;
  let leastWaste = u32.MAX_VALUE;
  for (let frames: u32 = 1; frames <= chainSize; frames++) {
    const bytes = frames * PAGE_SIZE;
    let waste = bytes % size;
    if (byPercent) waste = 100 - ((bytes - waste) * 100) / bytes;
    if (waste < leastWaste) {
      leastWaste = waste;
      best = frames;
    }
  }
  return best;
}

/** The n-th distinct class, largest first. */
export function class_at(pool: Pool, n: u32): SizeClass {
  if (DEBUG) assert(n < pool.classes); // beyond the last class its frame holds zeros
  const frame = load<u32>(changetype<usize>(pool) + ((n / CLASSES_PER_FRAME) << 2), CLASS_FRAMES0);
  return changetype<SizeClass>(frame + (n % CLASSES_PER_FRAME) * CLASS_BYTES);
}

/** The number under which `class_at` knows a class. */
export function class_number(sizeClass: SizeClass): u32 {
  const pool = sizeClass.pool;
  const frame = changetype<u32>(sizeClass) & ~PAGE_MASK;
  const within = (changetype<u32>(sizeClass) & PAGE_MASK) / CLASS_BYTES;
  let n: u32 = 0;
  while (load<u32>(changetype<usize>(pool) + (n << 2), CLASS_FRAMES0) != frame) n++;
  return n * CLASSES_PER_FRAME + within;
}

/** Makes the pool's classes, from the largest size to the smallest. False when memory is exhausted. */
export function classes_init(pool: Pool, byPercent: bool): bool {
  let last = changetype<SizeClass>(0);
  for (let index = <i32>SIZE_INDEXES - 1; index >= 0; index--) {
    const size = min(MIN_SIZE + <u32>index * CLASS_DELTA, PAGE_SIZE);
    const frames = frames_per_zspage(size, pool.chainSize, byPercent);
    const objects = (frames * PAGE_SIZE) / size;
    if (pool.hugeClassSize == 0 && frames != 1 && objects != 1) {
      // The largest payload that fits here is size - 8; one more byte is better stored raw.
      pool.hugeClassSize = size - (HEADER_BYTES - 1);
    }
    if (changetype<usize>(last) == 0 || last.frames != frames || last.objects != objects) {
      const made = class_make(pool);
      if (changetype<usize>(made) == 0) return false;
      made.size = size;
      made.objects = objects;
      made.frames = frames;
      made.index = <u32>index;
      made.tenths = (10 << 20) / objects + 1;
      made.pool = pool;
      last = made;
    }
    store<u32>(changetype<usize>(pool) + (<u32>index << 2), changetype<u32>(last), CLASS_MAP);
  }
  return true;
}

function class_make(pool: Pool): SizeClass {
  const n = pool.classes;
  if (n % CLASSES_PER_FRAME == 0) {
    const frame = frame_alloc_zeroed();
    if (frame == 0) return changetype<SizeClass>(0);
    store<u32>(changetype<usize>(pool) + ((n / CLASSES_PER_FRAME) << 2), frame, CLASS_FRAMES0);
  }
  pool.classes = n + 1;
  return class_at(pool, n);
}
