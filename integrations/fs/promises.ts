/**
 * The calls by their names in `fs.promises`. Each does its work before it returns its promise, since all is in memory: what
 * differs is how results and errors come.
 */
import { optionsOf, type Mode, type PathLike, type TimeLike } from './arguments.js';
import { constants, type FsConstants } from './constants.js';
import type { ReadFileOptions, WriteFileOptions } from './data-calls.js';
import type { Dir } from './directory-handle.js';
import { checkAborted, FileHandle, isPieces, type Abortable, type DataOrPieces } from './file-handle.js';
import type { StatOptions } from './inode-calls.js';
import type { EncodingOptions, MkdirOptions, ReaddirOptions, RmOptions } from './name-calls.js';
import type { BigIntStats, Dirent, StatFs, Stats } from './stats.js';
import type { Encoding } from './text.js';
import { COPY, type AsyncCpOptions, type OpendirOptions, type TreeCalls } from './tree-calls.js';

/** Where a file is: its path, or an open file. */
export type PathOrHandle = PathLike | FileHandle;

function placeOf(file: PathOrHandle, syscall: string): PathLike | number {
  return file instanceof FileHandle ? file.open(syscall) : file;
}

/** The calls of a PageFs by their names in `fs.promises`. `watch` is not offered. */
export class FsPromises {
  readonly #fs: TreeCalls;

  /** @internal */
  constructor(fs: TreeCalls) {
    this.#fs = fs;
  }

  /** As `fs.constants` of Node on Linux. */
  get constants(): FsConstants {
    return constants;
  }

  /** As `openSync`, with a `FileHandle`. */
  async open(path: PathLike, flags?: string | number | null, mode?: Mode | null): Promise<FileHandle> {
    return new FileHandle(this.#fs, this.#fs.openSync(path, flags, mode));
  }

  /** As `opendirSync`. */
  async opendir(path: PathLike, options?: OpendirOptions | string | null): Promise<Dir> {
    return this.#fs.opendirSync(path, options);
  }

  /** As `readFileSync`. */
  readFile(
    file: PathOrHandle,
    options?: null | ({ encoding?: null | 'buffer'; flag?: string | number } & Abortable),
  ): Promise<Uint8Array<ArrayBuffer>>;
  readFile(
    file: PathOrHandle,
    options: Encoding | ({ encoding: Encoding; flag?: string | number } & Abortable),
  ): Promise<string>;
  readFile(
    file: PathOrHandle,
    options?: Encoding | (ReadFileOptions & Abortable) | null,
  ): Promise<string | Uint8Array<ArrayBuffer>>;
  async readFile(
    file: PathOrHandle,
    options?: Encoding | (ReadFileOptions & Abortable) | null,
  ): Promise<string | Uint8Array<ArrayBuffer>> {
    checkAborted(options);
    return this.#fs.readFileSync(placeOf(file, 'read'), options);
  }

  /** As `writeFileSync`. Pieces, such as those of a stream, are written as they come; the file is cut before the first. */
  async writeFile(
    file: PathOrHandle,
    data: DataOrPieces,
    options?: Encoding | (WriteFileOptions & Abortable) | null,
  ): Promise<void> {
    await this.#write(file, data, options, 'w');
  }

  /** As `appendFileSync`, and pieces as `writeFile`. */
  async appendFile(
    file: PathOrHandle,
    data: DataOrPieces,
    options?: Encoding | (WriteFileOptions & Abortable) | null,
  ): Promise<void> {
    await this.#write(file, data, options, 'a');
  }

  async #write(
    file: PathOrHandle,
    data: DataOrPieces,
    options: Encoding | (WriteFileOptions & Abortable) | null | undefined,
    otherwise: string,
  ): Promise<void> {
    if (file instanceof FileHandle) return file.writeFile(data, options);
    checkAborted(options);
    const { mode, flag, ...rest } = optionsOf<WriteFileOptions>(options, {});
    const how = flag ?? otherwise;
    if (!isPieces(data)) {
      this.#fs.writeFileSync(file, data, { mode, flag: how, ...rest });
      return;
    }
    const handle = await this.open(file, how, mode);
    try {
      await handle.writeFile(data, rest);
    } finally {
      await handle.close();
    }
  }

  /** As `copyFileSync`. */
  async copyFile(src: PathLike, dest: PathLike, mode?: number): Promise<void> {
    this.#fs.copyFileSync(src, dest, mode);
  }

  /** As `cpSync`, with a `filter` that may also answer later. */
  async cp(source: PathLike, destination: PathLike, options?: AsyncCpOptions): Promise<void> {
    const copying = this.#fs[COPY](source, destination, options);
    for (let step = copying.next(); !step.done;) step = copying.next(await step.value);
  }

  /** As `truncateSync`. */
  async truncate(path: PathLike, length?: number | null): Promise<void> {
    this.#fs.truncateSync(path, length);
  }

  // ── names ────────────────────────────────────────────────────────────────────────────────────────────────────────

  /** As `mkdirSync`. */
  async mkdir(path: PathLike, options?: MkdirOptions | Mode | null): Promise<string | undefined> {
    return this.#fs.mkdirSync(path, options);
  }

  /** As `mkdtempSync`. */
  async mkdtemp(prefix: PathLike, options?: EncodingOptions | string | null): Promise<string> {
    return this.#fs.mkdtempSync(prefix, options);
  }

  /** As `readdirSync`. */
  readdir(
    path: PathLike,
    options: ReaddirOptions & { withFileTypes: true; encoding: 'buffer' },
  ): Promise<Dirent<Uint8Array>[]>;
  readdir(path: PathLike, options: ReaddirOptions & { withFileTypes: true }): Promise<Dirent[]>;
  readdir(path: PathLike, options: 'buffer' | (ReaddirOptions & { encoding: 'buffer' })): Promise<Uint8Array[]>;
  readdir(path: PathLike, options?: (ReaddirOptions & { withFileTypes?: false }) | Encoding | null): Promise<string[]>;
  async readdir(
    path: PathLike,
    options?: ReaddirOptions | string | null,
  ): Promise<(string | Uint8Array | Dirent | Dirent<Uint8Array>)[]> {
    return this.#fs.readdirSync(path, options as ReaddirOptions & { withFileTypes: true });
  }

  /** As `rmdirSync`. */
  async rmdir(path: PathLike): Promise<void> {
    this.#fs.rmdirSync(path);
  }

  /** As `rmSync`. */
  async rm(path: PathLike, options?: RmOptions): Promise<void> {
    this.#fs.rmSync(path, options);
  }

  /** As `unlinkSync`. */
  async unlink(path: PathLike): Promise<void> {
    this.#fs.unlinkSync(path);
  }

  /** As `renameSync`. */
  async rename(oldPath: PathLike, newPath: PathLike): Promise<void> {
    this.#fs.renameSync(oldPath, newPath);
  }

  /** As `linkSync`. */
  async link(existingPath: PathLike, newPath: PathLike): Promise<void> {
    this.#fs.linkSync(existingPath, newPath);
  }

  /** As `symlinkSync`. */
  async symlink(target: PathLike, path: PathLike, type?: string | null): Promise<void> {
    this.#fs.symlinkSync(target, path, type);
  }

  /** As `readlinkSync`. */
  readlink(path: PathLike, options: { encoding: 'buffer' } | 'buffer'): Promise<Uint8Array>;
  readlink(path: PathLike, options?: EncodingOptions | Encoding | null): Promise<string>;
  async readlink(path: PathLike, options?: EncodingOptions | string | null): Promise<string | Uint8Array> {
    return this.#fs.readlinkSync(path, options as 'buffer');
  }

  /** As `realpathSync`. */
  realpath(path: PathLike, options: { encoding: 'buffer' } | 'buffer'): Promise<Uint8Array>;
  realpath(path: PathLike, options?: EncodingOptions | Encoding | null): Promise<string>;
  async realpath(path: PathLike, options?: EncodingOptions | string | null): Promise<string | Uint8Array> {
    return this.#fs.realpathSync(path, options as 'buffer');
  }

  // ── one file ─────────────────────────────────────────────────────────────────────────────────────────────────────

  /** As `statSync`. */
  stat(path: PathLike, options: StatOptions & { bigint: true }): Promise<BigIntStats>;
  stat(path: PathLike, options?: StatOptions & { bigint?: false }): Promise<Stats>;
  async stat(path: PathLike, options?: StatOptions): Promise<Stats | BigIntStats> {
    return this.#fs.statSync(path, { bigint: options?.bigint }) as Stats | BigIntStats;
  }

  /** As `lstatSync`. */
  lstat(path: PathLike, options: StatOptions & { bigint: true }): Promise<BigIntStats>;
  lstat(path: PathLike, options?: StatOptions & { bigint?: false }): Promise<Stats>;
  async lstat(path: PathLike, options?: StatOptions): Promise<Stats | BigIntStats> {
    return this.#fs.lstatSync(path, { bigint: options?.bigint }) as Stats | BigIntStats;
  }

  /** As `statfsSync`. */
  statfs(path: PathLike, options: StatOptions & { bigint: true }): Promise<StatFs<bigint>>;
  statfs(path: PathLike, options?: StatOptions & { bigint?: false }): Promise<StatFs>;
  async statfs(path: PathLike, options?: StatOptions): Promise<StatFs | StatFs<bigint>> {
    return this.#fs.statfsSync(path, options);
  }

  /** As `accessSync`. */
  async access(path: PathLike, mode?: number): Promise<void> {
    this.#fs.accessSync(path, mode);
  }

  /** As `chmodSync`. */
  async chmod(path: PathLike, mode: Mode): Promise<void> {
    this.#fs.chmodSync(path, mode);
  }

  /** As `chownSync`. */
  async chown(path: PathLike, uid: number, gid: number): Promise<void> {
    this.#fs.chownSync(path, uid, gid);
  }

  /** As `lchownSync`. */
  async lchown(path: PathLike, uid: number, gid: number): Promise<void> {
    this.#fs.lchownSync(path, uid, gid);
  }

  /** As `utimesSync`. */
  async utimes(path: PathLike, atime: TimeLike, mtime: TimeLike): Promise<void> {
    this.#fs.utimesSync(path, atime, mtime);
  }

  /** As `lutimesSync`. */
  async lutimes(path: PathLike, atime: TimeLike, mtime: TimeLike): Promise<void> {
    this.#fs.lutimesSync(path, atime, mtime);
  }
}
