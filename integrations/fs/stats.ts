/** What is known about a file, in the shape of Node's `fs.Stats`, `fs.BigIntStats` and `fs.Dirent`. */
import { constants, PAGE_SIZE } from './constants.js';
import type { Inode } from './inode.js';

const { S_IFMT, S_IFREG, S_IFDIR, S_IFLNK, S_IFBLK, S_IFCHR, S_IFIFO, S_IFSOCK } = constants;
/** The number of the device, in all stats. */
const DEVICE = 1;
/** `blocks` counts these. */
const BLOCK_BYTES = 512;

/** Bytes of pages that are not holes; pages that were reserved for growth count as soon as the size reaches them. */
function blocksOf(inode: Inode): number {
  if (!inode.isFile) return 0;
  return (Math.min(inode.map.mapped, Math.ceil(inode.size / PAGE_SIZE)) * PAGE_SIZE) / BLOCK_BYTES;
}

/** The type of a file: as Node's `Stats` and `Dirent` answer. */
export abstract class FileType {
  readonly #type: number;

  /** @internal */
  constructor(mode: number) {
    this.#type = mode & S_IFMT;
  }

  /** Whether it is a regular file. */
  isFile(): boolean {
    return this.#type === S_IFREG;
  }
  /** Whether it is a directory. */
  isDirectory(): boolean {
    return this.#type === S_IFDIR;
  }
  /** Whether it is a symbolic link: only of `lstat` and directory entries. */
  isSymbolicLink(): boolean {
    return this.#type === S_IFLNK;
  }
  /** False: a PageFs has none. */
  isBlockDevice(): boolean {
    return this.#type === S_IFBLK;
  }
  /** False: a PageFs has none. */
  isCharacterDevice(): boolean {
    return this.#type === S_IFCHR;
  }
  /** False: a PageFs has none. */
  isFIFO(): boolean {
    return this.#type === S_IFIFO;
  }
  /** False: a PageFs has none. */
  isSocket(): boolean {
    return this.#type === S_IFSOCK;
  }
}

/** What is known about a file: as Node's `fs.Stats`. */
export class Stats extends FileType {
  /** The same for all: 1. */
  readonly dev: number = DEVICE;
  /** Type and permissions. */
  readonly mode: number;
  /** Number of names. */
  readonly nlink: number;
  /** The user. */
  readonly uid: number;
  /** The group. */
  readonly gid: number;
  /** 0: there are no devices. */
  readonly rdev: number = 0;
  /** Bytes of a page: 4096. */
  readonly blksize: number = PAGE_SIZE;
  /** Number of the inode. It may be given to another file when this one is gone. */
  readonly ino: number;
  /** Bytes. */
  readonly size: number;
  /** Of 512 bytes. */
  readonly blocks: number;
  /** When it was made or given this time: reading does not change it. */
  readonly atimeMs: number;
  /** When the content changed. */
  readonly mtimeMs: number;
  /** When anything about it changed. */
  readonly ctimeMs: number;
  /** When it was made. */
  readonly birthtimeMs: number;

  /** @internal */
  constructor(inode: Inode) {
    super(inode.mode);
    this.mode = inode.mode;
    this.nlink = inode.nlink;
    this.uid = inode.uid;
    this.gid = inode.gid;
    this.ino = inode.ino;
    this.size = inode.isDirectory ? PAGE_SIZE : inode.size;
    this.blocks = blocksOf(inode);
    this.atimeMs = inode.atime;
    this.mtimeMs = inode.mtime;
    this.ctimeMs = inode.ctime;
    this.birthtimeMs = inode.birthtime;
  }

  /** When it was made or given this time: reading does not change it. */
  get atime(): Date {
    return new Date(this.atimeMs);
  }
  /** When the content changed. */
  get mtime(): Date {
    return new Date(this.mtimeMs);
  }
  /** When anything about it changed. */
  get ctime(): Date {
    return new Date(this.ctimeMs);
  }
  /** When it was made. */
  get birthtime(): Date {
    return new Date(this.birthtimeMs);
  }
}

function nanoseconds(milliseconds: number): bigint {
  const whole = Math.floor(milliseconds);
  return BigInt(whole) * 1_000_000n + BigInt(Math.round((milliseconds - whole) * 1e6));
}

/** As `Stats`, in whole numbers of any size, with times in nanoseconds: as Node's `fs.BigIntStats`. */
export class BigIntStats extends FileType {
  /** The same for all: 1. */
  readonly dev: bigint = BigInt(DEVICE);
  /** Type and permissions. */
  readonly mode: bigint;
  /** Number of names. */
  readonly nlink: bigint;
  /** The user. */
  readonly uid: bigint;
  /** The group. */
  readonly gid: bigint;
  /** 0: there are no devices. */
  readonly rdev: bigint = 0n;
  /** Bytes of a page: 4096. */
  readonly blksize: bigint = BigInt(PAGE_SIZE);
  /** Number of the inode. It may be given to another file when this one is gone. */
  readonly ino: bigint;
  /** Bytes. */
  readonly size: bigint;
  /** Of 512 bytes. */
  readonly blocks: bigint;
  /** When it was made or given this time: reading does not change it, in milliseconds since 1970. */
  readonly atimeMs: bigint;
  /** When the content changed, in milliseconds since 1970. */
  readonly mtimeMs: bigint;
  /** When anything about it changed, in milliseconds since 1970. */
  readonly ctimeMs: bigint;
  /** When it was made, in milliseconds since 1970. */
  readonly birthtimeMs: bigint;
  /** When it was made or given this time: reading does not change it, in nanoseconds since 1970. */
  readonly atimeNs: bigint;
  /** When the content changed, in nanoseconds since 1970. */
  readonly mtimeNs: bigint;
  /** When anything about it changed, in nanoseconds since 1970. */
  readonly ctimeNs: bigint;
  /** When it was made, in nanoseconds since 1970. */
  readonly birthtimeNs: bigint;
  readonly #stats: Stats;

  /** @internal */
  constructor(inode: Inode) {
    super(inode.mode);
    const stats = new Stats(inode);
    this.#stats = stats;
    this.mode = BigInt(stats.mode);
    this.nlink = BigInt(stats.nlink);
    this.uid = BigInt(stats.uid);
    this.gid = BigInt(stats.gid);
    this.ino = BigInt(stats.ino);
    this.size = BigInt(stats.size);
    this.blocks = BigInt(stats.blocks);
    this.atimeNs = nanoseconds(stats.atimeMs);
    this.mtimeNs = nanoseconds(stats.mtimeMs);
    this.ctimeNs = nanoseconds(stats.ctimeMs);
    this.birthtimeNs = nanoseconds(stats.birthtimeMs);
    this.atimeMs = this.atimeNs / 1_000_000n;
    this.mtimeMs = this.mtimeNs / 1_000_000n;
    this.ctimeMs = this.ctimeNs / 1_000_000n;
    this.birthtimeMs = this.birthtimeNs / 1_000_000n;
  }

  /** When it was made or given this time: reading does not change it. */
  get atime(): Date {
    return this.#stats.atime;
  }
  /** When the content changed. */
  get mtime(): Date {
    return this.#stats.mtime;
  }
  /** When anything about it changed. */
  get ctime(): Date {
    return this.#stats.ctime;
  }
  /** When it was made. */
  get birthtime(): Date {
    return this.#stats.birthtime;
  }
}

/** A name of a directory and the type of what it names: as Node's `fs.Dirent`. */
export class Dirent<Name extends string | Uint8Array = string> extends FileType {
  /** @internal */
  constructor(
    /** The name, or its bytes. */
    readonly name: Name,
    /** The path of the directory, as it was given. */
    readonly parentPath: string,
    mode: number,
  ) {
    super(mode);
  }

  /** The same as `parentPath`, as older versions of Node call it. */
  get path(): string {
    return this.parentPath;
  }
}

/** As Node's `fs.StatsFs`. */
export interface StatFs<T extends number | bigint = number> {
  /** The type of file system: tmpfs's number. */
  readonly type: T;
  /** Bytes of a block. */
  readonly bsize: T;
  /** Blocks that there may be. */
  readonly blocks: T;
  /** Blocks that are free. */
  readonly bfree: T;
  /** The same. */
  readonly bavail: T;
  /** Inodes that there may be. */
  readonly files: T;
  /** Inodes that are free. */
  readonly ffree: T;
}
