/** The counters of a device, named after the kernel's columns. */
import { DEVICE } from '../core/layout.js';
import { PAGE_SIZE } from '../base/arguments.js';
import type { Device } from './device.js';

/**
 * The columns of the kernel's mm_stat in their order, `pages_merged`, and two more with `dedup`. Bytes, or pages of
 * 4096 bytes. Where devices share a pool, `comprDataSize`, `memUsedTotal`, `memUsedMax`, `pagesCompacted` and
 * `pagesMerged` are the pool's.
 */
export interface MmStat {
  /** Bytes of the stored pages, including those on the backing device. */
  readonly origDataSize: number;
  /** Payload bytes of the pool's distinct objects. */
  readonly comprDataSize: number;
  /** Bytes of the pool's zspages. */
  readonly memUsedTotal: number;
  /** Limit of memUsedTotal; 0: no limit. */
  readonly memLimit: number;
  /** The highest memUsedTotal after an allocation. */
  readonly memUsedMax: number;
  /** Same-filled pages: they take no memory of the pool. */
  readonly samePages: number;
  /** Pages of the pool that compaction freed since the device has a disksize. */
  readonly pagesCompacted: number;
  /** Pages that did not compress and are stored uncompressed. */
  readonly hugePages: number;
  /** The same, as a running total since the device has a disksize. */
  readonly hugePagesSince: number;
  /**
   * Handles of the pool that share an object with another and own none. A page and its copies in snapshots have one
   * handle.
   */
  readonly pagesMerged: number;
  /** Payload bytes that sharing saves; 0 without `dedup`. */
  readonly dupDataSize: number;
  /** Bytes of the deduplication index; 0 without `dedup`. */
  readonly metaDataSize: number;
}

/** The columns of the kernel's io_stat. */
export interface IoStat {
  /** Reads that failed: the page does not decompress, or the backing device failed. */
  readonly failedReads: number;
  /** Writes that failed: no memory, or the compressor failed. */
  readonly failedWrites: number;
  /** Always 0, as in the kernel: a call outside the disk is refused with `EINVAL` before it is counted. */
  readonly invalidIo: number;
  /** Pages of all discards, including pages that held nothing. */
  readonly notifyFree: number;
}

/** The columns of the kernel's bd_stat, in pages. The device, its snapshots and its clones count together. */
export interface BdStat {
  /** Pages on the backing device. */
  readonly bdCount: number;
  /** Pages read from it. */
  readonly bdReads: number;
  /** Pages written to it, including the zeros that test a slot after a failure. */
  readonly bdWrites: number;
}

/** The kernel's debug_stat. */
export interface DebugStat {
  /** Version of the text's format: 1. */
  readonly version: number;
  /** Always 0: calls do not run in parallel, so no free is ever missed. */
  readonly missFree: number;
}

export function mmStat(state: Device): MmStat {
  const stat = numbers(state);
  return Object.freeze({
    origDataSize: stat(DEVICE.pagesStored) * PAGE_SIZE,
    comprDataSize: stat(DEVICE.payloadBytes),
    memUsedTotal: stat(DEVICE.pagesAllocated) * PAGE_SIZE,
    memLimit: state.limitPages * PAGE_SIZE,
    memUsedMax: stat(DEVICE.maxUsedPages) * PAGE_SIZE,
    samePages: stat(DEVICE.samePages),
    pagesCompacted: stat(DEVICE.pagesCompacted),
    hugePages: stat(DEVICE.hugePages),
    hugePagesSince: stat(DEVICE.hugePagesSince),
    pagesMerged: stat(DEVICE.pagesMerged),
    dupDataSize: stat(DEVICE.dedupBytesSaved),
    metaDataSize: stat(DEVICE.dedupIndexBytes),
  });
}

export function ioStat(state: Device): IoStat {
  const stat = numbers(state);
  return Object.freeze({
    failedReads: stat(DEVICE.failedReads),
    failedWrites: stat(DEVICE.failedWrites),
    invalidIo: 0,
    notifyFree: stat(DEVICE.notifyFree),
  });
}

export function bdStat(state: Device): BdStat {
  const stat = numbers(state);
  const { reads = 0, writes = 0, blocksAside = 0 } = state.disk?.backing ?? {};
  return Object.freeze({ bdCount: stat(DEVICE.blocksUsed) - blocksAside, bdReads: reads, bdWrites: writes });
}

/** The core's counters; all zero while there is no disksize. */
function numbers({ core, disk }: Device): (n: number) => number {
  if (!disk) return () => 0;
  core.raw.zramStats(disk.address);
  return (n) => core.number(n);
}
