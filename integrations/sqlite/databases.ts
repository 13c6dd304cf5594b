/** Databases on a PageFs: snapshots, going back to one, and whole files in and out. The VFSes of all libraries have these calls. */
import { ZramError } from '../../bindings/base/errors.js';
import type { PageFs, PageFsOwnOptions } from '../fs.js';
import { LOCK_EXCLUSIVE, WAL_WRITE_LOCK } from './codes.js';
import { Connections, type Heap } from './connections.js';
import { applyWal } from './wal-content.js';
import { normal, Snapshots } from './snapshots.js';
import { Store, type SharedFile } from './store.js';
import { JournalFile, openFile, PlainFile, removeFile, type StoredFile } from './stored-file.js';

/** Options of a VFS. */
export interface VfsOptions {
  /** Where the files are. Default: a file system of its own, which the VFS destroys. */
  fs?: PageFs | undefined;
  /**
   * Keep journals and WALs in two files each, so that their pages lie on page boundaries: `x-wal` then is a file that only
   * this VFS reads, beside `x-wal.pages`. Default: true
   */
  partedJournals?: boolean | undefined;
  /** Let SQLite write transactions that fit in its cache without a journal, where it was built for that. Default: true */
  batchAtomic?: boolean | undefined;
}

/** What is between a VFS and its files; each VFS has one, and its calls. */
export abstract class Databases {
  /** The file system that holds the files. Databases are files of it; see `partedJournals` for journals and WALs. */
  readonly fs: PageFs;
  /** @internal */
  protected readonly connections: Connections;
  readonly #owned: boolean;
  readonly #store: Store;
  readonly #snapshots = new Snapshots();

  /** @internal */
  protected constructor(fs: PageFs, options: VfsOptions, heap?: Heap) {
    const { partedJournals = true, batchAtomic = true } = options;
    this.fs = fs;
    this.#owned = options.fs === undefined;
    this.#store = Store.of(fs);
    this.connections = new Connections(this.#store, this.#snapshots, { parts: partedJournals, batchAtomic }, heap);
  }

  /** Frees the snapshots, and the file system if it is the VFS's own. Open databases cannot be used any more. */
  destroy(): void {
    this.connections.closeAll();
    this.#snapshots.clear();
    if (this.#owned) this.fs.destroy();
  }

  /** The same as `destroy()`, for `using`. */
  [Symbol.dispose](): void {
    this.destroy();
  }

  // ── snapshots ──────────────────────────────────────────────────────────────────────────────────────────────────

  /**
   * Keeps the database as it is now, without copying: it costs what later changes. `file?snapshot=ID` then is the name by
   * which it can be opened, read-only, while the database goes on.
   * @returns its number
   * @throws ZramError EBUSY: a transaction is writing; ENOENT: there is no such file; ENOMEM
   */
  snapshot(file: string): number {
    this.#checkBetweenTransactions(file);
    this.#store.flush();
    return this.#snapshots.add(this.fs, file);
  }

  /** The numbers of all snapshots, oldest first. */
  snapshots(): number[] {
    return this.#snapshots.ids();
  }

  /**
   * Frees a snapshot.
   * @throws ZramError ENOENT: there is none of this number; EBUSY: a connection has it open
   */
  deleteSnapshot(id: number): void {
    this.#snapshots.delete(id);
  }

  /**
   * Makes the database what it was. Only pages that changed are read and written; of a snapshot with a WAL all are read.
   * Connections may stay open; they see the old content in their next transaction.
   * @throws ZramError EBUSY: a connection has a lock on it, as one with a WAL or with `locking_mode=exclusive` always has;
   * ENOENT; EINVAL: the snapshot is one of another file; ENOSPC: memory ended, and the database is broken: restore it again
   */
  restore(file: string, id: number): void {
    const { fs, path } = this.#snapshots.get(id);
    if (normal(path) !== normal(file)) {
      throw new ZramError('EINVAL', `snapshot ${id} is one of ${path}, not of ${file}.`);
    }
    this.#checkUnlocked(file);
    const wal = `${file}-wal`;
    if (fs.existsSync(wal)) this.#replace(file, this.#read(fs, file));
    else this.#restorePages(fs, file);
  }

  /** Writes the pages of a snapshot's database that differ, which those that both share cannot. */
  #restorePages(snapshot: PageFs, file: string): void {
    const { fs } = this;
    const real = fs.realpathSync(file);
    const { ranges = [] } = fs.diff(snapshot).find(({ path }) => path === real) ?? {};
    const old = new PlainFile(snapshot, openFile(snapshot, file));
    try {
      const size = old.size();
      this.#rewrite(file, (target) => {
        target.truncate(Math.min(target.size(), size));
        for (const { offset, length } of ranges) copyRange(old, target, offset, Math.min(offset + length, size));
        target.truncate(size);
      });
    } finally {
      old.close();
    }
  }

  // ── whole files ────────────────────────────────────────────────────────────────────────────────────────────────

  /**
   * The bytes of a database as a file for any SQLite: with what is committed in its WAL.
   * @throws ZramError EBUSY: a transaction is writing; ENOENT
   */
  exportFile(file: string): Uint8Array<ArrayBuffer> {
    this.#checkBetweenTransactions(file);
    this.#store.flush();
    return this.#read(this.fs, file);
  }

  /**
   * Makes a database of the bytes of one, in place of what was there.
   * @throws ZramError EINVAL: these are not the bytes of a database; EBUSY: a connection has a lock on the file; ENOSPC:
   * memory ended, and the file is broken
   */
  importFile(file: string, bytes: Uint8Array): void {
    checkDatabase(bytes);
    if (this.fs.existsSync(file)) this.#checkUnlocked(file);
    this.#replace(file, bytes);
  }

  #replace(file: string, bytes: Uint8Array): void {
    this.#rewrite(file, (target) => {
      target.truncate(Math.min(target.size(), bytes.length));
      writeChanged(target, bytes);
    });
  }

  /** Writes a database as a whole, so that connections see that it is another. */
  #rewrite(file: string, write: (target: StoredFile) => void): void {
    const { fs } = this;
    for (const ending of ['-journal', '-wal']) {
      if (fs.existsSync(file + ending)) removeFile(fs, file + ending);
    }
    const target = new PlainFile(fs, openFile(fs, file, fs.constants.O_CREAT));
    try {
      const before = headerOf(target);
      write(target);
      const now = headerOf(target);
      if (before.length === HEADER_BYTES && now.length === HEADER_BYTES) countOn(target, before, now);
    } finally {
      target.close();
    }
    this.#store.sync();
  }

  /** A database with what its WAL holds. */
  #read(fs: PageFs, file: string): Uint8Array<ArrayBuffer> {
    const bytes = readAll(new PlainFile(fs, openFile(fs, file)));
    const wal = `${file}-wal`;
    if (!fs.existsSync(wal) || fs.statSync(wal).size === 0) return bytes;
    return applyWal(bytes, readAll(new JournalFile(fs, wal, openFile(fs, wal), false)));
  }

  // ── checks ─────────────────────────────────────────────────────────────────────────────────────────────────────

  #open(file: string): SharedFile | undefined {
    const { ino } = this.fs.statSync(file);
    for (const shared of this.#store.files) if (shared.ino === ino) return shared;
    return undefined;
  }

  #checkUnlocked(file: string): void {
    const open = this.#open(file);
    if (open?.locks.used || open?.batch) {
      throw new ZramError('EBUSY', `a connection has a lock on ${file}: end its transaction, or close it.`);
    }
  }

  #checkBetweenTransactions(file: string): void {
    const open = this.#open(file);
    if (!open) return;
    // With locking_mode=exclusive, the lock stays when a transaction has ended.
    const { writing } = open.locks;
    const busy = writing === LOCK_EXCLUSIVE ? open.dirty : writing > 0;
    if (busy || open.batch || open.shm?.isLocked(WAL_WRITE_LOCK)) {
      throw new ZramError('EBUSY', `a transaction is writing to ${file}: commit it or roll it back first.`);
    }
  }
}

/** @internal The file system of the options, or one of its own. */
export async function fileSystemOf(options: (VfsOptions & PageFsOwnOptions) | undefined): Promise<PageFs> {
  const { fs, partedJournals: _, batchAtomic: __, ...own } = options ?? {};
  if (fs) return fs;
  const { PageFs } = await import('../fs.js');
  return PageFs.create(own);
}

const MAGIC = new TextEncoder().encode('SQLite format 3\0');
/** Where the header has how often the database changed, its schema did, and for which count its other fields are right. */
const CHANGES = 24;
const SCHEMA = 40;
const VALID_FOR = 92;
const HEADER_BYTES = 100;
const CHUNK = 65536;

function checkDatabase(bytes: Uint8Array): void {
  if (!(bytes instanceof Uint8Array)) throw new ZramError('EINVAL', 'the bytes of a database must be a Uint8Array.');
  const isDatabase = MAGIC.every((byte, n) => bytes[n] === byte);
  const pageSize = bytes.length >= HEADER_BYTES ? view(bytes).getUint16(16) : 0;
  if (!isDatabase || pageSize === 0 || bytes.length % (pageSize === 1 ? 65536 : pageSize) !== 0) {
    throw new ZramError('EINVAL', 'these are not the bytes of an SQLite database, or not all of them.');
  }
}

function view(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
}

function headerOf(database: StoredFile): Uint8Array {
  const header = new Uint8Array(HEADER_BYTES);
  return header.subarray(0, database.read(header, 0));
}

/**
 * Raises the counts by which connections know that what they have in their caches is old: of changes, and of changes of
 * the schema.
 */
function countOn(target: StoredFile, before: Uint8Array, now: Uint8Array): void {
  const write = (place: number, from: number): void => {
    const word = new Uint8Array(4);
    view(word).setUint32(0, Math.max(view(before).getUint32(from), view(now).getUint32(from)) + 1);
    target.write(word, place);
  };
  write(CHANGES, CHANGES);
  write(VALID_FOR, CHANGES);
  write(SCHEMA, SCHEMA);
}

function writeChanged(target: StoredFile, bytes: Uint8Array): void {
  const old = new Uint8Array(CHUNK);
  for (let at = 0; at < bytes.length; at += CHUNK) {
    const part = bytes.subarray(at, at + CHUNK);
    const read = target.read(old.subarray(0, part.length), at);
    if (read < part.length || part.some((byte, n) => byte !== old[n])) target.write(part, at);
  }
}

function copyRange(from: StoredFile, to: StoredFile, start: number, end: number): void {
  const chunk = new Uint8Array(CHUNK);
  for (let at = start; at < end; at += CHUNK) {
    const part = chunk.subarray(0, Math.min(CHUNK, end - at));
    to.write(part.subarray(0, from.read(part, at)), at);
  }
}

function readAll(file: StoredFile): Uint8Array<ArrayBuffer> {
  try {
    const bytes = new Uint8Array(file.size());
    file.read(bytes, 0);
    return bytes;
  } finally {
    file.close();
  }
}
