/**
 * The structure of a device in linear memory, one frame.
 */
import { Pool } from '../zsmalloc/structs';

@unmanaged
export class Device {
  /// DEVICE_MAGIC while the device is alive.
  magic: u32;
  pool: Pool;
  /// The disk's size in pages; 0 = uninitialised.
  diskPages: u32;
  /// mem_limit in pages, 0 = none.
  limitPages: u32;
  /// LZ4's acceleration.
  level: u32;
  /// Pages that are stored already are shared, not stored again.
  dedup: u32;

  pagesStored: u32;
  samePages: u32;
  hugePages: u32;
  /// Most recently used chunk of the table, 0 = none.
  lastChunk: u32;
  lastChunkNumber: u32;

  hugePagesSince: u64;
  failedReads: u64;
  failedWrites: u64;
  notifyFree: u64;

  /// First of eight pointers to the upper frames of the table: 2^29 pages each.
  root0: u32;
}
export const DEVICE_MAGIC: u32 = 0x7a72616d;
export const ROOTS: u32 = offsetof<Device>('root0');
