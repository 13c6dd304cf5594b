/**
 * The calls of Node's `fs` that import and export use. Node has them, and so have PageFs, memfs and others: a tree can be
 * imported from any of them, and exported to it.
 */

/** Seconds since 1970, or a Date. */
export type NodeTime = number | Date;

/** What is used of Node's `Stats`. */
export interface NodeStats {
  /** Whether it is a file. */
  isFile(): boolean;
  /** Whether it is a directory. */
  isDirectory(): boolean;
  /** Whether it is a symbolic link. */
  isSymbolicLink(): boolean;
  /** The device that it is on. */
  readonly dev: number;
  /** Its inode: hard links have the same. */
  readonly ino: number;
  /** Its names. */
  readonly nlink: number;
  /** Kind and permissions. */
  readonly mode: number;
  /** The owner. */
  readonly uid: number;
  /** The group. */
  readonly gid: number;
  /** Bytes. */
  readonly size: number;
  /** When its content was changed. */
  readonly mtimeMs: number;
  /** When it was read. */
  readonly atimeMs: number;
}

/** A file system to import from. */
export interface ReadableFs {
  /** As Node's. */
  lstatSync(path: string): NodeStats;
  /** As Node's. */
  lstatSync(path: string, options: { throwIfNoEntry: false }): NodeStats | undefined;
  /** As Node's. */
  readdirSync(path: string): string[];
  /** As Node's. */
  readlinkSync(path: string): string;
  /** As Node's. */
  openSync(path: string, flags: string, mode?: number): number;
  /** As Node's. */
  readSync(fd: number, bytes: Uint8Array, offset: number, length: number, position: number): number;
  /** As Node's. */
  closeSync(fd: number): void;
}

/** A file system to export to. */
export interface WritableFs extends ReadableFs {
  /** As Node's. */
  mkdirSync(path: string, mode: number): unknown;
  /** As Node's. */
  mkdtempSync(prefix: string): string;
  /** As Node's. */
  writeSync(fd: number, bytes: Uint8Array, offset: number, length: number, position: number): number;
  /** As Node's. */
  ftruncateSync(fd: number, length: number): void;
  /** As Node's. */
  fchmodSync(fd: number, mode: number): void;
  /** As Node's. */
  fchownSync(fd: number, uid: number, gid: number): void;
  /** As Node's. */
  futimesSync(fd: number, atime: NodeTime, mtime: NodeTime): void;
  /** As Node's. */
  symlinkSync(target: string, path: string): void;
  /** As Node's. */
  linkSync(existing: string, path: string): void;
  /** As Node's. */
  chmodSync(path: string, mode: number): void;
  /** As Node's. */
  lchownSync(path: string, uid: number, gid: number): void;
  /** As Node's. */
  lutimesSync(path: string, atime: NodeTime, mtime: NodeTime): void;
  /** As Node's. */
  renameSync(from: string, to: string): void;
  /** As Node's. */
  rmdirSync(path: string): void;
  /** As Node's. */
  rmSync(path: string, options: { recursive: true; force: true }): void;
}
