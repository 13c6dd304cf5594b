/** The keys of slots: 16 bytes each, in chunks that are made when they are used. A key of zeros is none. */
import { KEY_SIZE } from './tier.js';

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
    if (!this.has(slot)) return undefined;
    const from = (slot % CHUNK_SLOTS) * KEY_SIZE;
    return this.#chunks[Math.floor(slot / CHUNK_SLOTS)]?.slice(from, from + KEY_SIZE);
  }

  /** @param key undefined: none */
  set(slot: number, key: Uint8Array | undefined): void {
    this.used += Number(key !== undefined) - Number(this.has(slot));
    const index = Math.floor(slot / CHUNK_SLOTS);
    const from = (slot % CHUNK_SLOTS) * KEY_SIZE;
    if (key !== undefined) (this.#chunks[index] ??= new Uint8Array(CHUNK_SLOTS * KEY_SIZE)).set(key, from);
    else this.#chunks[index]?.fill(0, from, from + KEY_SIZE);
  }

  isAt(slot: number, key: Uint8Array): boolean {
    const chunk = this.#chunks[Math.floor(slot / CHUNK_SLOTS)];
    return chunk !== undefined && equal(chunk, (slot % CHUNK_SLOTS) * KEY_SIZE, key);
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

function equal(chunk: Uint8Array, from: number, key: Uint8Array): boolean {
  for (let i = 0; i < KEY_SIZE; i++) if (chunk[from + i] !== key[i]) return false;
  return true;
}
