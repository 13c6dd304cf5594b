/** What is saved and loaded reads as it did, and shares as it did. */
import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals';
import { Engine, MemoryBacking, Zram, ZramSnapshot, type AsyncBacking, type Compressor } from '../../bindings/index.js';
import { ReadableDevice } from '../../bindings/device/readable.js';
import { PAGE_SIZE, generatedSets, pageCount, sameBytes, type DataSet } from '../support/pages.js';
import { Random } from '../support/random.js';
import { BUILDS, compiledCore, engineOf, rawExports, type Build } from '../support/raw-core.js';
import { contentStat, saved, savedAll } from './support.js';

// What is asynchronous gives way to timers, so that the clock of a test can run out while it works.
jest.setTimeout(120_000);

const SEED = 20261125;
const sets = generatedSets(SEED);

/** Runs of one byte: small enough to be verified by eye. */
const runs: Compressor = {
  name: 'runs',
  compress(page) {
    const out: number[] = [];
    for (let at = 0; at < page.length;) {
      let count = 1;
      while (count < 255 && page[at + count] === page[at]) count++;
      out.push(count, page[at]);
      at += count;
    }
    return Uint8Array.from(out);
  },
  decompress(block) {
    const page = new Uint8Array(PAGE_SIZE);
    for (let i = 0, at = 0; i < block.length; i += 2) {
      page.fill(block[i + 1], at, at + block[i]);
      at += block[i];
    }
    return page;
  },
};

/** Writes a set twice, with holes: half of its pages are duplicates. */
function fill(zram: Zram, set: DataSet): void {
  zram.writePages(3, set.pages);
  zram.writePages(3 + pageCount(set) + 700, set.pages);
}

function diskPages(set: DataSet): number {
  return 2 * pageCount(set) + 1000;
}

function image(device: Zram | ZramSnapshot, pages: number): Uint8Array {
  return device.readPages(0, pages);
}

describe.each(BUILDS)('save and load, %s build', (build: Build) => {
  let engine: Engine;
  beforeAll(() => {
    engine = engineOf(build, { compressors: [runs] });
  });
  afterAll(() => engine.destroy());

  test.each(sets.map((set) => [set.name, set] as const))('%s', async (_name, set) => {
    // Compressors in JavaScript are slow in the tests' transpiled form: the mixed set will do for them.
    const slow =
      set.name === 'blend'
        ? [
            { compAlgorithm: 'deflate', level: 9 },
            { compAlgorithm: 'runs', dedup: true },
          ]
        : [];
    for (const options of [{}, { dedup: true }, ...slow]) {
      const zram = engine.createZram({ disksize: diskPages(set) * PAGE_SIZE, ...options });
      fill(zram, set);
      zram.merge();
      const before = image(zram, diskPages(set));
      const loaded = await engine.loadZram(await saved(zram));
      expect(sameBytes(image(loaded, diskPages(set)), before)).toBe(true);
      expect(contentStat(loaded)).toEqual(contentStat(zram));
      expect(loaded.sysfs.read('comp_algorithm')).toBe(zram.sysfs.read('comp_algorithm'));
      expect(loaded.sysfs.read('use_dedup')).toBe(zram.sysfs.read('use_dedup'));
      expect(loaded.diff(zram)).toEqual([]);
      // Saved again it is the same file: nothing was lost that is saved.
      expect(sameBytes(await saved(loaded), await saved(zram))).toBe(true);
      // Nothing is left over to be merged.
      expect(loaded.merge().objectsMerged).toBe(0);
      // What was loaded can be written and freed like anything else.
      loaded.writePages(3, set.pages.slice().fill(7, 0, PAGE_SIZE));
      loaded.discard(0, diskPages(set) * PAGE_SIZE);
      expect(loaded.mmStat).toMatchObject({ origDataSize: 0, comprDataSize: 0, memUsedTotal: 0, pagesMerged: 0 });
      if (build === 'debug') rawExports(engine).poolCheck?.(ReadableDevice.diskOf(loaded).pool.address);
      loaded.destroy();
      zram.destroy();
    }
  });

  test('recompressed and incompressible pages stay what they are', async () => {
    const [set] = sets.filter(({ name }) => name === 'blend');
    const zram = engine.createZram({
      disksize: diskPages(set) * PAGE_SIZE,
      recompAlgorithms: ['runs', { algo: 'deflate', level: 7, dictionary: set.pages.slice(0, 5000) }],
      memLimit: '512M',
    });
    fill(zram, set);
    zram.merge();
    expect(zram.recompress().objectsRecompressed).toBeGreaterThan(100);
    const loaded = await engine.loadZram(await saved(zram));
    expect(sameBytes(image(loaded, diskPages(set)), image(zram, diskPages(set)))).toBe(true);
    for (let index = 0; index < diskPages(set); index++) {
      expect(loaded.blockState(index)).toEqual(zram.blockState(index));
    }
    for (const attribute of ['recomp_algorithm', 'comp_algorithm']) {
      expect(loaded.sysfs.read(attribute)).toBe(zram.sysfs.read(attribute));
    }
    expect(loaded.mmStat.memLimit).toBe(512 * 2 ** 20);
    expect(contentStat(loaded)).toEqual(contentStat(zram));
    loaded.destroy();
    zram.destroy();
  });

  test('pages on a backing device are read, once for all that share a block, and saved compressed', async () => {
    const random = new Random(SEED, 'backing');
    const memory = new MemoryBacking(1000);
    const asynchronous: AsyncBacking = {
      asynchronous: true,
      slots: 1000,
      read: async (slot, page) => memory.read(slot, page),
      write: async (slot, page) => memory.write(slot, page),
    };
    for (const backing of [new MemoryBacking(1000), asynchronous]) {
      for (const compAlgorithm of ['lz4', 'deflate']) {
        const zram = engine.createZram({ disksize: '1M', backing, compAlgorithm });
        for (let index = 0; index < 200; index++) {
          zram.writePage(index, random.fill(new Uint8Array(PAGE_SIZE)).fill(index, random.below(4000)));
        }
        for (let index = 200; index < 240; index++) zram.writePage(index, zram.readPage(index - 200));
        zram.merge();
        const before = image(zram, 256);
        await zram.writebackAsync({ pageIndexes: [[100, 239]] });
        expect(zram.bdStat.bdCount).toBe(140);
        const reads = zram.bdStat.bdReads;
        const loaded = await engine.loadZram(await saved(zram));
        expect(zram.bdStat.bdReads - reads).toBe(140);
        expect(sameBytes(image(loaded, 256), before)).toBe(true);
        expect(loaded.bdStat.bdCount).toBe(0);
        expect(loaded.mmStat).toMatchObject({ origDataSize: 240 * PAGE_SIZE });
        loaded.destroy();
        zram.destroy();
      }
    }
  });

  test('snapshots, clones and their device in one file share as they did', async () => {
    const random = new Random(SEED, 'snapshots');
    const [set] = sets.filter(({ name }) => name === 'blend');
    const pages = diskPages(set);
    const zram = engine.createZram({ disksize: pages * PAGE_SIZE, recompAlgorithms: ['deflate'] });
    fill(zram, set);
    zram.merge();
    const things = new Map<string, Zram | ZramSnapshot>();
    for (let n = 0; n < 6; n++) {
      things.set(`snapshot ${n}`, zram.snapshot());
      for (let k = 0; k < 40; k++) {
        const index = random.below(pages);
        if (random.chance(20)) zram.discard(index * PAGE_SIZE, PAGE_SIZE);
        else zram.writePage(index, random.fill(new Uint8Array(PAGE_SIZE)).fill(random.below(256), random.below(300)));
      }
      if (n === 3) zram.recompress({ maxPages: 50 });
    }
    things.set('now', zram);
    things.set('clone', zram.clone());
    (things.get('clone') as Zram).writePage(5, new Uint8Array(PAGE_SIZE).fill(9));
    const file = await savedAll(things, { comment: 'six ü and more' });
    const { devices, comment } = await engine.loadAll(file);
    expect(comment).toBe('six ü and more');
    expect([...devices.keys()]).toEqual([...things.keys()]);
    for (const [name, thing] of things) {
      const other = devices.get(name)!;
      expect(other.constructor.name).toBe(thing.constructor.name);
      expect(sameBytes(image(other, pages), image(thing, pages))).toBe(true);
    }
    expect(contentStat(devices.get('now') as Zram)).toEqual(contentStat(zram));
    expect(sameBytes(await savedAll(devices, { comment: 'six ü and more' }), file)).toBe(true);
    // Objects are in it once.
    expect(file.length).toBeLessThan(zram.mmStat.memUsedTotal);
    // Each lives by itself, in any order of ending.
    (devices.get('now') as Zram).reset();
    const clone = (devices.get('snapshot 2') as ZramSnapshot).clone();
    expect(sameBytes(image(clone, pages), image(things.get('snapshot 2')!, pages))).toBe(true);
    clone.writePage(0, new Uint8Array(PAGE_SIZE).fill(1));
    (devices.get('now') as Zram).init('1M');
    for (const device of devices.values()) device.destroy();
    expect(
      sameBytes(image(clone, pages).subarray(PAGE_SIZE), image(things.get('snapshot 2')!, pages).subarray(PAGE_SIZE)),
    ).toBe(true);
    clone.destroy();
    for (const thing of things.values()) thing.destroy();
  });

  test('devices of different sizes and settings on one pool', async () => {
    const pool = engine.createPool();
    const [small, large] = ['64K', '1T'].map((disksize) => engine.createZram({ disksize, pool }));
    const page = new Uint8Array(PAGE_SIZE).fill(3, 7);
    for (const [device, index] of [
      [small, 3],
      [large, 3],
      [large, 2 ** 28 - 1],
      [small, 15],
    ] as const) {
      device.writePage(index, page);
    }
    pool.merge();
    const file = await savedAll([small, large]);
    const other = engine.createPool();
    const { devices } = await engine.loadAll(file, { pool: other });
    const [one, two] = devices.values() as unknown as Zram[];
    for (const [device, index] of [
      [one, 3],
      [two, 3],
      [two, 2 ** 28 - 1],
      [one, 15],
    ] as const) {
      expect(device.readPage(index)).toEqual(page);
    }
    expect(other.stats()).toMatchObject({ objects: 1, handles: 4, pagesMerged: 3 });
    other.destroy();
    expect(() => one.readPage(0)).toThrow('EINVAL');
    await expect(savedAll([small, engine.createZram({ disksize: '1M' })])).rejects.toThrow('another pool');
    pool.destroy();
  });

  test('a device that nothing was written to', async () => {
    const zram = engine.createZram({ disksize: '4G', compAlgorithm: 'deflate', level: 3 });
    const loaded = await engine.loadZram(await saved(zram));
    expect(loaded.mmStat).toEqual(zram.mmStat);
    expect(loaded.sysfs.read('disksize')).toBe(zram.sysfs.read('disksize'));
    loaded.destroy();
    zram.destroy();
  });

  test('Zram.load and Zram.loadAll have an engine of their own, which ends with the last', async () => {
    const zram = engine.createZram({ disksize: '1M' });
    zram.writePage(7, new Uint8Array(PAGE_SIZE).fill(1, 9));
    const snapshot = zram.snapshot();
    const module = compiledCore(build);
    using loaded = await Zram.load(await saved(snapshot), { module });
    expect(loaded.readPage(7)).toEqual(zram.readPage(7));
    loaded.destroy();
    expect(() => Zram.hostOf(loaded).memory).toThrow('EINVAL');

    const { devices } = await Zram.loadAll(await savedAll([zram, snapshot]), { module });
    const [device, copy] = devices.values() as unknown as [Zram, ZramSnapshot];
    expect(copy).toBeInstanceOf(ZramSnapshot);
    const own = Zram.hostOf(device);
    device.destroy();
    expect(copy.readPage(7)).toEqual(zram.readPage(7));
    expect(own.memory.used).toBeGreaterThan(0);
    copy.destroy();
    expect(() => own.memory).toThrow('EINVAL');
    snapshot.destroy();
    zram.destroy();
  });
});
