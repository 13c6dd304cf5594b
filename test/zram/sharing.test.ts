/**
 * The table of slots that devices, snapshots and clones share in chunks of 512: random operations beside a model, what
 * large families cost, and memory that ends at any allocation.
 *
 * ZRAM_WASM_LONG=1 runs 3,000 sequences on each build; ZRAM_WASM_SEED repeats a run.
 */
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { assertUntil } from '../support/assert-until.js';
import { Zram, ZramError, type Engine, type ZramSnapshot } from '../../bindings/index.js';
import { MemorySink } from '../save/support.js';
import { codeOf } from '../support/errors.js';
import { FlakyBacking } from '../support/flaky-backing.js';
import { leaveFrames } from '../support/full-memory.js';
import { familyOperation, ModelFamily } from '../support/model-family.js';
import { prefixPage, sameBytes } from '../support/pages.js';
import { Random } from '../support/random.js';
import { BUILDS, checkPools, engineOf } from '../support/raw-core.js';

const PAGE_SIZE = 4096;
const LONG = process.env.ZRAM_WASM_LONG === '1';
const SEQUENCES = LONG ? 3_000 : 6;
const TIMEOUT_MS = LONG ? 3_600_000 : 240_000;
const random = new Random(5, 'sharing');
const part = (length: number) => prefixPage(random, length);

describe.each(BUILDS)('families of the %s build behave as their model', (build) => {
  const initial = ((engine) => engine.memory.reserved)(engineOf(build));

  test.each([
    ['enough memory', undefined],
    ['a small maxMemory', initial + 24 * PAGE_SIZE],
  ])(
    '%s',
    async (_, maxMemory) => {
      const seen = new Map<string, number>();
      const sequence = fc.array(familyOperation(), { maxLength: 40, size: 'max' });
      const property = fc.property(sequence, fc.nat(), (operations, order) => {
        using engine = engineOf(build, maxMemory === undefined ? {} : { maxMemory });
        const usedBefore = engine.memory.used;
        const pool = engine.createPool();
        const model = new ModelFamily(engine, pool);
        for (const operation of operations) model.run(operation);
        model.checkAll();
        model.end(order);
        for (const [what, count] of model.seen) seen.set(what, (seen.get(what) ?? 0) + count);
        pool.destroy();
        if (engine.memory.used !== usedBefore) throw new Error('what was destroyed left memory in use');
      });
      const wanted = ['restore', 'diff', maxMemory === undefined ? 'clone' : 'write ENOMEM'];
      await assertUntil(property, SEQUENCES, () => wanted.every((what) => seen.has(what)));
      for (const what of wanted) expect(seen.get(what)).toBeGreaterThan(0);
    },
    TIMEOUT_MS,
  );
});

/** A device with a page of content and one of its value in each of so many chunks. */
function deviceOf(engine: Engine, chunks: number, options: { backing?: FlakyBacking } = {}): Zram {
  const zram = engine.createZram({ disksize: chunks * 512 * PAGE_SIZE, recompAlgorithms: ['deflate'], ...options });
  for (let chunk = 0; chunk < chunks; chunk++) {
    zram.writePage(chunk * 512, part(60 + chunk));
    zram.writePage(
      chunk * 512 + 511,
      new Uint8Array(PAGE_SIZE).map((_, n) => n & 7),
    );
  }
  return zram;
}

test('1,000 snapshots: each costs what changed, and they end in any order', () => {
  using engine = engineOf('release');
  const chunks = 64;
  const zram = deviceOf(engine, chunks);
  const { used } = engine.memory;
  const snapshots: ZramSnapshot[] = [];
  const pages: Uint8Array[] = [];
  for (let n = 0; n < 1000; n++) {
    const page = part(100);
    zram.writePage((n % chunks) * 512 + 7, page);
    pages.push(page);
    snapshots.push(zram.snapshot());
  }
  // Three frames, a chunk of the table, and the page.
  expect((engine.memory.used - used) / 1000).toBeLessThan(5 * PAGE_SIZE);
  for (const n of [...snapshots.keys()].sort((a, b) => ((a * 7919) % 1000) - ((b * 7919) % 1000))) {
    const page = snapshots[n].readPage((n % chunks) * 512 + 7);
    if (!sameBytes(page, pages[n])) throw new Error(`snapshot ${n} reads wrong`);
    snapshots[n].destroy();
  }
  // What the pool keeps for reuse: cells.
  expect(engine.memory.used - used).toBeLessThan(16 * PAGE_SIZE);
});

describe('memory that ends', () => {
  const initial = ((empty) => empty.memory.reserved)(engineOf('debug'));

  /** Everything that may need memory for the table, on a device with a snapshot. */
  const CALLS: Record<string, (zram: Zram, snapshot: ZramSnapshot) => unknown> = {
    snapshot: (zram) => zram.snapshot(),
    clone: (zram) => zram.clone(),
    'clone of a snapshot': (_, snapshot) => snapshot.clone(),
    restore: (zram, snapshot) => {
      zram.restore(snapshot);
    },
    'discard of a part': (zram) => {
      zram.discard(511 * PAGE_SIZE, 2 * PAGE_SIZE);
    },
    'write of what a slot holds': (zram) => {
      zram.writePage(1024, new Uint8Array(PAGE_SIZE).fill(9));
    },
    idle: (zram) => {
      zram.idle();
    },
    recompress: (zram) => zram.recompress(),
    writeback: (zram) => zram.writeback({ pageIndexes: [[0, 2047]] }),
    merge: (zram) => zram.merge(),
  };

  test.each(Object.keys(CALLS))('%s: done, or ENOMEM and nothing has changed', (name) => {
    let refused = 0;
    for (let frames = 0; frames < 14; frames++) {
      using engine = engineOf('debug', { maxMemory: initial + 512 * 1024 });
      const zram = deviceOf(engine, 4, { backing: new FlakyBacking(16) });
      const snapshot = zram.snapshot();
      zram.writePage(512, part(300));
      const expected = [zram.readPages(0, 2048), snapshot.readPages(0, 2048)];
      const ballast = leaveFrames(engine, frames);
      const { origDataSize } = zram.mmStat;
      const error = ((): unknown => {
        try {
          CALLS[name](zram, snapshot);
        } catch (thrown) {
          return thrown;
        }
        return undefined;
      })();
      checkPools(engine);
      if (error !== undefined) {
        refused++;
        expect(error).toBeInstanceOf(ZramError);
        expect((error as ZramError).code).toBe('ENOMEM');
        expect(zram.mmStat.origDataSize).toBe(origDataSize);
        expect(sameBytes(zram.readPages(0, 2048), expected[0])).toBe(true);
      }
      expect(sameBytes(snapshot.readPages(0, 2048), expected[1])).toBe(true);
      // What frees needs no memory.
      zram.discard(0, 2048 * PAGE_SIZE);
      checkPools(engine);
      expect(sameBytes(snapshot.readPages(0, 2048), expected[1])).toBe(true);
      zram.reset();
      snapshot.destroy();
      checkPools(engine);
      ballast.destroy();
    }
    if (name !== 'merge') expect(refused).toBeGreaterThan(0);
  });
});

describe('restore', () => {
  test('brings back pages, counters and blocks, and the snapshot stays', () => {
    using engine = engineOf('debug');
    const zram = deviceOf(engine, 3, { backing: new FlakyBacking(16) });
    zram.writeback('page_index=512');
    const snapshot = zram.snapshot();
    const before = [zram.readPages(0, 1536), zram.mmStat.origDataSize, zram.bdStat.bdCount];
    zram.writePage(512, part(10));
    zram.writePage(700, part(4096));
    zram.discard(0, 512 * PAGE_SIZE);
    zram.idle();
    zram.restore(snapshot);
    checkPools(engine);
    expect([zram.readPages(0, 1536), zram.mmStat.origDataSize, zram.bdStat.bdCount]).toEqual(before);
    expect(zram.diff(snapshot)).toEqual([]);
    expect(zram.mmStat.hugePages).toBe(0);
    zram.writePage(0, part(20));
    expect(zram.diff(snapshot)).toEqual([{ index: 0, count: 1 }]);
    zram.restore(snapshot);
    expect(zram.diff(snapshot)).toEqual([]);
    // A clone, and a snapshot of that.
    const clone = snapshot.clone();
    clone.writePage(1, part(30));
    zram.restore(clone.snapshot());
    expect(zram.diff(clone)).toEqual([]);
  });

  test('of something else: EINVAL', () => {
    using engine = engineOf('debug');
    const pool = engine.createPool();
    const [zram, larger, elsewhere] = [
      engine.createZram({ disksize: '1M', pool }),
      engine.createZram({ disksize: '2M', pool }),
      engine.createZram({ disksize: '1M' }),
    ];
    const backed = engine.createZram({ disksize: '1M', pool, backing: new FlakyBacking(4) });
    const gone = zram.snapshot();
    gone.destroy();
    for (const wrong of [larger.snapshot(), elsewhere.snapshot(), backed.snapshot(), gone, zram, undefined, {}]) {
      expect(codeOf(() => zram.restore(wrong as ZramSnapshot))).toBe('EINVAL');
    }
    const snapshot = zram.snapshot();
    zram.reset();
    expect(codeOf(() => zram.restore(snapshot))).toBe('EINVAL');
  });
});

test('a family that is loaded shares its table as before', async () => {
  using engine = engineOf('debug');
  const zram = deviceOf(engine, 4);
  const before = zram.snapshot();
  zram.writePage(1000, part(30));
  const sink = new MemorySink();
  await Zram.saveAll(sink, { before, now: zram, also: zram.snapshot() });
  const { devices } = await engine.loadAll(sink.bytes);
  const uses = [...devices.values()].map((one) => one.memoryUse().tableShared / PAGE_SIZE);
  // The first and the last two chunks of all three, and the second of the later two.
  expect(uses).toEqual([3, 4, 4]);
  const [loaded, now] = [devices.get('before')!, devices.get('now') as Zram];
  expect(loaded.diff(before)).toEqual([]);
  expect(now.diff(zram)).toEqual([]);
  now.writePage(1, part(40));
  expect(loaded.diff(before)).toEqual([]);
  checkPools(engine);
});

test('memoryUse: an object is private while all of its pages are, and the table tells what a fork costs', () => {
  using engine = engineOf('debug');
  const pool = engine.createPool();
  const zram = engine.createZram({ disksize: '8M', pool, trackEntryActime: false });
  const [a, b] = [part(500), part(900)];
  zram.writePage(0, a);
  zram.writePage(600, a);
  zram.merge();
  const { private: bytes } = zram.memoryUse();
  expect(bytes).toBe(zram.mmStat.comprDataSize);
  expect(zram.memoryUse()).toEqual({ private: bytes, shared: 0, tablePrivate: 5 * PAGE_SIZE, tableShared: 0 });
  const snapshot = zram.snapshot();
  const shared = { private: 0, shared: bytes, tablePrivate: 3 * PAGE_SIZE, tableShared: 2 * PAGE_SIZE };
  expect([zram.memoryUse(), snapshot.memoryUse()]).toEqual([shared, shared]);
  zram.writePage(0, b);
  const own = zram.memoryUse();
  expect(own).toEqual({ ...shared, private: own.private, tablePrivate: 4 * PAGE_SIZE, tableShared: PAGE_SIZE });
  expect(own.private).toBe(zram.mmStat.comprDataSize - bytes);
  zram.discard(600 * PAGE_SIZE, PAGE_SIZE);
  expect(snapshot.memoryUse()).toMatchObject({ private: bytes, shared: 0, tableShared: 0 });
  // A handle of the pool is another holder.
  const other = engine.createZram({ disksize: '1M', pool });
  other.writePage(9, b);
  pool.merge();
  expect(zram.memoryUse()).toMatchObject({ private: 0, shared: own.private });
  checkPools(engine);
});

test('marks are one device’s: a fork has none, and marking what is shared copies it', () => {
  using engine = engineOf('debug');
  const zram = deviceOf(engine, 2);
  zram.idle();
  const clone = zram.clone();
  checkPools(engine);
  expect([zram.blockState(0)?.idle, clone.blockState(0)?.idle]).toEqual([true, false]);
  clone.idle();
  const snapshot = zram.snapshot();
  zram.readPage(0);
  expect([zram.blockState(0)?.idle, clone.blockState(0)?.idle, snapshot.blockState(0)?.idle]).toEqual([
    false,
    true,
    false,
  ]);
  checkPools(engine);
});

test('huge pages that recompression makes small, in chunks that are shared: each counts its own', () => {
  using engine = engineOf('debug');
  const zram = engine.createZram({ disksize: '4M', recompAlgorithms: ['deflate'] });
  // Digits: nothing for LZ4, half for deflate.
  for (const index of [0, 511, 512])
    zram.writePage(
      index,
      new Uint8Array(PAGE_SIZE).map(() => 48 + random.below(10)),
    );
  const clones = [zram.clone(), zram.clone()];
  clones[1].discard(0, PAGE_SIZE);
  expect([zram, ...clones].map(({ mmStat }) => mmStat.hugePages)).toEqual([3, 3, 2]);
  expect(clones[0].recompress({ maxPages: 1 }).objectsRecompressed).toBe(1);
  checkPools(engine);
  clones[0].recompress();
  checkPools(engine);
  expect([zram, ...clones].map(({ mmStat }) => mmStat.hugePages)).toEqual([0, 0, 0]);
});

test('discarding holes of a chunk that is shared takes no memory, and counts', () => {
  using engine = engineOf('debug');
  const zram = engine.createZram({ disksize: '4M' });
  for (const index of [3, 511, 512]) zram.writePage(index, new Uint8Array(PAGE_SIZE).fill(1, index % 7));
  const snapshot = zram.snapshot();
  const { used } = engine.memory;
  zram.discard(4 * PAGE_SIZE, 500 * PAGE_SIZE);
  zram.discard(520 * PAGE_SIZE, 2 * PAGE_SIZE);
  expect([engine.memory.used, zram.ioStat.notifyFree]).toEqual([used, 502]);
  for (const index of [3, 511, 512]) expect(zram.readPage(index)[100]).toBe(1);
  zram.discard(0, 512 * PAGE_SIZE);
  expect([zram.readPage(3)[100], snapshot.readPage(3)[100], zram.readPage(512)[100]]).toEqual([0, 1, 1]);
  checkPools(engine);
});
