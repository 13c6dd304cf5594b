/// <reference lib="esnext.disposable" preserve="true" />
/**
 * A file system in compressed memory, whose copies share all that is equal.
 * @module zram-wasm/fs
 */
import { ZramError } from '../bindings/base/errors.js';
import type {
  CompactReport,
  LoadedFile,
  LoadSource,
  MergeOptions,
  MergeReport,
  SaveReport,
  SaveSink,
  Zram,
} from '../bindings/index.js';
import { constants, type FsConstants } from './fs/constants.js';
import { diffTrees, type FileDifference } from './fs/diff.js';
import { on } from './fs/errors.js';
import { exportTo, partsOf, tarOf, type ExportOptions, type ExportToOptions } from './fs/export.js';
import { importInto, type ImportOptions, type TarSource } from './fs/import.js';
import { OpenFiles } from './fs/open-files.js';
import {
  readLoadOptions,
  readOptions,
  readSaveOptions,
  type PageFsLoadOptions,
  type PageFsLoadOwnOptions,
  type PageFsOptions,
  type PageFsOwnOptions,
  type PageFsSaveOptions,
  type ReadLoadOptions,
} from './fs/options.js';
import { FsPromises } from './fs/promises.js';
import { libraryOf, namedIn, saveTrees, treesOf } from './fs/save.js';
import { FILES, TREE } from './fs/state.js';
import type { PartsOf } from './fs/tree-copy.js';
import type { ImportReport } from './fs/tree-builder.js';
import { Tree } from './fs/tree.js';
import { TreeCalls } from './fs/tree-calls.js';
import { statsOf, type FileSystemStats } from './fs/usage.js';

export type { Data, Mode, PathLike, TimeLike, UrlLike } from './fs/arguments.js';
export type { FsConstantName, FsConstants } from './fs/constants.js';
export type { FileLike, ReadFileOptions, ReadWriteOptions, WriteFileOptions } from './fs/data-calls.js';
export type { ByteRange, FileDifference } from './fs/diff.js';
export { Dir } from './fs/directory-handle.js';
export type { FsError } from './fs/errors.js';
export type { ExportOptions, ExportToOptions } from './fs/export.js';
export {
  FileHandle,
  type Abortable,
  type DataOrPieces,
  type HandleReadOptions,
  type ReadResult,
  type ReadResultOfAll,
  type SignalLike,
  type WriteResult,
  type WriteResultOfAll,
} from './fs/file-handle.js';
export type { ImportOptions, TarSource } from './fs/import.js';
export type { NodeStats, NodeTime, ReadableFs, WritableFs } from './fs/node-calls.js';
export type { RefusalCode } from './fs/refusal.js';
export type { StatOptions, StatPathOptions } from './fs/inode-calls.js';
export type { EncodingOptions, MkdirOptions, ReaddirOptions, RmOptions } from './fs/name-calls.js';
export type {
  PageFsLoadOptions,
  PageFsLoadOwnOptions,
  PageFsOptions,
  PageFsOwnOptions,
  PageFsSaveOptions,
} from './fs/options.js';
export { FsPromises, type PathOrHandle } from './fs/promises.js';
export { BigIntStats, Dirent, FileType, Stats, type StatFs } from './fs/stats.js';
export type { Encoding } from './fs/text.js';
export type { ImportReport } from './fs/tree-builder.js';
export type { AsyncCpOptions, CpOptions, OpendirOptions } from './fs/tree-calls.js';
export type { FileSystemStats } from './fs/usage.js';

/** File systems to save to one file: by name, or as a list, whose names are '0', '1' and so on. */
export type SavedFileSystems =
  | readonly PageFs[]
  | ReadonlyMap<string, PageFs>
  | {
      /** A file system by its name. */
      readonly [name: string]: PageFs;
    };

/** The content of a file of `PageFs.saveAll`. */
export interface LoadedFileSystems {
  /** By name, in the order of the file. */
  readonly fileSystems: ReadonlyMap<string, PageFs>;
  /** The comment with which it was saved. */
  readonly comment: string | undefined;
}

/**
 * A file system in compressed memory, with the synchronous calls of Node's `fs` by their names, with its errors.
 *
 * `fork()` gives a writable copy and `snapshot()` a frozen one, at the cost of what later differs. Every call throws
 * `EINVAL` after `destroy()`.
 */
export class PageFs extends TreeCalls {
  /** @internal Fixed, since a bundler may rename the class. */
  static override readonly name = 'PageFs';
  /** As `fs.constants` of Node on Linux. */
  static readonly constants: FsConstants = constants;
  readonly #tree: Tree;
  readonly #files: OpenFiles;
  #destroyed = false;
  /** The calls by their names in `fs.promises`. */
  readonly promises: FsPromises = new FsPromises(this);

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
    const { engine, maxMetadata, rest } = readOptions(options, 'PageFs.create');
    if (engine) return PageFs.#on(engine.createZram(rest), maxMetadata);
    const { Zram } = await import('../bindings/index.js');
    return PageFs.#on(await Zram.create(rest), maxMetadata);
  }

  /** As `create`, on your engine. */
  static createSync(options: PageFsOptions): PageFs {
    const { engine, maxMetadata, rest } = readOptions(options, 'PageFs.createSync');
    if (typeof engine?.createZram !== 'function') {
      throw new ZramError('EINVAL', 'PageFs.createSync needs an engine: use await PageFs.create() for one of its own.');
    }
    return PageFs.#on(engine.createZram(rest), maxMetadata);
  }

  static #on(device: Zram, maxMetadata: number): PageFs {
    return new PageFs(Tree.empty(device, maxMetadata));
  }

  /**
   * Makes a writable file system of a file of `save`: on your engine, or on one of its own. It has all that was saved, with
   * inodes, times and holes; nothing is open in it.
   * @param source the file; it is read to its end, or cancelled after a failure
   * @throws ZramError EINVAL: the file is truncated, damaged, of another version or not one of file systems, or it has
   * several; EOPNOTSUPP: a compressor that is not available; ENOMEM: `memLimit`, `maxMemory` or `maxMetadata` is reached;
   * EIO: the source failed. After a failure nothing remains
   */
  static async load(source: LoadSource, options: PageFsLoadOptions | PageFsLoadOwnOptions = {}): Promise<PageFs> {
    const { fileSystems } = await PageFs.#load(source, options, 'PageFs.load', true);
    return fileSystems.values().next().value as PageFs;
  }

  /**
   * As `load`, for files with any number of file systems: forks share what they shared, and snapshots are snapshots. An
   * engine of their own ends with the last of them.
   */
  static async loadAll(
    source: LoadSource,
    options: PageFsLoadOptions | PageFsLoadOwnOptions = {},
  ): Promise<LoadedFileSystems> {
    return PageFs.#load(source, options, 'PageFs.loadAll', false);
  }

  static async #load(source: LoadSource, options: unknown, call: string, one: boolean): Promise<LoadedFileSystems> {
    let read: Partial<ReadLoadOptions>;
    try {
      read = readLoadOptions(options, call);
    } catch (error) {
      read = { rest: failing(error) }; // the library cancels the source
    }
    const { engine, maxMetadata = 0, rest } = read;
    let file: LoadedFile;
    if (engine) file = await engine.loadAll(source, rest);
    else {
      const { Zram } = await import('../bindings/index.js');
      file = await Zram.loadAll(source, rest);
    }
    const trees = await treesOf(file, maxMetadata, one);
    const fileSystems = new Map([...trees].map(([name, tree]) => [name, new PageFs(tree)]));
    return Object.freeze({ fileSystems, comment: file.comment });
  }

  /** As `fs.constants` of Node on Linux. */
  get constants(): FsConstants {
    return constants;
  }

  /** Whether this is a snapshot, which cannot be changed. */
  get frozen(): boolean {
    return this[TREE].frozen;
  }

  /**
   * Makes a writable copy. Files that are open here are not open in it. It may outlive this one.
   * @throws ZramError ENOMEM; FsError EBUSY: a compressor called it, in a call for this file system
   */
  fork(): PageFs {
    return new PageFs(this[TREE].fork());
  }

  /**
   * Makes a copy that cannot be changed: calls that would are `EROFS`. It may outlive this one.
   * @throws ZramError ENOMEM; FsError EBUSY: as for `fork`
   */
  snapshot(): PageFs {
    return new PageFs(this[TREE].freeze());
  }

  /**
   * Imports a tar, or a directory: all of it, or, after an error, nothing. Calls in between see the state before.
   *
   * A tar is ustar, pax, GNU's or v7, not compressed: `stream.pipeThrough(new DecompressionStream('gzip'))` makes one of a
   * `.tar.gz`. Long names, hard links, times and sparse files are taken; extended attributes are not. Nothing that is there
   * is replaced; directories that are there are filled up.
   * @param source a tar, or the path of a directory of Node's file system or of `options.fs`
   * @throws FsError with a code of `RefusalCode`, for a tar or directory that is damaged, or that would reach outside
   * `into`; ENOSPC: memory ended; EROFS: this is a snapshot. Costs no more than writing the files
   */
  async import(source: TarSource | string | URL, options: ImportOptions = {}): Promise<ImportReport> {
    const target = {
      stage: () => new PageFs(this[TREE].stage(on('import'))),
      isOriginOf: (staged: PageFs) => this[TREE].isOriginOf(staged[TREE]),
      adopt: (staged: PageFs) => this[TREE].adopt(staged[TREE]),
      partsOf: (staged: PageFs) => partsOf(staged[TREE]),
    };
    return importInto(target, source, options);
  }

  /**
   * The files as a tar, in pieces of 256 KiB: of the state when the first is taken. `Readable.from(fs.export())` makes a
   * stream of Node.js of it. Names are in order, so the same files give the same bytes; holes are left out, the second
   * name of a file is a hard link.
   * @throws FsError ENOENT, ENOTDIR: `from` is no directory; ZramError ENOMEM: no memory for a snapshot
   */
  export(options?: ExportOptions): AsyncGenerator<Uint8Array<ArrayBuffer>, void, undefined>;
  /**
   * Makes a directory with the files, on Node's file system or on `options.fs`: all of it, or, after an error, nothing.
   * @param directory is made; if it is there it must be empty
   * @throws FsError ENOTEMPTY; EXDEV: a symbolic link leads out, and `outsideLinks` is not set; and what `options.fs`
   * throws; ZramError ENOMEM: no memory for a snapshot
   */
  export(directory: string | URL, options?: ExportToOptions): Promise<ImportReport>;
  export(
    directoryOrOptions: string | URL | ExportOptions = {},
    options: ExportToOptions = {},
  ): AsyncGenerator<Uint8Array<ArrayBuffer>, void, undefined> | Promise<ImportReport> {
    const take = (): { frozen: PageFs; partsOf: PartsOf } => {
      const frozen = this.snapshot();
      return { frozen, partsOf: partsOf(frozen[TREE]) };
    };
    const isDirectory = typeof directoryOrOptions === 'string' || directoryOrOptions instanceof URL;
    return isDirectory ? exportTo(take, directoryOrOptions, options) : tarOf(take, directoryOrOptions);
  }

  /**
   * Writes all files, with inodes, times and holes, to a file or stream: pages as they are stored, shared pages once. Files
   * that are open are saved as they are; those without a name are not.
   *
   * What is saved is the state when the call begins, whatever is written meanwhile. Timers and I/O run every 8 ms.
   * @param sink the destination; streams are closed at the end, and aborted after a failure
   * @throws ZramError EINVAL: not a sink; ENOMEM: no memory for a snapshot; EIO: the sink failed. Nothing has changed
   */
  async save(sink: SaveSink): Promise<SaveReport> {
    return PageFs.saveAll(sink, [this]);
  }

  /**
   * Writes file systems on one pool to one file: forks and snapshots, in which they share pages and inodes as in memory.
   * @param sink as for `save`
   * @param saved file systems, by name or as a list
   * @throws ZramError as `save`; EINVAL: they are on different pools
   */
  static async saveAll(sink: SaveSink, saved: SavedFileSystems, options: PageFsSaveOptions = {}): Promise<SaveReport> {
    let list: (readonly [name: string, fs: PageFs])[] = [];
    let failure: Error | undefined;
    try {
      list = namedIn(saved, (value) => value instanceof PageFs);
    } catch (error) {
      failure = error as Error;
    }
    const first = list[0]?.[1];
    // Without one there is nothing to save: the library ends the sink, with the reason.
    const library = first ? libraryOf(first.#tree.device) : (await import('../bindings/index.js')).Zram;
    const trees = (): (readonly [string, Tree])[] => {
      if (failure) throw failure;
      return list.map(([name, fs]) => [name, fs[TREE]]);
    };
    return saveTrees(library, sink, trees, () => readSaveOptions(options, 'PageFs.saveAll').comment);
  }

  /**
   * The paths at which another file system differs from this one, sorted, with the bytes that read differently: by whole
   * pages. Times are not compared. What forks share is not read, so the cost is 1 µs for each name, and what differs.
   * @param other of any engine
   * @throws ZramError EINVAL: not a PageFs, or a destroyed one; EIO: a page cannot be read
   */
  diff(other: PageFs): FileDifference[] {
    if (!(other instanceof PageFs)) throw new ZramError('EINVAL', 'diff takes another PageFs.');
    return diffTrees(this[TREE], other[TREE]);
  }

  /**
   * Stores equal pages once, of all forks, snapshots and other users of the pool: as `Zram.merge`.
   * @throws FsError EROFS: this is a snapshot
   */
  merge(options?: MergeOptions): MergeReport {
    return this[TREE].writable(on('merge')).merge(options);
  }

  /** Gives back what removed files have left sparse: as `Zram.compact`. @throws FsError EROFS: this is a snapshot */
  compact(): CompactReport {
    const disk = this[TREE].writable(on('compact'));
    this[TREE].discardStale();
    return disk.compact();
  }

  /** What there is, and how much of it is shared with forks. Takes 0.1 µs for each page. */
  stats(): FileSystemStats {
    return statsOf(this[TREE]);
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

/** Options that fail when they are read. */
function failing(error: unknown): { memLimit?: number } {
  return {
    get memLimit(): never {
      throw error;
    },
  };
}

function destroyed(): ZramError {
  return new ZramError('EINVAL', 'this PageFs was destroyed.');
}
