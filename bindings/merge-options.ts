/** What `merge` is told. */
import { checkBoolean, checkInteger, readOptions } from './arguments.js';
import { ZramError } from './errors.js';
import { describe } from './size.js';
import type { MergeOptions } from './zs-pool.js';

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
