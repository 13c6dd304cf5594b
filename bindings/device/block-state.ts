/** What is stored at a page, as debugfs shows it. */

/** What is stored at a page; the flags have the names of the kernel's debugfs file `block_state`. */
export interface BlockState {
  /** Same-filled: one 64-bit value, which takes no memory of the pool. */
  readonly same: boolean;
  /** On the backing device. */
  readonly writtenBack: boolean;
  /** Did not compress and is stored as it is, 4096 bytes. */
  readonly huge: boolean;
  /** Nobody has read or written it since `idle()` marked it. */
  readonly idle: boolean;
  /** Encoded by a secondary compressor. */
  readonly recompressed: boolean;
  /** No secondary compressor made it small enough to save memory. */
  readonly incompressible: boolean;
  /** Shares its object with other pages. */
  readonly merged: boolean;
  /** Bytes of the object; 0 for a page that is same-filled or written back. */
  readonly comprSize: number;
}
