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
class Batch {
  /** Those that were not taken begin here. */
  next = 0;
  over = false;
  readonly filled: Promise<void>;

  /**
   * @param pages in ascending order
   * @param work fulfilled when all are read
   */
  constructor(
    readonly pages: readonly number[],
    readonly readings: readonly Reading[],
    work: Promise<void>,
  ) {
    this.filled = work.then(() => {
      this.over = true;
    });
  }
}

export class ReadAhead {
  /** In the order of their pages. */
  readonly #batches: Batch[] = [];
  /** Reads that were begun and not taken. */
  #begun = 0;
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
    if (this.#begun <= most - readBatch) this.#begin(index, most);
    const batch = this.#batchOf(index);
    if (!batch) return undefined;
    const reading = batch.readings[batch.next++];
    this.#begun--;
    return batch.over ? reading : this.#wait(reading, batch, call);
  }

  /** The batch whose next page this is. Reads of pages before it, which nobody has asked for, are ended. */
  #batchOf(index: number): Batch | undefined {
    for (let batch = this.#batches.at(0); batch; batch = this.#batches.at(0)) {
      while (batch.pages[batch.next] < index) this.#drop(batch);
      if (batch.next < batch.pages.length) return batch.pages[batch.next] === index ? batch : undefined;
      this.#batches.shift();
    }
    return undefined;
  }

  /** Its answer is dropped. */
  #drop(batch: Batch): void {
    this.#backing.end(batch.readings[batch.next++]);
    this.#begun--;
  }

  async #wait(reading: Reading, batch: Batch, call: AsyncCall): Promise<Reading> {
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
    while (this.#next < last && this.#begun + readings.length < most) {
      const count = Math.min(LOOK_PAGES, last - this.#next);
      disk.states(this.#next, count, this.#words);
      const from = this.#next;
      for (let n = 0; n < count && this.#begun + readings.length < most; n++) {
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
    this.#begun += readings.length;
    let sent = 0;
    for (; readsBatches && sent + readBatch <= readings.length; sent += readBatch) {
      const these = readings.slice(sent, sent + readBatch);
      this.#batches.push(new Batch(pages.slice(sent, sent + readBatch), these, this.#backing.fillMany(these)));
    }
    for (; sent < readings.length; sent++) {
      const reading = readings[sent];
      this.#batches.push(new Batch([pages[sent]], [reading], this.#backing.fill(reading)));
    }
  }

  /** Ends all reads that were not taken. Their answers are dropped. */
  stop(): void {
    for (const batch of this.#batches) while (batch.next < batch.readings.length) this.#drop(batch);
    this.#batches.length = 0;
  }
}
