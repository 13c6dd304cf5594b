/**
 * An array of 8-byte entries that lives in frames, wherever they are, and grows and shrinks by a frame: two levels of
 * directories lead to an entry. The merge index is such an array.
 */
import { DEBUG, PAGE_SIZE } from '../common';
import { frame_alloc, frame_alloc_zeroed, frame_free } from './frames';

export const ENTRY_BYTES: u32 = 8;
export const ENTRIES_PER_FRAME: u32 = PAGE_SIZE / ENTRY_BYTES;
const FRAMES_PER_DIRECTORY: u32 = PAGE_SIZE / 4;

/** The head; pointers to directories follow it, as many as the owner of the array has room for. */
@unmanaged
export class FrameArray {
  /// Frames of entries.
  frames: u32;
  /// Frames that hold pointers to them.
  directories: u32;
  directory0: u32;
}
const DIRECTORY0: u32 = offsetof<FrameArray>('directory0');

/** Address of an entry. */
// @ts-ignore: decorator
@inline
export function array_entry(array: FrameArray, index: u32): usize {
  const frame = index / ENTRIES_PER_FRAME;
  if (DEBUG) assert(frame < array.frames); // beyond, the directory's word was never written
  const directory = load<u32>(changetype<usize>(array) + (frame / FRAMES_PER_DIRECTORY) * 4, DIRECTORY0);
  return load<u32>(directory + (frame % FRAMES_PER_DIRECTORY) * 4) + (index % ENTRIES_PER_FRAME) * ENTRY_BYTES;
}

/**
 * Adds a frame of zeros.
 * @param merging whether it may be taken from the reserve
 * @returns false when memory is exhausted, or `directoriesMax` are full
 */
export function array_grow(array: FrameArray, directoriesMax: u32, merging: bool = false): bool {
  const number = array.frames / FRAMES_PER_DIRECTORY;
  const at = changetype<usize>(array) + number * 4;
  if (number == array.directories) {
    if (number == directoriesMax) return false;
    const directory = frame_alloc(merging);
    if (directory == 0) return false;
    store<u32>(at, directory, DIRECTORY0);
    array.directories++;
  }
  const frame = frame_alloc_zeroed(merging);
  if (frame == 0) return false;
  store<u32>(load<u32>(at, DIRECTORY0) + (array.frames % FRAMES_PER_DIRECTORY) * 4, frame);
  array.frames++;
  return true;
}

/** Gives the last frame back. */
export function array_shrink(array: FrameArray): void {
  if (DEBUG) assert(array.frames > 0); // an empty array has no last frame
  const last = --array.frames;
  const directory = load<u32>(changetype<usize>(array) + (last / FRAMES_PER_DIRECTORY) * 4, DIRECTORY0);
  frame_free(load<u32>(directory + (last % FRAMES_PER_DIRECTORY) * 4));
}

/** Gives all frames back. */
export function array_end(array: FrameArray): void {
  while (array.frames > 0) array_shrink(array);
  while (array.directories > 0) {
    frame_free(load<u32>(changetype<usize>(array) + --array.directories * 4, DIRECTORY0));
  }
}
