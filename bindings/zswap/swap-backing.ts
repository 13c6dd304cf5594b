/**
 * A zswap's backing: foreign code on foreign storage, neither of which is trusted. Its members are read once, it is
 * given arrays of its own, a synchronous one must not return promises, and what it reads is checked by the caller.
 */
import {
  claimBacking,
  isAsynchronous,
  readBacking,
  releaseBacking,
  type AsyncBacking,
  type Backing,
} from '../backing/backing.js';
import { BackingDevice } from '../backing/backing-device.js';
import { Batches } from '../backing/batches.js';
import { SlotAllocator, type TakenSlot } from '../backing/slots.js';
import { PAGE_SIZE } from '../base/arguments.js';
import { copyOf, lengthOf } from '../base/bytes.js';
import { ZramError } from '../base/errors.js';
import { textOf } from '../base/messages.js';
import { SlotUsers } from './slot-users.js';

/** Pages in a batch where the backing does not say. */
const BATCH = 32;
/** Freed slots that a backing is told of at once. */
const DISCARD_SLOTS = 4096;

export class SwapBacking {
  readonly asynchronous: boolean;
  /** Slots hold objects, not pages. */
  readonly objects: boolean;
  /** Most writes in flight. */
  readonly writesInFlight: number;
  readonly #backing: Backing | AsyncBacking;
  readonly #slots: SlotAllocator;
  readonly #batchReads: Batches | undefined;
  readonly #batchWrites: Batches | undefined;
  readonly #users = new SlotUsers();
  /** Reads in progress, by slot: a slot that is freed meanwhile keeps its content until they have ended. */
  readonly #reading = new Map<number, number>();
  readonly #released = new Set<number>();
  /** For a backing that wants to know: the slots that hold something, and those that no longer do. */
  readonly #held = new Set<number>();
  #freed: number[] = [];
  /** Writes in progress: the backing is in use until they are over. */
  #writing = 0;
  #ended = false;

  /** @throws ZramError EINVAL: not a backing; EBUSY: it is in use already */
  constructor(backing: unknown) {
    this.#backing = readBacking(backing);
    this.asynchronous = isAsynchronous(this.#backing);
    const { batchSize = BATCH, objects = false, readMany, writeMany } = this.#backing as Partial<AsyncBacking>;
    this.objects = objects;
    this.#batchReads = readMany && new Batches(batchSize, true, (slots, pages) => readMany(slots, pages));
    this.#batchWrites = writeMany && new Batches(batchSize, false, (slots, pages) => writeMany(slots, pages));
    this.writesInFlight = this.asynchronous ? BackingDevice.writesInFlight(this.#backing) : BATCH;
    this.#slots = new SlotAllocator(this.#backing.slots);
    claimBacking(this.#backing);
  }

  /** Writes that are best begun at once. */
  get writeBatch(): number {
    return this.#batchWrites?.size ?? 1;
  }

  // ── writing ────────────────────────────────────────────────────────────────────────────────────────────────────

  /**
   * Writes to a free slot. Returns it; undefined when the backing is full or failed.
   * @param bytes the backing may keep or modify them
   */
  write(bytes: Uint8Array): number | undefined {
    const taken = this.#begin();
    if (!taken) return undefined;
    const { slot, suspect } = taken;
    // Zeros first if an earlier write failed: once they have arrived, no late write can follow.
    const cleared = !suspect || this.#wrote(slot, new Uint8Array(PAGE_SIZE));
    return this.#end(slot, cleared && !this.#ended && this.#wrote(slot, bytes));
  }

  /** The same for an asynchronous backing. A write may wait for its batch to be full, until `sendWrites`. */
  async writeAsync(bytes: Uint8Array): Promise<number | undefined> {
    const taken = this.#begin();
    if (!taken) return undefined;
    const { slot, suspect } = taken;
    const cleared = !suspect || (await this.#wroteAsync(slot, new Uint8Array(PAGE_SIZE), false));
    return this.#end(slot, cleared && !this.#ended && (await this.#wroteAsync(slot, bytes, suspect)));
  }

  /** Sends writes that wait for their batch to be full. */
  sendWrites(): void {
    this.#batchWrites?.send();
  }

  #begin(): TakenSlot | undefined {
    this.tellFreed();
    const taken = this.#ended ? undefined : this.#slots.take();
    if (taken) this.#writing++;
    return taken;
  }

  #end(slot: number, written: boolean): number | undefined {
    this.#writing--;
    if (this.#tellsFreed) this.#held.add(slot); // what failed may have arrived
    if (this.#ended) this.#tellAll();
    if (written) return slot;
    this.#slots.suspect(slot);
    return undefined;
  }

  #wrote(slot: number, page: Uint8Array): boolean {
    try {
      checkDone(this.#backing.write(slot, page));
      return true;
    } catch {
      return false;
    }
  }

  async #wroteAsync(slot: number, bytes: Uint8Array, sends: boolean): Promise<boolean> {
    try {
      const write = this.#batchWrites?.add(slot, bytes) ?? this.#backing.write(slot, bytes);
      if (sends) this.sendWrites();
      await write;
      return true;
    } catch {
      return false;
    }
  }

  // ── reading ────────────────────────────────────────────────────────────────────────────────────────────────────

  /**
   * What a slot holds, as a private copy, to be checked.
   * @throws ZramError EIO: the backing failed
   */
  read(slot: number): Uint8Array {
    const given = new Uint8Array(PAGE_SIZE);
    this.#beginRead(slot);
    try {
      checkDone(this.#backing.read(slot, given));
    } catch (error) {
      throw cannotRead(slot, error);
    } finally {
      this.#endRead(slot);
    }
    return privateCopy(slot, given, PAGE_SIZE);
  }

  /** The same of an asynchronous backing. @param length of the object, where slots hold objects */
  async readAsync(slot: number, length: number): Promise<Uint8Array> {
    const expected = this.objects ? length : PAGE_SIZE;
    const given = new Uint8Array(expected);
    this.#beginRead(slot);
    try {
      await (this.#batchReads?.add(slot, given) ?? this.#backing.read(slot, given));
    } catch (error) {
      throw cannotRead(slot, error);
    } finally {
      this.#endRead(slot);
    }
    return privateCopy(slot, given, expected);
  }

  #beginRead(slot: number): void {
    this.#reading.set(slot, (this.#reading.get(slot) ?? 0) + 1);
  }

  #endRead(slot: number): void {
    const left = (this.#reading.get(slot) as number) - 1;
    if (left > 0) {
      this.#reading.set(slot, left);
      return;
    }
    this.#reading.delete(slot);
    if (this.#released.delete(slot)) this.#free(slot);
  }

  // ── slots ──────────────────────────────────────────────────────────────────────────────────────────────────────

  /** A slot that was written holds so many pages. With none it is free. */
  hold(slot: number, pages: number): void {
    this.#users.set(slot, pages);
    if (pages === 0) this.#release(slot);
  }

  /** A page has left the slot; the last one frees it. */
  leave(slot: number): void {
    if (this.#users.leave(slot)) this.#release(slot);
  }

  #release(slot: number): void {
    if (this.#reading.has(slot)) this.#released.add(slot);
    else this.#free(slot);
  }

  #free(slot: number): void {
    if (this.#held.delete(slot)) this.#freed.push(slot);
    else this.#slots.put(slot);
  }

  get #tellsFreed(): boolean {
    return (this.#backing as Partial<AsyncBacking>).discard !== undefined;
  }

  /** Tells the backing which slots hold nothing any more. Until it knows, they are not used again. */
  tellFreed(): void {
    const freed = this.#freed;
    this.#freed = [];
    for (let n = 0; n < freed.length; n += DISCARD_SLOTS) {
      const slots = freed.slice(n, n + DISCARD_SLOTS);
      try {
        (this.#backing as AsyncBacking).discard?.([...slots]);
      } catch {
        // It only loses space.
      }
      for (const slot of slots) this.#slots.put(slot);
    }
  }

  /** Releases the backing, so that others may use it, as soon as no write is in progress. */
  end(): void {
    if (this.#ended) return;
    this.#ended = true;
    this.sendWrites();
    this.#tellAll();
  }

  #tellAll(): void {
    for (const slot of this.#held) this.#freed.push(slot);
    this.#held.clear();
    this.tellFreed();
    if (this.#writing === 0) releaseBacking(this.#backing);
  }
}

function cannotRead(slot: number, error: unknown): ZramError {
  return new ZramError('EIO', `the backing cannot read slot ${slot}: ${textOf(error)}.`);
}

/** The backing may have kept a reference, or detached the array. */
function privateCopy(slot: number, given: Uint8Array, length: number): Uint8Array {
  if (lengthOf(given) === length) return copyOf(given);
  throw cannotRead(slot, 'it detached (transferred) the page');
}

/** Checks that a synchronous backing was done when it returned, and did not return a promise. */
function checkDone(result: unknown): void {
  if ((typeof result !== 'object' && typeof result !== 'function') || result === null) return;
  const { then } = result as { then?: unknown };
  if (typeof then !== 'function') return;
  swallow(() => Reflect.apply(then, result, [ignore, ignore]) as unknown);
  throw new TypeError('it returned a promise, so it must have the property asynchronous: true');
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
