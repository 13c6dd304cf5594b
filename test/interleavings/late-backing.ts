/**
 * A backing that answers when it is told to: late, out of order, with an error, in part, with an older page, or by writing
 * after it has said that it failed. It notices a page that changes while it is being written.
 */
import { PAGE_SIZE } from '../../bindings/base/arguments.js';
import type { AsyncBacking } from '../../bindings/index.js';
import type { Random } from '../support/random.js';

type Manner = 'right' | 'error' | 'part' | 'late';

export class LateBacking implements AsyncBacking {
  readonly asynchronous = true;
  /** Of a hundred answers so many are errors, or read a part of the page only: the storage stays right. */
  failPercent = 0;
  /** Of a hundred answers so many leave something wrong in the storage. */
  damagePercent = 0;
  /** What the storage holds is no longer what it was told to hold: pages may be lost, and never wrong. */
  damaged = false;
  /** What no backing may see happen. */
  fault: string | undefined;
  readonly #random: Random;
  readonly #held = new Map<number, Uint8Array>();
  readonly #older = new Map<number, Uint8Array>();
  readonly #waiting: ((manner: Manner) => void)[] = [];
  readonly #writing = new Set<number>();
  readonly #laterWrites: (() => void)[] = [];

  constructor(
    readonly slots: number,
    random: Random,
  ) {
    this.#random = random;
  }

  /** Of a backing that wants to know which slots hold nothing. */
  discard?: (slots: readonly number[]) => void;

  /** What it is told that nobody needs is gone at once. */
  wantDiscards(): void {
    this.discard = (slots) => {
      for (const slot of slots) {
        if (!this.#held.has(slot)) this.fault ??= `slot ${slot} is discarded, and was never written`;
        this.#held.set(slot, new Uint8Array(PAGE_SIZE).fill(0xcc));
        this.#older.delete(slot);
      }
    };
  }

  get waiting(): number {
    return this.#waiting.length;
  }

  get writesWaiting(): number {
    return this.#writing.size;
  }

  read(slot: number, page: Uint8Array): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#waiting.push((manner) => {
        const held = this.#held.get(slot);
        if (manner === 'error' || manner === 'late' || !held) {
          reject(new Error(`slot ${slot} was told to fail`));
          return;
        }
        page.set(held.subarray(0, manner === 'part' ? page.length / 2 : page.length));
        resolve();
      });
    });
  }

  write(slot: number, page: Uint8Array): Promise<void> {
    if (this.#writing.has(slot)) this.fault ??= `slot ${slot} is written twice at the same time`;
    this.#writing.add(slot);
    const given = Uint8Array.from(page);
    return new Promise((resolve, reject) => {
      this.#waiting.push((manner) => {
        this.#writing.delete(slot);
        if (Buffer.compare(page, given) !== 0) this.fault ??= 'a page changed while it was being written';
        const before = this.#held.get(slot);
        if (before) this.#older.set(slot, before);
        const store = () => this.#held.set(slot, given);
        if (manner === 'right') {
          store();
          resolve();
        } else if (manner === 'part') {
          this.#held.set(slot, Uint8Array.from(given).fill(0xee, given.length / 4));
          this.damaged = true;
          resolve();
        } else {
          if (manner === 'late') {
            this.#laterWrites.push(store);
            this.damaged = true;
          } else this.#held.set(slot, new Uint8Array(PAGE_SIZE).fill(0xdd));
          reject(new Error(`slot ${slot} was told to fail`));
        }
      });
    });
  }

  /** One of the calls that wait is answered. */
  answerOne(): void {
    const at = this.#random.below(this.#waiting.length);
    const [answer] = this.#waiting.splice(at, 1);
    answer?.(this.#manner());
    if (this.#random.chance(this.damagePercent)) this.#damage();
  }

  /** All that wait are answered rightly, in any order. */
  answerAll(): void {
    while (this.#waiting.length > 0) {
      const [answer] = this.#waiting.splice(this.#random.below(this.#waiting.length), 1);
      answer('right');
    }
  }

  #manner(): Manner {
    if (this.#random.chance(this.damagePercent)) return this.#random.pick(['late', 'error', 'part'] as const);
    return this.#random.chance(this.failPercent) ? 'error' : 'right';
  }

  /** A write that comes late, or a slot as it was before. */
  #damage(): void {
    const late = this.#laterWrites.shift();
    if (late) late();
    else {
      for (const [slot, page] of this.#older) {
        this.#held.set(slot, page);
        this.damaged = true;
        this.#older.delete(slot);
        return;
      }
    }
  }
}

/** The same with batches, of pages or of objects: of a batch, some may be right and others fail, each in its time. */
export class LateBatchBacking extends LateBacking {
  readonly batchSize = 3;
  /** What it was given is noticed if it changes before the answer, and not looked at afterwards. */
  readonly keepsArrays: boolean;

  constructor(
    slots: number,
    random: Random,
    readonly objects: boolean,
  ) {
    super(slots, random);
    this.keepsArrays = !objects;
  }

  readMany(slots: readonly number[], pages: readonly Uint8Array[]): Promise<unknown> {
    return this.#each(slots, pages, (slot, page) => this.read(slot, page));
  }

  writeMany(slots: readonly number[], pages: readonly Uint8Array[]): Promise<unknown> {
    return this.#each(slots, pages, (slot, page) => this.write(slot, page));
  }

  async #each(
    slots: readonly number[],
    pages: readonly Uint8Array[],
    transfer: (slot: number, page: Uint8Array) => Promise<void>,
  ): Promise<unknown> {
    if (slots.length > this.batchSize) this.fault ??= `a batch of ${slots.length}`;
    if (slots.length !== pages.length) this.fault ??= 'a batch has more slots than pages';
    if (!this.objects && pages.some(({ length }) => length !== PAGE_SIZE)) this.fault ??= 'a page is no page';
    const results = await Promise.allSettled(slots.map((slot, n) => transfer(slot, pages[n])));
    if (results.every(({ status }) => status === 'fulfilled')) return undefined;
    return results.map((result) => (result.status === 'rejected' ? (result.reason as unknown) : undefined));
  }
}
