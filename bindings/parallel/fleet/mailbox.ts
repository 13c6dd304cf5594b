/**
 * Words that the caller's thread and a worker share, by which parcels go to and fro without a message each.
 *
 * A worker that has carried out what it was sent waits on the bell for a moment, and only then goes back to its event
 * loop, which a message must wake. The caller's thread never waits: a message tells it of parcels that have come back,
 * one for all that do until it looks.
 */
import { SHARED } from './protocol.js';

/** Changes with all that is sent. */
const BELL = 0;
/** Parcels sent. This and the other numbers wrap. */
const SENT = 1;
/** Messages sent. The worker takes them before parcels. */
const POSTED = 2;
/** Parcels carried out. */
const RETURNED = 3;
/** 1: the worker is in its event loop, or on its way there. */
const AWAY = 4;
/** 1: the message is on its way that tells the caller of parcels that were carried out. */
const TOLD = 5;
/** 1: another worker is stealing from this one. */
const ROBBED = 6;
/** For each parcel under way its slot, and its records above that. */
const RING = 7;

const SLOT_BITS = 8;
const SLOT_MASK = (1 << SLOT_BITS) - 1;
/** A worker that has more than one parcel left tells of so many at once: the caller's thread takes a core from a worker. */
const TOLD_AT_ONCE = 2;
/** How long a worker without work waits before it goes: a few times as long as a caller takes to react to its results. */
const WAIT_MS = 5;

class Mailbox {
  protected readonly words: Int32Array;

  constructor(readonly buffer: ArrayBufferLike) {
    this.words = new Int32Array(buffer);
  }
}

/** The caller's end. */
export class Outbox extends Mailbox {
  #sent = 0;

  constructor() {
    super(new SharedArrayBuffer(4 * (RING + SHARED.parcels)));
    this.words[AWAY] = 1;
  }

  /** @returns whether the worker must be sent a message to notice */
  send(slot: number, records: number): boolean {
    this.words[RING + (this.#sent++ % SHARED.parcels)] = slot | (records << SLOT_BITS);
    Atomics.add(this.words, SENT, 1);
    this.#ring();
    return Atomics.exchange(this.words, AWAY, 0) === 1;
  }

  /** To be called before a message is sent. */
  posting(): void {
    Atomics.add(this.words, POSTED, 1);
    this.#ring();
  }

  #ring(): void {
    Atomics.add(this.words, BELL, 1);
    Atomics.notify(this.words, BELL);
  }

  /** How many parcels came back beyond those that were taken so far. Those that do from now on are told of anew. */
  news(taken: number): number {
    Atomics.store(this.words, TOLD, 0);
    return (Atomics.load(this.words, RETURNED) - taken) | 0;
  }
}

/** What another worker sees, which steals from the worker. */
export class Neighbour extends Mailbox {
  /** Whether this worker is the only one that does, until it calls `leave`. A worker that dies before has stolen for ever. */
  enter(): boolean {
    return Atomics.compareExchange(this.words, ROBBED, 0, 1) === 0;
  }

  leave(): void {
    Atomics.store(this.words, ROBBED, 0);
  }

  /** Number of the next parcel that will be sent, and of the one that is being carried out. They wrap. */
  get sent(): number {
    return Atomics.load(this.words, SENT);
  }

  get current(): number {
    return Atomics.load(this.words, RETURNED);
  }

  /** The slot and the records of a parcel that is under way. */
  find(parcel: number): [slot: number, records: number] {
    const entry = this.words[RING + ((parcel >>> 0) % SHARED.parcels)];
    return [entry & SLOT_MASK, entry >>> SLOT_BITS];
  }
}

/** The worker's end. */
export class Inbox extends Mailbox {
  #done = 0;
  /** Parcels carried out that the caller was not told of. */
  #untold = 0;
  #taken = 0;

  /** A message was received. */
  took(): void {
    this.#taken = (this.#taken + 1) | 0;
  }

  /** Whether a message is on its way. */
  get #owed(): boolean {
    return Atomics.load(this.words, POSTED) !== this.#taken;
  }

  /** Parcels that are to be carried out. */
  get #left(): number {
    return (Atomics.load(this.words, SENT) - this.#done) | 0;
  }

  /**
   * Calls back for each parcel until there are none.
   * @param returned tells the caller that parcel `n` has been carried out
   */
  drain(carryOut: (slot: number, records: number) => void, returned: (n: number) => void): void {
    while (this.#left > 0) this.#next(carryOut, returned);
  }

  /**
   * The same, until a message is on its way or nothing has come for a moment.
   * @param help is called while there is none. @returns whether it has found anything to do
   */
  work(
    carryOut: (slot: number, records: number) => void,
    returned: (n: number) => void,
    help: (isWanted: () => boolean) => boolean,
  ): void {
    for (;;) {
      const bell = Atomics.load(this.words, BELL);
      // In this order: a parcel that is seen may need a message that was sent before it.
      const hasWork = this.#left > 0;
      if (this.#owed) return;
      if (hasWork) this.#next(carryOut, returned);
      else if (!help(this.#isWanted) && !this.#rings(bell) && this.#leaves()) return;
    }
  }

  readonly #isWanted = (): boolean => this.#left > 0 || this.#owed;

  #next(carryOut: (slot: number, records: number) => void, returned: (n: number) => void): void {
    const entry = this.words[RING + (this.#done % SHARED.parcels)];
    carryOut(entry & SLOT_MASK, entry >>> SLOT_BITS);
    const n = this.#done++;
    Atomics.store(this.words, RETURNED, this.#done | 0);
    if (++this.#untold < TOLD_AT_ONCE && this.#left > 1) return;
    this.#untold = 0;
    if (Atomics.exchange(this.words, TOLD, 1) === 0) returned(n);
  }

  /** Waits for the bell. @returns false: it did not ring, or this thread may not wait */
  #rings(bell: number): boolean {
    try {
      return Atomics.wait(this.words, BELL, bell, WAIT_MS) !== 'timed-out';
    } catch {
      return false;
    }
  }

  /** @returns false: something has come meanwhile */
  #leaves(): boolean {
    Atomics.store(this.words, AWAY, 1);
    if (this.#left === 0 && !this.#owed) return true;
    Atomics.store(this.words, AWAY, 0);
    return false;
  }
}
