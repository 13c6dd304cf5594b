/** An inode: a file, directory or symbolic link, by its number and without its name. */
import { constants } from './constants.js';
import type { Owner } from './owner.js';
import type { PageMap } from './page-map.js';

/** Names of a directory and the numbers of their inodes, in the order in which they were made. */
export class Directory {
  constructor(
    readonly owner: Owner,
    readonly names: Map<string, number>,
    /** The directory that holds this one; the root's is the root. */
    readonly parent: number,
  ) {}
}

export class Inode {
  /** Times in milliseconds since 1970, with fractions. */
  atime: number;
  mtime: number;
  ctime: number;
  birthtime: number;
  uid = 0;
  gid = 0;
  nlink = 0;
  /** Bytes of a file, or of a link's target. */
  size = 0;

  constructor(
    readonly owner: Owner,
    readonly ino: number,
    /** Type and permissions. */
    public mode: number,
    /** Of a file its pages, of a symbolic link its target. */
    public content: PageMap | Directory | string,
    now: number,
  ) {
    this.atime = now;
    this.mtime = now;
    this.ctime = now;
    this.birthtime = now;
  }

  copyFor(owner: Owner): Inode {
    const copy = new Inode(owner, this.ino, this.mode, this.content, this.birthtime);
    copy.atime = this.atime;
    copy.mtime = this.mtime;
    copy.ctime = this.ctime;
    copy.uid = this.uid;
    copy.gid = this.gid;
    copy.nlink = this.nlink;
    copy.size = this.size;
    return copy;
  }

  get isFile(): boolean {
    return (this.mode & constants.S_IFMT) === constants.S_IFREG;
  }

  get isDirectory(): boolean {
    return (this.mode & constants.S_IFMT) === constants.S_IFDIR;
  }

  get isLink(): boolean {
    return (this.mode & constants.S_IFMT) === constants.S_IFLNK;
  }

  /** The content of what is known to be a directory. */
  get directory(): Directory {
    return this.content as Directory;
  }

  /** The content of what is known to be a file. */
  get map(): PageMap {
    return this.content as PageMap;
  }
}
