/**
 * Reads and writes of one slot each, handed to a backing in batches: when a batch is full, or when nobody adds to it any
 * more: at the end of what runs now, or when `send` is called.
 */
import { PAGE_SIZE } from '../base/arguments.js';

/** `readMany` or `writeMany` of a backing. */
type Transfer = (slots: readonly number[], pages: readonly Uint8Array[]) => Promise<unknown>;

/** What a backing says of a slot that it failed at. */
export interface Failure {
  readonly reason: unknown;
}

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
    const failures = await this.all(
      items.map(({ slot }) => slot),
      items.map(({ page }) => page),
    );
    for (const [n, { resolve, reject }] of items.entries()) {
      const failure = failures[n];
      if (failure === undefined) resolve();
      else reject(failure.reason);
    }
  }

  /** A batch that the caller has made, at once. @returns what failed, by its place; never rejected */
  async all(slots: readonly number[], pages: readonly Uint8Array[]): Promise<readonly (Failure | undefined)[]> {
    try {
      return failuresOf(await this.transfer(slots, pages), slots.length);
    } catch (reason) {
      return new Array<Failure>(slots.length).fill({ reason });
    }
  }
}

/** What a backing returned, by slot: undefined where it succeeded. It is foreign code: each element is read once. */
function failuresOf(results: unknown, count: number): readonly (Failure | undefined)[] {
  if (results === undefined || results === null) return [];
  if (!Array.isArray(results) || results.length !== count)
    throw new TypeError(`it must return nothing or a list of ${count} results`);
  const failures: (Failure | undefined)[] = [];
  for (let n = 0; n < count; n++) {
    const reason = (results as unknown[])[n] ?? undefined;
    failures.push(reason === undefined ? undefined : { reason });
  }
  return failures;
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
