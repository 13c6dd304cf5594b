/// <reference lib="esnext.disposable" preserve="true" />
/**
 * A `PageFs` that outlives its program, as compressed pages in one file: of the origin's private file system, or any disk.
 * @module zram-wasm/store
 */
import { ZramError } from '../bindings/base/errors.js';
import { PageFs, type PageFsOptions, type PageFsOwnOptions } from './fs.js';
import { TREE } from './fs/state.js';
import type { Tree } from './fs/tree.js';
import { Codec } from './store/codec.js';
import { StoreFile, type SyncFile } from './store/file.js';
import { Files } from './store/files.js';
import { Journal } from './store/journal.js';
import { readStore } from './store/reading.js';
import { Space, UNIT } from './store/space.js';

export type { SyncFile } from './store/file.js';

/** Options of a store: those of its file system, and one of its own. */
export type PageStoreOptions = (PageFsOptions | PageFsOwnOptions) & {
  /**
   * The compressor of the pages in a new file, such as `'deflate'` or `'zstd'`: smaller than in memory, and slower to open
   * and to sync. A file that is there keeps its own. Default: that of the memory, whose blocks then are read as they are.
   */
  fileAlgorithm?: string | undefined;
};

/** What a store takes and holds. */
export interface PageStoreStats {
  /** Bytes of the file. */
  readonly fileBytes: number;
  /** Of those, compressed pages: equal ones once. */
  readonly blockBytes: number;
  /** Of those, free: pages that are written next go there. */
  readonly freeBytes: number;
  /** Distinct pages. */
  readonly blocks: number;
  /** JavaScript memory that the index takes, as an estimate. */
  readonly indexBytes: number;
}

/**
 * Keeps a `PageFs` in a file. Opening reads the compressed pages into memory, some 20 µs each; `sync` writes
 * what changed since the last one, all or nothing: after a crash at any moment, the files are as they were at the last
 * `sync` that returned, or at the one in progress.
 *
 * ```js
 * const root = await navigator.storage.getDirectory();
 * const file = await root.getFileHandle('files.zram', { create: true });
 * const store = await PageStore.open(await file.createSyncAccessHandle()); // in a worker
 * store.fs.writeFileSync('/notes', 'text');
 * store.sync();
 * ```
 */
export class PageStore {
  /** @internal Fixed, since a bundler may rename the class. */
  static readonly name = 'PageStore';
  /**
   * The files, in memory. `fsyncSync` and `fdatasyncSync` of any descriptor call `sync`. Its forks and snapshots are not
   * kept.
   */
  readonly fs: PageFs;
  readonly #file: StoreFile;
  readonly #files: Files;
  #closed = false;

  private constructor(fs: PageFs, file: StoreFile, files: Files) {
    this.fs = fs;
    this.#file = file;
    this.#files = files;
    fs[TREE].onSync = () => this.sync();
  }

  /**
   * Opens a store, or makes one of an empty file.
   * @param file is the store's until `close`; after a failure, the caller's
   * @param options as of `PageFs.create`, and `fileAlgorithm`
   * @throws ZramError EINVAL: the file is no store, one of another version, or one with another dictionary; EIO: it is
   * damaged, or cannot be read; ENOSPC: there is no room for a new one; ENOMEM: the files do not fit `maxMemory`
   */
  static async open(file: SyncFile, options: PageStoreOptions = {}): Promise<PageStore> {
    const { fileAlgorithm, ...ofFs } = read(options);
    const stored = new StoreFile(file);
    const space = new Space();
    const journal = new Journal(stored, space);
    const found = readStore(stored, journal, space);
    const fs = await PageFs.create(ofFs);
    let codec: Codec | undefined;
    try {
      codec = await Codec.of(fs[TREE], ofFs, fileAlgorithm, found?.settings);
      const files = new Files(stored, journal, space, codec);
      files.open(fs[TREE], found?.content);
      return new PageStore(fs, stored, files);
    } catch (error) {
      codec?.destroy();
      fs.destroy();
      throw error;
    }
  }

  /**
   * Writes what changed since the last call. What was written is on the disk when it returns. Costs a quarter of a
   * millisecond, half of one for files of 512 MiB, some 10 µs for each page that changed, and the disk's time.
   * @throws ZramError ENOSPC: the disk or quota is full; EIO: the file cannot be written; ENOMEM. What was on the disk
   * stays there, or this is there; what is in memory is not touched, and the next call tries again
   */
  sync(): void {
    this.#files.sync(this.#tree());
  }

  #tree(): Tree {
    if (this.#closed) throw new ZramError('EINVAL', 'this PageStore was closed.');
    return this.fs[TREE];
  }

  /** What it takes. */
  stats(): PageStoreStats {
    this.#tree();
    const { blocks, space, indexBytes } = this.#files;
    const fileBytes = this.#file.size;
    return Object.freeze({
      fileBytes,
      blockBytes: blocks.bytes,
      freeBytes: Math.max(0, fileBytes - space.used * UNIT),
      blocks: blocks.count,
      indexBytes,
    });
  }

  /**
   * Syncs, closes the file and destroys `fs`. Calling it again does nothing.
   * @throws ZramError as `sync`; the file is closed all the same
   */
  close(): void {
    if (this.#closed) return;
    try {
      this.sync();
    } finally {
      this.#closed = true;
      try {
        this.#files.close();
        this.fs.destroy();
      } finally {
        this.#file.close();
      }
    }
  }

  /** The same as `close()`, for `using`. */
  [Symbol.dispose](): void {
    this.close();
  }
}

/** @throws ZramError EINVAL */
function read(options: PageStoreOptions): PageStoreOptions {
  const { fileAlgorithm } = (options ?? {}) as { fileAlgorithm?: unknown };
  const isRight = typeof options === 'object' && options !== null;
  if (isRight && (fileAlgorithm === undefined || typeof fileAlgorithm === 'string')) return options;
  throw new ZramError('EINVAL', 'the options of PageStore.open must be an object, and fileAlgorithm in it a name.');
}
