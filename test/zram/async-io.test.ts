/** Asynchronous calls that overlap: each has its own bytes, nothing that is written is lost, and each can be ended. */
import { afterAll, describe, expect, test } from '@jest/globals';
import { type AbortSignalLike, type PageRange, Zram, type ZramOptions } from '../../bindings/index.js';
import { HeldBacking, settled } from '../support/held-backing.js';
import { Random } from '../support/random.js';
import { checkPools, engineOf } from '../support/raw-core.js';
import { ToyCompressor } from '../support/toy-compressor.js';
import { rejectionOf } from '../support/errors.js';

const PAGE_SIZE = 4096;
const toy = new ToyCompressor();
const hooked = {
  name: 'hooked',
  hook: undefined as ((what: string) => void) | undefined,
  compress(page: Uint8Array): Uint8Array {
    hooked.hook?.('compress');
    return toy.compress(page);
  },
  decompress(block: Uint8Array): Uint8Array {
    hooked.hook?.('decompress');
    return toy.decompress(block);
  },
};
const engine = engineOf('debug', { compressors: [toy, hooked] });
afterAll(() => {
  checkPools(engine);
  engine.destroy();
});
const random = new Random(12, 'async');
const noise = () => random.fill(new Uint8Array(PAGE_SIZE));
const filled = (byte: number) => noise().fill(byte, 0, 4000);

async function codeOf(call: () => unknown): Promise<string> {
  return (await rejectionOf(call)).code;
}

/** A device whose first pages are on the backing, which answers no more by itself. */
async function make(
  pages: readonly Uint8Array[],
  options: ZramOptions = {},
): Promise<{ zram: Zram; backing: HeldBacking }> {
  const backing = new HeldBacking();
  const zram = engine.createZram({ disksize: '1M', backing, ...options });
  pages.forEach((page, index) => zram.writePage(index, page));
  await zram.writebackAsync({ pageIndexes: [[0, pages.length - 1]] });
  expect(zram.bdStat.bdCount).toBe(pages.length);
  backing.open = false;
  return { zram, backing };
}

/** Kinds of arrays that callers have: each of 4096 bytes with these. */
class Subclass extends Uint8Array {
  override set(): void {
    throw new Error('not to be called');
  }
  override subarray(): never {
    throw new Error('not to be called');
  }
  override slice(): never {
    throw new Error('not to be called');
  }
}
const kinds: [string, (page: Uint8Array) => Uint8Array][] = [
  ['a Uint8Array', (page) => Uint8Array.from(page)],
  ['a Buffer', (page) => Buffer.concat([page])],
  ['a pooled Buffer', (page) => Buffer.from(Buffer.from(page).toString('latin1'), 'latin1')],
  ['a shared array', (page) => Object.assign(new Uint8Array(new SharedArrayBuffer(page.length)), page)],
  [
    'a subclass',
    (page) => {
      const made = new Subclass(page.length);
      Uint8Array.prototype.set.call(made, page);
      return made;
    },
  ],
];

describe('reads that overlap', () => {
  test('parts of pages: each has its own bytes, whatever is read or written before it is awaited', async () => {
    const zrams = ['lz4', 'toy'].map((compAlgorithm) => engine.createZram({ disksize: '1M', compAlgorithm }));
    const things = zrams.flatMap((zram) => {
      for (let n = 0; n < 8; n++) zram.writePage(n, filled(65 + n));
      return [zram, zram.snapshot()];
    });
    const reads = things.flatMap((thing) => {
      return [0, 1, 2, 3, 4, 5, 6].map(async (n) => {
        expect(await thing.readAsync(n * PAGE_SIZE + 100, 3)).toEqual(new Uint8Array(3).fill(65 + n));
        const read = await thing.readAsync(n * PAGE_SIZE + 3000, PAGE_SIZE);
        expect(Buffer.compare(read, thing.read(n * PAGE_SIZE + 3000, PAGE_SIZE))).toBe(0);
      });
    });
    for (const zram of zrams) zram.writePage(9, noise());
    await Promise.all(reads);
    for (const thing of things) thing.destroy();
  });

  test('pages on a backing that answers in any order', async () => {
    const pages = Array.from({ length: 20 }, noise);
    const { zram, backing } = await make(pages);
    const snapshot = zram.snapshot();
    const reads = [zram, snapshot].flatMap((thing) =>
      pages.flatMap((page, n) => [
        thing.readAsync(n * PAGE_SIZE + 7, 50).then((read) => Buffer.compare(read, page.subarray(7, 57))),
        thing.readPagesAsync(n, 1).then((read) => Buffer.compare(read, page)),
      ]),
    );
    await settled();
    expect(new Set(await backing.serve(Promise.all(reads)))).toEqual(new Set([0]));
    expect(zram.bdStat.bdReads).toBe(80);
    for (const thing of [zram, snapshot]) thing.destroy();
  });

  test('a page that is written, discarded or filled before the backing answers reads as it is then', async () => {
    const [a, b] = [noise(), noise()];
    const { zram, backing } = await make([a, a, a, a]);
    const snapshot = zram.snapshot();
    const reads = [0, 1, 2, 3].map((n) => zram.readPagesAsync(n, 1));
    const old = snapshot.readPagesAsync(0, 4);
    await settled();
    zram.writePage(0, b);
    zram.discard(PAGE_SIZE, PAGE_SIZE);
    zram.writePage(2, new Uint8Array(PAGE_SIZE).fill(7));
    const read = await backing.serve(Promise.all(reads));
    const now = [b, new Uint8Array(PAGE_SIZE), new Uint8Array(PAGE_SIZE).fill(7), a];
    expect(read).toEqual(now);
    expect(await backing.serve(old)).toEqual(new Uint8Array(Buffer.concat([a, a, a, a])));
    for (const thing of [zram, snapshot]) thing.destroy();
  });

  test('a slot that is given to another page during a read never shows in it', async () => {
    const [a, b] = [noise(), noise()];
    const { zram, backing } = await make([a]);
    const reading = zram.readAsync(10, 5);
    await settled();
    zram.discard(0, PAGE_SIZE);
    zram.writePage(1, b);
    backing.open = true;
    await zram.writebackAsync({ pageIndex: 1 });
    expect([...backing.pages.keys()]).toEqual([0]);
    await backing.answer();
    expect(await reading).toEqual(new Uint8Array(5));
    expect(await zram.readPagesAsync(1, 1)).toEqual(b);
    zram.destroy();
  });

  test('of the read that fails the page is named; one that is written meanwhile does not fail', async () => {
    const [a, b] = [noise(), noise()];
    const { zram, backing } = await make([a, a]);
    const [failing, saved] = [zram.readPagesAsync(0, 1), zram.readPagesAsync(1, 1)];
    const failed = rejectionOf(() => failing);
    await settled();
    zram.writePage(1, b);
    await backing.answer(0, new Error('gone'));
    await backing.answer(0, new Error('gone'));
    expect(await failed).toMatchObject({ code: 'EIO', pagesDone: 0 });
    expect((await failed).message).toMatch(/page 0: .*slot \d+: Error: gone/);
    expect(await saved).toEqual(b);
    expect(zram.ioStat.failedReads).toBe(1);
    zram.destroy();
  });

  test.each(kinds)('out is %s', async (_, kind) => {
    const pages = [noise(), noise(), noise()];
    const { zram, backing } = await make(pages.slice(0, 2));
    zram.writePage(2, pages[2]);
    const out = kind(new Uint8Array(3 * PAGE_SIZE));
    const reading = zram.readAsync(5, 3 * PAGE_SIZE - 5, out);
    expect(await backing.serve(reading)).toBe(out);
    expect(Buffer.compare(Uint8Array.from(out).subarray(0, -5), Buffer.concat(pages).subarray(5))).toBe(0);
    zram.destroy();
  });

  test.each<[string, (out: Uint8Array) => void]>([
    ['detached', (out) => void structuredClone(out.buffer, { transfer: [out.buffer as ArrayBuffer] })],
    ['made shorter', (out) => (out.buffer as ArrayBuffer & { resize(n: number): void }).resize(100)],
  ])('out that is %s meanwhile: only that call is EINVAL', async (_, end) => {
    const [a, b] = [noise(), noise()];
    const { zram, backing } = await make([a, b]);
    const buffer = new (ArrayBuffer as any)(2 * PAGE_SIZE, { maxByteLength: 3 * PAGE_SIZE });
    const out = new Uint8Array(buffer);
    const error = rejectionOf(() => zram.readAsync(0, 2 * PAGE_SIZE, out));
    const other = zram.readAsync(5, PAGE_SIZE);
    await settled();
    end(out);
    expect(await backing.serve(error)).toMatchObject({ code: 'EINVAL', pagesDone: 0 });
    expect(await backing.serve(other)).toEqual(new Uint8Array(Buffer.concat([a, b])).subarray(5, PAGE_SIZE + 5));
    zram.destroy();
  });
});

describe('writeAsync', () => {
  test('parts of one page, all at once: all take effect, later ones over earlier ones', async () => {
    const page = noise();
    const { zram, backing } = await make([page]);
    const writes = Array.from({ length: 30 }, (_, n) => {
      const [at, length] = [random.below(4000), random.below(96)];
      page.fill(n, at, at + length);
      return zram.writeAsync(at, new Uint8Array(length).fill(n));
    });
    await settled();
    expect(backing.calls).toHaveLength(1); // the others wait for the first, and find the page in memory
    await backing.serve(Promise.all(writes));
    expect(zram.readPage(0)).toEqual(page);
    expect(zram.blockState(0)?.writtenBack).toBe(false);
    expect(zram.bdStat.bdCount).toBe(0);
    zram.destroy();
  });

  test('a write or discard between its read and its write is not lost', async () => {
    for (const between of ['writePage', 'write', 'discard', 'writeback again'] as const) {
      const [a, b] = [noise(), noise()];
      const { zram, backing } = await make([a]);
      const writing = zram.writeAsync(10, Uint8Array.of(1, 2, 3));
      await settled();
      let expected = b;
      if (between === 'discard') {
        zram.discard(0, PAGE_SIZE);
        expected = new Uint8Array(PAGE_SIZE);
      } else zram.writePage(0, b);
      if (between === 'write') zram.write(12, Uint8Array.of(9, 9));
      if (between === 'writeback again') {
        backing.open = true;
        await zram.writebackAsync({ pageIndex: 0 });
      }
      await backing.serve(writing);
      expected = Uint8Array.from(expected);
      if (between === 'write') expected.set([9, 9], 12);
      expected.set([1, 2, 3], 10);
      expect(await zram.readPagesAsync(0, 1)).toEqual(expected);
      zram.destroy();
    }
  });

  test.each(kinds)('the bytes are %s, and the caller’s again at once', async (_, kind) => {
    const [a, b] = [noise(), noise()];
    const { zram, backing } = await make([a, a, a]);
    const bytes = kind(Uint8Array.from(Buffer.concat([b, b])));
    const writing = zram.writeAsync(2000, bytes);
    Uint8Array.prototype.fill.call(bytes, 0xee);
    await backing.serve(writing);
    const expected = Uint8Array.from(Buffer.concat([a, a, a]));
    expected.set(Buffer.concat([b, b]), 2000);
    backing.open = true;
    expect(await zram.readPagesAsync(0, 3)).toEqual(expected);
    zram.destroy();
  });

  test('what needs no waiting is written by the time the call returns', async () => {
    const { zram } = await make([noise()], { compAlgorithm: 'toy' });
    // The call gives way when its time is over, and on a busy machine that may be at once.
    let written = 0;
    for (let tries = 0; tries < 20 && written === 0; tries++) {
      const bytes = Uint8Array.from(Buffer.concat([noise(), noise(), noise()]));
      const writing = zram.writeAsync(3 * PAGE_SIZE - 100, bytes);
      if (Buffer.compare(zram.read(3 * PAGE_SIZE - 100, bytes.length), bytes) === 0) written++;
      await writing;
    }
    expect(written).toBe(1);
    zram.destroy();
  });

  test('it fails as write does: what is done is told, and the rest keeps its content', async () => {
    const zram = engine.createZram({ disksize: '1M', memLimit: 10 * PAGE_SIZE });
    const bytes = random.fill(new Uint8Array(20 * PAGE_SIZE));
    const error = await rejectionOf(() => zram.writeAsync(0, bytes));
    expect(error).toMatchObject({ code: 'ENOMEM', pagesDone: 10 });
    expect(zram.read(0, 10 * PAGE_SIZE)).toEqual(bytes.subarray(0, 10 * PAGE_SIZE));
    expect(zram.readPage(10)).toEqual(new Uint8Array(PAGE_SIZE));
    zram.destroy();
    const { zram: other, backing } = await make([noise(), noise(), noise(), noise()]);
    const failing = rejectionOf(() => other.writeAsync(PAGE_SIZE + 5, bytes.subarray(0, 2 * PAGE_SIZE)));
    await settled();
    await backing.answer();
    while (backing.calls.length === 0) await settled();
    await backing.answer(0, new Error('gone'));
    expect(await failing).toMatchObject({ code: 'EIO', pagesDone: 2 });
    expect((await failing).message).toMatch(/page 3[:,] /);
    other.destroy();
  });

  test('the synchronous write of a part names it', async () => {
    const { zram } = await make([noise()]);
    const error = await rejectionOf(() => zram.write(5, Uint8Array.of(1)));
    expect(error.code).toBe('EAGAIN');
    expect(error.message).toMatch(/writeAsync/);
    zram.destroy();
  });

  test('a compressor that writes to the page which is changed in part: neither write is lost', () => {
    const zram = engine.createZram({ disksize: '1M', compAlgorithm: 'hooked' });
    const [a, b] = [1, 2].map((byte) => filled(byte).fill(0, 2000));
    for (const when of ['compress', 'decompress']) {
      zram.writePage(0, a);
      hooked.hook = (what) => {
        if (what !== when) return;
        hooked.hook = undefined;
        zram.writePage(0, b);
      };
      zram.write(100, Uint8Array.of(9, 9));
      expect(hooked.hook).toBeUndefined();
      const expected = Uint8Array.from(b);
      expected.set([9, 9], 100);
      expect(zram.readPage(0)).toEqual(expected);
    }
    zram.destroy();
  });

  test('a compressor that does so each time: EIO, what it wrote stays', async () => {
    const zram = engine.createZram({ disksize: '1M', compAlgorithm: 'hooked' });
    const page = filled(1).fill(0, 2000);
    zram.writePage(0, page);
    let inside = false;
    hooked.hook = (what) => {
      if (inside || what !== 'compress') return;
      inside = true;
      page[5]++;
      zram.writePage(0, page);
      inside = false;
    };
    const code = await codeOf(() => zram.write(100, Uint8Array.of(9, 9)));
    hooked.hook = undefined;
    expect(code).toBe('EIO');
    expect(zram.readPage(0)).toEqual(page);
    zram.destroy();
  });
});

describe('diffAsync', () => {
  const list = (ranges: readonly PageRange[]) => ranges.map(({ index, count }) => [index, count]);

  test('pages on backings, of one engine and of two, as diff finds them', async () => {
    const pages = Array.from({ length: 12 }, noise);
    const { zram, backing } = await make(pages);
    backing.open = true;
    const elsewhere = engineOf('release', {});
    const snapshot = zram.snapshot();
    for (const made of [zram.clone(), elsewhere.createZram({ disksize: '512K' })]) {
      pages.forEach((page, n) => made.writePage(n, page));
      made.writePage(3, noise());
      made.discard(7 * PAGE_SIZE, 2 * PAGE_SIZE);
      made.writePage(100, noise());
      for (const thing of [zram, snapshot]) {
        expect((await rejectionOf(() => thing.diff(made))).code).toBe('EAGAIN');
        expect((await rejectionOf(() => thing.diff(made))).message).toMatch(/diffAsync/);
        const expected = [
          [3, 1],
          [7, 2],
          [100, 1],
        ];
        expect(list(await thing.diffAsync(made))).toEqual(expected);
        expect(list(await made.diffAsync(thing as Zram))).toEqual(expected);
      }
      expect(list(await zram.diffAsync(snapshot))).toEqual([]);
      made.destroy();
    }
    elsewhere.destroy();
    for (const thing of [zram, snapshot]) thing.destroy();
  });

  test('a page that changes while it is compared is compared again', async () => {
    const [a, b] = [noise(), noise()];
    const { zram, backing } = await make([a, a]);
    const other = engine.createZram({ disksize: '1M' });
    other.writePages(0, Buffer.concat([a, a]));
    const differences = zram.diffAsync(other);
    await settled();
    zram.writePage(0, b);
    other.writePage(0, b);
    expect(list(await backing.serve(differences))).toEqual([]);
    for (const thing of [zram, other]) thing.destroy();
  });
});

describe('the end of a call', () => {
  type Call = (zram: Zram, signal: AbortSignalLike) => Promise<unknown>;
  const calls: [string, Call][] = [
    ['readPagesAsync', (zram, signal) => zram.readPagesAsync(0, 3, undefined, { signal })],
    ['readAsync', (zram, signal) => zram.readAsync(5, 3 * PAGE_SIZE, undefined, { signal })],
    ['writeAsync', (zram, signal) => zram.writeAsync(5, new Uint8Array(3 * PAGE_SIZE), { signal })],
    ['diffAsync', (zram, signal) => zram.diffAsync(engine.createZram({ disksize: '1M' }), { signal })],
    ['writebackAsync', (zram, signal) => zram.writebackAsync({ pageIndexes: [[10, 13]], signal })],
  ];

  test.each(calls)('%s: a signal ends it at once, or before it begins', async (_, call) => {
    const pages = [noise(), noise(), noise(), noise()];
    const { zram, backing } = await make(pages);
    for (let n = 10; n < 14; n++) zram.writePage(n, noise());
    const controller = new AbortController();
    const error = rejectionOf(() => call(zram, controller.signal));
    await settled();
    const reason = new Error('enough');
    controller.abort(reason); // the backing has not answered, and need not
    expect(await error).toMatchObject({ code: 'ECANCELED', cause: reason });
    expect(await codeOf(() => call(zram, controller.signal))).toBe('ECANCELED');
    expect(backing.calls.length).toBeGreaterThan(0);
    expect(backing.calls.length).toBeLessThanOrEqual(4); // none is begun after the end
    await backing.answerAll();
    backing.open = true;
    expect(await zram.readPagesAsync(0, 4)).toEqual(Uint8Array.from(Buffer.concat(pages)));
    zram.destroy();
  });

  test.each(calls)(
    '%s: whoever resets or destroys the device ends it, and a new disk does not revive it',
    async (name, call) => {
      for (const end of ['reset', 'destroy', 'init'] as const) {
        const { zram, backing } = await make([noise(), noise(), noise(), noise()]);
        for (let n = 10; n < 14; n++) zram.writePage(n, noise());
        const { signal } = new AbortController();
        const error = rejectionOf(() => call(zram, signal));
        await settled();
        zram[end === 'destroy' ? 'destroy' : 'reset']();
        if (end === 'init') {
          zram.init('1M');
          zram.writePage(0, noise());
        }
        // Writes that are under way are waited for: then the backing is free.
        if (name === 'writebackAsync') await backing.answerAll();
        expect((await error).code).toBe('EINVAL');
        zram.destroy();
        engine.createZram({ disksize: '1M', backing }).destroy();
      }
    },
  );

  test('a signal is let go of at the end, and may be of any make', async () => {
    const listeners = new Set<() => void>();
    const signal: AbortSignalLike = {
      aborted: false,
      addEventListener: (_, listener) => void listeners.add(listener),
      removeEventListener: (_, listener) => void listeners.delete(listener),
    };
    const { zram, backing } = await make([noise(), noise()]);
    backing.open = true;
    await zram.readPagesAsync(0, 2, undefined, { signal });
    expect(listeners.size).toBe(0);
    backing.open = false;
    const reading = rejectionOf(() => zram.readPagesAsync(0, 2, undefined, { signal }));
    await settled();
    for (const listener of listeners) listener();
    expect(await reading).toMatchObject({ code: 'ECANCELED', pagesDone: 0 });
    expect(listeners.size).toBe(0);
    zram.destroy();
  });

  test('of writeAsync calls to one page the one that is ended leaves the others their turn', async () => {
    const page = noise();
    const { zram, backing } = await make([page]);
    const controller = new AbortController();
    const writes = [0, 1, 2].map((n) =>
      zram.writeAsync(n, Uint8Array.of(n), n === 1 ? { signal: controller.signal } : undefined),
    );
    const ended = codeOf(() => writes[1]);
    controller.abort();
    expect(await ended).toBe('ECANCELED');
    await backing.serve(Promise.all([writes[0], writes[2]]));
    page.set([0], 0);
    page.set([2], 2);
    expect(zram.readPage(0)).toEqual(page);
    zram.destroy();
  });
});
