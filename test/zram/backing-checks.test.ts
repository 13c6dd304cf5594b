/** Backings that are not to be trusted: what they give back is checked, and a slot whose write failed serves nobody unproved. */
import { afterAll, describe, expect, test } from '@jest/globals';
import { type AsyncBacking, type Backing, type Zram } from '../../bindings/index.js';
import { Random } from '../support/random.js';
import { checkPools, engineOf } from '../support/raw-core.js';
import { rejectionOf } from '../support/errors.js';
import { settled } from '../support/held-backing.js';

const PAGE_SIZE = 4096;
const engine = engineOf('debug');
afterAll(() => {
  checkPools(engine);
  engine.destroy();
});
const random = new Random(13, 'checks');
const noise = () => random.fill(new Uint8Array(PAGE_SIZE));
const same = (a: Uint8Array, b: Uint8Array) => Buffer.compare(a, b) === 0;

type Slots = Map<number, Uint8Array>;

/** A store whose calls can be replaced, synchronous and asynchronous. */
function storeOf(slots: number) {
  const pages: Slots = new Map();
  const log: [what: string, slot: number, zeros: boolean][] = [];
  const store = {
    pages,
    log,
    read: (slot: number, page: Uint8Array): unknown => page.set(pages.get(slot)!),
    write: (slot: number, page: Uint8Array): unknown => void pages.set(slot, Uint8Array.from(page)),
  };
  const write = (slot: number, page: Uint8Array): unknown => {
    log.push(['write', slot, page.every((byte) => byte === 0)]);
    return store.write(slot, page);
  };
  const backing = { slots, read: (slot: number, page: Uint8Array) => store.read(slot, page), write } as Backing;
  const asynchronous: AsyncBacking = {
    asynchronous: true,
    slots,
    async read(slot, page) {
      await store.read(slot, page);
    },
    async write(slot, page) {
      await write(slot, page);
    },
  };
  return { store, backing, asynchronous };
}

const kinds = ['synchronous', 'asynchronous'] as const;

function make(kind: (typeof kinds)[number], count: number, slots: number) {
  const { store, backing, asynchronous } = storeOf(slots);
  const zram = engine.createZram({ disksize: '1M', backing: kind === 'synchronous' ? backing : asynchronous });
  const pages = Array.from({ length: count }, noise);
  pages.forEach((page, index) => zram.writePage(index, page));
  const back = async (from: number, to = from): Promise<unknown> =>
    kind === 'synchronous'
      ? zram.writeback({ pageIndexes: [[from, to]] })
      : zram.writebackAsync({ pageIndexes: [[from, to]] });
  return { store, zram, pages, back };
}

async function expectPages(zram: Zram, pages: readonly Uint8Array[]): Promise<void> {
  for (const [index, page] of pages.entries()) expect(same(await zram.readPagesAsync(index, 1), page)).toBe(true);
  checkPools(engine);
}

describe.each(kinds)('what a backing gives back, %s', (kind) => {
  const wrong: [string, (pages: Slots, slot: number, page: Uint8Array) => unknown][] = [
    ['an older page of the slot', (_, __, page) => page.set(OLD)],
    ['the page of another slot', (pages, slot, page) => page.set(pages.get(slot ^ 1)!)],
    ['zeros', () => undefined],
    ['half of the page', (pages, slot, page) => page.set(pages.get(slot)!.subarray(0, 2048))],
    ['a bit too few', (pages, slot, page) => (page.set(pages.get(slot)!), (page[77] ^= 4))],
    [
      'the page, and then transfers it',
      (pages, slot, page) => {
        page.set(pages.get(slot)!);
        structuredClone(page.buffer, { transfer: [page.buffer as ArrayBuffer] });
      },
    ],
  ];
  const OLD = noise();

  test.each(wrong)('%s: EIO that names page and slot, whatever asks', async (_, read) => {
    const { store, zram, pages, back } = make(kind, 2, 8);
    zram.writePage(0, OLD);
    await back(0);
    zram.writePage(0, pages[0]);
    await back(0);
    await back(1);
    const snapshot = zram.snapshot();
    const { read: right } = store;
    store.read = (slot, page) => read(store.pages, slot, page);
    const out = new Uint8Array(PAGE_SIZE).fill(9);
    const asked: (() => unknown)[] = [
      () => zram.readPagesAsync(0, 1, out),
      () => zram.readAsync(5, 5, out),
      () => zram.writeAsync(5, Uint8Array.of(1)),
      () => snapshot.readAsync(5, 5),
      () => snapshot.diffAsync(engine.createZram({ disksize: '1M' })),
    ];
    const now = [() => zram.readPage(0, out), () => zram.write(1, out.subarray(0, 2))];
    for (const ask of [...asked, ...(kind === 'synchronous' ? now : [])]) {
      const error = await rejectionOf(ask);
      expect(error.code).toBe('EIO');
      expect(error.message).toMatch(/page 0: .* slot \d/);
    }
    expect(out.every((byte) => byte === 9)).toBe(true);
    store.read = right;
    await expectPages(zram, pages);
    for (const one of [zram, snapshot]) one.destroy();
  });

  test('a page that the backing keeps and fills, or changes, later is no page', async () => {
    const { store, zram, pages, back } = make(kind, 2, 8);
    await back(0, 1);
    const { read } = store;
    const kept: Uint8Array[] = [];
    store.read = (slot, page) => (kept.push(page), read(slot, page));
    const written: Uint8Array[] = [];
    const result = await zram.readPagesAsync(0, 2);
    for (const page of kept) page.fill(1);
    expect(same(result, Buffer.concat(pages))).toBe(true);
    store.write = (slot, page) => (written.push(page), void store.pages.set(slot, Uint8Array.from(page)));
    zram.writePage(0, pages[1]);
    await back(0);
    for (const page of written) page.fill(2);
    await expectPages(zram, [pages[1], pages[1]]);
    store.read = (slot, page) => void setImmediate(() => page.set(store.pages.get(slot)!));
    expect((await rejectionOf(() => zram.readPagesAsync(0, 1))).code).toBe('EIO');
    await settled();
    zram.destroy();
  });

  test('what is no answer is EIO, and nothing is left unhandled', async () => {
    const thenables: [string, () => unknown][] = [
      ['throws', () => fail(new Error('no'))],
      ['throws what has no text', () => fail({ toString: () => fail(1), [Symbol.toPrimitive]: 1 })],
      ['a rejection', () => Promise.reject(new Error('no'))],
      ['a then that throws', () => ({ then: () => fail(new Error('no')) })],
      ['a getter that throws', () => Object.defineProperty({}, 'then', { get: () => fail(new Error('no')) })],
    ];
    for (const [, answer] of thenables) {
      const { store, zram, pages, back } = make(kind, 2, 8);
      await back(0);
      const { read, write } = store;
      Object.assign(store, { read: answer, write: answer });
      expect((await rejectionOf(() => zram.readPagesAsync(0, 1))).code).toBe('EIO');
      expect(await rejectionOf(() => back(1))).toMatchObject({ code: 'EIO', pagesDone: 0 });
      Object.assign(store, { read, write });
      await settled();
      await expectPages(zram, pages);
      zram.destroy();
    }
  });
});

function fail(error: unknown): never {
  throw error;
}

describe.each(kinds)('slots whose write failed, %s', (kind) => {
  test('they are used last, and only after a write of zeros succeeded', async () => {
    const { store, zram, pages, back } = make(kind, 4, 4);
    const { write } = store;
    store.write = (slot, page) => (slot === 0 ? fail(new Error('bad')) : write(slot, page));
    expect(await rejectionOf(() => back(0))).toMatchObject({ code: 'EIO', pagesDone: 0 });
    expect(zram.bdStat.bdCount).toBe(0);
    await back(0, 2);
    expect(store.log.map(([, slot]) => slot)).toEqual([0, 1, 2, 3]);
    // There are only slot 0 and its zeros now.
    expect(await rejectionOf(() => back(3))).toMatchObject({ code: 'EIO', pagesDone: 0 });
    expect(store.log.at(-1)).toEqual(['write', 0, true]);
    expect(zram.bdStat.bdCount).toBe(3);
    store.write = write;
    await back(3);
    expect(store.log.slice(-2)).toEqual([
      ['write', 0, true],
      ['write', 0, false],
    ]);
    expect(zram.bdStat.bdCount).toBe(4);
    zram.writePage(4, pages[0]);
    expect(await rejectionOf(() => back(4))).toMatchObject({ code: 'ENOSPC', pagesDone: 0 });
    await expectPages(zram, [...pages, pages[0]]);
    zram.destroy();
  });

  test('no space is told only when there is none: every slot is tried, once a call', async () => {
    const slots = 40;
    const { store, zram, pages, back } = make(kind, slots, slots);
    const { write } = store;
    store.write = () => fail(new Error('gone'));
    while (store.log.length < slots) await rejectionOf(() => back(0, slots - 1));
    const bad = new Set([3, 17, 29]);
    let tried = 0;
    store.write = (slot, page) => {
      if (!bad.has(slot)) return write(slot, page);
      tried++;
      return fail(new Error('bad'));
    };
    const error = await rejectionOf(() => back(0, slots - 1));
    expect(error).toMatchObject({ code: 'EIO', pagesDone: slots - bad.size });
    expect(tried).toBe(bad.size);
    expect(zram.bdStat.bdCount).toBe(slots - bad.size);
    bad.clear();
    await back(0, slots - 1);
    await expectPages(zram, pages);
    zram.destroy();
  });

  test('they are known to snapshots and clones, and forgotten with the last of them', async () => {
    const { store, zram, pages, back } = make(kind, 3, 2);
    const snapshot = zram.snapshot();
    const clone = zram.clone();
    const { write } = store;
    store.write = () => fail(new Error('bad'));
    expect((await rejectionOf(() => back(0))).code).toBe('EIO');
    store.write = write;
    zram.destroy();
    await clone.writebackAsync({ pageIndexes: [0, 1] });
    expect(store.log).toEqual([
      ['write', 0, false],
      ['write', 1, false],
      ['write', 0, true],
      ['write', 0, false],
    ]);
    await expectPages(clone, pages);
    store.write = () => fail(new Error('bad'));
    clone.discard(0, PAGE_SIZE);
    expect((await rejectionOf(() => clone.writebackAsync({ pageIndex: 2 }))).code).toBe('EIO');
    clone.reset();
    snapshot.destroy();
    clone.destroy();
    checkPools(engine);
  });

  test('a device that ends inside a write: its slot is nobody’s before that write is over', async () => {
    const { store, zram, pages, back } = make(kind, 3, 2);
    const clone = zram.clone();
    const { write } = store;
    store.write = (slot, page) => {
      store.write = write;
      zram.destroy();
      return write(slot, page);
    };
    expect((await rejectionOf(() => back(0))).code).toBe('EINVAL');
    await clone.writebackAsync({ pageIndexes: [0, 1] });
    expect(clone.bdStat.bdCount).toBe(2);
    await expectPages(clone, pages);
    clone.destroy();
  });
});

describe.each(['is aborted', 'loses its device'])('a call that %s around the write of zeros', (how) => {
  test.each(Array.from({ length: 16 }, (_, turns) => turns))(
    '%s turns after its answer: the slot stays',
    async (turns) => {
      const { store, zram, pages, back } = make('asynchronous', 2, 1);
      const clone = zram.clone();
      const { write } = store;
      store.write = () => fail(new Error('bad'));
      expect((await rejectionOf(() => back(0))).code).toBe('EIO');
      let answer = (): void => undefined;
      store.write = (slot, page) => new Promise<void>((resolve) => (answer = () => resolve(void write(slot, page))));
      const controller = new AbortController();
      const ended = zram.writebackAsync({ pageIndex: 0, signal: controller.signal }).catch(() => undefined);
      await settled();
      store.write = write;
      answer();
      for (let n = 0; n < turns; n++) await Promise.resolve();
      if (how === 'is aborted') controller.abort();
      else zram.destroy();
      await ended;
      await settled();
      zram.destroy();
      await clone.writebackAsync({ pageIndex: 1 });
      await expectPages(clone, pages);
      clone.destroy();
    },
  );
});

describe('writes of an asynchronous backing that nobody waits for', () => {
  function held(slots: number) {
    const made = make('asynchronous', 4, slots);
    const answers: ((error?: Error) => void)[] = [];
    const { write } = made.store;
    made.store.write = (slot, page) =>
      new Promise<void>((resolve, reject) => {
        answers.push((error) => (error ? reject(error) : resolve(void write(slot, page))));
      });
    const controller = new AbortController();
    const ended = rejectionOf(() => made.zram.writebackAsync({ pageIndex: 0, signal: controller.signal }));
    const end = async (): Promise<void> => {
      controller.abort();
      expect((await ended).code).toBe('ECANCELED');
      made.store.write = write;
    };
    return { ...made, answers, end };
  }

  test.each([
    ['succeeds', undefined, 1],
    ['fails', new Error('bad'), 2],
  ])('the slot serves again when its write is over, and %s', async (_, error, writes) => {
    const { store, zram, pages, answers, end, back } = held(2);
    await end();
    await back(1);
    expect(await rejectionOf(() => back(0))).toMatchObject({ code: 'ENOSPC', pagesDone: 0 });
    expect(store.pages.has(0)).toBe(false);
    expect(zram.bdStat.bdCount).toBe(1);
    answers[0](error);
    await settled();
    store.log.length = 0;
    await back(0);
    expect(store.log).toHaveLength(writes);
    await expectPages(zram, pages);
    zram.destroy();
  });

  test('a late answer replaces no page, whoever is left', async () => {
    const { store, zram, pages, answers, end } = held(2);
    const clone = zram.clone();
    await end();
    zram.destroy();
    await clone.writebackAsync({ pageIndex: 1 });
    answers[0]();
    await settled();
    await clone.writebackAsync({ pageIndex: 2 });
    expect([...store.pages.keys()].sort()).toEqual([0, 1]);
    await expectPages(clone, pages);
    clone.destroy();
  });

  test('the backing is nobody else’s until then', async () => {
    const { store, asynchronous } = storeOf(4);
    let answer = (): void => undefined;
    store.write = () => new Promise<void>((resolve) => (answer = resolve));
    const zram = engine.createZram({ disksize: '1M', backing: asynchronous });
    zram.writePage(0, noise());
    const controller = new AbortController();
    const ended = rejectionOf(() => zram.writebackAsync({ type: 'huge', signal: controller.signal }));
    controller.abort();
    expect((await ended).code).toBe('ECANCELED');
    zram.destroy();
    expect((await rejectionOf(() => engine.createZram({ disksize: '1M', backing: asynchronous }))).code).toBe('EBUSY');
    answer();
    await settled();
    engine.createZram({ disksize: '1M', backing: asynchronous }).destroy();
  });

  test('the write that lands after its slot was proved and used again: EIO, never the wrong page', async () => {
    const { store, zram, back } = make('asynchronous', 2, 1);
    const { write } = store;
    let late = (): unknown => undefined;
    store.write = (slot, page) => {
      const copy = Uint8Array.from(page);
      late = () => write(slot, copy);
      return Promise.reject(new Error('timeout'));
    };
    expect((await rejectionOf(() => back(0))).code).toBe('EIO');
    store.write = write;
    await back(1);
    late();
    expect((await rejectionOf(() => zram.readPagesAsync(1, 1))).code).toBe('EIO');
    zram.destroy();
  });
});

/** Writes that a writeback has in flight at most. */
const IN_FLIGHT = 32;

describe('maxFailures', () => {
  test('writebackAsync ends after so many failures in a row; the rest stays in memory', async () => {
    const { store, zram, pages } = make('asynchronous', 100, 400);
    const { write } = store;
    store.write = () => fail(new Error('gone'));
    for (const [maxFailures, tried] of [
      [undefined, 16],
      [3, 3],
      [Infinity, 100],
    ] as const) {
      store.log.length = 0;
      const error = await rejectionOf(() => zram.writebackAsync({ type: 'huge', maxFailures }));
      expect(error).toMatchObject({ code: 'EIO', pagesDone: 0 });
      // Those that were in flight by then have failed as well.
      expect(store.log.length).toBeGreaterThanOrEqual(tried);
      expect(store.log.length).toBeLessThan(Math.min(tried + IN_FLIGHT, 101));
      if (tried < 100) expect(error.message).toMatch(new RegExp(`after ${tried} failures in a row`));
    }
    let calls = 0;
    store.write = (slot, page) => (calls++ % 3 < 2 ? fail(new Error('gone')) : write(slot, page));
    const error = await rejectionOf(() => zram.writebackAsync({ type: 'huge', maxFailures: 3 }));
    expect(error).toMatchObject({ code: 'EIO', pagesDone: 33 });
    await expectPages(zram, pages);
    zram.destroy();
  });
});

test('a backing’s properties are looked at once, and its functions called with it as this', async () => {
  const looks = new Map<string, number>();
  class Private {
    readonly #pages: Slots = new Map();
    read(slot: number, page: Uint8Array): void {
      page.set(this.#pages.get(slot)!);
    }
    write(slot: number, page: Uint8Array): void {
      this.#pages.set(slot, Uint8Array.from(page));
    }
    slots = 3;
    name = 'mine';
  }
  const backing = new Proxy(new Private(), {
    get(target, property, receiver) {
      if (typeof property === 'string') looks.set(property, (looks.get(property) ?? 0) + 1);
      const value: unknown = Reflect.get(target, property, receiver);
      return typeof value === 'function' ? value.bind(target) : value;
    },
  });
  for (const give of [
    () => engine.createZram({ disksize: '1M', backing }),
    () => {
      const zram = engine.createZram();
      zram.setBacking(backing);
      zram.init('1M');
      return zram;
    },
  ]) {
    looks.clear();
    const zram = give();
    const page = noise();
    zram.writePage(0, page);
    zram.writeback('huge');
    zram.writePage(1, page);
    await zram.writebackAsync('huge');
    expect(same(zram.readPage(0), page)).toBe(true);
    expect(zram.sysfs.read('backing_dev')).toBe('mine\n');
    expect([...looks]).toEqual([...looks.keys()].map((name) => [name, 1]));
    expect([...looks.keys()]).toEqual(expect.arrayContaining(['slots', 'read', 'write', 'asynchronous']));
    expect((await rejectionOf(() => engine.createZram({ disksize: '1M', backing }))).code).toBe('EBUSY');
    zram.destroy();
  }
  const own = new Private();
  const zram = engine.createZram({ disksize: '1M', backing: own });
  own.slots = 0;
  zram.writePage(0, noise());
  zram.writeback('huge');
  zram.destroy();
  const throwing = Object.defineProperty({ read: 1, write: 1 }, 'slots', { get: () => fail(new Error('no')) });
  expect((await rejectionOf(() => engine.createZram({ backing: throwing as any }))).code).toBe('EINVAL');
});
