/** Inline deduplication of devices and pools, same-filled content, and the shrinker: exact by independent counts. */
import { describe, expect, test } from '@jest/globals';
import type { Engine, Zram } from '../bindings/index.js';
import { PAGE_SIZE, generatedSets, pageCount, pageOf } from './support/pages.js';
import { Random, seedOfRun } from './support/random.js';
import { BUILDS, checkPools, engineOf, rawExports } from './support/raw-core.js';
import { programPages } from './support/real-pages.js';

const seed = seedOfRun();
const random = new Random(seed, 'dedup');
const isSame = (bytes: Uint8Array): boolean => bytes.every((byte, at) => byte === bytes[at % 8]);
const key = (bytes: Uint8Array): string => Buffer.from(bytes).toString('latin1');

describe.each(BUILDS)('inline deduplication, %s build', (build) => {
  test.each([...generatedSets(seed), programPages(seed, 1500)])('a device finds every duplicate: $name', (set) => {
    const engine = engineOf(build);
    const used = engine.memory.used;
    const pool = engine.createPool();
    const devices = [1, 4].map((level) => engine.createZram({ disksize: '16M', pool, dedup: true, level }));
    const pages = Array.from({ length: pageCount(set) }, (_, index) => pageOf(set, index));
    const distinct = new Set<string>();
    let stored = 0;
    for (const [n, zram] of devices.entries()) {
      pages.forEach((page, index) => {
        if (n === 1 && index % 2) return;
        zram.writePage(index, page);
        zram.writePage(index, page); // what it holds already: a hit that changes nothing
        if (isSame(page)) return;
        stored++;
        distinct.add(key(page));
      });
    }
    expect(pool.stats()).toMatchObject({ objects: distinct.size, pagesMerged: stored - distinct.size });
    expect(pool.merge().objectsMerged).toBe(0);
    const stat = devices[0].mmStat;
    expect(stat.dupDataSize).toBe(pool.stats().bytesSaved);
    expect(stat.metaDataSize).toBeLessThanOrEqual(distinct.size * 21 + 4 * PAGE_SIZE);
    for (const [n, zram] of devices.entries()) {
      pages.forEach((page, index) => {
        if (n === 1 && index % 2) return;
        if (Buffer.compare(zram.readPage(index), page) !== 0) throw new Error(`page ${index} of ${n} is wrong`);
      });
    }
    // Overwritten and discarded in any order, first sharers too.
    for (let n = 0; n < pages.length; n++) {
      const index = random.below(pages.length);
      if (n % 3) devices[0].writePage(index, pages[random.below(pages.length)]);
      else devices[0].discard(index * PAGE_SIZE, PAGE_SIZE);
    }
    checkPools(engine);
    devices[0].destroy();
    pages.forEach((page, index) => {
      if (index % 2 === 0 && Buffer.compare(devices[1].readPage(index), page) !== 0) throw new Error(`lost ${index}`);
    });
    devices[1].destroy();
    expect(pool.stats()).toMatchObject({ objects: 0, pagesAllocated: 0, bytesSaved: 0, dedupIndexBytes: 0 });
    pool.destroy();
    expect(engine.memory.used).toBe(used);
    engine.destroy();
  });

  test('pages stored while it was off are found by a later merge', () => {
    const engine = engineOf(build);
    const pool = engine.createPool();
    const [off, on] = [
      engine.createZram({ disksize: '1M', pool }),
      engine.createZram({ disksize: '1M', pool, dedup: true }),
    ];
    const page = random.fill(new Uint8Array(PAGE_SIZE)).fill(0, 1000);
    for (let index = 0; index < 50; index++) for (const zram of [off, on]) zram.writePage(index, page);
    expect(pool.stats().objects).toBe(51);
    expect(off.mmStat).toMatchObject({ dupDataSize: 0, metaDataSize: 0 });
    expect(pool.merge().objectsMerged).toBe(50);
    checkPools(engine);
    on.discard(0, 50 * PAGE_SIZE);
    for (let index = 0; index < 50; index++) expect(Buffer.compare(off.readPage(index), page)).toBe(0);
    checkPools(engine);
    engine.destroy();
  });

  test('a pass that ends has found what was there throughout, also where sharing gave it another owner', () => {
    const engine = engineOf(build);
    const page = (n: number): Uint8Array => {
      const bytes = new Uint8Array(PAGE_SIZE);
      new Random(n, 'owner').fill(bytes.subarray(0, 200));
      return bytes;
    };
    for (let taken = 0; taken < 120; taken += 10) {
      const pool = engine.createPool();
      const [off, on] = [false, true].map((dedup) => engine.createZram({ disksize: '4M', pool, dedup }));
      // Cells that come free stand before all others: there the walk has been when they are used again.
      const early = Array.from({ length: 100 }, (_, n) => pool.store(page(1000 + n).subarray(0, 50)));
      off.writePage(0, page(0));
      for (let n = 1; n < 300; n++) off.writePage(n, page(n));
      on.writePage(0, page(0));
      for (const handle of early) pool.free(handle);
      for (let n = 0; n < taken; n++) pool.store(page(2000 + n).subarray(0, 50));
      expect(pool.merge({ maxObjects: 120 }).complete).toBe(false);
      on.writePage(1, page(0)); // a hit: the object has sharers now, hence another cell
      if (taken % 4) on.discard(0, PAGE_SIZE);
      expect(pool.merge().complete).toBe(true);
      expect(off.objectOf(0)).toBe(on.objectOf(1));
      checkPools(engine);
      pool.destroy();
    }
    engine.destroy();
  });

  test('store() of a pool with dedup shares equal bytes of any length, and writing parts them', () => {
    const engine = engineOf(build);
    const pool = engine.createPool({ dedup: true });
    const contents = Array.from({ length: 40 }, () => random.fill(new Uint8Array(1 + random.below(PAGE_SIZE))));
    contents.push(contents[0].slice(0, -1));
    const handles = Array.from({ length: 600 }, (_, n) => ({ n, handle: pool.store(contents[n % contents.length]) }));
    expect(pool.stats().objects).toBe(contents.length);
    for (const { n, handle } of handles)
      if (n % 3 === 0) pool.write(handle, Uint8Array.of(n & 255, n >> 8).subarray(0, 1));
    for (const { n, handle } of handles) {
      const expected = contents[n % contents.length].slice();
      if (n % 3 === 0) expected[0] = n & 255;
      if (Buffer.compare(pool.read(handle), expected) !== 0) throw new Error(`handle ${n} is wrong`);
    }
    checkPools(engine);
    for (const { handle } of handles) pool.free(handle);
    expect(pool.stats()).toMatchObject({ objects: 0, handles: 0, pagesAllocated: 0, dedupIndexBytes: 0 });
    engine.destroy();
  });

  test('same-filled content takes no object: 16 bytes or more, whole words', () => {
    const engine = engineOf(build);
    const pool = engine.createPool();
    for (const unit of [1, 2, 4, 8]) {
      for (let length = 1; length <= PAGE_SIZE; length += length < 40 ? 1 : 251) {
        const pattern = random.fill(new Uint8Array(unit));
        const bytes = Uint8Array.from({ length }, (_, at) => pattern[at % unit]);
        const handle = pool.store(bytes);
        expect(pool.stats().objects).toBe(length >= 16 && length % 8 === 0 ? 0 : 1);
        expect(pool.sizeOf(handle)).toBe(length);
        expect(pool.read(handle)).toEqual(bytes);
        expect(pool.read(handle, { offset: length >> 1 })).toEqual(bytes.subarray(length >> 1));
        pool.retain(handle);
        pool.free(handle);
        pool.write(handle, Uint8Array.of(pattern[0] ^ 1));
        bytes[0] = pattern[0] ^ 1;
        expect(pool.read(handle)).toEqual(bytes);
        pool.free(handle);
        expect(() => pool.read(handle)).toThrow(expect.objectContaining({ code: 'EINVAL' }));
      }
    }
    checkPools(engine);
    expect(pool.stats()).toMatchObject({ objects: 0, handles: 0 });
    engine.destroy();
  });
});

test('the index grows over 100,000 distinct pages and stays exact', () => {
  const engine = engineOf('release');
  const zram = engine.createZram({ disksize: '1G', dedup: true });
  const page = new Uint8Array(PAGE_SIZE);
  const view = new DataView(page.buffer);
  for (let round = 0; round < 2; round++) {
    for (let n = 0; n < 100_000; n++) {
      view.setUint32(0, n + 1, true);
      zram.writePage(round * 100_000 + n, page);
    }
  }
  expect(zram.mmStat).toMatchObject({ pagesMerged: 100_000 });
  expect(zram.mmStat.metaDataSize).toBeLessThanOrEqual(100_000 * 22);
  engine.destroy();
});

test('after unmerge each copy of a page is found, whichever of them is left', () => {
  using engine = engineOf('debug');
  const pool = engine.createPool();
  const zram = engine.createZram({ disksize: '1M', pool, dedup: true });
  const page = random.fill(new Uint8Array(PAGE_SIZE)).fill(0, 900);
  for (let kept = 0; kept < 4; kept++) {
    for (let index = 0; index < 4; index++) zram.writePage(index, page);
    expect(pool.stats().objects).toBe(1);
    pool.createKsmd().unmerge();
    expect(pool.stats().objects).toBe(4);
    for (let index = 0; index < 4; index++) if (index !== kept) zram.discard(index * PAGE_SIZE, PAGE_SIZE);
    zram.writePage(9, page);
    expect([kept, pool.stats().objects]).toEqual([kept, 1]);
    checkPools(engine);
    zram.discard(0, 2 ** 20);
  }
});

test('a pool with a shrinker merges and compacts before it refuses; without one it refuses', () => {
  for (const shrinker of [false, true]) {
    const engine = engineOf('release');
    const zram = engine.createZram({ disksize: '64M', memLimit: '256K', shrinker });
    const pages = Array.from({ length: 20 }, () => random.fill(new Uint8Array(PAGE_SIZE)).fill(0, 1500));
    let stored = 0;
    try {
      for (; stored < 2000; stored++) zram.writePage(stored, pages[stored % 20]);
    } catch (error) {
      expect(error).toMatchObject({ code: 'ENOMEM' });
    }
    if (shrinker) expect(stored).toBe(2000);
    else expect(stored).toBeLessThan(200);
    for (let index = 0; index < stored; index++) {
      expect(Buffer.compare(zram.readPage(index), pages[index % 20])).toBe(0);
    }
    engine.destroy();
  }
});

/** What a compressor of the caller's makes: as short as it likes, so that the core cannot know what is in it. */
const CUT = {
  name: 'cut',
  compress: (page: Uint8Array) => page.slice(0, 300),
  decompress: (block: Uint8Array) => {
    const page = new Uint8Array(PAGE_SIZE);
    page.set(block);
    return page;
  },
};

describe('objects that only the bindings can decode', () => {
  const pages = Array.from({ length: 300 }, () => {
    const page = new Uint8Array(PAGE_SIZE);
    random.fill(page.subarray(0, 300));
    return page;
  });
  const isRight = (zram: { readPage: (index: number) => Uint8Array }, content: (n: number) => Uint8Array): boolean =>
    pages.every((_, n) => Buffer.compare(zram.readPage(n), content(n)) === 0);

  test('keep their entries through merges, new owners, moves, recompression and snapshots', () => {
    const engine = engineOf('debug');
    engine.registerCompressor(CUT);
    const pool = engine.createPool();
    const options = { disksize: '8M', pool, compAlgorithm: 'cut', recompAlgorithms: ['deflate'] };
    const dedups = engine.createZram({ ...options, dedup: true });
    const plain = engine.createZram(options);
    const inCore = engine.createZram({ disksize: '8M', pool, dedup: true, recompAlgorithms: ['cut'] });
    pages.forEach((page, n) => {
      dedups.writePage(n, page);
      plain.writePage(n, page);
      inCore.writePage(n, pages[(n + 1) % pages.length]);
    });
    checkPools(engine);
    pool.merge({ maxObjects: 200 });
    checkPools(engine);
    pool.merge();
    checkPools(engine);
    inCore.recompress({ algo: 'cut' });
    checkPools(engine);
    const snapshot = dedups.snapshot();
    for (let n = 0; n < pages.length; n += 3) plain.discard(n * PAGE_SIZE, PAGE_SIZE);
    for (let n = 1; n < pages.length; n += 3) dedups.writePage(n, pages[n - 1]);
    checkPools(engine);
    pool.compact();
    pool.createKsmd().unmerge();
    checkPools(engine);
    pool.merge();
    const { objects } = pool.stats();
    // Found without a merge: where their entries are is still known.
    for (let n = 0; n < pages.length; n++) dedups.writePage(1000 + n, pages[n]);
    expect(pool.stats().objects).toBe(objects);
    expect(isRight(snapshot, (n) => pages[n])).toBe(true);
    expect(isRight(inCore, (n) => pages[(n + 1) % pages.length])).toBe(true);
    for (const each of [dedups, snapshot, inCore, plain]) {
      each.destroy();
      checkPools(engine);
    }
    expect(pool.stats()).toMatchObject({ objects: 0, dedupIndexBytes: 0 });
    engine.destroy();
  });

  test('are no more than some in the index where one page was stored in many ways', () => {
    const engine = engineOf('debug');
    let salt = 0;
    // Its blocks differ each time, and one does not decode to what another does.
    engine.registerCompressor({
      name: 'salted',
      compress: () => Uint8Array.of(1, salt & 255, salt++ >> 8),
      decompress: (block) => random.fill(new Uint8Array(PAGE_SIZE)).fill(block[0]),
    });
    const zram = engine.createZram({ disksize: '8M', dedup: true, compAlgorithm: 'salted' });
    for (let n = 0; n < 1000; n++) zram.writePage(n, pages[0]);
    expect(zram.mmStat.metaDataSize).toBeLessThanOrEqual(3 * PAGE_SIZE);
    checkPools(engine);
    zram.discard(0, 1000 * PAGE_SIZE);
    expect(zram.mmStat.metaDataSize).toBe(0);
    checkPools(engine);
    engine.destroy();
  });
});

describe('a duplicate of a page that a compressor of the bindings has recompressed', () => {
  const compressible = (from: number): Uint8Array =>
    Uint8Array.from({ length: PAGE_SIZE }, (_, n) => (n % 7 ? n >> 4 : from + (n >> 8)));
  const pages = Array.from({ length: 40 }, (_, n) => compressible(n));
  const recompressed = (build: (typeof BUILDS)[number]): { engine: Engine; zram: Zram } => {
    const engine = engineOf(build);
    const zram = engine.createZram({ disksize: '4M', dedup: true, recompAlgorithms: ['deflate'] });
    zram.writePages(0, Buffer.concat(pages));
    zram.recompress({ algo: 'deflate' });
    return { engine, zram };
  };
  const check = (engine: Engine, zram: Zram, copies: number, at: number): void => {
    expect(zram.mmStat.pagesMerged).toBe(copies);
    pages.forEach((page, n) => {
      for (const index of [n, at + n]) {
        if (Buffer.compare(zram.readPage(index), page) !== 0) throw new Error(`page ${index} is wrong`);
      }
    });
    checkPools(engine);
    engine.destroy();
  };

  test.each(BUILDS)('is found by single writes, batches, ranges, and parts of pages, %s build', async (build) => {
    const ways: ((zram: Zram) => unknown)[] = [
      (zram) => pages.forEach((page, n) => zram.writePage(100 + n, page)),
      (zram) => zram.writePages(100, Buffer.concat(pages)),
      (zram) => zram.write(100 * PAGE_SIZE, Buffer.concat(pages)),
      (zram) => {
        zram.write(100 * PAGE_SIZE, Buffer.concat(pages).subarray(0, 39 * PAGE_SIZE + 5));
        zram.write(139 * PAGE_SIZE + 5, pages[39].subarray(5));
      },
      (zram) => zram.writeAsync(100 * PAGE_SIZE, Buffer.concat(pages)),
    ];
    for (const way of ways) {
      const { engine, zram } = recompressed(build);
      await way(zram);
      check(engine, zram, pages.length, 100);
    }
  });

  test.each(BUILDS)(
    'is compared, not only looked up: other pages with its hash keep their content, %s build',
    (build) => {
      const engine = engineOf(build);
      rawExports(engine).weakenHash(0);
      const zram = engine.createZram({ disksize: '4M', dedup: true, recompAlgorithms: ['deflate'] });
      const held = new Map<number, Uint8Array>();
      for (let n = 0; n < 400; n++) {
        const index = random.below(100);
        const page = pages[random.below(pages.length)];
        const other = index + 100;
        const part = random.below(3);
        if (part === 0) zram.writePage(index, page);
        else if (part === 1) zram.writePages(index, Buffer.concat([page, pages[0]]));
        else zram.write(index * PAGE_SIZE, page);
        held.set(index, page);
        if (part === 1) held.set(index + 1, pages[0]);
        if (n % 7 === 0) {
          zram.write(other * PAGE_SIZE + 9, page.subarray(9));
          held.set(
            other,
            Uint8Array.from(page, (byte, at) => (at < 9 ? (held.get(other)?.[at] ?? 0) : byte)),
          );
        }
        if (n % 20 === 0) zram.recompress({ algo: 'deflate' });
      }
      for (const [index, page] of held) {
        if (Buffer.compare(zram.readPage(index), page) !== 0) throw new Error(`page ${index} is wrong`);
      }
      checkPools(engine);
      engine.destroy();
    },
  );

  test.each(BUILDS)('is found among pages that are new, known or same-filled, in any order, %s build', (build) => {
    for (let round = 0; round < 8; round++) {
      const { engine, zram } = recompressed(build);
      const others = generatedSets(seed)[0];
      const mixed = Array.from({ length: 70 }, (_, n) => {
        const kind = random.below(4);
        if (kind === 0) return new Uint8Array(PAGE_SIZE).fill(n);
        return kind === 1 ? pageOf(others, random.below(pageCount(others))) : pages[random.below(pages.length)];
      });
      zram.writePages(200, Buffer.concat(mixed));
      const distinct = new Set([...pages, ...mixed.filter((page) => !isSame(page))].map(key)).size;
      const stored = pages.length + mixed.filter((page) => !isSame(page)).length;
      expect(zram.mmStat.pagesMerged).toBe(stored - distinct);
      mixed.forEach((page, n) => {
        if (Buffer.compare(zram.readPage(200 + n), page) !== 0) throw new Error(`page ${n} is wrong`);
      });
      checkPools(engine);
      engine.destroy();
    }
  });
});
