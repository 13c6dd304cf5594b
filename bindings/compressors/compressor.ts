/** The interface of compressors. The core has LZ4; any other is a pair of functions. */

/**
 * A compressor other than LZ4. Both functions are synchronous, must not modify their arguments, which may be parts of
 * larger buffers (`byteOffset` counts), and are called for one page at a time; their results are copied at once. If one
 * throws, or returns anything but bytes, the call fails with `EIO` and stored pages keep their content. Each page must
 * decompress by itself, since pages are read back in any order.
 */
export interface Compressor {
  /** The name for `comp_algorithm`: 1 to 127 characters without white space or brackets. */
  readonly name: string;
  /**
   * @param page 4096 bytes
   * @param level as given to the device or `algorithm_params`; undefined: the compressor's default
   * @param dictionary the device's, if it has one
   * @returns the compressed page; a result of `hugeClassSize` bytes or more means that the page does not compress
   */
  compress(page: Uint8Array, level: number | undefined, dictionary?: Uint8Array): Uint8Array;
  /**
   * @param block what `compress` returned
   * @param dictionary the one that `compress` was given
   * @returns the page, 4096 bytes
   */
  decompress(block: Uint8Array, dictionary?: Uint8Array): Uint8Array;
}

/** Whose code a compressor is, which decides the bytes that it makes. */
export interface CompressorInfo {
  /** As in `comp_algorithm`. */
  readonly name: string;
  /**
   * `zram-wasm` for lz4, lz4hc, lzo and lzo-rle; `pako` or `fflate` for deflate; `Node.js` or `@hpcc-js/wasm-zstd` for
   * zstd; else `registered`.
   */
  readonly code: string;
  /** zstd: the version of its library, where that is known. */
  readonly version: string | undefined;
}

/** Compressors of a device by priority: 0 is the primary, up to three more recompress. */
export const PRIORITIES = 4;

/** Parameters of a compressor: the kernel's `algorithm_params`. */
export interface CompressorParams {
  /**
   * On the compressor's own scale. LZ4: acceleration, 1 (default) compresses best. lz4hc: 1 to 16, default 9. deflate:
   * 0 to 9, default 6, which -1 means as well; others are `EINVAL` when the device gets its disksize. zstd: -131072 to
   * 22, default 3, which 0 means as well. lzo and lzo-rle have no levels.
   */
  level?: number | undefined;
  /** Bytes that pages are likely to contain; for deflate and registered compressors. */
  dictionary?: Uint8Array | undefined;
  /** deflate only: window bits, -9 to -15, or 9 to 15 for the zlib format. Default: -11. A page needs no more than 12. */
  winbits?: number | undefined;
  /** lz4hc only: see `RecompAlgorithm.favorDecSpeed`. 0, the default: the kernel's blocks. */
  favorDecSpeed?: number | undefined;
}

/** What `favorDecSpeed` may be at most. */
export const FAVOR_DEC_SPEED_MAX = 16;

/** -1 stands for the default. */
export const DEFLATE_LEVEL_MIN = -1;
export const DEFLATE_LEVEL_MAX = 9;
