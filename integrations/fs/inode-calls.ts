/** Calls about one file: what is known about it, its permissions, owner, times and length. */
import { fdOf, idOf, integer, modeOf, pathOf, timeOf, type Mode, type PathLike, type TimeLike } from './arguments.js';
import { truncateContent } from './content.js';
import { constants, FILE_BYTES_MAX, PAGE_SIZE } from './constants.js';
import { asFsError, fsError, on, withCode, type Call } from './errors.js';
import type { Inode } from './inode.js';
import { changeMode, changeOwner, changeTimes } from './names.js';
import { Calls, FILES, TREE } from './state.js';
import { BigIntStats, Stats, type StatFs } from './stats.js';
import { find, walk } from './walk.js';

/** Options of `statSync` and its kin. */
export interface StatOptions {
  /** Whole numbers of any size, and times in nanoseconds. Default: false. */
  bigint?: boolean | undefined;
}

/** Options of `statSync` and `lstatSync`. */
export interface StatPathOptions extends StatOptions {
  /** Whether a missing file is an error, or undefined. Default: true. */
  throwIfNoEntry?: boolean | undefined;
}

const TMPFS_MAGIC = 0x01021994;
/** What a WebAssembly memory can hold, for `statfs`. */
const MEMORY_BYTES_MAX = 2 ** 32;

function statsOf(inode: Inode, options: StatOptions | null | undefined): Stats | BigIntStats {
  return options?.bigint ? new BigIntStats(inode) : new Stats(inode);
}

/** Calls about one file. */
export abstract class InodeCalls extends Calls {
  /** What is known about a file, or about what a symbolic link leads to. */
  statSync(path: PathLike, options: StatPathOptions & { bigint: true; throwIfNoEntry: false }): BigIntStats | undefined;
  statSync(path: PathLike, options: StatPathOptions & { bigint: true }): BigIntStats;
  statSync(path: PathLike, options: StatPathOptions & { bigint?: false; throwIfNoEntry: false }): Stats | undefined;
  statSync(path: PathLike, options?: StatPathOptions & { bigint?: false }): Stats;
  statSync(path: PathLike, options?: StatPathOptions): Stats | BigIntStats | undefined;
  statSync(path: PathLike, options?: StatPathOptions | null): Stats | BigIntStats | undefined {
    return this.#stat(path, 'always', 'stat', options);
  }

  /** As `statSync`, of a symbolic link itself. */
  lstatSync(
    path: PathLike,
    options: StatPathOptions & { bigint: true; throwIfNoEntry: false },
  ): BigIntStats | undefined;
  lstatSync(path: PathLike, options: StatPathOptions & { bigint: true }): BigIntStats;
  lstatSync(path: PathLike, options: StatPathOptions & { bigint?: false; throwIfNoEntry: false }): Stats | undefined;
  lstatSync(path: PathLike, options?: StatPathOptions & { bigint?: false }): Stats;
  lstatSync(path: PathLike, options?: StatPathOptions): Stats | BigIntStats | undefined;
  lstatSync(path: PathLike, options?: StatPathOptions | null): Stats | BigIntStats | undefined {
    return this.#stat(path, 'slash', 'lstat', options);
  }

  #stat(
    path: PathLike,
    follow: 'always' | 'slash',
    syscall: string,
    options: StatPathOptions | null | undefined,
  ): Stats | BigIntStats | undefined {
    const text = pathOf(path, syscall);
    try {
      return statsOf(find(this[TREE], text, follow, on(syscall, text)), options);
    } catch (error) {
      if (options?.throwIfNoEntry === false && (error as { code?: unknown }).code === 'ENOENT') return undefined;
      throw error;
    }
  }

  /** As `statSync`, of an open file. */
  fstatSync(fd: number, options: StatOptions & { bigint: true }): BigIntStats;
  fstatSync(fd: number, options?: StatOptions & { bigint?: false }): Stats;
  fstatSync(fd: number, options?: StatOptions): Stats | BigIntStats;
  fstatSync(fd: number, options?: StatOptions | null): Stats | BigIntStats {
    return statsOf(this[FILES].inode(fdOf(fd), on('fstat')), options);
  }

  /** Whether a path leads to something. Throws nothing: what is not a path leads nowhere. */
  existsSync(path: PathLike): boolean {
    const tree = this[TREE];
    try {
      const text = pathOf(path, 'access');
      // Not by `find`: for what is not there, an error would be made, which costs more than all else.
      const { ino, slash } = walk(tree, text, 'always', on('access', text));
      return ino !== 0 && (!slash || tree.get(ino).isDirectory);
    } catch {
      return false;
    }
  }

  /**
   * Checks that a file is there, as for the superuser: it may read and write all, and execute what anyone may.
   * @param mode of `F_OK`, `R_OK`, `W_OK` and `X_OK`; default `F_OK`
   */
  accessSync(path: PathLike, mode?: number): void {
    const text = pathOf(path, 'access');
    const wanted = mode ?? constants.F_OK;
    if (typeof wanted === 'number' && Number.isInteger(wanted) && (wanted < 0 || wanted > 7)) {
      throw withCode(new RangeError('mode is out of range: >= 0 && <= 7'), 'ERR_OUT_OF_RANGE');
    }
    integer(wanted, 'mode', 0, 7);
    const call = on('access', text);
    const inode = find(this[TREE], text, 'always', call);
    if ((wanted & constants.X_OK) !== 0 && inode.isFile && (inode.mode & 0o111) === 0) throw fsError('EACCES', call);
    if ((wanted & constants.W_OK) !== 0) this[TREE].checkWritable(call);
  }

  /** Sets the permissions. They are kept and reported, not enforced. */
  chmodSync(path: PathLike, mode: Mode): void {
    const text = pathOf(path, 'chmod');
    const bits = modeOf(mode);
    const call = on('chmod', text);
    changeMode(this[TREE], find(this[TREE], text, 'always', call).ino, bits, call);
  }

  /** As `chmodSync`, of an open file. */
  fchmodSync(fd: number, mode: Mode): void {
    const bits = modeOf(mode);
    const call = on('fchmod');
    changeMode(this[TREE], this[FILES].inode(fdOf(fd), call).ino, bits, call);
  }

  /** Sets user and group; -1 leaves one as it is. */
  chownSync(path: PathLike, uid: number, gid: number): void {
    this.#chown(path, uid, gid, 'always', 'chown');
  }

  /** As `chownSync`, of a symbolic link itself. */
  lchownSync(path: PathLike, uid: number, gid: number): void {
    this.#chown(path, uid, gid, 'slash', 'lchown');
  }

  #chown(path: PathLike, uid: number, gid: number, follow: 'always' | 'slash', syscall: string): void {
    const call = on(syscall, pathOf(path, syscall));
    const ids = [idOf(uid, 'uid'), idOf(gid, 'gid')] as const;
    changeOwner(this[TREE], find(this[TREE], call.path as string, follow, call).ino, ...ids, call);
  }

  /** As `chownSync`, of an open file. */
  fchownSync(fd: number, uid: number, gid: number): void {
    const call = on('fchown');
    const ids = [idOf(uid, 'uid'), idOf(gid, 'gid')] as const;
    changeOwner(this[TREE], this[FILES].inode(fdOf(fd), call).ino, ...ids, call);
  }

  /** Sets the times of access and change: seconds since 1970, or Dates. */
  utimesSync(path: PathLike, atime: TimeLike, mtime: TimeLike): void {
    this.#utimes(path, atime, mtime, 'always', 'utime');
  }

  /** As `utimesSync`, of a symbolic link itself. */
  lutimesSync(path: PathLike, atime: TimeLike, mtime: TimeLike): void {
    this.#utimes(path, atime, mtime, 'slash', 'lutime');
  }

  #utimes(path: PathLike, atime: TimeLike, mtime: TimeLike, follow: 'always' | 'slash', syscall: string): void {
    const call = on(syscall, pathOf(path, syscall));
    const times = [timeOf(atime), timeOf(mtime)] as const;
    changeTimes(this[TREE], find(this[TREE], call.path as string, follow, call).ino, ...times, call);
  }

  /** As `utimesSync`, of an open file. */
  futimesSync(fd: number, atime: TimeLike, mtime: TimeLike): void {
    const call = on('futime');
    const times = [timeOf(atime), timeOf(mtime)] as const;
    changeTimes(this[TREE], this[FILES].inode(fdOf(fd), call).ino, ...times, call);
  }

  /**
   * Cuts a file, or lets it grow by a hole, which reads as zeros and takes no memory.
   * @param length bytes; default 0, which negative numbers mean as well
   * @throws FsError ENOSPC: the rest of the last page cannot be stored, and nothing has changed; EFBIG: 16 TiB or more
   */
  truncateSync(path: PathLike, length?: number | null): void {
    const call = on('open', pathOf(path, 'open'));
    const size = lengthOf(length);
    const tree = this[TREE];
    const inode = find(tree, call.path as string, 'always', call);
    if (inode.isDirectory) throw fsError('EISDIR', call);
    tree.checkWritable(call);
    if (size > FILE_BYTES_MAX) throw fsError('EFBIG', on('ftruncate'));
    truncateContent(tree, inode.ino, size, on('ftruncate'));
  }

  /** As `truncateSync`, of an open file. */
  ftruncateSync(fd: number, length?: number | null): void {
    const number = fdOf(fd);
    this[FILES].truncate(number, lengthOf(length));
  }

  /**
   * Returns when all that was written, to any file, is on the disk of a `PageStore`; without one it only checks the
   * descriptor, since everything is in memory.
   * @throws ZramError ENOSPC, EIO: as `PageStore.sync`
   */
  fsyncSync(fd: number): void {
    this[FILES].inode(fdOf(fd), on('fsync'));
    this[TREE].onSync?.();
  }

  /** As `fsyncSync`. */
  fdatasyncSync(fd: number): void {
    this[FILES].inode(fdOf(fd), on('fdatasync'));
    this[TREE].onSync?.();
  }

  /**
   * How much there is and how much is free, in blocks of 4096 bytes: estimates, since pages are stored compressed, and
   * what else uses the engine is not known.
   */
  statfsSync(path: PathLike, options: StatOptions & { bigint: true }): StatFs<bigint>;
  statfsSync(path: PathLike, options?: StatOptions & { bigint?: false }): StatFs;
  statfsSync(path: PathLike, options?: StatOptions): StatFs | StatFs<bigint>;
  statfsSync(path: PathLike, options?: StatOptions): StatFs | StatFs<bigint> {
    const text = pathOf(path, 'statfs');
    const call: Call = on('statfs', text);
    const tree = this[TREE];
    find(tree, text, 'always', call);
    try {
      const { used, limit } = tree.memory();
      const blocks = Math.floor((limit === 0 ? MEMORY_BYTES_MAX : limit) / PAGE_SIZE);
      const bfree = Math.max(0, blocks - Math.ceil(used / PAGE_SIZE));
      const { files, ffree } = tree.inodeRoom();
      const found: StatFs = { type: TMPFS_MAGIC, bsize: PAGE_SIZE, blocks, bfree, bavail: bfree, files, ffree };
      if (!options?.bigint) return found;
      return Object.fromEntries(Object.entries(found).map(([key, n]) => [key, BigInt(n as number)])) as never;
    } catch (error) {
      throw asFsError(error, call);
    }
  }
}

function lengthOf(length: number | null | undefined): number {
  return Math.max(0, integer(length ?? 0, 'len', Number.MIN_SAFE_INTEGER, Number.MAX_SAFE_INTEGER));
}
