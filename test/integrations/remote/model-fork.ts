/**
 * What a disk of a fork may hold, while calls overlap: for each quarter of a page the stamps that it may have now. A call that
 * writes later than it was made may take effect at any moment until it is settled; a read may see what was there at any
 * moment of it.
 */
import { expect } from '@jest/globals';

export const QUARTER = 1024;
export const QUARTERS = 4;

/** The content of a quarter: it compresses, and shows its stamp and place everywhere. Stamp 0: zeros. */
export function contentOf(stamp: number, quarter: number): Uint8Array {
  const words = new Uint32Array(QUARTER / 4);
  if (stamp !== 0) {
    // A third are filled with one value, so that whole pages are, too.
    for (let n = 0; n < words.length; n++) words[n] = stamp % 3 === 0 ? stamp : stamp + quarter * 1000 + (n >>> 5) * 77;
  }
  return new Uint8Array(words.buffer);
}

interface Write {
  readonly first: number;
  readonly count: number;
  readonly stamp: number;
}

/** Calls that see the disk. */
class Watch {
  readonly seen = new Map<number, Set<number>>();

  constructor(
    readonly first: number,
    readonly count: number,
  ) {}

  add(quarter: number, stamp: number): void {
    this.seen.get(quarter)?.add(stamp);
  }
}

export class ModelFork {
  readonly #stamps: Set<number>[];
  readonly #pending = new Set<Write & { overwritten: Set<number> }>();
  readonly #watches = new Set<Watch>();

  /** @param stamps what each quarter may hold */
  constructor(stamps: readonly Iterable<number>[]) {
    this.#stamps = stamps.map((each) => new Set(each));
  }

  get quarters(): number {
    return this.#stamps.length;
  }

  /** Takes effect now. */
  wrote({ first, count, stamp }: Write): void {
    for (let q = first; q < first + count; q++) {
      this.#stamps[q] = new Set([stamp]);
      for (const write of this.#pending) write.overwritten.add(q);
      for (const watch of this.#watches) watch.add(q, stamp);
    }
  }

  /** Takes effect before it is settled. */
  async writes(write: Write, done: Promise<unknown>): Promise<void> {
    const pending = { ...write, overwritten: new Set<number>() };
    this.#pending.add(pending);
    for (let q = write.first; q < write.first + write.count; q++)
      for (const watch of this.#watches) watch.add(q, write.stamp);
    try {
      await done;
    } catch (error) {
      this.#pending.delete(pending);
      throw error;
    }
    this.#pending.delete(pending);
    for (let q = write.first; q < write.first + write.count; q++) {
      if (!pending.overwritten.has(q)) this.#stamps[q] = new Set();
      this.#stamps[q].add(write.stamp);
    }
  }

  /** Begins to see a part. */
  watch(first: number, count: number): Watch {
    const watch = new Watch(first, count);
    for (let q = first; q < first + count; q++) watch.seen.set(q, new Set(this.#stamps[q]));
    for (const write of this.#pending)
      for (let q = write.first; q < write.first + write.count; q++) watch.add(q, write.stamp);
    this.#watches.add(watch);
    return watch;
  }

  /** Ends it. Returns the stamps that each quarter may have had. */
  end(watch: Watch): Set<number>[] {
    this.#watches.delete(watch);
    return [...watch.seen.values()];
  }

  /** Nothing else is going on: what was seen is what there is. */
  settle(first: number, found: readonly number[]): void {
    found.forEach((stamp, n) => (this.#stamps[first + n] = new Set([stamp])));
  }
}

/** The stamps that bytes have; each must be one that its quarter may have. */
export function stampsIn(bytes: Uint8Array, first: number, allowed: readonly ReadonlySet<number>[]): number[] {
  return allowed.map((stamps, n) => {
    const part = bytes.subarray(n * QUARTER, (n + 1) * QUARTER);
    const found = [...stamps].find((stamp) => Buffer.compare(part, contentOf(stamp, first + n)) === 0);
    if (found === undefined) {
      const start = [...new Uint32Array(part.slice(0, 8).buffer)];
      expect({ quarter: first + n, start }).toEqual({ quarter: first + n, stamps: [...stamps] });
    }
    return found!;
  });
}
