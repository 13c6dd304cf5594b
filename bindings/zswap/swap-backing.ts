/**
 * A zswap's backing: foreign code on foreign storage, neither of which is trusted. Its members are read once, it is
 * given arrays of its own, a synchronous one must not return promises, and what it reads is checked by the caller.
 */
import { SlotAllocator, type TakenSlot } from '../backing/slots.js';
import { Transport } from '../backing/transport.js';
import { PAGE_SIZE } from '../base/arguments.js';
import { copyOf, lengthOf } from '../base/bytes.js';
import { ZramError } from '../base/errors.js';
import { textOf } from '../base/messages.js';
import { SlotUsers } from './slot-users.js';

export class SwapBacking {
  readonly transport: Transport;
  readonly #slots: SlotAllocator;
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
    this.transport = new Transport(backing);
    this.#slots = new SlotAllocator(this.transport.backing.slots);
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

  /** The same for an asynchronous backing. A write may wait for its batch to be full, until `transport.sendWrites`. */
  async writeAsync(bytes: Uint8Array): Promise<number | undefined> {
    const taken = this.#begin();
    if (!taken) return undefined;
    const { slot, suspect } = taken;
    const cleared = !suspect || (await this.#wroteAsync(slot, new Uint8Array(PAGE_SIZE), false));
    return this.#end(slot, cleared && !this.#ended && (await this.#wroteAsync(slot, bytes, suspect)));
  }

  #begin(): TakenSlot | undefined {
    this.tellFreed();
    const taken = this.#ended ? undefined : this.#slots.take();
    if (taken) this.#writing++;
    return taken;
  }

  #end(slot: number, written: boolean): number | undefined {
    this.#writing--;
    if (this.transport.wantsDiscards) this.#held.add(slot); // what failed may have arrived
    if (this.#ended) this.#tellAll();
    if (written) return slot;
    this.#slots.suspect(slot);
    return undefined;
  }

  #wrote(slot: number, page: Uint8Array): boolean {
    try {
      this.transport.writeNow(slot, page);
      return true;
    } catch {
      return false;
    }
  }

  async #wroteAsync(slot: number, bytes: Uint8Array, sends: boolean): Promise<boolean> {
    try {
      const write = this.transport.write(slot, bytes);
      if (sends) this.transport.sendWrites();
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
      this.transport.readNow(slot, given);
    } catch (error) {
      throw cannotRead(slot, error);
    } finally {
      this.#endRead(slot);
    }
    return privateCopy(slot, given, PAGE_SIZE);
  }

  /** The same of an asynchronous backing. @param length of the object, where slots hold objects */
  async readAsync(slot: number, length: number): Promise<Uint8Array> {
    const expected = this.transport.objects ? length : PAGE_SIZE;
    const given = new Uint8Array(expected);
    this.#beginRead(slot);
    try {
      await this.transport.read(slot, given);
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

  /** Tells the backing which slots hold nothing any more. Until it knows, they are not used again. */
  tellFreed(): void {
    const freed = this.#freed;
    if (freed.length === 0) return;
    this.#freed = [];
    this.transport.discard(freed);
    for (const slot of freed) this.#slots.put(slot);
  }

  /** Releases the backing, so that others may use it, as soon as no write is in progress. */
  end(): void {
    if (this.#ended) return;
    this.#ended = true;
    this.transport.sendWrites();
    this.#tellAll();
  }

  #tellAll(): void {
    for (const slot of this.#held) this.#freed.push(slot);
    this.#held.clear();
    this.tellFreed();
    if (this.#writing === 0) this.transport.release();
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
