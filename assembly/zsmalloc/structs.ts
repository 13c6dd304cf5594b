/**
 * The allocator's structures in linear memory. Layouts only; the files beside this one say what they are for.
 */
import { PAGE_SIZE } from '../common';

/** Fullness groups of zspages: 0 empty, 1..10 by tenths of use, 11 full. */
export const GROUPS: u32 = 12;
export const GROUP_FULL: u32 = 11;

/** A size class: zspages whose objects have one size. */
@unmanaged
export class SizeClass {
  /// Bytes of an object, header included.
  size: u32;
  /// Objects in a zspage; 1..256.
  objects: u32;
  /// Frames in a zspage; 1..16.
  frames: u32;
  /// Largest of the 255 size indexes that map here.
  index: u32;
  /// 10 * 2^20 / objects, rounded up: division-free fullness.
  tenths: u32;
  /// Bit g is set while group g has a zspage.
  groupMask: u32;
  /// Objects that the class's zspages have room for, and that are in use.
  objectsAllocated: u32;
  objectsInUse: u32;
  /// The pool that the class belongs to.
  pool: Pool;
  /// First of twelve heads of doubly linked lists of zspages, one a fullness group.
  head0: u32;
}
/** Bytes of a SizeClass with its twelve heads. */
export const CLASS_BYTES: u32 = offsetof<SizeClass>('head0') + 4 * GROUPS;

/**
 * A zspage: 1..16 frames that hold objects of one class end to end. A descriptor is as long as its frame list needs.
 *
 * A huge zspage is one frame with one object of up to 4096 bytes and no room for a header, so the header
 * lies here, over `freeHead`, `fresh` and `doomed`; `hugeHash` lies where a second frame would be.
 */
@unmanaged
export class Zspage {
  sizeClass: SizeClass;
  next: u32;
  prev: u32;
  inUse: u16;
  group: u16;
  /// Address of the first free object (the last one freed), 0 = none: then `fresh` is next.
  freeHead: u32;
  /// Objects from this index on were never used: free, in ascending order, and not in the free list.
  fresh: u16;
  /// Objects that a dry run of merging found to be duplicates; else 0.
  doomed: u16;
  /// First of the class's `frames` addresses.
  frame0: u32;
  /// Huge zspages only: 32 bits of content hash; valid while the header's hash is not 0.
  hugeHash: u32;
}
/**
 * Descriptors are multiples of 16 bytes, so that a frame's metadata word has 4 bits to spare for the frame's number.
 */
export const DESCRIPTOR_ALIGN: u32 = 16;
export const FRAME0: u32 = offsetof<Zspage>('frame0');
export const HUGE_HEADER: u32 = offsetof<Zspage>('freeHead');

/** Longest chain of any pool option. */
const CHAIN_MAX: u32 = 16;
/** Slab lists of a pool, by the length of their records in units of DESCRIPTOR_ALIGN: up to the longest descriptor. */
export const SLAB_LISTS: u32 = (FRAME0 + 4 * CHAIN_MAX + DESCRIPTOR_ALIGN - 1) / DESCRIPTOR_ALIGN + 1;

/** A pool, one frame: counters, cells, slabs, and the map from size index to class. */
@unmanaged
export class Pool {
  /// MAGIC while the pool is alive.
  magic: u32;
  chainSize: u32;
  hugeClassSize: u32;
  /// Upper bound of `totalFrames`, 0 = none.
  limitFrames: u32;
  /// 4 KiB frames in zspages (zs_get_total_pages).
  totalFrames: u32;
  /// The most that `totalFrames` was (mem_used_max of zram).
  maxUsedFrames: u32;
  /// Objects stored, and the sum of their payload lengths.
  objects: u32;
  payloadBytes: u64;
  /// Frames that compaction freed, since the pool was made.
  framesCompacted: u64;
  /// Handles that are leaves, and those of them that share an object cell.
  handles: u32;
  sharedLeaves: u32;
  /// Object cells: objects that have, or had, several handles.
  objectCells: u32;
  /// FORWARD cells.
  forwards: u32;
  /// Payload bytes that sharing saves: of all shared leaves, less those of the object cells.
  sharedBytes: u64;
  /// The deduplication index, see dedup-index.ts; 0 = none.
  dedupDirectory: u32;
  dedupUsed: u32;
  /// Copies of pages, see dedup-cache.ts: the loan that holds them, 0 = none; and how many sets of them there may be.
  dedupCache: u32;
  dedupCacheSets: u32;
  /// `store` looks for equal objects; an allocation that fails merges and compacts before it gives up.
  dedupStore: u32;
  shrinker: u32;
  /// `changes` when the shrinker last ran.
  changesShrunk: u32;
  /// Grows with every object that is made or written: while it stays the same, a merge finds nothing new.
  changes: u32;
  /// `changes` when a merge last began that found everything; 0 = never.
  changesMerged: u32;
  /// Whether all objects that are hashed are known to differ, see merge.ts.
  mergeKnown: u32;

  /// Chunks of cells, newest first in `chunkNewest`, linked through their first cell; `chunkOldest` is walked from.
  chunkOldest: u32;
  chunkNewest: u32;
  chunks: u32;
  /// Queue of freed cells: reused oldest first.
  cellFreeHead: u32;
  cellFreeTail: u32;
  cellsFree: u32;
  /// Cells of the newest chunk from here to the chunk's end were never used.
  cellFresh: u32;

  /// The merge pass that is under way, see merge.ts; all 0 = none.
  mergeCursor: u32;
  mergeResume: u32;
  mergeCapacity: u32;
  mergeUsed: u32;
  /// Frames that the index is to have, while it is being made; then 0.
  mergeFramesWanted: u32;
  mergeChanges: u32;
  mergeFlags: u32;
  /// The newest chunk of cells when the pass began.
  mergeChunk: u32;

  /// Frames that hold the classes, and number of classes.
  classFrames0: u32;
  classFrames1: u32;
  classFrames2: u32;
  classFrames3: u32;
  classes: u32;
  /// Devices on this pool, linked.
  devices: u32;
  /// Frames of slabs.
  slabs: u32;
  /// First of SLAB_LISTS slab lists.
  slab0: u32;
}
// The flags of `mergeFlags`.
/** The pass walks the cells for the first time: each object that it looks at is one scanned. */
export const MERGE_FIRST_ROUND: u32 = 1;
/** The pass may have missed something and cannot vouch for the pool: the next call makes another pass. */
export const MERGE_MISSED: u32 = 2;
/** The pass has missed an object that it should have looked at: it walks all cells again before it ends. */
export const MERGE_RESTART: u32 = 4;
/** The cursor has reached chunks of cells that were allocated after the pass began. */
export const MERGE_IN_NEW_CHUNKS: u32 = 8;
/** Objects that were hashed before the pass began are known to differ from each other. */
export const MERGE_HASHED_DIFFER: u32 = 16;
/** A dry run has hashed objects since the pass began, including some that the pass will not reach. */
export const MERGE_HASHED_BY_DRY_RUN: u32 = 32;

export const MAGIC: u32 = 0x7a736d6c;
export const MERGE_STATE: u32 = offsetof<Pool>('mergeCursor');
export const MERGE_STATE_BYTES: u32 = offsetof<Pool>('classFrames0') - MERGE_STATE;
export const CLASS_FRAMES0: u32 = offsetof<Pool>('classFrames0');
export const SLAB0: u32 = offsetof<Pool>('slab0');

/** Size indexes of 16 bytes each, from 32 to 4096. */
export const SIZE_INDEXES: u32 = 255;
/** Offset in the pool's frame of the map: a class address for each size index. */
export const CLASS_MAP: u32 = PAGE_SIZE - 4 * SIZE_INDEXES;

/**
 * Offset and length of the room between, behind the slab lists: the merge index's directories, or all of a small index.
 */
export const MERGE_ROOM: u32 = 256;
export const MERGE_ROOM_BYTES: u32 = CLASS_MAP - 4 - MERGE_ROOM;
