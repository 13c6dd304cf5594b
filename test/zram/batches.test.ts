/** Writeback in flight and in batches, objects instead of pages, reads ahead, and pages that are brought back. */
import { afterAll, describe, expect, test } from '@jest/globals';
import { MemoryBacking, type AsyncBacking, type Zram, type ZramError, type ZramOptions } from '../../bindings/index.js';
import { BatchBacking } from '../support/batch-backing.js';
import { errorOf, rejectionOf } from '../support/errors.js';
import { HeldBacking, settled } from '../support/held-backing.js';
import { Random } from '../support/random.js';
import { checkPools, engineOf } from '../support/raw-core.js';
import { ToyCompressor } from '../support/toy-compressor.js';

const PAGE_SIZE = 4096;
const toy = new ToyCompressor();
const engine = engineOf('debug', { compressors: [toy] });
afterAll(() => engine.destroy());
const random = new Random(17);
const noise = () => random.fill(new Uint8Array(PAGE_SIZE));
/** A page that compresses to some `length` bytes. */
const part = (length: number) => noise().map((byte, n) => (n < length ? byte : 0));

interface Made {
  zram: Zram;
  pages: Uint8Array[];
}

function make(backing: ZramOptions['backing'], pages: Uint8Array[], options: ZramOptions = {}): Made {
  const zram = engine.createZram({ disksize: '1M', backing, ...options });
  pages.forEach((page, index) => zram.writePage(index, page));
  return { zram, pages };
}

async function expectPages({ zram, pages }: Made): Promise<void> {
  const read = await zram.readPagesAsync(0, pages.length);
  expect(Buffer.compare(read, Buffer.concat(pages))).toBe(0);
  checkPools(engine);
}

/** Turns of the event loop until something has a length, and some more in which it must not grow. */
async function reached(list: readonly unknown[], length: number): Promise<void> {
  for (let turns = 0; list.length < length && turns < 1000; turns++) await settled();
  for (let turns = 0; turns < 5; turns++) await settled();
  expect(list).toHaveLength(length);
}

const written = (zram: Zram, count: number) =>
  Array.from({ length: count }, (_, n) => n).filter((n) => zram.blockState(n)?.writtenBack);

describe('writes in flight', () => {
  test.each([
    [undefined, 32],
    [1, 1],
    [5, 5],
  ])('writebackBatchSize %s: %s pages of a backing without batches', async (writebackBatchSize, most) => {
    const backing = new HeldBacking();
    const made = make(backing, Array.from({ length: 40 }, noise), { writebackBatchSize });
    backing.open = false;
    const writing = made.zram.writebackAsync('huge');
    await reached(backing.calls, most);
    await backing.answer(backing.calls.length - 1);
    await reached(backing.calls, most); // the next takes its place
    expect((await backing.serve(writing)).pagesWritten).toBe(40);
    backing.open = true;
    await expectPages(made);
    made.zram.destroy();
  });

  test('batches are whole, and eight of them are in flight', async () => {
    const backing = new BatchBacking();
    const answers: (() => void)[] = [];
    backing.answer = () => new Promise<void>((resolve) => answers.push(resolve));
    const made = make(backing, Array.from({ length: 82 }, noise));
    const writing = made.zram.writebackAsync('huge');
    await reached(answers, 8);
    answers.shift()?.();
    await reached(answers, 8);
    const serving = setInterval(() => answers.shift()?.());
    expect((await writing).pagesWritten).toBe(82);
    clearInterval(serving);
    backing.answer = () => undefined;
    expect(backing.log.map(({ slots }) => slots.length)).toEqual([...new Array<number>(10).fill(8), 2]);
    await expectPages(made);
    made.zram.destroy();
  });

  test('of a batch the slots that fail are named by it; a batch that is refused, or answered with nonsense, fails as a whole', async () => {
    const backing = new BatchBacking({ batchSize: 4 });
    const made = make(backing, Array.from({ length: 12 }, noise));
    const { zram } = made;
    backing.answer = (slots) => slots.map((slot) => (slot % 3 === 0 ? new Error(`slot ${slot} is gone`) : null));
    const error = await rejectionOf(() => zram.writebackAsync('huge'));
    expect(error).toMatchObject({ code: 'EIO', pagesDone: 8 });
    expect(error.message).toMatch(/slot \d+ is gone/);
    expect(zram.bdStat.bdCount).toBe(8);
    for (const answer of [
      () => Promise.reject(new Error('no line')),
      () => [undefined],
      () => 'done',
      () => ({ length: 4 }),
    ]) {
      backing.answer = answer;
      expect(await rejectionOf(() => zram.writebackAsync('huge'))).toMatchObject({ code: 'EIO', pagesDone: 0 });
    }
    backing.answer = () => undefined;
    await expectPages(made);
    backing.answer = (slots) => slots.map((slot) => (slot === 1 ? 'lost' : undefined));
    const at = written(zram, 12).length;
    expect((await rejectionOf(() => zram.readPagesAsync(0, 12))).message).toMatch(/page \d+: .*slot 1: lost/);
    backing.answer = () => undefined;
    expect((await zram.writebackAsync('huge')).pagesWritten).toBe(12 - at);
    await expectPages(made);
    zram.destroy();
  });

  test('a shared object is written once, in flight too; if that fails its pages are tried one by one', async () => {
    const [shared, other] = [noise(), noise()];
    const backing = new BatchBacking({ batchSize: 4 });
    const made = make(backing, [shared, other, shared, shared, shared]);
    const { zram } = made;
    zram.merge();
    let calls = 0;
    backing.answer = (slots) => slots.map(() => (calls++ === 0 ? new Error('not this one') : undefined));
    const error = await rejectionOf(() => zram.writebackAsync({ pageIndexes: [[0, 4]] }));
    expect(error).toMatchObject({ code: 'EIO', pagesDone: 4 });
    expect(zram.bdStat.bdCount).toBe(2);
    backing.answer = () => undefined;
    await expectPages(made);
    expect((await zram.writebackAsync({ pageIndexes: [[0, 4]] })).pagesWritten).toBe(1);
    await expectPages(made);
    zram.destroy();
  });

  test('writeback_limit counts what is in flight, and not what fails', async () => {
    const backing = new HeldBacking();
    const made = make(backing, Array.from({ length: 10 }, noise));
    const { zram } = made;
    zram.sysfs.write('writeback_limit_enable', '1');
    zram.sysfs.write('writeback_limit', '4');
    backing.open = false;
    const error = rejectionOf(() => zram.writebackAsync('huge'));
    await reached(backing.calls, 4);
    await backing.answer(1, new Error('gone'));
    await reached(backing.calls, 4); // another in its place
    await backing.answerAll();
    expect(await error).toMatchObject({ code: 'EIO', pagesDone: 4 });
    expect(zram.sysfs.read('writeback_limit')).toBe('0\n');
    backing.open = true;
    await expectPages(made);
    zram.destroy();
  });

  test('a backing that is full while writes are in flight: a page that was touched leaves its slot to another', async () => {
    const backing = new HeldBacking(2);
    const made = make(backing, [noise(), noise(), noise()]);
    const { zram } = made;
    backing.open = false;
    const writing = zram.writebackAsync('huge');
    await reached(backing.calls, 2);
    zram.readPage(2); // the last is written first
    expect((await backing.serve(writing)).pagesWritten).toBe(2);
    backing.open = true;
    expect(written(zram, 3)).toEqual([0, 1]);
    await expectPages(made);
    zram.destroy();
  });

  test('the backing is told of slots that are written after their device has ended', async () => {
    const backing = new BatchBacking();
    const answers: (() => void)[] = [];
    backing.answer = () => new Promise<void>((resolve) => answers.push(resolve));
    const { zram } = make(backing, Array.from({ length: 16 }, noise));
    const error = rejectionOf(() => zram.writebackAsync('huge'));
    await reached(answers, 2);
    zram.destroy();
    expect(backing.held.size).toBe(16);
    for (const answer of answers) answer();
    await error;
    await settled();
    expect(backing.held.size).toBe(0);
  });
});

describe('the arrays of batches', () => {
  /** The buffers that batches came in, in their order. */
  class Watched extends BatchBacking {
    readonly buffers: ArrayBufferLike[] = [];

    override readMany(slots: readonly number[], pages: readonly Uint8Array[]): Promise<unknown> {
      this.buffers.push(...pages.map(({ buffer }) => buffer));
      return super.readMany(slots, pages);
    }

    override writeMany(slots: readonly number[], pages: readonly Uint8Array[]): Promise<unknown> {
      this.buffers.push(...pages.map(({ buffer }) => buffer));
      return super.writeMany(slots, pages);
    }
  }

  const distinct = (list: readonly unknown[]) => new Set(list).size;

  test.each([
    // In flight are 32 pages, of which a buffer takes as many.
    [false, 2],
    [true, 8],
  ])('keepsArrays %s: 256 pages come in %s buffers or so', async (keepsArrays, buffers) => {
    const backing = new Watched({ batchSize: 4, objects: true, keepsArrays });
    const made = make(backing, Array.from({ length: 256 }, noise));
    await made.zram.writebackAsync('huge');
    const used = [distinct(backing.buffers.splice(0))];
    await expectPages(made);
    used.push(distinct(backing.buffers));
    for (const count of used) {
      if (keepsArrays) expect(count).toBe(buffers);
      else expect(count).toBeLessThanOrEqual(buffers + 1);
    }
    made.zram.destroy();
  });

  test('what a write that failed was given is not used again: it may still be on its way', async () => {
    const given: { bytes: Uint8Array; copy: Uint8Array }[] = [];
    class Failing extends Watched {
      override async writeMany(slots: readonly number[], pages: readonly Uint8Array[]): Promise<unknown> {
        await super.writeMany(slots, pages);
        const fails = slots[0] % 3 === 0;
        if (fails) given.push({ bytes: pages[0], copy: pages[0].slice() });
        return slots.map((_, n) => (fails && n === 0 ? new Error('too late') : undefined));
      }
    }
    const backing = new Failing({ batchSize: 4, objects: true, keepsArrays: false });
    const made = make(backing, Array.from({ length: 256 }, noise));
    const error = await rejectionOf(() => made.zram.writebackAsync({ type: 'huge', maxFailures: Infinity }));
    expect(error).toMatchObject({ code: 'EIO' });
    await expectPages(made);
    expect(given.length).toBeGreaterThan(5);
    for (const { bytes, copy } of given) expect(Buffer.compare(bytes, copy)).toBe(0);
    made.zram.destroy();
  });

  describe.each([false, true])('a buffer that is transferred, keepsArrays %s', (keepsArrays) => {
    class Transferring extends Watched {
      #calls = 0;

      override async writeMany(slots: readonly number[], pages: readonly Uint8Array[]): Promise<unknown> {
        await super.writeMany(slots, pages);
        if (this.#calls++ % 4 > 0) return undefined;
        for (const { buffer } of pages) if (buffer.byteLength > 0) structuredClone(buffer, { transfer: [buffer] });
        return undefined;
      }
    }

    test.each<[number, ZramOptions]>([
      [32, {}],
      [4, {}],
      [4, { writebackBatchSize: 4 }],
    ])('batches of %s objects, %j: no page is lost, and the others are written', async (batchSize, options) => {
      const backing = new Transferring({ batchSize, objects: true, keepsArrays });
      const made = make(backing, Array.from({ length: 200 }, noise), options);
      for (let left = 200, times = 0; left > 0 && times < 20; times++) {
        const done = await made.zram.writebackAsync({ type: 'huge', maxFailures: Infinity }).catch((error: unknown) => {
          expect(error).toMatchObject({ code: 'EIO' });
          return { pagesWritten: (error as ZramError).pagesDone };
        });
        expect(done.pagesWritten).toBeGreaterThan(0);
        left -= done.pagesWritten!;
        await expectPages(made);
      }
      expect(written(made.zram, 200)).toHaveLength(200);
      made.zram.destroy();
    });

    test.each([2, 3, 64])(
      'objects at the beginning of pages, %s slots: the call ends, and no page is lost',
      async (slots) => {
        const backing = new Transferring({ batchSize: 2, keepsArrays }, slots);
        const made = make(
          backing,
          Array.from({ length: 20 }, (_, n) => part(200 * n)),
          { compressedWriteback: true },
        );
        const pageIndexes: [number, number][] = [[0, 19]];
        await made.zram.writebackAsync({ pageIndexes, maxFailures: Infinity }).catch((error: unknown) => {
          expect(['EIO', 'ENOSPC']).toContain((error as ZramError).code);
        });
        await expectPages(made);
        made.zram.destroy();
      },
    );
  });
});

describe('objects', () => {
  const kinds = (): Uint8Array[] => [noise(), part(1000), part(2500), new Uint8Array(PAGE_SIZE).fill(3), part(40)];

  test('a backing of objects is given what is stored, in its length', async () => {
    const backing = new BatchBacking({ objects: true });
    const made = make(backing, kinds());
    const { zram } = made;
    const { comprDataSize } = zram.mmStat;
    expect((await zram.writebackAsync({ pageIndexes: [[0, 4]] })).pagesWritten).toBe(4);
    expect(backing.log).toEqual([{ what: 'write', slots: [0, 1, 2, 3], bytes: comprDataSize }]);
    expect(zram.mmStat.comprDataSize).toBe(0);
    await expectPages(made);
    expect(backing.log[1]).toEqual({ what: 'read', slots: expect.any(Array) as unknown, bytes: comprDataSize });
    expect(zram.blockState(0)).toMatchObject({ writtenBack: true, huge: true, comprSize: PAGE_SIZE });
    expect(zram.blockState(1)?.comprSize).toBeGreaterThan(1000);
    expect(zram.blockState(1)?.comprSize).toBeLessThan(1100);
    expect(zram.sysfs).toBeDefined();
    zram.destroy();
  });

  test.each<[string, ZramOptions]>([
    ['another compressor', { compAlgorithm: 'toy' }],
    ['lzo-rle', { compAlgorithm: 'lzo-rle' }],
    ['lz4hc', { compAlgorithm: 'lz4hc' }],
    ['recompressed pages', { recompAlgorithms: ['toy'] }],
  ])('%s: its codec stays known as long as a slot has it', async (_, options) => {
    const backing = new BatchBacking({ objects: true });
    const made = make(backing, [...kinds(), part(2000), part(300)], options);
    const { zram } = made;
    if (options.recompAlgorithms) zram.recompress();
    await zram.writebackAsync({ pageIndexes: [[0, 6]] });
    await expectPages(made);
    const clone = zram.clone();
    zram.destroy(); // its encoders go
    for (let level = 1; level <= 14; level++) {
      // as many compressors as an engine has numbers for
      const one = engine.createZram({ compAlgorithm: 'deflate', level: Math.min(level, 9), disksize: '1M' });
      one.destroy();
    }
    await expectPages({ zram: clone, pages: made.pages });
    clone.destroy();
  });

  test('a wrong object is EIO and names the page: another slot’s, a longer or shorter one, a changed byte', async () => {
    const backing = new BatchBacking({ objects: true });
    const made = make(backing, [part(900), part(900), part(900)]);
    const { zram } = made;
    await zram.writebackAsync({ pageIndexes: [[0, 2]] });
    const [a, b] = [backing.held.get(0)!, backing.held.get(1)!];
    for (const wrong of [b, a.map((byte, n) => (n === 17 ? byte ^ 1 : byte)), new Uint8Array(a.length)]) {
      backing.heldIn = (slot) => (slot === 0 ? wrong : backing.held.get(slot)!);
      const error = await rejectionOf(() => zram.readPagesAsync(0, 3));
      expect(error.code).toBe('EIO');
      expect(error.message).toMatch(/page 2: the backing's slot 0 does not hold/);
      expect(error.pagesDone).toBe(2);
    }
    zram.destroy();
  });

  test('compressedWriteback with a backing of pages: a block for each, all the same', () => {
    const backing = new MemoryBacking(64);
    const { zram, pages } = make(backing, kinds(), { compressedWriteback: true, recompAlgorithms: ['toy'] });
    zram.recompress({ type: 'huge' });
    expect(zram.writeback({ pageIndexes: [[0, 4]] }).pagesWritten).toBe(4);
    for (const [index, page] of pages.entries()) expect(zram.readPage(index)).toEqual(page);
    expect(zram.bdStat).toEqual({ bdCount: 4, bdReads: 4, bdWrites: 4 });
    expect(zram.blockState(0)).toMatchObject({ writtenBack: true, huge: true, comprSize: PAGE_SIZE });
    expect(zram.sysfs.read('block_state')).toMatch(/ 0 +[0-9.]+ \.wh\.\.\.\n/);
    zram.write(5, Uint8Array.of(1, 2, 3)); // read, changed, stored
    pages[0].set([1, 2, 3], 5);
    const snapshot = zram.snapshot();
    expect(snapshot.readPage(0)).toEqual(pages[0]);
    expect(snapshot.readPage(1)).toEqual(pages[1]);
    for (const thing of [zram, snapshot]) thing.destroy();
  });

  test.each<[string, ZramOptions]>([
    ['a backing of objects', { backing: new BatchBacking({ objects: true }) }],
    ['compressedWriteback', { backing: new MemoryBacking(64), compressedWriteback: true }],
  ])('%s: a page that shares the object of a handle is whole there', async (_, { backing, ...options }) => {
    const pool = engine.createPool();
    const page = noise();
    pool.store(page);
    const made = make(backing, [page], { pool, ...options });
    expect(pool.merge().objectsMerged).toBe(1);
    await made.zram.writebackAsync('huge');
    expect(made.zram.blockState(0)).toMatchObject({ writtenBack: true, huge: true, comprSize: PAGE_SIZE });
    await expectPages(made);
    expect((await made.zram.prefetch([0])).pagesRead).toBe(1);
    await expectPages(made);
    pool.destroy();
  });

  test('the attributes are those of kernel 7.1', () => {
    const old = engine.createZram({ disksize: '1M' });
    for (const name of ['compressed_writeback', 'writeback_batch_size'])
      expect(errorOf(() => old.sysfs.read(name)).code).toBe('ENOENT');
    const zram = engine.createZram({ kernel: '7.1', compAlgorithm: 'lz4' });
    expect(zram.sysfs.read('compressed_writeback')).toBe('0\n');
    expect(zram.sysfs.read('writeback_batch_size')).toBe('32\n');
    for (const [text, value] of [
      ['yes', '1'],
      ['n\n', '0'],
      ['on', '1'],
      ['off', '0'],
      ['1', '1'],
      ['False', '0'],
      ['T', '1'],
    ]) {
      zram.sysfs.write('compressed_writeback', text);
      expect(zram.sysfs.read('compressed_writeback')).toBe(`${value}\n`);
    }
    for (const text of ['o', '2', 'ja', ' 1'])
      expect(errorOf(() => zram.sysfs.write('compressed_writeback', text)).code).toBe('EINVAL');
    for (const text of ['0', '-1', '4294967296', 'x'])
      expect(errorOf(() => zram.sysfs.write('writeback_batch_size', text)).code).toBe('EINVAL');
    zram.init('1M');
    expect(errorOf(() => zram.sysfs.write('compressed_writeback', '0')).code).toBe('EBUSY');
    zram.sysfs.write('writeback_batch_size', '4294967295\n');
    zram.reset(); // the kernel sets both when the device is added, and never again
    expect(zram.sysfs.read('compressed_writeback')).toBe('1\n');
    expect(zram.sysfs.read('writeback_batch_size')).toBe('4294967295\n');
    for (const thing of [old, zram]) thing.destroy();
  });

  test.each([
    [{ objects: true, readMany: undefined }, /must have readMany and writeMany/],
    [{ objects: 1 }, /backing.objects must be true or false/],
    [{ keepsArrays: 1 }, /backing.keepsArrays must be true or false/],
    [{ batchSize: 0 }, /backing.batchSize must be/],
    [{ batchSize: 2.5 }, /backing.batchSize must be/],
  ])('a backing with %s is EINVAL', (wrong, message) => {
    const backing = Object.assign(new BatchBacking({ objects: true }), wrong) as unknown as AsyncBacking;
    const error = errorOf(() => engine.createZram({ disksize: '1M', backing }));
    expect(error.code).toBe('EINVAL');
    expect(error.message).toMatch(message);
  });
});

describe('reads', () => {
  test('readPagesAsync asks for pages before their turn, in batches, and for nothing that is in memory', async () => {
    const backing = new BatchBacking();
    const made = make(backing, Array.from({ length: 60 }, noise));
    const { zram } = made;
    await zram.writebackAsync({
      pageIndexes: [
        [0, 19],
        [30, 59],
      ],
    });
    backing.log.length = 0;
    await expectPages(made);
    const batches = backing.log.map(({ slots }) => slots.length);
    expect(batches.reduce((sum, length) => sum + length)).toBe(50);
    expect(batches.length).toBeLessThanOrEqual(8);
    expect(zram.bdStat.bdReads).toBe(50);
    zram.destroy();
  });

  test('single reads of one turn go in one batch', async () => {
    const backing = new BatchBacking();
    const made = make(backing, Array.from({ length: 12 }, noise));
    await made.zram.writebackAsync('huge');
    backing.log.length = 0;
    const reads = await Promise.all(made.pages.map((_, n) => made.zram.readPagesAsync(n, 1)));
    expect(reads).toEqual(made.pages);
    expect(backing.log.map(({ slots }) => slots.length)).toEqual([8, 4]);
    made.zram.destroy();
  });
});

describe('prefetch', () => {
  test('brings pages back, frees their slots, and tells the backing', async () => {
    const backing = new BatchBacking();
    const made = make(backing, Array.from({ length: 30 }, noise));
    const { zram } = made;
    await zram.writebackAsync('huge');
    backing.log.length = 0;
    expect((await zram.prefetch([3, [10, 25], [20, 40]])).pagesRead).toBe(21);
    expect(backing.log.length).toBeLessThanOrEqual(5);
    expect(written(zram, 30)).toEqual([0, 1, 2, 4, 5, 6, 7, 8, 9]);
    expect(zram.bdStat).toMatchObject({ bdCount: 9, bdReads: 21 });
    await expectPages(made);
    expect((await zram.prefetch([[0, 255]])).pagesRead).toBe(9);
    expect(zram.bdStat.bdCount).toBe(0);
    await zram.writebackAsync('page_index=0');
    expect(backing.held.size).toBe(1);
    zram.destroy();
    expect(backing.held.size).toBe(0);
    expect(new Set(backing.discarded).size).toBe(30);
  });

  test.each([false, true])('objects come back as they were, and are not compressed again, dedup %s', async (dedup) => {
    const made = make(
      new BatchBacking({ objects: true }),
      [part(900), part(1500), noise(), new Uint8Array(4096).fill(3)],
      {
        dedup,
      },
    );
    const { zram, pages } = made;
    // As no search of LZ4 makes it: all of the page as literals, but for a match at the end.
    const literals = pages[0].subarray(0, 2000);
    const rest = PAGE_SIZE - literals.length - 5 - 4;
    const lengths = (n: number) => [...new Array<number>(Math.floor(n / 255)).fill(255), n % 255];
    const block = Uint8Array.from([
      ...[0xff, ...lengths(literals.length - 15), ...literals, 1, 0, ...lengths(rest - 15)],
      ...[0x50, ...pages[0].subarray(-5)],
    ]);
    zram.discard(0, PAGE_SIZE); // else deduplication finds the object that is there
    zram.writeCompressed(0, block);
    const before = zram.mmStat;
    const objects = pages.map((_, n) => zram.readCompressed(n));
    expect(Buffer.compare(objects[0], block)).toBe(0);
    zram.idle();
    await zram.writebackAsync('idle');
    expect(written(zram, 4)).toEqual([0, 1, 2]);
    expect((await zram.prefetch([[0, 3]])).pagesRead).toBe(3);
    expect(pages.map((_, n) => zram.readCompressed(n))).toEqual(objects);
    expect(zram.mmStat.comprDataSize).toBe(before.comprDataSize);
    await expectPages(made);
    zram.destroy();
  });

  test('a page that is about to be written back stays in memory, as one that is accessed does', async () => {
    const backing = new HeldBacking();
    const made = make(backing, [noise(), noise(), noise()]);
    const { zram } = made;
    backing.open = false;
    zram.idle();
    const writing = zram.writebackAsync('idle');
    await settled();
    expect((await zram.prefetch([1])).pagesRead).toBe(0);
    expect((await backing.serve(writing)).pagesWritten).toBe(2);
    expect(written(zram, 3)).toEqual([0, 2]);
    expect(zram.blockState(1)?.idle).toBe(false);
    zram.destroy();
  });

  test('a synchronous backing, and one page that cannot be read: the others come', async () => {
    const backing = new (class extends MemoryBacking {
      override read(slot: number, page: Uint8Array): void {
        if (slot === 4) throw new Error('gone');
        super.read(slot, page);
      }
    })(64);
    const made = make(backing, Array.from({ length: 10 }, noise));
    const { zram } = made;
    zram.writeback('huge');
    const error = await rejectionOf(() => zram.prefetch([[0, 9]]));
    expect(error).toMatchObject({ code: 'EIO', pagesDone: 9 });
    expect(error.message).toMatch(/page 5: .*slot 4: Error: gone/);
    expect(written(zram, 10)).toEqual([5]);
    zram.destroy();
  });

  test('no memory: the pages that do not fit stay where they are', async () => {
    const backing = new BatchBacking();
    const made = make(backing, Array.from({ length: 20 }, noise));
    const { zram } = made;
    await zram.writebackAsync('huge');
    zram.sysfs.write('mem_limit', String(8 * PAGE_SIZE));
    const error = await rejectionOf(() => zram.prefetch([[0, 19]]));
    expect(error.code).toBe('ENOMEM');
    expect(20 - written(zram, 20).length).toBe(error.pagesDone);
    await expectPages(made);
    zram.destroy();
  });

  test('a signal, a wrong list, a page outside the disk', async () => {
    const backing = new HeldBacking();
    const made = make(backing, [noise(), noise()]);
    const { zram } = made;
    await zram.writebackAsync('huge');
    backing.open = false;
    const controller = new AbortController();
    const error = rejectionOf(() => zram.prefetch([[0, 1]], { signal: controller.signal }));
    await settled();
    controller.abort();
    expect((await error).code).toBe('ECANCELED');
    backing.open = true;
    await backing.answerAll();
    for (const [wrong, code] of [
      [7, 'EINVAL'],
      [['0'], 'EINVAL'],
      [[[0, 1, 2]], 'EINVAL'],
      [[256], 'ERANGE'],
      [[[1, 0]], 'ERANGE'],
    ] as const)
      expect((await rejectionOf(() => zram.prefetch(wrong as unknown as number[]))).code).toBe(code);
    expect((await rejectionOf(() => engine.createZram().prefetch([0]))).code).toBe('EINVAL');
    await expectPages(made);
    zram.destroy();
  });
});

describe('readCompressed', () => {
  test.each(['lz4', 'toy', 'lzo', 'lz4hc', 'deflate'])('%s: what writeCompressed takes, without a trace', (name) => {
    const backing = new MemoryBacking(64);
    const pages = [noise(), part(700), new Uint8Array(PAGE_SIZE).fill(9), new Uint8Array(PAGE_SIZE), part(1800)];
    const { zram } = make(backing, pages, { compAlgorithm: name, recompAlgorithms: ['lzo-rle'] });
    const twin = engine.createZram({ disksize: '1M', compAlgorithm: name });
    zram.writeback({ pageIndex: 4 });
    zram.idle();
    const sizes = pages.map((_, index) => {
      const object = zram.readCompressed(index, index === 1 ? new Uint8Array(5000) : undefined);
      twin.writeCompressed(index, object);
      return object.length;
    });
    expect(sizes[0]).toBe(PAGE_SIZE);
    expect(sizes[1]).toBe(zram.blockState(1)?.comprSize);
    expect(sizes.slice(2)).toEqual([PAGE_SIZE, PAGE_SIZE, PAGE_SIZE]);
    expect(zram.blockState(1)?.idle).toBe(true);
    for (const [index, page] of pages.entries()) expect(twin.readPage(index)).toEqual(page);
    const snapshot = zram.snapshot();
    expect(snapshot.readCompressed(1)).toEqual(zram.readCompressed(1));
    for (const thing of [zram, twin, snapshot]) thing.destroy();
  });

  test('a page in another format, or on an asynchronous backing', async () => {
    const backing = new BatchBacking();
    const { zram, pages } = make(backing, [part(3000), noise()], { recompAlgorithms: ['deflate'] });
    zram.recompress();
    if (zram.blockState(0)?.recompressed) expect(zram.readCompressed(0)).toEqual(pages[0]);
    await zram.writebackAsync('page_index=1');
    expect(errorOf(() => zram.readCompressed(1)).code).toBe('EAGAIN');
    expect(errorOf(() => zram.readCompressed(256)).code).toBe('EINVAL');
    expect(errorOf(() => zram.readCompressed(0, new Uint8Array(100))).code).toBe('EINVAL');
    zram.destroy();
  });
});
