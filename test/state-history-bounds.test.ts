/** StateHistory where bounds are met: which states go, and what is refused, by number, bytes and memory. */
import { describe, expect, test } from '@jest/globals';
import type { StateHistory, StateHistoryOptions } from '../bindings/index.js';
import { codeOf } from './support/errors.js';
import { PAGE_SIZE } from './support/pages.js';
import { Random, seedOfRun } from './support/random.js';
import { BUILDS, checkPools, engineOf } from './support/raw-core.js';
import { programPages } from './support/real-pages.js';

const seed = seedOfRun();
const random = new Random(seed, 'history bounds');

const noise = (bytes: number): Uint8Array => random.fill(new Uint8Array(bytes));
const joined = (...parts: Uint8Array[]): Uint8Array => new Uint8Array(Buffer.concat(parts));

describe.each(BUILDS)('bounds of StateHistory, %s build', (build) => {
  const initial = ((engine) => engine.memory.reserved)(engineOf(build));
  const historyOf = (options: StateHistoryOptions = {}): StateHistory => engineOf(build).createStateHistory(options);

  test("'thin' keeps states at distances that grow with age", () => {
    using history = historyOf({ maxStates: 16, policy: 'thin' });
    const state = noise(100);
    for (let n = 1; n <= 2000; n++) {
      state[n % 100]++;
      history.push(state);
    }
    const ages = history.ids().map((id) => 2001 - id);
    expect(ages).toHaveLength(16);
    expect([ages[0], ages.at(-1)]).toEqual([2000, 1]);
    for (let n = 1; n < ages.length; n++) expect(ages[n - 1] / ages[n]).toBeLessThanOrEqual(2.5);
  });

  test("'oldest' keeps the newest", () => {
    using history = historyOf({ maxStates: 3 });
    for (let n = 0; n < 10; n++) history.push(Uint8Array.of(n));
    expect(history.ids()).toEqual([8, 9, 10]);
    expect(history.get(10)).toEqual(Uint8Array.of(9));
  });

  test.each(['oldest', 'thin'] as const)('maxBytes holds after every push, and is used: %s', (policy) => {
    // Room for three states that have nothing in common, which those that 'thin' keeps may come to.
    const maxBytes = 3 << 19;
    using history = historyOf({ maxBytes, policy });
    const state = joined(programPages(seed, 100).pages, noise(20 * PAGE_SIZE));
    let least = Infinity;
    for (let n = 1; n <= 60; n++) {
      for (let page = 0; page < 10; page++) random.fill(state.subarray(random.below(120) * PAGE_SIZE).subarray(0, 900));
      const id = history.push(state);
      const { heldBytes } = history.stats();
      expect(heldBytes).toBeLessThanOrEqual(maxBytes);
      if (history.ids().length < n) least = Math.min(least, heldBytes);
      expect(Buffer.compare(history.get(id), state)).toBe(0);
    }
    expect(least).toBeGreaterThan(0.6 * maxBytes);
    expect(history.ids().length).toBeGreaterThan(2);
  });

  test('a state that alone takes more than maxBytes is refused, and the others stay', () => {
    using history = historyOf({ maxBytes: '256K', maxStates: 3 });
    const states = [noise(9000), noise(20_000), noise(100)];
    const ids = states.map((state) => history.push(state));
    const before = history.stats();
    expect(codeOf(() => history.push(noise(70 * PAGE_SIZE)))).toBe('ENOMEM');
    expect(history.stats()).toEqual(before);
    ids.forEach((id, n) => expect(Buffer.compare(history.get(id), states[n])).toBe(0));
    const large = noise(40 * PAGE_SIZE); // one that fits when others have made room
    const id = history.push(large);
    expect(Buffer.compare(history.get(id), large)).toBe(0);
    expect(history.ids().at(-1)).toBe(id);
  });

  test('at maxMemory old states go; one that does not fit alone is refused, and the others stay', () => {
    using engine = engineOf(build, { maxMemory: initial + 112 * PAGE_SIZE });
    const history = engine.createStateHistory();
    const [first, second, third] = [noise(40 * PAGE_SIZE), noise(20 * PAGE_SIZE), noise(60 * PAGE_SIZE)];
    const ids = [first, second].map((state) => history.push(state));
    const before = history.stats();
    for (let n = 0; n < 3; n++) expect(codeOf(() => history.push(noise(120 * PAGE_SIZE)))).toBe('ENOMEM');
    expect(history.stats()).toEqual(before);
    expect(history.ids()).toEqual(ids);
    expect(Buffer.compare(history.get(ids[0]), first)).toBe(0);
    const id = history.push(third);
    expect(history.ids()).toEqual([ids[1], id]);
    expect(Buffer.compare(history.get(ids[1]), second)).toBe(0);
    expect(Buffer.compare(history.get(id), third)).toBe(0);
    checkPools(engine);
  });

  test.each(['oldest', 'thin'] as const)('at maxMemory every push goes through, and memory is used: %s', (policy) => {
    using engine = engineOf(build, { maxMemory: initial + (1 << 20) });
    const history = engine.createStateHistory({ policy });
    const { pages } = programPages(seed, 40);
    for (let n = 1; n <= 120; n++) {
      const state = pages.slice(0, (10 + random.below(30)) * PAGE_SIZE);
      for (let page = 0; page < 8; page++)
        random.fill(state.subarray(random.below(state.length - 900)).subarray(0, 900));
      const id = history.push(state);
      expect(id).toBe(n);
      expect(Buffer.compare(history.get(id), state)).toBe(0);
    }
    expect(history.ids().length).toBeLessThan(120);
    expect(history.ids().length).toBeGreaterThan(5);
    expect(engine.memory.limit - engine.memory.used).toBeLessThan(60 * PAGE_SIZE);
    checkPools(engine);
  });

  test('at the limit of a pool that was given old states go, and others on the pool lose nothing', () => {
    using engine = engineOf(build);
    const pool = engine.createPool({ limit: '256K' });
    const zram = engine.createZram({ disksize: '1M', pool });
    const pages = noise(20 * PAGE_SIZE);
    zram.writePages(0, pages);
    const history = engine.createStateHistory({ pool });
    for (let n = 0; n < 30; n++) {
      const state = noise((1 + random.below(20)) * PAGE_SIZE);
      const id = history.push(state);
      expect(Buffer.compare(history.get(id), state)).toBe(0);
    }
    const ids = history.ids();
    const before = history.stats();
    // 64 pages less the device's 20: some of the states' pages would come free, but not as many as this needs.
    expect(codeOf(() => history.push(noise(70 * PAGE_SIZE)))).toBe('ENOMEM');
    expect(history.ids()).toEqual(ids);
    expect(history.stats()).toEqual(before);
    expect(Buffer.compare(zram.readPages(0, 20), pages)).toBe(0);
    checkPools(engine);
  });

  test('what others shared with the states is their own when the others have gone', () => {
    using engine = engineOf(build);
    const pool = engine.createPool({ limit: '256K' });
    const [history, other] = [engine.createStateHistory({ pool }), engine.createStateHistory({ pool })];
    const both = noise(40 * PAGE_SIZE);
    other.push(both);
    history.push(both);
    expect(codeOf(() => history.push(noise(40 * PAGE_SIZE)))).toBe('ENOMEM');
    expect(history.ids()).toEqual([1]);
    other.destroy();
    history.push(noise(40 * PAGE_SIZE));
    expect(history.ids()).toEqual([2]);
    pool.store(Uint8Array.of(1)); // somebody is there, but has next to nothing
    history.push(noise(40 * PAGE_SIZE));
    expect(history.ids()).toEqual([3]);
    checkPools(engine);
  });

  test('a state that fits alone with 64 KiB and two percent to spare is not refused', () => {
    const maxMemory = initial + (1 << 20);
    const bytes = noise(300 * PAGE_SIZE);
    const fits = (pages: number, others: number): boolean => {
      using engine = engineOf(build, { maxMemory });
      const history = engine.createStateHistory();
      for (let n = 0; n < others; n++) history.push(bytes.subarray(100 * n, 100 * n + 5 * PAGE_SIZE));
      const ids = history.ids();
      const code = codeOf(() => history.push(bytes.subarray(0, pages * PAGE_SIZE)));
      if (code === 'ENOMEM') expect(history.ids()).toEqual(ids);
      return typeof code === 'number';
    };
    let [most, tooMany] = [0, 300];
    while (tooMany - most > 1) {
      const middle = (most + tooMany) >> 1;
      if (fits(middle, 0)) most = middle;
      else tooMany = middle;
    }
    expect(fits(Math.floor(0.98 * most) - 16, 50)).toBe(true);
    for (let pages = most - 20; pages < most + 20; pages += 5) fits(pages, 50);
  });

  test('a history makes room with its own states only', () => {
    using engine = engineOf(build, { maxMemory: initial + 112 * PAGE_SIZE });
    const [one, two] = [engine.createStateHistory(), engine.createStateHistory()];
    const kept = noise(30 * PAGE_SIZE);
    one.push(kept);
    for (let n = 0; n < 20; n++) two.push(noise(10 * PAGE_SIZE));
    const ids = two.ids();
    expect(ids.at(-1)).toBe(20);
    expect(ids.length).toBeGreaterThan(2);
    expect(codeOf(() => two.push(noise(80 * PAGE_SIZE)))).toBe('ENOMEM'); // it would fit if the other's state went
    expect(two.ids()).toEqual(ids);
    expect(Buffer.compare(one.get(1), kept)).toBe(0);
  });
});
