/**
 * Garbage of an object store: segments that no lease names and in which no key of a live table is.
 *
 * Another machine may begin to use a segment at any moment. So it is condemned first, by an object that says so, and removed
 * by a later run, which reads leases and tables after it has seen that the segment is condemned; a machine that begins to
 * use a segment stores its lease first, and then looks whether it is condemned. Whatever the order, one of both sees the
 * other. Only the end of leases is a matter of clocks: they may differ by the grace time.
 */
import { ZramError } from '../../bindings/base/errors.js';
import type { Limit } from './group.js';
import { KeyIndex } from './key-index.js';
import type { ObjectStore } from './object-store.js';
import { isIterable } from '../base/options.js';
import { indexOf, SEGMENTS } from './segment-catalogue.js';
import { eachValue, type SegmentIndex } from './segment-format.js';
import { decodeLease, LEASES } from './segment-lease.js';
import { timeOf } from './segment-writer.js';
import { checkKey, isKeyOf } from './tier.js';

export const CONDEMNED = 'condemned/';
const HOUR = 3_600_000;

/** Options of {@link SegmentTier.collect}. */
export interface CollectOptions {
  /** Keys that are in use besides those that leases name: `liveKeys(tier, await tier.names())`. */
  readonly live: Iterable<Uint8Array> | AsyncIterable<Uint8Array>;
  /**
   * Milliseconds for which segments are left alone after they were made, after their lease ended and after they were
   * condemned. More than the clocks of machines differ, and than reading a page takes. Default: an hour.
   */
  readonly graceMilliseconds?: number | undefined;
}

/** What a collection did. */
export interface CollectReport {
  /** Segments before. */
  readonly segments: number;
  /** Those that leases name, or are new. */
  readonly leased: number;
  /** Live values of segments that were mostly garbage, or small, and are in a new segment now. */
  readonly moved: number;
  /** Segments that a later run removes, if they are not used until then. */
  readonly condemned: number;
  /** Segments that were removed. */
  readonly removed: number;
  /** Bytes of those. */
  readonly removedBytes: number;
  /** Live keys that are in no segment. */
  readonly lost: number;
}

/** What a collection works with. */
export interface Collected {
  readonly store: ObjectStore;
  readonly limit: Limit;
  /** Segments with less than half of this in use are written anew, if they hold garbage. */
  readonly segmentBytes: number;
  /** Puts a value into a new segment. */
  put(key: Uint8Array, value: Uint8Array): Promise<Error | undefined>;
  /** Stores what was put. */
  flush(): Promise<void>;
}

interface Candidate {
  readonly id: string;
  readonly size: number;
  /** A lease names it, or it is new. */
  readonly isLeased: boolean;
  /** When it was condemned. */
  readonly condemned: number | undefined;
}

interface Used {
  readonly key: Uint8Array;
  readonly offset: number;
  readonly length: number;
}

/** Marks in the set of live keys: wanted, and had from a segment that stays. */
const LIVE = 1;
const TAKEN = 2;

/** Indexes that are read at a time. */
const BATCH = 64;

/** Segments that are condemned, with the time, from the list of these objects. */
export function condemnedIn(listed: readonly { key: string }[]): Map<string, number> {
  const found = new Map<string, number>();
  for (const { key } of listed) {
    const dot = key.lastIndexOf('.');
    const time = Number.parseInt(key.slice(dot + 1), 16);
    found.set(key.slice(CONDEMNED.length, dot), Number.isFinite(time) ? time : Infinity);
  }
  return found;
}

const markerOf = (id: string, time: number): string => `${CONDEMNED}${id}.${time.toString(16)}`;

export async function collectSegments(on: Collected, options: CollectOptions): Promise<CollectReport> {
  const { live, graceMilliseconds: grace = HOUR } = options ?? {};
  if (!isIterable(live, Symbol.iterator) && !isIterable(live, Symbol.asyncIterator))
    throw new ZramError('EINVAL', 'live must be keys to iterate over, as liveKeys gives them.');
  if (!(typeof grace === 'number' && grace >= 0))
    throw new ZramError('EINVAL', 'graceMilliseconds must be a number, 0 or more.');
  return new Collection(on, Date.now(), grace).run(live);
}

class Collection {
  readonly #live = new KeyIndex();
  /** Segments that are not used once what is moved is stored. */
  readonly #unused: Candidate[] = [];
  readonly #moves: Promise<Error | undefined>[] = [];
  #leased = 0;
  #taken = 0;
  #condemned = 0;
  #removed = 0;
  #removedBytes = 0;

  constructor(
    private readonly on: Collected,
    private readonly now: number,
    private readonly grace: number,
  ) {}

  async run(live: CollectOptions['live']): Promise<CollectReport> {
    const { limit, store } = this.on;
    const marks = condemnedIn(await limit.run(() => store.list(CONDEMNED))); // before leases and tables: see above
    const leases = await this.#leases();
    const candidates = await this.#candidates(marks, leases);
    for await (const key of live) this.#live.add(checkKey(key), LIVE, 0, 0);
    for (let n = 0; n < candidates.length; n += BATCH) {
      const some = candidates.slice(n, n + BATCH);
      const indexes = await Promise.all(some.map(({ id, size }) => indexOf(store, limit, id, size)));
      for (const [i, one] of some.entries()) await this.#look(one, indexes[i]);
    }
    await this.on.flush();
    const failure = (await Promise.all(this.#moves)).find((each) => each !== undefined);
    if (failure) throw failure;
    for (const one of this.#unused) await this.#end(one);
    for (const { key, until } of leases) if (until + this.grace < this.now) await limit.run(() => store.delete(key));
    return Object.freeze({
      segments: candidates.length,
      leased: this.#leased,
      moved: this.#moves.length,
      condemned: this.#condemned,
      removed: this.#removed,
      removedBytes: this.#removedBytes,
      lost: this.#live.size - this.#taken,
    });
  }

  /** The leases that there are. Their owners write them anew meanwhile, and remove those before. */
  async #leases(): Promise<{ key: string; until: number; segments: Map<string, number> }[]> {
    const { limit, store } = this.on;
    for (let attempt = 0; attempt < 10; attempt++) {
      const listed = await limit.run(() => store.list(LEASES));
      const read = await Promise.all(
        listed.map(async ({ key }) => {
          const bytes = await limit.run(() => store.get(key));
          if (bytes === undefined) return undefined;
          const segments = decodeLease(bytes);
          return { key, segments, until: [...segments.values()].reduce((a, b) => Math.max(a, b), 0) };
        }),
      );
      const leases = read.filter((each) => each !== undefined);
      if (leases.length === listed.length) return leases;
    }
    throw new ZramError('EIO', 'the leases change faster than they can be read.');
  }

  /** Segments in the order in which they are to keep values that several have: condemned ones last. */
  async #candidates(
    marks: ReadonlyMap<string, number>,
    leases: readonly { segments: ReadonlyMap<string, number> }[],
  ): Promise<Candidate[]> {
    const { limit, store } = this.on;
    const listed = await limit.run(() => store.list(SEGMENTS));
    const leased = new Set<string>();
    for (const { segments } of leases)
      for (const [id, until] of segments) if (until + this.grace >= this.now) leased.add(id);
    const candidates = listed.map(({ key, size }) => {
      const id = key.slice(SEGMENTS.length);
      const isLeased = leased.has(id) || timeOf(id) + this.grace >= this.now;
      return { id, size, isLeased, condemned: marks.get(id) };
    });
    const there = new Set(candidates.map(({ id }) => id));
    for (const [id, time] of marks) if (!there.has(id)) await limit.run(() => store.delete(markerOf(id, time)));
    const rank = (one: Candidate): number => (one.isLeased ? 0 : one.condemned === undefined ? 1 : 2);
    return candidates.sort((a, b) => rank(a) - rank(b));
  }

  /** Decides about one segment. */
  async #look(one: Candidate, index: SegmentIndex | ZramError | undefined): Promise<void> {
    if (index === undefined) return; // removed meanwhile
    // What is damaged holds nothing that can be had.
    const isDamaged = index instanceof ZramError;
    const used = isDamaged ? [] : this.#take(index);
    if (one.isLeased) {
      this.#leased++;
      await this.#pardon(one);
      return;
    }
    const bytes = used.reduce((sum, { length }) => sum + length, 0);
    const isWithoutGarbage = !isDamaged && used.length === index.count && index.count > 0;
    if (bytes * 2 >= this.on.segmentBytes || isWithoutGarbage) {
      await this.#pardon(one);
      return;
    }
    await this.#move(one, used);
    this.#unused.push(one);
  }

  /** Live values that are in no segment before this one. */
  #take(index: SegmentIndex): Used[] {
    const used: Used[] = [];
    eachValue(index, (key, offset, length) => {
      if (this.#live.get(key)?.segment !== LIVE) return;
      this.#live.move(key, TAKEN);
      used.push({ key, offset, length });
    });
    this.#taken += used.length;
    return used;
  }

  async #move({ id, size }: Candidate, used: readonly Used[]): Promise<void> {
    if (used.length === 0) return;
    const bytes = await this.on.limit.run(() => this.on.store.get(SEGMENTS + id, { start: 0, end: size }));
    if (bytes?.length !== size) throw new ZramError('EIO', `cannot read segment ${id} to move what is used of it.`);
    for (const { key, offset, length } of used) {
      const value = bytes.subarray(offset, offset + length);
      if (isKeyOf(key, value)) this.#moves.push(this.on.put(key, value));
      else this.#giveBack(key);
    }
  }

  /** A value that is wrong here: another segment may have it. */
  #giveBack(key: Uint8Array): void {
    this.#live.move(key, LIVE);
    this.#taken--;
  }

  /** A segment that is used again is not removed. */
  async #pardon({ id, condemned }: Candidate): Promise<void> {
    if (condemned !== undefined) await this.on.limit.run(() => this.on.store.delete(markerOf(id, condemned)));
  }

  async #end({ id, size, condemned }: Candidate): Promise<void> {
    const { limit, store } = this.on;
    if (condemned === undefined) {
      await limit.run(() => store.put(markerOf(id, this.now), new Uint8Array(0)));
      this.#condemned++;
    } else if (condemned + this.grace < this.now) {
      await limit.run(() => store.delete(SEGMENTS + id));
      await limit.run(() => store.delete(markerOf(id, condemned)));
      this.#removed++;
      this.#removedBytes += size;
    }
  }
}
