/** ParallelZram by hand: what it shares with Zram, routing, limits, errors, and the life of its threads. */
import { spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import { describe, expect, jest, test } from '@jest/globals';
import { Engine, ZramError, type Zram } from '../../bindings/index.js';
import { LostPagesError, type ParallelZramOptions } from '../../bindings/parallel.js';
import { Router } from '../../bindings/parallel/fleet/router.js';
import {
  PAGE_SIZE,
  generatedSets,
  pageCount,
  pageOf,
  randomPage,
  repeatPage,
  sameBytes,
  zeroPage,
} from '../support/pages.js';
import { TRANSPORTS, makeParallel } from '../support/parallel.js';
import { withoutBody } from '../support/planted.js';
import { Random } from '../support/random.js';
import { compiledCore, engineOf } from '../support/raw-core.js';

const SEED = 20;
jest.setTimeout(60_000);

function noise(pages: number, stream: string): Uint8Array {
  return new Random(SEED, stream).fill(new Uint8Array(pages * PAGE_SIZE));
}

/** Generated pages of all kinds, each twice. */
const MANY = ((): Uint8Array => {
  const some = generatedSets(SEED).flatMap((set) => {
    return Array.from({ length: Math.min(pageCount(set), 60) }, (_, n) => pageOf(set, n));
  });
  return new Uint8Array(Buffer.concat([...some, ...some]));
})();

function oneEngine(bytes: Uint8Array, options = {}): Zram {
  const engine = Engine.createSync({ module: compiledCore('release') });
  const zram = engine.createZram({ disksize: bytes.length, ...options });
  zram.writePages(0, bytes);
  return zram;
}

function expectSame(seen: Uint8Array, expected: Uint8Array): void {
  expect([seen.length, sameBytes(seen, expected)]).toEqual([expected.length, true]);
}

async function errorOf(promise: Promise<unknown>): Promise<ZramError> {
  const error: unknown = await promise.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(ZramError);
  return error as ZramError;
}

test('the pages of a call are looked at many at a time, and each once', async () => {
  const { zram } = await makeParallel({ disksize: '1M' });
  const stage = jest.spyOn(Router.prototype, 'stage');
  const bytes = noise(100, 'staged');
  await zram.writePages(0, bytes);
  expect(stage.mock.calls.reduce((sum, [pages]) => sum + pages.length, 0)).toBe(bytes.length);
  expect(stage.mock.calls.length).toBeLessThan(20);
  stage.mockRestore();
  expectSame(await zram.readPages(0, 100), bytes);
  await zram.destroy();
});

test('a page that a worker cannot decompress is EIO, and the worker goes on', async () => {
  const module = withoutBody('assembly/bytes/lz4-decompress/lz4_decompress', 0);
  const { zram } = await makeParallel({ workers: 1, disksize: '1M', module });
  const raw = noise(1, 'raw');
  await zram.writePages(0, new Uint8Array(Buffer.concat([raw, new Uint8Array(PAGE_SIZE).fill(7, 0, 99), raw])));
  const error = await errorOf(zram.readPages(0, 3));
  expect(error).toMatchObject({ code: 'EIO', pagesDone: 1 });
  expect(error).not.toBeInstanceOf(LostPagesError);
  expect(error.message).toMatch(/cannot read page 1: it does not decompress/);
  expectSame(await zram.readPage(2), raw);
  expect((await zram.stats()).ioStat.failedReads).toBe(1);
  await zram.destroy();
});

describe('reads to shared memory', () => {
  /** Bytes in the middle of a buffer that threads share, with others around them that must stay. */
  const shared = (length: number): Uint8Array => new Uint8Array(new SharedArrayBuffer(length + 16)).fill(0xee);

  test('go where they belong, around pages that are nobody’s and parts of pages', async () => {
    const { zram } = await makeParallel({ workers: 3, disksize: '4M', compAlgorithm: 'lz4' });
    const disk = new Uint8Array(1024 * PAGE_SIZE);
    disk.set(noise(700, 'here and there'), 10 * PAGE_SIZE);
    await zram.writePages(10, disk.subarray(10 * PAGE_SIZE, 710 * PAGE_SIZE));
    for (const [first, count] of [
      [40, 1],
      [90, 3],
      [265, 100],
    ] as const) {
      disk.fill(0, first * PAGE_SIZE, (first + count) * PAGE_SIZE);
      await zram.discard(first * PAGE_SIZE, count * PAGE_SIZE);
    }
    const ranges = [
      [0, 1024 * PAGE_SIZE],
      [39 * PAGE_SIZE + 5, 700 * PAGE_SIZE],
      [100, 200],
      [12 * PAGE_SIZE, PAGE_SIZE],
    ];
    await Promise.all(
      ranges.map(async ([offset, length]) => {
        const whole = shared(length);
        const out = whole.subarray(8, 8 + length);
        expect(await zram.read(offset, length, out)).toBe(out);
        expectSame(out, disk.subarray(offset, offset + length));
        expect([...whole.subarray(0, 8), ...whole.subarray(-8)]).toEqual(new Array(16).fill(0xee));
      }),
    );
    await zram.destroy();
  });

  test('see the writes before them, and not those after them', async () => {
    const { zram } = await makeParallel({ disksize: '2M' });
    const contents = Array.from({ length: 6 }, (_, n) => noise(300, `version ${n}`));
    const outs = contents.map(() => shared(300 * PAGE_SIZE).subarray(16));
    const calls = contents.flatMap((bytes, n) => [zram.writePages(0, bytes), zram.readPages(0, 300, outs[n])]);
    await Promise.all(calls);
    for (const [n, bytes] of contents.entries()) expectSame(outs[n], bytes);
    await zram.destroy();
  });

  test('fail at the first page that does not decompress, with those before it', async () => {
    const module = withoutBody('assembly/bytes/lz4-decompress/lz4_decompress', 0);
    const { zram } = await makeParallel({ workers: 2, disksize: '1M', module });
    const bytes = noise(60, 'raw');
    bytes.fill(7, 40 * PAGE_SIZE + 99, 41 * PAGE_SIZE);
    await zram.writePages(0, bytes);
    const out = shared(60 * PAGE_SIZE);
    expect(await errorOf(zram.readPages(0, 60, out))).toMatchObject({ code: 'EIO', pagesDone: 40 });
    expectSame(out.subarray(0, 40 * PAGE_SIZE), bytes.subarray(0, 40 * PAGE_SIZE));
    expect((await zram.stats()).ioStat.failedReads).toBe(1);
    await zram.destroy();
  });

  test('whose worker dies end when its thread has', async () => {
    const { zram, threads } = await makeParallel({ disksize: '8M' });
    const bytes = noise(2000, 'until then');
    await zram.writePages(0, bytes);
    const out = shared(2000 * PAGE_SIZE);
    // It stops before it is known here to have stopped, so its pages are asked of it.
    const ending = threads[1].terminate();
    const error = await errorOf(zram.readPages(0, 2000, out));
    await ending;
    const lost = zram.lostPages();
    expect(error).toBeInstanceOf(LostPagesError);
    expect(lost).toContain(error.pagesDone);
    expectSame(out.subarray(0, error.pagesDone! * PAGE_SIZE), bytes.subarray(0, error.pagesDone! * PAGE_SIZE));
    const after = await errorOf(zram.readPages(0, 2000, out));
    expect(after).toMatchObject({ code: 'EIO', pagesDone: lost[0], pages: lost });
    await zram.destroy();
  });
});

describe.each(TRANSPORTS)('over $name', ({ sharedMemory }) => {
  const make = (options: ParallelZramOptions) => makeParallel({ sharedMemory, ...options });

  test.each([1, 2, 5])('holds what one engine holds, and merges as many pages: %s workers', async (workers) => {
    const bytes = MANY;
    const single = oneEngine(bytes);
    const { zram } = await make({ workers, disksize: bytes.length });
    await zram.writePages(0, bytes);
    expectSame(await zram.readPages(0, bytes.length / PAGE_SIZE), bytes);

    const same = ['origDataSize', 'comprDataSize', 'samePages', 'hugePages', 'hugePagesSince', 'pagesMerged'] as const;
    const { mmStat } = await zram.stats();
    for (const name of same) expect([name, mmStat[name]]).toEqual([name, single.mmStat[name]]);

    const report = await zram.merge();
    const { objectsScanned, objectsMerged, bytesMerged } = single.merge();
    expect(report).toMatchObject({ objectsScanned, objectsMerged, bytesMerged, complete: true });
    const merged = (await zram.stats()).mmStat;
    for (const name of same) expect([name, merged[name]]).toEqual([name, single.mmStat[name]]);
    expectSame(await zram.read(5, bytes.length - 10), bytes.subarray(5, -5));
    await zram.destroy();
  });

  test('dedup finds every duplicate while writing', async () => {
    const bytes = MANY;
    const { zram } = await make({ workers: 3, disksize: bytes.length, dedup: true });
    await zram.writePages(0, bytes);
    const { pagesMerged, dupDataSize } = (await zram.stats()).mmStat;
    const single = oneEngine(bytes, { dedup: true }).mmStat;
    expect({ pagesMerged, dupDataSize }).toEqual({ pagesMerged: single.pagesMerged, dupDataSize: single.dupDataSize });
    await zram.destroy();
  });

  test('a page that moves to another worker is freed where it was', async () => {
    const { zram } = await make({ workers: 4, disksize: '1M' });
    const random = new Random(SEED, 'moves');
    const writes = [];
    for (let n = 0; n < 200; n++) {
      writes.push(zram.writePage(n % 8, n % 5 === 0 ? repeatPage(random, 8) : randomPage(random)));
    }
    await Promise.all(writes);
    const { mmStat, workers } = await zram.stats();
    expect(mmStat.origDataSize).toBe(8 * PAGE_SIZE);
    expect(workers.reduce((sum, { mmStat: each }) => sum + each.origDataSize, 0)).toBe(8 * PAGE_SIZE);
    await zram.destroy();
  });

  test('pages that move to and fro while all parcels are under way', async () => {
    // More pages than all parcels take.
    const count = 7000;
    const { zram } = await make({ workers: 3, disksize: '32M' });
    const contents = Array.from({ length: 7 }, (_, n) => noise(1, `to and fro ${n}`));
    const roundOf = (round: number) => {
      return new Uint8Array(
        Buffer.concat(Array.from({ length: count }, (_, n) => contents[(n * 3 + round * (1 + (n % 5))) % 7])),
      );
    };
    const writes = [];
    for (let round = 0; round < 4; round++) writes.push(zram.writePages(0, roundOf(round)));
    await Promise.all(writes);
    expectSame(await zram.readPages(0, count), roundOf(3));
    expect((await zram.stats()).mmStat.origDataSize).toBe(count * PAGE_SIZE);
    await zram.destroy();
  });

  test('calls for a page take effect in order, whether or not anybody waits', async () => {
    const { zram } = await make({ workers: 3, disksize: '1M' });
    const pages = Array.from({ length: 50 }, (_, n) => randomPage(new Random(n, 'order')));
    const reads = pages.map((page) => {
      void zram.writePage(7, page);
      return zram.readPage(7);
    });
    void zram.discard(7 * PAGE_SIZE, PAGE_SIZE);
    reads.push(zram.readPage(7));
    const expected = [...pages, zeroPage()];
    for (const [n, seen] of (await Promise.all(reads)).entries()) expectSame(seen, expected[n]);
    await zram.destroy();
  });

  test('an overwrite that a full worker refuses keeps the old content', async () => {
    const { zram } = await make({ workers: 2, disksize: '4M', memLimit: '256K' });
    const old = noise(40, 'old');
    await zram.writePages(0, old);
    const more = noise(60, 'more');
    const { code, pagesDone, message } = await errorOf(zram.writePages(100, more));
    expect(code).toBe('ENOMEM');
    expect(message).toMatch(/^ENOMEM: cannot allocate memory for page 1\d\d, which keeps its old content: .*\.$/);
    expectSame(await zram.readPages(100, pagesDone!), more.slice(0, pagesDone! * PAGE_SIZE));

    const next = noise(40, 'next');
    const results = await Promise.allSettled(
      Array.from({ length: 40 }, (_, n) => zram.writePage(n, next.subarray(n * PAGE_SIZE, (n + 1) * PAGE_SIZE))),
    );
    expect(results.filter(({ status }) => status === 'rejected').length).toBeGreaterThan(10);
    for (const [n, { status }] of results.entries()) {
      const expected = (status === 'fulfilled' ? next : old).slice(n * PAGE_SIZE, (n + 1) * PAGE_SIZE);
      expectSame(await zram.readPage(n), expected);
    }
    await zram.destroy();
  });

  test('a worker without memory refuses, and the others go on', async () => {
    const { zram } = await make({ workers: 2, disksize: '64M', maxMemory: '1M' });
    const { code } = await errorOf(zram.writePages(0, noise(640, 'too much')));
    expect(code).toBe('ENOMEM');
    await zram.discard(0, 64 * 2 ** 20);
    await zram.writePages(0, noise(20, 'fits'));
    expectSame(await zram.readPages(0, 20), noise(20, 'fits'));
    await zram.destroy();
  });

  test('a worker that dies takes its pages, and nothing else', async () => {
    const { zram, threads } = await make({ workers: 3, disksize: '16M' });
    const bytes = noise(300, 'lost and kept');
    await zram.writePages(10, bytes);
    expect(zram.lostPages()).toEqual([]);
    await threads[1].terminate();

    const lost = zram.lostPages();
    expect(zram.workers).toBe(2);
    expect(lost.length).toBeGreaterThan(50);
    expect(lost.length).toBeLessThan(150);
    expect((await zram.stats()).mmStat.origDataSize).toBe((300 - lost.length) * PAGE_SIZE);
    const page = (index: number) => bytes.slice((index - 10) * PAGE_SIZE, (index - 9) * PAGE_SIZE);
    for (let index = 10; index < 310; index++) {
      if (!lost.includes(index)) expectSame(await zram.readPage(index), page(index));
    }

    const error = await errorOf(zram.readPages(0, 400));
    expect(error).toBeInstanceOf(LostPagesError);
    expect(error).toMatchObject({ code: 'EIO', pagesDone: lost[0], pages: lost });
    expect(error.message).toMatch(new RegExp(`^EIO: the worker of page ${lost[0]} died: the page is lost`));
    // A part of a page cannot be written where the rest is gone.
    expect(await errorOf(zram.write(lost[0] * PAGE_SIZE + 5, Uint8Array.of(1)))).toMatchObject({ pages: [lost[0]] });

    await zram.writePage(lost[0], page(lost[0]));
    await zram.discard(lost[1] * PAGE_SIZE, PAGE_SIZE);
    expect(zram.lostPages()).toEqual(lost.slice(2));
    expectSame(await zram.readPage(lost[0]), page(lost[0]));
    expectSame(await zram.readPage(lost[1]), zeroPage());
    await zram.destroy();
  });

  test('calls that are under way when their worker dies fail, and tell', async () => {
    const { zram, threads } = await make({ workers: 2, disksize: '64M' });
    const old = noise(1000, 'before');
    await zram.writePages(0, old);
    const next = noise(1000, 'after');
    const writing = errorOf(zram.writePages(0, next));
    const [ended] = await Promise.all([writing, threads[0].terminate()]);
    expect(ended).toMatchObject({ code: 'EIO' });
    const lost = new Set(zram.lostPages());
    const kept = Array.from({ length: 1000 }, (_, n) => n).filter((n) => !lost.has(n));
    const seen = await Promise.all(kept.map((n) => zram.readPage(n)));
    for (const [at, n] of kept.entries()) {
      const [isOld, isNext] = [old, next].map((all) =>
        sameBytes(seen[at], all.subarray(n * PAGE_SIZE, (n + 1) * PAGE_SIZE)),
      );
      if (!isNext && (!isOld || n < ended.pagesDone!)) throw new Error(`page ${n} reads wrong`);
    }
    expect(kept.length).toBeGreaterThan(0);
    await zram.destroy();
  });

  test('when all workers have died, every call says so', async () => {
    const { zram, threads } = await make({ workers: 2, disksize: '1M' });
    await zram.writePage(0, randomPage(new Random(SEED)));
    await Promise.all(threads.map((thread) => thread.terminate()));
    expect(zram.workers).toBe(0);
    expect(zram.lostPages()).toEqual([0]);
    expectSame(await zram.readPage(1), zeroPage());
    const calls = [
      zram.readPage(0),
      zram.writePage(0, zeroPage()),
      zram.merge(),
      zram.compact(),
      zram.stats(),
      zram.reset(),
    ];
    for (const call of calls) expect((await errorOf(call)).code).toBe('EIO');
    await zram.destroy();
  });

  test('more calls than the workers take at once', async () => {
    const { zram } = await make({ workers: 2, disksize: '64M' });
    const page = new Uint8Array(PAGE_SIZE);
    const writes = [];
    for (let n = 0; n < 5000; n++) {
      page.fill(n, 0, 300).fill(n >> 8, 300, 600);
      writes.push(zram.writePage(n, page)); // the array is free again at once
    }
    await Promise.all(writes);
    const all = await zram.readPages(0, 5000);
    const wrong = writes.filter((_, n) => {
      const at = n * PAGE_SIZE;
      return all[at] !== (n & 255) || all[at + 599] !== n >> 8 || all[at + 600] !== 0;
    });
    expect(wrong).toEqual([]);
    await zram.destroy();
  });
});

describe('pages are spread', () => {
  const sets: [string, (n: number) => Uint8Array][] = [
    [
      'one byte differs',
      (n) =>
        zeroPage()
          .fill(n, 0, 1)
          .fill(n >> 8, 4095)
          .fill(7, 100, 200),
    ],
    [
      'a counter in the middle',
      (n) => Uint8Array.from(new Uint8Array(new Uint32Array(1024).fill(n, 513, 514).fill(1, 0, 1).buffer)),
    ],
  ];
  test.each(sets)('%s', async (_name, make) => {
    const { zram } = await makeParallel({ workers: 4, disksize: '64M' });
    for (let n = 0; n < 4000; n++) void zram.writePage(n, make(n + 1));
    const { workers } = await zram.stats();
    for (const { mmStat } of workers) {
      expect(mmStat.origDataSize).toBeGreaterThan(500 * PAGE_SIZE);
      expect(mmStat.origDataSize).toBeLessThan(1700 * PAGE_SIZE);
    }
    await zram.destroy();
  });
});

describe('options and states', () => {
  test.each<[string, unknown, RegExp]>([
    ['no worker', { workers: 0 }, /workers must be a whole number from 1 to 64/],
    ['too many workers', { workers: 65 }, /workers must be a whole number from 1 to 64/],
    ['an option that is not', { worker_count: 2 }, /no option 'worker_count'/],
    ['a wrong disksize', { disksize: -1 }, /disksize must be/],
    ['a wrong level', { level: 'fast', disksize: '1M' }, /level must be a whole number/],
    ['a wrong algorithm', { compAlgorithm: 'zip' }, /compAlgorithm must be one of/],
    [
      'a limit that cannot be divided',
      { memLimit: 4096, workers: 2 },
      /memLimit must be at least 8192 bytes, a page for each of 2 workers/,
    ],
    ['too little memory', { maxMemory: 1 }, /maxMemory must be at least/],
    ['no worker as worker', { worker: 5 }, /worker must be a URL, or a function/],
    ['nothing started', { worker: () => undefined }, /worker must start and return a Worker/],
    ['sharedMemory', { sharedMemory: 1 }, /sharedMemory must be true or false/],
  ])('%s', async (_name, options, message) => {
    const error = await errorOf(makeParallel(options as ParallelZramOptions));
    expect(error.code).toBe('EINVAL');
    expect(error.message).toMatch(message);
  });

  test('a script that is not there is EIO', async () => {
    const worker = new URL('no-such-worker.js', import.meta.url);
    const error = await errorOf(makeParallel({ worker }));
    expect(error.message).toMatch(/^EIO: cannot start a worker: .*no-such-worker/);
  });

  test('the script by its URL, as an object and as text', async () => {
    const worker = new URL('../../dist/parallel-worker.js', import.meta.url);
    for (const source of [worker, worker.href]) {
      const { zram } = await makeParallel({ worker: source, disksize: '1M' });
      await zram.writePage(0, zeroPage());
      await zram.destroy();
    }
  });

  test('bad arguments are EINVAL and change nothing', async () => {
    const { zram } = await makeParallel({ disksize: '1M' });
    const page = randomPage(new Random(SEED));
    await zram.writePage(0, page);
    const wrong: Promise<unknown>[] = [
      zram.writePage(256, page),
      zram.writePage(-1, page),
      zram.writePage(0, page.subarray(1)),
      zram.writePage(0, 'page' as never),
      zram.writePages(0, page.subarray(1)),
      zram.writePages(255, new Uint8Array(2 * PAGE_SIZE)),
      zram.write(2 ** 20, Uint8Array.of(1)),
      zram.write(0.5, page),
      zram.readPage(256),
      zram.readPage(0, new Uint8Array(4095)),
      zram.readPages(0, 257),
      zram.read(0, -1),
      zram.discard(0, 2 ** 20 + 1),
      zram.merge({ maxObjects: -1 }),
      zram.merge('now' as never),
    ];
    expect((await errorOf(zram.init('2M'))).code).toBe('EBUSY');
    for (const promise of wrong) expect((await errorOf(promise)).code).toBe('EINVAL');
    expectSame(await zram.readPage(0), page);
    await zram.destroy();
  });

  test('without a disksize, and after a reset, it waits for init', async () => {
    const { zram } = await makeParallel({ memLimit: '1M' });
    expect((await errorOf(zram.readPage(0))).message).toMatch(/not initialised/);
    expect((await zram.stats()).mmStat).toMatchObject({ origDataSize: 0, memLimit: 2 ** 20 });
    const page = randomPage(new Random(SEED));
    const calls = [zram.init('1M'), zram.writePage(3, page), zram.reset(), zram.init('2M')];
    const read = zram.readPage(3);
    await Promise.all(calls);
    expectSame(await read, zeroPage());
    await zram.writePage(511, page);
    expect((await zram.stats()).mmStat).toMatchObject({ origDataSize: PAGE_SIZE, memLimit: 0 });
    expect(zram.lostPages()).toEqual([]);
    await zram.destroy();
  });

  test('an init that fails leaves it uninitialised', async () => {
    const { zram } = await makeParallel({ maxMemory: engineOf('release').memory.reserved });
    expect((await errorOf(zram.init('1T'))).code).toBe('ENOMEM');
    expect((await errorOf(zram.readPage(0))).message).toMatch(/not initialised/);
    await zram.destroy();
  });

  test('notifyFree counts a page once, however many workers there are', async () => {
    const { zram } = await makeParallel({ workers: 3, disksize: '1T' });
    await zram.writePages(0, noise(100, 'free'));
    await zram.discard(1, 2 ** 40 - 1);
    await zram.discard(PAGE_SIZE, 10);
    const { ioStat, mmStat } = await zram.stats();
    expect(ioStat).toEqual({ failedReads: 0, failedWrites: 0, invalidIo: 0, notifyFree: 2 ** 28 - 1 });
    expect(mmStat.origDataSize).toBe(PAGE_SIZE);
    await zram.destroy();
  });

  test('compact adds up, and a budget for merging is divided', async () => {
    const bytes = MANY;
    const { zram } = await makeParallel({ workers: 3, disksize: bytes.length });
    await zram.writePages(0, bytes);
    for (let n = 0; n < bytes.length / PAGE_SIZE - 1; n += 3) void zram.discard(n * PAGE_SIZE, 2 * PAGE_SIZE);
    const before = (await zram.stats()).mmStat.memUsedTotal;
    const { pagesFreed, objectsMoved } = await zram.compact();
    expect(objectsMoved).toBeGreaterThan(0);
    expect(before - (await zram.stats()).mmStat.memUsedTotal).toBe(pagesFreed * PAGE_SIZE);
    const first = await zram.merge({ maxObjects: 30 });
    expect(first).toMatchObject({ objectsScanned: 30, complete: false });
    await zram.destroy();
  });

  test('after destroy everything is EINVAL but destroy', async () => {
    const { zram, threads } = await makeParallel({ disksize: '1M' });
    const exits = threads.map((thread) => once(thread, 'exit'));
    const last = zram.writePage(0, zeroPage());
    const ended = zram.destroy();
    expect((await errorOf(zram.readPage(0))).message).toMatch(/^EINVAL: this ParallelZram was destroyed/);
    expect((await errorOf(zram.stats())).code).toBe('EINVAL');
    expect(() => zram.lostPages()).toThrow(ZramError);
    await Promise.all([ended, last, ...exits]);
    await zram.destroy();
    await zram[Symbol.asyncDispose]();
    zram[Symbol.dispose]();
  });
});

describe('the process', () => {
  const run = (code: string) =>
    spawnSync(
      process.execPath,
      ['--input-type=module', '-e', `import { ParallelZram } from './dist/parallel.js';\n${code}`],
      {
        encoding: 'utf8',
        timeout: 50_000,
      },
    );

  test('ends after destroy, and also when it was forgotten', () => {
    const use = `const zram = await ParallelZram.create({ disksize: '1M', workers: 2 });
      await zram.writePage(0, new Uint8Array(4096).fill(3, 5));
      console.log((await zram.readPage(0))[6]);`;
    for (const end of ['await zram.destroy();', '']) {
      expect(run(use + end)).toMatchObject({ status: 0, stdout: '3\n', stderr: '' });
    }
  });

  test('stays until its calls are done', () => {
    const code = `const zram = await ParallelZram.create({ disksize: '64M', workers: 2 });
      const pages = crypto.getRandomValues(new Uint8Array(65536));
      for (let n = 0; n < 1000; n++) void zram.writePages(n * 16, pages);
      void zram.stats().then(({ mmStat }) => console.log(mmStat.origDataSize));`;
    expect(run(code)).toMatchObject({ status: 0, stdout: `${1000 * 65536}\n`, stderr: '' });
  });
});

test('a thread that answers with what it was not asked is not trusted', async () => {
  const worker = () =>
    new Worker(
      `require('node:worker_threads').parentPort.once('message', function () { this.postMessage({ parcel: 9 }); });`,
      {
        eval: true,
      },
    );
  const { code, message } = await errorOf(makeParallel({ worker }));
  expect([code, message]).toEqual(['EIO', expect.stringMatching(/cannot start a worker: it returned a parcel/)]);
});
