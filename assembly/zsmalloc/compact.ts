/**
 * Compaction (zs_compact): moves objects out of the emptiest zspages into the fullest, until no zspage could be saved.
 */
import { DEBUG } from '../common';
import { cell_set_target } from './cell';
import { header_owner, object_header, object_move } from './object';
import { class_at } from './size-class';
import { GROUP_FULL, Pool, SizeClass, Zspage } from './structs';
import {
  group_first, next_in_use, zspage_end, zspage_link, zspage_location, zspage_put, zspage_take, zspage_unlink,
} from './zspage';

/** Objects moved by the last call. */
export let objectsMoved: u32 = 0;

/**
 * zs_compact over all classes, largest first, until it has freed `framesWanted` frames.
 * @returns the number of frames freed
 */
export function zs_compact(pool: Pool, framesWanted: u32): u32 {
  objectsMoved = 0;
  let freed: u32 = 0;
  for (let n: u32 = 0; n < pool.classes && freed < framesWanted; n++) {
    freed += class_compact(class_at(pool, n), framesWanted - freed);
  }
  pool.framesCompacted += freed;
  return freed;
}

/** Frames that a class could release: whole zspages' worth of free objects. */
export function can_compact(sizeClass: SizeClass): u32 {
  return ((sizeClass.objectsAllocated - sizeClass.objectsInUse) / sizeClass.objects) * sizeClass.frames;
}

function class_compact(sizeClass: SizeClass, framesWanted: u32): u32 {
  let freed: u32 = 0;
  let target = changetype<Zspage>(0);
  while (can_compact(sizeClass) > 0 && freed < framesWanted) {
    if (changetype<usize>(target) == 0) {
      target = detach(sizeClass, true);
      if (changetype<usize>(target) == 0) break;
    }
    const source = detach(sizeClass, false);
    if (changetype<usize>(source) == 0) break;
    move_objects(sizeClass, target, source);
    if (source.inUse == 0) {
      zspage_end(source);
      freed += sizeClass.frames;
    } else {
      zspage_link(source);
    }
    if (<u32>target.inUse == sizeClass.objects) {
      zspage_link(target);
      target = changetype<Zspage>(0);
    }
  }
  if (changetype<usize>(target) != 0) zspage_link(target);
  return freed;
}

/** Unlinks the head of the fullest or emptiest group that is partly full; full and empty zspages take no part. */
function detach(sizeClass: SizeClass, fullest: bool): Zspage {
  const partly = sizeClass.groupMask & ~(1 << GROUP_FULL) & ~1;
  if (partly == 0) return changetype<Zspage>(0);
  const zspage = group_first(sizeClass, fullest ? 31 - clz(partly) : ctz(partly));
  zspage_unlink(zspage);
  return zspage;
}

/** Moves objects, in ascending order of index, until the source is empty or the target full. */
function move_objects(sizeClass: SizeClass, target: Zspage, source: Zspage): void {
  const objects = sizeClass.objects;
  let index = next_in_use(source, 0);
  while (index < objects && <u32>target.inUse < objects) {
    const from = zspage_location(source, index);
    const to = zspage_take(target);
    object_move(to, from);
    const owner = header_owner(object_header(to));
    // The owner's cell names the object: else its leaves would read whatever is stored here next.
    if (DEBUG) assert(load<u32>(owner) == from);
    cell_set_target(owner, to);
    zspage_put(source, from);
    objectsMoved++;
    index = next_in_use(source, index + 1);
  }
}
