/**
 * Reads of an asynchronous backing that are begun before their pages' turn: as many as may be in flight, in whole batches
 * where the backing takes them.
 */
import type { BackingDevice, Reading } from '../backing/backing-device.js';
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

interface Begun {
  readonly reading: Reading;
  readonly filled: Promise<void>;
}

export class ReadAhead {
  readonly #begun = new Map<number, Begun>();
  readonly #backing: BackingDevice;
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
  }

  /**
   * The read of a page, when it is over; undefined: none was begun, as the page was not on the backing. Pages are asked for
   * in ascending order. The caller ends the reading.
   */
  async take(index: number, call: AsyncCall): Promise<Reading | undefined> {
    const { readsInFlight: most, readBatch } = this.#backing.transport;
    if (this.#begun.size <= most - readBatch) this.#begin(index, most);
    const begun = this.#begun.get(index);
    if (!begun) return undefined;
    this.#begun.delete(index);
    try {
      await call.until(begun.filled, this.disk);
      return begun.reading;
    } catch (error) {
      this.#backing.end(begun.reading);
      throw error;
    }
  }

  #begin(index: number, most: number): void {
    const { disk } = this;
    const { raw } = disk.core;
    this.#next = Math.max(this.#next, index);
    const last = Math.min(this.end, this.#next + LOOK_PAGES_MAX);
    while (this.#next < last && this.#begun.size < most) {
      const count = Math.min(LOOK_PAGES, last - this.#next);
      disk.states(this.#next, count, this.#words);
      const from = this.#next;
      for (let n = 0; n < count && this.#begun.size < most; n++) {
        this.#next++;
        if ((this.#words[2 * n] & STATE_WRITTEN_BACK) === 0) continue;
        if (raw.zramPeekPage(disk.address, from + n) !== READ_WRITTEN_BACK) continue;
        const reading = this.#backing.begin(raw.zramReadBlock() >>> 0);
        this.#begun.set(from + n, { reading, filled: this.#backing.fill(reading) });
      }
    }
  }

  /** Ends all reads that were not taken. Their answers are dropped. */
  stop(): void {
    for (const { reading } of this.#begun.values()) this.#backing.end(reading);
    this.#begun.clear();
  }
}
