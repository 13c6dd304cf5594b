/** The options of a pool. */
import { checkBoolean, PAGE_SIZE, UINT32_MAX } from '../base/arguments.js';
import { ZramError } from '../base/errors.js';
import { kernelOf, type KernelProfile, type KernelVersion } from '../base/kernel.js';
import { describe } from '../base/messages.js';
import { parseSize, type Size } from '../base/size.js';

/** The options of a pool. */
export interface PoolOptions {
  /** The version of Linux whose size classes it has, and whose rules its devices follow; see `KERNELS`. Default: '6.18'. */
  kernel?: KernelVersion | undefined;
  /** Most 4 KiB frames of a zspage (CONFIG_ZSMALLOC_CHAIN_SIZE); default 8, on kernel 6.1 always 4. */
  chainSize?: 4 | 8 | 16 | undefined;
  /** Most bytes of zspages, rounded up to 4 KiB; an allocation beyond it is `ENOMEM`. Default: no limit. */
  limit?: Size | undefined;
  /** `store` shares an existing object with the same bytes, if there is one (after a byte compare). Default: false. */
  dedup?: boolean | undefined;
  /**
   * Bytes for uncompressed copies of pages, with which devices with `dedup` compare what is written: a duplicate of a
   * page that has one costs half as much. The first pages get copies, and then those that are written again most often;
   * pages that do not compress need none.
   * The memory, and 1/256 more for records, is taken as it is needed, and given back when no other is left.
   * Rounded down to 32 KiB; 0, or 32 KiB to 1020 MiB. Default: 0.
   */
  dedupCache?: Size | undefined;
  /**
   * Before an allocation is refused for a limit or for `maxMemory`, the pool merges and compacts, and tries again; at
   * most once each time a sixteenth of its objects is new. Such an allocation takes as long as a merge without a budget
   * plus a compaction: 0.5 to 1 s for a million objects. Default: false, as in the kernel.
   */
  shrinker?: boolean | undefined;
}

/** Bytes of one set of copies, and of as many as the core has records for: see assembly/zsmalloc/dedup-cache.ts. */
const DEDUP_CACHE_MIN = 8 * PAGE_SIZE;
const DEDUP_CACHE_MAX = 1020 * 2 ** 20;

export const POOL_OPTIONS = ['kernel', 'chainSize', 'limit', 'dedup', 'dedupCache', 'shrinker'] as const;

interface PoolSettings {
  kernel: KernelProfile;
  chainSize: number;
  limitPages: number;
  dedup: boolean;
  dedupCachePages: number;
  shrinker: boolean;
}

/** What each of so many pools gets of a `dedupCache`, bytes. @throws ZramError EINVAL */
export function parseDedupCache(size: Size, pools: number): number {
  const total = parseSize(size, 'dedupCache');
  const bytes = Math.floor(total / pools);
  if (total === 0 || (bytes >= DEDUP_CACHE_MIN && bytes <= DEDUP_CACHE_MAX)) return bytes;
  const forEach = pools === 1 ? '' : ` for each of ${pools} workers`;
  throw new ZramError('EINVAL', `dedupCache must be 0, or 32 KiB to 1020 MiB${forEach}, not ${describe(size)}.`);
}

/** The options with their defaults. @throws ZramError EINVAL */
export function checkPoolOptions(options: PoolOptions): PoolSettings {
  const kernel = kernelOf(options.kernel);
  const { chainSize = kernel.chainSize, limit = 0, dedup = false, dedupCache = 0, shrinker = false } = options;
  if (!kernel.chainSizes.includes(chainSize)) {
    const sizes = kernel.chainSizes.join(', ').replace(/, (?=\d+$)/, ' or ');
    throw new ZramError(
      'EINVAL',
      `chainSize must be ${sizes} on kernel ${kernel.version}, not ${describe(chainSize)}.`,
    );
  }
  checkBoolean(dedup, 'dedup');
  checkBoolean(shrinker, 'shrinker');
  const limitPages = Math.min(Math.ceil(parseSize(limit, 'limit') / PAGE_SIZE), UINT32_MAX);
  const dedupCachePages = Math.floor(parseDedupCache(dedupCache, 1) / PAGE_SIZE);
  return { kernel, chainSize, limitPages, dedup, dedupCachePages, shrinker };
}
