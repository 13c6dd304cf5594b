/** What a pool is made with. */
import { checkBoolean, PAGE_SIZE, UINT32_MAX } from '../base/arguments.js';
import { ZramError } from '../base/errors.js';
import { kernelOf, type KernelProfile, type KernelVersion } from '../base/kernel.js';
import { describe } from '../base/messages.js';
import { parseSize, type Size } from '../base/size.js';

/** What a pool is made with. */
export interface PoolOptions {
  /** The version of Linux whose size classes it has, and the rules of the devices on it; see `KERNELS`. Default: '6.18'. */
  kernel?: KernelVersion | undefined;
  /** Most 4 KiB frames that a zspage chains (CONFIG_ZSMALLOC_CHAIN_SIZE); default 8, before 6.3 always 4. */
  chainSize?: 4 | 8 | 16 | undefined;
  /** Most bytes of zspages, rounded up to pages; an allocation beyond is `ENOMEM`. Default: none. */
  limit?: Size | undefined;
  /** `store` looks for an object with the same bytes first, and shares it (after a byte compare). Default: false. */
  dedup?: boolean | undefined;
  /**
   * Before an allocation is refused for a limit or for `maxMemory`, the pool merges and compacts, and tries again; at
   * most once for every sixteenth of its objects that is new. That call then takes as long as a merge without a budget and a
   * compaction: 0.5 to 1 s a million objects. Default: false, as in the kernel.
   */
  shrinker?: boolean | undefined;
}

export const POOL_OPTIONS = ['kernel', 'chainSize', 'limit', 'dedup', 'shrinker'] as const;

interface PoolSettings {
  kernel: KernelProfile;
  chainSize: number;
  limitPages: number;
  dedup: boolean;
  shrinker: boolean;
}

/** The options with their defaults. @throws ZramError EINVAL */
export function checkPoolOptions(options: PoolOptions): PoolSettings {
  const kernel = kernelOf(options.kernel);
  const { chainSize = kernel.chainSize, limit = 0, dedup = false, shrinker = false } = options;
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
  return { kernel, chainSize, limitPages, dedup, shrinker };
}
