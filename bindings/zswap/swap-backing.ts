/**
 * A zswap's backing: foreign code on foreign storage, neither of which is trusted. Its members are read once, it is
 * given arrays of its own, it must not return promises, and a page that it reads must be the one that was written to
 * the slot.
 */
import { claimBacking, releaseBacking, type Backing } from '../backing/backing.js';
import { SlotRecords } from '../backing/slot-records.js';
import { SlotAllocator } from '../backing/slots.js';
import { checkInteger, PAGE_SIZE, UINT32_MAX } from '../base/arguments.js';
import { copyOf, lengthOf } from '../base/bytes.js';
import { ZramError } from '../base/errors.js';
import { describe, textOf } from '../base/messages.js';
import type { Core } from '../core/core.js';

/** A backing's `read` or `write`, whose results are checked whatever its type says. */
type Transfer = (slot: number, page: Uint8Array) => unknown;

interface Members {
  readonly slots: number;
  readonly read: Transfer;
  readonly write: Transfer;
}

export class SwapBacking {
  readonly #backing: Backing;
  readonly #read: Transfer;
  readonly #write: Transfer;
  readonly #slots: SlotAllocator;
  readonly #records: SlotRecords;
  /** Reads in progress, which may be nested: a backing may call the zswap. */
  #reading = 0;
  /** Slots released during reads. They keep their content until all reads have ended. */
  readonly #released: number[] = [];

  /** @throws ZramError EINVAL: not a synchronous backing; EBUSY: it is in use already */
  constructor(core: Core, backing: unknown) {
    const { slots, read, write } = membersOf(backing);
    this.#backing = backing as Backing;
    this.#read = read;
    this.#write = write;
    this.#slots = new SlotAllocator(slots);
    this.#records = new SlotRecords(core);
    claimBacking(this.#backing);
  }

  /**
   * Writes a page. Returns its slot; undefined when the backing is full or failed.
   * @param page the backing may keep or modify it
   */
  write(page: Uint8Array): number | undefined {
    const taken = this.#slots.take();
    if (!taken) return undefined;
    const { slot, suspect } = taken;
    const checksum = this.#records.checksumOf(page);
    // Zeros first if an earlier write failed: once they have arrived, no late write can follow.
    if ((suspect && !this.#wrote(slot, new Uint8Array(PAGE_SIZE))) || !this.#wrote(slot, page)) {
      this.#slots.suspect(slot);
      return undefined;
    }
    this.#records.set(slot, checksum);
    return slot;
  }

  #wrote(slot: number, page: Uint8Array): boolean {
    try {
      checkDone(this.#write.call(this.#backing, slot, page));
      return true;
    } catch {
      return false;
    }
  }

  /**
   * The page that was written to a slot, as a private copy.
   * @throws ZramError EIO: the backing failed, or returned anything else
   */
  read(slot: number): Uint8Array {
    const given = new Uint8Array(PAGE_SIZE);
    this.#reading++;
    try {
      this.#fill(slot, given);
      const page = lengthOf(given) === PAGE_SIZE ? copyOf(given) : undefined;
      if (page && this.#records.holds(slot, page)) return page;
    } finally {
      if (--this.#reading === 0) for (const free of this.#released.splice(0)) this.#slots.put(free);
    }
    throw new ZramError(
      'EIO',
      `the backing's slot ${slot} does not hold the page that was written there: it is an older page, another one or damaged.`,
    );
  }

  #fill(slot: number, page: Uint8Array): void {
    try {
      checkDone(this.#read.call(this.#backing, slot, page));
    } catch (error) {
      throw new ZramError('EIO', `the backing cannot read slot ${slot}: ${textOf(error)}.`);
    }
  }

  /** Releases a slot. */
  release(slot: number): void {
    if (this.#reading > 0) this.#released.push(slot);
    else this.#slots.put(slot);
  }

  /** Releases the backing, so that others may use it. */
  end(): void {
    releaseBacking(this.#backing);
  }
}

/** The members of a backing, each read once. */
function membersOf(backing: unknown): Members {
  const { slots, read, write, asynchronous } = readMembers(backing);
  if (typeof read !== 'function' || typeof write !== 'function') {
    throw new ZramError('EINVAL', `backing must have slots, read and write, not ${describe(backing)}.`);
  }
  checkInteger(slots, 'backing.slots', 0, UINT32_MAX);
  if (asynchronous === true)
    throw new ZramError('EINVAL', 'the backing of a zswap must be synchronous, not asynchronous.');
  return { slots, read: read as Transfer, write: write as Transfer };
}

function readMembers(backing: unknown): Record<'slots' | 'read' | 'write' | 'asynchronous', unknown> {
  try {
    const { slots, read, write, asynchronous } = (backing ?? {}) as Record<string, unknown>;
    return { slots, read, write, asynchronous };
  } catch (error) {
    throw new ZramError('EINVAL', `cannot read the properties of backing: ${textOf(error)}.`);
  }
}

/** Checks that a backing was done when it returned, and did not return a promise. */
function checkDone(result: unknown): void {
  if ((typeof result !== 'object' && typeof result !== 'function') || result === null) return;
  const { then } = result as { then?: unknown };
  if (typeof then !== 'function') return;
  swallow(() => then.call(result, ignore, ignore));
  throw new TypeError('it returned a promise, and the backing of a zswap must be synchronous');
}

/** Ignores a promise returned by mistake: neither it nor the result of its `then` may become an unhandled rejection. */
function swallow(then: () => unknown): void {
  try {
    const next = then();
    if (next instanceof Promise) next.catch(ignore);
  } catch {
    // a `then` that throws
  }
}

const ignore = (): void => undefined;
