/** The state of a page, as debugfs shows it. */

/** The state of a stored page; the flags are named as in the kernel's debugfs file `block_state`. */
export interface BlockState {
  /** Same-filled: one repeated 64-bit value, which takes no memory of the pool. */
  readonly same: boolean;
  /** On the backing device. */
  readonly writtenBack: boolean;
  /** Did not compress and is stored uncompressed, 4096 bytes. */
  readonly huge: boolean;
  /** Neither read nor written since `idle()` marked it. */
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
