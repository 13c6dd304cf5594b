/** Constants: under jest each look at a global goes through its sandbox, a hundred times as slow. */
export const { floor, imul } = Math;

/**
 * A small seeded generator of pseudo-random numbers (mulberry32).
 *
 * Test data has to be the same on every machine and in every version of Node, because figures that the kernel gave for
 * it are committed; so nothing here may depend on `Math.random` or on a library.
 */
export class Random {
  private state: number;

  /** Streams of one seed with different names are independent of each other. */
  constructor(seed: number, stream = '') {
    let state = seed >>> 0;
    for (let i = 0; i < stream.length; i++) {
      state = imul(state ^ stream.charCodeAt(i), 0x9e3779b1) >>> 0;
      state ^= state >>> 15;
    }
    this.state = state >>> 0;
  }

  /** 32 random bits, as an unsigned number. */
  next(): number {
    this.state = (this.state + 0x6d2b79f5) >>> 0;
    let t = this.state;
    t = imul(t ^ (t >>> 15), t | 1);
    t ^= t + imul(t ^ (t >>> 7), t | 61);
    return (t ^ (t >>> 14)) >>> 0;
  }

  /** An integer in 0 … limit - 1. */
  below(limit: number): number {
    return floor((this.next() / 0x100000000) * limit);
  }

  /** An integer in min … max, both included. */
  between(min: number, max: number): number {
    return min + this.below(max - min + 1);
  }

  /** True in `percent` of 100 cases. */
  chance(percent: number): boolean {
    return this.below(100) < percent;
  }

  pick<T>(items: readonly T[]): T {
    return items[this.below(items.length)];
  }

  fill(bytes: Uint8Array): Uint8Array {
    for (let i = 0; i < bytes.length; i++) bytes[i] = this.next() >>> 24;
    return bytes;
  }
}

/** The seed of this run: random, unless ZRAM_WASM_SEED repeats an earlier one. */
export function seedOfRun(): number {
  const given = process.env.ZRAM_WASM_SEED;
  if (given === undefined || given === '') return floor(Math.random() * 0x100000000);
  const seed = Number(given);
  if (!Number.isSafeInteger(seed) || seed < 0 || seed > 0xffffffff) {
    throw new Error(`ZRAM_WASM_SEED is ${given}; it must be an integer in 0 … 4294967295`);
  }
  return seed;
}
