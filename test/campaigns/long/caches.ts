/** A zswap in front of a backing that fails, and a history of states, each on a pool of its own. */
import type { StateHistory, Zswap } from 'zram-wasm';
import { FlakyBacking } from './backing.js';
import { PAGE, attempt, content, count, expect, expectBytes, expectEqual, type User, type World } from './user.js';

const KEYS = 500;
const BACKING_SLOTS = 150;
const POOL_BYTES_MAX = 80 * PAGE;

export class Swap implements User {
  readonly #world: World;
  readonly #zswap: Zswap;
  readonly #backing: FlakyBacking;
  readonly #held = new Map<number, Uint8Array>();

  constructor(world: World) {
    this.#world = world;
    this.#backing = new FlakyBacking(BACKING_SLOTS, world.random);
    this.#zswap = world.engine.createZswap({ maxPoolBytes: POOL_BYTES_MAX, backing: this.#backing });
  }

  async step(): Promise<void> {
    const { random } = this.#world;
    const key = random.below(KEYS);
    const chance = random.below(100);
    if (chance < 55) {
      const page = content(random);
      // A page that is refused is the caller's again, and an older one of this key is gone.
      this.#held.delete(key);
      if (this.#zswap.store(key, page)) this.#held.set(key, page);
      else count(this.#world, 'rejected');
    } else if (chance < 85) await this.#load(key);
    else if (chance < 95) {
      this.#zswap.invalidate(key);
      this.#held.delete(key);
    } else if (this.#zswap.shrink(1 + random.below(20)) > 0) count(this.#world, 'evicted');
  }

  async #load(key: number): Promise<void> {
    const page = this.#held.get(key);
    await attempt(this.#world, ['EIO'], () => {
      const loaded = this.#zswap.load(key);
      if (!page) expect(loaded === undefined, `key ${key} is there`);
      else if (loaded) expectBytes(loaded, page, `key ${key}`);
      else throw new Error(`key ${key} is lost`);
    });
  }

  async check(): Promise<void> {
    this.#backing.failPercent = 0;
    for (const key of this.#held.keys()) await this.#load(key);
    this.#backing.failPercent = 10;
    const { storedPages, poolTotalSize } = this.#zswap.stats();
    expect(storedPages <= this.#held.size, `${storedPages} pages of ${this.#held.size} in memory`);
    // As in the kernel, a store that finds less than the limit may add a zspage of up to eight pages.
    expect(poolTotalSize < POOL_BYTES_MAX + 8 * 4096, `${poolTotalSize} bytes pass the limit`);
  }

  end(): Promise<void> {
    this.#zswap.destroy();
    return Promise.resolve();
  }
}

const STATES_MAX = 24;
const STATE_PAGES_MAX = 24;

export class History implements User {
  readonly #world: World;
  readonly #history: StateHistory;
  readonly #states = new Map<number, Uint8Array>();
  #newest = new Uint8Array(STATE_PAGES_MAX * PAGE);

  constructor(world: World) {
    this.#world = world;
    const policy = world.random.chance(50) ? 'oldest' : 'thin';
    this.#history = world.engine.createStateHistory({ maxStates: STATES_MAX, policy });
  }

  async step(): Promise<void> {
    const { random } = this.#world;
    const ids = [...this.#states.keys()];
    if (ids.length > 0 && random.chance(60)) {
      const id = random.pick(ids);
      if (random.chance(90)) expectBytes(this.#history.get(id), this.#states.get(id)!, `state ${id}`);
      else {
        this.#history.delete(id);
        this.#states.delete(id);
      }
      return;
    }
    const state = this.#newest.slice(0, (1 + random.below(STATE_PAGES_MAX)) * PAGE - random.below(PAGE));
    for (let n = random.below(4); n >= 0; n--) {
      const at = random.below(state.length);
      state.set(content(random).subarray(0, state.length - at), at);
    }
    await attempt(this.#world, ['ENOMEM'], () => {
      this.#states.set(this.#history.push(state), state);
      this.#newest.set(state);
    });
    const held = new Set(this.#history.ids());
    for (const id of this.#states.keys()) if (!held.has(id)) this.#states.delete(id);
  }

  check(): Promise<void> {
    expectEqual(this.#history.ids(), [...this.#states.keys()], 'states');
    for (const [id, state] of this.#states) expectBytes(this.#history.get(id), state, `state ${id}`);
    const { states, rawBytes } = this.#history.stats();
    const sum = [...this.#states.values()].reduce((bytes, state) => bytes + state.length, 0);
    expectEqual([states, rawBytes], [this.#states.size, sum], 'states and rawBytes');
    return Promise.resolve();
  }

  end(): Promise<void> {
    this.#history.destroy();
    return Promise.resolve();
  }
}
