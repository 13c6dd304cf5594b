/**
 * SQLite's locks on one file, and on the shared memory of one WAL, between the connections of one thread. All of them see
 * each other here at once, so a lock is given or refused and nobody waits.
 */
import {
  BUSY,
  LOCK_EXCLUSIVE,
  LOCK_NONE,
  LOCK_PENDING,
  LOCK_RESERVED,
  LOCK_SHARED,
  OK,
  SHM_LOCK,
  SHM_LOCKS,
  SHM_SHARED,
} from './codes.js';

/** A connection's lock on a file. */
export interface Holder {
  lock: number;
}

/**
 * The levels of a database file: any number read (SHARED); one of them prepares to write (RESERVED), waits for the others
 * to end while no new ones begin (PENDING), and writes (EXCLUSIVE).
 */
export class FileLocks {
  /** Connections with SHARED or more. */
  #readers = 0;
  /** The one with RESERVED or more. */
  #writer: Holder | undefined;

  /** Whether any connection has RESERVED or more. */
  get reserved(): boolean {
    return this.#writer !== undefined;
  }

  /** The level of the one with RESERVED or more; 0 if there is none. */
  get writing(): number {
    return this.#writer?.lock ?? 0;
  }

  /** Whether any connection has a lock. */
  get used(): boolean {
    return this.#readers > 0;
  }

  lock(holder: Holder, level: number): number {
    if (holder.lock >= level) return OK;
    const writer = this.#writer;
    if (level === LOCK_SHARED) {
      if (writer && writer.lock >= LOCK_PENDING) return BUSY;
      this.#readers++;
      holder.lock = LOCK_SHARED;
      return OK;
    }
    if (writer && writer !== holder) return BUSY;
    this.#writer = holder;
    if (level === LOCK_RESERVED) {
      holder.lock = LOCK_RESERVED;
      return OK;
    }
    // PENDING stays while others read, so that the writer gets its turn.
    holder.lock = LOCK_PENDING;
    if (level < LOCK_EXCLUSIVE) return OK;
    if (this.#readers > 1) return BUSY;
    holder.lock = LOCK_EXCLUSIVE;
    return OK;
  }

  unlock(holder: Holder, level: number): void {
    if (holder.lock <= level) return;
    if (this.#writer === holder) this.#writer = undefined;
    if (level === LOCK_NONE) this.#readers--;
    holder.lock = level;
  }
}

/** A connection's locks on shared memory, as bits. */
export interface ShmHolder {
  shared: number;
  exclusive: number;
}

/** The shared memory of a WAL, which is memory of the SQLite module whose connections use it, and its eight locks. */
export class Shm {
  /** Addresses of its regions. */
  readonly regions: number[] = [];
  readonly holders = new Set<ShmHolder>();

  /** @param heap of the module; connections of another module cannot take part */
  constructor(readonly heap: object) {}

  lock(holder: ShmHolder, first: number, count: number, flags: number): number {
    const mask = ((1 << count) - 1) << first;
    if (first < 0 || count < 1 || first + count > SHM_LOCKS) return BUSY;
    if ((flags & SHM_LOCK) === 0) {
      holder.shared &= ~mask;
      holder.exclusive &= ~mask;
      return OK;
    }
    const alone = (flags & SHM_SHARED) === 0;
    for (const other of this.holders) {
      if (other === holder) continue;
      if ((other.exclusive & mask) !== 0 || (alone && (other.shared & mask) !== 0)) return BUSY;
    }
    if (alone) holder.exclusive |= mask;
    else holder.shared |= mask;
    return OK;
  }

  /** Whether any connection holds this lock alone. */
  isLocked(lock: number): boolean {
    for (const { exclusive } of this.holders) if ((exclusive & (1 << lock)) !== 0) return true;
    return false;
  }
}
