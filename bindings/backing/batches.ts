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
const CHUNK_BYTES = 128 * 1024;

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

/** Memory that arrays of batches share. */
export class Chunk {
  readonly buffer = new ArrayBuffer(CHUNK_BYTES);
  used = 0;
  /** Arrays that are in use. */
  live = 0;

  constructor(private readonly arena: Arena) {}

  /** One of its arrays is not used any more, by anybody. */
  release(): void {
    if (--this.live === 0) this.arena.spare(this);
  }
}

/**
 * The arrays of the batches of one call, several in a buffer: to allocate each by itself takes as long as all else that is
 * done with it. Buffers are used again if the backing does not keep them, else V8 collects the whole heap each 7,000 pages.
 */
export class Arena {
  #filling: Chunk | undefined;
  readonly #spare: Chunk[] = [];

  /** @param reuses whether chunks are used again when all of their arrays were released */
  constructor(private readonly reuses: boolean) {}

  /** The chunk of the array that was taken last. */
  get chunk(): Chunk {
    return this.#filling as Chunk;
  }

  take(length: number): Uint8Array {
    let chunk = this.#filling;
    // A buffer that was transferred has no bytes.
    if (!chunk || chunk.used + length > chunk.buffer.byteLength) {
      this.#filling = this.#empty();
      if (chunk?.live === 0) this.spare(chunk);
      chunk = this.#filling;
    }
    const array = new Uint8Array(chunk.buffer, chunk.used, length);
    chunk.used += length;
    chunk.live++;
    return array;
  }

  #empty(): Chunk {
    let chunk = this.#spare.pop();
    while (chunk?.buffer.byteLength === 0) chunk = this.#spare.pop();
    return chunk ?? new Chunk(this);
  }

  /** No array of this chunk is in use. */
  spare(chunk: Chunk): void {
    if (!this.reuses || chunk === this.#filling) return;
    chunk.used = 0;
    this.#spare.push(chunk);
  }
}

/** An object at the beginning of a page, for slots that are pages. */
export function padded(object: Uint8Array): Uint8Array {
  if (object.length === PAGE_SIZE) return object;
  const page = new Uint8Array(PAGE_SIZE);
  if (object.length > 0) page.set(object); // else it was detached
  return page;
}
