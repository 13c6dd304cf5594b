/** What goes in and comes out of ParallelZram: arrays of every kind, and the calls and options that it shares with Zram. */
import { describe, expect, jest, test } from '@jest/globals';
import { Engine, Zram, ZramError } from '../../bindings/index.js';
import { ParallelZram } from '../../bindings/parallel.js';
import { ARRAY_KINDS, FLEETING, bytesOf } from '../support/arrays.js';
import { PAGE_SIZE, sameBytes } from '../support/pages.js';
import { TRANSPORTS, makeParallel } from '../support/parallel.js';
import { Random } from '../support/random.js';
import { compiledCore } from '../support/raw-core.js';

jest.setTimeout(60_000);
const random = new Random(9, 'borders');
const PAGES = 200;
/** Pages that compress to many sizes. */
const BYTES = new Uint8Array(PAGES * PAGE_SIZE);
for (let n = 0; n < PAGES; n++) random.fill(BYTES.subarray(n * PAGE_SIZE, n * PAGE_SIZE + 20 * (n % 200)));

async function errorOf(call: Promise<unknown>): Promise<unknown> {
  return call.then(
    () => undefined,
    (error: unknown) => error,
  );
}

describe.each(TRANSPORTS)('over $name', ({ sharedMemory }) => {
  test.each(Object.keys(ARRAY_KINDS))('what is stored of a %s array is what it held at the call', async (kind) => {
    const { zram } = await makeParallel({ disksize: '2M', sharedMemory });
    const given = [
      ...[BYTES, BYTES.subarray(0, PAGE_SIZE), BYTES.subarray(0, 3), BYTES.subarray(100, 9000)].map(ARRAY_KINDS[kind]),
    ];
    const calls = [
      ...[zram.writePages(0, given[0]), zram.writePage(300, given[1])],
      ...[zram.write(301 * PAGE_SIZE + 5, given[2]), zram.write(303 * PAGE_SIZE + 77, given[3])],
    ];
    for (const array of given) bytesOf(array).fill(0x5a);
    await Promise.all(calls);
    expect(sameBytes(await zram.readPages(0, PAGES), BYTES)).toBe(true);
    expect(sameBytes(await zram.readPage(300), BYTES.subarray(0, PAGE_SIZE))).toBe(true);
    expect(sameBytes(await zram.read(301 * PAGE_SIZE + 5, 3), BYTES.subarray(0, 3))).toBe(true);
    expect(sameBytes(await zram.read(303 * PAGE_SIZE + 77, 8900), BYTES.subarray(100, 9000))).toBe(true);
    await zram.destroy();
  });

  test.each(Object.keys(ARRAY_KINDS))('a %s array is filled, to its length and no further', async (kind) => {
    const { zram } = await makeParallel({ disksize: '2M', sharedMemory });
    await zram.writePages(0, BYTES);
    const make = (length: number) => ARRAY_KINDS[kind](new Uint8Array(length + 3).fill(0xee));
    for (const [offset, length] of [
      [0, PAGE_SIZE],
      [PAGE_SIZE, 3 * PAGE_SIZE],
      [5, 20_000],
      [PAGES * PAGE_SIZE, PAGE_SIZE],
      [17, 0],
    ]) {
      const out = make(length);
      expect(await zram.read(offset, length, out)).toBe(out);
      const expected = new Uint8Array(length + 3).fill(0xee);
      expected.set(await zram.read(offset, length));
      expect(sameBytes(bytesOf(out), expected)).toBe(true);
    }
    await zram.destroy();
  });

  test.each(Object.keys(FLEETING))('an array that is %s costs its call alone', async (how) => {
    const { zram } = await makeParallel({ disksize: '2M', sharedMemory });
    await zram.writePages(0, BYTES);
    const before = zram.readPages(0, PAGES);
    const { out, leave } = FLEETING[how](PAGES * PAGE_SIZE);
    const taken = zram.readPages(0, PAGES, out);
    const part = FLEETING[how](9000);
    const takenToo = zram.read(77, 9000, part.out);
    leave();
    part.leave();
    const after = zram.readPages(0, PAGES);
    for (const call of [taken, takenToo]) {
      expect(await errorOf(call)).toMatchObject({
        name: 'ZramError',
        code: 'EINVAL',
        message: expect.stringMatching(/^EINVAL: out must not be detached/),
        pagesDone: expect.any(Number),
      });
    }
    expect(sameBytes(await before, BYTES)).toBe(true);
    expect(sameBytes(await after, BYTES)).toBe(true);
    expect((await zram.stats()).mmStat.origDataSize).toBe(PAGES * PAGE_SIZE);
    await zram.destroy();
  });

  test('shared arrays that change all the time: each page is one that it held', async () => {
    const { zram } = await makeParallel({ disksize: '2M', sharedMemory, dedup: true });
    const array = new Uint8Array(new SharedArrayBuffer(PAGE_SIZE));
    const calls = [];
    for (let n = 0; n < 300; n++) {
      array.fill(n, 0, 9);
      calls.push(zram.writePage(n, array));
    }
    await Promise.all(calls);
    for (let n = 0; n < 300; n += 7) {
      expect(sameBytes(await zram.readPage(n), new Uint8Array(PAGE_SIZE).fill(n, 0, 9))).toBe(true);
    }
    await zram.destroy();
  });

  test('a write that waits and finds no memory for its copy is refused, and nothing of it is stored later', async () => {
    const { zram } = await makeParallel({ disksize: '64M', sharedMemory });
    const page = new Random(3, 'many').fill(new Uint8Array(PAGE_SIZE));
    // More than all parcels take.
    const count = 6000;
    const many = new Uint8Array(count * PAGE_SIZE);
    for (let n = 0; n < count; n++) many.set(page.fill(n, 0, 1).fill(n >> 8, 1, 2), n * PAGE_SIZE);
    const { Uint8Array: Original } = globalThis;
    class Scarce extends Original {
      constructor(...args: [number]) {
        if (typeof args[0] === 'number' && args[0] > 1000 * PAGE_SIZE) throw new RangeError('no memory');
        super(...args);
      }
    }
    let call: Promise<void>;
    globalThis.Uint8Array = Scarce as unknown as typeof Uint8Array;
    try {
      call = zram.writePages(0, many);
    } finally {
      globalThis.Uint8Array = Original;
    }
    const copy = many.slice();
    many.fill(0x5a);
    const error = (await errorOf(call)) as ZramError;
    expect(error.code).toBe('ENOMEM');
    const done = error.pagesDone!;
    expect(done).toBeLessThan(count);
    expect(sameBytes(await zram.readPages(0, done), copy.subarray(0, done * PAGE_SIZE))).toBe(true);
    expect(sameBytes(await zram.readPages(done, 100), new Uint8Array(100 * PAGE_SIZE))).toBe(true);
    await zram.destroy();
  });
});

test('more bytes than an array can have, or the disk, are a ZramError', async () => {
  const { zram } = await makeParallel({ disksize: '8T' });
  for (const call of [zram.read(0, 2 ** 42), zram.readPages(0, 2 ** 31 - 1)]) {
    expect(await errorOf(call)).toMatchObject({ name: 'ZramError', code: 'ENOMEM' });
  }
  expect(await errorOf(zram.read(0, 2 ** 44))).toMatchObject({ name: 'ZramError', code: 'EINVAL' });
  await zram.destroy();
});

describe('as on one thread', () => {
  test('recompress finds what Zram.recompress finds', async () => {
    const options = { disksize: BYTES.length, recompAlgorithms: ['deflate'], trackEntryActime: false };
    using engine = Engine.createSync({ module: compiledCore('release') });
    const single = engine.createZram(options);
    const { zram } = await makeParallel({ ...options, workers: 3 });
    single.writePages(0, BYTES);
    await zram.writePages(0, BYTES);
    for (const given of [{ type: 'huge' as const }, { threshold: '3K', algo: 'deflate' }, {}, { priority: 1 }]) {
      const { pagesTried, objectsRecompressed, bytesSaved } = single.recompress(given);
      expect(await zram.recompress(given)).toMatchObject({ pagesTried, objectsRecompressed, bytesSaved });
    }
    expect((await zram.stats()).mmStat.comprDataSize).toBe(single.mmStat.comprDataSize);
    expect(sameBytes(await zram.readPages(0, PAGES), BYTES)).toBe(true);
    expect(await errorOf(zram.recompress({ algo: 'zstd' }))).toMatchObject({ code: 'EINVAL' });
    await zram.reset();
    await zram.init('1M');
    expect(await errorOf(zram.recompress())).toMatchObject({ code: 'EINVAL' });
    await zram.destroy();
  });

  test('idle marks what is stored before it, and maxPages is divided', async () => {
    const { zram } = await makeParallel({ disksize: BYTES.length, recompAlgorithms: ['deflate'], workers: 2 });
    void zram.writePages(0, BYTES);
    void zram.idle();
    void zram.writePages(0, BYTES.subarray(0, 50 * PAGE_SIZE)); // no longer idle
    const few = await zram.recompress({ type: 'idle', maxPages: 5 });
    expect(few.pagesTried).toBe(6);
    const { pagesTried } = await zram.recompress({ type: 'idle' });
    // The first page is same-filled: it is never marked.
    expect(pagesTried).toBe(150 - 6);
    expect(await errorOf(zram.idle(3600))).toBeUndefined();
    expect((await zram.recompress({ type: 'idle', maxPages: 0 })).pagesTried).toBe(0);
    await zram.destroy();
  });

  test('idle by age needs trackEntryActime', async () => {
    const { zram } = await makeParallel({ disksize: '1M', trackEntryActime: false });
    expect(await errorOf(zram.idle({ age: 5 }))).toMatchObject({
      code: 'EINVAL',
      message: expect.stringMatching(/trackEntryActime/),
    });
    expect(zram.workers).toBe(2);
    await zram.destroy();
  });

  test.each([
    ['zstd', { compAlgorithm: 'zstd', level: 5 }],
    ['zstd to recompress', { recompAlgorithms: ['zstd'] }],
    [
      'deflate with a dictionary, verified',
      { compAlgorithm: 'deflate', dictionary: BYTES.subarray(0, 3000), verifyCompressors: true },
    ],
    ['chains of 16', { chainSize: 16 as const, shrinker: true, dedup: true }],
  ])('%s: the same bytes, in as many', async (_name, options) => {
    const single = await Zram.create({ disksize: BYTES.length, ...options, module: compiledCore('release') });
    const { zram } = await makeParallel({ disksize: BYTES.length, ...options });
    single.writePages(0, BYTES);
    await zram.writePages(0, BYTES);
    expect(sameBytes(await zram.readPages(0, PAGES), BYTES)).toBe(true);
    expect((await zram.stats()).mmStat.comprDataSize).toBe(single.mmStat.comprDataSize);
    await zram.destroy();
    single.destroy();
  });

  test('what Zram.create refuses', async () => {
    for (const options of [{ compAlgorithm: 'zstd', dictionary: Uint8Array.of(1) }, { dictionary: Uint8Array.of(1) }]) {
      expect(await errorOf(makeParallel(options))).toMatchObject({ code: 'EOPNOTSUPP' });
    }
    expect(await errorOf(ParallelZram.create({ pool: undefined, backing: {} } as never))).toMatchObject({
      code: 'EINVAL',
    });
  });

  test('counters and lost pages are those of the calls before', async () => {
    const { zram } = await makeParallel({ disksize: '1M' });
    const [first, , second] = [zram.stats(), zram.discard(0, 2 ** 20), zram.stats()];
    expect([(await first).ioStat.notifyFree, (await second).ioStat.notifyFree]).toEqual([0, 256]);
    void zram.reset();
    void zram.init('1M');
    void zram.discard(0, 5 * PAGE_SIZE);
    expect((await zram.stats()).ioStat.notifyFree).toBe(5);
    await zram.destroy();
  });
});
