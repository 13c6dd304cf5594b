/** An obviously right StateHistory, a Map of copies, beside the real one; and random operations for both. */
import fc from 'fast-check';
import type { Engine, StateHistory, StateHistoryOptions, ZramError } from '../../bindings/index.js';
import { PAGE_SIZE } from './pages.js';
import { Random } from './random.js';

/** Most bytes of a state: some whole pages and a piece. */
const LENGTH_MAX = 7 * PAGE_SIZE + 100;
const EDITS_MAX = 4;

export type HistoryOperation =
  | { kind: 'push'; from: number; seed: number; length: number; edits: number; segments: 'none' | 'random' | 'empty' }
  | { kind: 'get'; which: number; room: number }
  | { kind: 'delete'; which: number }
  | { kind: 'unknown'; id: number };

const natural = fc.nat(1000);
export const historyOperation: fc.Arbitrary<HistoryOperation> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      kind: fc.constant('push' as const),
      from: natural,
      seed: fc.nat(),
      length: fc.oneof(
        fc.nat(LENGTH_MAX),
        fc.nat(7).map((pages) => pages * PAGE_SIZE),
        fc.constant(-1),
        fc.constant(-1),
      ),
      edits: fc.nat(EDITS_MAX),
      segments: fc.constantFrom('none' as const, 'none' as const, 'random' as const, 'empty' as const),
    }),
  },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('get' as const), which: natural, room: fc.nat(5000) }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('delete' as const), which: natural }) },
  {
    weight: 1,
    arbitrary: fc.record({ kind: fc.constant('unknown' as const), id: fc.oneof(fc.integer(), fc.double()) }),
  },
);

/** Which of the ids goes, the newest pushed last of all. */
export function victimOf(ids: readonly number[], policy: 'oldest' | 'thin'): number {
  const [oldest] = ids;
  const inner = ids.slice(1, -1);
  if (policy === 'oldest' || inner.length === 0) return oldest;
  const next = Math.max(...ids) + 1;
  const ratio = (id: number): number => {
    const older = Math.max(...ids.filter((other) => other < id));
    const newer = Math.min(...ids.filter((other) => other > id));
    return (next - older) / (next - newer);
  };
  return inner.reduce((least, id) => (ratio(id) < ratio(least) ? id : least));
}

export class ModelHistory {
  failures = 0;
  evictions = 0;
  readonly #engine: Engine;
  readonly #options: StateHistoryOptions;
  readonly #history: StateHistory;
  readonly #usedBefore: number;
  readonly #emptyBytes: number;
  readonly #states = new Map<number, Uint8Array>();
  /** Contents that were pushed, for those that come back. */
  readonly #pushed: Uint8Array[] = [];
  #lastId = 0;

  constructor(engine: Engine, options: StateHistoryOptions) {
    this.#engine = engine;
    this.#options = options;
    this.#usedBefore = engine.memory.used;
    this.#history = engine.createStateHistory(options);
    this.#emptyBytes = this.#history.stats().heldBytes;
  }

  run(operation: HistoryOperation): void {
    if (operation.kind === 'push') this.#push(operation);
    else if (operation.kind === 'get') this.#get(operation);
    else if (operation.kind === 'delete') this.#delete(operation.which);
    else this.#unknown(operation.id);
    this.#check();
  }

  /** Everything is read, and deleted. */
  end(): void {
    this.#readAll();
    for (const id of [...this.#states.keys()].sort((a, b) => (a % 3) - (b % 3))) {
      this.#history.delete(id);
      this.#states.delete(id);
    }
    this.#check();
    const { heldBytes } = this.#history.stats();
    same(heldBytes, this.#emptyBytes, 'held when empty');
    this.#history.destroy();
    same(this.#engine.memory.used, this.#usedBefore, 'used after destroy');
  }

  #push({ from, seed, length, edits, segments }: HistoryOperation & { kind: 'push' }): void {
    const random = new Random(seed);
    const origin = this.#pushed[from % (this.#pushed.length + 1)] ?? new Uint8Array(0);
    const bytes = new Uint8Array(length < 0 ? origin.length : length);
    bytes.set(origin.subarray(0, bytes.length));
    for (let n = 0; n < edits; n++) {
      const part = bytes.subarray(random.below(bytes.length + 1)).subarray(0, random.below(5000));
      if (random.chance(50)) random.fill(part);
      else part.fill(random.next(), 0);
    }
    const starts = Array.from({ length: 1 + random.below(4) }, () => random.below(bytes.length + 1));
    const given = [...new Set(starts)].sort((a, b) => a - b);
    const before = [...this.#states.keys()];
    let id: number;
    try {
      id = this.#history.push(bytes, segments === 'none' ? undefined : { segments: segments === 'empty' ? [] : given });
    } catch (error) {
      same((error as ZramError).code, 'ENOMEM', 'code');
      this.failures++;
      same(this.#history.ids().join(), before.join(), 'ids after a failure');
      this.#readAll();
      return;
    }
    same(id, ++this.#lastId, 'id');
    this.#states.set(id, bytes);
    this.#pushed.push(bytes);
    this.#makeRoom();
  }

  /** States go in the order of the policy, until there are as many as there may be. */
  #makeRoom(): void {
    const { maxStates = Infinity, maxBytes, policy = 'oldest' } = this.#options;
    const left = this.#history.ids().length;
    while (this.#states.size > (maxBytes === undefined ? maxStates : left)) {
      this.#states.delete(victimOf([...this.#states.keys()], policy));
      this.evictions++;
    }
    if (maxBytes === undefined) return;
    const { heldBytes } = this.#history.stats();
    if (heldBytes > parseInt(String(maxBytes), 10) * 1024)
      throw new Error(`${heldBytes} bytes held, bound ${maxBytes}`);
  }

  #get({ which, room }: HistoryOperation & { kind: 'get' }): void {
    const id = this.#pick(which);
    if (id === undefined) return;
    const state = this.#states.get(id) as Uint8Array;
    const out = new Uint8Array(state.length + room).fill(0x5a);
    if (this.#history.get(id, out) !== out) throw new Error('out was not returned');
    if (Buffer.compare(out.subarray(0, state.length), state) !== 0) throw new Error(`state ${id} is wrong`);
    if (!out.subarray(state.length).every((byte) => byte === 0x5a)) throw new Error('more than the state was filled');
  }

  #delete(which: number): void {
    const id = this.#pick(which);
    if (id === undefined) return;
    this.#history.delete(id);
    this.#states.delete(id);
  }

  #unknown(id: number): void {
    if (this.#states.has(id)) return;
    for (const call of [() => this.#history.get(id), () => this.#history.delete(id)]) {
      let code: string | undefined;
      try {
        call();
      } catch (error) {
        ({ code } = error as ZramError);
      }
      same(code, 'EINVAL', 'code');
    }
  }

  #pick(which: number): number | undefined {
    return [...this.#states.keys()][which % Math.max(this.#states.size, 1)];
  }

  #check(): void {
    same(this.#history.ids().join(), [...this.#states.keys()].join(), 'ids');
    const { states, rawBytes, heldBytes } = this.#history.stats();
    same(states, this.#states.size, 'states');
    same(
      rawBytes,
      [...this.#states.values()].reduce((sum, { length }) => sum + length, 0),
      'rawBytes',
    );
    // Nothing else is in the engine: each byte held is accounted for.
    same(heldBytes, this.#engine.memory.used - this.#usedBefore, 'heldBytes');
  }

  #readAll(): void {
    for (const [id, state] of this.#states) {
      same(this.#history.sizeOf(id), state.length, 'length');
      if (Buffer.compare(this.#history.get(id), state) !== 0) throw new Error(`state ${id} is wrong`);
    }
  }
}

function same<T>(got: T, expected: T, what: string): void {
  if (got !== expected) throw new Error(`${what}: ${String(got)} instead of ${String(expected)}`);
}
