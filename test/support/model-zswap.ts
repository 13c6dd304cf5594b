/**
 * What a zswap must hold, in which order it must write back, and what it must count: a list in the order of the LRU, and
 * the backing's log, which says what reached the backing and whether it was taken.
 */
import { ZramError, type Backing, type Zswap } from '../../bindings/index.js';
import { sameBytes } from './pages.js';

interface Entry {
  readonly key: number;
  readonly page: Uint8Array;
  referenced: boolean;
}

function fail(message: string): never {
  throw new Error(message);
}

/** A write that the backing was asked for. */
interface Attempt {
  readonly slot: number;
  readonly page: Uint8Array;
  readonly taken: boolean;
}

/** Keeps pages, and fails as often as it is told; the same calls fail each time. */
export class FaultyBacking implements Backing {
  readonly slots: number;
  readonly log: Attempt[] = [];
  readonly #pages = new Map<number, Uint8Array>();
  readonly #failPercent: number;
  #calls = 0;
  failedReads = 0;

  constructor(slots: number, failPercent: number) {
    this.slots = slots;
    this.#failPercent = failPercent;
  }

  #fails(): boolean {
    return (Math.imul(++this.#calls, 0x9e3779b1) >>> 8) % 100 < this.#failPercent;
  }

  read(slot: number, page: Uint8Array): void {
    if (this.#fails()) {
      this.failedReads++;
      throw new Error('a bad sector');
    }
    page.set(this.#pages.get(slot) ?? fail('a slot is read that was not written'));
  }

  write(slot: number, page: Uint8Array): void {
    if (slot < 0 || slot >= this.slots) fail(`slot ${slot} of ${this.slots}`);
    const taken = !this.#fails();
    this.log.push({ slot, page: page.slice(), taken });
    if (!taken) throw new Error('a bad sector');
    this.#pages.set(slot, page.slice());
  }
}

export class ModelZswap {
  readonly zswap: Zswap;
  /** least recently used first */
  readonly #entries: Entry[] = [];
  readonly #writtenBack = new Map<number, Uint8Array>();
  readonly #backing: FaultyBacking;
  /** Slots whose last write failed. */
  readonly #suspect = new Set<number>();
  readonly #exclusive: boolean;
  readonly #limits: { readonly max: number; readonly accept: number };
  readonly #counts = { poolLimitHit: 0, rejectReclaimFail: 0, rejectAllocFail: 0, writtenBackPages: 0 };
  #reachedFull = false;

  constructor(zswap: Zswap, backing: FaultyBacking, limits: { max: number; accept: number }, exclusive: boolean) {
    this.zswap = zswap;
    this.#backing = backing;
    this.#limits = limits;
    this.#exclusive = exclusive;
  }

  get rejected(): number {
    return this.#counts.poolLimitHit + this.#counts.rejectAllocFail;
  }

  get writtenBackPages(): number {
    return this.#counts.writtenBackPages;
  }

  get failedWritebacks(): number {
    return this.#counts.rejectReclaimFail;
  }

  /** Pages that are held in memory. */
  get held(): readonly Uint8Array[] {
    return this.#entries.map(({ page }) => page);
  }

  /** @param totalBytes of the pool before the call */
  store(key: number, page: Uint8Array, totalBytes: number): void {
    const full = this.#isFull(totalBytes);
    if (full) this.#drop(key);
    const stored = this.zswap.store(key, page);
    this.#replayWriteback();
    if (full && stored) fail('a store was accepted while the pool is full');
    if (full) return;
    this.#drop(key);
    if (stored) this.#entries.push({ key, page, referenced: true });
    else this.#counts.rejectAllocFail++;
  }

  #isFull(totalBytes: number): boolean {
    if (totalBytes >= this.#limits.max) {
      this.#counts.poolLimitHit++;
      this.#reachedFull = true;
    } else if (totalBytes <= this.#limits.accept) {
      this.#reachedFull = false;
    }
    return this.#reachedFull;
  }

  load(key: number): void {
    const entry = this.#entries.find((each) => each.key === key);
    const expected = entry?.page ?? this.#writtenBack.get(key);
    const { failedReads } = this.#backing;
    let page: Uint8Array | undefined;
    try {
      page = this.zswap.load(key);
    } catch (error) {
      if (!(error instanceof ZramError) || error.code !== 'EIO') throw error;
      if (entry || this.#backing.failedReads === failedReads) fail(`EIO for key ${key}, which did not fail`);
      return; // it stays where it is
    }
    if ((page === undefined) !== (expected === undefined)) fail(`key ${key} holds ${page ? 'a page' : 'nothing'}`);
    if (page && expected && !sameBytes(page, expected)) fail(`key ${key} reads wrong`);
    if (this.#exclusive) this.#drop(key);
    else if (entry) entry.referenced = true;
  }

  invalidate(key: number): void {
    this.zswap.invalidate(key);
    this.#drop(key);
  }

  shrink(pages: number): void {
    const before = this.#counts.writtenBackPages;
    const written = this.zswap.shrink(pages);
    this.#replayWriteback();
    if (written !== this.#counts.writtenBackPages - before) fail(`shrink says ${written}`);
    if (written < pages && this.#entries.length > 0 && this.zswap.stats().rejectReclaimFail === 0) {
      fail('shrink stopped early, and nothing failed');
    }
  }

  /** Goes through what was written back, or could not be: each must be the least recently used one without a second chance. */
  #replayWriteback(): void {
    const { writtenBackPages, rejectReclaimFail } = this.zswap.stats();
    const { slots } = this.#backing;
    const counts = this.#counts;
    while (counts.writtenBackPages + counts.rejectReclaimFail < writtenBackPages + rejectReclaimFail) {
      const entry = this.#victim();
      const tried = this.#writtenBack.size < slots ? this.#attempt() : undefined;
      if (tried?.page && !sameBytes(tried.page, entry.page))
        fail(`another page than that of key ${entry.key} was written`);
      if (tried?.taken) {
        this.#writtenBack.set(entry.key, entry.page);
        counts.writtenBackPages++;
      } else {
        this.#entries.push(entry);
        counts.rejectReclaimFail++;
      }
    }
    if (this.#backing.log.length > 0) fail(`${this.#backing.log.length} writes to the backing were not counted`);
  }

  /** The next write of a page; without the page where it ended with the zeros that a slot gets after a failure. */
  #attempt(): { page?: Uint8Array; taken: boolean } {
    const { log } = this.#backing;
    let tried = log.shift() ?? fail('a failure that did not happen');
    if (this.#suspect.delete(tried.slot)) {
      if (tried.page.some((byte) => byte !== 0))
        fail(`slot ${tried.slot} has failed and was not written with zeros first`);
      if (!tried.taken) {
        this.#suspect.add(tried.slot);
        return { taken: false };
      }
      const { slot } = tried;
      tried = log.shift() ?? fail('zeros were written, and then no page');
      if (tried.slot !== slot) fail(`zeros were written to slot ${slot}, and the page to slot ${tried.slot}`);
    }
    if (!tried.taken) this.#suspect.add(tried.slot);
    return tried;
  }

  #victim(): Entry {
    for (;;) {
      const entry = this.#entries.shift() ?? fail('nothing is left to write back');
      if (!entry.referenced) return entry;
      entry.referenced = false;
      this.#entries.push(entry);
    }
  }

  #drop(key: number): void {
    const place = this.#entries.findIndex((each) => each.key === key);
    if (place >= 0) this.#entries.splice(place, 1);
    this.#writtenBack.delete(key);
  }

  /** Compares all counters; `incompressible` tells whether a page is stored raw. */
  check(totalBytes: number, incompressible: (page: Uint8Array) => boolean): void {
    const expected = {
      ...this.#counts,
      rejectKmemcacheFail: 0,
      rejectCompressFail: 0,
      rejectCompressPoor: 0,
      decompressFail: 0,
      poolTotalSize: totalBytes,
      storedPages: this.#entries.length,
      storedIncompressiblePages: this.#entries.filter(({ page }) => incompressible(page)).length,
    };
    const stats = this.zswap.stats();
    for (const [name, value] of Object.entries(expected)) {
      const actual = stats[name as keyof typeof stats];
      if (actual !== value) fail(`${name} is ${actual}, and not ${value}`);
    }
  }

  /** Loads every page: that is a use of each. A zswap with exclusive loads is empty then. */
  readAll(): void {
    for (const { key } of [...this.#entries]) this.load(key);
    for (const key of [...this.#writtenBack.keys()]) this.load(key);
  }
}
