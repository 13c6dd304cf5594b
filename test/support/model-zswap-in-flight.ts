/**
 * A zswap on an asynchronous backing, beside a Map of what each key holds. Calls overlap, and the backing answers them late, in
 * any order and with errors. A load gives what the key holds when it ends, or says EIO where the backing failed it.
 */
import type { Zswap } from '../../bindings/index.js';
import type { LateBacking } from '../interleavings/late-backing.js';
import { fail } from './model-checks.js';
import { PAGE_SIZE, sameBytes } from './pages.js';
import { Random } from './random.js';

const KEYS = 24;

export type InFlightCalls = Pick<
  Zswap,
  'store' | 'load' | 'loadAsync' | 'invalidate' | 'shrinkAsync' | 'stats' | 'destroy'
>;

export function pageOf(seed: number): Uint8Array {
  const page = new Uint8Array(PAGE_SIZE);
  if (seed % 7 === 0) return page.fill(seed);
  const random = new Random(seed);
  return random.fill(page).fill(0, seed % 7 === 1 ? PAGE_SIZE : 200 + (seed % 5) * 700);
}

export class InFlightModel {
  readonly seen = { loaded: 0, waited: 0, EIO: 0, ECANCELED: 0, EINVAL: 0, EAGAIN: 0, writtenBack: 0 };
  readonly #held = new Map<number, Uint8Array>();
  readonly #calls = new Set<Promise<void>>();
  /** What was wrong in a call that ended by itself. */
  #failure: unknown;
  #ended = false;
  readonly #fails: boolean;

  constructor(
    readonly zswap: InFlightCalls,
    /** undefined: a synchronous one. */
    readonly backing: LateBacking | undefined,
    readonly exclusive: boolean,
    readonly random: Random,
  ) {
    this.#fails = backing !== undefined && backing.failPercent + backing.damagePercent > 0;
  }

  async step(): Promise<void> {
    const { random, backing } = this;
    const key = random.below(KEYS);
    const kind = random.below(20);
    if (kind < 5) this.#store(key);
    else if (kind < 10) this.#begin(this.#loadAsync(key));
    else if (kind < 11) this.#load(key);
    else if (kind < 12) this.#invalidate(key);
    else if (kind < 14) this.#begin(this.#shrinkAsync(random.below(9)));
    else backing?.answerOne();
    await this.settled();
  }

  /** Until nothing happens any more without an answer of the backing. */
  async settled(): Promise<void> {
    for (let turn = 0; turn < 2; turn++) await new Promise((resolve) => setImmediate(resolve));
    if (this.#failure !== undefined) throw this.#failure as Error;
    if (this.backing?.fault !== undefined) fail(this.backing.fault);
  }

  #begin(call: Promise<void>): void {
    const noted = call
      .catch((error: unknown) => {
        this.#failure ??= error;
      })
      .finally(() => this.#calls.delete(noted));
    this.#calls.add(noted);
  }

  #store(key: number): void {
    const page = pageOf(this.random.below(60));
    if (this.zswap.store(key, page)) this.#held.set(key, page);
    else this.#held.delete(key);
  }

  #invalidate(key: number): void {
    this.zswap.invalidate(key);
    this.#held.delete(key);
  }

  #load(key: number): void {
    try {
      this.#check(key, this.zswap.load(key));
    } catch (error) {
      const code = (error as { code?: string }).code;
      if (code !== 'EAGAIN' || !this.#held.has(key)) throw error;
      this.seen.EAGAIN++;
    }
  }

  #check(key: number, page: Uint8Array | undefined): void {
    const expected = this.#held.get(key);
    if ((page === undefined) !== (expected === undefined)) fail(`key ${key} holds ${page ? 'a page' : 'nothing'}`);
    if (!page || !expected) return;
    if (!sameBytes(page, expected)) fail(`key ${key} reads wrong`);
    this.seen.loaded++;
    if (this.exclusive) this.#held.delete(key);
  }

  async #loadAsync(key: number): Promise<void> {
    const controller = this.#abortsSometimes();
    const waiting = this.backing?.waiting;
    const load = this.zswap.loadAsync(key, undefined, { signal: controller?.signal });
    try {
      this.#check(key, await load);
    } catch (error) {
      this.#expected(error, controller !== undefined, true);
    }
    if (waiting !== this.backing?.waiting) this.seen.waited++;
  }

  async #shrinkAsync(pages: number): Promise<void> {
    const controller = this.#abortsSometimes();
    try {
      const written = await this.zswap.shrinkAsync(pages, { signal: controller?.signal });
      if (written > pages) fail(`shrinkAsync(${pages}) wrote ${written}`);
      this.seen.writtenBack += written;
    } catch (error) {
      this.#expected(error, controller !== undefined, false);
    }
  }

  #expected(error: unknown, aborts: boolean, reads: boolean): void {
    const code = (error as { code?: string }).code;
    if (code === 'EIO' && reads && this.#fails) this.seen.EIO++;
    else if (code === 'EINVAL' && this.#ended) this.seen.EINVAL++;
    else if (code === 'ECANCELED' && aborts) this.seen.ECANCELED++;
    else throw error;
  }

  #abortsSometimes(): AbortController | undefined {
    if (!this.random.chance(10)) return undefined;
    const controller = new AbortController();
    if (this.random.chance(50)) setImmediate(() => controller.abort());
    else setTimeout(() => controller.abort(), 2);
    return controller;
  }

  /** The backing answers rightly from now on, until nothing waits. */
  async answerAll(): Promise<void> {
    const { backing } = this;
    if (backing) [backing.failPercent, backing.damagePercent] = [0, 0];
    do {
      backing?.answerAll();
      await this.settled();
    } while (this.#calls.size > 0 || (backing && backing.waiting > 0));
  }

  /** All that was accepted is there; a page whose storage was damaged is EIO, and never wrong. */
  async end(): Promise<void> {
    await this.answerAll();
    for (const [key, page] of this.#held) {
      const load = this.zswap.loadAsync(key);
      let code: string | undefined;
      load.catch((error: unknown) => (code = (error as { code?: string }).code ?? 'none'));
      await this.settled();
      this.backing?.answerAll();
      await this.settled();
      if (code !== undefined) {
        if (code !== 'EIO' || !this.backing?.damaged) fail(`key ${key} is lost: ${code}`);
        continue;
      }
      const read = (await load) ?? fail(`key ${key} is lost`);
      if (!sameBytes(read, page)) fail(`key ${key} reads wrong at the end`);
    }
    for (let key = 0; key < KEYS; key++) this.#invalidate(key);
    await this.answerAll();
    const { storedPages, storedIncompressiblePages, poolTotalSize } = this.zswap.stats();
    if (storedPages + storedIncompressiblePages + poolTotalSize !== 0) fail('something is left');
  }

  /** The zswap is destroyed whatever is under way: calls end with EINVAL. */
  async destroy(): Promise<void> {
    this.#ended = true;
    this.zswap.destroy();
    await this.settled();
    if (this.#calls.size > 0) fail(`${this.#calls.size} calls wait for ever`);
  }

  /** Nothing is in memory, on the backing or on its way: all slots can be written. */
  async fill(slots: number): Promise<void> {
    const noise = (key: number): Uint8Array => new Random(key + 1000).fill(new Uint8Array(PAGE_SIZE));
    for (let key = 0; key < slots; key++) {
      if (!this.zswap.store(key, noise(key))) fail('a store is refused');
      const shrink = this.zswap.shrinkAsync(1);
      let done: number | undefined;
      void shrink.then((written) => (done = written));
      while (done === undefined) {
        await this.settled();
        this.backing?.answerAll();
      }
      if (done !== 1) fail(`${slots - key} slots are lost`);
    }
  }
}
