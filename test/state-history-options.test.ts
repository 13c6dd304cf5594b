/** Options of StateHistory: the newest state's copy, what `out` holds, ranges that changed, cuts by content. */
import { afterEach, describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { COMPARED_MAX, compareInCore, fastCompare } from '../bindings/history/equal.js';
import type { StateHistory } from '../bindings/index.js';
import { codeOf } from './support/errors.js';
import { historyOperation, ModelHistory } from './support/model-history.js';
import { PAGE_SIZE } from './support/pages.js';
import { Random, seedOfRun } from './support/random.js';
import {
  BUILDS,
  bareCore,
  checkPools,
  coreOf,
  engineOf,
  memoryOf,
  rawExports,
  withAddress,
} from './support/raw-core.js';

const seed = seedOfRun();
const random = new Random(seed, 'options of histories');
const noise = (bytes: number): Uint8Array => random.fill(new Uint8Array(bytes));
const changed = (state: Uint8Array, at: number): Uint8Array => {
  const copy = state.slice();
  copy[at] ^= 255;
  return copy;
};

/** Words that repeat as a language's do. */
function text(bytes: number, from = random): string {
  const word = () => Buffer.from(from.fill(new Uint8Array(2 + from.below(5)))).toString('hex');
  const words = Array.from({ length: 800 }, word);
  let made = '';
  while (made.length < bytes) made += `${words[Math.floor(from.below(800) * (from.below(100) / 100))]} `;
  return made.slice(0, bytes);
}

const { Buffer: buffer } = globalThis;
afterEach(() => {
  globalThis.Buffer = buffer;
});

describe.each(BUILDS)('options of StateHistory, %s build', (build) => {
  test("without Node.js's Buffer pages are compared in the core: behaves as a Map of copies", () => {
    const property = fc.property(fc.array(historyOperation, { maxLength: 25, size: 'max' }), (operations) => {
      using engine = engineOf(build);
      globalThis.Buffer = undefined as never;
      const model = new ModelHistory(engine, {});
      globalThis.Buffer = buffer;
      for (const operation of operations) model.run(operation);
      model.end();
    });
    fc.assert(property, { numRuns: 8, seed: seed | 0, endOnFailure: true });
  });

  test('both ways of comparing tell any difference, and none', () => {
    using engine = engineOf(build);
    for (const equal of [fastCompare(coreOf(engine)), compareInCore(coreOf(engine))]) {
      for (const length of [1, 7, 63, 64, 65, PAGE_SIZE, COMPARED_MAX - 1, COMPARED_MAX]) {
        const [a, b] = [noise(length + 20), noise(length + 20)];
        b.set(a.subarray(3, 3 + length), 5);
        expect(equal(a, 3, b, 5, length)).toBe(true);
        const at = random.below(length);
        b[5 + at] ^= 1 << random.below(8);
        expect(equal(a, 3, b, 5, length)).toBe(false);
      }
    }
  });

  test('what the newest state holds is copied, and what out holds is left: neither is decompressed', () => {
    using engine = engineOf(build);
    const { made: history, device } = withAddress(engine, () => engine.createStateHistory());
    const state = new Uint8Array(4 * PAGE_SIZE).map((_, at) => at % 251);
    const [first, second] = [history.push(state), history.push(changed(state, 3 * PAGE_SIZE))];
    const raw = rawExports(engine);
    new Uint8Array(raw.memory.buffer, raw.stagingAddress(), 8).fill(0xff);
    raw.corruptPage(device, 0, 8); // both states' first page
    expect(Buffer.compare(history.get(first), state)).toBe(0);
    expect(history.diff(second, first)).toEqual([{ offset: 3 * PAGE_SIZE, length: PAGE_SIZE }]);
    history.push(noise(10)); // now nothing else has that page
    expect(codeOf(() => history.get(first))).toBe('EIO');
    const out = history.get(first, changed(state, 3 * PAGE_SIZE), { holding: second });
    expect(Buffer.compare(out, state)).toBe(0);
    expect(codeOf(() => history.get(first, out, { holding: second, verify: true }))).toBe('EIO');
  });

  test('the newest state is kept where it takes a quarter of the bounds, and counts in them', () => {
    const state = noise(10 * PAGE_SIZE);
    const kept = (options: object): number => {
      using history = engineOf(build).createStateHistory(options);
      history.push(state);
      return history.stats().newestBytes;
    };
    expect(kept({})).toBe(state.length);
    expect(kept({ maxBytes: 4 * state.length })).toBe(state.length);
    expect(kept({ maxBytes: 4 * state.length - 1 })).toBe(0);
    expect(kept({ maxBytes: 4 * state.length - 1, keepNewest: true })).toBe(state.length);
    expect(kept({ maxBytes: 3 * state.length, keepNewest: true })).toBe(0); // both do not fit
    expect(kept({ keepNewest: false })).toBe(0);
    using engine = engineOf(build, { maxMemory: engineOf(build).memory.reserved + (1 << 20) });
    const large = engine.createStateHistory();
    large.push(new Uint8Array(engine.memory.limit / 4 + PAGE_SIZE));
    expect(large.stats().newestBytes).toBe(0);
  });

  test('deleting the newest state makes the one before it the newest that is kept', () => {
    using history = engineOf(build).createStateHistory();
    const state = noise(100 * PAGE_SIZE);
    history.push(state);
    const longer = new Uint8Array(103 * PAGE_SIZE);
    longer.set(changed(state, 7 * PAGE_SIZE));
    history.push(longer);
    history.delete(2);
    expect(history.stats().newestBytes).toBe(103 * PAGE_SIZE); // room that stays for states that vary
    expect(history.get(history.push(changed(state, 8)))).toEqual(changed(state, 8));
    history.delete(3);
    history.delete(1);
    expect(history.stats()).toMatchObject({ states: 0, newestBytes: 0 });
  });

  test('shared memory is copied as it was stored', () => {
    using history = engineOf(build).createStateHistory();
    const shared = new Uint8Array(new SharedArrayBuffer(9 * PAGE_SIZE + 77));
    for (let n = 0; n < 6; n++) {
      shared.set(noise(3000), random.below(shared.length - 3000));
      const id = history.push(shared);
      expect(history.stats().newestBytes).toBe(10 * PAGE_SIZE);
      expect(Buffer.compare(history.get(id), shared.slice())).toBe(0);
    }
  });

  test('a byte that is in no range reads as it was, or as it is; a wrong `holding` leaves a mixture', () => {
    using history = engineOf(build).createStateHistory();
    const state = noise(6 * PAGE_SIZE);
    history.push(state);
    const next = changed(changed(state, 10), 4 * PAGE_SIZE + 10);
    const id = history.push(next, { dirty: [{ offset: 4 * PAGE_SIZE, length: 20 }] });
    expect(Buffer.compare(history.get(id), changed(state, 4 * PAGE_SIZE + 10))).toBe(0);
    const wrong = noise(6 * PAGE_SIZE);
    const out = history.get(id, wrong.slice(), { holding: 1 });
    expect(Buffer.compare(out.subarray(0, 4 * PAGE_SIZE), wrong.subarray(0, 4 * PAGE_SIZE))).toBe(0);
    expect(
      Buffer.compare(out.subarray(4 * PAGE_SIZE, 5 * PAGE_SIZE), next.subarray(4 * PAGE_SIZE, 5 * PAGE_SIZE)),
    ).toBe(0);
    expect(() => history.push(changed(next, 5), { dirty: [], verify: true })).toThrow(
      /^EINVAL: dirty is wrong: between 0 and 24576 a byte that it leaves out differs\.$/,
    );
    expect(history.ids()).toEqual([1, 2]);
  });

  test('a compressor that is called to verify may change the history', () => {
    let during: (() => void) | undefined;
    const pages: Uint8Array[] = [];
    const shelf = {
      name: 'shelf',
      compress: (page: Uint8Array) => Uint8Array.of(1, pages.push(page.slice()) - 1),
      decompress(block: Uint8Array) {
        const run = during;
        during = undefined;
        run?.();
        return pages[block[1]];
      },
    };
    using engine = engineOf(build, { compressors: [shelf] });
    const pool = engine.createPool();
    const zram = engine.createZram({ disksize: '1M', pool, dedup: true, recompAlgorithms: ['shelf'] });
    const state = noise(30 * PAGE_SIZE);
    zram.writePages(0, state);
    const [history, detaching, ending] = [1, 2, 3].map(() => engine.createStateHistory({ pool }));
    for (const each of [history, detaching, ending]) each.push(state);
    expect(zram.recompress().objectsRecompressed).toBeGreaterThan(0);
    const other = noise(30 * PAGE_SIZE);
    during = () => history.push(other);
    const id = history.push(state, { dirty: [], verify: true }); // compared with a state that is not the newest any more
    expect(Buffer.compare(history.get(id), state)).toBe(0);
    during = () => history.delete(1);
    expect(codeOf(() => history.get(id, state.slice(), { holding: 1, verify: true }))).toBe('EINVAL');
    const moved = state.slice();
    during = () => structuredClone(moved, { transfer: [moved.buffer] });
    expect(codeOf(() => detaching.push(moved, { dirty: [], verify: true }))).toBe('EINVAL');
    expect(detaching.ids()).toEqual([1]);
    during = () => ending.destroy();
    expect(codeOf(() => ending.push(state, { dirty: [], verify: true }))).toBe('EINVAL');
    checkPools(engine);
  });

  // ── cuts ─────────────────────────────────────────────────────────────────────────────────────────────────────────

  const raw = bareCore(build);
  const partsOf = (bytes: Uint8Array): number[] => {
    memoryOf(raw).set(bytes, raw.stagingAddress());
    const count = raw.contentCuts(bytes.length, 1);
    return [...new Uint32Array(raw.memory.buffer, raw.stagingAddress(), count)];
  };

  test('parts have 1024 to 4096 bytes, follow from the content alone, and meet again behind an insertion', () => {
    const bytes = noise(60_000);
    const parts = partsOf(bytes);
    expect(parts.reduce((sum, length) => sum + length, 0)).toBe(bytes.length);
    expect(Math.min(...parts.slice(0, -1))).toBeGreaterThan(1024);
    expect(Math.max(...parts)).toBeLessThanOrEqual(PAGE_SIZE);
    const mean = bytes.length / parts.length;
    expect(mean).toBeGreaterThan(1800);
    expect(mean).toBeLessThan(3500);
    const longer = new Uint8Array([...bytes.subarray(0, 3000), ...noise(40), ...bytes.subarray(3000)]);
    expect(partsOf(longer).slice(-5)).toEqual(parts.slice(-5));
    expect(partsOf(new Uint8Array(20_000))).toEqual([4096, 4096, 4096, 4096, 3616]);
    for (const length of [0, 1, 1024, 1025]) expect(partsOf(new Uint8Array(length))).toEqual(length ? [length] : []);
  });

  test('a hundred versions of a text with an insertion near its beginning take at most 1.5 MB', () => {
    using history = engineOf(build).createStateHistory({ cuts: 'content' });
    // Always the same text: what others take has a median of 1.2 MB, and one in fifteen takes more than 1.5.
    let version = text(281_000, new Random(1, 'a text'));
    const versions: Uint8Array[] = [];
    for (let n = 0; n < (build === 'debug' ? 10 : 100); n++) {
      version = `${version.slice(0, 500)}word ${n} ${version.slice(500)}`;
      versions.push(Buffer.from(version));
      history.push(versions[n]);
    }
    expect(history.stats().heldBytes).toBeLessThan(1_500_000);
    const out = new Uint8Array(version.length);
    history.ids().forEach((id, n) => {
      expect(
        Buffer.compare(
          history.get(id, out, n > 0 ? { holding: id - 1 } : {}).subarray(0, versions[n].length),
          versions[n],
        ),
      ).toBe(0);
    });
  });
});

test('an engine that ends drops what its histories keep', () => {
  const engine = engineOf('release');
  const history: StateHistory = engine.createStateHistory();
  history.push(noise(5000));
  engine.destroy();
  expect(codeOf(() => history.diff(1, 1))).toBe('EINVAL');
});
