/** The options of a file system: read once each, and refused when they are not known. */
import { ZramError } from '../../bindings/base/errors.js';
import type { Engine, EngineOptions, LoadOptions, ZramOptions } from '../../bindings/index.js';
import { FILE_BYTES_MAX } from './constants.js';

/** Options of a file system on an engine of yours. */
export interface PageFsOptions extends Pick<
  ZramOptions,
  | 'compAlgorithm'
  | 'level'
  | 'dictionary'
  | 'memLimit'
  | 'dedup'
  | 'kernel'
  | 'chainSize'
  | 'dedupCache'
  | 'shrinker'
  | 'pool'
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

/** Options of loading to an engine of yours. Compressors and `dedup` are those of the file. */
export interface PageFsLoadOptions extends Pick<
  LoadOptions,
  'memLimit' | 'verifyCompressors' | 'kernel' | 'chainSize' | 'dedupCache' | 'shrinker' | 'pool'
> {
  /** The engine whose memory will hold the files. */
  engine: Engine;
  /** As for `create`; of each file system. */
  maxMetadata?: number | undefined;
}

/** Options of loading to an engine of its own. */
export interface PageFsLoadOwnOptions extends Omit<PageFsLoadOptions, 'engine' | 'pool'>, EngineOptions {
  /** None: an engine is made. */
  engine?: undefined;
}

/** Options of `saveAll`. */
export interface PageFsSaveOptions {
  /** A text of yours, which `loadAll` returns. */
  comment?: string | undefined;
}

const METADATA_MAX = 512 * 2 ** 20;
const OF_DEVICE = [
  ...['compAlgorithm', 'level', 'dictionary', 'memLimit', 'dedup', 'kernel', 'chainSize'],
  ...['dedupCache', 'shrinker'],
] as const;
const OF_LOADING = ['memLimit', 'verifyCompressors', 'kernel', 'chainSize', 'dedupCache', 'shrinker'] as const;
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
  const { engine, maxMetadata, rest } = readFor(options, OF_DEVICE, call);
  // The size of the disk costs nothing; times of access are for idle pages, which files do not have.
  return { engine, maxMetadata, rest: { ...rest, ...DISK } };
}

/** What was read. */
export interface ReadLoadOptions {
  readonly engine: Engine | undefined;
  readonly maxMetadata: number;
  /** For loading, and for an engine of its own. */
  readonly rest: LoadOptions & EngineOptions;
}

/** @throws ZramError as `readOptions` */
export function readLoadOptions(options: unknown, call: string): ReadLoadOptions {
  return readFor(options, OF_LOADING, call);
}

/** @throws ZramError EINVAL: not an object, or an unknown option */
export function readSaveOptions(options: unknown, call: string): PageFsSaveOptions {
  return known(options, ['comment'], call);
}

function readFor(options: unknown, names: readonly string[], call: string): ReadLoadOptions {
  const engine = typeof options === 'object' && options !== null ? (options as { engine?: unknown }).engine : undefined;
  const all = ['engine', 'maxMetadata', ...names, ...(engine === undefined ? OF_ENGINE : ['pool'])];
  const { maxMetadata = METADATA_MAX, engine: read, ...rest } = known(options, all, call);
  if (typeof maxMetadata !== 'number' || !(maxMetadata >= 0)) {
    throw new ZramError('EINVAL', 'maxMetadata must be a number of bytes.');
  }
  if (read !== undefined && !isEngine(read)) {
    throw new ZramError('EINVAL', 'engine must be an Engine.');
  }
  return { engine: read, maxMetadata, rest };
}

function isEngine(value: unknown): value is Engine {
  return typeof (value as Partial<Engine> | null | undefined)?.createZram === 'function';
}

function known(options: unknown, names: readonly string[], call: string): Record<string, unknown> {
  if (typeof options !== 'object' || options === null) {
    throw new ZramError('EINVAL', `the options of ${call} must be an object.`);
  }
  const given: Record<string, unknown> = { ...options };
  for (const name of Object.keys(given)) {
    if (names.includes(name)) continue;
    throw new ZramError('EINVAL', `${call} has no option '${name}' here; its options: ${names.join(', ')}.`);
  }
  return given;
}

const DISK = { disksize: FILE_BYTES_MAX, trackEntryActime: false } as const;
