/**
 * Brings pages of a saved device into a local one: in batches, several in flight, each page once however many ask for it, and
 * never over one that was written meanwhile.
 */
import { ZramError } from '../../bindings/base/errors.js';
import { deleteRange } from './delete-range.js';
import type { PageBlocks } from './page-blocks.js';
import type { PageSet } from './page-set.js';
import { valuesOf, type PageTable } from './page-table.js';
import { FANOUT, FILLED, HOLE } from './table-node.js';
import type { RemoteTier } from './tier.js';

/** Pages that are on their way together. */
interface Flight {
  readonly pages: readonly number[];
  /** Why pages did not arrive. Never rejects. */
  readonly landed: Promise<Map<number, ZramError>>;
}

export class PageFetcher {
  /** The flight that brings a page. A page that is written meanwhile is taken off it. */
  readonly #flights = new Map<number, Flight>();

  /**
   * @param local pages that are on the device; this adds to it
   * @param batch pages that are read with one call
   * @param inFlight calls at a time, of one request for pages
   */
  constructor(
    private readonly tier: RemoteTier,
    private readonly table: PageTable,
    private readonly blocks: PageBlocks,
    private readonly local: PageSet,
    private readonly batch: number,
    private readonly inFlight: number,
  ) {}

  /** What is on its way for these pages is not wanted any more. */
  cancel(index: number, count: number): void {
    deleteRange(this.#flights, index, index + count);
  }

  /** Nothing that is on its way is wanted any more. */
  cancelAll(): void {
    this.#flights.clear();
  }

  /**
   * Brings those pages that are not local.
   * @param isEnded is asked before each batch
   * @returns why pages did not come, in any order
   */
  async bring(pages: Iterable<number>, isEnded: () => boolean): Promise<Map<number, ZramError>> {
    const failures = new Map<number, ZramError>();
    const batches = batchesOf(pages, this.batch);
    // Each takes the next batch when it is done with one; so a page that is asked for meanwhile need not wait for all of them.
    const work = async (): Promise<void> => {
      for (const batch of batches) {
        if (isEnded()) return;
        for (const [page, failure] of await this.#bringBatch(batch)) failures.set(page, failure);
      }
    };
    await Promise.all(Array.from({ length: this.inFlight }, work));
    return failures;
  }

  async #bringBatch(pages: readonly number[]): Promise<Map<number, ZramError>> {
    const flights = new Set<Flight>();
    const starting: number[] = [];
    for (const page of pages) {
      if (this.local.has(page)) continue;
      const flight = this.#flights.get(page);
      if (flight) flights.add(flight);
      else starting.push(page);
    }
    if (starting.length > 0) flights.add(this.#start(starting));
    const failures = new Map<number, ZramError>();
    for (const { landed } of flights) {
      const all = await landed;
      for (const page of pages) {
        const failure = all.get(page);
        if (failure && !this.local.has(page)) failures.set(page, failure);
      }
    }
    return failures;
  }

  #start(pages: readonly number[]): Flight {
    const flight: Flight = {
      pages,
      landed: Promise.resolve().then(() => this.#fly(flight)),
    };
    for (const page of pages) this.#flights.set(page, flight);
    return flight;
  }

  async #fly(flight: Flight): Promise<Map<number, ZramError>> {
    const { pages } = flight;
    try {
      const failures = new Map<number, ZramError>();
      const lost = await this.table.loadLeaves(pages.map(leafOf));
      const wanted: { page: number; key: Uint8Array }[] = [];
      for (const page of pages) {
        const slot = page % FANOUT;
        const failure = lost.get(leafOf(page));
        const node = this.table.node(0, leafOf(page));
        if (failure) failures.set(page, asFailure(page, failure));
        else if (!node || node.kinds[slot] === HOLE) this.#land(flight, page, failures, () => undefined);
        else if (node.kinds[slot] === FILLED)
          this.#land(flight, page, failures, () => this.blocks.fill(page, node.at(slot)));
        else wanted.push({ page, key: node.at(slot).slice() });
      }
      if (wanted.length === 0) return failures;
      const keys = wanted.map(({ key }) => key);
      const values = await valuesOf(this.tier, keys);
      wanted.forEach(({ page }, n) => {
        const value = values[n];
        if (value instanceof Uint8Array) this.#land(flight, page, failures, () => this.blocks.store(page, value));
        else failures.set(page, asFailure(page, value));
      });
      return failures;
    } finally {
      for (const page of pages) if (this.#flights.get(page) === flight) this.#flights.delete(page);
    }
  }

  /** Stores a page and marks it as local; if it was not written meanwhile. */
  #land(flight: Flight, page: number, failures: Map<number, ZramError>, store: () => void): void {
    if (this.#flights.get(page) !== flight) return;
    try {
      store();
      this.local.add(page);
    } catch (error) {
      failures.set(page, asFailure(page, error));
    }
  }
}

const leafOf = (page: number): number => Math.floor(page / FANOUT);

function* batchesOf(pages: Iterable<number>, size: number): Generator<number[]> {
  let batch: number[] = [];
  for (const page of pages) {
    batch.push(page);
    if (batch.length < size) continue;
    yield batch;
    batch = [];
  }
  if (batch.length > 0) yield batch;
}

/** No memory here is not the page's fault; all else is. */
function asFailure(page: number, cause: unknown): ZramError {
  if (cause instanceof ZramError && cause.code === 'ENOMEM') return cause;
  const text = cause instanceof Error ? cause.message : String(cause);
  return new ZramError('EIO', `page ${page} is lost: ${text}`, undefined, { cause });
}
