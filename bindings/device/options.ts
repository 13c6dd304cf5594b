/** The options of a device. */
import { readBacking, type AsyncBacking, type Backing } from '../backing/backing.js';
import { readList, readOptions } from '../base/arguments.js';
import { copyOf, isBytes } from '../base/bytes.js';
import type { KernelVersion } from '../base/kernel.js';
import type { Size } from '../base/size.js';
import type { PoolOptions } from '../pool/options.js';
import type { ZsPool } from '../zs-pool.js';

/** A compressor that recompresses, for `recompAlgorithms`. */
export interface RecompAlgorithm {
  /** Its name, as `comp_algorithm` lists it. */
  algo: string;
  /** See `ZramOptions.level`. */
  level?: number | undefined;
  /** See `ZramOptions.dictionary`. */
  dictionary?: Uint8Array | undefined;
  /**
   * lz4hc only, with others `EOPNOTSUPP`: how much the time to read pages counts beside their size, 1 to 16; a nanosecond
   * as much as so many sixteenths of a byte. 6 makes blocks that read a fifth faster than those of lz4 and take some 8 %
   * less memory. They take three times as long to make as those of lz4hc, and their default level is 6. In the place of
   * another compressor's block one of the same size class is kept, too. Default: 0, the blocks of the kernel. Any LZ4
   * decoder reads both. See docs/design.md, "Compressors, recompression, writeback".
   */
  favorDecSpeed?: number | undefined;
}

export const RECOMP_ALGORITHM_OPTIONS = ['algo', 'level', 'dictionary', 'favorDecSpeed'] as const;

/** The options of a device. */
export interface ZramOptions {
  /** Bytes of the disk, rounded up to pages; at most 16 TiB less a page. Without it, the device waits for `init`. */
  disksize?: Size | undefined;
  /**
   * The primary compressor: `lz4` (default unless `kernel` is given), `lzo-rle`, `lzo`, `lz4hc`, `deflate`, `zstd` where
   * it is loaded, or a registered one.
   */
  compAlgorithm?: string | undefined;
  /**
   * Level of the compressor, as in `algorithm_params`. LZ4: acceleration, 1 (default) compresses best, more is faster,
   * below 1 means 1. lz4hc: 1 to 16, default 9. deflate: 0 to 9, default 6, which -1 means as well; others are `EINVAL`
   * when the device gets its disksize. zstd: -131072 to 22, default 3, which 0 means as well. lzo and lzo-rle have no
   * levels.
   */
  level?: number | undefined;
  /** Bytes that pages are likely to contain; for deflate and registered compressors. With others it is `EOPNOTSUPP`. */
  dictionary?: Uint8Array | undefined;
  /** Up to three compressors for `recompress`, by priority from 1: names, or names with parameters. */
  recompAlgorithms?: readonly (string | RecompAlgorithm)[] | undefined;
  /**
   * Decompress and compare the output of compressors other than LZ4 before it is stored; if it is not the page, the
   * write is `EIO`. Default: false.
   */
  verifyCompressors?: boolean | undefined;
  /** mem_limit: most bytes of the pool, rounded up to pages; 0: no limit. A write beyond it is `ENOMEM`. */
  memLimit?: Size | undefined;
  /**
   * Inline deduplication: a page whose content is stored already is shared instead of compressed (after a byte
   * compare). Costs a hash for each write, and an index of 11 to 21 bytes for each distinct page. Default: false.
   */
  dedup?: boolean | undefined;
  /** Where `writeback` puts pages (backing_dev). It has one user at a time (`EBUSY`). Default: none. */
  backing?: Backing | AsyncBacking | undefined;
  /**
   * Write objects back as they are stored, without decompressing them (compressed_writeback): each takes a block of its own,
   * all the same, unless the backing has `objects`, for which this is always so. Default: false.
   */
  compressedWriteback?: boolean | undefined;
  /**
   * Most pages that `writebackAsync` has in flight (writeback_batch_size), from 1. Default: 32, or eight batches of a
   * backing with `writeMany`.
   */
  writebackBatchSize?: number | undefined;
  /**
   * Keep the time of each page's last access, for `idle` by age (CONFIG_ZRAM_TRACK_ENTRY_ACTIME): 4 bytes for each
   * page, and one clock read for each call. Default: true.
   */
  trackEntryActime?: boolean | undefined;
  /**
   * The version of Linux whose rules the device follows: what attributes accept and refuse, how it recompresses, the size
   * classes of its own pool and, if this option is given, the default of `compAlgorithm`. `KERNELS` lists the
   * differences. Default: that of `pool`, else '6.18'. A pool and all devices on it have the same.
   */
  kernel?: KernelVersion | undefined;
  /** For the device's own pool, see PoolOptions. */
  chainSize?: PoolOptions['chainSize'];
  /** For the device's own pool, see PoolOptions. */
  dedupCache?: PoolOptions['dedupCache'];
  /** For the device's own pool, see PoolOptions. */
  shrinker?: boolean | undefined;
  /** A pool of the same engine to store objects in, instead of one of its own (`engine.createZram` only). */
  pool?: ZsPool | undefined;
}

export const DEVICE_OPTIONS = [
  ...['disksize', 'compAlgorithm', 'level', 'dictionary', 'recompAlgorithms', 'verifyCompressors', 'memLimit', 'dedup'],
  ...['backing', 'compressedWriteback', 'writebackBatchSize', 'trackEntryActime', 'kernel', 'chainSize'],
  ...['dedupCache', 'shrinker'],
] as const;

/**
 * Copies the options of a device, reading each once: also those in lists, the bytes of dictionaries, and the members of
 * a backing.
 * @throws ZramError EINVAL: an unknown option, or one that cannot be read
 */
export function readDeviceOptions<T extends ZramOptions>(
  options: T | undefined,
  known: readonly string[],
  call: string,
): Partial<T> {
  const read: Partial<ZramOptions> & { dictionary?: unknown } = readOptions<ZramOptions>(options, known, call);
  if (read.backing !== undefined) read.backing = readBacking(read.backing);
  if (isBytes(read.dictionary)) read.dictionary = copyOf(read.dictionary);
  const list = readList(read.recompAlgorithms, 'recompAlgorithms');
  if (list) read.recompAlgorithms = list.map(readAlgorithm);
  return read as Partial<T>;
}

function readAlgorithm(one: unknown): string | RecompAlgorithm {
  if (typeof one !== 'object' || one === null) return one as string;
  const read = readOptions<RecompAlgorithm>(one as RecompAlgorithm, RECOMP_ALGORITHM_OPTIONS, 'recompAlgorithms');
  if (isBytes(read.dictionary)) read.dictionary = copyOf(read.dictionary);
  return read as RecompAlgorithm;
}
