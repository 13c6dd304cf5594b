/** Puts values into a tier: in batches, some of them in flight, and only those that it does not have. */
import { ZramError } from '../../bindings/base/errors.js';
import { asError } from './page-table.js';
import { keyOf, type RemoteTier } from './tier.js';

/** Values that are put with one call. */
const BATCH = 256;
/** Calls in flight. */
const IN_FLIGHT = 4;

export class PutQueue {
  #keys: Uint8Array[] = [];
  #values: Uint8Array[] = [];
  readonly #known = new Set<string>();
  readonly #flying = new Set<Promise<void>>();
  #failure: ZramError | undefined;
  /** Values that were added, those that the tier did not have, and the bytes of these. */
  values = 0;
  sent = 0;
  sentBytes = 0;

  constructor(private readonly tier: RemoteTier) {}

  /**
   * Adds a value, which must not change until the end. Waits when there is much in flight.
   * @returns its key
   * @throws ZramError EIO: the tier did not take one before
   */
  async add(value: Uint8Array): Promise<Uint8Array> {
    const key = keyOf(value);
    const text = String.fromCharCode(...key);
    this.values++;
    if (this.#known.has(text)) return key;
    this.#known.add(text);
    this.#keys.push(key);
    this.#values.push(value);
    if (this.#keys.length >= BATCH) {
      while (this.#flying.size >= IN_FLIGHT) await Promise.race(this.#flying);
      this.#send();
    }
    this.#check();
    return key;
  }

  /** Resolves when the tier has all that was added. @throws ZramError EIO */
  async end(): Promise<void> {
    this.#send();
    await Promise.all(this.#flying);
    this.#check();
  }

  #send(): void {
    const [keys, values] = [this.#keys, this.#values];
    if (keys.length === 0) return;
    [this.#keys, this.#values] = [[], []];
    this.#known.clear(); // what was sent is found by the tier
    const flight = this.#put(keys, values).catch((error: unknown) => {
      this.#failure ??= failed(asError(error));
    });
    this.#flying.add(flight);
    void flight.then(() => this.#flying.delete(flight));
  }

  async #put(keys: Uint8Array[], values: Uint8Array[]): Promise<void> {
    const there = await this.tier.touchMany(keys);
    const absent = keys.map((_, n) => n).filter((n) => there[n] !== true); // after an error: it is put
    if (absent.length === 0) return;
    const wanted = absent.map((n) => values[n]);
    const failures = await this.tier.putMany(
      absent.map((n) => keys[n]),
      wanted,
    );
    if (failures.length !== absent.length) throw new Error('it did not answer for each value');
    for (const failure of failures as readonly unknown[])
      if (failure !== undefined && failure !== null) throw asError(failure);
    this.sent += absent.length;
    this.sentBytes += wanted.reduce((sum, { length }) => sum + length, 0);
  }

  #check(): void {
    if (this.#failure) throw this.#failure;
  }
}

function failed(cause: Error): ZramError {
  return new ZramError('EIO', `the tier did not take a value: ${cause.message}`, undefined, { cause });
}
