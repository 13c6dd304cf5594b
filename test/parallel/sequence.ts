/** A sequence of overlapping calls, drawn from one number: a device with a random subset of the features, and its model. */
import type { ParallelZram, ParallelZramOptions } from '../../bindings/parallel.js';
import { ARRAY_KINDS, FLEETING } from '../support/arrays.js';
import { FILLS, PAGES } from '../support/model-zram-operations.js';
import { PAGE_SIZE } from '../support/pages.js';
import { makeParallel } from '../support/parallel.js';
import { Random } from '../support/random.js';
import { ModelParallel, type ParallelOperation } from './model-parallel.js';

export const DISK_PAGES = 48;
const DISK_BYTES = DISK_PAGES * PAGE_SIZE;
const CALLS_MAX = 30;
const BATCHES_MAX = 4;

type Features = ParallelZramOptions & { readonly memLimit: number; readonly workers: number };

function featuresOf(random: Random): Features {
  const compAlgorithm = random.pick([...Array<string>(8).fill('lz4'), 'deflate', 'zstd']);
  const workers = random.between(1, 3);
  return {
    ...{ disksize: DISK_BYTES, workers, sharedMemory: random.chance(50), compAlgorithm },
    ...{ dedup: random.chance(30), shrinker: random.chance(30), verifyCompressors: random.chance(30) },
    dedupCache: random.chance(30) ? workers * 32 * 1024 : undefined,
    ...{ trackEntryActime: random.chance(50), memLimit: random.chance(20) ? 12 * PAGE_SIZE : 0 },
    recompAlgorithms: random.chance(40) ? [random.pick(['deflate', { algo: 'lz4hc', favorDecSpeed: 6 }])] : undefined,
  };
}

function writeOf(random: Random): ParallelOperation {
  const kind = random.pick(Object.keys(ARRAY_KINDS));
  if (random.chance(30)) {
    const fill = random.pick(FILLS);
    const offset = random.below(DISK_BYTES);
    const length = random.chance(50) ? random.below(300) : random.below(fill.length);
    return { op: 'write', offset, bytes: fill.subarray(0, Math.min(length, DISK_BYTES - offset)), kind };
  }
  const count = random.chance(60) ? 1 : random.between(1, 20);
  const index = random.below(DISK_PAGES - count + 1);
  const pages = Array.from({ length: count }, () => random.pick(PAGES));
  return { op: 'write', offset: index * PAGE_SIZE, bytes: new Uint8Array(Buffer.concat(pages)), kind };
}

function rangeOf(random: Random): { offset: number; length: number } {
  if (random.chance(50)) {
    const count = random.between(1, 12);
    return { offset: random.below(DISK_PAGES - count + 1) * PAGE_SIZE, length: count * PAGE_SIZE };
  }
  const offset = random.below(DISK_BYTES);
  return { offset, length: random.below(Math.min(DISK_BYTES - offset, 6 * PAGE_SIZE) + 1) };
}

const PAGE = new Uint8Array(PAGE_SIZE);
/** Calls that are refused, with a device in whatever state. */
const REFUSED: readonly ((zram: ParallelZram) => Promise<unknown>)[] = [
  (zram) => zram.writePage(DISK_PAGES, PAGE),
  (zram) => zram.writePages(0, PAGE.subarray(1)),
  (zram) => zram.readPage(0, new Uint8Array(PAGE_SIZE - 1)),
  (zram) => zram.read(0, DISK_BYTES + 1),
  (zram) => zram.discard(-1, PAGE_SIZE),
  (zram) => zram.merge({ onProgress: () => undefined } as never),
  (zram) => zram.recompress({ algo: () => undefined } as never),
  (zram) => zram.idle(Symbol('all') as never),
  (zram) => zram.init('0'),
  (zram) => {
    const transferred = new Uint8Array(PAGE_SIZE);
    structuredClone(transferred.buffer, { transfer: [transferred.buffer] });
    return zram.writePage(0, transferred);
  },
];

function operationOf(random: Random): ParallelOperation {
  const kind = random.below(100);
  if (kind < 45) return writeOf(random);
  if (kind < 68) return { op: 'read', ...rangeOf(random), kind: random.pick([...Object.keys(ARRAY_KINDS), 'none']) };
  if (kind < 73) return { op: 'read', ...rangeOf(random), kind: random.pick(Object.keys(FLEETING)) };
  if (kind < 83) return { op: 'discard', ...rangeOf(random) };
  if (kind < 88) return { op: 'refused', call: random.pick(REFUSED) };
  return { op: random.pick(['merge', 'compact', 'stats', 'stats', 'idle', 'recompress', 'reset'] as const) };
}

/** What a sequence is run on: the device, or one with a planted bug. */
export type Wrap = (zram: ParallelZram, random: Random) => ParallelZram;

/**
 * @param seen counts how often something happened
 * @throws Error what the model did not expect
 */
export async function runSequence(seed: number, seen: Map<string, number>, wrap: Wrap = (zram) => zram): Promise<void> {
  const random = new Random(seed, 'overlapping calls');
  const features = featuresOf(random);
  const { zram, threads } = await makeParallel(features);
  try {
    const model = new ModelParallel(wrap(zram, random), DISK_PAGES, features.recompAlgorithms !== undefined);
    const call = (calls: number): void => {
      for (; calls > 0; calls--) model.call(operationOf(random));
    };
    for (let batch = random.between(1, BATCHES_MAX); batch > 0; batch--) {
      call(random.between(1, CALLS_MAX));
      if (zram.workers > 1 && random.chance(15)) {
        model.expectDeath();
        const later = random.below(3);
        if (later > 0) await new Promise((done) => setTimeout(done, later));
        const ended = threads[random.below(threads.length)].terminate();
        call(random.between(1, CALLS_MAX));
        await ended;
        await model.settle();
        model.survive();
      }
      if (random.chance(70)) await model.settle();
    }
    if (random.chance(50)) {
      await model.settle();
      const lost = await model.readAll();
      if (String(lost) !== String(zram.lostPages())) throw new Error(`${String(lost)} are lost, and not lostPages()`);
    }
    call(random.below(CALLS_MAX));
    const ended = zram.destroy();
    for (let calls = random.below(4); calls > 0; calls--) model.call({ op: 'refused', call: (dead) => dead.stats() });
    await model.settle();
    await ended;
    for (const [what, times] of model.failures) seen.set(what, (seen.get(what) ?? 0) + times);
  } finally {
    await zram.destroy();
  }
}
