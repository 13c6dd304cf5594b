/**
 * The structures of devices in linear memory, one frame each.
 */
import { Pool } from '../zsmalloc/structs';

/** The blocks of a backing device that pages were written back to; see backing.ts. */
@unmanaged
export class Bdev {
  /// Devices that may hold blocks: the one it was made for, its snapshots and clones.
  users: u32;
  /// Blocks that there are.
  blocks: u32;
  /// Blocks from here on were never used.
  fresh: u32;
  /// First of the freed blocks' cells, 0 = none.
  freed: u32;
  /// Blocks that hold a page (bd_count).
  inUse: u32;
}

@unmanaged
export class Device {
  /// DEVICE_MAGIC while the device is alive.
  magic: u32;
  pool: Pool;
  /// Next device on the same pool, and the address of the pointer to this one.
  next: u32;
  link: u32;
  /// The disk's size in pages; 0 = uninitialised.
  diskPages: u32;
  /// mem_limit in pages, 0 = none.
  limitFrames: u32;
  /// LZ4's acceleration.
  level: u32;
  /// Pages that are stored already are shared, not stored again.
  dedup: u32;
  /// The table keeps the time of each page's last access.
  tracksTime: u32;
  /// Where pages are written back to, 0 = nowhere.
  bdev: Bdev;

  pagesStored: u32;
  samePages: u32;
  hugePages: u32;
  /// Most recently used chunk of the table, 0 = none.
  lastChunk: u32;
  lastChunkNumber: u32;
  /// Where the table names it.
  lastEntry: u32;
  /// Frames of the table, shared ones included, those of access times left out.
  tableFrames: u32;
  /// Entries of the table beyond the first that name one chunk: ranges of the device that share it. A device that has
  /// such entries is not forked.
  sharedEntries: u32;
  /// Frames of access times.
  timeFrames: u32;
  /// When all pages were accessed that have no time of their own.
  madeAt: u32;

  hugePagesSince: u64;
  failedReads: u64;
  failedWrites: u64;
  notifyFree: u64;

  /// First of eight pointers to the upper frames of the table: 2^29 pages each.
  root0: u32;
}
export const DEVICE_MAGIC: u32 = 0x7a72616d;
export const ROOTS: u32 = offsetof<Device>('root0');
export const ROOT_COUNT: u32 = 8;
/** Offset of `link`'s target in the device before: that of `next`. */
export const NEXT: u32 = offsetof<Device>('next');
