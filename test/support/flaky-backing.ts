/** Backings in memory that fail when they are told to, run somebody's code, and notice what must not happen. */
import { PAGE_SIZE } from '../../bindings/base/arguments.js';
import type { AsyncBacking, Backing } from '../../bindings/index.js';
import { Random } from './random.js';

/** What both have in common. */
class Slots {
  readonly slots: number;
  /** Of a hundred calls so many fail. */
  failPercent = 0;
  /** Runs inside the next write, once. */
  hook: (() => void) | undefined;
  readonly #pages = new Map<number, Uint8Array>();
  readonly #writing = new Set<number>();
  readonly #random: Random;

  constructor(slots: number, seed = 1) {
    this.slots = slots;
    this.#random = new Random(seed);
  }

  protected takes(length: number): boolean {
    return length === PAGE_SIZE;
  }

  protected get(slot: number, page: Uint8Array): void {
    this.#mayFail();
    const found = this.#pages.get(slot);
    if (!found) throw new Error(`slot ${slot} was never written`);
    page.set(found.subarray(0, page.length));
  }

  protected begin(slot: number, page: Uint8Array): void {
    if (!this.takes(page.length) || slot < 0 || slot >= this.slots) throw new Error('this is no page or no slot');
    if (this.#writing.has(slot)) throw new Error(`slot ${slot} is written twice at the same time`);
    this.#writing.add(slot);
    const { hook } = this;
    this.hook = undefined;
    hook?.();
  }

  protected put(slot: number, page: Uint8Array): void {
    this.#writing.delete(slot);
    // A write that fails leaves anything there.
    this.#pages.set(slot, new Uint8Array(PAGE_SIZE).fill(0xee));
    this.#mayFail();
    this.#pages.set(slot, page.slice());
    page.fill(0xdd); // it is not the device's any more
  }

  #mayFail(): void {
    if (this.#random.chance(this.failPercent)) throw new Error('it was told to fail');
  }
}

export class FlakyBacking extends Slots implements Backing {
  read(slot: number, page: Uint8Array): void {
    this.get(slot, page);
  }

  write(slot: number, page: Uint8Array): void {
    this.begin(slot, page);
    this.put(slot, page);
  }
}

export class FlakyAsyncBacking extends Slots implements AsyncBacking {
  readonly asynchronous = true;

  async read(slot: number, page: Uint8Array): Promise<void> {
    await Promise.resolve();
    this.get(slot, page);
  }

  async write(slot: number, page: Uint8Array): Promise<void> {
    await Promise.resolve();
    this.begin(slot, page);
    await Promise.resolve();
    this.put(slot, page);
  }
}

/** The same with batches of objects: of a batch, some slots fail and others do not. */
export class FlakyObjectBacking extends FlakyAsyncBacking {
  readonly objects = true;
  readonly batchSize = 3;

  protected override takes(length: number): boolean {
    return length > 0 && length <= PAGE_SIZE;
  }

  readMany(slots: readonly number[], pages: readonly Uint8Array[]): Promise<unknown> {
    return this.#each(slots, (slot, n) => this.read(slot, pages[n]));
  }

  writeMany(slots: readonly number[], pages: readonly Uint8Array[]): Promise<unknown> {
    return this.#each(slots, (slot, n) => this.write(slot, pages[n]));
  }

  async #each(slots: readonly number[], transfer: (slot: number, n: number) => Promise<void>): Promise<unknown> {
    const results = await Promise.allSettled(slots.map(transfer));
    return results.map((result) => (result.status === 'rejected' ? (result.reason as unknown) : null));
  }
}
