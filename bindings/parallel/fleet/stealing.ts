/**
 * Work stealing: a worker without work compresses pages that are to be written by another one, which then stores the blocks.
 *
 * A page belongs to the worker of its hash, and only that one can store it; but compressing is five sixths of a write, and
 * needs nothing of the device but its settings. So a worker whose core another thread has for a while does not hold up
 * the others: they compress what is waiting for it, the newest parcel first, which it reaches last.
 *
 * Neither waits for the other. A block is put beside its page, and its length then takes the place of the number that the
 * record's operation had (a compare-and-swap): if the parcel has been carried out and used again meanwhile, it has another
 * number, and the block is not used. A worker that reaches a page without a block compresses it itself. Only one worker at
 * a time steals from another, so no two write to the same place.
 */
import { Neighbour } from './mailbox.js';
import {
  OPERATION_BITS,
  OPERATION_MASK,
  parcelsIn,
  RAW,
  RECORD_WORDS,
  WRITE,
  writeWith,
  type Parcel,
  type SharedParcels,
} from './protocol.js';

/** Makes a block of a page, to `to`. @returns its length; 4096: the page itself; 0: that failed */
export type Compress = (page: Uint8Array, to: Uint8Array) => number;

/** A worker with fewer parcels left, the one that it is carrying out included, is soon done with them itself. */
const LEFT_MIN = 2;

class Victim {
  readonly #mailbox: Neighbour;
  readonly #parcels: Parcel[];

  constructor({ mailbox, parcels }: SharedParcels) {
    this.#mailbox = new Neighbour(mailbox);
    this.#parcels = parcelsIn(parcels);
  }

  /** Compresses pages until there are none, or until this worker is wanted. @returns whether there were any */
  rob(compress: Compress, isWanted: () => boolean): boolean {
    const mailbox = this.#mailbox;
    const { sent, current } = mailbox;
    if (((sent - current) | 0) < LEFT_MIN || !mailbox.enter()) return false;
    let found = false;
    for (let parcel = (sent - 1) | 0; this.#isAhead(parcel) && !isWanted(); parcel = (parcel - 1) | 0)
      found = this.#robParcel(parcel, compress, isWanted) || found;
    mailbox.leave();
    return found;
  }

  /** Whether the worker has not begun with a parcel. */
  #isAhead(parcel: number): boolean {
    return ((parcel - this.#mailbox.current) | 0) > 0;
  }

  #robParcel(number: number, compress: Compress, isWanted: () => boolean): boolean {
    const [slot, records] = this.#mailbox.find(number);
    const parcel = this.#parcels[slot];
    const { words } = parcel;
    let found = false;
    for (let at = 0; at < records * RECORD_WORDS; at += RECORD_WORDS) {
      const [word, page] = [Atomics.load(words, at), Atomics.load(words, at + 2)];
      // Only then are these of the parcel, which may have been carried out and used again.
      if (!this.#isAhead(number) || isWanted()) break;
      if ((word & OPERATION_MASK) !== WRITE || word >>> OPERATION_BITS < RAW) continue;
      const length = compress(parcel.page(page), parcel.block(page));
      if (length === 0) return found;
      Atomics.compareExchange(words, at, word, writeWith(length));
      found = true;
    }
    return found;
  }
}

export class Thief {
  readonly #victims: Victim[];
  readonly #compress: Compress;

  constructor(others: readonly SharedParcels[], compress: Compress) {
    this.#victims = others.map((other) => new Victim(other));
    this.#compress = compress;
  }

  /** Compresses what others are to write, until this worker is wanted. @returns whether there was anything */
  readonly help = (isWanted: () => boolean): boolean => {
    for (const victim of this.#victims) if (victim.rob(this.#compress, isWanted)) return true;
    return false;
  };
}
