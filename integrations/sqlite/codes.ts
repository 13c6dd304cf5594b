/** Numbers of SQLite's C interface that a VFS meets, by their names there without `SQLITE_`. */

export const OK = 0;
export const BUSY = 5;
export const READONLY = 8;
export const NOTFOUND = 12;
export const FULL = 13;
export const CANTOPEN = 14;

export const IOERR = 10;
export const IOERR_READ = 266;
export const IOERR_SHORT_READ = 522;
export const IOERR_WRITE = 778;
export const IOERR_FSYNC = 1034;
export const IOERR_TRUNCATE = 1546;
export const IOERR_FSTAT = 1802;
export const IOERR_DELETE = 2570;
export const IOERR_NOMEM = 3082;
export const IOERR_ACCESS = 3338;
export const IOERR_LOCK = 3850;
export const IOERR_CLOSE = 4106;
export const IOERR_DELETE_NOENT = 5898;
export const IOERR_BEGIN_ATOMIC = 7434;
export const IOERR_ROLLBACK_ATOMIC = 7946;

export const OPEN_READONLY = 0x1;
export const OPEN_READWRITE = 0x2;
export const OPEN_CREATE = 0x4;
export const OPEN_DELETEONCLOSE = 0x8;
export const OPEN_EXCLUSIVE = 0x10;
export const OPEN_URI = 0x40;
export const OPEN_MAIN_DB = 0x100;
export const OPEN_MAIN_JOURNAL = 0x800;
export const OPEN_WAL = 0x80000;

export const ACCESS_READWRITE = 1;

export const LOCK_NONE = 0;
export const LOCK_SHARED = 1;
export const LOCK_RESERVED = 2;
export const LOCK_PENDING = 3;
export const LOCK_EXCLUSIVE = 4;

export const SHM_UNLOCK = 1;
export const SHM_LOCK = 2;
export const SHM_SHARED = 4;
/** Locks of a shared memory: writer, checkpointer, recovery, five readers. */
export const SHM_LOCKS = 8;
/** The lock that a writer of a WAL holds through its transaction. */
export const WAL_WRITE_LOCK = 0;

export const IOCAP_SAFE_APPEND = 0x200;
export const IOCAP_SEQUENTIAL = 0x400;
export const IOCAP_POWERSAFE_OVERWRITE = 0x1000;
export const IOCAP_IMMUTABLE = 0x2000;
export const IOCAP_BATCH_ATOMIC = 0x4000;

export const FCNTL_SIZE_HINT = 5;
export const FCNTL_OVERWRITE = 11;
export const FCNTL_SYNC = 21;
export const FCNTL_COMMIT_PHASETWO = 22;
export const FCNTL_BEGIN_ATOMIC_WRITE = 31;
export const FCNTL_COMMIT_ATOMIC_WRITE = 32;
export const FCNTL_ROLLBACK_ATOMIC_WRITE = 33;
export const FCNTL_CKPT_DONE = 37;

/** Milliseconds from noon of the first Julian day to 1970. */
export const UNIX_EPOCH_MS = 24405875 * 8640000;
