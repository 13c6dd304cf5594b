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
   * Before an allocation is refused for a limit or for `maxMemory`, the pool merges and compacts, and tries again; at
   * most once each time a sixteenth of its objects is new. Such an allocation takes as long as a merge without a budget
   * plus a compaction: 0.5 to 1 s for a million objects. Default: false, as in the kernel.
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
