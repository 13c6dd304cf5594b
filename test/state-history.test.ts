/** StateHistory: against a Map of copies, its policies and bounds, and what states share. */
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { Engine, StateHistory, type PoolOptions, type StateHistoryOptions } from '../bindings/index.js';
import { codeOf } from './support/errors.js';
import { ModelHistory, PLANTED, PLANTED_WITH_ROOM, historyOperation, victimOf } from './support/model-history.js';
import { PAGE_SIZE } from './support/pages.js';
import { Random, seedOfRun } from './support/random.js';
import { BUILDS, checkPools, engineOf, rawExports, withAddress, type Build } from './support/raw-core.js';
import { programPages } from './support/real-pages.js';

const seed = seedOfRun();
const random = new Random(seed, 'history');
const LONG = process.env.ZRAM_WASM_LONG === '1';
const SEQUENCES: Record<Build, number> = LONG ? { debug: 5000, release: 5000 } : { debug: 15, release: 30 };
const TIMEOUT_MS = LONG ? 3_600_000 : 60_000;
const OPERATIONS_MAX = 40;

const noise = (bytes: number): Uint8Array => random.fill(new Uint8Array(bytes));
/** What is held in the engine. */
const compressedBytes = (history: StateHistory): number => {
  const { heldBytes, newestBytes } = history.stats();
  return heldBytes - newestBytes;
};
const joined = (...parts: Uint8Array[]): Uint8Array => new Uint8Array(Buffer.concat(parts));

/** Seeds that are tried until what a variant is there for has happened. */
const SEEDS = 10;

interface Variant {
  readonly name: string;
  readonly options: StateHistoryOptions;
  /** pages of linear memory beyond what the core begins with */
  readonly maxMemory?: number;
  readonly hashMask?: number;
  readonly pool?: PoolOptions;
  /** Whether a state alone may be too large. */
  readonly refuses?: boolean;
}

const VARIANTS: readonly Variant[] = [
  { name: 'no bounds', options: {} },
  { name: 'segments', options: { segments: [100, 5000, 20_000] } },
  { name: 'four states', options: { maxStates: 4 } },
  { name: 'one state', options: { maxStates: 1, policy: 'thin' } },
  { name: 'cuts by content', options: { cuts: 'content', segments: [5000] } },
  { name: 'cuts by content, maxBytes', options: { cuts: 'content', maxBytes: '128K' } },
  { name: 'cuts by content, a small maxMemory', options: { cuts: 'content' }, maxMemory: 48 },
  { name: 'the newest is not kept', options: { keepNewest: false } },
  { name: 'the newest is kept whatever it takes', options: { maxBytes: '96K', keepNewest: true }, refuses: true },
  { name: 'six states, thinned', options: { maxStates: 6, policy: 'thin' } },
  { name: 'maxBytes', options: { maxBytes: '128K' } },
  { name: 'maxBytes, thinned', options: { maxBytes: '160K', policy: 'thin' } },
  { name: 'a hash that is always equal', options: { maxStates: 9 }, hashMask: 0 },
  { name: 'a small maxMemory', options: { maxStates: 9, policy: 'thin' }, maxMemory: 48 },
  { name: 'a small maxMemory, oldest first', options: {}, maxMemory: 48 },
  { name: 'a tiny maxMemory', options: {}, maxMemory: 16, refuses: true },
  { name: 'a pool with a limit', options: { policy: 'thin' }, pool: { limit: 24 * PAGE_SIZE } },
  { name: 'a pool with a tiny limit', options: {}, pool: { limit: 4 * PAGE_SIZE, chainSize: 16 }, refuses: true },
];

describe.each(BUILDS)('StateHistory of the %s build', (build) => {
  const initial = ((engine) => engine.memory.reserved)(engineOf(build));
  const historyOf = (options: StateHistoryOptions = {}): StateHistory => engineOf(build).createStateHistory(options);

  test.each(VARIANTS)(
    'behaves as a Map of copies: $name',
    ({ options, maxMemory, hashMask, pool, refuses }) => {
      let failures = 0;
      let evictions = 0;
      const tight = maxMemory !== undefined || pool !== undefined;
      const memory = maxMemory === undefined ? {} : { maxMemory: initial + maxMemory * PAGE_SIZE };
      const property = fc.property(
        fc.array(historyOperation, { maxLength: OPERATIONS_MAX, size: 'max' }),
        (operations) => {
          using engine = engineOf(build, memory);
          if (hashMask !== undefined) rawExports(engine).weakenHash(hashMask);
          const alone =
            pool &&
            (() => {
              const other = engineOf(build);
              return { engine: other, options: { ...options, pool: other.createPool(pool) } };
            });
          const model = new ModelHistory(engine, options, { pool, tight, alone });
          for (const operation of operations) {
            model.run(operation);
            checkPools(engine);
          }
          model.end();
          failures += model.failures;
          evictions += model.evictions;
        },
      );
      const bounded = tight || options.maxStates !== undefined || options.maxBytes !== undefined;
      const happened = (): boolean => (!refuses || failures > 0) && (!bounded || evictions > 0);
      // Of one seed's sequences none may be long enough to meet the bound.
      for (let n = 0; n < SEEDS && !(n > 0 && happened()); n++) {
        fc.assert(property, { numRuns: SEQUENCES[build], seed: (seed + n) | 0 });
      }
      expect({ failures, evictions, happened: happened() }).toMatchObject({ happened: true });
    },
    TIMEOUT_MS,
  );

  // ── what states share ──────────────────────────────────────────────────────────────────────────────────────────

  test('what a state has in common with the one before costs a slot a page', () => {
    using history = historyOf();
    const { pages } = programPages(seed, 512);
    history.push(pages);
    const before = history.stats().heldBytes;
    for (let n = 0; n < 16; n++) history.push(pages);
    // 8 bytes a page: 512 of them are a frame of the table; one more frame is begun where a state ends inside one.
    expect(history.stats().heldBytes - before).toBeLessThanOrEqual(16 * PAGE_SIZE);
    expect(history.stats()).toMatchObject({ states: 17, rawBytes: 17 * pages.length });
  });

  test('pages that come back from older states are found', () => {
    using history = historyOf();
    const [a, b] = [noise(20 * PAGE_SIZE), noise(20 * PAGE_SIZE)];
    history.push(a);
    history.push(b);
    const before = compressedBytes(history);
    for (const state of [a, b, a, joined(b, a)]) {
      const id = history.push(state);
      expect(Buffer.compare(history.get(id), state)).toBe(0);
    }
    expect(compressedBytes(history) - before).toBeLessThan(2 * PAGE_SIZE);
  });

  test('pages of one repeated word cost a slot, whatever the word', () => {
    using history = historyOf();
    const state = new Uint8Array(64 * PAGE_SIZE).map((_, at) => (at % 8) + (at >> 12));
    history.push(state);
    const before = history.stats().heldBytes;
    for (let n = 0; n < 7; n++) history.push(state);
    expect(history.stats().heldBytes).toBe(before); // 8 times 64 slots: the frame is full
    expect(Buffer.compare(history.get(8), state)).toBe(0);
  });

  test('a buffer that begins anywhere matches other states where segments say so', () => {
    const buffers = [noise(40 * PAGE_SIZE + 77), noise(30 * PAGE_SIZE + 5)];
    const states = [100, 1300, 4096, 9999].map((header, n) => {
      const [first, second] = n % 2 ? buffers : [...buffers].reverse();
      return { bytes: joined(noise(header), first, second), segments: [header, header + first.length] };
    });
    const growth = [true, false].map((told) => {
      using history = historyOf();
      let second = 0;
      for (const { bytes, segments } of states) {
        const before = history.stats().heldBytes;
        const id = history.push(bytes, told ? { segments } : {});
        if (id > 1) second = Math.max(second, history.stats().heldBytes - before);
      }
      states.forEach(({ bytes }, n) => expect(Buffer.compare(history.get(n + 1), bytes)).toBe(0));
      return second / PAGE_SIZE;
    });
    expect(growth[0]).toBeLessThan(8);
    expect(growth[1]).toBeGreaterThan(60);
  });

  test('a segment that grew leaves those behind it where they match', () => {
    const [head, tail] = [noise(5 * PAGE_SIZE), noise(50 * PAGE_SIZE)];
    using history = historyOf();
    history.push(joined(head, tail), { segments: [head.length] });
    const before = compressedBytes(history);
    const longer = joined(head, noise(3 * PAGE_SIZE));
    history.push(joined(longer, tail), { segments: [longer.length] });
    expect(compressedBytes(history) - before).toBeLessThan(6 * PAGE_SIZE);
    expect(Buffer.compare(history.get(2), joined(longer, tail))).toBe(0);
  });

  // ── bounds ─────────────────────────────────────────────────────────────────────────────────────────────────────

  test('what is deleted gives its memory back', () => {
    const engine = engineOf(build);
    const used = engine.memory.used;
    const history = engine.createStateHistory({ segments: [5000] });
    const empty = history.stats();
    expect(empty).toEqual({ states: 0, rawBytes: 0, heldBytes: engine.memory.used - used, newestBytes: 0 });
    const { pages } = programPages(seed, 300);
    for (let n = 0; n < 20; n++) {
      random.fill(pages.subarray(random.below(pages.length - 9000)).subarray(0, 9000));
      history.push(pages.subarray(0, pages.length - random.below(50_000)));
    }
    const { heldBytes, newestBytes } = history.stats();
    expect(heldBytes - newestBytes).toBe(engine.memory.used - used);
    expect(newestBytes).toBeGreaterThan(0);
    for (const id of history.ids()) history.delete(id);
    expect(history.stats()).toEqual(empty);
    history.destroy();
    expect(engine.memory.used).toBe(used);
  });

  // ── interface ──────────────────────────────────────────────────────────────────────────────────────────────────

  test('get fills out, or makes an array; lengths are of any size', () => {
    using history = historyOf();
    const lengths = [0, 1, 4095, 4096, 4097, 65_536, 65_537, 70_000];
    const states = lengths.map(noise);
    const ids = states.map((state) => history.push(state));
    expect(history.ids()).toEqual(ids);
    const out = new Uint8Array(70_010);
    ids.forEach((id, n) => {
      expect(history.sizeOf(id)).toBe(lengths[n]);
      expect(Buffer.compare(history.get(id), states[n])).toBe(0);
      expect(history.get(id, out.fill(0xaa))).toBe(out);
      expect(Buffer.compare(out.subarray(0, lengths[n]), states[n])).toBe(0);
      expect(out.subarray(lengths[n]).every((byte) => byte === 0xaa)).toBe(true);
    });
    expect(history.get(ids[1])).not.toBe(history.get(ids[1]));
  });

  test('states are copied from Buffers, parts of pools, shared memory, and arrays that lie; out may be one', () => {
    using history = historyOf();
    const state = noise(3 * PAGE_SIZE + 5);
    const shared = new Uint8Array(new SharedArrayBuffer(state.length));
    shared.set(state);
    class Odd extends Uint8Array {
      override subarray(): never {
        throw new Error('nobody may call this');
      }
    }
    const arrays = [Buffer.from(state), Buffer.concat([Buffer.alloc(7), state]).subarray(7), shared, new Odd(state)];
    for (const given of [...arrays, Object.defineProperty(state.slice(), 'length', { value: 9 })]) {
      const id = history.push(given, { segments: [100] });
      expect(history.sizeOf(id)).toBe(state.length);
      expect(history.get(id, given.fill(0))).toBe(given);
      expect(Array.from({ length: state.length }, (_, at) => given[at])).toEqual([...state]);
    }
  });

  test('arguments are read once and first: detached arrays, and getters that end the history, are EINVAL', () => {
    using engine = engineOf(build);
    const history = engine.createStateHistory();
    history.push(noise(10));
    const detached = noise(10);
    structuredClone(detached, { transfer: [detached.buffer] });
    expect(codeOf(() => history.push(detached))).toBe('EINVAL');
    expect(codeOf(() => history.get(1, detached))).toBe('EINVAL');
    const late = noise(10);
    const detaches = {
      get segments() {
        structuredClone(late, { transfer: [late.buffer] });
        return [1];
      },
    };
    expect(codeOf(() => history.push(late, detaches))).toBe('EINVAL');
    let reads = 0;
    const changing = Object.defineProperty([3], '0', { get: () => [5, 2 ** 40][reads++] });
    expect(history.sizeOf(history.push(noise(10), { segments: changing }))).toBe(10);
    expect(reads).toBe(1);
    expect(history.ids()).toEqual([1, 2]);
    const ends = {
      get segments() {
        history.destroy();
        return undefined;
      },
    };
    expect(codeOf(() => history.push(noise(10), ends))).toBe('EINVAL');
  });

  test('a compressor that is called for a read may change the history: no state reads as another', () => {
    let during: (() => void) | undefined;
    const kept: Uint8Array[] = [];
    const shelf = {
      name: 'shelf',
      compress: (page: Uint8Array) => Uint8Array.of(1, kept.push(page.slice()) - 1),
      decompress(block: Uint8Array) {
        const run = during;
        during = undefined;
        run?.();
        return kept[block[1]];
      },
    };
    using engine = engineOf(build, { compressors: [shelf] });
    const pool = engine.createPool();
    const zram = engine.createZram({ disksize: '1M', pool, dedup: true, recompAlgorithms: ['shelf'] });
    const pages = noise(30 * PAGE_SIZE);
    zram.writePages(0, pages);
    const history = engine.createStateHistory({ pool, keepNewest: false });
    const [id, again] = [history.push(pages), history.push(pages)];
    expect(zram.recompress().objectsRecompressed).toBeGreaterThan(0);
    during = () => {
      history.delete(id);
      history.push(noise(30 * PAGE_SIZE));
    };
    expect(codeOf(() => history.get(id))).toBe('EINVAL');
    during = () => history.push(noise(30 * PAGE_SIZE));
    expect(Buffer.compare(history.get(again), pages)).toBe(0);
    during = () => history.destroy();
    expect(codeOf(() => history.get(again))).toBe('EINVAL');
    checkPools(engine);
  });

  test('damaged memory is EIO, and names the state', () => {
    const engine = engineOf(build);
    const { made: history, device } = withAddress(engine, () => engine.createStateHistory({ keepNewest: false }));
    const id = history.push(new Uint8Array(2 * PAGE_SIZE).map((_, at) => at % 251));
    const raw = rawExports(engine);
    new Uint8Array(raw.memory.buffer, raw.stagingAddress(), 8).fill(0xff);
    raw.corruptPage(device, 0, 8);
    expect(() => history.get(id)).toThrow(/^EIO: cannot read state 1/);
  });

  const bad = { segments: 'all' as never };
  const wrong: [string, (history: StateHistory, engine: Engine) => unknown][] = [
    ['an option that there is not', (_, engine) => engine.createStateHistory({ states: 3 } as never)],
    ['no object of options', (_, engine) => engine.createStateHistory('3' as never)],
    ['maxStates 0', (_, engine) => engine.createStateHistory({ maxStates: 0 })],
    ['maxStates 1.5', (_, engine) => engine.createStateHistory({ maxStates: 1.5 })],
    ['maxBytes without sense', (_, engine) => engine.createStateHistory({ maxBytes: '1X' })],
    ['maxBytes less than nothing takes', (_, engine) => engine.createStateHistory({ maxBytes: '8K' })],
    ['an unknown policy', (_, engine) => engine.createStateHistory({ policy: 'newest' as never })],
    ['segments that are no list', (_, engine) => engine.createStateHistory(bad)],
    ['segments below 0', (_, engine) => engine.createStateHistory({ segments: [-1] })],
    ['segments out of order', (_, engine) => engine.createStateHistory({ segments: [10, 5] })],
    ['a pool that is none', (_, engine) => engine.createStateHistory({ pool: {} as never })],
    ['maxBytes on a pool', (_, engine) => engine.createStateHistory({ pool: engine.createPool(), maxBytes: '1M' })],
    ['a pool of another engine', () => engineOf(build).createStateHistory({ pool: engineOf(build).createPool() })],
    ['a string', (history) => history.push('state' as never)],
    ['an ArrayBuffer', (history) => history.push(new ArrayBuffer(8) as never)],
    ['an option of push that there is not', (history) => history.push(new Uint8Array(9), { segment: [1] } as never)],
    ['a segment behind the end', (history) => history.push(new Uint8Array(9), { segments: [10] })],
    ['a segment twice', (history) => history.push(new Uint8Array(9), { segments: [3, 3] })],
    ['get of an id that never was', (history) => history.get(2)],
    ['get of no number', (history) => history.get('1' as never)],
    ['an out that is too short', (history) => history.get(1, new Uint8Array(99))],
    ['an out that is no bytes', (history) => history.get(1, new Float64Array(100) as never)],
    ['delete of an id that never was', (history) => history.delete(0)],
    ['sizeOf an id that never was', (history) => history.sizeOf(-1)],
  ];
  test.each(wrong)('EINVAL, and nothing has changed: %s', (_, run) => {
    const engine = engineOf(build);
    const history = engine.createStateHistory();
    const state = noise(100);
    history.push(state);
    const before = history.stats();
    expect(codeOf(() => run(history, engine))).toBe('EINVAL');
    expect(history.stats()).toEqual(before);
    expect(history.get(1)).toEqual(state);
  });

  test('deleted ids and a destroyed history are EINVAL', () => {
    const engine = engineOf(build);
    const history = engine.createStateHistory();
    const id = history.push(noise(10));
    history.delete(id);
    expect(codeOf(() => history.get(id))).toBe('EINVAL');
    expect(codeOf(() => history.delete(id))).toBe('EINVAL');
    expect(history.push(noise(10))).toBe(id + 1);
    history.destroy();
    history.destroy();
    const calls = [
      () => history.push(noise(1)),
      () => history.get(2),
      () => history.sizeOf(2),
      () => history.delete(2),
      () => history.ids(),
      () => history.stats(),
    ];
    for (const call of calls) expect(codeOf(call)).toBe('EINVAL');
    engine.createStateHistory();
    engine.destroy();
  });

  test('on a shared pool states share with devices, and the pool ends its histories', () => {
    using engine = engineOf(build);
    const pool = engine.createPool();
    const zram = engine.createZram({ disksize: '1M', pool, dedup: true });
    const pages = noise(30 * PAGE_SIZE);
    zram.writePages(0, pages);
    const histories = [1, 2].map(() => engine.createStateHistory({ pool }));
    for (const history of histories) history.push(pages);
    expect(pool.stats()).toMatchObject({ objects: 30, handles: 90 });
    zram.destroy();
    pool.merge();
    for (const history of histories) expect(Buffer.compare(history.get(1), pages)).toBe(0);
    histories[0].destroy();
    expect(Buffer.compare(histories[1].get(1), pages)).toBe(0);
    checkPools(engine);
    pool.destroy();
    expect(codeOf(() => histories[1].ids())).toBe('EINVAL');
  });

  test('states on a pool whose objects a device recompresses are read all the same', () => {
    using engine = engineOf(build);
    const pool = engine.createPool();
    const zram = engine.createZram({ disksize: '1M', pool, dedup: true, recompAlgorithms: ['deflate'] });
    const pages = programPages(seed, 30).pages.slice();
    zram.writePages(0, pages);
    const history = engine.createStateHistory({ pool });
    history.push(pages);
    expect(zram.recompress().objectsRecompressed).toBeGreaterThan(0);
    random.fill(pages.subarray(5 * PAGE_SIZE, 6 * PAGE_SIZE));
    const id = history.push(pages);
    expect(Buffer.compare(history.get(id), pages)).toBe(0);
    checkPools(engine);
  });
});

test('create makes an engine that ends with the history', async () => {
  const history = await StateHistory.create({ maxMemory: '2M', maxStates: 2, maxBytes: '1M' });
  expect(history.get(history.push(Uint8Array.of(1, 2, 3)))).toEqual(Uint8Array.of(1, 2, 3));
  expect(() => history.push(noise(3 << 20))).toThrow(
    /^ENOMEM: cannot store the state: .* the other states are unchanged\.$/,
  );
  history[Symbol.dispose]();
  expect(codeOf(() => history.ids())).toBe('EINVAL');
  await expect(StateHistory.create({ pool: undefined } as never)).rejects.toThrow(
    /^EINVAL: StateHistory.create has no option 'pool'/,
  );
});

test('the model’s own policy', () => {
  expect(victimOf([3, 7], 'oldest')).toBe(3);
  expect(victimOf([3, 7], 'thin')).toBe(3);
  expect(victimOf([1, 2, 9, 10], 'thin')).toBe(2);
});

test.each([
  ...Object.entries(PLANTED).map(([name, fault]) => ({ name, fault, room: 16 })),
  ...Object.entries(PLANTED_WITH_ROOM).map(([name, fault]) => ({ name, fault, room: 256 })),
])('the model finds a history in which $name', ({ fault, room }) => {
  const initial = engineOf('release').memory.reserved;
  const operations = fc.array(historyOperation, { maxLength: OPERATIONS_MAX, size: 'max' });
  const property = fc.property(operations, (sequence) => {
    using engine = engineOf('release', { maxMemory: initial + room * PAGE_SIZE });
    const model = new ModelHistory(engine, {}, { tight: true, fault });
    for (const operation of sequence) model.run(operation);
    model.end();
  });
  expect(() => fc.assert(property, { numRuns: 300, seed: seed | 0, endOnFailure: true })).toThrow(/Property failed/);
});
