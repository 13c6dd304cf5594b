/**
 * StateHistory with states of many pages, which share chunks of the table: against copies, at all bounds, and with memory
 * that ends at every allocation.
 */
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import type { StateHistory, StateHistoryOptions } from '../bindings/index.js';
import { codeOf } from './support/errors.js';
import { PAGE_SIZE } from './support/pages.js';
import { Random, seedOfRun } from './support/random.js';
import { BUILDS, checkPools, engineOf } from './support/raw-core.js';

const seed = seedOfRun();
const LONG = process.env.ZRAM_WASM_LONG === '1';
/** Pages under one chunk of the table. */
const CHUNK = 512;
const PAGES_MAX = 3 * CHUNK + 40;

const random = new Random(seed, 'large histories');

/** A page that is cheap to compress: a word all over, or one in the middle of zeros. */
function fillPage(state: Uint8Array, page: number, word: number): void {
  const bytes = Buffer.from(state.buffer, state.byteOffset + page * PAGE_SIZE, PAGE_SIZE);
  bytes.fill(0);
  if (word % 3 === 0) bytes.fill(Uint8Array.of(word & 255, word >> 8, 1, 0, 9, 0, 0, word & 255));
  else bytes.writeUInt32LE(word, (word * 4) % 4000);
}

function stateOf(pages: number): Uint8Array {
  const state = new Uint8Array(pages * PAGE_SIZE);
  for (let page = 0; page < pages; page++) fillPage(state, page, page % 50);
  return state;
}

interface Edit {
  readonly pages: number;
  readonly edits: readonly (readonly [page: number, word: number])[];
  readonly dirty: boolean;
  readonly then: 'nothing' | 'undo' | 'delete' | 'step';
  readonly which: number;
}

const edit: fc.Arbitrary<Edit> = fc.record({
  pages: fc.oneof(
    fc.constantFrom(CHUNK, 2 * CHUNK, 3 * CHUNK, CHUNK - 1, CHUNK + 1),
    fc.nat(PAGES_MAX),
    fc.constant(-1),
  ),
  edits: fc.array(fc.tuple(fc.nat(PAGES_MAX), fc.nat(60_000)), { maxLength: 5 }),
  dirty: fc.boolean(),
  then: fc.constantFrom('nothing' as const, 'undo' as const, 'delete' as const, 'step' as const),
  which: fc.nat(100),
});

/** Pushes a state that is the newest with edits, and does something with what there is. Returns whether it was refused. */
function run(
  history: StateHistory,
  states: Map<number, Uint8Array>,
  { pages, edits, dirty, then, which }: Edit,
): boolean {
  const newest = [...states.values()].at(-1) ?? stateOf(CHUNK + 3);
  const bytes = new Uint8Array(pages < 0 ? newest.length : pages * PAGE_SIZE);
  bytes.set(newest.subarray(0, bytes.length));
  const named = edits.filter(([page]) => (page + 1) * PAGE_SIZE <= bytes.length);
  for (const [page, word] of named) fillPage(bytes, page, word);
  const ranges = named.map(([page]) => ({ offset: page * PAGE_SIZE, length: PAGE_SIZE }));
  let refused = false;
  const before = history.ids();
  try {
    states.set(history.push(bytes, dirty && states.size > 0 ? { dirty: ranges } : {}), bytes);
    for (const id of before) if (!history.ids().includes(id)) states.delete(id);
  } catch (error) {
    expect(error).toMatchObject({ code: 'ENOMEM' });
    expect(history.ids()).toEqual(before);
    refused = true;
  }
  const ids = history.ids();
  if (ids.length === 0) return refused;
  const id = ids[which % ids.length];
  if (then === 'undo' || then === 'delete') {
    const gone = then === 'undo' ? (ids.at(-1) as number) : id;
    history.delete(gone);
    states.delete(gone);
  }
  if (then === 'step') {
    const held = ids.at(-1) as number;
    const [from, to] = [held, id].map((each) => states.get(each) as Uint8Array);
    const out = new Uint8Array(Math.max(from.length, to.length));
    out.set(from);
    history.get(id, out, { holding: held });
    expect(Buffer.compare(out.subarray(0, to.length), to)).toBe(0);
  }
  return refused;
}

describe.each(BUILDS)('large states, %s build', (build) => {
  const initial = ((engine) => engine.memory.reserved)(engineOf(build));
  const variants: (StateHistoryOptions & { readonly memory?: number })[] = [
    {},
    { keepNewest: false },
    { maxStates: 3 },
    { policy: 'thin', maxStates: 4 },
    { maxBytes: '96K', keepNewest: false },
    { memory: 36 },
  ];
  test.each(variants)('behave as a Map of copies: %j', ({ memory, ...options }) => {
    const property = fc.property(fc.array(edit, { minLength: 3, maxLength: 12, size: 'max' }), (sequence) => {
      using engine = engineOf(build, memory === undefined ? {} : { maxMemory: initial + memory * PAGE_SIZE });
      const used = engine.memory.used;
      const history = engine.createStateHistory(options);
      const empty = history.stats().heldBytes;
      const states = new Map<number, Uint8Array>();
      for (const each of sequence) {
        run(history, states, each);
        checkPools(engine);
        const { heldBytes, newestBytes } = history.stats();
        expect(heldBytes - newestBytes).toBe(engine.memory.used - used);
      }
      for (const [id, state] of states) expect(Buffer.compare(history.get(id), state)).toBe(0);
      for (const id of [...states.keys()].sort((a, b) => (a % 3) - (b % 3))) {
        history.delete(id);
        checkPools(engine);
      }
      expect(history.stats().heldBytes).toBe(empty);
    });
    fc.assert(property, { numRuns: LONG ? 1000 : build === 'debug' ? 4 : 8, seed: seed | 0, endOnFailure: true });
  });

  test('what large states have in common costs a pointer for each 512 pages', () => {
    using engine = engineOf(build);
    const history = engine.createStateHistory();
    const state = stateOf(8 * CHUNK);
    history.push(state);
    const before = history.stats().heldBytes;
    for (let n = 0; n < 50; n++) history.push(state);
    // 8 of the 1024 pointers in a frame of the tree each.
    expect(history.stats().heldBytes).toBe(before);
    fillPage(state, 700, 1234);
    history.push(state);
    expect(history.stats().heldBytes - before).toBeLessThanOrEqual(8 * PAGE_SIZE);
    history.push(state, { dirty: [] });
    checkPools(engine);
    expect(Buffer.compare(history.get(53), state)).toBe(0);
    expect(history.diff(51, 53)).toEqual([{ offset: 700 * PAGE_SIZE, length: PAGE_SIZE }]);
    expect(history.diff(52, 53)).toEqual([]);
  });

  test('memory that ends at any allocation of a push leaves the other states as they are', () => {
    const states = [stateOf(2 * CHUNK + 9)];
    for (let n = 0; n < 3; n++) {
      const next = states[n].slice();
      for (let edits = 0; edits < 6; edits++) fillPage(next, random.below(2 * CHUNK), random.below(60_000));
      states.push(next);
    }
    const last = stateOf(2 * CHUNK + 9).fill(1, 40 * PAGE_SIZE);
    for (let page = 0; page < 60; page++) random.fill(last.subarray(page * PAGE_SIZE, (page + 1) * PAGE_SIZE));
    let refused = 0;
    let stored = 0;
    for (let room = 24; room < 110; room += build === 'debug' ? 5 : 1) {
      using engine = engineOf(build, { maxMemory: initial + room * PAGE_SIZE });
      const history = engine.createStateHistory({ keepNewest: room % 2 === 0 });
      const kept = new Map<number, Uint8Array>();
      for (const state of [...states, last]) {
        const ids = history.ids();
        const code = codeOf(() => kept.set(history.push(state), state));
        if (code === 'ENOMEM') {
          refused++;
          expect(history.ids()).toEqual(ids);
        } else stored++;
        for (const id of kept.keys()) if (!history.ids().includes(id)) kept.delete(id);
        checkPools(engine);
      }
      for (const [id, state] of kept) expect(Buffer.compare(history.get(id), state)).toBe(0);
    }
    expect(refused).toBeGreaterThan(0);
    expect(stored).toBeGreaterThan(0);
  });
});
