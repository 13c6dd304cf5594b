/** Backings that answer late and fail now and then. */
import type { AsyncBacking, Backing } from 'zram-wasm';
import type { Random } from '../../support/random.js';
import { PAGE } from './user.js';

class Slots {
  /** Of a hundred calls so many fail. */
  failPercent = 10;
  readonly #pages = new Map<number, Uint8Array>();

  constructor(
    readonly slots: number,
    protected readonly random: Random,
  ) {}

  protected get(slot: number, page: Uint8Array): void {
    this.#mayFail();
    const held = this.#pages.get(slot);
    if (!held) throw new Error(`slot ${slot} was never written`);
    page.set(held);
  }

  protected put(slot: number, page: Uint8Array): void {
    this.#mayFail();
    this.#pages.set(slot, Uint8Array.from(page.subarray(0, PAGE)));
  }

  #mayFail(): void {
    if (this.random.chance(this.failPercent)) throw new Error('told to fail');
  }
}

export class FlakyBacking extends Slots implements Backing {
  read(slot: number, page: Uint8Array): void {
    this.get(slot, page);
  }

  write(slot: number, page: Uint8Array): void {
    this.put(slot, page);
  }
}

export class LateBacking extends Slots implements AsyncBacking {
  readonly asynchronous = true;

  async read(slot: number, page: Uint8Array): Promise<void> {
    await this.#later();
    this.get(slot, page);
  }

  async write(slot: number, page: Uint8Array): Promise<void> {
    await this.#later();
    this.put(slot, page);
  }

  async #later(): Promise<void> {
    for (let turns = this.random.below(3); turns > 0; turns--) {
      await new Promise<void>((resolve) => {
        setImmediate(resolve);
      });
    }
  }
}
