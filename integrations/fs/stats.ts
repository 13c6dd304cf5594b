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

/** What is known about a file: as Node's `fs.Stats`. */
export class Stats {
  readonly dev: number = DEVICE;
  /** Type and permissions. */
  readonly mode: number;
  /** Number of names. */
  readonly nlink: number;
  readonly uid: number;
  readonly gid: number;
  readonly rdev: number = 0;
  readonly blksize: number = PAGE_SIZE;
  readonly ino: number;
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

  get atime(): Date {
    return new Date(this.atimeMs);
  }
  get mtime(): Date {
    return new Date(this.mtimeMs);
  }
  get ctime(): Date {
    return new Date(this.ctimeMs);
  }
  get birthtime(): Date {
    return new Date(this.birthtimeMs);
  }
  isFile(): boolean {
    return (this.mode & S_IFMT) === S_IFREG;
  }
  isDirectory(): boolean {
    return (this.mode & S_IFMT) === S_IFDIR;
  }
  isSymbolicLink(): boolean {
    return (this.mode & S_IFMT) === S_IFLNK;
  }
  isBlockDevice(): boolean {
    return (this.mode & S_IFMT) === S_IFBLK;
  }
  isCharacterDevice(): boolean {
    return (this.mode & S_IFMT) === S_IFCHR;
  }
  isFIFO(): boolean {
    return (this.mode & S_IFMT) === S_IFIFO;
  }
  isSocket(): boolean {
    return (this.mode & S_IFMT) === S_IFSOCK;
  }
}

function nanoseconds(milliseconds: number): bigint {
  const whole = Math.floor(milliseconds);
  return BigInt(whole) * 1_000_000n + BigInt(Math.round((milliseconds - whole) * 1e6));
}

/** As `Stats`, in whole numbers of any size, with times in nanoseconds: as Node's `fs.BigIntStats`. */
export class BigIntStats {
  readonly dev: bigint = BigInt(DEVICE);
  readonly mode: bigint;
  readonly nlink: bigint;
  readonly uid: bigint;
  readonly gid: bigint;
  readonly rdev: bigint = 0n;
  readonly blksize: bigint = BigInt(PAGE_SIZE);
  readonly ino: bigint;
  readonly size: bigint;
  readonly blocks: bigint;
  readonly atimeMs: bigint;
  readonly mtimeMs: bigint;
  readonly ctimeMs: bigint;
  readonly birthtimeMs: bigint;
  readonly atimeNs: bigint;
  readonly mtimeNs: bigint;
  readonly ctimeNs: bigint;
  readonly birthtimeNs: bigint;
  readonly #stats: Stats;

  /** @internal */
  constructor(inode: Inode) {
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

  get atime(): Date {
    return this.#stats.atime;
  }
  get mtime(): Date {
    return this.#stats.mtime;
  }
  get ctime(): Date {
    return this.#stats.ctime;
  }
  get birthtime(): Date {
    return this.#stats.birthtime;
  }
  isFile(): boolean {
    return this.#stats.isFile();
  }
  isDirectory(): boolean {
    return this.#stats.isDirectory();
  }
  isSymbolicLink(): boolean {
    return this.#stats.isSymbolicLink();
  }
  isBlockDevice(): boolean {
    return this.#stats.isBlockDevice();
  }
  isCharacterDevice(): boolean {
    return this.#stats.isCharacterDevice();
  }
  isFIFO(): boolean {
    return this.#stats.isFIFO();
  }
  isSocket(): boolean {
    return this.#stats.isSocket();
  }
}

/** A name of a directory and the type of what it names: as Node's `fs.Dirent`. */
export class Dirent<Name extends string | Uint8Array = string> {
  readonly #mode: number;

  /** @internal */
  constructor(
    readonly name: Name,
    /** The path of the directory, as it was given. */
    readonly parentPath: string,
    mode: number,
  ) {
    this.#mode = mode & S_IFMT;
  }

  /** The same as `parentPath`, as older versions of Node call it. */
  get path(): string {
    return this.parentPath;
  }
  isFile(): boolean {
    return this.#mode === S_IFREG;
  }
  isDirectory(): boolean {
    return this.#mode === S_IFDIR;
  }
  isSymbolicLink(): boolean {
    return this.#mode === S_IFLNK;
  }
  isBlockDevice(): boolean {
    return this.#mode === S_IFBLK;
  }
  isCharacterDevice(): boolean {
    return this.#mode === S_IFCHR;
  }
  isFIFO(): boolean {
    return this.#mode === S_IFIFO;
  }
  isSocket(): boolean {
    return this.#mode === S_IFSOCK;
  }
}

/** As Node's `fs.StatsFs`. */
export interface StatFs<T extends number | bigint = number> {
  /** The type of file system: tmpfs's number. */
  readonly type: T;
  /** Bytes of a block. */
  readonly bsize: T;
  readonly blocks: T;
  readonly bfree: T;
  readonly bavail: T;
  readonly files: T;
  readonly ffree: T;
}
