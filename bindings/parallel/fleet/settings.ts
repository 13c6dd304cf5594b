/** The options of a device on several workers: each is read once, checked, and made ready to be sent. */
import {
  checkBoolean,
  checkBytes,
  checkInteger,
  PAGE_SIZE,
  parseDiskPages,
  readList,
  readOptions,
} from '../../base/arguments.js';
import { copyOf, isBytes } from '../../base/bytes.js';
import { ZramError } from '../../base/errors.js';
import { defaultCompressorOf } from '../../base/kernel.js';
import { describe } from '../../base/messages.js';
import { parseSize, type Size } from '../../base/size.js';
import { FAVOR_DEC_SPEED_MAX, PRIORITIES } from '../../compressors/compressor.js';
import type { CoreSource } from '../../core/source.js';
import { RECOMP_ALGORITHM_OPTIONS, type RecompAlgorithm } from '../../device/options.js';
import type { RecompressOptions } from '../../device/post-process/recompress.js';
import { parseDedupCache } from '../../pool/options.js';
import type { ParallelZramOptions } from '../types.js';
import type { WorkerSource } from '../worker-source.js';
import { WORKERS_MAX } from './owners.js';
import type { DeviceOptions } from './protocol.js';
import { canShareMemory, hardwareThreads } from './thread.js';

/** Options of a device, except `pool` and `backing`, which cannot leave the thread that made them. */
const DEVICE_OPTIONS = [
  ...([
    'disksize',
    'compAlgorithm',
    'level',
    'dictionary',
    'recompAlgorithms',
    'verifyCompressors',
    'memLimit',
  ] as const),
  ...(['dedup', 'dedupCache', 'trackEntryActime', 'kernel', 'chainSize', 'shrinker'] as const),
] as const;
const OPTIONS = [...DEVICE_OPTIONS, 'module', 'maxMemory', 'workers', 'worker', 'sharedMemory'] as const;
const WORKERS_DEFAULT_MAX = 8;
/** The built-in compressors: functions cannot be sent to a worker, so none can be registered. */
const COMPRESSORS: readonly unknown[] = ['lzo-rle', 'lzo', 'lz4', 'lz4hc', 'deflate', 'zstd'];

export interface Settings {
  readonly workers: number;
  readonly source: WorkerSource | undefined;
  readonly sharesMemory: boolean;
  readonly module: CoreSource | undefined;
  /** Bytes. */
  readonly maxMemory: number | undefined;
  /** Pages of the disk; 0: the device waits for `init`. */
  readonly pages: number;
  /** By worker. */
  readonly devices: readonly DeviceOptions[];
}

/** @throws ZramError EINVAL: a wrong option */
export function readSettings(given: ParallelZramOptions | undefined): Settings {
  const options = readOptions(given, OPTIONS, 'ParallelZram.create');
  const { module, maxMemory, workers = defaultWorkers(), worker, sharedMemory, disksize } = options;
  const { memLimit = 0, dedupCache: copies = 0 } = options;
  checkInteger(workers, 'workers', 1, WORKERS_MAX);
  const limits = shares(memLimit, workers);
  const dedupCache = parseDedupCache(copies, workers);
  const pages = disksize === undefined ? 0 : parseDiskPages(disksize);
  const device = { ...deviceOf(options), dedupCache, ...(pages > 0 && { disksize: pages * PAGE_SIZE }) };
  return {
    workers,
    source: readSource(worker),
    sharesMemory: checkSharing(sharedMemory),
    module: readModule(module),
    maxMemory: maxMemory === undefined ? undefined : parseSize(maxMemory, 'maxMemory'),
    pages,
    devices: limits.map((limit) => ({ ...device, memLimit: limit })),
  };
}

function defaultWorkers(): number {
  return Math.max(1, Math.min(hardwareThreads(), WORKERS_DEFAULT_MAX));
}

/** Each worker's share of a limit in bytes, a multiple of a page; the sum is exactly the limit. */
function shares(memLimit: Size, workers: number): number[] {
  const pages = Math.ceil(parseSize(memLimit, 'memLimit') / PAGE_SIZE);
  if (pages > 0 && pages < workers) {
    throw new ZramError(
      'EINVAL',
      `memLimit must be at least ${workers * PAGE_SIZE} bytes, a page for each of ${workers} workers, or 0 for no limit.`,
    );
  }
  const each = Math.floor(pages / workers);
  return Array.from({ length: workers }, (_, n) => (each + Number(n < pages % workers)) * PAGE_SIZE);
}

/**
 * The options to send: numbers, strings and copies of bytes. The device in the worker checks them again, with their
 * ranges.
 */
function deviceOf(options: Partial<ParallelZramOptions>): DeviceOptions {
  const { kernel, level, dictionary, recompAlgorithms, chainSize } = options;
  const { compAlgorithm = defaultCompressorOf(kernel) } = options;
  const { verifyCompressors, dedup, trackEntryActime, shrinker } = options;
  for (const [name, value] of Object.entries({ verifyCompressors, dedup, trackEntryActime, shrinker })) {
    if (value !== undefined) checkBoolean(value, name);
  }
  if (chainSize !== undefined) checkInteger(chainSize, 'chainSize', 4, 16);
  const primary = readAlgorithm(compAlgorithm, 'compAlgorithm', { level, dictionary });
  const secondaries = readSecondaries(recompAlgorithms);
  const { algo, ...params } = primary;
  const rest = { verifyCompressors, dedup, trackEntryActime, kernel, shrinker, chainSize };
  return { compAlgorithm: algo, ...params, recompAlgorithms: secondaries, ...rest };
}

function readSecondaries(given: unknown): RecompAlgorithm[] | undefined {
  if (given === undefined) return undefined;
  const list = readList(given, 'recompAlgorithms');
  if (!list || list.length >= PRIORITIES) {
    throw new ZramError('EINVAL', `recompAlgorithms must be a list of up to ${PRIORITIES - 1} compressors.`);
  }
  return list.map((one) => {
    if (typeof one !== 'object' || one === null) return readAlgorithm(one, 'recompAlgorithms', {});
    const { algo, ...params } = readOptions(one as RecompAlgorithm, RECOMP_ALGORITHM_OPTIONS, 'recompAlgorithms');
    return readAlgorithm(algo, 'recompAlgorithms', params);
  });
}

function readAlgorithm(
  name: unknown,
  what: string,
  { level, dictionary, favorDecSpeed }: Omit<Partial<RecompAlgorithm>, 'algo'>,
): RecompAlgorithm {
  if (!COMPRESSORS.includes(name)) {
    throw new ZramError('EINVAL', `${what} must be one of ${COMPRESSORS.join(', ')}, not ${describe(name)}.`);
  }
  const algo = name as string;
  if (level !== undefined) checkInteger(level, 'level', -(2 ** 31), 2 ** 31 - 1);
  if (favorDecSpeed !== undefined) checkInteger(favorDecSpeed, 'favorDecSpeed', 0, FAVOR_DEC_SPEED_MAX);
  const params = { level, ...(favorDecSpeed === undefined ? {} : { favorDecSpeed }) };
  if (dictionary === undefined) return { algo, ...params };
  checkBytes(dictionary, 'dictionary');
  return { algo, ...params, dictionary: copyOf(dictionary) };
}

/** The address of the script, or the caller's function. */
function readSource(worker: unknown): WorkerSource | undefined {
  if (worker === undefined || typeof worker === 'function') return worker as WorkerSource | undefined;
  let address: unknown = worker;
  try {
    if (typeof worker === 'object') address = (worker as { href?: unknown } | null)?.href;
  } catch {
    // An address that cannot be read is refused below.
  }
  if (typeof address === 'string') return address;
  throw new ZramError('EINVAL', `worker must be a URL, or a function that starts a worker, not ${describe(worker)}.`);
}

function checkSharing(shares: unknown = canShareMemory()): boolean {
  checkBoolean(shares, 'sharedMemory');
  if (!shares || canShareMemory()) return shares;
  throw new ZramError(
    'EINVAL',
    'sharedMemory must be false here: it needs SharedArrayBuffer, and in a browser a cross-origin isolated page.',
  );
}

function readModule(module: unknown): CoreSource | undefined {
  if (module === undefined) return undefined;
  if (typeof module === 'object' && module !== null) return isBytes(module) ? copyOf(module) : module;
  throw new ZramError(
    'EINVAL',
    `module must be bytes, a WebAssembly.Module, a Response or a URL, not ${describe(module)}.`,
  );
}

/** @throws ZramError EINVAL: neither `'all'` nor an age. The device checks its range */
export function readIdle(what: unknown): 'all' | number {
  const age =
    typeof what === 'object' && what !== null
      ? (readOptions(what as { age?: number }, ['age'], 'idle').age as unknown)
      : what;
  if (age === undefined || age === 'all') return 'all';
  if (typeof age === 'number') return age;
  throw new ZramError('EINVAL', `idle must be 'all' or an age in seconds, not ${describe(age)}.`);
}

const TYPES: readonly unknown[] = ['idle', 'huge', 'huge_idle'];
const RECOMPRESS_OPTIONS = ['type', 'threshold', 'maxPages', 'algo', 'priority'] as const;

/** @throws ZramError EINVAL: a wrong option. The device checks whether the compressor exists */
export function readRecompressOptions(given: RecompressOptions | undefined): RecompressOptions {
  const options = readOptions(given, RECOMPRESS_OPTIONS, 'recompress');
  const { type, threshold, maxPages = Infinity, algo, priority } = options;
  if (type !== undefined && !TYPES.includes(type)) {
    throw new ZramError('EINVAL', `type must be idle, huge or huge_idle, not ${describe(type)}.`);
  }
  if (threshold !== undefined) parseSize(threshold, 'threshold');
  if (maxPages !== Infinity) checkInteger(maxPages, 'maxPages', 0, Number.MAX_SAFE_INTEGER);
  if (priority !== undefined) checkInteger(priority, 'priority', 0, PRIORITIES - 1);
  if (algo !== undefined && typeof algo !== 'string') {
    throw new ZramError('EINVAL', `algo must be a secondary compressor of this device, not ${describe(algo)}.`);
  }
  return options;
}
