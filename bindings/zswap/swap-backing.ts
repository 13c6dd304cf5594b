/**
 * A zswap's backing: somebody's code and somebody's storage, neither of which is believed. Its members are read once; it is given
 * arrays of its own; what it returns must not be a promise; and what it reads back must be what the slot was given.
 */
import { claimBacking, releaseBacking, type Backing } from '../backing/backing.js';
import { Checksums } from '../backing/checksums.js';
import { SlotAllocator } from '../backing/slots.js';
import { checkInteger, PAGE_SIZE, UINT32_MAX } from '../base/arguments.js';
import { copyOf, lengthOf } from '../base/bytes.js';
import { ZramError } from '../base/errors.js';
import { describe, textOf } from '../base/messages.js';
import type { Core } from '../core/core.js';

/** A backing's `read` or `write`: what it returns is not what its type says until that was looked at. */
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
  readonly #checksums: Checksums;
  /** Reads that are under way: a backing may call back, also to read. */
  #reading = 0;
  /** Slots that came free meanwhile. They keep what they hold until nobody reads. */
  readonly #released: number[] = [];

  /** @throws ZramError EINVAL: it is no synchronous backing; EBUSY: somebody uses it already */
  constructor(core: Core, backing: unknown) {
    const { slots, read, write } = membersOf(backing);
    this.#backing = backing as Backing;
    this.#read = read;
    this.#write = write;
    this.#slots = new SlotAllocator(slots);
    this.#checksums = new Checksums(core);
    claimBacking(this.#backing);
  }

  /**
   * Writes a page. Returns its slot; undefined when the backing is full, or failed.
   * @param page an array that is the backing's from now on: it may keep it, or change it
   */
  write(page: Uint8Array): number | undefined {
    const taken = this.#slots.take();
    if (!taken) return undefined;
    const { slot, suspect } = taken;
    const checksum = this.#checksums.of(page);
    // Zeros first where a write has failed: when they have arrived, nothing is on its way any more.
    if ((suspect && !this.#wrote(slot, new Uint8Array(PAGE_SIZE))) || !this.#wrote(slot, page)) {
      this.#slots.suspect(slot);
      return undefined;
    }
    this.#checksums.set(slot, checksum);
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
   * The page that was written to a slot, in an array of one's own.
   * @throws ZramError EIO: the backing failed, or gave anything else
   */
  read(slot: number): Uint8Array {
    const given = new Uint8Array(PAGE_SIZE);
    this.#reading++;
    try {
      this.#fill(slot, given);
      const page = lengthOf(given) === PAGE_SIZE ? copyOf(given) : undefined;
      if (page && this.#checksums.holds(slot, page)) return page;
    } finally {
      if (--this.#reading === 0) for (const free of this.#released.splice(0)) this.#slots.put(free);
    }
    throw new ZramError('EIO', `the backing's slot ${slot} does not hold the page that was written to it.`);
  }

  #fill(slot: number, page: Uint8Array): void {
    try {
      checkDone(this.#read.call(this.#backing, slot, page));
    } catch (error) {
      throw new ZramError('EIO', `the backing could not read slot ${slot}: ${textOf(error)}.`);
    }
  }

  /** Gives a slot back whose page is not wanted any more. */
  release(slot: number): void {
    if (this.#reading > 0) this.#released.push(slot);
    else this.#slots.put(slot);
  }

  /** Somebody else may use the backing. */
  end(): void {
    releaseBacking(this.#backing);
  }
}

/** What a backing consists of, each read once. */
function membersOf(backing: unknown): Members {
  const { slots, read, write, asynchronous } = readMembers(backing);
  if (typeof read !== 'function' || typeof write !== 'function') {
    throw new ZramError('EINVAL', `backing must have slots, read and write, not ${describe(backing)}.`);
  }
  checkInteger(slots, 'backing.slots', 0, UINT32_MAX);
  if (asynchronous === true) throw new ZramError('EINVAL', 'a zswap needs a synchronous backing.');
  return { slots, read: read as Transfer, write: write as Transfer };
}

function readMembers(backing: unknown): Record<'slots' | 'read' | 'write' | 'asynchronous', unknown> {
  try {
    const { slots, read, write, asynchronous } = (backing ?? {}) as Record<string, unknown>;
    return { slots, read, write, asynchronous };
  } catch (error) {
    throw new ZramError('EINVAL', `backing cannot be read: ${textOf(error)}.`);
  }
}

/** A backing that is synchronous has done its work when it returns. */
function checkDone(result: unknown): void {
  if ((typeof result !== 'object' && typeof result !== 'function') || result === null) return;
  const { then } = result as { then?: unknown };
  if (typeof then !== 'function') return;
  swallow(() => then.call(result, ignore, ignore));
  throw new TypeError('it returned a promise, and a zswap needs a synchronous backing');
}

/** What becomes of a promise that nobody asked for is nobody's concern: neither it nor what its `then` returns is unhandled. */
function swallow(then: () => unknown): void {
  try {
    const next = then();
    if (next instanceof Promise) next.catch(ignore);
  } catch {
    // a `then` that throws
  }
}

const ignore = (): void => undefined;
