/** Compressor: what makes a page small. The core has LZ4; any other is a pair of functions. */

/**
 * A compressor beside LZ4. Both functions are synchronous, must not change what they are given, and are called for one page
 * at a time; what they return is copied at once. One that throws, or returns anything but bytes, costs the call an `EIO`
 * and no page its content. They must not need each other's order: pages are read back in any order.
 */
export interface Compressor {
  /** What `comp_algorithm` calls it: up to 127 characters without white space. */
  readonly name: string;
  /**
   * @param page 4096 bytes
   * @param level as the device or `algorithm_params` was given it; undefined = the compressor's default
   * @param dictionary the device's, where it has one
   * @returns the compressed page. As long as `hugeClassSize` or longer means that the page does not compress
   */
  compress(page: Uint8Array, level: number | undefined, dictionary?: Uint8Array): Uint8Array;
  /**
   * @param block what `compress` returned
   * @param dictionary the one that `compress` was given
   * @returns the page, 4096 bytes
   */
  decompress(block: Uint8Array, dictionary?: Uint8Array): Uint8Array;
}

/** The primary compressor is number 0; up to three more recompress. */
export const PRIORITIES = 4;

/** What a compressor is told: the kernel's `algorithm_params`. */
export interface CompressorParams {
  /**
   * Of the compressor's own scale; LZ4: acceleration, 1 (default) packs best. lz4hc: 1 to 16, default 9. deflate: 0 to 9, default 6.
   * zstd: 1 to 22, default 3. lzo and lzo-rle have none.
   */
  level?: number | undefined;
  /** Bytes that pages are likely to contain; for deflate and registered compressors. */
  dictionary?: Uint8Array | undefined;
  /** deflate only: window bits, 8 to 15 or the same negative, as zlib's. A page needs no window beyond 12. */
  winbits?: number | undefined;
}
