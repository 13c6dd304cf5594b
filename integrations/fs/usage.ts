/** What a file system holds, and what of that is its own. */
import type { Tree } from './tree.js';

/** What a file system holds. */
export interface FileSystemStats {
  /** Regular files, by inode. */
  readonly files: number;
  /** Directories, with the root. */
  readonly directories: number;
  /** Symbolic links. */
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

export function statsOf(tree: Tree): FileSystemStats {
  const { files, directories, links, bytes, metadataBytes } = tree.counts;
  tree.discardStale(); // whoever shared it may be gone, and then it would count as this one's own
  const { shared, private: own } = tree.device.memoryUse();
  return Object.freeze({
    ...{ files, directories, links, bytes, metadataBytes },
    ...{ sharedBytes: shared, privateBytes: own },
  });
}
