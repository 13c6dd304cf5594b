/**
 * Where values are: a hash table of keys, in arrays of numbers, since a `Map` of texts takes 150 bytes a key. Open
 * addressing with linear probing, at most half full. 34 to 52 bytes a key.
 */
import { KEY_SIZE } from './tier.js';

/** Marks a free slot; others hold the number of an entry plus one. */
const FREE = 0;

/** The place of a value. */
export interface Place {
  /** The number of its segment. */
  readonly segment: number;
  /** Its first byte in it. */
  readonly offset: number;
  /** Bytes. */
  readonly length: number;
}

export class KeyIndex {
  #slots = new Uint32Array(1024);
  #keys = new Uint8Array(512 * KEY_SIZE);
  #segments = new Uint32Array(512);
  #offsets = new Uint32Array(512);
  #lengths = new Uint16Array(512);
  #count = 0;
  /** Segments that are gone. Their entries stay until there is no room, or those behind them would not be found. */
  readonly #gone = new Set<number>();
  /** Entries of those. */
  #stale = 0;
  /** Keys are hashes, but whoever can write to the store chooses them: this keeps them from choosing places as well. */
  readonly #seed = Math.floor(Math.random() * 2 ** 32);

  /** Bytes that it takes. */
  get bytes(): number {
    return this.#slots.byteLength + this.#keys.byteLength + this.#segments.byteLength * 2 + this.#lengths.byteLength;
  }

  get(key: Uint8Array): Place | undefined {
    const entry = this.#slots[this.#slotOf(key)];
    if (entry === FREE || this.#isStale(entry)) return undefined;
    return {
      segment: this.#segments[entry - 1],
      offset: this.#offsets[entry - 1],
      length: this.#lengths[entry - 1],
    };
  }

  /** Sets the place of a key, unless it has one. Returns the segment in which it is. */
  add(key: Uint8Array, segment: number, offset: number, length: number): number {
    let entry = this.#slots[this.#slotOf(key)];
    if (entry === FREE) entry = this.#append(key);
    else if (!this.#isStale(entry)) return this.#segments[entry - 1];
    this.#segments[entry - 1] = segment;
    this.#offsets[entry - 1] = offset;
    this.#lengths[entry - 1] = length;
    return segment;
  }

  /** How many keys it has, of segments that were not dropped or once were. */
  get size(): number {
    return this.#count;
  }

  /** Changes the segment of a key that is there. */
  move(key: Uint8Array, segment: number): void {
    const entry = this.#slots[this.#slotOf(key)];
    if (entry !== FREE) this.#segments[entry - 1] = segment;
  }

  /** Forgets a segment, with so many values in it. Its number is not used again. */
  drop(segment: number, values: number): void {
    this.#gone.add(segment);
    this.#stale += values;
  }

  #isStale(entry: number): boolean {
    return this.#gone.size > 0 && this.#gone.has(this.#segments[entry - 1]);
  }

  /** The slot with this key, or the free one where it would be. */
  #slotOf(key: Uint8Array): number {
    const mask = this.#slots.length - 1;
    for (let slot = this.#hash(key, 0) & mask; ; slot = (slot + 1) & mask) {
      const entry = this.#slots[slot];
      if (entry === FREE || this.#isAt(key, (entry - 1) * KEY_SIZE)) return slot;
    }
  }

  #isAt(key: Uint8Array, at: number): boolean {
    for (let n = 0; n < KEY_SIZE; n++) if (this.#keys[at + n] !== key[n]) return false;
    return true;
  }

  #hash(keys: Uint8Array, at: number): number {
    let hash = this.#seed;
    for (let n = 0; n < 8; n++) hash = Math.imul(hash ^ keys[at + n], 0x01000193);
    return hash ^ (hash >>> 15);
  }

  /** Makes an entry with this key. Returns its number plus one. */
  #append(key: Uint8Array): number {
    if (this.#count === this.#segments.length) {
      if (2 * this.#stale > this.#count) this.#purge();
      else this.#double();
    }
    const n = this.#count++;
    this.#keys.set(key, n * KEY_SIZE);
    this.#slots[this.#slotOf(key)] = n + 1;
    return n + 1;
  }

  /** Moves entries that count together. */
  #purge(): void {
    let kept = 0;
    for (let n = 0; n < this.#count; n++) {
      if (this.#isStale(n + 1)) continue;
      this.#keys.copyWithin(kept * KEY_SIZE, n * KEY_SIZE, (n + 1) * KEY_SIZE);
      for (const array of [this.#segments, this.#offsets, this.#lengths]) array[kept] = array[n];
      kept++;
    }
    this.#count = kept;
    this.#stale = 0;
    this.#gone.clear();
    this.#fillSlots();
    if (2 * kept > this.#segments.length) this.#double(); // some of those that were dropped were not here
  }

  #double(): void {
    this.#keys = doubled(this.#keys);
    this.#segments = doubled(this.#segments);
    this.#offsets = doubled(this.#offsets);
    this.#lengths = doubled(this.#lengths);
    this.#slots = new Uint32Array(2 * this.#slots.length);
    this.#fillSlots();
  }

  #fillSlots(): void {
    this.#slots.fill(FREE);
    const mask = this.#slots.length - 1;
    for (let n = 0; n < this.#count; n++) {
      let slot = this.#hash(this.#keys, n * KEY_SIZE) & mask;
      while (this.#slots[slot] !== FREE) slot = (slot + 1) & mask;
      this.#slots[slot] = n + 1;
    }
  }
}

function doubled<T extends Uint8Array | Uint16Array | Uint32Array>(array: T): T {
  const larger = new (array.constructor as new (length: number) => T)(2 * array.length);
  larger.set(array);
  return larger;
}
