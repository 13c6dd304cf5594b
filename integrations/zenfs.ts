/**
 * A PageFs as a backend of ZenFS. A tree is imported once; each context, or each mount, gets a fork of it.
 *
 * ZenFS follows symbolic links itself, by its own root, and keeps what is open in a cache until it is closed or synced; so
 * this never follows a link, and a fork holds what was synced before it.
 * @module zram-wasm/zenfs
 */
import { FileSystem, Sync, type Backend, type CreationOptions, type InodeLike, type UsageInfo } from '@zenfs/core';
import { PageFs, type Stats } from './fs.js';

/** Options of the backend. */
export interface PageFsOptions {
  /** The files: usually a fork. It stays the caller's, who destroys it after unmounting. */
  fs: PageFs;
}

/** "zram", as a number that `statfs` shows. */
const TYPE = 0x7a72616d;
const S_IFMT = 0o170000;
const S_IFLNK = 0o120000;

/** A PageFs behind ZenFS's interface; made by `configure` and `mount` from `PageFsBackend`. */
export class PageFsFileSystem extends Sync(FileSystem) {
  readonly #fs: PageFs;

  /** @internal */
  constructor(fs: PageFs) {
    super(TYPE, 'pagefs');
    this.#fs = fs;
    // Reading would change inodes, which forks share.
    this.attributes.set('no_atime');
    if (fs.frozen) {
      this.attributes.set('readonly' as never);
      this.attributes.set('no_write');
    }
  }

  override usage(): UsageInfo {
    const { bsize, blocks, bavail, files, ffree } = this.#fs.statfsSync('/');
    const space = { totalSpace: bsize * blocks, freeSpace: bsize * bavail, blockSize: bsize };
    return { ...space, totalNodes: files, freeNodes: ffree };
  }

  /** Renames, in place of what has the new name. */
  override renameSync(oldPath: string, newPath: string): void {
    this.#call(() => this.#fs.renameSync(this.#at(oldPath), this.#at(newPath)));
  }

  /** What is known of a name; links are not followed. */
  override statSync(path: string): InodeLike {
    return this.#call(() => {
      try {
        return inodeOf(this.#fs.lstatSync(this.#at(path)));
      } catch (error) {
        // What is below a file is not there, says ZenFS's own: its existsSync knows no other error.
        if ((error as { code?: string }).code === 'ENOTDIR') this.#fs.lstatSync('');
        throw error;
      }
    });
  }

  override touchSync(path: string, metadata: Partial<InodeLike>): void {
    this.#call(() => this.#touch(this.#at(path), metadata));
  }

  override createFileSync(path: string, { mode, uid, gid }: CreationOptions): InodeLike {
    return this.#call(() => {
      const at = this.#at(path);
      this.#fs.closeSync(this.#fs.openSync(at, 'wx', mode & 0o7777));
      return this.#created(at, mode, uid, gid);
    });
  }

  /** Removes a name of a file. */
  override unlinkSync(path: string): void {
    this.#call(() => this.#fs.unlinkSync(this.#at(path)));
  }

  /** Removes an empty directory. */
  override rmdirSync(path: string): void {
    this.#call(() => this.#fs.rmdirSync(this.#at(path)));
  }

  /** Makes a directory. */
  override mkdirSync(path: string, { mode, uid, gid }: CreationOptions): InodeLike {
    return this.#call(() => {
      const at = this.#at(path);
      this.#fs.mkdirSync(at, mode & 0o7777);
      return this.#created(at, mode, uid, gid);
    });
  }

  /** The names in a directory. */
  override readdirSync(path: string): string[] {
    return this.#call(() => this.#fs.readdirSync(this.#at(path)));
  }

  /** Gives a file one more name. */
  override linkSync(target: string, link: string): void {
    this.#call(() => this.#fs.linkSync(this.#at(target), this.#at(link)));
  }

  /** All is in memory: there is nothing to be done. */
  override syncSync(): void {
    // Nothing is kept back here.
  }

  override readSync(path: string, buffer: Uint8Array, start: number, end: number): void {
    this.#call(() => {
      const at = this.#at(path);
      const length = Math.max(0, Math.min(end - start, buffer.length));
      if (this.#fs.lstatSync(at).isSymbolicLink()) {
        // ZenFS reads the target as a link's content.
        const target = new TextEncoder().encode(this.#fs.readlinkSync(at));
        buffer.set(target.subarray(start, start + length));
        return;
      }
      const fd = this.#fs.openSync(at, 'r');
      try {
        this.#fs.readSync(fd, buffer, 0, length, start);
      } finally {
        this.#fs.closeSync(fd);
      }
    });
  }

  override writeSync(path: string, buffer: Uint8Array, offset: number): void {
    this.#call(() => {
      const fd = this.#fs.openSync(this.#at(path), 'r+');
      try {
        for (let done = 0; done < buffer.length;) {
          done += this.#fs.writeSync(fd, buffer, done, buffer.length - done, offset + done);
        }
      } finally {
        this.#fs.closeSync(fd);
      }
    });
  }

  /** The path, in which no link may be followed: ZenFS knows better where it leads. @throws ENOENT */
  #at(path: string): string {
    const parent = path.slice(0, path.lastIndexOf('/')) || '/';
    if (parent !== '/' && this.#fs.realpathSync(parent) !== parent) {
      // Throws what a name that is not there does.
      this.#fs.lstatSync('');
    }
    return path;
  }

  #created(at: string, mode: number, uid: number, gid: number): InodeLike {
    // Without the umask, which is ZenFS's to apply.
    this.#fs.chmodSync(at, mode & 0o7777);
    this.#fs.lchownSync(at, uid, gid);
    return inodeOf(this.#fs.lstatSync(at));
  }

  #touch(at: string, metadata: Partial<InodeLike>): void {
    const { size, mode, uid, gid, atimeMs, mtimeMs, attributes } = metadata;
    if (attributes !== undefined && attributes.size > 0) {
      throw Object.assign(new Error('extended attributes are not stored'), { code: 'ENOTSUP', errno: 95 });
    }
    let stats = this.#fs.lstatSync(at);
    if (mode !== undefined && (mode & S_IFMT) === S_IFLNK && stats.isFile()) {
      // So ZenFS makes a symbolic link: a file with the target in it, whose type changes.
      const target = this.#fs.readFileSync(at, 'utf8');
      this.#fs.unlinkSync(at);
      this.#fs.symlinkSync(target, at);
      stats = this.#fs.lstatSync(at);
    }
    if (stats.isFile() && size !== undefined && size !== stats.size) this.#fs.truncateSync(at, size);
    if (!stats.isSymbolicLink() && mode !== undefined && (mode & 0o7777) !== (stats.mode & 0o7777)) {
      this.#fs.chmodSync(at, mode & 0o7777);
    }
    if ((uid ?? stats.uid) !== stats.uid || (gid ?? stats.gid) !== stats.gid) {
      this.#fs.lchownSync(at, uid ?? stats.uid, gid ?? stats.gid);
    }
    if (atimeMs !== undefined || mtimeMs !== undefined) {
      this.#fs.lutimesSync(at, timeOf(atimeMs ?? stats.atimeMs), timeOf(mtimeMs ?? stats.mtimeMs));
    }
  }

  /** Errors with the positive number that ZenFS looks up. */
  #call<T>(call: () => T): T {
    try {
      return call();
    } catch (error) {
      const { errno } = error as { errno?: number };
      if (typeof errno === 'number') (error as { errno: number }).errno = Math.abs(errno);
      throw error;
    }
  }
}

/** The backend: `configure({ mounts: { '/': { backend: PageFsBackend, fs: base.fork() } } })`. */
export const PageFsBackend = {
  /** Its name in messages. */
  name: 'PageFs',
  /** The options that `configure` takes. */
  options: {
    /** The files. */
    fs: {
      /** The class. */
      type: PageFs,
      /** There is no default. */
      required: true,
    },
  },
  /** Called by ZenFS. */
  create({ fs }: PageFsOptions): PageFsFileSystem {
    return new PageFsFileSystem(fs);
  },
} as const satisfies Backend<PageFsFileSystem, PageFsOptions>;

/** ZenFS changes what it is given, so it gets an object of its own. */
function inodeOf(stats: Stats): InodeLike {
  const { ino, size, mode, nlink, uid, gid, rdev, atimeMs, mtimeMs, ctimeMs, birthtimeMs } = stats;
  return { ino, size, mode, nlink, uid, gid, rdev, atimeMs, mtimeMs, ctimeMs, birthtimeMs, flags: 0 };
}

/** A Date keeps milliseconds as they are; seconds keep what is between them, nearly. */
function timeOf(ms: number): Date | number {
  return Number.isInteger(ms) ? new Date(ms) : ms / 1000;
}
