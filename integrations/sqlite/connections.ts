/**
 * The calls of a VFS, as SQLite defines them, on files of a PageFs: arguments are JavaScript's, results are SQLite's codes.
 * What a library passes and wants otherwise is in its own file.
 */
import { ZramError } from '../../bindings/base/errors.js';
import * as C from './codes.js';
import { Batch } from './batch.js';
import { Shm, type Holder, type ShmHolder } from './locks.js';
import type { Snapshots } from './snapshots.js';
import type { SharedFile, Store } from './store.js';

/** Addresses in a module's memory, for shared memory of WALs. */
export interface Heap {
  /** Returns the address of zeros; 0 when memory ended. */
  allocate(bytes: number): number;
  free(address: number): void;
}

/** A file that a connection has open. */
class Connection implements Holder, ShmHolder {
  lock = C.LOCK_NONE;
  shared = 0;
  exclusive = 0;

  constructor(
    readonly file: SharedFile,
    readonly store: Store,
    readonly flags: number,
    /** The name to remove when it is closed. */
    readonly removed: string | undefined,
    readonly characteristics: number,
  ) {}
}

export interface ConnectionsOptions {
  /** Journals and WALs in two streams. */
  parts: boolean;
  /** Transactions that fit in SQLite's cache need no journal. */
  batchAtomic: boolean;
}

const SECTOR_BYTES = 4096;

export class Connections {
  readonly #open = new Map<number, Connection>();
  /** What went wrong last, for `sqlite3_errmsg` and people. */
  lastError = '';

  constructor(
    private readonly store: Store,
    private readonly snapshots: Snapshots,
    private readonly options: ConnectionsOptions,
    private readonly heap?: Heap,
  ) {}

  /** @param out is called with the flags as they are granted */
  open(id: number, name: string | null, flags: number, out: (flags: number) => void): number {
    return this.#try(C.CANTOPEN, () => {
      const { store, path, immutable } = this.snapshots.find(name, this.store, flags);
      const { constants, frozen } = store.fs;
      const create = (flags & C.OPEN_CREATE) !== 0 && !frozen;
      const exclusive = create && (flags & C.OPEN_EXCLUSIVE) !== 0;
      const oflags = (create ? constants.O_CREAT : 0) | (exclusive ? constants.O_EXCL : 0);
      const file = store.open(path, flags, oflags, this.options.parts);
      const removed = path !== null && (flags & C.OPEN_DELETEONCLOSE) !== 0 ? path : undefined;
      this.#open.set(id, new Connection(file, store, flags, removed, this.#characteristics(immutable)));
      const { OPEN_READWRITE, OPEN_CREATE, OPEN_READONLY } = C;
      out(frozen ? (flags & ~(OPEN_READWRITE | OPEN_CREATE)) | OPEN_READONLY : flags);
    });
  }

  #characteristics(immutable: boolean): number {
    // In memory, writes happen one after the other and whole, and a file never is longer than what was written.
    const all = C.IOCAP_SAFE_APPEND | C.IOCAP_SEQUENTIAL | C.IOCAP_POWERSAFE_OVERWRITE;
    return all | (immutable ? C.IOCAP_IMMUTABLE : this.options.batchAtomic ? C.IOCAP_BATCH_ATOMIC : 0);
  }

  close(id: number): number {
    const connection = this.#open.get(id);
    if (!connection) return C.OK;
    this.#open.delete(id);
    const { file, store, removed } = connection;
    return this.#try(C.IOERR_CLOSE, () => {
      file.locks.unlock(connection, C.LOCK_NONE);
      this.#leaveShm(connection);
      endBatch(file);
      try {
        if (removed !== undefined && store.fs.existsSync(removed)) store.remove(removed);
      } finally {
        store.close(file);
      }
    });
  }

  closeAll(): void {
    for (const id of [...this.#open.keys()]) this.close(id);
  }

  read(id: number, out: Uint8Array, at: number): number {
    let read: number;
    try {
      read = this.#get(id).file.stored.read(out, at);
    } catch (error) {
      return this.#failed(error, C.IOERR_READ);
    }
    if (read === out.length) return C.OK;
    out.fill(0, read);
    return C.IOERR_SHORT_READ;
  }

  write(id: number, bytes: Uint8Array, at: number): number {
    try {
      const { file, store, flags } = this.#get(id);
      store.writing(file.stored, bytes.length);
      file.batch?.writing(at, bytes.length);
      file.dirty = true;
      file.stored.write(bytes, at);
      if (at === 0 && bytes[0] === 0) this.#journalEnded(flags, file.path);
      return C.OK;
    } catch (error) {
      return this.#failed(error, C.IOERR_WRITE);
    }
  }

  truncate(id: number, size: number): number {
    return this.#try(C.IOERR_TRUNCATE, () => {
      const { file, store, flags } = this.#get(id);
      const gone = Math.max(0, file.stored.size() - size);
      store.writing(file.stored, gone);
      file.batch?.writing(size, gone);
      file.dirty = true;
      file.stored.truncate(size);
      if (size === 0) this.#journalEnded(flags, file.path);
    });
  }

  /** A journal that is emptied, or whose header is made zeros, ends the transaction of its database. */
  #journalEnded(flags: number, path: string): void {
    if ((flags & C.OPEN_MAIN_JOURNAL) === 0) return;
    for (const file of this.store.files) if (`${file.path}-journal` === path) file.dirty = false;
  }

  sync(id: number): number {
    return this.#try(C.IOERR_FSYNC, () => {
      const { file, store } = this.#get(id);
      try {
        store.sync();
      } catch (error) {
        // SQLite forgets the transaction, and has no journal of it.
        const { batch } = file;
        file.batch = undefined;
        batch?.rollback();
        throw error;
      }
    });
  }

  /** @param out is called with the size */
  size(id: number, out: (size: number) => void): number {
    return this.#try(C.IOERR_FSTAT, () => out(this.#get(id).file.stored.size()));
  }

  lock(id: number, level: number): number {
    const connection = this.#open.get(id);
    return connection ? connection.file.locks.lock(connection, level) : C.IOERR_LOCK;
  }

  unlock(id: number, level: number): number {
    const connection = this.#open.get(id);
    if (!connection) return C.OK;
    const { file, store } = connection;
    if (this.#flush(store) !== C.OK) return C.IOERR_WRITE;
    file.locks.unlock(connection, level);
    if (!file.locks.reserved) {
      if (file.batch?.isWritten) endBatch(file);
      file.dirty = false;
      store.tidy();
    }
    return C.OK;
  }

  #flush(store: Store): number {
    return this.#try(C.IOERR_WRITE, () => store.flush());
  }

  isReserved(id: number): boolean {
    return this.#open.get(id)?.file.locks.reserved ?? false;
  }

  control(id: number, op: number): number {
    const connection = this.#open.get(id);
    if (!connection) return C.NOTFOUND;
    const { file, store } = connection;
    switch (op) {
      case C.FCNTL_SYNC:
        return this.#flush(store);
      case C.FCNTL_COMMIT_PHASETWO:
      case C.FCNTL_CKPT_DONE:
        file.dirty = false;
        if (file.batch?.isWritten) endBatch(file);
        return this.#flush(store);
      case C.FCNTL_BEGIN_ATOMIC_WRITE:
        if ((connection.characteristics & C.IOCAP_BATCH_ATOMIC) === 0) return C.NOTFOUND;
        return this.#try(C.IOERR_BEGIN_ATOMIC, () => {
          store.flush();
          endBatch(file);
          file.batch = new Batch(store.fs, file.path, file.stored);
        });
      case C.FCNTL_COMMIT_ATOMIC_WRITE:
        if (file.batch) file.batch.isWritten = true;
        return C.OK;
      case C.FCNTL_ROLLBACK_ATOMIC_WRITE: {
        const { batch } = file;
        file.batch = undefined;
        return this.#try(C.IOERR_ROLLBACK_ATOMIC, () => batch?.rollback());
      }
      case C.FCNTL_SIZE_HINT:
      case C.FCNTL_OVERWRITE:
        return C.OK;
      default:
        return C.NOTFOUND;
    }
  }

  sectorSize(): number {
    return SECTOR_BYTES;
  }

  /** Of a file that is not open, those of a database. */
  characteristics(id: number): number {
    return this.#open.get(id)?.characteristics ?? this.#characteristics(false);
  }

  // ── names ──────────────────────────────────────────────────────────────────────────────────────────────────────

  remove(name: string): number {
    return this.#try(C.IOERR_DELETE, () => {
      const { store, path } = this.snapshots.find(name, this.store, 0);
      if (path === null || !store.fs.existsSync(path)) return C.IOERR_DELETE_NOENT;
      store.remove(path);
      this.#journalEnded(C.OPEN_MAIN_JOURNAL, path);
      return C.OK;
    });
  }

  /** @param out is called with whether there is such a file, and whether it can be written if `forWriting` */
  access(name: string, forWriting: boolean, out: (can: boolean) => void): number {
    return this.#try(C.IOERR_ACCESS, () => {
      if (this.snapshots.isUnknown(name)) {
        out(false);
        return;
      }
      const { store, path } = this.snapshots.find(name, this.store, 0);
      out(path !== null && store.fs.existsSync(path) && !(forWriting && store.fs.frozen));
    });
  }

  // ── shared memory of a WAL ─────────────────────────────────────────────────────────────────────────────────────

  /** @param out is called with the region's address, 0 when it is not there and `extend` is not set */
  shmMap(id: number, region: number, bytes: number, extend: boolean, out: (address: number) => void): number {
    const { heap } = this;
    const connection = this.#open.get(id);
    if (!connection || !heap) return C.IOERR;
    const shm = (connection.file.shm ??= new Shm(heap));
    // Memory of one module cannot be seen by another.
    if (shm.heap !== heap) return C.BUSY;
    shm.holders.add(connection);
    while (shm.regions.length <= region) {
      if (!extend) {
        out(0);
        return C.OK;
      }
      const address = heap.allocate(bytes);
      if (address === 0) return C.IOERR_NOMEM;
      shm.regions.push(address);
    }
    out(shm.regions[region]);
    return C.OK;
  }

  shmLock(id: number, first: number, count: number, flags: number): number {
    const connection = this.#open.get(id);
    const shm = connection?.file.shm;
    if (!connection || !shm) return C.IOERR_LOCK;
    return shm.lock(connection, first, count, flags);
  }

  shmUnmap(id: number): number {
    const connection = this.#open.get(id);
    if (connection) this.#leaveShm(connection);
    return C.OK;
  }

  #leaveShm(connection: Connection): void {
    const { file } = connection;
    const { shm } = file;
    if (!shm?.holders.delete(connection)) return;
    connection.shared = 0;
    connection.exclusive = 0;
    if (shm.holders.size > 0) return;
    for (const address of shm.regions) this.heap?.free(address);
    file.shm = undefined;
  }

  // ── errors ─────────────────────────────────────────────────────────────────────────────────────────────────────

  #get(id: number): Connection {
    const connection = this.#open.get(id);
    if (!connection) throw new ZramError('EINVAL', `file ${id} is not open.`);
    return connection;
  }

  /** @param otherwise the code of a failure that has no code of its own */
  #try(otherwise: number, act: () => unknown): number {
    try {
      const code = act();
      return typeof code === 'number' ? code : C.OK;
    } catch (error) {
      return this.#failed(error, otherwise);
    }
  }

  #failed(error: unknown, otherwise: number): number {
    this.lastError = error instanceof Error ? error.message : String(error);
    const code = (error as { code?: unknown } | null)?.code;
    if (otherwise === C.CANTOPEN) return code === 'ENOSPC' || code === 'ENOMEM' ? C.FULL : C.CANTOPEN;
    if (code === 'ENOSPC' || code === 'ENOMEM' || code === 'EFBIG') return C.FULL;
    return code === 'EROFS' ? C.READONLY : otherwise;
  }
}

/** Keeps what a batch has written, if that is all of it; if not, nothing. */
function endBatch(file: SharedFile): void {
  const { batch } = file;
  file.batch = undefined;
  if (batch?.isWritten) batch.commit();
  else batch?.rollback();
}
