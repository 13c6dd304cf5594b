/**
 * Which worker has which page: one byte for each page, in chunks that are allocated on first use.
 *
 * A page has one owner, which changes only when the new one has acknowledged the page: until then the byte holds the
 * old owner and the flag BUSY, and no other call may touch the page.
 */

/** Nothing is stored: the page reads as zeros. */
export const NOBODY = 0;
/** The page was in a worker that died. */
export const LOST = 127;
/** Flag: a call is changing the page's owner, or is changing a part of the page. */
export const BUSY = 128;
/** Most workers. Owners are worker numbers from 1, and must stay below LOST. */
export const WORKERS_MAX = 64;

const CHUNK_SHIFT = 12;
const CHUNK_PAGES = 1 << CHUNK_SHIFT;
const CHUNK_MASK = CHUNK_PAGES - 1;

const NO_BYTES = new Uint8Array(0);

class Chunk {
  readonly bytes = new Uint8Array(CHUNK_PAGES);
  /** Bytes that are not 0. */
  used = 0;
}

export class Owners {
  readonly #chunks = new Map<number, Chunk>();
  // The last chunk is cached, since calls access neighbouring pages.
  #lastNumber = -1;
  #last: Chunk | undefined;

  #find(number: number): Chunk | undefined {
    if (number !== this.#lastNumber) {
      this.#lastNumber = number;
      this.#last = this.#chunks.get(number);
    }
    return this.#last;
  }

  /** The page's byte: its owner, with BUSY if set. */
  get(index: number): number {
    return this.#find(index >>> CHUNK_SHIFT)?.bytes[index & CHUNK_MASK] ?? NOBODY;
  }

  set(index: number, byte: number): void {
    const number = index >>> CHUNK_SHIFT;
    let chunk = this.#find(number);
    if (!chunk) {
      if (byte === 0) return;
      chunk = new Chunk();
      this.#chunks.set(number, chunk);
      this.#last = chunk;
    }
    const at = index & CHUNK_MASK;
    chunk.used += Number(byte !== 0) - Number(chunk.bytes[at] !== 0);
    chunk.bytes[at] = byte;
    if (chunk.used === 0) this.#drop(number);
  }

  #drop(number: number): void {
    this.#chunks.delete(number);
    this.#lastNumber = -1;
  }

  /**
   * The bytes of pages from the index on, until one is busy, lost or nobody's; valid until the next change.
   * @param most pages that are wanted; there may be fewer
   */
  span(index: number, most: number): Uint8Array {
    const bytes = this.#find(index >>> CHUNK_SHIFT)?.bytes ?? NO_BYTES;
    const from = index & CHUNK_MASK;
    const end = Math.min(from + most, bytes.length);
    let to = from;
    while (to < end && bytes[to] !== NOBODY && bytes[to] < LOST) to++;
    return bytes.subarray(from, to);
  }

  /** Whether any page of the range is busy. */
  anyBusy(first: number, count: number): boolean {
    for (const part of this.#parts(first, count)) {
      for (let at = part.from; at < part.to; at++) if (part.chunk.bytes[at] >= BUSY) return true;
    }
    return false;
  }

  /** Removes the pages of the range. @returns the workers that had any of them */
  clear(first: number, count: number): Set<number> {
    const owners = new Set<number>();
    for (const { number, chunk, from, to } of this.#parts(first, count)) {
      for (let at = from; at < to; at++) {
        const owner = chunk.bytes[at];
        if (owner === NOBODY) continue;
        owners.add(owner);
        chunk.bytes[at] = NOBODY;
        chunk.used--;
      }
      if (chunk.used === 0) this.#drop(number);
    }
    owners.delete(LOST);
    return owners;
  }

  /** Marks all pages of a worker as lost. Busy pages stay busy: they may be on their way to another worker. */
  lose(owner: number): void {
    for (const { bytes } of this.#chunks.values()) {
      for (let at = 0; at < CHUNK_PAGES; at++) if ((bytes[at] & ~BUSY) === owner) bytes[at] += LOST - owner;
    }
  }

  /** The lost pages of the range, in order. */
  lost(first: number, count: number): number[] {
    const lost: number[] = [];
    const parts = [...this.#parts(first, count)].sort((a, b) => a.number - b.number);
    for (const { number, chunk, from, to } of parts) {
      for (let at = from; at < to; at++) {
        if ((chunk.bytes[at] & ~BUSY) === LOST) lost.push(number * CHUNK_PAGES + at);
      }
    }
    return lost;
  }

  /** The chunks that a range touches and the part of each, in any order. Efficient also for a whole, sparse disk. */
  *#parts(first: number, count: number): Iterable<{ number: number; chunk: Chunk; from: number; to: number }> {
    const end = first + count;
    const numbers = { from: Math.floor(first / CHUNK_PAGES), to: Math.ceil(end / CHUNK_PAGES) };
    const few = numbers.to - numbers.from <= this.#chunks.size;
    const among = few ? range(numbers.from, numbers.to) : [...this.#chunks.keys()];
    for (const number of among) {
      const chunk = this.#chunks.get(number);
      if (!chunk || number < numbers.from || number >= numbers.to) continue;
      const start = number * CHUNK_PAGES;
      yield { number, chunk, from: Math.max(first - start, 0), to: Math.min(end - start, CHUNK_PAGES) };
    }
  }

  /** Removes all pages. */
  reset(): void {
    this.#chunks.clear();
    this.#lastNumber = -1;
  }
}

function* range(from: number, to: number): Iterable<number> {
  for (let n = from; n < to; n++) yield n;
}
