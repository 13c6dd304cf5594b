/** A history of devices, saved and loaded at its end, beside plain copies of their pages. */
import { expect } from '@jest/globals';
import fc from 'fast-check';
import { MemoryBacking, Zram, type Engine, type ZramSnapshot } from '../../bindings/index.js';
import { ReadableDevice } from '../../bindings/device/readable.js';
import { PAGE_SIZE, sameBytes } from '../support/pages.js';
import { Random } from '../support/random.js';
import { rawExports } from '../support/raw-core.js';
import { contentStat, savedAll } from './support.js';

/** Two groups of the format, the second not full. */
export const PAGES = 700;

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

export function apply(operation: Operation, copies: Copy[], random: Random): void {
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

export function make(engine: Engine, compAlgorithm: string, dedup: boolean): Copy {
  const device = engine.createZram({
    disksize: PAGES * PAGE_SIZE,
    compAlgorithm,
    dedup,
    recompAlgorithms: ['deflate'],
    backing: new MemoryBacking(2 * PAGES),
  });
  return { device, image: new Uint8Array(PAGES * PAGE_SIZE) };
}

/** Two histories, before the file is written and after it was read. */
export const histories = fc.tuple(
  fc.array(operation, { minLength: 1, maxLength: 120, size: 'max' }),
  fc.array(operation, { minLength: 1, maxLength: 120 }),
  fc.record({
    algorithm: fc.constantFrom('lz4', 'lz4', 'deflate'),
    dedup: fc.boolean(),
    seed: fc.nat(),
  }),
);
export type Histories = typeof histories extends fc.Arbitrary<infer T> ? T : never;

function check(engine: Engine, zram: Zram): void {
  rawExports(engine).poolCheck?.(ReadableDevice.diskOf(zram).pool.address);
}

/** Runs both, and compares each page with its plain copy. */
export async function saveAndLoad(
  engine: Engine,
  [before, after, { algorithm, dedup, seed }]: Histories,
): Promise<void> {
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
    if (device instanceof Zram) check(engine, device);
  }
  for (const { device } of [...loaded, ...copies]) device.destroy();
  expect(engine.memory.used).toBe(used);
}
