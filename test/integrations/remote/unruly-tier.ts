/** A tier in memory that does all that a network does: delays, reorders, drops, repeats and corrupts. */
import type { RemoteTier } from '../../../integrations/remote.js';
import { Random } from '../../support/random.js';

export const textOf = (key: Uint8Array): string => Buffer.from(key).toString('hex');

export class UnrulyTier implements RemoteTier {
  readonly name = 'an unruly tier';
  /** Values by key; it may be shared by several tiers. */
  readonly values: Map<string, Uint8Array>;
  readonly named: Map<string, Uint8Array>;
  /** Of a hundred answers so many are wrong, by their kind. */
  faults = { fail: 0, drop: 0, corrupt: 0, reject: 0 };
  /** Turns of the event loop that a call takes at most. */
  turns = 0;
  /** Keys that were read, and values that were sent, with repetitions. */
  gets: string[] = [];
  puts: string[] = [];
  calls = 0;

  constructor(
    private readonly random: Random,
    shared?: UnrulyTier,
  ) {
    this.values = shared?.values ?? new Map();
    this.named = shared?.named ?? new Map();
  }

  async getMany(keys: readonly Uint8Array[]): Promise<(Uint8Array | undefined | Error)[]> {
    await this.#travel();
    this.gets.push(...keys.map(textOf));
    const answer = keys.map((key) => this.#answer(this.values.get(textOf(key))));
    await this.#travel();
    return answer;
  }

  #answer(value: Uint8Array | undefined): Uint8Array | undefined | Error {
    if (this.random.chance(this.faults.fail)) return new Error('it was told to fail');
    if (value === undefined || this.random.chance(this.faults.drop)) return undefined;
    return this.random.chance(this.faults.corrupt) ? this.#corrupted(value) : value.slice();
  }

  #corrupted(value: Uint8Array): Uint8Array {
    switch (this.random.below(4)) {
      case 0:
        return value.subarray(0, this.random.below(value.length));
      case 1:
        return this.random.pick([...this.values.values()]);
      case 2:
        return new Uint8Array([...value, 0]);
      default: {
        const wrong = value.slice();
        wrong[this.random.below(wrong.length)] ^= 1 << this.random.below(8);
        return wrong;
      }
    }
  }

  async putMany(keys: readonly Uint8Array[], values: readonly Uint8Array[]): Promise<(Error | undefined)[]> {
    const copies = values.map((value) => value.slice());
    await this.#travel();
    return Promise.all(
      keys.map(async (key, n) => {
        const put = (): void => {
          this.puts.push(textOf(key));
          if (!this.values.has(textOf(key))) this.values.set(textOf(key), copies[n]);
        };
        if (!this.random.chance(this.faults.fail)) {
          put();
          if (this.random.chance(5)) void this.#wait().then(put); // it comes twice
          return undefined;
        }
        // It did not arrive, or will, later than the failure was told.
        if (this.random.chance(50)) void this.#wait().then(put);
        return new Error('it was told to fail');
      }),
    );
  }

  async hasMany(keys: readonly Uint8Array[]): Promise<(boolean | Error)[]> {
    await this.#travel();
    return keys.map((key) => this.values.has(textOf(key)));
  }

  async touchMany(keys: readonly Uint8Array[]): Promise<(boolean | Error)[]> {
    await this.#travel();
    return keys.map((key) => {
      if (this.random.chance(this.faults.fail)) return new Error('it was told to fail');
      return this.values.has(textOf(key));
    });
  }

  async getNamed(name: string): Promise<Uint8Array | undefined> {
    await this.#travel();
    return this.named.get(name)?.slice();
  }

  async putNamed(name: string, value: Uint8Array): Promise<void> {
    const copy = value.slice();
    await this.#travel();
    this.named.set(name, copy);
  }

  async removeNamed(name: string): Promise<void> {
    await this.#travel();
    this.named.delete(name);
  }

  /** Takes as long as it likes, so that calls overtake each other. */
  async #travel(): Promise<void> {
    this.calls++;
    await this.#wait();
    if (this.random.chance(this.faults.reject)) throw new Error('the connection was lost');
  }

  async #wait(): Promise<void> {
    for (let turns = this.random.below(this.turns + 1); turns > 0; turns--) await new Promise(setImmediate);
  }
}
