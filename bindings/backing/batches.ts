/**
 * Reads and writes of one slot each, handed to a backing in batches: when a batch is full, or when nobody adds to it any
 * more: at the end of what runs now, or when `send` is called.
 */
import { PAGE_SIZE } from '../base/arguments.js';

/** `readMany` or `writeMany` of a backing. */
type Transfer = (slots: readonly number[], pages: readonly Uint8Array[]) => Promise<unknown>;

interface Item {
  readonly slot: number;
  readonly page: Uint8Array;
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

/** Of some dozen pages: a backing that keeps an array keeps its neighbours' bytes, too. */
const ARENA_BYTES = 128 * 1024;

export class Batches {
  readonly #waiting: Item[] = [];

  /**
   * @param size most slots in a batch
   * @param atOnce nobody calls `send`: what is asked for in one go is a batch
   */
  constructor(
    readonly size: number,
    readonly atOnce: boolean,
    readonly transfer: Transfer,
  ) {}

  /** Rejected with what the backing says of this slot, or of the batch. */
  add(slot: number, page: Uint8Array): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ slot, page, resolve, reject });
      if (this.#waiting.length === this.size) this.send();
      else if (this.atOnce && this.#waiting.length === 1) queueMicrotask(() => this.send());
    });
  }

  /** Sends what waits. */
  send(): void {
    if (this.#waiting.length > 0) void this.#send(this.#waiting.splice(0));
  }

  async #send(items: readonly Item[]): Promise<void> {
    let results: unknown;
    try {
      results = await this.transfer(
        items.map(({ slot }) => slot),
        items.map(({ page }) => page),
      );
    } catch (error) {
      for (const { reject } of items) reject(error);
      return;
    }
    const errors = errorsOf(results, items.length);
    for (const [n, { resolve, reject }] of items.entries()) {
      if (errors[n] === undefined) resolve();
      else reject(errors[n]);
    }
  }
}

/** What a backing returned, by slot: undefined where it succeeded. It is foreign code: each element is read once. */
function errorsOf(results: unknown, count: number): readonly unknown[] {
  if (results === undefined || results === null) return [];
  try {
    if (Array.isArray(results) && results.length === count) {
      return Array.from({ length: count }, (_, n) => (results as unknown[])[n] ?? undefined);
    }
  } catch (error) {
    return new Array<unknown>(count).fill(error);
  }
  const wrong = new TypeError(`it must return nothing or a list of ${count} results`);
  return new Array<unknown>(count).fill(wrong);
}

/** The arrays of batches, several in one buffer: to allocate each by itself takes as long as all else that is done with it. */
export class Arena {
  #buffer = new ArrayBuffer(0);
  #used = 0;

  take(length: number): Uint8Array {
    if (this.#used + length > this.#buffer.byteLength) {
      this.#buffer = new ArrayBuffer(ARENA_BYTES);
      this.#used = 0;
    }
    const array = new Uint8Array(this.#buffer, this.#used, length);
    this.#used += length;
    return array;
  }
}

/** An object at the beginning of a page, for slots that are pages. */
export function padded(object: Uint8Array): Uint8Array {
  if (object.length === PAGE_SIZE) return object;
  const page = new Uint8Array(PAGE_SIZE);
  page.set(object);
  return page;
}
