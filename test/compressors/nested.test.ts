/**
 * lzo, lzo-rle and lz4hc return views of one memory, which the next call overwrites. Here a compressor and a backing of the
 * caller's use all three on the same engine whenever they are called, so a view that is kept too long shows the page of
 * another.
 */
import { expect, test } from '@jest/globals';
import { MemoryBacking, type Backing, type Compressor, type Engine } from '../../bindings/index.js';
import { blend, generatedSets, pageCount, pageOf } from '../support/pages.js';
import { seedOfRun } from '../support/random.js';
import { checkPools, engineOf } from '../support/raw-core.js';

const NAMES = ['lzo-rle', 'lzo', 'lz4hc'] as const;
const seed = seedOfRun();
const set = blend('all', seed, generatedSets(seed), 20);
const PAGES = pageCount(set);
const bytes = set.pages;

/** What is done whenever code of the caller's runs; not again while it is being done. */
class Meddler {
  calls = 0;
  #busy = false;
  #work: (call: number) => void = () => undefined;

  /** Writes and reads another page with each compressor, on a pool of all, so that objects are found by deduplication, too. */
  begin(engine: Engine, pool: ReturnType<Engine['createPool']>): void {
    const options = { disksize: bytes.length, pool, dedup: true, verifyCompressors: true };
    const zrams = NAMES.map((compAlgorithm) => engine.createZram({ ...options, compAlgorithm }));
    this.#work = (call) => {
      for (const zram of zrams) {
        zram.writePage(call % PAGES, pageOf(set, (7 * call + 1) % PAGES));
        zram.readPage((call + 3) % PAGES);
      }
    };
  }

  run(): void {
    if (this.#busy) return;
    this.#busy = true;
    this.#work(this.calls++);
    this.#busy = false;
  }
}

/** Leaves out the zeros at a page's end. */
function meddling(meddler: Meddler): Compressor {
  return {
    name: 'meddling',
    compress(page) {
      meddler.run();
      let end = page.length;
      while (page[end - 1] === 0) end--;
      return page.subarray(0, end);
    },
    decompress(block) {
      const page = new Uint8Array(4096);
      page.set(block);
      meddler.run();
      return page;
    },
  };
}

function meddlingBacking(meddler: Meddler): Backing {
  const memory = new MemoryBacking(PAGES);
  return {
    slots: PAGES,
    read(slot, out) {
      meddler.run();
      memory.read(slot, out);
      meddler.run();
    },
    write(slot, page) {
      meddler.run();
      memory.write(slot, page);
    },
  };
}

test.each([...NAMES, 'meddling'])(`%s: pages stay what they are, seed ${seed}`, (compAlgorithm) => {
  const meddler = new Meddler();
  using engine = engineOf('debug', { compressors: [meddling(meddler)] });
  const pool = engine.createPool();
  meddler.begin(engine, pool);
  for (const [dedup, recompAlgorithms] of [
    [false, ['meddling', 'lz4hc']],
    [true, ['lzo', 'meddling']],
  ] as const) {
    const options = { disksize: bytes.length, pool, dedup, recompAlgorithms, compAlgorithm, verifyCompressors: dedup };
    const zram = engine.createZram({ ...options, backing: meddlingBacking(meddler) });
    const isRight = (): boolean => Buffer.compare(zram.readPages(0, PAGES), bytes) === 0;
    zram.writePages(0, bytes);
    expect(isRight()).toBe(true);
    zram.recompress();
    expect(isRight()).toBe(true);
    for (let n = 0; n < PAGES; n++) zram.write(n * 4096 + 100, pageOf(set, n).subarray(100, 200));
    zram.writeback({ pageIndexes: [[0, PAGES >> 1]] });
    expect(isRight()).toBe(true);
    using clone = zram.clone();
    expect(zram.diff(clone)).toEqual([]);
  }
  const zswap = engine.createZswap({ compressor: compAlgorithm, pool, backing: meddlingBacking(meddler) });
  for (let n = 0; n < PAGES; n++) expect(zswap.store(n, pageOf(set, n))).toBe(true);
  zswap.shrink(PAGES >> 1);
  for (let n = 0; n < PAGES; n++) expect(Buffer.compare(zswap.load(n)!, pageOf(set, n))).toBe(0);
  expect(meddler.calls).toBeGreaterThan(PAGES);
  checkPools(engine);
});
