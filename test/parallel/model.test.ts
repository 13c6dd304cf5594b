/**
 * Random calls that overlap, most of them without anybody waiting for them, on a device of several workers and on a model.
 *
 * ZRAM_WASM_LONG=1 runs many more; ZRAM_WASM_SEED repeats a run (the calls, not how the threads are scheduled).
 */
import { describe, expect, test } from '@jest/globals';
import { Engine } from '../../bindings/index.js';
import { FILLS, PAGES } from '../support/model-zram-operations.js';
import { PAGE_SIZE } from '../support/pages.js';
import { makeParallel, TRANSPORTS } from '../support/parallel.js';
import { Random, seedOfRun } from '../support/random.js';
import { compiledCore } from '../support/raw-core.js';
import { ModelParallel, type ParallelOperation } from './model-parallel.js';

const LONG = process.env.ZRAM_WASM_LONG === '1';
const BATCHES = LONG ? 3000 : 60;
const CALLS_MAX = 40;
const DISK_PAGES = 48;
const DISK_BYTES = DISK_PAGES * PAGE_SIZE;
const TIMEOUT_MS = LONG ? 3_600_000 : 60_000;

function randomWrite(random: Random): ParallelOperation {
  if (random.chance(30)) {
    const fill = random.pick(FILLS);
    const offset = random.below(DISK_BYTES);
    const length = random.chance(50) ? random.below(300) : random.below(fill.length);
    return { op: 'write', offset, bytes: fill.subarray(0, Math.min(length, DISK_BYTES - offset)) };
  }
  const count = random.chance(60) ? 1 : random.between(1, 20);
  const index = random.below(DISK_PAGES - count + 1);
  const pages = Array.from({ length: count }, () => random.pick(PAGES));
  return { op: 'write', offset: index * PAGE_SIZE, bytes: new Uint8Array(Buffer.concat(pages)) };
}

function randomRange(random: Random): { offset: number; length: number } {
  if (random.chance(50)) {
    const count = random.between(1, 12);
    const index = random.below(DISK_PAGES - count + 1);
    return { offset: index * PAGE_SIZE, length: count * PAGE_SIZE };
  }
  const offset = random.below(DISK_BYTES);
  return { offset, length: random.below(Math.min(DISK_BYTES - offset, 6 * PAGE_SIZE) + 1) };
}

function randomOperation(random: Random): ParallelOperation {
  const kind = random.below(100);
  if (kind < 55) return randomWrite(random);
  if (kind < 80) return { op: 'read', ...randomRange(random) };
  if (kind < 92) return { op: 'discard', ...randomRange(random) };
  if (kind < 94) return { op: 'merge' };
  if (kind < 96) return { op: 'compact' };
  return kind < 99 ? { op: 'stats' } : { op: 'reset' };
}

/** What a device of one engine holds the same pages in, after a merge. */
function comprDataSizeOf(pages: readonly { index: number; page: Uint8Array }[]): number {
  using engine = Engine.createSync({ module: compiledCore('release') });
  const zram = engine.createZram({ disksize: DISK_BYTES });
  for (const { index, page } of pages) zram.writePage(index, page);
  zram.merge();
  return zram.mmStat.comprDataSize;
}

describe.each(TRANSPORTS)('over $name', ({ name, sharedMemory }) => {
  test.each([1, 2, 3])(
    'overlapping calls behave as if they were made one after the other: %s workers',
    async (workers) => {
      const random = new Random(seedOfRun(), `${name} ${workers}`);
      const { zram } = await makeParallel({ disksize: DISK_BYTES, workers, sharedMemory, dedup: workers === 3 });
      const memoryBefore = (await zram.stats()).memory.used;
      const model = new ModelParallel(zram, DISK_PAGES);
      for (let batch = 0; batch < BATCHES / workers; batch++) {
        for (let calls = random.between(1, CALLS_MAX); calls > 0; calls--) model.call(randomOperation(random));
        await model.settle();
      }
      expect(await model.readAll()).toEqual([]);
      await zram.merge();
      const contents = model.contents();
      const { mmStat } = await zram.stats();
      expect(mmStat.origDataSize).toBe(contents.length * PAGE_SIZE);
      expect(mmStat.comprDataSize).toBe(comprDataSizeOf(contents));

      await zram.discard(0, DISK_BYTES);
      const { mmStat: empty, memory } = await zram.stats();
      expect(empty).toMatchObject({ origDataSize: 0, comprDataSize: 0, memUsedTotal: 0, samePages: 0, pagesMerged: 0 });
      if (workers < 3) expect(memory.used).toBe(memoryBefore);
      expect([...model.failures]).toEqual([]);
      await zram.destroy();
    },
    TIMEOUT_MS,
  );

  test(
    'a limit that is reached again and again',
    async () => {
      const random = new Random(seedOfRun(), `${name} limit`);
      const { zram } = await makeParallel({ disksize: DISK_BYTES, sharedMemory, memLimit: 12 * PAGE_SIZE });
      const model = new ModelParallel(zram, DISK_PAGES);
      for (let batch = 0; batch < BATCHES; batch++) {
        for (let calls = random.between(1, CALLS_MAX); calls > 0; calls--) {
          // Without a reset, which would lift the limit.
          const operation = randomOperation(random);
          if (operation.op !== 'reset') model.call(operation);
        }
        await model.settle();
      }
      await model.readAll();
      expect([...model.failures.keys()]).toEqual(['ENOMEM']);
      expect((await zram.stats()).mmStat.memUsedTotal).toBeLessThanOrEqual(12 * PAGE_SIZE);
      await zram.destroy();
    },
    TIMEOUT_MS,
  );

  test(
    'workers that die in the middle of it',
    async () => {
      const random = new Random(seedOfRun(), `${name} death`);
      for (let round = 0; round < (LONG ? 200 : 6); round++) {
        const { zram, threads } = await makeParallel({ disksize: DISK_BYTES, workers: 3, sharedMemory });
        const model = new ModelParallel(zram, DISK_PAGES);
        for (let left = 3; left > 1; left--) {
          for (let batch = 0; batch < 3; batch++) {
            for (let calls = random.between(1, CALLS_MAX); calls > 0; calls--) model.call(randomOperation(random));
            await model.settle();
          }
          model.expectDeath();
          for (let calls = CALLS_MAX; calls > 0; calls--) model.call(randomOperation(random));
          const later = random.below(3);
          if (later > 0) await new Promise((done) => setTimeout(done, later));
          await threads[left - 1].terminate();
          for (let calls = CALLS_MAX; calls > 0; calls--) model.call(randomOperation(random));
          await model.settle();
          model.survive();
          expect(zram.workers).toBe(left - 1);
          expect(await model.readAll()).toEqual(zram.lostPages());
        }
        await zram.destroy();
      }
    },
    TIMEOUT_MS,
  );
});
