/** Random histories of devices, saved and loaded at their end: each page is compared with a plain copy. */
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { Engine, MemoryBacking, Zram, type ZramSnapshot } from '../../bindings/index.js';
import { PAGE_SIZE, sameBytes } from '../support/pages.js';
import { Random, seedOfRun } from '../support/random.js';
import { BUILDS, engineOf, rawExports, type Build } from '../support/raw-core.js';
import { contentStat, savedAll } from './support.js';

const SEED = seedOfRun();
const RUNS = process.env.ZRAM_WASM_LONG === '1' ? 300 : 15;
/** Two groups of the format, the second not full. */
const PAGES = 700;

type Operation =
  | { kind: 'write' | 'discard'; index: number; content: number }
  | { kind: 'merge' | 'compact' | 'recompress' | 'writeback' | 'snapshot' | 'clone' };

const operation: fc.Arbitrary<Operation> = fc.oneof(
  {
    weight: 12,
    arbitrary: fc.record({
      kind: fc.constantFrom('write' as const, 'write' as const, 'write' as const, 'discard' as const),
      index: fc.oneof(fc.nat(PAGES - 1), fc.nat(20), fc.integer({ min: 505, max: 520 })),
      content: fc.nat(30),
    }),
  },
  {
    weight: 5,
    arbitrary: fc.record({
      kind: fc.constantFrom(...(['merge', 'compact', 'recompress', 'writeback', 'snapshot', 'clone'] as const)),
    }),
  },
);

/** Few contents, so that pages are equal: zeros, a value, such that compress well, badly, and not at all. */
function page(content: number): Uint8Array {
  const bytes = new Uint8Array(PAGE_SIZE);
  if (content < 3) return bytes.fill(content);
  const prefix = [20, 900, 3000, 3620, 4096][content % 5];
  new Random(content).fill(bytes.subarray(0, prefix));
  return bytes;
}

interface Copy {
  device: Zram | ZramSnapshot;
  image: Uint8Array;
}

function apply(operation: Operation, copies: Copy[], random: Random): void {
  const devices = copies.filter((copy): copy is Copy & { device: Zram } => copy.device instanceof Zram);
  const { device, image } = devices[random.below(devices.length)];
  switch (operation.kind) {
    case 'write': {
      const bytes = page(operation.content);
      device.writePage(operation.index, bytes);
      image.set(bytes, operation.index * PAGE_SIZE);
      return;
    }
    case 'discard':
      device.discard(operation.index * PAGE_SIZE, PAGE_SIZE);
      image.fill(0, operation.index * PAGE_SIZE, (operation.index + 1) * PAGE_SIZE);
      return;
    case 'merge':
    case 'compact':
      device[operation.kind]();
      return;
    case 'recompress':
      device.recompress({ maxPages: 5 });
      return;
    case 'writeback':
      device.writeback({ pageIndexes: [[0, random.below(PAGES)]] });
      return;
    default:
      if (copies.length < 5) copies.push({ device: device[operation.kind](), image: image.slice() });
  }
}

function make(engine: Engine, compAlgorithm: string, dedup: boolean): Copy {
  const device = engine.createZram({
    disksize: PAGES * PAGE_SIZE,
    compAlgorithm,
    dedup,
    recompAlgorithms: ['deflate'],
    backing: new MemoryBacking(2 * PAGES),
  });
  return { device, image: new Uint8Array(PAGES * PAGE_SIZE) };
}

describe.each(BUILDS)('%s build', (build: Build) => {
  let engine: Engine;
  beforeAll(() => {
    engine = engineOf(build);
  });
  afterAll(() => engine.destroy());

  function check(zram: Zram): void {
    if (build === 'debug') rawExports(engine).poolCheck!(Zram.stateOf(zram).ready().pool.address);
  }

  test('whatever happened to a device, its snapshots and clones: all of them come back', async () => {
    const parameters = { seed: SEED | 0, numRuns: RUNS, endOnFailure: true };
    const operations = fc.array(operation, { minLength: 1, maxLength: 120 });
    const settings = fc.record({
      algorithm: fc.constantFrom('lz4', 'lz4', 'deflate'),
      dedup: fc.boolean(),
      seed: fc.nat(),
    });
    await fc.assert(
      fc.asyncProperty(operations, operations, settings, async (before, after, { algorithm, dedup, seed }) => {
        const used = engine.memory.used;
        const random = new Random(seed);
        const copies = [make(engine, algorithm, dedup)];
        for (const one of before) apply(one, copies, random);
        // In any order: what was forked may come before what it was forked from.
        copies.sort(() => random.below(3) - 1);
        const file = await savedAll(copies.map(({ device }) => device));
        const { devices } = await engine.loadAll(file);
        const loaded = [...devices.values()].map((device, n) => ({ device, image: copies[n].image.slice() }));
        for (const [n, { device, image }] of loaded.entries()) {
          expect(sameBytes(device.readPages(0, PAGES), image)).toBe(true);
          const original = copies[n].device;
          if (device instanceof Zram && original instanceof Zram && original.bdStat.bdCount === 0) {
            expect(contentStat(device)).toEqual(contentStat(original));
          }
        }
        // What was loaded goes on living, and nobody sees another's pages change.
        for (const one of after) if (one.kind !== 'writeback') apply(one, loaded, random);
        for (const { device, image } of [...loaded, ...copies]) {
          expect(sameBytes(device.readPages(0, PAGES), image)).toBe(true);
          if (device instanceof Zram) check(device);
        }
        for (const { device } of [...loaded, ...copies]) device.destroy();
        expect(engine.memory.used).toBe(used);
      }),
      parameters,
    );
  }, 600_000);

  test('memory that ends anywhere in a file leaves nothing behind', async () => {
    const random = new Random(SEED, 'memory');
    const copies = [make(engine, 'lz4', true)];
    for (let n = 0; n < 500; n++)
      apply({ kind: 'write', index: random.below(PAGES), content: 3 + random.below(200) }, copies, random);
    for (const kind of ['snapshot', 'merge', 'clone'] as const) apply({ kind }, copies, random);
    const file = await savedAll(copies.map(({ device }) => device));
    for (const { device } of copies) device.destroy();
    const small = engineOf(build, { maxMemory: '2M' });
    const filler = small.createPool();
    let [refused, loaded] = [0, 0];
    // Leaves some 20 KiB less each time.
    for (; filler.totalPages < 400;) {
      const used = small.memory.used;
      try {
        const { devices } = await small.loadAll(file);
        for (const [n, device] of [...devices.values()].entries()) {
          expect(sameBytes(device.readPages(0, PAGES), copies[n].image)).toBe(true);
          device.destroy();
        }
        loaded++;
      } catch (error) {
        expect(error).toMatchObject({ code: 'ENOMEM' });
        refused++;
      }
      expect(small.memory.used).toBe(used);
      try {
        for (let n = 0; n < 5; n++) filler.store(random.fill(new Uint8Array(PAGE_SIZE)));
      } catch {
        break;
      }
    }
    expect(loaded).toBeGreaterThan(0);
    expect(refused).toBeGreaterThan(8);
    small.destroy();
  }, 60_000);
});
