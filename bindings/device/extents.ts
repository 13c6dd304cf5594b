/** Extents: runs of a disk's pages that hold data, zeros or nothing. */
import { PAGE_SIZE } from '../base/arguments.js';
import { EXTENT } from '../core/layout.js';
import type { Disk } from './disk.js';

/** A run of bytes of a disk. */
export interface Extent {
  /** Its first byte on the disk. */
  readonly offset: number;
  /** Number of bytes. */
  readonly length: number;
  /**
   * - `'data'`: stored pages, in memory or written back, also those that are filled with one value other than zero.
   * - `'zero'`: stored pages that are filled with zeros.
   * - `'hole'`: nothing is stored, which reads as zeros.
   */
  readonly kind: 'data' | 'zero' | 'hole';
}

const KINDS: Extent['kind'][] = [];
KINDS[EXTENT.hole] = 'hole';
KINDS[EXTENT.zero] = 'zero';
KINDS[EXTENT.data] = 'data';

/** The runs of a range of bytes, checked to lie inside the disk, in order and without gaps. */
export function extentsOf({ core, address }: Disk, offset: number, length: number): Extent[] {
  const extents: Extent[] = [];
  const end = offset + length;
  const endPage = Math.ceil(end / PAGE_SIZE);
  const most = (core.stagingPages * PAGE_SIZE) / 8;
  for (let at = offset; at < end;) {
    const count = core.raw.zramExtents(address, Math.floor(at / PAGE_SIZE), endPage, most);
    const words = core.words();
    for (let n = 0; n < count; n++) {
      const next = Math.min(words[2 * n] * PAGE_SIZE, end);
      extents.push(Object.freeze({ offset: at, length: next - at, kind: KINDS[words[2 * n + 1]] }));
      at = next;
    }
  }
  return extents;
}
