/** Writeback: which pages go, what stays when it fails, reading back, and what the counters say. */
import { afterAll, describe, expect, test } from '@jest/globals';
import { ZramError, type AsyncBacking, type Backing, type Zram } from '../../bindings/index.js';
import { FlakyAsyncBacking, FlakyBacking } from '../support/flaky-backing.js';
import { Random } from '../support/random.js';
import { checkPools, engineOf } from '../support/raw-core.js';
import { ToyCompressor } from '../support/toy-compressor.js';
import { errorOf } from '../support/errors.js';

const PAGE_SIZE = 4096;
const toy = new ToyCompressor();
const engine = engineOf('debug', { compressors: [toy] });
afterAll(() => engine.destroy());
const random = new Random(11);
const noise = () => random.fill(new Uint8Array(PAGE_SIZE));
/** A page that compresses to some `length` bytes. */
const part = (length: number) => noise().map((byte, n) => (n < length ? byte : 0));

interface Made {
  zram: Zram;
  backing: FlakyBacking;
  pages: Uint8Array[];
}

function make(pages: Uint8Array[], { slots = 64, ...options }: { slots?: number; [name: string]: unknown } = {}): Made {
  const backing = new FlakyBacking(slots);
  const zram = engine.createZram({ disksize: '1M', backing, ...options });
  pages.forEach((page, index) => zram.writePage(index, page));
  return { zram, backing, pages };
}

async function codeOf(promise: Promise<unknown>): Promise<unknown> {
  return promise.then(
    () => undefined,
    (error: unknown) => (error instanceof ZramError ? error.code : error),
  );
}

function expectPages({ zram, pages }: { zram: Zram; pages: readonly Uint8Array[] }): void {
  for (const [index, page] of pages.entries()) expect(zram.readPage(index)).toEqual(page);
  checkPools(engine);
}

test('a page on the backing: states and counters of the kernel', () => {
  const made = make([noise(), part(1000), new Uint8Array(PAGE_SIZE).fill(7), part(500)]);
  const { zram } = made;
  zram.idle();
  const before = zram.mmStat;
  expect(zram.writeback({ pageIndexes: [[0, 2]] }).pagesWritten).toBe(2);
  expect(zram.bdStat).toEqual({ bdCount: 2, bdReads: 0, bdWrites: 2 });
  expect(zram.sysfs.read('bd_stat')).toBe('       2        0        2\n');
  const sizes = before.comprDataSize - zram.mmStat.comprDataSize;
  expect(sizes).toBeGreaterThan(PAGE_SIZE + 1000);
  expect(zram.mmStat).toMatchObject({
    origDataSize: before.origDataSize,
    hugePages: 0,
    hugePagesSince: 1,
    samePages: 1,
  });
  expect(zram.blockState(0)).toEqual({
    ...{ same: false, writtenBack: true, huge: false, idle: false, recompressed: false, incompressible: false },
    ...{ merged: false, comprSize: 0 },
  });
  expectPages(made);
  expect(zram.blockState(0)?.writtenBack).toBe(true); // reading leaves it there
  expect(zram.bdStat).toEqual({ bdCount: 2, bdReads: 2, bdWrites: 2 });
  zram.writePage(0, made.pages[3]);
  zram.discard(PAGE_SIZE, PAGE_SIZE);
  expect(zram.bdStat.bdCount).toBe(0);
  expect(zram.readPage(1)).toEqual(new Uint8Array(PAGE_SIZE));
  zram.destroy();
});

test('which pages: idle, huge, both, incompressible, by number', () => {
  const pages = () => [noise(), part(1000), noise(), part(2000)];
  const marked = (): Zram => {
    const { zram } = make(pages(), { recompAlgorithms: ['toy'] });
    zram.idle();
    zram.readPage(2);
    zram.readPage(3);
    return zram;
  };
  const written = (zram: Zram) => [0, 1, 2, 3].filter((index) => zram.blockState(index)?.writtenBack);
  const after = (options: Parameters<Zram['writeback']>[0]) => {
    const zram = marked();
    zram.writeback(options);
    return written(zram);
  };
  expect(after('idle')).toEqual([0, 1]);
  expect(after({ type: 'idle' })).toEqual([0, 1]);
  expect(after('huge')).toEqual([0, 2]);
  expect(after('type=huge_idle')).toEqual([0]);
  expect(after('incompressible')).toEqual([]);
  expect(after('page_index=1')).toEqual([1]);
  expect(after('page_indexes=1-2 page_indexes=3-3\n')).toEqual([1, 2, 3]);
  expect(after({ pageIndexes: [0, 0, [0, 1]] })).toEqual([0, 1]);
  const zram = marked();
  zram.recompress({ type: 'huge' });
  zram.writeback({ type: 'incompressible' });
  expect(written(zram)).toEqual([0, 2]);
});

test('pages that share an object go to one block', () => {
  const [shared, other] = [noise(), part(2000)];
  const made = make([shared, other, shared, shared]);
  const { zram } = made;
  zram.merge();
  expect(zram.writeback({ pageIndexes: [[0, 3]] }).pagesWritten).toBe(4);
  expect(zram.bdStat).toEqual({ bdCount: 2, bdReads: 0, bdWrites: 2 });
  expect(zram.mmStat).toMatchObject({ memUsedTotal: 0, comprDataSize: 0, pagesMerged: 0 });
  zram.writePage(2, other);
  expectPages({ zram, pages: [shared, other, other, shared] });
  zram.discard(0, 1024 * 1024);
  expect(zram.bdStat.bdCount).toBe(0);
  zram.destroy();
});

test('the largest are written first, and writeback_limit counts pages', () => {
  const made = make([part(1000), noise(), part(3000)]);
  const { zram } = made;
  zram.sysfs.write('writeback_limit', '2');
  zram.writeback('page_index=0'); // not enabled: it does not count
  expect(zram.sysfs.read('writeback_limit')).toBe('2\n');
  zram.writePage(0, made.pages[0]);
  zram.sysfs.write('writeback_limit_enable', '1');
  const error = errorOf(() => zram.writeback({ pageIndexes: [[0, 2]] }));
  expect(error).toMatchObject({ code: 'EIO', pagesDone: 2 });
  expect([0, 1, 2].map((index) => zram.blockState(index)?.writtenBack)).toEqual([false, true, true]);
  expect(zram.sysfs.read('writeback_limit')).toBe('0\n');
  expect(errorOf(() => zram.writeback('page_index=0'))).toMatchObject({ code: 'EIO', pagesDone: 0 });
  expectPages(made);
  zram.reset();
  expect(zram.sysfs.read('writeback_limit_enable')).toBe('0\n');
});

test('a backing that is full: ENOSPC, the others stay; freed blocks are used again', () => {
  const made = make([noise(), noise(), noise(), noise()], { slots: 2 });
  const { zram } = made;
  expect(errorOf(() => zram.writeback('huge'))).toMatchObject({ code: 'ENOSPC', pagesDone: 2 });
  expect(zram.bdStat.bdCount).toBe(2);
  expectPages(made);
  zram.discard(0, 4 * PAGE_SIZE);
  for (const [index, page] of made.pages.entries()) zram.writePage(index, page);
  expect(errorOf(() => zram.writeback('huge'))).toMatchObject({ code: 'ENOSPC', pagesDone: 2 });
  expectPages(made);
});

test('a write that fails leaves its page in memory, and the others are tried; EIO at the end', () => {
  const made = make(Array.from({ length: 40 }, noise));
  const { zram, backing } = made;
  backing.failPercent = 50;
  const error = errorOf(() => zram.writeback('huge'));
  expect(error.code).toBe('EIO');
  expect(error.pagesDone).toBe(zram.bdStat.bdCount);
  expect(zram.bdStat.bdCount).toBeGreaterThan(5);
  expect(zram.bdStat.bdCount).toBeLessThan(35);
  backing.failPercent = 0;
  expectPages(made);
  backing.failPercent = 100;
  const index = made.pages.findIndex((_, n) => zram.blockState(n)?.writtenBack);
  expect(errorOf(() => zram.readPage(index)).code).toBe('EIO');
  expect(errorOf(() => zram.write(index * PAGE_SIZE + 5, new Uint8Array(3))).code).toBe('EIO');
  expect(zram.ioStat.failedReads).toBe(2);
  backing.failPercent = 0;
  expectPages(made);
  zram.destroy();
});

test.each<[string, (zram: Zram) => unknown, string]>([
  ['neither a type nor a page', (zram) => zram.writeback({}), 'EINVAL'],
  ['a type and a page', (zram) => zram.writeback({ type: 'idle', pageIndex: 1 }), 'EINVAL'],
  ['a wrong type', (zram) => zram.writeback('type=all'), 'EINVAL'],
  ['a wrong word', (zram) => zram.writeback('pages=1'), 'EINVAL'],
  ['two types', (zram) => zram.writeback('idle huge'), 'EINVAL'],
  ['no number', (zram) => zram.writeback('page_index=x'), 'EINVAL'],
  ['a range that ends before it begins', (zram) => zram.writeback('page_indexes=3-1'), 'ERANGE'],
  ['half a range', (zram) => zram.writeback('page_indexes=3'), 'EINVAL'],
  ['a page outside the disk', (zram) => zram.writeback({ pageIndex: 256 }), 'ERANGE'],
  ['a range that ends outside the disk', (zram) => zram.writeback('page_indexes=0-256'), 'ERANGE'],
  ['an option that there is not', (zram) => zram.writeback({ pages: 1 } as object), 'EINVAL'],
])('%s', (_, call, code) => {
  const made = make([noise()]);
  expect(errorOf(() => call(made.zram)).code).toBe(code);
  expect(made.zram.writeback('huge').pagesWritten).toBe(1);
  expectPages(made);
});

test('no backing, no disk, no second user of a backing, none with a disk', () => {
  const backing = new FlakyBacking(4);
  expect(errorOf(() => engine.createZram({ disksize: '1M' }).writeback('idle')).code).toBe('ENODEV');
  expect(errorOf(() => engine.createZram({ backing }).writeback('idle')).code).toBe('EINVAL');
  const zram = engine.createZram({ disksize: '1M', backing });
  expect(errorOf(() => engine.createZram({ disksize: '1M', backing })).code).toBe('EBUSY');
  expect(errorOf(() => engine.createZswap({ backing })).code).toBe('EBUSY');
  expect(errorOf(() => zram.setBacking(new FlakyBacking(4))).code).toBe('EBUSY');
  const snapshot = zram.snapshot();
  zram.destroy();
  expect(errorOf(() => engine.createZram({ disksize: '1M', backing })).code).toBe('EBUSY');
  snapshot.destroy();
  engine.createZram({ disksize: '1M', backing }).destroy();
  expect(errorOf(() => engine.createZram({ backing: {} as Backing })).code).toBe('EINVAL');
  expect(errorOf(() => engine.createZram({ backing: new FlakyBacking(0) })).code).toBe('EINVAL');
});

test('a backing that returns promises and does not say so is refused, and the pages stay', () => {
  const promises = {
    slots: 4,
    read: async () => Promise.reject(new Error('late')),
    write: async () => Promise.reject(new Error('late')),
  };
  const zram = engine.createZram({ disksize: '1M', backing: promises as unknown as Backing });
  const page = noise();
  zram.writePage(0, page);
  const error = errorOf(() => zram.writeback('huge'));
  expect(error).toMatchObject({ code: 'EIO', pagesDone: 0 });
  expect(error.message).toMatch(/asynchronous: true/);
  expect(zram.readPage(0)).toEqual(page);
});

test('what a backing does inside a write: the page it touches stays in memory, whatever it was', () => {
  const [shared, new0] = [noise(), noise()];
  const made = make([shared, shared, part(100)]);
  const { zram, backing } = made;
  zram.merge();
  backing.hook = () => {
    zram.writePage(1, new0); // one of those that are written just now
    zram.discard(0, PAGE_SIZE);
    expect(errorOf(() => zram.writeback('huge')).code).toBe('EAGAIN');
  };
  zram.writeback({ pageIndexes: [[0, 2]] });
  expectPages({ zram, pages: [new Uint8Array(PAGE_SIZE), new0, made.pages[2]] });
  expect(zram.bdStat.bdCount).toBe(1);
  backing.hook = () => zram.destroy();
  expect(errorOf(() => zram.writeback('huge')).code).toBe('EINVAL');
});

describe('an asynchronous backing', () => {
  function makeAsync(pages: Uint8Array[]): { zram: Zram; backing: FlakyAsyncBacking; pages: Uint8Array[] } {
    const backing = new FlakyAsyncBacking(16);
    const zram = engine.createZram({ disksize: '1M', backing });
    pages.forEach((page, index) => zram.writePage(index, page));
    return { zram, backing, pages };
  }

  test('synchronous calls are EAGAIN, those with promises serve', async () => {
    const made = makeAsync([noise(), noise(), part(50)]);
    const { zram, pages } = made;
    expect(errorOf(() => zram.writeback('huge')).code).toBe('EAGAIN');
    expect((await zram.writebackAsync('huge')).pagesWritten).toBe(2);
    expect(errorOf(() => zram.readPage(0)).code).toBe('EAGAIN');
    expect(errorOf(() => zram.readPages(1, 2)).code).toBe('EAGAIN');
    expect(errorOf(() => zram.write(100, new Uint8Array(5))).code).toBe('EAGAIN');
    expect(zram.ioStat).toMatchObject({ failedReads: 0, failedWrites: 0 });
    expect(zram.readPage(2)).toEqual(pages[2]);
    expect(await zram.readPagesAsync(0, 3)).toEqual(new Uint8Array(Buffer.concat(pages)));
    expect(await zram.readAsync(4000, 200)).toEqual(new Uint8Array(Buffer.concat(pages)).subarray(4000, 4200));
    zram.writePage(0, pages[1]);
    expect(zram.readPage(0)).toEqual(pages[1]);
  });

  test('pages that are accessed while they are written stay in memory', async () => {
    const { zram, pages } = makeAsync([noise(), noise(), noise()]);
    const writeback = zram.writebackAsync('huge');
    zram.readPage(2); // this one is being written: of one bucket the last found goes first
    const changed = noise();
    zram.writePage(1, changed);
    expect(await codeOf(zram.writebackAsync('huge'))).toBe('EAGAIN');
    expect((await writeback).pagesWritten).toBe(1);
    expect([0, 1, 2].map((index) => zram.blockState(index)?.writtenBack)).toEqual([true, false, false]);
    expect(await zram.readPagesAsync(0, 3)).toEqual(new Uint8Array(Buffer.concat([pages[0], changed, pages[2]])));
    checkPools(engine);
  });

  test.each<[string, (zram: Zram) => void]>([
    ['destroyed', (zram) => zram.destroy()],
    ['reset', (zram) => zram.reset()],
  ])('a device that is %s in the middle of a write and of a read', async (_, end) => {
    const made = makeAsync([noise(), noise()]);
    const { zram, backing } = made;
    await zram.writebackAsync({ pageIndex: 0 });
    const [reading, writing] = [zram.readPagesAsync(0, 2), zram.writebackAsync({ pageIndex: 1 })];
    const clone = zram.clone();
    end(zram);
    // Until that write is over nobody else may write there.
    expect(await codeOf(clone.writebackAsync('huge'))).toBe('EAGAIN');
    expect(await codeOf(reading)).toBe('EINVAL');
    expect(await codeOf(writing)).toBe('EINVAL');
    checkPools(engine);
    expect((await clone.writebackAsync('huge')).pagesWritten).toBe(1);
    expect(await clone.readPagesAsync(0, 2)).toEqual(new Uint8Array(Buffer.concat(made.pages)));
    expect(clone.bdStat.bdCount).toBe(2);
    clone.destroy();
    engine.createZram({ disksize: '1M', backing }).destroy();
  });

  test('the backing of a device that ended stays taken until its write is over', async () => {
    const { zram, backing } = makeAsync([noise()]);
    const writing = zram.writebackAsync('huge');
    zram.destroy();
    expect(errorOf(() => engine.createZram({ disksize: '1M', backing })).code).toBe('EBUSY');
    expect(await codeOf(writing)).toBe('EINVAL');
    engine.createZram({ disksize: '1M', backing }).destroy();
  });

  test('a read whose block is given to another page meanwhile reads its own page', async () => {
    const pages = new Map<number, Uint8Array>();
    let release = (): void => undefined;
    const gate: { slow?: Promise<void> } = {};
    const backing: AsyncBacking = {
      asynchronous: true,
      slots: 1,
      async read(slot, page) {
        await gate.slow;
        page.set(pages.get(slot) ?? []);
      },
      async write(slot, page) {
        pages.set(slot, page.slice());
        await Promise.resolve();
      },
    };
    const zram = engine.createZram({ disksize: '1M', backing });
    const [a, b] = [noise(), noise()];
    zram.writePage(0, a);
    await zram.writebackAsync({ pageIndex: 0 });
    gate.slow = new Promise((resolve) => (release = resolve));
    const reading = zram.readPagesAsync(0, 1);
    // The page is written again and written back again: the same page, the same block, other bytes.
    zram.writePage(0, b);
    await zram.writebackAsync({ pageIndex: 0 });
    pages.set(0, a); // what a read from before may bring
    setTimeout(() => {
      pages.set(0, b);
      release();
    });
    expect(await reading).toEqual(b);
    zram.destroy();
  });
});
