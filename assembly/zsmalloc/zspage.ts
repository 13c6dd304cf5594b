/**
 * zspages: making and ending them, their fullness groups, and the objects in them.
 *
 * A zspage moves to the head of another list only when its fullness group changes, and an allocation takes the head of
 * the fullest group: which object lands where is decided here, and equals the kernel's.
 *
 * The position of an object is one 32-bit word, its location:
 *
 *   31                                  4  3   2   1   0
 *  ┌─────────────────────────────────────┬───┬───┬───┬───┐   S: straddles two frames   H: huge, header in descriptor
 *  │ address / 16 of the object          │ 0 │ D │ S │ H │   D: a dry run found it to be a duplicate; else 0
 *  └─────────────────────────────────────┴───┴───┴───┴───┘
 *
 * so that reading an object that lies in one frame, as most do, needs neither descriptor nor class.
 */
import { DEBUG, PAGE_MASK, PAGE_SHIFT, PAGE_SIZE } from '../common';
import { frame_alloc, frame_free, frame_meta } from '../memory/frames';
import { slab_alloc, slab_free } from './slab';
import { DESCRIPTOR_ALIGN, FRAME0, GROUP_FULL, HUGE_HEADER, SizeClass, Zspage } from './structs';

export const LOCATION_HUGE: u32 = 1;
export const LOCATION_STRADDLES: u32 = 2;
export const LOCATION_DOOMED: u32 = 4;
export const LOCATION_SEEN: u32 = 8;
const LOCATION_FLAGS: u32 = 15;
const FRAME_NUMBER_MASK: u32 = DESCRIPTOR_ALIGN - 1;

const NO_ZSPAGE: Zspage = changetype<Zspage>(0);

/** The zspage that holds the object at `location`. */
// @ts-ignore: decorator
@inline
export function zspage_of(location: u32): Zspage {
  return changetype<Zspage>(load<u32>(frame_meta(location)) & ~FRAME_NUMBER_MASK);
}

/** Address of the object's first byte: the header, or the payload of a huge object. */
// @ts-ignore: decorator
@inline
export function object_address(location: u32): u32 {
  return location & ~LOCATION_FLAGS;
}

/** The frame that holds the second part of a straddling object. */
// @ts-ignore: decorator
@inline
export function next_frame(location: u32): u32 {
  const meta = load<u32>(frame_meta(location));
  return load<u32>((meta & ~FRAME_NUMBER_MASK) + ((meta & FRAME_NUMBER_MASK) << 2), FRAME0 + 4);
}

// @ts-ignore: decorator
@inline
function frame_at(zspage: Zspage, n: u32): u32 {
  return load<u32>(changetype<usize>(zspage) + (n << 2), FRAME0);
}

/** Location of the object with this index. */
export function zspage_location(zspage: Zspage, index: u32): u32 {
  const sizeClass = zspage.sizeClass;
  if (DEBUG) assert(index < sizeClass.objects); // it would reach into whatever the next frame is
  const offset = index * sizeClass.size;
  const inFrame = offset & PAGE_MASK;
  const straddles = inFrame + sizeClass.size > PAGE_SIZE ? LOCATION_STRADDLES : 0;
  return (frame_at(zspage, offset >> PAGE_SHIFT) + inFrame) | straddles;
}

/** Bytes of a descriptor: the fixed part and a word for each frame, up to 16; two words at least (`hugeHash`). */
function descriptor_bytes(frames: u32): u32 {
  return (FRAME0 + 4 * frames + DESCRIPTOR_ALIGN - 1) & ~(DESCRIPTOR_ALIGN - 1);
}

// ── fullness groups ──────────────────────────────────────────────────────────────────────────────────────────────

/** Group of a zspage with `inUse` of its class's objects in use: floor(10 * inUse / objects) + 1, 0 if none. */
// @ts-ignore: decorator
@inline
function fullness(sizeClass: SizeClass, inUse: u32): u32 {
  if (inUse == 0) return 0;
  // Exact: inUse <= 256, so the rounding of `tenths` adds less than 1 / objects.
  return ((inUse * sizeClass.tenths) >> 20) + 1;
}

// @ts-ignore: decorator
@inline
function group_head(sizeClass: SizeClass, group: u32): usize {
  return changetype<usize>(sizeClass) + offsetof<SizeClass>('head0') + (group << 2);
}

/** First zspage of a group, or 0. */
// @ts-ignore: decorator
@inline
export function group_first(sizeClass: SizeClass, group: u32): Zspage {
  return changetype<Zspage>(load<u32>(group_head(sizeClass, group)));
}

/** Links a zspage at the head of its fullness group. */
export function zspage_link(zspage: Zspage): void {
  const sizeClass = zspage.sizeClass;
  if (DEBUG) assert(zspage.inUse > 0); // an empty zspage is ended, not listed: group 0 stays empty
  const group = fullness(sizeClass, zspage.inUse);
  const head = group_head(sizeClass, group);
  const first = load<u32>(head);
  zspage.group = <u16>group;
  zspage.next = first;
  zspage.prev = 0;
  if (first != 0) changetype<Zspage>(first).prev = changetype<u32>(zspage);
  store<u32>(head, changetype<u32>(zspage));
  sizeClass.groupMask |= 1 << group;
}

export function zspage_unlink(zspage: Zspage): void {
  const sizeClass = zspage.sizeClass;
  const group = <u32>zspage.group;
  const next = zspage.next;
  if (zspage.prev != 0) {
    changetype<Zspage>(zspage.prev).next = next;
  } else {
    store<u32>(group_head(sizeClass, group), next);
    if (next == 0) sizeClass.groupMask &= ~(1 << group);
  }
  if (next != 0) changetype<Zspage>(next).prev = zspage.prev;
}

/** After a change of `inUse`: moves the zspage when its group changed, else leaves it where it is. */
// @ts-ignore: decorator
@inline
function zspage_relink(zspage: Zspage): void {
  if (fullness(zspage.sizeClass, zspage.inUse) == <u32>zspage.group) return;
  zspage_unlink(zspage);
  zspage_link(zspage);
}

// ── life of a zspage ─────────────────────────────────────────────────────────────────────────────────────────────

/** A new zspage, linked nowhere, or 0 when memory is exhausted: then nothing has changed. */
function zspage_make(sizeClass: SizeClass): Zspage {
  const pool = sizeClass.pool;
  const frames = sizeClass.frames;
  const address = slab_alloc(pool, descriptor_bytes(frames));
  if (address == 0) return NO_ZSPAGE;
  const zspage = changetype<Zspage>(address);
  for (let n: u32 = 0; n < frames; n++) {
    const frame = frame_alloc();
    if (frame == 0) {
      while (n > 0) frame_free(frame_at(zspage, --n));
      slab_free(pool, address, descriptor_bytes(frames));
      return NO_ZSPAGE;
    }
    store<u32>(frame_meta(frame), address | n);
    store<u32>(address + (n << 2), frame, FRAME0);
  }
  zspage.sizeClass = sizeClass;
  zspage.inUse = 0;
  zspage.freeHead = 0;
  zspage.fresh = 0;
  zspage.doomed = 0;
  sizeClass.objectsAllocated += sizeClass.objects;
  pool.totalFrames += frames;
  if (pool.totalFrames > pool.maxUsedFrames) pool.maxUsedFrames = pool.totalFrames;
  return zspage;
}

/** Gives back an empty zspage that is linked nowhere. */
export function zspage_end(zspage: Zspage): void {
  const sizeClass = zspage.sizeClass;
  const pool = sizeClass.pool;
  const frames = sizeClass.frames;
  if (DEBUG) assert(zspage.inUse == 0); // its objects' cells would name frames of others
  for (let n: u32 = 0; n < frames; n++) frame_free(frame_at(zspage, n));
  slab_free(pool, changetype<u32>(zspage), descriptor_bytes(frames));
  sizeClass.objectsAllocated -= sizeClass.objects;
  pool.totalFrames -= frames;
}

// ── objects in a zspage ──────────────────────────────────────────────────────────────────────────────────────────

/** Takes a free object of the zspage: the one freed last, else the next that was never used. */
export function zspage_take(zspage: Zspage): u32 {
  const sizeClass = zspage.sizeClass;
  if (DEBUG) assert(zspage.inUse < sizeClass.objects); // a full one is in no group that is taken from
  zspage.inUse++;
  if (sizeClass.size == PAGE_SIZE) return zspage.frame0 | LOCATION_HUGE;
  const location = zspage.freeHead;
  if (location == 0) return zspage_location(zspage, zspage.fresh++);
  zspage.freeHead = load<u32>(object_address(location), 4);
  return location;
}

/** Puts an object back. A free object has owner 0 in its header, and the next free one's location beside it. */
export function zspage_put(zspage: Zspage, location: u32): void {
  if (DEBUG) {
    assert(zspage.inUse > 0); // freed more often than taken
    assert(load<u32>(header_address(location)) != 0); // an owner of 0 marks a free object: it was freed twice
  }
  zspage.inUse--;
  if (location & LOCATION_HUGE) return;
  store<u64>(object_address(location), <u64>zspage.freeHead << 32);
  zspage.freeHead = location;
}

/** Address of the header of the object at `location`. */
// @ts-ignore: decorator
@inline
export function header_address(location: u32): usize {
  if (location & LOCATION_HUGE) return changetype<usize>(zspage_of(location)) + HUGE_HEADER;
  return object_address(location);
}

/**
 * The first object at `from` or after that is in use, in ascending order of index: where compaction finds what to move.
 * @returns its index, or the class's number of objects
 */
export function next_in_use(zspage: Zspage, from: u32): u32 {
  const fresh = <u32>zspage.fresh;
  for (; from < fresh; from++) {
    // The low half of a header holds the owner, 0 when free.
    if (load<u32>(object_address(zspage_location(zspage, from))) != 0) return from;
  }
  return zspage.sizeClass.objects;
}

// ── allocation in a class ────────────────────────────────────────────────────────────────────────────────────────

/** Takes an object of the class, from its fullest zspage that has room. Returns its location, 0 = no memory. */
export function class_take(sizeClass: SizeClass): u32 {
  const pool = sizeClass.pool;
  const open = sizeClass.groupMask & ~(1 << GROUP_FULL);
  let zspage: Zspage;
  if (open != 0) {
    zspage = group_first(sizeClass, 31 - clz(open));
  } else {
    if (pool.limitFrames != 0 && pool.totalFrames + sizeClass.frames > pool.limitFrames) return 0;
    zspage = zspage_make(sizeClass);
    if (changetype<usize>(zspage) == 0) return 0;
    const location = zspage_take(zspage);
    sizeClass.objectsInUse++;
    zspage_link(zspage);
    return location;
  }
  const location = zspage_take(zspage);
  sizeClass.objectsInUse++;
  zspage_relink(zspage);
  return location;
}

/** Gives an object back; a zspage that becomes empty is freed at once, as the kernel does. */
export function class_put(location: u32): void {
  const zspage = zspage_of(location);
  zspage_put(zspage, location);
  zspage.sizeClass.objectsInUse--;
  if (zspage.inUse == 0) {
    zspage_unlink(zspage);
    zspage_end(zspage);
  } else {
    zspage_relink(zspage);
  }
}
