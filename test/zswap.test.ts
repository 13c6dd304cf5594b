/** Zswap against a plain map: nothing is lost, every refusal is counted under the kernel's name. */
import { existsSync, mkdtempSync, rmSync, truncateSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { describe, expect, test } from '@jest/globals';
import {
  MemoryBacking,
  type AsyncBacking,
  type Backing,
  type Zram,
  type Zswap,
  type ZswapOptions,
} from '../bindings/index.js';
import { FileBacking } from '../bindings/node.js';
import { BatchBacking } from './support/batch-backing.js';
import { Random, seedOfRun } from './support/random.js';
import { BUILDS, checkPools, engineOf } from './support/raw-core.js';
import { ToyCompressor } from './support/toy-compressor.js';

const PAGE_SIZE = 4096;
const random = new Random(seedOfRun(), 'zswap');
const compressible = (): Uint8Array => random.fill(new Uint8Array(PAGE_SIZE)).fill(0, 1200);
const noise = (): Uint8Array => random.fill(new Uint8Array(PAGE_SIZE));

class FailingBacking implements Backing {
  readonly slots = 3000;
  readonly #inner = new MemoryBacking(3000);
  read(slot: number, page: Uint8Array): void {
    if (random.chance(10)) throw new Error('a bad sector');
    this.#inner.read(slot, page);
  }
  write(slot: number, page: Uint8Array): void {
    if (random.chance(30)) throw new Error('a bad sector');
    this.#inner.write(slot, page);
  }
}

/** Random calls; what a store accepted must be read back, however often the backing failed in between. */
function drive(zswap: Zswap, operations: number, exclusive: boolean, model = new Map<number, Uint8Array>()): void {
  const contents = [
    compressible(),
    compressible(),
    noise(),
    new Uint8Array(PAGE_SIZE),
    new Uint8Array(PAGE_SIZE).fill(9),
  ];
  for (let n = 0; n < operations; n++) {
    const key = random.below(400);
    const kind = random.below(10);
    if (kind < 5) {
      const page = random.chance(50) ? random.pick(contents) : random.chance(20) ? noise() : compressible();
      if (zswap.store(key, page)) model.set(key, page);
      else model.delete(key);
    } else if (kind < 8) {
      let page: Uint8Array | undefined;
      try {
        page = zswap.load(key);
      } catch (error) {
        expect(error).toMatchObject({ code: 'EIO' });
        continue;
      }
      expect(page === undefined).toBe(!model.has(key));
      if (page && Buffer.compare(page, model.get(key)!) !== 0) throw new Error(`key ${key} is wrong`);
      if (exclusive) model.delete(key);
    } else if (kind < 9) {
      zswap.invalidate(key);
      model.delete(key);
    } else {
      zswap.shrink(random.below(10));
    }
  }
}

describe.each(BUILDS)('zswap, %s build', (build) => {
  test.each<[string, ZswapOptions]>([
    ['without a backing', {}],
    ['with a small pool', { maxPoolBytes: 200 * 1024 }],
    ['with a backing', { maxPoolBytes: 200 * 1024, backing: new MemoryBacking(3000) }],
    ['with a backing that is full', { maxPoolBytes: 100 * 1024, backing: new MemoryBacking(20) }],
    ['with a backing that fails', { maxPoolBytes: 200 * 1024, backing: new FailingBacking() }],
    ['with exclusive loads', { maxPoolBytes: 200 * 1024, backing: new MemoryBacking(3000), exclusiveLoads: true }],
    ['packed', { maxPoolBytes: 100 * 1024, backing: new MemoryBacking(20), packSlots: true, exclusiveLoads: true }],
    ['packed, with a backing that fails', { maxPoolBytes: 200 * 1024, backing: new FailingBacking(), packSlots: true }],
  ])('is a map of pages %s', (_name, options) => {
    const engine = engineOf(build);
    const used = engine.memory.used;
    const zswap = engine.createZswap(options);
    drive(zswap, 1200, options.exclusiveLoads ?? false);
    checkPools(engine);
    for (let key = 0; key < 400; key++) zswap.invalidate(key);
    expect(zswap.stats()).toMatchObject({ storedPages: 0, storedIncompressiblePages: 0, poolTotalSize: 0 });
    zswap.destroy();
    expect(engine.memory.used).toBe(used);
    engine.destroy();
  });
});

test('the limit and its hysteresis: refused until the pool is down to the accept threshold', () => {
  const engine = engineOf('release');
  const zswap = engine.createZswap({ maxPoolBytes: 100 * PAGE_SIZE, acceptThresholdPercent: 50 });
  for (let key = 0; key < 100; key++) expect(zswap.store(key, noise())).toBe(true);
  expect(zswap.stats()).toMatchObject({ storedIncompressiblePages: 100, poolLimitHit: 0 });
  expect(zswap.store(100, noise())).toBe(false);
  expect(zswap.stats().poolLimitHit).toBe(1);
  for (let key = 0; key < 49; key++) zswap.invalidate(key);
  expect(zswap.store(100, noise())).toBe(false); // 51 pages: below the limit, above the threshold
  expect(zswap.stats().poolLimitHit).toBe(1);
  zswap.invalidate(49);
  expect(zswap.store(100, noise())).toBe(true);
  engine.destroy();
});

test('maxPoolPercent is of the engine’s memory limit', () => {
  const engine = engineOf('release', { maxMemory: '16M' });
  const zswap = engine.createZswap({ maxPoolPercent: 10 });
  const limit = engine.memory.limit / 10;
  const page = noise();
  let key = 0;
  while (zswap.store(key, page)) key++;
  expect(key).toBe(Math.ceil(limit / PAGE_SIZE));
  expect(zswap.stats()).toMatchObject({ poolLimitHit: 1, rejectAllocFail: 0, poolTotalSize: key * PAGE_SIZE });
  expect(zswap.stats().storedIncompressiblePages).toBe(key);
  engine.destroy();
});

test('a refused store drops what the key held: it is stale', () => {
  const engine = engineOf('release');
  const zswap = engine.createZswap({ maxPoolBytes: 2 * PAGE_SIZE });
  zswap.store(1, noise());
  zswap.store(2, noise());
  expect(zswap.store(1, noise())).toBe(false);
  expect(zswap.load(1)).toBeUndefined();
  expect(zswap.load(2)).toBeDefined();
  engine.destroy();
});

test('writeback takes what was not used for longest, and gives second chances', () => {
  const written: number[] = [];
  const inner = new MemoryBacking(10);
  const backing: Backing = {
    slots: 10,
    read: (slot, page) => inner.read(slot, page),
    write: (slot, page) => {
      written.push(page[0]);
      inner.write(slot, page);
    },
  };
  const engine = engineOf('release');
  const zswap = engine.createZswap({ backing });
  for (let key = 1; key <= 4; key++) zswap.store(key, compressible().fill(key, 0, 1));
  expect(zswap.shrink(1)).toBe(1); // all were referenced: the round trip takes that away, then the first goes
  zswap.load(2);
  expect(zswap.shrink(2)).toBe(2);
  expect(written).toEqual([1, 3, 4]);
  expect(zswap.load(1)![0]).toBe(1);
  expect(zswap.stats()).toMatchObject({ writtenBackPages: 3, storedPages: 1 });
  engine.destroy();
});

test('a failed writeback loses nothing and is counted', () => {
  const engine = engineOf('release');
  const broken: Backing = {
    slots: 10,
    read() {
      throw new Error('no');
    },
    write() {
      throw new Error('no');
    },
  };
  const zswap = engine.createZswap({ backing: broken });
  const page = compressible();
  zswap.store(5, page);
  expect(zswap.shrink(1)).toBe(0);
  expect(zswap.stats()).toMatchObject({ rejectReclaimFail: 1, writtenBackPages: 0, storedPages: 1 });
  expect(Buffer.compare(zswap.load(5)!, page)).toBe(0);
  engine.destroy();
});

test('no memory is a refusal, and with the shrinker a writeback', () => {
  for (const shrinkerEnabled of [false, true]) {
    const engine = engineOf('release', { maxMemory: '2M' });
    const zswap = engine.createZswap({ maxPoolPercent: 100, backing: new MemoryBacking(5000), shrinkerEnabled });
    let accepted = 0;
    for (let key = 0; key < 1000; key++) accepted += Number(zswap.store(key, noise()));
    if (shrinkerEnabled) expect(accepted).toBeGreaterThan(900);
    else expect(zswap.stats().rejectAllocFail).toBe(1000 - accepted);
    engine.destroy();
  }
});

test('a file takes pages back; one that is cut short is EIO for the pages that it lost only', () => {
  const folder = mkdtempSync(path.join(tmpdir(), 'zram-wasm-'));
  const file = path.join(folder, 'swap');
  const engine = engineOf('release');
  const backing = new FileBacking(file, 100);
  expect(() => new FileBacking(file, 1)).toThrow(expect.objectContaining({ code: 'EBUSY' }));
  const zswap = engine.createZswap({ backing });
  const pages = Array.from({ length: 10 }, compressible);
  pages.forEach((page, key) => zswap.store(key, page));
  expect(zswap.shrink(10)).toBe(10);
  truncateSync(file, 9 * PAGE_SIZE + 100);
  expect(Buffer.compare(zswap.load(0)!, pages[0])).toBe(0);
  expect(() => zswap.load(9)).toThrow(expect.objectContaining({ code: 'EIO' }));
  backing.destroy();
  expect(existsSync(file)).toBe(false);
  rmSync(folder, { recursive: true });
  engine.destroy();
});

test('zswap and zram on one pool: merged across, ended apart', () => {
  const engine = engineOf('debug');
  const pool = engine.createPool();
  const zram = engine.createZram({ disksize: '1M', pool });
  const zswap = engine.createZswap({ pool });
  const pages = Array.from({ length: 30 }, compressible);
  pages.forEach((page, n) => (zram.writePage(n, page), zswap.store(n, page)));
  expect(pool.merge().objectsMerged).toBe(30);
  checkPools(engine);
  zswap.destroy();
  pages.forEach((page, n) => expect(Buffer.compare(zram.readPage(n), page)).toBe(0));
  checkPools(engine);
  expect(pool.stats()).toMatchObject({ objects: 30, handles: 30, pagesMerged: 0 });
  engine.destroy();
});

describe('packed slots', () => {
  test('a backing may drop and store pages during a write', () => {
    const engine = engineOf('debug');
    const inner = new MemoryBacking(3000);
    const model = new Map<number, Uint8Array>();
    let calls = 0;
    const backing: Backing = {
      slots: 3000,
      read: (slot, page) => inner.read(slot, page),
      write(slot, page) {
        inner.write(slot, page);
        const key = random.below(400);
        zswap.invalidate(key);
        model.delete(key);
        const fresh = compressible();
        if (calls++ % 3 === 0 && zswap.store(key, fresh)) model.set(key, fresh);
        expect(zswap.shrink(1)).toBe(0);
      },
    };
    const zswap: Zswap = engine.createZswap({ backing, packSlots: true, maxPoolBytes: 200 * 1024 });
    drive(zswap, 1500, false, model);
    expect(calls).toBeGreaterThan(20);
    for (const [key, page] of model) expect(Buffer.compare(zswap.load(key)!, page)).toBe(0);
    engine.destroy();
  });

  test.each(['lz4', 'lz4hc', 'lzo', 'deflate'])('hold pages of %s, same-filled ones and noise', (compressor) => {
    const engine = engineOf('debug');
    const used = new Set<number>();
    const inner = new MemoryBacking(100);
    const backing: Backing = {
      slots: 100,
      read: (slot, page) => inner.read(slot, page),
      write: (slot, page) => {
        used.add(slot);
        inner.write(slot, page);
      },
    };
    const zswap = engine.createZswap({ compressor, backing, packSlots: true });
    const pages = Array.from({ length: 40 }, (_, key) => noise().fill(0, 700 + (key % 3) * 1500));
    pages.push(new Uint8Array(PAGE_SIZE), new Uint8Array(PAGE_SIZE).fill(9), noise());
    pages.push(new Uint8Array(new BigUint64Array(PAGE_SIZE / 8).fill(0x0123456789abcdefn).buffer));
    pages.forEach((page, key) => zswap.store(key, page));
    expect(zswap.shrink(100)).toBe(pages.length);
    expect(zswap.stats()).toMatchObject({ storedPages: 0, poolTotalSize: 0, writtenBackPages: pages.length });
    // A third of 40 pages takes 3396 bytes, a third 1896, a third 396: two of three slots.
    expect(used.size).toBeLessThanOrEqual(30);
    pages.forEach((page, key) => expect(Buffer.compare(zswap.load(key)!, page)).toBe(0));
    engine.destroy();
  });

  test('keep the codecs of their objects known, though nothing else does', () => {
    const engine = engineOf('debug', { compressors: [new ToyCompressor()] });
    const pool = engine.createPool();
    const zswap = engine.createZswap({ pool, backing: new MemoryBacking(9), packSlots: true });
    const zram = engine.createZram({ disksize: '1M', pool, recompAlgorithms: ['deflate'] });
    const page = noise().map((byte) => byte & 3);
    zram.writePage(0, page);
    zswap.store(1, page);
    expect(pool.merge().objectsMerged).toBe(1);
    expect(zram.recompress().objectsRecompressed).toBe(1);
    expect(zswap.shrink(1)).toBe(1);
    zram.destroy();
    const others: Zram[] = [];
    expect(() => {
      for (let level = 1; level <= 12; level++) {
        others.push(engine.createZram({ disksize: '1M', compAlgorithm: 'toy', level }));
        others.at(-1)!.writePage(0, page);
      }
    }).toThrow(/ENOSPC/);
    expect(others).toHaveLength(11);
    expect(Buffer.compare(zswap.load(1)!, page)).toBe(0);
    engine.destroy();
  });

  test('are used again when all their pages have gone, and not before', () => {
    const engine = engineOf('debug');
    const zswap = engine.createZswap({ backing: new MemoryBacking(1), packSlots: true });
    const third = (): Uint8Array => random.fill(new Uint8Array(PAGE_SIZE)).fill(0, 1200);
    const kept = third();
    for (const key of [1, 2]) zswap.store(key, third());
    zswap.store(3, kept);
    expect(zswap.shrink(3)).toBe(3);
    for (const key of [1, 2, 4]) zswap.store(key, third());
    expect(zswap.shrink(1)).toBe(0);
    expect(Buffer.compare(zswap.load(3)!, kept)).toBe(0);
    zswap.invalidate(3);
    expect(zswap.shrink(3)).toBe(3);
    engine.destroy();
  });
});

test('an asynchronous backing: the synchronous calls are EAGAIN, a full pool is emptied in the background', async () => {
  const engine = engineOf('release');
  const inner = new MemoryBacking(500);
  let [flying, most] = [0, 0];
  const backing: AsyncBacking = {
    asynchronous: true,
    slots: 500,
    read: (slot, page) => Promise.resolve().then(() => inner.read(slot, page)),
    async write(slot, page) {
      most = Math.max(most, ++flying);
      await new Promise((resolve) => setImmediate(resolve));
      inner.write(slot, page);
      flying--;
    },
  };
  const zswap = engine.createZswap({ backing, maxPoolBytes: 100 * PAGE_SIZE, acceptThresholdPercent: 40 });
  const pages = Array.from({ length: 101 }, noise);
  for (const [key, page] of pages.entries()) expect(zswap.store(key, page)).toBe(key < 100);
  expect(zswap.stats().writtenBackPages).toBe(0); // it begins when the caller awaits
  while (!zswap.store(100, pages[100])) await new Promise((resolve) => setImmediate(resolve));
  expect(zswap.stats()).toMatchObject({ writtenBackPages: 60, storedPages: 41, rejectReclaimFail: 0 });
  expect(most).toBe(32);
  expect(() => zswap.load(0)).toThrow(expect.objectContaining({ code: 'EAGAIN' }));
  expect(() => zswap.shrink(1)).toThrow(expect.objectContaining({ code: 'EAGAIN' }));
  for (const [key, page] of pages.entries()) expect(Buffer.compare((await zswap.loadAsync(key))!, page)).toBe(0);
  expect(await zswap.loadAsync(999)).toBeUndefined();
  engine.destroy();
});

test('no memory, with the shrinker and an asynchronous backing: refused, and room is made in the background', async () => {
  const engine = engineOf('release', { maxMemory: '2M' });
  const backing = new BatchBacking({}, 5000);
  const zswap = engine.createZswap({ maxPoolPercent: 100, backing, shrinkerEnabled: true });
  const pages = Array.from({ length: 1000 }, noise);
  let refused = 0;
  for (const [key, page] of pages.entries()) {
    for (let tries = 0; !zswap.store(key, page); tries++) {
      if (tries > 100) throw new Error(`no room for page ${key}`);
      refused++;
      await new Promise((resolve) => setImmediate(resolve));
    }
  }
  expect(zswap.stats()).toMatchObject({ rejectAllocFail: refused, rejectReclaimFail: 0 });
  expect(refused).toBeGreaterThan(0);
  for (const [key, page] of pages.entries()) expect(Buffer.compare((await zswap.loadAsync(key))!, page)).toBe(0);
  engine.destroy();
});

test('a backing of objects gets each page by itself, in batches, and is told which slots are free', async () => {
  const engine = engineOf('debug');
  const backing = new BatchBacking({ objects: true });
  const zswap = engine.createZswap({ backing, packSlots: true });
  const pages = Array.from({ length: 20 }, compressible);
  for (const [key, page] of pages.entries()) zswap.store(key, page);
  expect(await zswap.shrinkAsync(20)).toBe(20);
  expect(backing.log.map(({ slots }) => slots.length)).toEqual([8, 8, 4]);
  expect(Math.max(...[...backing.held.values()].map(({ length }) => length))).toBeLessThan(3000);
  const loads = pages.map((_, key) => zswap.loadAsync(key));
  for (const [key, load] of loads.entries()) expect(Buffer.compare((await load)!, pages[key])).toBe(0);
  for (let key = 0; key < 10; key++) zswap.invalidate(key);
  zswap.store(99, pages[0]);
  expect(await zswap.shrinkAsync(1)).toBe(1);
  expect(backing.discarded).toHaveLength(10);
  expect(backing.held.size).toBe(11);
  expect(Buffer.compare((await zswap.loadAsync(99))!, pages[0])).toBe(0);
  zswap.destroy();
  expect(backing.held.size).toBe(0);
  engine.destroy();
});
