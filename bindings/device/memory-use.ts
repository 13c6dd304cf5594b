/** What the pages of a device or snapshot take, and how much of it is shared with others. */
import { PAGE_SIZE } from '../base/arguments.js';
import { USE } from '../core/layout.js';
import type { Disk } from './disk.js';

/** Bytes that a device or snapshot takes. Pages on the backing device and same-filled pages have no object. */
export interface MemoryUse {
  /** Payload of objects that only this device's pages hold, however many of them: what its end would free. */
  readonly private: number;
  /** Payload of objects that others hold as well: snapshots, clones, and whatever else is on the pool. */
  readonly shared: number;
  /** Memory of the table that is this device's own, access times included. */
  readonly tablePrivate: number;
  /** Memory of the table, 8 bytes a page in pieces of 512 pages, that snapshots and clones hold as well. */
  readonly tableShared: number;
}

export function memoryUse({ core, address }: Disk): MemoryUse {
  core.raw.zramMemoryUse(address);
  return Object.freeze({
    private: core.number(USE.privateBytes),
    shared: core.number(USE.sharedBytes),
    tablePrivate: core.number(USE.tablePrivatePages) * PAGE_SIZE,
    tableShared: core.number(USE.tableSharedPages) * PAGE_SIZE,
  });
}
