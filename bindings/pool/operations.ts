/** Operations on pools of the core, by address: make, merge, compact and end. */
import { COMPACT, MERGE } from '../core/layout.js';
import { checkBoolean, checkInteger, readOptions, UINT32_MAX } from '../base/arguments.js';
import { ZramError } from '../base/errors.js';
import { describe } from '../base/messages.js';
import type { Core } from '../core/core.js';
import { checkPoolOptions, type PoolOptions } from './options.js';

const MERGE_OPTIONS = ['maxObjects', 'maxMilliseconds', 'dryRun'] as const;

/** @throws ZramError EINVAL: a wrong option */
export function readMergeOptions(given: MergeOptions | undefined): MergeOptions {
  const options = readOptions(given, MERGE_OPTIONS, 'merge');
  const { maxObjects, maxMilliseconds, dryRun = false } = options;
  if (maxObjects !== undefined) checkInteger(maxObjects, 'maxObjects', 1, Number.MAX_SAFE_INTEGER);
  if (maxMilliseconds !== undefined && !(typeof maxMilliseconds === 'number' && maxMilliseconds >= 0)) {
    throw new ZramError('EINVAL', `maxMilliseconds must be a number of 0 or more, not ${describe(maxMilliseconds)}.`);
  }
  checkBoolean(dryRun, 'dryRun');
  return options;
}

/**
 * Budgets for one call. Without a budget it finds all duplicates: an unfinished pass is continued, and restarted if
 * objects were stored or written since it began.
 */
export interface MergeOptions {
  /** Stop after scanning this many objects. */
  maxObjects?: number | undefined;
  /** Stop after about this many milliseconds. */
  maxMilliseconds?: number | undefined;
  /** Report what a merge would do, and change nothing. */
  dryRun?: boolean | undefined;
}

/** What one call of `merge` did. */
export interface MergeReport {
  /** Objects scanned. 0 when nothing was stored or written since the last complete pass. */
  readonly objectsScanned: number;
  /** Objects hashed in this call; cached hashes are not computed again. */
  readonly objectsHashed: number;
  /** Objects freed because a byte-identical one remains. */
  readonly objectsMerged: number;
  /** Payload bytes of those objects. */
  readonly bytesMerged: number;
  /** 4 KiB frames of the pool that were freed. */
  readonly pagesFreed: number;
  /** Pairs of objects with equal hashes and different bytes: compared, and kept apart. */
  readonly hashCollisions: number;
  /** False when a budget was used up first: the next call continues from there. */
  readonly complete: boolean;
  /** How long the call took. */
  readonly milliseconds: number;
}

/** The options of `compact`. */
export interface CompactOptions {
  /**
   * Then moves the device's objects within their size classes, so that pages that follow each other lie near each other:
   * pages that are read in turn take 5 to 15 % less time after recompression, or after writes in another order.
   * Which zspages become empty when pages go, later on, is no longer what the kernel has. Default: false.
   */
  inPageOrder?: boolean | undefined;
}

/** What one call of `compact` did. */
export interface CompactReport {
  /** 4 KiB frames of the pool that were freed. */
  readonly pagesFreed: number;
  /** Objects that were moved, to another zspage or to another place. */
  readonly objectsMoved: number;
  /** How long the call took. */
  readonly milliseconds: number;
}

/** Objects between two checks of the clock: some 0.2 ms. */
const MERGE_STEP = 256;

/** Result of poolMergeStep: a pass ended (any other non-zero result: there was nothing to look for). */
const PASS_ENDED = 1;

/** Makes a pool in the core. Returns its address. */
export function makePool(core: Core, options: PoolOptions): number {
  const { kernel, chainSize, limitPages, dedup, dedupCachePages, shrinker } = checkPoolOptions(options);
  if (dedup || shrinker) core.makeHashKey();
  const byPercent = Number(kernel.zspageRule === 'used-percent');
  const flags = [Number(dedup), Number(shrinker)] as const;
  const address = core.raw.poolMake(chainSize, byPercent, limitPages, ...flags, dedupCachePages);
  if (address === 0) throw new ZramError('ENOMEM', 'cannot allocate a pool: the engine has reached its maxMemory.');
  core.pools.add(address);
  return address;
}

export function endPool(core: Core, address: number): void {
  core.pools.delete(address);
  core.raw.poolEnd(address);
}

/**
 * zs_merge on a pool of the core.
 * @param pool returns the pool's address, and checks that it is alive; called after the options were read
 * @param onPass called when a pass over the whole pool ended in this call
 */
export function mergePool(
  core: Core,
  pool: () => number,
  options: MergeOptions | undefined,
  onPass?: () => void,
): MergeReport {
  const { maxObjects, maxMilliseconds, dryRun = false } = readMergeOptions(options);
  const address = pool();
  const { raw } = core;
  const dry = dryRun ? 1 : 0;
  const start = performance.now();
  const deadline = start + (maxMilliseconds ?? Infinity);
  const step = deadline === Infinity ? UINT32_MAX : MERGE_STEP;
  const most = maxObjects ?? Infinity;
  let looks = 0;
  let ended: number;
  core.makeHashKey();
  let now = start;
  let last: number;
  raw.poolMergeBegin(address, dry, Number(maxObjects === undefined && maxMilliseconds === undefined));
  do {
    ended = raw.poolMergeStep(address, Math.min(most - looks, step), dry);
    looks = core.number(MERGE.objectsScanned);
    last = now;
    now = performance.now();
    // The next step will take about as long as this one, and must end in time.
  } while (ended === 0 && looks < most && now + (now - last) < deadline);
  raw.poolMergeEnd(address, dry);
  if (ended === PASS_ENDED) onPass?.();
  return Object.freeze({
    objectsScanned: core.number(MERGE.objectsScanned),
    objectsHashed: core.number(MERGE.objectsHashed),
    objectsMerged: core.number(MERGE.objectsMerged),
    bytesMerged: core.number(MERGE.bytesMerged),
    pagesFreed: core.number(MERGE.pagesFreed),
    hashCollisions: core.number(MERGE.hashCollisions),
    complete: ended !== 0,
    milliseconds: performance.now() - start,
  });
}

/** @throws ZramError EINVAL: a wrong option */
export function readCompactOptions(given: CompactOptions | undefined): CompactOptions {
  const options = readOptions(given, ['inPageOrder'], 'compact');
  const { inPageOrder = false } = options;
  checkBoolean(inPageOrder, 'inPageOrder');
  return options;
}

/** zs_compact on a pool of the core. */
export function compactPool(core: Core, address: number): CompactReport {
  const start = performance.now();
  const pagesFreed = core.raw.poolCompact(address);
  return Object.freeze({
    pagesFreed,
    objectsMoved: core.number(COMPACT.objectsMoved),
    milliseconds: performance.now() - start,
  });
}
