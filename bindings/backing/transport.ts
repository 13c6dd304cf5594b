/**
 * A backing as it is called: its members are read once, it has one user, one that is synchronous must not return promises,
 * and one with batches gets them. What it gives is neither trusted nor checked here.
 */
import {
  claimBacking,
  isAsynchronous,
  readBacking,
  releaseBacking,
  type AsyncBacking,
  type Backing,
} from './backing.js';
import { Arena, Batches, type Failure } from './batches.js';

/** Pages in a batch, and in flight where calls are of one page (the kernel's default of writeback_batch_size). */
const BATCH = 32;
/** Batches in flight: while one is on its way, another is made, and another waits in the storage. */
const BATCHES_IN_FLIGHT = 8;
/** Freed slots that a backing is told of at once. */
const DISCARD_SLOTS = 4096;

export class Transport {
  /** Its properties as they were when it was claimed. */
  readonly backing: Backing | AsyncBacking;
  readonly asynchronous: boolean;
  /** Slots hold objects, not pages. */
  readonly objects: boolean;
  readonly #keepsArrays: boolean;
  readonly #reads: Batches | undefined;
  readonly #writes: Batches | undefined;

  /**
   * @param compares whether its user compares what it reads with a keyed hash, so that the backing need not check it
   * @throws ZramError EINVAL: not a backing; EBUSY: it is in use already
   */
  constructor(backing: unknown, compares = false) {
    this.backing = readBacking(backing);
    this.asynchronous = isAsynchronous(this.backing);
    const { batchSize = BATCH, objects = false, keepsArrays = true } = this.backing as Partial<AsyncBacking>;
    const { readMany: checked, readUnchecked: unchecked, writeMany } = this.backing as Partial<AsyncBacking>;
    const readMany = compares ? (unchecked ?? checked) : checked;
    this.objects = objects;
    this.#keepsArrays = keepsArrays;
    this.#reads = readMany && new Batches(batchSize, true, (slots, pages) => readMany(slots, pages));
    this.#writes = writeMany && new Batches(batchSize, false, (slots, pages) => writeMany(slots, pages));
    claimBacking(this.backing);
  }

  /** Others may use the backing. */
  release(): void {
    releaseBacking(this.backing);
  }

  // ── how much is in flight ──────────────────────────────────────────────────────────────────────────────────────

  get readsBatches(): boolean {
    return this.#reads !== undefined;
  }

  /** For the arrays of the reads of one call; undefined: there are no batches. */
  arenaForReads(): Arena | undefined {
    return this.#reads && new Arena(!this.#keepsArrays);
  }

  /** For the arrays of the writes of one call. */
  arenaForWrites(): Arena | undefined {
    return this.#writes && new Arena(!this.#keepsArrays);
  }

  /** Pages that are best read at once. */
  get readBatch(): number {
    return this.#reads?.size ?? 1;
  }

  /** Pages that are best written at once. */
  get writeBatch(): number {
    return this.#writes?.size ?? 1;
  }

  /** Most pages that are read at once. */
  get readsInFlight(): number {
    return this.#reads ? BATCHES_IN_FLIGHT * this.#reads.size : BATCH;
  }

  /** Most pages that are written at once, if nobody says. */
  static writesInFlight(backing: Backing | AsyncBacking | undefined): number {
    const { batchSize = BATCH, writeMany } = (backing ?? {}) as Partial<AsyncBacking>;
    return writeMany ? BATCHES_IN_FLIGHT * batchSize : BATCH;
  }

  // ── calls ──────────────────────────────────────────────────────────────────────────────────────────────────────

  /** Of a synchronous backing. @throws whatever it throws */
  readNow(slot: number, page: Uint8Array): void {
    checkDone(this.backing.read(slot, page));
  }

  /** Of a synchronous backing. @throws whatever it throws */
  writeNow(slot: number, page: Uint8Array): void {
    checkDone(this.backing.write(slot, page));
  }

  /** To be awaited inside a `try`: it may throw at once, and the backing may return no promise. */
  read(slot: number, page: Uint8Array): Promise<void> | void {
    return this.#reads?.add(slot, page) ?? this.backing.read(slot, page);
  }

  /** Reads a batch at once, of a backing that takes them. @returns what failed, by its place; never rejected */
  readMany(slots: readonly number[], pages: readonly Uint8Array[]): Promise<readonly (Failure | undefined)[]> {
    return (this.#reads as Batches).all(slots, pages);
  }

  /** As `readMany`, at any backing: a batch of one, if it takes no more. A synchronous one has written when this returns. */
  async writeMany(slots: readonly number[], pages: readonly Uint8Array[]): Promise<readonly (Failure | undefined)[]> {
    if (this.#writes) return this.#writes.all(slots, pages);
    try {
      if (this.asynchronous) await this.backing.write(slots[0], pages[0]);
      else this.writeNow(slots[0], pages[0]);
      return [];
    } catch (reason) {
      return [{ reason }];
    }
  }

  /** As `read`. In batches it may wait for others, until `sendWrites`. */
  write(slot: number, bytes: Uint8Array): Promise<void> | void {
    return this.#writes?.add(slot, bytes) ?? this.backing.write(slot, bytes);
  }

  /** Sends writes that wait for their batch to be full. */
  sendWrites(): void {
    this.#writes?.send();
  }

  /** Whether the backing wants to know which slots hold nothing any more. */
  get wantsDiscards(): boolean {
    return (this.backing as Partial<AsyncBacking>).discard !== undefined;
  }

  /** Tells the backing of slots that hold nothing any more. */
  discard(slots: readonly number[]): void {
    for (let n = 0; n < slots.length; n += DISCARD_SLOTS) {
      try {
        (this.backing as AsyncBacking).discard?.(slots.slice(n, n + DISCARD_SLOTS));
      } catch {
        // It only loses space.
      }
    }
  }
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
