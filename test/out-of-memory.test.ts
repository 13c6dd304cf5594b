/**
 * maxMemory reached at any allocation: the same calls in an engine that has 0, 1, 2 … free frames left. Whichever
 * allocation is the one that fails, the call is ENOMEM (a store of zswap: false), what was stored is still there, the
 * invariants hold, and in the end everything is given back.
 */
import { describe, expect, test } from '@jest/globals';
import { Engine, type Handle, type Zram, type ZsPool } from '../bindings/index.js';
import { hasMemory, leaveFrames } from './support/full-memory.js';
import { Random } from './support/random.js';
import { BUILDS, checkPools, engineOf } from './support/raw-core.js';

const PAGE_SIZE = 4096;
/** Fewer than all the calls need. */
const FRAMES_MIN = 30;

/** Pages that compress to objects of many sizes, huge ones and a same-filled one among them. */
function pages(): Uint8Array[] {
  const random = new Random(8, 'out of memory');
  const page = (bytes: number): Uint8Array => random.fill(new Uint8Array(PAGE_SIZE)).fill(0, bytes);
  return [new Uint8Array(PAGE_SIZE).fill(3), ...[10, 300, 1000, 2000, 3000, PAGE_SIZE, PAGE_SIZE].map(page)];
}

/** Not by expect(), which takes far longer than what it would look at. */
function checkSame(bytes: Uint8Array | undefined, expected: Uint8Array | undefined, what: string): void {
  const same = bytes && expected ? Buffer.compare(bytes, expected) === 0 : bytes === expected;
  if (!same) throw new Error(`${what} is not what was stored`);
}

class Run {
  readonly #random = new Random(8, 'which page');
  refused = 0;

  constructor(
    readonly engine: Engine,
    readonly dedup: boolean,
    readonly contents: readonly Uint8Array[],
  ) {}

  /** Runs a call, counts a refusal, and tests the invariants whichever it was. */
  #try(call: () => unknown): boolean {
    const done = hasMemory(call);
    if (!done) this.refused++;
    checkPools(this.engine);
    return done;
  }

  #content(): Uint8Array {
    return this.#random.pick(this.contents);
  }

  device(zram: Zram, far: number): void {
    const model = new Map<number, Uint8Array>();
    const check = (): void => {
      for (const [index, page] of model) checkSame(zram.readPage(index), page, `page ${index}`);
    };
    const write = (index: number, page: Uint8Array): void => {
      if (this.#try(() => zram.writePage(index, page))) model.set(index, page);
    };
    for (let index = 0; index < 24; index++) write((index % 2) * far + index, this.#content());
    this.#try(() => zram.merge());
    check();
    for (let index = 0; index < 24; index += 2) write(index, this.#content()); // of what is shared, too
    this.#try(() => zram.merge({ maxObjects: 5 }));
    check();
    zram.discard(0, 6 * PAGE_SIZE);
    for (let index = 0; index < 6; index++) model.delete(index);
    zram.compact();
    check();
  }

  objects(pool: ZsPool): void {
    const model = new Map<Handle, Uint8Array>();
    const check = (): void => {
      for (const [handle, bytes] of model) checkSame(pool.read(handle), bytes, `object ${handle}`);
    };
    for (let n = 0; n < 30; n++) {
      const bytes = this.#content().slice(0, 1000);
      this.#try(() => model.set(pool.store(bytes), bytes));
      this.#try(() => model.set(pool.malloc(500), new Uint8Array(500)));
    }
    this.#try(() => pool.merge());
    check();
    for (const [handle, bytes] of model) {
      const patched = Uint8Array.from(bytes).fill(9, 100, 103);
      if (this.#try(() => pool.write(handle, patched.subarray(100, 103), 100))) model.set(handle, patched);
    }
    check();
    const ksmd = pool.createKsmd();
    ksmd.scan();
    this.#try(() => ksmd.unmerge());
    check();
    for (const handle of model.keys()) {
      pool.retain(handle);
      pool.free(handle);
      pool.free(handle);
    }
    expect(pool.stats()).toMatchObject({ handles: 0, objects: 0 });
  }

  swap(zswap: ReturnType<Engine['createZswap']>): void {
    const model = new Map<number, Uint8Array>();
    for (let key = 0; key < 30; key++) {
      const page = this.#content();
      if (zswap.store(key % 20, page)) model.set(key % 20, page);
      else {
        model.delete(key % 20);
        this.refused++;
      }
      checkPools(this.engine);
    }
    for (let key = 0; key < 20; key++) checkSame(zswap.load(key), model.get(key), `key ${key}`);
  }

  all(): void {
    const { engine, dedup } = this;
    this.#with(
      () => engine.createPool({ dedup }),
      (pool) => this.objects(pool),
    );
    // Its slots in two chunks of the table, of which the second may find no room.
    this.#with(
      () => engine.createZram({ disksize: '1G', dedup }),
      (zram) => this.device(zram, 100_000),
    );
    this.#with(
      () => engine.createPool({ shrinker: true }),
      (pool) => {
        this.#with(
          () => engine.createZram({ disksize: '1T', dedup, pool }),
          (zram) => this.device(zram, 200_000_000),
        );
        this.#with(
          () => engine.createZswap({ pool, maxPoolPercent: 100 }),
          (zswap) => this.swap(zswap),
        );
      },
    );
  }

  /** What cannot even be made is not tried. */
  #with<T extends { destroy(): void }>(make: () => T, use: (made: T) => void): void {
    let made: T | undefined;
    this.#try(() => (made = make()));
    if (made) use(made);
    made?.destroy();
    checkPools(this.engine);
  }
}

describe.each(BUILDS)('no memory at any allocation, %s build', (build) => {
  test.each([false, true])('dedup: %s', (dedup) => {
    const contents = pages();
    let frames = 0;
    for (let refused = Infinity; refused > 0; frames++) {
      const engine = engineOf(build, { maxMemory: '1M' });
      const { used } = engine.memory;
      const ballast = leaveFrames(engine, frames);
      const held = engine.memory.used;
      const run = new Run(engine, dedup, contents);
      run.all();
      expect(engine.memory.used).toBe(held);
      ballast.destroy();
      expect(engine.memory.used).toBe(used);
      engine.destroy();
      ({ refused } = run);
    }
    // A round for each frame that all the calls need, and one in which nothing is refused.

    expect(frames).toBeGreaterThan(FRAMES_MIN);
  });
});

describe.each(BUILDS)('no memory for the cells of a value, %s build', (build) => {
  /** Bytes of one 64-bit value, which takes three cells; or one that repeats 32 bits, which takes one. */
  const filled = (low: number, high: number): Uint8Array =>
    new Uint8Array(Uint32Array.from({ length: 16 }, (_, n) => (n % 2 ? high : low)).buffer);

  /** Stores until there is no memory. @returns how many */
  const fill = (pool: ZsPool, bytes: Uint8Array): number => {
    let stored = 0;
    while (hasMemory(() => pool.store(bytes))) stored++;
    return stored;
  };

  test('whichever of the three is the one that fails, the others are free again', () => {
    const cells = [0, 1, 2].map((narrow) => {
      using engine = engineOf(build, { maxMemory: '1M' });
      const pool = engine.createPool();
      fill(pool, new Random(8, 'ballast').fill(new Uint8Array(PAGE_SIZE)));
      const { handles } = pool.stats();
      for (let n = 0; n < narrow; n++) pool.store(filled(1, 1));
      const wide = fill(pool, filled(1, 2));
      expect(wide).toBeGreaterThan(10);
      checkPools(engine);
      const rest = fill(pool, filled(1, 1));
      checkPools(engine);
      expect(pool.stats().handles).toBe(handles + narrow + wide + rest);
      return narrow + 3 * wide + rest;
    });
    expect(cells[1]).toBe(cells[0]);
    expect(cells[2]).toBe(cells[0]);
  });
});
