/**
 * The states of a history: by id, by age, and which of them is evicted next. No operation depends on the number of
 * states, except for 'thin', which visits each distinct distance between states: at most about the square root of the
 * number of pushes.
 *
 * The ids are spread over several maps: one `Map` would do for a few thousand states, but at a million it blocks the
 * event loop for 100 ms when it doubles, and finding its first key passes all keys deleted before.
 */
import type { Segmented, Starts } from './segments.js';

/** A state and its neighbours by age. */
export class State implements Segmented {
  older: State | undefined;
  newer: State | undefined;
  /** Pushes between its neighbours; 0: not ranked. */
  distance = 0;
  /** Its index in the heap of that distance. */
  place = 0;

  /**
   * @param base its first page on the device
   * @param pages number of pages on the device
   */
  constructor(
    readonly id: number,
    readonly base: number,
    readonly pages: number,
    readonly length: number,
    readonly starts: Starts,
  ) {}
}

const SHARDS = 256;

export class StateOrder {
  readonly #byId: (Map<number, State> | undefined)[] = [];
  /** For 'thin': states with two neighbours, by the distance between these. */
  readonly #ranked: Map<number, OldestFirst> | undefined;
  #oldest: State | undefined;
  #newest: State | undefined;
  #size = 0;

  constructor(policy: 'oldest' | 'thin') {
    this.#ranked = policy === 'thin' ? new Map<number, OldestFirst>() : undefined;
  }

  get size(): number {
    return this.#size;
  }

  get newest(): State | undefined {
    return this.#newest;
  }

  find(id: unknown): State | undefined {
    return typeof id === 'number' ? this.#byId[id & (SHARDS - 1)]?.get(id) : undefined;
  }

  /** Adds a state that is newer than all others. */
  add(state: State): void {
    const before = this.#newest;
    (this.#byId[state.id & (SHARDS - 1)] ??= new Map<number, State>()).set(state.id, state);
    state.older = before;
    if (before) before.newer = state;
    else this.#oldest = state;
    this.#newest = state;
    this.#size++;
    this.#rank(before);
  }

  remove(state: State): void {
    const { older, newer } = state;
    this.#byId[state.id & (SHARDS - 1)]?.delete(state.id);
    for (const each of [older, state, newer]) this.#unrank(each);
    if (older) older.newer = newer;
    else this.#oldest = newer;
    if (newer) newer.older = older;
    else this.#newest = older;
    this.#size--;
    this.#rank(older);
    this.#rank(newer);
  }

  /** Oldest first. */
  ids(): number[] {
    const ids: number[] = [];
    for (let state = this.#oldest; state; state = state.newer) ids.push(state.id);
    return ids;
  }

  clear(): void {
    this.#byId.length = 0;
    this.#ranked?.clear();
    this.#oldest = this.#newest = undefined;
    this.#size = 0;
  }

  // ── eviction ───────────────────────────────────────────────────────────────────────────────────────────────────

  /** The state to evict next, of two or more; never the newest. */
  victim(): State {
    const [oldest, newest] = [this.#oldest as State, this.#newest as State];
    let victim: State | undefined;
    let least = Infinity;
    // Among states with equal distance between their neighbours, the oldest has the lowest age ratio.
    for (const [, { first }] of this.#ranked ?? []) {
      const ratio = ageRatio(first, newest);
      if (ratio < least || (ratio === least && victim && first.id < victim.id)) [least, victim] = [ratio, first];
    }
    return victim ?? oldest; // also for 'thin' with only two states
  }

  #rank(state: State | undefined): void {
    if (!this.#ranked || !state?.older || !state.newer) return;
    state.distance = state.newer.id - state.older.id;
    const alike = this.#ranked.get(state.distance);
    if (alike) alike.add(state);
    else this.#ranked.set(state.distance, new OldestFirst(state));
  }

  #unrank(state: State | undefined): void {
    if (!this.#ranked || !state || state.distance === 0) return;
    const alike = this.#ranked.get(state.distance) as OldestFirst;
    if (alike.remove(state)) this.#ranked.delete(state.distance);
    state.distance = 0;
  }
}

/** The age of the older neighbour divided by that of the newer one. Age counts pushes, from 1. */
function ageRatio(state: State, newest: State): number {
  const age = (other: State | undefined): number => newest.id + 1 - (other as State).id;
  return age(state.older) / age(state.newer);
}

/** A binary heap of states, each of which knows its index. Never empty. */
class OldestFirst {
  readonly #heap: State[];

  constructor(state: State) {
    state.place = 0;
    this.#heap = [state];
  }

  get first(): State {
    return this.#heap[0];
  }

  add(state: State): void {
    this.#heap.push(state);
    this.#rise(state, this.#heap.length - 1);
  }

  /** Returns whether it was the last. */
  remove({ place }: State): boolean {
    const last = this.#heap.pop() as State;
    if (place < this.#heap.length) {
      this.#sink(last, place);
      this.#rise(last, last.place);
    }
    return this.#heap.length === 0;
  }

  #put(state: State, place: number): void {
    this.#heap[place] = state;
    state.place = place;
  }

  #rise(state: State, from: number): void {
    let place = from;
    for (; place > 0; place = (place - 1) >>> 1) {
      const above = this.#heap[(place - 1) >>> 1];
      if (above.id < state.id) break;
      this.#put(above, place);
    }
    this.#put(state, place);
  }

  #sink(state: State, from: number): void {
    const heap = this.#heap;
    let place = from;
    for (;;) {
      let below = 2 * place + 1;
      if (below + 1 < heap.length && heap[below + 1].id < heap[below].id) below++;
      if (below >= heap.length || heap[below].id > state.id) break;
      this.#put(heap[below], place);
      place = below;
    }
    this.#put(state, place);
  }
}
