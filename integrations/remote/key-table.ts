/** The keys of slots: 16 bytes each, in chunks that are made when they are used. A key of zeros is none. */
import { isSameKey, KEY_SIZE } from './tier.js';

/** 64 KiB of keys. */
const CHUNK_SLOTS = 4096;

export class KeyTable {
  readonly #chunks: (Uint8Array | undefined)[];
  /** Slots that have a key. */
  used = 0;

  constructor(readonly slots: number) {
    this.#chunks = new Array<Uint8Array | undefined>(Math.ceil(slots / CHUNK_SLOTS));
  }

  has(slot: number): boolean {
    const chunk = this.#chunks[Math.floor(slot / CHUNK_SLOTS)];
    return chunk !== undefined && isKey(chunk, (slot % CHUNK_SLOTS) * KEY_SIZE);
  }

  /** A copy, since the slot may get another key. */
  get(slot: number): Uint8Array | undefined {
    return this.getMany([slot])[0];
  }

  /** Copies, in one buffer: an array of its own for each would take longer than the rest of a read. */
  getMany(slots: readonly number[]): (Uint8Array | undefined)[] {
    const copies = new Uint8Array(slots.length * KEY_SIZE);
    return slots.map((slot, i) => {
      const chunk = this.#chunks[Math.floor(slot / CHUNK_SLOTS)];
      const from = (slot % CHUNK_SLOTS) * KEY_SIZE;
      if (chunk === undefined || !isKey(chunk, from)) return undefined;
      const copy = copies.subarray(i * KEY_SIZE, (i + 1) * KEY_SIZE);
      for (let at = 0; at < KEY_SIZE; at++) copy[at] = chunk[from + at];
      return copy;
    });
  }

  set(slot: number, key: Uint8Array): void {
    const chunk = (this.#chunks[Math.floor(slot / CHUNK_SLOTS)] ??= new Uint8Array(CHUNK_SLOTS * KEY_SIZE));
    const from = (slot % CHUNK_SLOTS) * KEY_SIZE;
    if (!isKey(chunk, from)) this.used++;
    for (let at = 0; at < KEY_SIZE; at++) chunk[from + at] = key[at];
  }

  /** The slot has no key any more. */
  delete(slot: number): void {
    if (!this.has(slot)) return;
    const from = (slot % CHUNK_SLOTS) * KEY_SIZE;
    this.#chunks[Math.floor(slot / CHUNK_SLOTS)]?.fill(0, from, from + KEY_SIZE);
    this.used--;
  }

  /** Whether the slot has this key. */
  isAt(slot: number, key: Uint8Array): boolean {
    const chunk = this.#chunks[Math.floor(slot / CHUNK_SLOTS)];
    const from = (slot % CHUNK_SLOTS) * KEY_SIZE;
    return chunk !== undefined && isSameKey(chunk.subarray(from, from + KEY_SIZE), key);
  }

  /** Slots with a key, in chunks of at most 4096. What is set meanwhile may be among them or not. */
  *live(): Generator<number[]> {
    for (let index = 0; index < this.#chunks.length; index++) {
      const chunk = this.#chunks[index];
      if (chunk === undefined) continue;
      const slots = [];
      for (let at = 0; at < CHUNK_SLOTS; at++) if (isKey(chunk, at * KEY_SIZE)) slots.push(index * CHUNK_SLOTS + at);
      if (slots.length > 0) yield slots;
      else this.#chunks[index] = undefined;
    }
  }
}

function isKey(chunk: Uint8Array, from: number): boolean {
  for (let i = from; i < from + KEY_SIZE; i++) if (chunk[i] !== 0) return true;
  return false;
}
