/** A content-addressed tier on an object store: values in segments, found through their indexes. */
import { ZramError } from '../../bindings/base/errors.js';
import { Limit } from './group.js';
import { checkObjectStore, type ObjectStore } from './object-store.js';
import { checkOptions, wholeNumber } from '../base/options.js';
import { Catalogue } from './segment-catalogue.js';
import { collectSegments, CONDEMNED, condemnedIn, type CollectOptions, type CollectReport } from './segment-collect.js';
import { VALUE_SIZE_MAX } from './segment-format.js';
import { Lease } from './segment-lease.js';
import { readPlaces, type Wanted } from './segment-reader.js';
import { SegmentWriter } from './segment-writer.js';
import { checkKey, type RemoteCallOptions, type RemoteTier } from './tier.js';

const NAMES = 'names/';
const NAME_LENGTH_MAX = 200;
/** The first bytes of a segment, to see whether it is there. */
const GLANCE = { start: 0, end: 8 };
const HOUR = 3_600_000;

/** Options of {@link segmentTier}. */
export interface SegmentTierOptions {
  /** Bytes of values from which on a segment is stored, 64 KiB to 256 MiB. Default: 1 MiB. */
  readonly segmentBytes?: number | undefined;
  /** Milliseconds that a value waits for others. `putMany` takes so much longer than the store. Default: 100. */
  readonly flushMilliseconds?: number | undefined;
  /** How long at least values are kept after they were put or touched, in milliseconds. Default: a day. */
  readonly leaseMilliseconds?: number | undefined;
  /** `putMany` and `hasMany` may not know of values that other machines have stored within so many milliseconds. Default: 10,000. */
  readonly refreshMilliseconds?: number | undefined;
  /** Ranges of one segment with no more bytes between them are read as one. Default: 64 KiB. */
  readonly gapBytes?: number | undefined;
  /** Requests to the store at a time. Default: 16. */
  readonly requestsMax?: number | undefined;
  /** Letters and digits that begin the names of this machine's segments, for people. Random ones follow. Default: `'m'`. */
  readonly machine?: string | undefined;
}

/** What a {@link SegmentTier} knows. */
export interface SegmentStats {
  /** Segments, of all machines, as of the last look. */
  readonly segments: number;
  /** Bytes of those. */
  readonly bytes: number;
  /** Segments that are damaged and not used. */
  readonly damaged: number;
  /** Memory of the index of keys. */
  readonly indexBytes: number;
}

/** A tier of {@link segmentTier}. */
export interface SegmentTier extends RemoteTier {
  readonly leaseMilliseconds: number;
  /** Stores what waits for others at once. */
  flush(): Promise<void>;
  /** The names that there are. A list request for each thousand. */
  names(): Promise<string[]>;
  /** Looks for what other machines have stored. */
  refresh(): Promise<void>;
  /**
   * Removes segments that nobody uses: no lease names them and no key of `live` is in them. A first run condemns them, a
   * later one removes those that are condemned for the grace time and still unused. Segments without lease of which
   * little is in use are replaced by one that has only that. One machine at a time should collect, any may.
   *
   * Cost: a list request for each thousand segments, a read of each index (1 % of the bytes) and of each lease, and 34
   * to 52 bytes of memory for each live key.
   * @throws ZramError EIO: a lease or a live table cannot be read; EINVAL: what is in `live` is no key; nothing is removed
   * then
   */
  collect(options: CollectOptions): Promise<CollectReport>;
  /** What it knows of the store. */
  stats(): SegmentStats;
}

/**
 * A {@link RemoteTier} on an object store. Each machine writes segments of its own, which are never changed, and reads
 * those of all. What it knows of a value is 34 to 52 bytes in memory, for each value in the store. It has no time limit: the
 * store must have one, or calls wait for as long as it hangs.
 * @throws ZramError EINVAL: a wrong option, or not a store
 */
export function segmentTier(store: ObjectStore, options: SegmentTierOptions = {}): SegmentTier {
  checkObjectStore(store);
  checkOptions(options);
  return new Segments(store, options);
}

class Segments implements SegmentTier {
  readonly name: string;
  readonly leaseMilliseconds: number;
  readonly #options: Readonly<ReturnType<typeof read>>;
  readonly #limit: Limit;
  readonly #catalogue: Catalogue;
  readonly #lease: Lease;
  readonly #writer: SegmentWriter;

  constructor(
    private readonly store: ObjectStore,
    given: SegmentTierOptions,
  ) {
    const options = read(given);
    const random = Math.floor(Math.random() * 2 ** 40).toString(36);
    const machine = `${options.machine}.${random}`;
    this.#options = options;
    this.name = `segments on ${store.name ?? 'an object store'}`;
    this.leaseMilliseconds = options.leaseMilliseconds;
    this.#limit = new Limit(options.requestsMax);
    this.#catalogue = new Catalogue(store, this.#limit);
    this.#lease = new Lease(store, this.#limit, machine, options.leaseMilliseconds);
    this.#writer = new SegmentWriter(store, this.#limit, this.#catalogue, this.#lease, { ...options, machine });
  }

  // ── values ─────────────────────────────────────────────────────────────────────────────────────────────────────

  async getMany(
    keys: readonly Uint8Array[],
    options?: RemoteCallOptions,
  ): Promise<readonly (Uint8Array | undefined | Error)[]> {
    const values: (Uint8Array | undefined | Error)[] = new Array<undefined>(keys.length).fill(undefined);
    let left = keys.map((_, n) => n);
    // A second time for those that are new, or whose segment is gone and that are in another.
    for (const isLast of [false, true]) {
      const wanted: Wanted[] = [];
      for (const n of left) {
        const found = this.#catalogue.find(checkKey(keys[n]));
        if (found) wanted.push({ ...found, n });
      }
      await readPlaces(this.store, this.#limit, wanted, this.#options.gapBytes, values, options?.signal);
      left = left.filter((n) => values[n] === undefined);
      if (isLast || left.length === 0) break;
      options?.signal?.throwIfAborted();
      await this.#catalogue.refresh();
    }
    return values;
  }

  async putMany(
    keys: readonly Uint8Array[],
    values: readonly Uint8Array[],
    options?: RemoteCallOptions,
  ): Promise<readonly (Error | undefined)[]> {
    await this.#catalogue.refreshAfter(this.#options.refreshMilliseconds);
    options?.signal?.throwIfAborted();
    const there = await this.#keep(keys);
    options?.signal?.throwIfAborted();
    return Promise.all(
      keys.map(async (key, n) => {
        if (there[n]) return undefined;
        const value = values[n];
        if (value !== undefined && value.length >= 1 && value.length <= VALUE_SIZE_MAX)
          return this.#writer.put(key, value);
        return new ZramError('EINVAL', `a value must have 1 to ${VALUE_SIZE_MAX} bytes, not ${value?.length ?? 0}.`);
      }),
    );
  }

  async hasMany(keys: readonly Uint8Array[]): Promise<readonly boolean[]> {
    await this.#catalogue.refreshAfter(this.#options.refreshMilliseconds);
    return keys.map((key) => this.#catalogue.find(checkKey(key)) !== undefined);
  }

  async touchMany(keys: readonly Uint8Array[]): Promise<readonly boolean[]> {
    if (keys.some((key) => !this.#catalogue.find(checkKey(key)))) await this.#catalogue.refresh();
    return this.#keep(keys);
  }

  /** Keeps the segments of these values. Returns which of them are there. */
  async #keep(keys: readonly Uint8Array[]): Promise<boolean[]> {
    const ids = keys.map((key) => this.#catalogue.find(checkKey(key))?.segment.id);
    const all = new Set(ids.filter((id) => id !== undefined));
    const unsure = [...all].filter((id) => !this.#lease.holds(id));
    await this.#lease.extend(all);
    const gone = new Set<string | undefined>([undefined, ...(await this.#goneOf(unsure))]);
    return ids.map((id) => !gone.has(id));
  }

  /**
   * Of segments that this machine begins to use: those that are being removed. Who removes one first says so, then looks
   * at the leases; here the lease was stored first. So one of both sees the other.
   */
  async #goneOf(ids: readonly string[]): Promise<string[]> {
    if (ids.length === 0) return [];
    const condemned = condemnedIn(await this.#limit.run(() => this.store.list(CONDEMNED)));
    const glances = await Promise.all(
      ids.map(
        async (id) => condemned.has(id) || !(await this.#limit.run(() => this.store.get(`segments/${id}`, GLANCE))),
      ),
    );
    ids.forEach((id, n) => glances[n] || this.#lease.sawIt(id));
    return ids.filter((_, n) => glances[n]);
  }

  flush(): Promise<void> {
    return this.#writer.flush();
  }

  refresh(): Promise<void> {
    return this.#catalogue.refresh();
  }

  // ── names ──────────────────────────────────────────────────────────────────────────────────────────────────────

  getNamed(name: string): Promise<Uint8Array | undefined> {
    return this.#limit.run(() => this.store.get(placeOf(name)));
  }

  putNamed(name: string, value: Uint8Array): Promise<void> {
    return this.#limit.run(() => this.store.put(placeOf(name), value));
  }

  removeNamed(name: string): Promise<void> {
    return this.#limit.run(() => this.store.delete(placeOf(name)));
  }

  async names(): Promise<string[]> {
    const listed = await this.#limit.run(() => this.store.list(NAMES));
    return listed
      .map(({ key }) => nameOf(key))
      .filter((name) => name !== undefined)
      .sort();
  }

  // ── care ───────────────────────────────────────────────────────────────────────────────────────────────────────

  async collect(options: CollectOptions): Promise<CollectReport> {
    const { segmentBytes } = this.#options;
    const report = await collectSegments(
      {
        store: this.store,
        limit: this.#limit,
        segmentBytes,
        put: (key, value) => this.#writer.put(key, value),
        flush: () => this.flush(),
      },
      options,
    );
    await this.#catalogue.refresh();
    return report;
  }

  stats(): SegmentStats {
    const segments = [...this.#catalogue.segments];
    return Object.freeze({
      segments: segments.length,
      bytes: segments.reduce((sum, { size }) => sum + size, 0),
      damaged: segments.filter(({ damage }) => damage).length,
      indexBytes: this.#catalogue.bytes,
    });
  }
}

/** The object of a named value: its name as in a URL, but for dots, which alone would mean a folder. */
function placeOf(name: string): string {
  let text = '';
  try {
    text = encodeURIComponent(name).replace(/[.!'()*~]/g, (one) => `%${one.charCodeAt(0).toString(16).toUpperCase()}`);
  } catch {
    // half of a pair of surrogates
  }
  if (text.length >= 1 && text.length <= NAME_LENGTH_MAX) return NAMES + text;
  throw new ZramError('EINVAL', `a name must be a text, in a URL of 1 to ${NAME_LENGTH_MAX} characters.`);
}

/** The name of such an object; undefined if it is none of ours. */
function nameOf(key: string): string | undefined {
  try {
    const name = decodeURIComponent(key.slice(NAMES.length));
    return placeOf(name) === key ? name : undefined;
  } catch {
    return undefined;
  }
}

function read(given: SegmentTierOptions): {
  segmentBytes: number;
  flushMilliseconds: number;
  leaseMilliseconds: number;
  refreshMilliseconds: number;
  gapBytes: number;
  requestsMax: number;
  machine: string;
} {
  const { machine = 'm' } = given;
  if (typeof machine !== 'string' || !/^[A-Za-z0-9]{1,40}$/.test(machine))
    throw new ZramError('EINVAL', 'machine must be 1 to 40 letters and digits.');
  return {
    segmentBytes: wholeNumber(given.segmentBytes, 'segmentBytes', 2 ** 20, 2 ** 16, 2 ** 28),
    flushMilliseconds: wholeNumber(given.flushMilliseconds, 'flushMilliseconds', 100, 0, HOUR),
    leaseMilliseconds: wholeNumber(given.leaseMilliseconds, 'leaseMilliseconds', 24 * HOUR, 1, 10_000 * HOUR),
    refreshMilliseconds: wholeNumber(given.refreshMilliseconds, 'refreshMilliseconds', 10_000, 0, 10_000 * HOUR),
    gapBytes: wholeNumber(given.gapBytes, 'gapBytes', 2 ** 16, 0, 2 ** 28),
    requestsMax: wholeNumber(given.requestsMax, 'requestsMax', 16, 1, 1000),
    machine,
  };
}
