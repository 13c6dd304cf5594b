/**
 * Machines that put, use and forget values on one object store, while some of them collect garbage, requests fail and
 * machines die: what a lease or a live key keeps is there, and what nobody keeps goes.
 *
 * ZRAM_WASM_LONG=1 runs 400 sequences, ZRAM_WASM_SEQUENCES another number; ZRAM_WASM_SEED repeats a run.
 */
import { afterAll, afterEach, expect, jest, test } from '@jest/globals';
import { keyOf, segmentTier, type SegmentTier } from '../../../integrations/remote.js';
import { sameBytes } from '../../support/pages.js';
import { Random, seedOfRun } from '../../support/random.js';
import { MemoryStore } from './memory-store.js';

const RUNS = Number(process.env.ZRAM_WASM_SEQUENCES ?? (process.env.ZRAM_WASM_LONG === '1' ? 400 : 6));
const TIMEOUT_MS = RUNS > 6 ? 7_200_000 : 60_000;
const STEPS = 150;
const LEASE = 50_000;
const GRACE = 10_000;

const failed = { seed: 0 };
afterAll(() => {
  if (failed.seed) console.log(`repeat with ZRAM_WASM_SEED=${failed.seed}`);
});
afterEach(() => {
  jest.restoreAllMocks();
});

interface Machine {
  readonly tier: SegmentTier;
  readonly store: MemoryStore;
}

class Run {
  readonly #random: Random;
  readonly #store: MemoryStore;
  readonly #values: Uint8Array[];
  readonly #keys: Uint8Array[];
  /** Until when each value is kept, by a lease of some machine. */
  readonly #kept: number[];
  readonly #live = new Set<number>();
  #machines: Machine[] = [];
  #calls: Promise<void>[] = [];
  #now = 1e12;
  readonly #failPercent: number;

  constructor(seed: number) {
    const random = (this.#random = new Random(seed, 'segments model'));
    this.#store = new MemoryStore(random);
    const noise = random.fill(new Uint8Array(8000));
    this.#values = Array.from({ length: 120 }, (_, n) => {
      const value = noise.slice(n * 17, n * 17 + random.between(1, 4096));
      value[0] = n;
      return value;
    });
    this.#keys = this.#values.map(keyOf);
    this.#kept = this.#values.map(() => 0);
    this.#failPercent = random.pick([0, 2, 10]);
    jest.spyOn(Date, 'now').mockImplementation(() => this.#now);
    jest.spyOn(performance, 'now').mockImplementation(() => this.#now);
    for (let n = 0; n < 3; n++) this.#machines.push(this.#machine());
  }

  #machine(): Machine {
    const store = new MemoryStore(this.#random, this.#store);
    store.failPercent = this.#failPercent;
    store.turns = 3;
    const options = { flushMilliseconds: 0, segmentBytes: 2 ** 16, leaseMilliseconds: LEASE, requestsMax: 4 };
    return { store, tier: segmentTier(store, { ...options, refreshMilliseconds: this.#random.pick([0, 10_000]) }) };
  }

  async run(): Promise<void> {
    const random = this.#random;
    for (let step = 0; step < STEPS; step++) {
      this.#calls.push(this.#step(random.pick(this.#machines)));
      if (random.chance(30)) await new Promise(setImmediate);
      if (random.chance(8)) await this.#settle();
    }
    await this.#settle();
    await this.#end();
  }

  #some(): number[] {
    const from = this.#random.below(this.#keys.length);
    const count = this.#random.between(1, this.#random.pick([2, 10, 60]));
    return this.#keys.map((_, n) => n).slice(from, from + count);
  }

  async #step({ tier }: Machine): Promise<void> {
    const some = this.#some();
    const keys = some.map((n) => this.#keys[n]);
    const until = this.#now + LEASE;
    try {
      switch (this.#random.below(8)) {
        case 0:
        case 1:
        case 2: {
          const failures = await tier.putMany(keys, some.map((n) => this.#values[n])); // prettier-ignore
          some.forEach((n, i) => failures[i] === undefined && this.#keep(n, until));
          return;
        }
        case 3:
        case 4: {
          const there = await tier.touchMany(keys);
          some.forEach((n, i) => there[i] === true && this.#keep(n, until));
          return;
        }
        case 5: {
          const values = await tier.getMany(keys);
          some.forEach((n, i) => this.#check(n, values[i]));
          return;
        }
        case 6:
          // Live keys are those of names, which are set while their values are kept.
          for (const n of some) if (this.#kept[n] > this.#now) this.#live.add(n);
          for (const n of this.#live) if (this.#random.chance(30)) this.#live.delete(n);
          return;
        default:
          if (this.#random.chance(60)) await tier.collect({ live: this.#liveKeys(), graceMilliseconds: GRACE });
      }
    } catch (error) {
      if (this.#failPercent === 0) throw error;
      expect(String(error)).toMatch(/told to fail/);
    }
  }

  *#liveKeys(): Generator<Uint8Array> {
    for (const n of this.#live) yield this.#keys[n];
  }

  #keep(n: number, until: number): void {
    this.#kept[n] = Math.max(this.#kept[n], until);
  }

  #check(n: number, value: unknown): void {
    if (value === undefined || value instanceof Error) return;
    if (!sameBytes(value as Uint8Array, this.#values[n])) throw new Error(`value ${n} is another one`);
  }

  /** All calls have ended; everything that is kept is there for all. Then time goes on. */
  async #settle(): Promise<void> {
    const random = this.#random;
    await Promise.all(this.#calls);
    this.#calls = [];
    const kept = this.#keys.map((_, n) => n).filter((n) => this.#live.has(n) || this.#kept[n] > this.#now);
    for (const { tier, store } of this.#machines) {
      store.failPercent = 0;
      const values = await tier.getMany(kept.map((n) => this.#keys[n]));
      kept.forEach((n, i) => {
        expect([n, values[i] instanceof Uint8Array]).toEqual([n, true]);
        this.#check(n, values[i]);
      });
      store.failPercent = this.#failPercent;
    }
    this.#now += random.below(random.pick([GRACE, GRACE, 3 * GRACE, 3 * LEASE]));
    // One dies, and another one starts. Its leases are there until they end.
    if (random.chance(20)) this.#machines[random.below(3)] = this.#machine();
  }

  /** Nobody keeps anything but what is live: all the rest goes, in a few collections. */
  async #end(): Promise<void> {
    const { tier } = (this.#machines = [this.#machine()])[0];
    this.#machines[0].store.failPercent = 0;
    for (let round = 0; round < 5; round++) {
      this.#now += 3 * LEASE + GRACE;
      const report = await tier.collect({ live: this.#liveKeys(), graceMilliseconds: GRACE });
      expect(report.lost).toBe(0);
    }
    const live = [...this.#live].reduce((sum, n) => sum + this.#values[n].length, 0);
    const { segments, bytes } = tier.stats();
    // Segments that are half garbage may stay.
    expect(bytes).toBeLessThan(2 * live + 2 ** 16 + this.#live.size * 40 + segments * 100);
    if (live === 0) expect(segments).toBe(0);
    this.#live.clear();
    for (let round = 0; round < 4; round++) {
      this.#now += 3 * LEASE + GRACE;
      await tier.collect({ live: [], graceMilliseconds: GRACE });
    }
    expect([...this.#store.objects.keys()]).toEqual([]);
  }
}

test(
  'what is kept is there, what nobody keeps goes',
  async () => {
    const first = seedOfRun();
    for (let run = 0; run < RUNS; run++) {
      failed.seed = first + run;
      await new Run(first + run).run();
    }
    failed.seed = 0;
  },
  TIMEOUT_MS,
);
