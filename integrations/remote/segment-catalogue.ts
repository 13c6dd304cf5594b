/** What segments there are, of all machines, and which value is in which. */
import { ZramError } from '../../bindings/base/errors.js';
import { Group, type Limit } from './group.js';
import { KeyIndex } from './key-index.js';
import type { ObjectStore } from './object-store.js';
import { eachValue, FOOTER_SIZE, likelyTail, readIndex, type SegmentIndex } from './segment-format.js';

export const SEGMENTS = 'segments/';

export interface Segment {
  /** Its name in the store is this after {@link SEGMENTS}. */
  readonly id: string;
  /** Its number in the index of keys. */
  readonly number: number;
  /** Bytes. */
  readonly size: number;
  values: number;
  /** Values of it that were in other segments, too, when it was read: their places are those. */
  others: number;
  /** Why it cannot be used; it is not looked at again. */
  damage?: ZramError;
}

/** A place in a segment. */
export interface Found {
  readonly segment: Segment;
  readonly offset: number;
  readonly length: number;
}

export class Catalogue {
  readonly #segments = new Map<string, Segment>();
  readonly #byNumber = new Map<number, Segment>();
  readonly #keys = new KeyIndex();
  readonly #refreshes = new Group(() => this.#refresh());
  #numbers = 0;
  /** When, by the clock that nobody sets. */
  #refreshed = -Infinity;
  /** Segments were removed since those with values of others were read. */
  #isShort = false;

  constructor(
    private readonly store: ObjectStore,
    private readonly limit: Limit,
  ) {}

  get segments(): Iterable<Segment> {
    return this.#segments.values();
  }

  /** Bytes of the index in memory. */
  get bytes(): number {
    return this.#keys.bytes;
  }

  find(key: Uint8Array): Found | undefined {
    const place = this.#keys.get(key);
    const segment = place && this.#byNumber.get(place.segment);
    return segment && { segment, offset: place.offset, length: place.length };
  }

  /** Reads what others have stored. A list of all segments, and a request for each that is new. */
  refresh(): Promise<void> {
    return this.#refreshes.run();
  }

  /** As `refresh`, unless that was done within so many milliseconds. */
  async refreshAfter(milliseconds: number): Promise<void> {
    if (performance.now() - this.#refreshed >= milliseconds) await this.refresh();
  }

  async #refresh(): Promise<void> {
    const began = performance.now();
    const known = [...this.#segments.values()]; // before the list: what is added from here on may not be in it
    const listed = await this.limit.run(() => this.store.list(SEGMENTS));
    const sizes = new Map(listed.map(({ key, size }) => [key.slice(SEGMENTS.length), size]));
    await Promise.all(
      [...sizes].map(async ([id, size]) => {
        if (!this.#segments.has(id)) await this.#read(id, size);
      }),
    );
    for (const segment of known) if (!sizes.has(segment.id)) this.#remove(segment);
    await this.#readOthers();
    this.#refreshed = began;
  }

  async #read(id: string, size: number): Promise<void> {
    const index = await indexOf(this.store, this.limit, id, size);
    if (index === undefined || this.#segments.has(id)) return; // deleted meanwhile, or stored by this machine
    this.add(id, size, index);
  }

  /** Takes a segment in that this machine has stored, or read. */
  add(id: string, size: number, index: SegmentIndex | ZramError): void {
    const segment: Segment = { id, number: this.#numbers++, size, values: 0, others: 0 };
    this.#segments.set(id, segment);
    this.#byNumber.set(segment.number, segment);
    if (index instanceof ZramError) segment.damage = index;
    else this.#addValues(segment, index);
  }

  #addValues(segment: Segment, index: SegmentIndex): void {
    let others = 0;
    eachValue(index, (key, offset, length) => {
      if (this.#keys.add(key, segment.number, offset, length) !== segment.number) others++;
    });
    segment.values = index.count;
    segment.others = others;
  }

  /** A segment is gone; values that others have, too, are found there from the next `refresh` on. */
  #remove(segment: Segment): void {
    if (!this.#segments.delete(segment.id)) return;
    this.#byNumber.delete(segment.number);
    this.#keys.drop(segment.number, segment.values);
    this.#isShort = true;
  }

  async #readOthers(): Promise<void> {
    if (!this.#isShort) return;
    this.#isShort = false;
    const some = [...this.#segments.values()].filter(({ others }) => others > 0);
    try {
      await Promise.all(some.map((segment) => this.#readAgain(segment)));
    } catch (error) {
      this.#isShort = true;
      throw error;
    }
  }

  async #readAgain(segment: Segment): Promise<void> {
    const index = await indexOf(this.store, this.limit, segment.id, segment.size);
    if (index !== undefined && !(index instanceof ZramError)) this.#addValues(segment, index);
  }
}

/**
 * The index of a segment. `undefined`: there is no such segment.
 * @returns a ZramError EIO for one that is damaged
 */
export async function indexOf(
  store: ObjectStore,
  limit: Limit,
  id: string,
  size: number,
): Promise<SegmentIndex | ZramError | undefined> {
  if (size < FOOTER_SIZE) return new ZramError('EIO', `segment ${id} has only ${size} bytes.`);
  let length = likelyTail(size);
  for (;;) {
    const range = { start: size - length, end: size };
    const tail = await limit.run(() => store.get(SEGMENTS + id, range));
    if (tail === undefined) return undefined;
    if (tail.length !== length) return new ZramError('EIO', `segment ${id} is shorter than its ${size} bytes.`);
    try {
      const index = readIndex(size, tail);
      if (typeof index !== 'number') return index;
      length = index;
    } catch (error) {
      if (error instanceof ZramError) return error;
      throw error;
    }
  }
}
