/** A tier in memory that delays, reorders, drops, repeats and corrupts, as its random numbers say, but says so only now and then. */
import type { RemoteTier } from '../../../integrations/remote.js';
import type { Random } from '../../support/random.js';
import { hex } from './objects.js';

export class HostileTier implements RemoteTier {
  readonly name = 'hostile';
  readonly values = new Map<string, Uint8Array>();
  /** Writes that were given up and may still arrive. */
  readonly #late: (() => void)[] = [];
  /** Percent of the elements and calls that something happens to. */
  faults = 10;

  constructor(readonly random: Random) {}

  async #turns(): Promise<void> {
    for (let left = this.random.below(6); left > 0; left--) await Promise.resolve();
    if (this.#late.length > 0 && this.random.chance(30))
      this.#late.splice(this.random.below(this.#late.length), 1)[0]();
    if (this.random.chance(this.faults)) throw new Error('the whole call failed');
  }

  #failed(): Error | undefined {
    return this.random.chance(this.faults) ? new Error('an element failed') : undefined;
  }

  /** A value as it comes back: mostly whole. */
  #worn(value: Uint8Array): unknown {
    if (!this.random.chance(this.faults)) return value.slice();
    const other = [...this.values.values()][this.random.below(this.values.size)];
    const changed = value.slice();
    changed[this.random.below(changed.length)] ^= 1 << this.random.below(8);
    const longer = new Uint8Array(value.length + 1);
    longer.set(value);
    return this.random.pick([
      changed,
      value.slice(0, -1),
      longer,
      other,
      new Uint8Array(value.length),
      new Uint8Array(0),
      'text',
      null,
    ]);
  }

  async getMany(keys: readonly Uint8Array[]): Promise<(Uint8Array | undefined | Error)[]> {
    await this.#turns();
    const results = keys.map((key) => {
      const value = this.values.get(hex(key));
      return this.#failed() ?? (value === undefined ? undefined : this.#worn(value));
    }) as (Uint8Array | undefined | Error)[];
    // Answers in another order, and too few of them.
    if (results.length > 1 && this.random.chance(this.faults)) results.reverse();
    if (this.random.chance(this.faults)) results.pop();
    return results;
  }

  async putMany(keys: readonly Uint8Array[], values: readonly Uint8Array[]): Promise<(Error | undefined)[]> {
    const store = (i: number, value: Uint8Array): unknown => this.values.set(hex(keys[i]), value);
    const copies = values.map((value) => value.slice());
    // Some arrive after the call has failed, or twice.
    if (this.random.chance(this.faults)) this.#late.push(() => copies.forEach((copy, i) => store(i, copy)));
    await this.#turns();
    return keys.map((_, i) => {
      const failed = this.#failed();
      // It may be stored all the same, and it may be lost although it is said to be stored.
      if (failed === undefined ? !this.random.chance(this.faults / 4) : this.random.chance(50)) store(i, copies[i]);
      return failed;
    });
  }

  async hasMany(keys: readonly Uint8Array[]): Promise<boolean[]> {
    return keys.map((key) => this.values.has(hex(key)));
  }

  async touchMany(keys: readonly Uint8Array[]): Promise<(boolean | Error)[]> {
    await this.#turns();
    return keys.map((key) => this.#failed() ?? this.values.has(hex(key)));
  }

  /** Some values go, as if their leases had ended. */
  lose(percent: number): void {
    for (const key of this.values.keys()) if (this.random.chance(percent)) this.values.delete(key);
  }

  async getNamed(): Promise<undefined> {}
  async putNamed(): Promise<void> {}
  async removeNamed(): Promise<void> {}
}
