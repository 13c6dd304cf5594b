/** Numbers that are passed between the core and the bindings; a test compares them with the core. */

// As in assembly/common.ts.
export const CODEC_RAW = 0;
export const CODEC_LZ4 = 1;
export const CODEC_PAGE = 2;
export const CODEC_LZ4HC = 3;
export const CODEC_FOREIGN = 4;
export const CODEC_MAX = 15;

/** With STATE_SAME: the value is stored in cells of its own. As SLOT_SAME_WIDE in assembly/zram/table.ts. */
export const STATE_SAME_WIDE = 1 << 1;

// Bits of a slot's state, as in assembly/zram/table.ts and post-process.ts.
export const STATE_SAME = 1;
export const STATE_HUGE = 1 << 2;
export const STATE_STORED = 1 << 3;
export const STATE_WRITTEN_BACK = 1 << 4;
export const STATE_IDLE = 1 << 5;
export const STATE_INCOMPRESSIBLE = 1 << 6;
export const STATE_PICKED = 1 << 7;
export const STATE_MERGED = 1 << 8;

export function codecOfState(state: number): number {
  return (state >>> 9) & 15;
}

export function sizeOfState(state: number): number {
  return state >>> 13;
}

/** The page number that a search returns when there are no more pages. */
export const NONE = 2 ** 32 - 1;

/** What `zramNextDifference` found at a page: it returns page * 4 + one of these. */
export const DIFFERENCE = { sameSoFar: 0, differs: 1, undecided: 2 } as const;

/** What the pages of a run hold (`zramExtents`). */
export const EXTENT = { hole: 0, zero: 1, data: 2 } as const;

/** With the number of pages that are done of a range: the core cannot read the next one by itself. */
export const RANGE_UNREAD = 1 << 16;

/** The core's answer to a write: an object may hold the page that the core cannot decode. */
export const WRITE_ASKS = 1;

/** The core's result for a read of a page that is on the backing device. */
export const READ_WRITTEN_BACK = 1 << 20;

// Places of the numbers that the core writes to the staging area: `core.number(POOL.objects)`. As in
// assembly/exports/stats.ts.

/** Of a pool (`poolStats`). */
export const POOL = {
  pagesAllocated: 0,
  pagesCompacted: 1,
  pagesMerged: 2,
  objects: 3,
  handles: 4,
  bytes: 5,
  unusedCellBytes: 6,
  hugeClassSize: 7,
  classes: 8,
  sharedObjects: 9,
  sharers: 10,
  bytesSaved: 11,
  dedupIndexBytes: 12,
  changes: 13,
  limitPages: 14,
  dedupCacheBytes: 15,
} as const;

/** Of a merge (`poolMergeEnd`); after a step, only the first is set. */
export const MERGE = {
  objectsScanned: 0,
  objectsHashed: 1,
  objectsMerged: 2,
  bytesMerged: 3,
  pagesFreed: 4,
  hashCollisions: 5,
} as const;

/** Of a size class (`poolClass`); `zspages` is the first of twelve, one for each fullness group. */
export const CLASS = {
  index: 0,
  size: 1,
  zspages: 2,
  objectsAllocated: 14,
  objectsUsed: 15,
  pagesUsed: 16,
  pagesPerZspage: 17,
  freeable: 18,
} as const;

/** Of a device (`zramStats`). */
export const DEVICE = {
  pagesStored: 0,
  payloadBytes: 1,
  pagesAllocated: 2,
  limitPages: 3,
  maxUsedPages: 4,
  samePages: 5,
  pagesCompacted: 6,
  hugePages: 7,
  hugePagesSince: 8,
  pagesMerged: 9,
  failedReads: 10,
  failedWrites: 11,
  notifyFree: 12,
  dedupBytesSaved: 13,
  dedupIndexBytes: 14,
  blocksUsed: 15,
} as const;

/** Of what a device takes (`zramMemoryUse`). */
export const USE = { privateBytes: 0, sharedBytes: 1, tablePrivatePages: 2, tableSharedPages: 3 } as const;

/** Of a compaction (`poolCompact`). */
export const COMPACT = { objectsMoved: 0 } as const;

/** Of `zramHeldBytes`, besides its result: what the pool of a device holds beside objects, cells and zspages. */
export const HELD = { metadataBytes: 0 } as const;
