/** An obviously right StateHistory, a Map of copies, beside the real one; and random operations for both. */
import fc from 'fast-check';
import type {
  ByteRange,
  Engine,
  GetOptions,
  PoolOptions,
  PushOptions,
  StateHistory,
  StateHistoryOptions,
  ZramError,
  ZsPool,
} from '../../bindings/index.js';
import { PAGE_SIZE } from './pages.js';
import { Random } from './random.js';

/** Most bytes of a state: some whole pages and a piece. */
const LENGTH_MAX = 7 * PAGE_SIZE + 100;
const EDITS_MAX = 4;
/** Zspages that are not full, tables, and what memory has set aside. */
const SLACK_BYTES = 30 * PAGE_SIZE;

export type HistoryOperation =
  | {
      kind: 'push';
      from: number;
      seed: number;
      length: number;
      edits: number;
      segments: 'none' | 'random' | 'empty';
      dirty: 'none' | 'exact' | 'wide' | 'wrong';
      verify: boolean;
    }
  | { kind: 'get'; which: number; room: number }
  | { kind: 'step'; which: number; holding: number; spoiled: boolean; verify: boolean }
  | { kind: 'diff'; from: number; to: number }
  | { kind: 'delete'; which: number }
  | { kind: 'unknown'; id: number };

const natural = fc.nat(1000);
export const historyOperation: fc.Arbitrary<HistoryOperation> = fc.oneof(
  {
    weight: 14,
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
      dirty: fc.constantFrom(
        'none' as const,
        'none' as const,
        'none' as const,
        'none' as const,
        'wide' as const,
        'exact' as const,
        'wide' as const,
        'wrong' as const,
      ),
      verify: fc.boolean(),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constant('step' as const),
      which: natural,
      holding: natural,
      spoiled: fc.boolean(),
      verify: fc.boolean(),
    }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('diff' as const), from: natural, to: natural }) },
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

export interface HistoryLimits {
  /** A pool for it, to be made with these options. */
  readonly pool?: PoolOptions | undefined;
  /** Whether memory, or the pool, is so small that states go for it. */
  readonly tight?: boolean | undefined;
  /** An engine and a pool like the history's: there, what was refused must not fit alone. */
  readonly alone?: (() => { engine: Engine; options: StateHistoryOptions }) | undefined;
  /** A fault in the history. */
  readonly fault?: ((history: StateHistory) => StateHistory) | undefined;
}

export class ModelHistory {
  failures = 0;
  evictions = 0;
  readonly #engine: Engine;
  readonly #options: StateHistoryOptions;
  readonly #limits: HistoryLimits;
  readonly #pool: ZsPool | undefined;
  readonly #history: StateHistory;
  readonly #usedBefore: number;
  readonly #emptyBytes: number;
  readonly #states = new Map<number, Uint8Array>();
  /** Those with segments. */
  readonly #segmented = new Set<number>();
  /** Contents that were pushed, for those that come back. */
  readonly #pushed: Uint8Array[] = [];
  #lastId = 0;

  constructor(engine: Engine, options: StateHistoryOptions, limits: HistoryLimits = {}) {
    this.#engine = engine;
    this.#options = options;
    this.#limits = limits;
    this.#usedBefore = engine.memory.used;
    this.#pool = limits.pool && engine.createPool(limits.pool);
    const history = engine.createStateHistory({ ...options, pool: this.#pool });
    this.#history = limits.fault?.(history) ?? history;
    this.#emptyBytes = this.#history.stats().heldBytes;
  }

  run(operation: HistoryOperation): void {
    if (operation.kind === 'push') this.#push(operation);
    else if (operation.kind === 'get') this.#get(operation);
    else if (operation.kind === 'step') this.#step(operation);
    else if (operation.kind === 'diff') this.#diff(operation);
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
    this.#pool?.destroy();
    same(this.#engine.memory.used, this.#usedBefore, 'used after destroy');
  }

  #push({ from, seed, length, edits, segments, dirty, verify }: HistoryOperation & { kind: 'push' }): void {
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
    const newest = [...this.#states.values()].at(-1);
    const changed = newest && dirty !== 'none' ? rangesThatDiffer(newest, bytes) : undefined;
    if (changed && dirty === 'wrong') {
      this.#pushWrong(bytes, changed);
      return;
    }
    const options = {
      segments: segments === 'none' ? undefined : segments === 'empty' ? [] : given,
      dirty: changed && dirty === 'wide' ? widened(changed, bytes.length, random) : changed,
      verify: verify || undefined,
    };
    let id: number;
    try {
      id = this.#history.push(bytes, options);
    } catch (error) {
      same((error as ZramError).code, 'ENOMEM', 'code');
      this.failures++;
      same(this.#history.ids().join(), before.join(), 'ids after a failure');
      this.#readAll();
      this.#checkRefused(bytes, options);
      return;
    }
    same(id, ++this.#lastId, 'id');
    this.#states.set(id, bytes);
    if (segments === 'random' || (segments === 'none' && this.#options.segments)) this.#segmented.add(id);
    this.#pushed.push(bytes);
    this.#makeRoom();
  }

  /** A byte that differs is in no range, nor in a page that is looked at anyway. */
  #pushWrong(bytes: Uint8Array, changed: readonly ByteRange[]): void {
    const left = changed.at(-1);
    const [[id, newest]] = [...this.#states].slice(-1);
    if (!left || newest.length !== bytes.length || this.#segmented.has(id) || this.#options.cuts === 'content') return;
    const page = Math.floor(left.offset / PAGE_SIZE);
    const ranges = changed.slice(0, -1).filter(({ offset, length }) => offset + length <= page * PAGE_SIZE);
    let code: string | undefined;
    try {
      this.#history.push(bytes, { segments: [], dirty: ranges, verify: true });
    } catch (error) {
      ({ code } = error as ZramError);
    }
    same(code, 'EINVAL', 'code of a wrong range');
  }

  /** States go in the order of the policy, until there are as many as there may be. */
  #makeRoom(): void {
    const { maxStates = Infinity, maxBytes, policy = 'oldest' } = this.#options;
    const left = this.#history.ids().length;
    const most = maxBytes === undefined && !this.#limits.tight ? maxStates : left;
    if (most > maxStates || most === 0) throw new Error(`${most} states are left`);
    let last: Uint8Array | undefined;
    while (this.#states.size > most) {
      const id = victimOf([...this.#states.keys()], policy);
      last = this.#states.get(id);
      this.#states.delete(id);
      this.evictions++;
    }
    if (last && this.#limits.tight && most < maxStates) this.#checkNeeded(last);
    if (maxBytes === undefined) return;
    const { heldBytes } = this.#history.stats();
    if (heldBytes > parseInt(String(maxBytes), 10) * 1024)
      throw new Error(`${heldBytes} bytes held, bound ${maxBytes}`);
  }

  /** Memory was short before the last state went: what is left now is no more than that state, and the one it went for, may take. */
  #checkNeeded(last: Uint8Array): void {
    const { limit, used } = this.#engine.memory;
    const pool = this.#limits.pool?.limit as number | undefined;
    const left = pool === undefined ? limit - used : pool - (this.#pool as ZsPool).totalPages * PAGE_SIZE;
    const most = last.length + LENGTH_MAX + SLACK_BYTES;
    if (left > most) throw new Error(`a state went although ${left} bytes are free`);
  }

  #checkRefused(bytes: Uint8Array, options: PushOptions | undefined): void {
    const other = this.#limits.alone?.();
    if (!other) return;
    let code: string | undefined;
    try {
      other.engine.createStateHistory(other.options).push(bytes, options);
    } catch (error) {
      ({ code } = error as ZramError);
    }
    other.engine.destroy();
    same(code, 'ENOMEM', 'a state that was refused, alone');
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

  /** A state is read over another one. */
  #step({ which, holding, spoiled, verify }: HistoryOperation & { kind: 'step' }): void {
    const [id, other] = [this.#pick(which), this.#pick(holding)];
    if (id === undefined || other === undefined) return;
    const [state, held] = [id, other].map((each) => this.#states.get(each) as Uint8Array);
    const out = new Uint8Array(Math.max(state.length, held.length) + 3).fill(0x5a);
    out.set(held);
    if (spoiled && held.length > 0) {
      out[held.length >> 1] ^= 1;
      const before = out.slice();
      let code: string | undefined;
      try {
        this.#history.get(id, out, { holding: other, verify: true });
      } catch (error) {
        ({ code } = error as ZramError);
      }
      same(code, 'EINVAL', 'code of an array that holds something else');
      if (Buffer.compare(out, before) !== 0) throw new Error('out was changed');
      return;
    }
    this.#history.get(id, out, { holding: other, verify });
    if (Buffer.compare(out.subarray(0, state.length), state) !== 0) throw new Error(`state ${id} is wrong`);
    if (Buffer.compare(out.subarray(state.length, held.length), held.subarray(state.length)) !== 0)
      throw new Error('more than the state was filled');
  }

  /** The ranges make of one state the other, and name no page that is equal. */
  #diff({ from, to }: HistoryOperation & { kind: 'diff' }): void {
    const [a, b] = [this.#pick(from), this.#pick(to)];
    if (a === undefined || b === undefined) return;
    const [before, after] = [a, b].map((each) => this.#states.get(each) as Uint8Array);
    const ranges = this.#history.diff(a, b);
    const made = new Uint8Array(after.length);
    made.set(before.subarray(0, after.length));
    let end = -1;
    for (const { offset, length } of ranges) {
      if (offset <= end || length < 1 || offset + length > after.length) throw new Error('ranges overlap or touch');
      end = offset + length;
      made.set(after.subarray(offset, end), offset);
    }
    if (Buffer.compare(made, after) !== 0) throw new Error('the ranges leave a difference out');
    if (a === b) same(ranges.length, 0, 'ranges of a state and itself');
    if (this.#options.cuts === 'content') return;
    if (this.#segmented.has(a) || this.#segmented.has(b) || before.length !== after.length) return;
    for (const { offset, length } of ranges) {
      for (let at = offset; at < offset + length; at += PAGE_SIZE) {
        const page = [before, after].map((bytes) => bytes.subarray(at, at + PAGE_SIZE));
        if (Buffer.compare(page[0], page[1]) === 0) throw new Error('a page is named that is equal');
      }
    }
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
    const { states, rawBytes, heldBytes, newestBytes } = this.#history.stats();
    same(states, this.#states.size, 'states');
    same(
      rawBytes,
      [...this.#states.values()].reduce((sum, { length }) => sum + length, 0),
      'rawBytes',
    );
    // Nothing else is in the engine: each byte held is accounted for.
    const lists = heldBytes - newestBytes - (this.#engine.memory.used - this.#usedBefore);
    // A state that is cut by its content has a list of cuts: 4 bytes for each part of 1024 to 4096.
    const parts = this.#options.cuts === 'content' ? rawBytes / 1024 + 5 * states : 0;
    if (lists < parts / 4 - 5 * states || lists > 4 * parts)
      throw new Error(`${lists} bytes are held outside the engine`);
  }

  #readAll(): void {
    for (const [id, state] of this.#states) {
      same(this.#history.sizeOf(id), state.length, 'length');
      if (Buffer.compare(this.#history.get(id), state) !== 0) throw new Error(`state ${id} is wrong`);
    }
  }
}

/** Ranges of bytes in which states differ; all that one of them does not have does. */
function rangesThatDiffer(before: Uint8Array, after: Uint8Array): ByteRange[] {
  const ranges: { offset: number; length: number }[] = [];
  for (let at = 0; at < after.length; at++) {
    if (after[at] === before[at]) continue;
    const last = ranges.at(-1);
    if (last && at - last.offset - last.length < 100) last.length = at + 1 - last.offset;
    else ranges.push({ offset: at, length: 1 });
  }
  return ranges;
}

/** As a caller may know them: in another order, larger, overlapping, and some for nothing. */
function widened(ranges: readonly ByteRange[], end: number, random: Random): ByteRange[] {
  const wide = [...ranges, ...ranges, { offset: random.below(end + 1), length: 0 }].map(({ offset, length }) => {
    const from = Math.max(0, offset - random.below(9000));
    return { offset: from, length: Math.min(end, offset + length + random.below(5000)) - from };
  });
  return wide.reverse();
}

function same<T>(got: T, expected: T, what: string): void {
  if (got !== expected) throw new Error(`${what}: ${String(got)} instead of ${String(expected)}`);
}

/** Histories with a fault, which the model must find where memory is short: by what the fault is. */
type Planted = Record<string, (history: StateHistory) => StateHistory>;

export const PLANTED: Planted = {
  'a byte of an older state is read': (history) =>
    withFault(history, {
      get(id, out, options) {
        const [before] = history.ids().filter((other) => other < id && history.sizeOf(other) > 300);
        const to = history.get(id, out, options);
        if (before !== undefined && history.sizeOf(id) > 300) to[300] = history.get(before)[300];
        return to;
      },
    }),
  'the second oldest goes': (history) =>
    withFault(history, {
      push(bytes, options) {
        const before = history.ids();
        const id = history.push(bytes, options);
        const [first, second] = history.ids();
        if (history.ids().length <= before.length && second !== undefined && second !== id) history.delete(second);
        else if (history.ids().length <= before.length) history.delete(first);
        return id;
      },
    }),
  'a push that fails takes a state with it': (history) =>
    withFault(history, {
      push(bytes, options) {
        try {
          return history.push(bytes, options);
        } catch (error) {
          const [oldest] = history.ids();
          if (oldest !== undefined) history.delete(oldest);
          throw error;
        }
      },
    }),
};

/** The same where memory is not short. */
export const PLANTED_WITH_ROOM: Planted = {
  'a range that was named is not looked at': (history) =>
    withFault(history, {
      push: (bytes, options) => history.push(bytes, options && { ...options, dirty: options.dirty?.slice(1) }),
    }),
  'a byte that out holds is not overwritten': (history) =>
    withFault(history, {
      get(id, out, options) {
        const kept = options?.holding === undefined || options.verify ? undefined : out?.[0];
        const to = history.get(id, out, options);
        if (kept !== undefined) to[0] = kept;
        return to;
      },
    }),
  'a difference is left out': (history) => withFault(history, { diff: (from, to) => history.diff(from, to).slice(1) }),
  'states go although there is room': (history) =>
    withFault(history, {
      push(bytes, options) {
        const id = history.push(bytes, options);
        if (id % 9 === 8) for (const other of history.ids()) if (other !== id) history.delete(other);
        return id;
      },
    }),
};

function withFault(history: StateHistory, fault: Partial<StateHistory>): StateHistory {
  const calls: Partial<StateHistory> = {
    push: (bytes: Uint8Array, options?: PushOptions) => history.push(bytes, options),
    get: (id: number, out?: Uint8Array, options?: GetOptions) => history.get(id, out, options),
    diff: (from: number, to: number) => history.diff(from, to),
    sizeOf: (id: number) => history.sizeOf(id),
    delete: (id: number) => history.delete(id),
    ids: () => history.ids(),
    stats: () => history.stats(),
    destroy: () => history.destroy(),
    ...fault,
  };
  return calls as StateHistory;
}
