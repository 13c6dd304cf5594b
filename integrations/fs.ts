/// <reference lib="esnext.disposable" preserve="true" />
/**
 * A file system in compressed memory, whose copies share all that is equal.
 * @module zram-wasm/fs
 */
import { ZramError } from '../bindings/base/errors.js';
import type { Engine, EngineOptions, Zram, ZramOptions } from '../bindings/index.js';
import { constants, FILE_BYTES_MAX } from './fs/constants.js';
import { DataCalls } from './fs/data-calls.js';
import { OpenFiles } from './fs/open-files.js';
import { FILES, TREE } from './fs/state.js';
import { Tree } from './fs/tree.js';

export type { Data, Mode, PathLike, TimeLike, UrlLike } from './fs/arguments.js';
export type { FileLike, ReadFileOptions, ReadWriteOptions, WriteFileOptions } from './fs/data-calls.js';
export type { FsError } from './fs/errors.js';
export type { StatOptions, StatPathOptions } from './fs/inode-calls.js';
export type { EncodingOptions, MkdirOptions, ReaddirOptions, RmOptions } from './fs/name-calls.js';
export { BigIntStats, Dirent, Stats, type StatFs } from './fs/stats.js';
export type { Encoding } from './fs/text.js';

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
  engine?: undefined;
}

const METADATA_MAX = 512 * 2 ** 20;

/**
 * A file system in compressed memory, with the synchronous calls of Node's `fs` by their names, with its errors.
 *
 * `fork()` gives a writable copy and `snapshot()` a frozen one, at the cost of what later differs. Every call throws
 * `EINVAL` after `destroy()`.
 */
export class PageFs extends DataCalls {
  /** @internal Fixed, since a bundler may rename the class. */
  static override readonly name = 'PageFs';
  /** As `fs.constants` of Node on Linux. */
  static readonly constants = constants;
  readonly #tree: Tree;
  readonly #files: OpenFiles;
  #destroyed = false;

  private constructor(tree: Tree) {
    super();
    if (!(tree instanceof Tree)) {
      throw new ZramError('EINVAL', 'make a PageFs with await PageFs.create() or PageFs.createSync().');
    }
    this.#tree = tree;
    this.#files = new OpenFiles(tree);
  }

  /**
   * Makes an empty file system: on your engine, or on one of its own, which ends with the last of its forks and
   * snapshots.
   * @throws ZramError EINVAL: a wrong option; ENOMEM
   */
  static async create(options: PageFsOptions | PageFsOwnOptions = {}): Promise<PageFs> {
    if (options.engine) return PageFs.createSync(options);
    const { maxMetadata = METADATA_MAX, engine: _, ...rest } = options;
    const { Zram } = await import('../bindings/index.js');
    return PageFs.#on(await Zram.create({ ...rest, ...DISK }), maxMetadata);
  }

  /** As `create`, on your engine. */
  static createSync(options: PageFsOptions): PageFs {
    const { engine, maxMetadata = METADATA_MAX, ...rest } = options;
    return PageFs.#on(engine.createZram({ ...rest, ...DISK }), maxMetadata);
  }

  static #on(device: Zram, maxMetadata: number): PageFs {
    return new PageFs(Tree.empty(device, maxMetadata));
  }

  /** As `fs.constants` of Node on Linux. */
  get constants(): typeof constants {
    return constants;
  }

  /** Whether this is a snapshot, which cannot be changed. */
  get frozen(): boolean {
    return this[TREE].frozen;
  }

  /**
   * Makes a writable copy. Files that are open here are not open in it. It may outlive this one.
   * @throws ZramError ENOMEM
   */
  fork(): PageFs {
    return new PageFs(this[TREE].fork());
  }

  /**
   * Makes a copy that cannot be changed: calls that would are `EROFS`. It may outlive this one.
   * @throws ZramError ENOMEM
   */
  snapshot(): PageFs {
    return new PageFs(this[TREE].freeze());
  }

  /** Frees what only this file system holds. Calling it again does nothing. */
  destroy(): void {
    if (this.#destroyed) return;
    this.#destroyed = true;
    this.#tree.destroy();
  }

  /** The same as `destroy()`, for `using`. */
  [Symbol.dispose](): void {
    this.destroy();
  }

  /** @internal */
  get [TREE](): Tree {
    if (this.#destroyed) throw destroyed();
    return this.#tree;
  }

  /** @internal */
  get [FILES](): OpenFiles {
    if (this.#destroyed) throw destroyed();
    return this.#files;
  }
}

/** The device's size costs nothing; times of access are for idle pages, which files do not have. */
const DISK = { disksize: FILE_BYTES_MAX, trackEntryActime: false } as const;

function destroyed(): ZramError {
  return new ZramError('EINVAL', 'this PageFs was destroyed.');
}
