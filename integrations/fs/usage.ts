/** What a file system holds, and what of that is its own. */
import type { Zram, ZramSnapshot } from '../../bindings/index.js';
import type { Tree } from './tree.js';

/** What a file system holds. */
export interface PageFsStats {
  readonly files: number;
  readonly directories: number;
  readonly links: number;
  /** Sum of the sizes of all files. */
  readonly bytes: number;
  /** Estimate of the JavaScript memory for names, inodes and lists of pages, those shared with forks included. */
  readonly metadataBytes: number;
  /** Compressed bytes of pages that share their object with another page: of this file system, a fork or a snapshot. */
  readonly sharedBytes: number;
  /** Compressed bytes of pages that nothing shares: what goes when this file system is destroyed. */
  readonly privateBytes: number;
}

/** Devices that say themselves what they share: all, as soon as the core does. Until then only merged pages are known. */
interface MemoryUser {
  memoryUse(): { readonly shared: number; readonly private: number };
}

/** Bit of a page's state: its object has other pages as well. */
const MERGED = 1 << 8;
const SIZE_SHIFT = 13;
/** Pages whose states are asked for at a time. */
const BATCH = 4096;

export function statsOf(tree: Tree): PageFsStats {
  const { files, directories, links, bytes, metadataBytes } = tree.counts;
  const { shared, own } = memoryUse(tree.device, tree.pagesEnd);
  return Object.freeze({
    ...{ files, directories, links, bytes, metadataBytes },
    ...{ sharedBytes: shared, privateBytes: own },
  });
}

/** Compressed bytes behind the pages of a device below `end`, each object once. */
function memoryUse(device: Zram | ZramSnapshot, end: number): { shared: number; own: number } {
  if ('memoryUse' in device) {
    const { shared, private: own } = (device as unknown as MemoryUser).memoryUse();
    return { shared, own };
  }
  if (!('pageStates' in device)) return { shared: 0, own: 0 };
  let [shared, own] = [0, 0];
  const seen = new Set<number>();
  const states = new Uint32Array(2 * BATCH);
  for (let page = 0; page < end; page += BATCH) {
    const count = Math.min(BATCH, end - page);
    device.pageStates(page, count, states);
    for (let n = 0; n < count; n++) {
      const [state, object] = [states[2 * n], states[2 * n + 1]];
      if (object === 0) continue;
      if ((state & MERGED) === 0) own += state >>> SIZE_SHIFT;
      else if (!seen.has(object)) {
        seen.add(object);
        shared += state >>> SIZE_SHIFT;
      }
    }
  }
  return { shared, own };
}
