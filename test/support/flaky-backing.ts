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

  protected get(slot: number, page: Uint8Array): void {
    this.#mayFail();
    const found = this.#pages.get(slot);
    if (!found) throw new Error(`slot ${slot} was never written`);
    page.set(found);
  }

  protected begin(slot: number, page: Uint8Array): void {
    if (page.length !== PAGE_SIZE || slot < 0 || slot >= this.slots) throw new Error('this is no page or no slot');
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
