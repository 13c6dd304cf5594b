/** Backing: where pages go that are written back. */
import { PAGE_SIZE, checkBytes, checkInteger } from '../arguments.js';
import { ZramError } from '../errors.js';
import { describe } from '../size.js';

/**
 * A device of fixed slots, 4096 bytes each, numbered from 0. A call that fails throws; what it throws is taken as an
 * I/O error (`EIO`), and the page stays in memory.
 */
export interface Backing {
  /** Number of slots. */
  readonly slots: number;
  /** What `backing_dev` shows. */
  readonly name?: string;
  /** Fills `page`, 4096 bytes, from a slot that was written before. */
  read(slot: number, page: Uint8Array): void;
  /** Writes `page`, 4096 bytes, to a slot. `page` is only valid during the call. */
  write(slot: number, page: Uint8Array): void;
}

/**
 * The same with promises, for storage that has no synchronous calls. Pages that were written back to it are read with
 * `readAsync()` and `readPagesAsync()`; the synchronous calls throw `EAGAIN` for them.
 */
export interface AsyncBacking {
  /** Tells it from a `Backing`. */
  readonly asynchronous: true;
  /** Number of slots. */
  readonly slots: number;
  /** What `backing_dev` shows. */
  readonly name?: string;
  /** Fills `page`, 4096 bytes, from a slot that was written before. */
  read(slot: number, page: Uint8Array): Promise<void>;
  /** Writes `page`, 4096 bytes, to a slot. `page` is valid until the promise is settled. */
  write(slot: number, page: Uint8Array): Promise<void>;
}

/** Tests what a backing of the library is called with: a wrong slot or page is EINVAL before anything has changed. */
export function checkTransfer(slots: number, slot: unknown, page: unknown): void {
  checkInteger(slot, 'slot', 0, slots - 1);
  checkBytes(page, 'page');
  if (page.length === PAGE_SIZE) return;
  throw new ZramError('EINVAL', `page must have ${PAGE_SIZE} bytes, not ${page.length}.`);
}

export function isAsynchronous(backing: Backing | AsyncBacking): backing is AsyncBacking {
  return (backing as Partial<AsyncBacking>).asynchronous === true;
}

export function checkBacking(backing: unknown): asserts backing is Backing | AsyncBacking {
  const { slots, read, write } = (backing ?? {}) as Partial<Backing>;
  if (typeof read !== 'function' || typeof write !== 'function') {
    throw new ZramError('EINVAL', `backing must have slots, read and write, not ${describe(backing)}.`);
  }
  checkInteger(slots, 'backing.slots', 0, 2 ** 32 - 1);
}

/** Backings that somebody uses: each user numbers the slots for itself, so there can be only one. */
const claimed = new WeakSet();

/** @throws ZramError EBUSY: somebody uses it already */
export function claimBacking(backing: Backing | AsyncBacking): void {
  if (claimed.has(backing)) throw new ZramError('EBUSY', 'the backing is in use by another device or zswap.');
  claimed.add(backing);
}

export function releaseBacking(backing: Backing | AsyncBacking): void {
  claimed.delete(backing);
}

/** A backing of a device, which its snapshots and clones use with it. */
export class BackingDevice {
  /** Pages read and written (bd_reads, bd_writes). */
  reads = 0;
  writes = 0;
  /**
   * Somebody writes pages back. One at a time, of the device, its snapshots and its clones: whoever is ended in the middle
   * of a write leaves its block to others, which must not write there before that write is over.
   */
  writing = false;
  #users = 1;
  /** Reads that are under way, with the slot that each reads. */
  readonly #readers = new Set<{ readonly slot: number; stale: boolean }>();

  /** @param owned closed with the last user */
  constructor(
    readonly backing: Backing | AsyncBacking,
    readonly owned: { destroy(): void } | undefined,
  ) {
    claimBacking(backing);
  }

  retain(): this {
    this.#users++;
    return this;
  }

  release(close = true): void {
    if (--this.#users > 0) return;
    releaseBacking(this.backing);
    if (close) this.owned?.destroy();
  }

  /** @throws ZramError EIO; EAGAIN: it can only be read asynchronously */
  read(slot: number): Uint8Array {
    if (isAsynchronous(this.backing)) {
      throw new ZramError('EAGAIN', 'the page is on an asynchronous backing: use readAsync or readPagesAsync.');
    }
    const page = new Uint8Array(PAGE_SIZE);
    try {
      now(() => this.backing.read(slot, page));
    } catch (error) {
      throw failed('read', slot, error);
    }
    this.reads++;
    return page;
  }

  /**
   * Reads a slot; undefined when it was written meanwhile: then it is another page's.
   * @throws ZramError EIO
   */
  async readAsync(slot: number): Promise<Uint8Array | undefined> {
    const page = new Uint8Array(PAGE_SIZE);
    const reader = { slot, stale: false };
    this.#readers.add(reader);
    try {
      await this.backing.read(slot, page);
    } catch (error) {
      if (!reader.stale) throw failed('read', slot, error);
    } finally {
      this.#readers.delete(reader);
    }
    this.reads++;
    return reader.stale ? undefined : page;
  }

  /** @throws ZramError EIO */
  write(slot: number, page: Uint8Array): void {
    this.#disturb(slot);
    try {
      now(() => this.backing.write(slot, page));
    } catch (error) {
      throw failed('write', slot, error);
    }
    this.writes++;
  }

  /** @throws ZramError EIO */
  async writeAsync(slot: number, page: Uint8Array): Promise<void> {
    this.#disturb(slot);
    try {
      await this.backing.write(slot, page);
    } catch (error) {
      throw failed('write', slot, error);
    }
    this.writes++;
  }

  #disturb(slot: number): void {
    for (const reader of this.#readers) if (reader.slot === slot) reader.stale = true;
  }
}

/** A backing that does not say it is asynchronous has to be done when it returns. */
function now(call: () => unknown): void {
  const result = call();
  const then = typeof result === 'object' && result !== null ? (result as Partial<Promise<void>>).then : undefined;
  if (typeof then !== 'function') return;
  (result as Promise<void>).then(undefined, () => undefined);
  throw new TypeError('it returned a promise; a backing that does so must have the property asynchronous: true');
}

function failed(what: string, slot: number, error: unknown): ZramError {
  return new ZramError('EIO', `the backing could not ${what} slot ${slot}: ${String(error)}`);
}
