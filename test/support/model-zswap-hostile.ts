/**
 * An obviously right zswap, a list in the order of the LRU, beside the real one on a backing that does whatever it wants, and
 * calls back. A page that was accepted is read back, or the read says EIO and the backing had failed it.
 */
import fc from 'fast-check';
import { ZramError, type Zswap } from '../../bindings/index.js';
import { HostileBacking, MISDEEDS, type Misdeed } from './hostile-backing.js';
import { equal, fail } from './model-checks.js';
import { PAGE_SIZE, sameBytes } from './pages.js';
import { Random } from './random.js';

const KEYS = [0, 1, 2, 3, 5, 8, 256, 2 ** 31, 2 ** 32, 2 ** 32 + 1, 2 ** 53 - 1] as const;

type Step =
  | { kind: 'store'; key: number; seed: number }
  | { kind: 'load' | 'invalidate'; key: number }
  | { kind: 'shrink'; pages: number };

export type ZswapCalls = Pick<Zswap, 'store' | 'load' | 'invalidate' | 'shrink' | 'stats'>;

export interface ZswapOperation {
  readonly step: Step;
  /** What the backing does in the calls that follow, and what it calls back with. */
  readonly calls: readonly { readonly misdeed: Misdeed | undefined; readonly step: Step | undefined }[];
  readonly settles: boolean;
}

const key = fc.constantFrom(...KEYS);
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 5, arbitrary: fc.record({ kind: fc.constant('store' as const), key, seed: fc.nat(30) }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('load' as const), key }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('invalidate' as const), key }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('shrink' as const), pages: fc.nat(4) }) },
);
const sometimes = <T>(arbitrary: fc.Arbitrary<T>): fc.Arbitrary<T | undefined> =>
  fc.oneof({ weight: 3, arbitrary: fc.constant(undefined) }, { weight: 1, arbitrary });

export const zswapOperation: fc.Arbitrary<ZswapOperation> = fc.record({
  step,
  calls: fc.array(fc.record({ misdeed: sometimes(fc.constantFrom(...MISDEEDS)), step: sometimes(step) }), {
    maxLength: 4,
  }),
  settles: fc.boolean(),
});

interface Entry {
  readonly key: number;
  readonly page: Uint8Array;
  referenced: boolean;
}

function pageOf(seed: number): Uint8Array {
  const page = new Uint8Array(PAGE_SIZE);
  if (seed < 2) return page.fill(seed);
  const random = new Random(seed);
  return seed % 5 === 0 ? random.fill(page) : random.fill(page).fill(0, 1000);
}

export class HostileModel {
  /** How often the real one said EIO, and a writeback failed. */
  failures = 0;
  writtenBackPages = 0;
  rejectReclaimFail = 0;
  readonly #zswap: ZswapCalls;
  readonly #backing: HostileBacking;
  readonly #exclusive: boolean;
  /** Least recently used first. */
  readonly #memory: Entry[] = [];
  readonly #writtenBack = new Map<number, Entry>();
  #writing: Entry | undefined;
  /** The key of a store that is under way and has not found the pool full yet. */
  #storing: number | undefined;
  /** What was wrong inside a call of the backing, where nobody would hear of it. */
  #failure: unknown;
  #calls: ZswapOperation['calls'][number][] = [];

  /** @param backing with more slots than are ever needed: each try to write back then gets to it */
  constructor(zswap: ZswapCalls, backing: HostileBacking, exclusive: boolean) {
    this.#zswap = zswap;
    this.#backing = backing;
    this.#exclusive = exclusive;
    backing.onWrite = (page) => this.#noting(() => this.#onWrite(page));
    backing.next = () => {
      const { misdeed, step: nested } = this.#calls.shift() ?? {};
      return { misdeed, before: nested && (() => this.#noting(() => this.#run(nested))) };
    };
  }

  #noting(run: () => void): void {
    try {
      run();
    } catch (error) {
      this.#failure ??= error;
      throw error;
    }
  }

  run({ step: outer, calls, settles }: ZswapOperation): void {
    this.#calls = [...calls];
    this.#run(outer);
    this.#calls = [];
    if (this.#failure !== undefined) throw this.#failure as Error;
    if (settles) this.#backing.settle();
    this.#check();
  }

  /** The storage is what it should be from here on: what was accepted is all there. */
  end(): void {
    this.#backing.settle();
    for (const entry of [...this.#memory, ...this.#writtenBack.values()]) {
      const page = this.#zswap.load(entry.key) ?? fail(`key ${entry.key} is lost`);
      if (!sameBytes(page, entry.page)) fail(`key ${entry.key} reads wrong at the end`);
    }
  }

  #run(nested: Step): void {
    if (nested.kind === 'store') this.#store(nested.key, pageOf(nested.seed));
    else if (nested.kind === 'load') this.#load(nested.key);
    else if (nested.kind === 'shrink') this.#shrink(nested.pages);
    else {
      this.#zswap.invalidate(nested.key);
      this.#drop(nested.key);
    }
  }

  #find(wanted: number): Entry | undefined {
    return this.#memory.find((each) => each.key === wanted) ?? this.#writtenBack.get(wanted);
  }

  #drop(wanted: number): void {
    const at = this.#memory.findIndex((each) => each.key === wanted);
    if (at >= 0) this.#memory.splice(at, 1);
    this.#writtenBack.delete(wanted);
  }

  #store(wanted: number, page: Uint8Array): void {
    if (this.#writing) {
      // Called back: this one writes nothing.
      const stored = this.#zswap.store(wanted, page);
      this.#drop(wanted);
      if (stored) this.#memory.push({ key: wanted, page, referenced: true });
      return;
    }
    this.#storing = wanted;
    const stored = this.#zswap.store(wanted, page);
    this.#written();
    if (stored && this.#storing === undefined) fail('a page was written back, and the store accepted: it was not full');
    if (this.#storing !== undefined) this.#drop(wanted);
    this.#storing = undefined;
    if (stored) this.#memory.push({ key: wanted, page, referenced: true });
  }

  #load(wanted: number): void {
    const entry = this.#find(wanted);
    const wasInMemory = entry !== undefined && this.#memory.includes(entry);
    let page: Uint8Array | undefined;
    try {
      page = this.#zswap.load(wanted);
    } catch (error) {
      if (!(error instanceof ZramError) || error.code !== 'EIO') throw error;
      if (!entry || wasInMemory || this.#backing.delivered(entry.page))
        fail(`EIO for key ${wanted}, which did not fail`);
      if (!error.message.includes(`key ${wanted}:`)) fail(`no key in '${error.message}'`);
      this.failures++;
      return;
    }
    if ((page === undefined) !== (entry === undefined)) fail(`key ${wanted} holds ${page ? 'a page' : 'nothing'}`);
    if (!page || !entry) return;
    if (!sameBytes(page, entry.page)) fail(`key ${wanted} reads wrong`);
    if (this.#find(wanted) !== entry) return; // stored anew by the backing
    if (this.#exclusive) this.#drop(wanted);
    else entry.referenced = true;
  }

  #shrink(pages: number): void {
    const nested = this.#writing !== undefined;
    const before = this.writtenBackPages;
    const written = this.#zswap.shrink(pages);
    this.#written();
    if (nested && written !== 0) fail('a page was written back while another was');
    if (!nested) equal(written, this.writtenBackPages - before, 'pages that shrink says it wrote');
  }

  /** The real one is writing: what was tried before it is over, and this must be what is due. */
  #onWrite(page: Uint8Array): void {
    this.#written();
    // A store that finds the pool full drops what its key held, and then writes others back.
    if (this.#storing !== undefined) this.#drop(this.#storing);
    this.#storing = undefined;
    for (let looks = 2 * this.#memory.length; looks > 0 && this.#memory[0]?.referenced; looks--) {
      const first = this.#memory.shift() as Entry;
      first.referenced = false;
      this.#memory.push(first);
    }
    const due = this.#memory.shift() ?? fail('a page is written, and there is none');
    if (!sameBytes(due.page, page)) fail(`another page than that of key ${due.key} is written`);
    this.#memory.push(due);
    this.#writing = due;
  }

  /** What became of the last write: the counters say it. */
  #written(): void {
    const entry = this.#writing;
    const stats = this.#zswap.stats();
    if (!entry || stats.writtenBackPages + stats.rejectReclaimFail === this.writtenBackPages + this.rejectReclaimFail)
      return;
    this.#writing = undefined;
    if (stats.writtenBackPages > this.writtenBackPages) {
      if (!this.#memory.includes(entry)) fail(`the page of key ${entry.key} was written back after it was stored anew`);
      this.#memory.splice(this.#memory.indexOf(entry), 1);
      this.#writtenBack.set(entry.key, entry);
      this.writtenBackPages++;
    } else {
      this.rejectReclaimFail++;
    }
  }

  #check(): void {
    this.#written();
    const { writtenBackPages, rejectReclaimFail, storedPages } = this.#zswap.stats();
    equal(writtenBackPages, this.writtenBackPages, 'writtenBackPages');
    equal(rejectReclaimFail, this.rejectReclaimFail, 'rejectReclaimFail');
    equal(storedPages, this.#memory.length, 'storedPages');
  }
}

/** A zswap with a fault, which the model must find: by what the fault is. */
export const PLANTED: Record<string, (zswap: Zswap) => Partial<ZswapCalls>> = {
  'a store in ten is lost': (zswap) => {
    let stores = 0;
    return { store: (at, page) => (++stores % 10 === 0 ? (zswap.invalidate(at), true) : zswap.store(at, page)) };
  },
  'the order of the LRU is wrong': (zswap) => ({
    store(at, page) {
      const stored = zswap.store(at, page);
      zswap.load(KEYS[0]);
      return stored;
    },
  }),
  'a page that was stored before is read': (zswap) => {
    const first = new Map<number, Uint8Array>();
    return {
      store(at, page) {
        if (!first.has(at)) first.set(at, page);
        return zswap.store(at, page);
      },
      load: (at) => zswap.load(at) && first.get(at),
    };
  },
  'what the backing gives is believed': (zswap) => ({
    load(at) {
      try {
        return zswap.load(at);
      } catch {
        return new Uint8Array(PAGE_SIZE);
      }
    },
  }),
  'a page that cannot be read is forgotten': (zswap) => ({
    load(at) {
      try {
        return zswap.load(at);
      } catch (error) {
        zswap.invalidate(at);
        throw error;
      }
    },
  }),
};

/** The calls of a zswap, with those of a fault in their place. */
export function withFault(zswap: Zswap, fault: Partial<ZswapCalls>): ZswapCalls {
  return {
    store: (at, page) => zswap.store(at, page),
    load: (at) => zswap.load(at),
    invalidate: (at) => zswap.invalidate(at),
    shrink: (pages) => zswap.shrink(pages),
    stats: () => zswap.stats(),
    ...fault,
  };
}
