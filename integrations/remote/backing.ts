/** A device's backing on a content-addressed tier: which value each slot has, and the leases of those values. */
import { ZramError } from '../../bindings/base/errors.js';
import type { AsyncBacking } from '../../bindings/index.js';
import { tell } from './callbacks.js';
import { KeyTable } from './key-table.js';
import { checkType, TIMER_MILLISECONDS_MAX } from '../base/options.js';
import { Renewal } from './renewal.js';
import { isKeyOf, keysOf, touchEach, type RemoteTier } from './tier.js';

/** Options of {@link createRemoteBacking}. */
export interface RemoteBackingOptions {
  /** Pages that it takes at most. A slot costs 16 bytes, from when it is used. */
  readonly slots: number;
  /** The name that `backing_dev` shows; default that of the tier. */
  readonly name?: string | undefined;
  /** Milliseconds from one renewal of the leases to the next; default a third of the tier's lease. 0: only `renew()`. */
  readonly renewEvery?: number | undefined;
  /**
   * Called with slots whose value is found to be gone, each once. Their pages read as EIO. What it throws changes neither the
   * read nor the renewal that found them: it is reported by `reportError`, or thrown as an uncaught exception where there is
   * none (Node.js).
   */
  readonly onLost?: ((slots: readonly number[]) => void) | undefined;
  /** Called when a renewal by the timer failed; it is tried again after an eighth of the time. What it throws: as `onLost`. */
  readonly onRenewalFailed?: ((error: unknown) => void) | undefined;
}

/** Whether a value is that of a key. */
type Check = (key: Uint8Array, value: Uint8Array) => boolean;

/**
 * Slots on a {@link RemoteTier}, made by {@link createRemoteBacking}. Stored objects are moved, not pages, and each is checked
 * when it comes back, by its key or by the device: a slot gives what was written to it, or an error that names it.
 */
export class RemoteBacking implements AsyncBacking {
  readonly asynchronous = true;
  /** Stored objects of 1 to 4096 bytes are moved, instead of pages. */
  readonly objects = true;
  /** Arrays are not used after a call that succeeded. */
  readonly keepsArrays = false;
  /** Pages of a batch; a device has eight batches in flight unless it is told otherwise. */
  readonly batchSize = 64;
  readonly slots: number;
  readonly name: string;
  readonly #tier: RemoteTier;
  readonly #keys: KeyTable;
  readonly #lost = new Set<number>();
  readonly #onLost: (slots: readonly number[]) => void;
  readonly #renewal: Renewal;

  /** @internal Made by {@link createRemoteBacking}. */
  constructor(tier: RemoteTier, options: RemoteBackingOptions) {
    const {
      slots,
      name = tier.name ?? 'remote',
      onLost = () => undefined,
      onRenewalFailed = () => undefined,
    } = options;
    this.slots = slots;
    this.name = name;
    this.#tier = tier;
    this.#onLost = onLost;
    this.#keys = new KeyTable(slots);
    this.#renewal = new Renewal(() => this.#renewAll(), renewEvery(tier, options), onRenewalFailed);
  }

  /** Slots whose value was found to be gone, by a renewal or by a read. Those that are written again are not among them. */
  get lost(): ReadonlySet<number> {
    return this.#lost;
  }

  /** Slots that hold something, lost ones included. */
  get slotsUsed(): number {
    return this.#keys.used;
  }

  /** The key of a slot's value, 16 bytes; undefined if it has none. */
  keyOf(slot: number): Uint8Array | undefined {
    return this.#keys.get(slot);
  }

  /** As `readMany`, of one slot. */
  async read(slot: number, page: Uint8Array): Promise<void> {
    const [error] = await this.readMany([slot], [page]);
    if (error !== undefined) throw error;
  }

  /** As `writeMany`, of one slot. */
  async write(slot: number, page: Uint8Array): Promise<void> {
    const [error] = await this.writeMany([slot], [page]);
    if (error !== undefined) throw error;
  }

  /**
   * Fills each array, which must be as long as what was written to its slot.
   * @returns for each slot undefined, or a ZramError EIO: it holds nothing; its value is gone, wrong or of another length
   * @throws what the tier throws if it has nothing for any slot
   */
  readMany(slots: readonly number[], pages: readonly Uint8Array[]): Promise<(ZramError | undefined)[]> {
    return this.#read(slots, pages, isKeyOf);
  }

  /**
   * As `readMany`, for who compares what he gets with a hash of what he wrote, as devices do: a value of the right length is
   * taken as it is, which saves a quarter of the time.
   */
  readUnchecked(slots: readonly number[], pages: readonly Uint8Array[]): Promise<(ZramError | undefined)[]> {
    return this.#read(slots, pages, () => true);
  }

  async #read(
    slots: readonly number[],
    pages: readonly Uint8Array[],
    isRight: Check,
  ): Promise<(ZramError | undefined)[]> {
    const keys = this.#keys.getMany(slots);
    const known = keys.includes(undefined) ? keys.filter((key) => key !== undefined) : (keys as Uint8Array[]);
    const values = known.length > 0 ? await this.#tier.getMany(known) : [];
    if (values?.length !== known.length) throw new ZramError('EIO', `${this.name} left out values.`);
    const results: (ZramError | undefined)[] = [];
    const gone: number[] = [];
    for (let i = 0, next = 0; i < slots.length; i++) {
      const key = keys[i];
      const value = key === undefined ? undefined : (values[next++] ?? undefined);
      results.push(this.#take(slots[i], key, value, pages[i], isRight));
      if (value === undefined && this.#isStill(slots[i], key)) gone.push(slots[i]);
    }
    this.#report(gone);
    return results;
  }

  #isStill(slot: number, key: Uint8Array | undefined): boolean {
    return key !== undefined && this.#keys.isAt(slot, key);
  }

  /** Copies before anything is checked, so that what is checked is what the caller gets. */
  #take(
    slot: number,
    key: Uint8Array | undefined,
    value: unknown,
    page: Uint8Array,
    isRight: Check,
  ): ZramError | undefined {
    if (key !== undefined && value instanceof Uint8Array && value.length === page.length) {
      page.set(value);
      if (isRight(key, page)) return undefined;
      page.fill(0);
      return new ZramError('EIO', `the value of slot ${slot} of ${this.name} is not what was written to it.`);
    }
    const from = `slot ${slot} of ${this.name}`;
    if (key === undefined) return new ZramError('EIO', `${from} holds nothing.`);
    if (value instanceof Error) {
      return new ZramError('EIO', `${from} could not be read: ${value.message}`, undefined, { cause: value });
    }
    if (value === undefined) return new ZramError('EIO', `the value of ${from} is gone.`);
    if (!(value instanceof Uint8Array)) return new ZramError('EIO', `the value of ${from} is no array of bytes.`);
    return new ZramError(
      'EIO',
      `the value of ${from} has ${value.length} bytes, not the ${page.length} written to it.`,
    );
  }

  /**
   * Stores one array in each slot. A slot whose write fails holds nothing; a write that arrives late does no harm, as it can
   * only store the same value under the same key.
   * @param pages 1 to 4096 bytes each, not to be changed until the promise is settled
   * @returns for each slot undefined, or why it was not written
   * @throws what the tier throws if it stored nothing
   */
  async writeMany(slots: readonly number[], pages: readonly Uint8Array[]): Promise<(Error | undefined)[]> {
    const keys = keysOf(pages);
    this.discard(slots);
    // Null is no error, as it is to devices: otherwise they take as stored what is not known here.
    const errors: readonly (Error | null | undefined)[] | undefined = await this.#tier.putMany(keys, pages);
    const isWhole = errors?.length === slots.length;
    return slots.map((slot, i) => {
      const error = isWhole ? (errors[i] ?? undefined) : new ZramError('EIO', `${this.name} left out results.`);
      if (error === undefined) this.#keys.set(slot, keys[i]);
      return error;
    });
  }

  /** The slots' content is not needed any more: its leases are not renewed. */
  discard(slots: readonly number[]): void {
    const held = slots.filter((slot) => this.#keys.has(slot));
    if (held.length === 0) return;
    const keys = this.#tier.releaseMany === undefined ? [] : this.#keys.getMany(held);
    for (const slot of held) {
      this.#keys.delete(slot);
      this.#lost.delete(slot);
    }
    // What is not released costs space, not data.
    if (keys.length > 0) void this.#tier.releaseMany?.(keys as Uint8Array[]).catch(() => undefined);
  }

  /**
   * Extends the leases of all slots now, in calls of up to 4096 keys. Calls that overlap are one.
   * @returns the slots whose value is gone, also those found earlier
   * @throws ZramError EIO, or what the tier throws: some leases were not extended
   */
  renew(): Promise<readonly number[]> {
    return this.#renewal.now();
  }

  /** Ends the renewals by the timer. Values stay for as long as their lease lasts. */
  close(): void {
    this.#renewal.close();
  }

  async #renewAll(): Promise<readonly number[]> {
    let failure: Error | undefined;
    for (const slots of this.#keys.live()) {
      const keys = this.#keys.getMany(slots) as Uint8Array[];
      const results = await touchEach(this.#tier, keys);
      const same = (i: number): boolean => this.#isStill(slots[i], keys[i]);
      failure ??= results.find((result) => result instanceof Error);
      slots.forEach((slot, i) => results[i] === true && same(i) && this.#lost.delete(slot));
      this.#report(slots.filter((_, i) => results[i] === false && same(i)));
    }
    if (failure === undefined) return [...this.#lost];
    throw new ZramError('EIO', `leases on ${this.name} were not extended: ${failure.message}`, undefined, {
      cause: failure,
    });
  }

  #report(slots: readonly number[]): void {
    const fresh = slots.filter((slot) => !this.#lost.has(slot));
    for (const slot of fresh) this.#lost.add(slot);
    if (fresh.length > 0) tell(this.#onLost, fresh);
  }
}

function renewEvery(tier: RemoteTier, { renewEvery: given }: RemoteBackingOptions): number {
  const lease = tier.leaseMilliseconds ?? Infinity;
  const every = given ?? (Number.isFinite(lease) ? lease / 3 : 0);
  return Math.min(every, TIMER_MILLISECONDS_MAX);
}

/**
 * A backing for `setBacking`, writeback and reads on demand, on a tier that machines share.
 *
 * Cost: a hash of each object that is written, 1.5 µs; 16 bytes a slot; a command a page and renewal.
 * @throws ZramError EINVAL: not a tier, or wrong options
 */
export function createRemoteBacking(tier: RemoteTier, options: RemoteBackingOptions): RemoteBacking {
  if (typeof tier?.getMany !== 'function' || typeof tier.putMany !== 'function' || typeof tier.touchMany !== 'function')
    throw new ZramError('EINVAL', 'tier must have getMany, putMany and touchMany.');
  const { slots, renewEvery: every = 1 } = options ?? {};
  if (!(Number.isInteger(slots) && slots >= 1 && slots <= 0xffffffff))
    throw new ZramError('EINVAL', 'slots must be an integer from 1 to 4294967295.');
  if (!(typeof every === 'number' && every >= 0))
    throw new ZramError('EINVAL', 'renewEvery must be a number of milliseconds, or 0.');
  checkType(options.name, 'name', 'string');
  checkType(options.onLost, 'onLost', 'function');
  checkType(options.onRenewalFailed, 'onRenewalFailed', 'function');
  return new RemoteBacking(tier, options);
}
