/**
 * Reads of an asynchronous backing that are begun before their pages' turn: as many as may be in flight, in whole batches
 * where the backing takes them.
 */
import type { BackingDevice, Reading } from '../backing/backing-device.js';
import type { Arena } from '../backing/batches.js';
import type { AsyncCall, Ending } from '../base/async-call.js';
import type { Core } from '../core/core.js';
import { READ_WRITTEN_BACK, STATE_WRITTEN_BACK } from '../core/layout.js';

/** Pages whose states are looked at at once. */
const LOOK_PAGES = 512;
/** Pages that are looked at before the next one is answered. */
const LOOK_PAGES_MAX = 16 * LOOK_PAGES;

/** What is read: a disk. */
interface Readable extends Ending {
  readonly core: Core;
  readonly address: number;
  readonly backing: BackingDevice | undefined;
  states(index: number, count: number, out: Uint32Array): Uint32Array;
}

/** Reads that are over together. */
interface Batch {
  over: boolean;
  readonly filled: Promise<void>;
}

interface Begun {
  readonly reading: Reading;
  readonly batch: Batch;
}

function batchOf(work: Promise<void>): Batch {
  const batch = {
    over: false,
    filled: work.then(() => {
      batch.over = true;
    }),
  };
  return batch;
}

export class ReadAhead {
  readonly #begun = new Map<number, Begun>();
  readonly #backing: BackingDevice;
  readonly #arena: Arena | undefined;
  readonly #words = new Uint32Array(2 * LOOK_PAGES);
  #next: number;

  /** @param end the page behind the last that will be asked for */
  constructor(
    readonly disk: Readable,
    from: number,
    readonly end: number,
  ) {
    this.#next = from;
    this.#backing = disk.backing as BackingDevice;
    this.#arena = this.#backing.transport.arenaForReads();
  }

  /**
   * The read of a page, which is waited for only if it is not over; undefined: none was begun, as the page was not on the
   * backing. Pages are asked for in ascending order. The caller ends the reading.
   */
  take(index: number, call: AsyncCall): Promise<Reading> | Reading | undefined {
    const { readsInFlight: most, readBatch } = this.#backing.transport;
    if (this.#begun.size <= most - readBatch) this.#begin(index, most);
    const begun = this.#begun.get(index);
    if (!begun) return undefined;
    this.#begun.delete(index);
    return begun.batch.over ? begun.reading : this.#wait(begun, call);
  }

  async #wait({ reading, batch }: Begun, call: AsyncCall): Promise<Reading> {
    try {
      await call.until(batch.filled, this.disk);
      return reading;
    } catch (error) {
      this.#backing.end(reading);
      throw error;
    }
  }

  #begin(index: number, most: number): void {
    const { disk } = this;
    const { raw } = disk.core;
    this.#next = Math.max(this.#next, index);
    const last = Math.min(this.end, this.#next + LOOK_PAGES_MAX);
    const found: number[] = [];
    const readings: Reading[] = [];
    while (this.#next < last && this.#begun.size + readings.length < most) {
      const count = Math.min(LOOK_PAGES, last - this.#next);
      disk.states(this.#next, count, this.#words);
      const from = this.#next;
      for (let n = 0; n < count && this.#begun.size + readings.length < most; n++) {
        this.#next++;
        if ((this.#words[2 * n] & STATE_WRITTEN_BACK) === 0) continue;
        if (raw.zramPeekPage(disk.address, from + n) !== READ_WRITTEN_BACK) continue;
        found.push(from + n);
        readings.push(this.#backing.begin(raw.zramReadBlock() >>> 0, this.#arena));
      }
    }
    this.#send(found, readings);
  }

  /** Whole batches go as such; what is left may be put together with what others read now. */
  #send(pages: readonly number[], readings: readonly Reading[]): void {
    const { readBatch, readsBatches } = this.#backing.transport;
    let sent = 0;
    for (; readsBatches && sent + readBatch <= readings.length; sent += readBatch) {
      const these = readings.slice(sent, sent + readBatch);
      const batch = batchOf(this.#backing.fillMany(these));
      for (let n = 0; n < readBatch; n++) this.#begun.set(pages[sent + n], { reading: these[n], batch });
    }
    for (; sent < readings.length; sent++) {
      const reading = readings[sent];
      this.#begun.set(pages[sent], { reading, batch: batchOf(this.#backing.fill(reading)) });
    }
  }

  /** Ends all reads that were not taken. Their answers are dropped. */
  stop(): void {
    for (const { reading } of this.#begun.values()) this.#backing.end(reading);
    this.#begun.clear();
  }
}
