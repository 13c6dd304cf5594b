/** The options of a file system: read once each, and refused when they are not known. */
import { ZramError } from '../../bindings/base/errors.js';
import type { Engine, EngineOptions, ZramOptions } from '../../bindings/index.js';
import { FILE_BYTES_MAX } from './constants.js';

/** Options of a file system on an engine of yours. */
export interface PageFsOptions extends Pick<
  ZramOptions,
  'compAlgorithm' | 'level' | 'dictionary' | 'memLimit' | 'dedup' | 'kernel' | 'chainSize' | 'shrinker' | 'pool'
> {
  /** The engine whose memory holds the files. */
  engine: Engine;
  /** Most bytes of JavaScript memory for names and inodes, by estimate: a file beyond is `ENOSPC`. Default: 512 MiB. */
  maxMetadata?: number | undefined;
}

/** Options of a file system with an engine of its own. */
export interface PageFsOwnOptions extends Omit<PageFsOptions, 'engine' | 'pool'>, EngineOptions {
  /** None: an engine is made. */
  engine?: undefined;
}

const METADATA_MAX = 512 * 2 ** 20;
const OF_DEVICE = [
  ...['compAlgorithm', 'level', 'dictionary', 'memLimit', 'dedup', 'kernel', 'chainSize', 'shrinker'],
] as const;
const OF_ENGINE = ['module', 'maxMemory', 'compressors'] as const;

/** What was read. */
export interface ReadOptions {
  readonly engine: Engine | undefined;
  readonly maxMetadata: number;
  /** For the device, and for an engine of its own. */
  readonly rest: ZramOptions & EngineOptions & { disksize: number };
}

/** @throws ZramError EINVAL: not an object, an unknown option, or a wrong `maxMetadata`; the device checks the others */
export function readOptions(options: unknown, call: string): ReadOptions {
  if (typeof options !== 'object' || options === null) {
    throw new ZramError('EINVAL', `the options of ${call} must be an object.`);
  }
  const given: Record<string, unknown> = { ...options };
  const { engine, maxMetadata = METADATA_MAX, ...rest } = given;
  const known: readonly string[] = [...OF_DEVICE, ...(engine === undefined ? OF_ENGINE : ['pool'])];
  for (const name of Object.keys(rest)) {
    if (known.includes(name)) continue;
    const all = ['engine', 'maxMetadata', ...known].join(', ');
    throw new ZramError('EINVAL', `${call} has no option '${name}' here; its options: ${all}.`);
  }
  if (typeof maxMetadata !== 'number' || !(maxMetadata >= 0)) {
    throw new ZramError('EINVAL', 'maxMetadata must be a number of bytes.');
  }
  // The size of the disk costs nothing; times of access are for idle pages, which files do not have.
  return { engine: engine as Engine | undefined, maxMetadata, rest: { ...rest, ...DISK } };
}

const DISK = { disksize: FILE_BYTES_MAX, trackEntryActime: false } as const;
