/**
 * The files of one PageFs that connections have open: each once, with its locks, for all VFSes on this PageFs and all
 * SQLite modules that use them.
 */
import type { PageFs } from '../fs.js';
import { Batch } from './batch.js';
import { OPEN_MAIN_JOURNAL, OPEN_WAL } from './codes.js';
import { FileLocks, type Shm } from './locks.js';
import { JournalFile, openFile, pagesPath, PlainFile, removeFile, type StoredFile } from './stored-file.js';

/** An open file, with what its connections share. */
export class SharedFile {
  readonly locks = new FileLocks();
  shm: Shm | undefined;
  batch: Batch | undefined;
  connections = 0;
  /** Written since the last transaction ended. */
  dirty = false;

  constructor(
    readonly ino: number,
    readonly path: string,
    readonly stored: StoredFile,
  ) {}
}

const stores = new WeakMap<PageFs, Store>();
/** Bytes written or removed after which the pool is compacted: what they leave behind lies scattered in it. */
const COMPACT_AFTER = 4 * 2 ** 20;
const JOURNALS = OPEN_MAIN_JOURNAL | OPEN_WAL;

export class Store {
  readonly #files = new Map<number, SharedFile>();
  /** The journal or WAL that was written last, which may hold bytes back. */
  #writing: StoredFile | undefined;
  #temporary = 0;
  /** Descriptor of the root directory. */
  #root: number | undefined;
  /** SQLite has asked for a sync since a journal was removed. */
  #synced = false;
  /** Bytes written and removed since the pool was compacted. */
  #changed = 0;

  private constructor(readonly fs: PageFs) {}

  static of(fs: PageFs): Store {
    const known = stores.get(fs);
    if (known) return known;
    const store = new Store(fs);
    stores.set(fs, store);
    return store;
  }

  get files(): Iterable<SharedFile> {
    return this.#files.values();
  }

  /**
   * Opens a file by SQLite's flags.
   * @param path null: a file without a name, which goes when it is closed
   * @param oflags of `fs.constants`, how it is created
   */
  open(path: string | null, flags: number, oflags: number, parts: boolean): SharedFile {
    const { fs } = this;
    const name = path ?? `/.sqlite-${++this.#temporary}-${Math.random().toString(36).slice(2)}`;
    const isJournal = (flags & JOURNALS) !== 0;
    const isNew = isJournal && oflags !== 0 && !fs.existsSync(name);
    const fd = openFile(fs, name, path === null ? fs.constants.O_CREAT | fs.constants.O_EXCL : oflags);
    try {
      if (path === null) fs.unlinkSync(name);
      // Left behind when somebody else removed the journal.
      if (isNew) fs.rmSync(pagesPath(name), { force: true });
      const { ino } = fs.fstatSync(fd);
      const known = this.#files.get(ino);
      if (known) fs.closeSync(fd);
      const file = known ?? new SharedFile(ino, name, this.#stored(name, fd, isJournal, parts));
      this.#files.set(ino, file);
      file.connections++;
      return file;
    } catch (error) {
      fs.closeSync(fd);
      throw error;
    }
  }

  #stored(path: string, fd: number, isJournal: boolean, parts: boolean): StoredFile {
    return isJournal ? new JournalFile(this.fs, path, fd, parts) : new PlainFile(this.fs, fd);
  }

  close(file: SharedFile): void {
    if (--file.connections > 0) return;
    this.#files.delete(file.ino);
    if (this.#writing === file.stored) this.#writing = undefined;
    file.stored.close();
  }

  remove(path: string): void {
    this.#changed += this.fs.statSync(path).size;
    removeFile(this.fs, path);
    // A journal that came back would undo its transaction. Without syncs SQLite asks for none here.
    if (this.#synced) this.sync();
    this.#synced = false;
  }

  /** To be called when a transaction has ended. */
  tidy(): void {
    if (this.#changed < COMPACT_AFTER) return;
    this.#changed = 0;
    this.fs.compact();
  }

  /**
   * Called before a file is written or cut: what another holds back comes first, so that a copy always is some earlier
   * state.
   */
  writing(file: StoredFile, bytes: number): void {
    this.#changed += bytes;
    if (this.#writing === file) return;
    this.flush();
    this.#writing = file;
  }

  flush(): void {
    const file = this.#writing;
    this.#writing = undefined;
    file?.flush();
  }

  /** Puts all files on the disk of a `PageStore`, if this file system has one. */
  sync(): void {
    this.flush();
    this.#synced = true;
    this.fs.fsyncSync((this.#root ??= this.fs.openSync('/')));
  }
}
