/** An object store in memory that counts its requests, and fails or is slow when it is told to. */
import type { ByteRange, ListedObject, ObjectStore } from '../../../integrations/remote.js';
import type { Random } from '../../support/random.js';

export class MemoryStore implements ObjectStore {
  readonly name = 'memory';
  readonly objects: Map<string, Uint8Array>;
  /** Requests by their kind, with the keys. */
  log: string[] = [];
  /** Of a hundred requests so many fail; half of them after they have had their effect. */
  failPercent = 0;
  /** Is called before a request has its effect. */
  hook: ((what: string) => Promise<void>) | undefined;
  /** Turns of the event loop that a request takes at most. */
  turns = 0;

  constructor(
    private readonly random: Random,
    shared?: MemoryStore,
  ) {
    this.objects = shared?.objects ?? new Map();
  }

  count(kind: string): number {
    return this.log.filter((each) => each.startsWith(kind)).length;
  }

  async get(key: string, range?: ByteRange): Promise<Uint8Array | undefined> {
    return this.#request(`get ${key}`, () => {
      const bytes = this.objects.get(key);
      return bytes?.slice(range?.start, range?.end);
    });
  }

  async put(key: string, bytes: Uint8Array): Promise<void> {
    const copy = bytes.slice();
    await this.#request(`put ${key}`, () => this.objects.set(key, copy));
  }

  async list(prefix: string): Promise<readonly ListedObject[]> {
    return this.#request(`list ${prefix}`, () =>
      [...this.objects].filter(([key]) => key.startsWith(prefix)).map(([key, { length: size }]) => ({ key, size })),
    );
  }

  async delete(key: string): Promise<void> {
    await this.#request(`delete ${key}`, () => this.objects.delete(key));
  }

  async #request<T>(what: string, effect: () => T): Promise<T> {
    this.log.push(what);
    await this.hook?.(what);
    await this.#travel();
    const fails = this.random.chance(this.failPercent);
    if (fails && this.random.chance(50)) throw new Error('it was told to fail');
    const result = effect();
    await this.#travel();
    if (fails) throw new Error('it was told to fail');
    return result;
  }

  async #travel(): Promise<void> {
    for (let turns = this.random.below(this.turns + 1); turns > 0; turns--) await new Promise(setImmediate);
  }
}
