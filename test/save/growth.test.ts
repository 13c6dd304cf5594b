/**
 * The cost of saving and loading grows with what is stored: eight times as much of anything takes at most some twenty times
 * as long. Measured is time of this thread's processor, the least of three.
 */
import { expect, jest, test } from '@jest/globals';
import { Engine, Zram, type ZramSnapshot } from '../../bindings/index.js';
import { PAGE_SIZE } from '../support/pages.js';
import { engineOf } from '../support/raw-core.js';
import { MemorySink, savedAll } from './support.js';

jest.setTimeout(300_000);

const FEW = 100;
const MANY = 8 * FEW;
/** Twice what is linear, and room for what a collection of garbage costs. */
const MOST = 20;

type Things = (engine: Engine, count: number) => (Zram | ZramSnapshot)[];

interface Scene {
  work(): Promise<unknown>;
  end(): void;
}

async function least(make: (count: number) => Promise<Scene>, count: number): Promise<number> {
  let time = Infinity;
  for (let n = 0; n < 3; n++) {
    const scene = await make(count);
    const start = process.cpuUsage();
    await scene.work();
    const { user, system } = process.cpuUsage(start);
    time = Math.min(time, user + system);
    scene.end();
  }
  return time;
}

function page(n: number): Uint8Array {
  const bytes = new Uint8Array(PAGE_SIZE);
  new DataView(bytes.buffer).setUint32(0, n + 1);
  return bytes.fill(7, 50, 80);
}

/** Snapshots between which every page changes. */
function snapshots(engine: Engine, count: number): (Zram | ZramSnapshot)[] {
  const zram = engine.createZram({ disksize: 128 * PAGE_SIZE });
  return Array.from({ length: count }, (_, n) => {
    for (let index = 0; index < 128; index++) zram.writePage(index, page(n * 128 + index));
    return zram.snapshot();
  });
}

/** Devices that hold a page each, all in another place. */
function sparse(engine: Engine, count: number): (Zram | ZramSnapshot)[] {
  const pool = engine.createPool();
  return Array.from({ length: count }, (_, n) => {
    const zram = engine.createZram({ disksize: '16G', pool });
    zram.writePage(n * 4096, page(n));
    return zram;
  });
}

const saving = (things: Things) => async (count: number) => {
  const engine = engineOf('release');
  const all = things(engine, count);
  return { work: () => Zram.saveAll(new MemorySink(), all), end: () => engine.destroy() };
};
const loading = (things: Things) => async (count: number) => {
  const engine = engineOf('release');
  const file = await savedAll(things(engine, count));
  engine.destroy();
  const other = engineOf('release');
  return { work: () => other.loadAll(file), end: () => other.destroy() };
};
const empty = (engine: Engine, count: number): (Zram | ZramSnapshot)[] => {
  const pool = engine.createPool();
  return Array.from({ length: 5 * count }, () => engine.createZram({ disksize: 2 ** 44 - 4096, pool }));
};

test.each<[string, (count: number) => Promise<Scene>]>([
  ['saveAll of snapshots in which every page changes', saving(snapshots)],
  ['loadAll of them', loading(snapshots)],
  ['saveAll of devices that hold something elsewhere', saving(sparse)],
  ['loadAll of them', loading(sparse)],
  ['saveAll of devices that hold nothing', saving(empty)],
  ['loadAll of them', loading(empty)],
])('%s', async (_name, make) => {
  await least(make, FEW); // compiled by then
  const [few, many] = [await least(make, FEW), await least(make, MANY)];
  expect(many / Math.max(few, 2000)).toBeLessThan(MOST);
});

test('the size of the disk costs nothing', async () => {
  const of = (disksize: string) => async (): Promise<Scene> => {
    const engine = engineOf('release');
    const zram = engine.createZram({ disksize, trackEntryActime: false });
    for (let n = 0; n < 200; n++) zram.writePage(n, page(n));
    const work = async (): Promise<void> => {
      const { used } = engine.memory;
      const sink = new MemorySink();
      await zram.save(sink);
      const loaded = await engine.loadZram(sink.bytes);
      expect(engine.memory.used - used).toBeLessThan(200_000);
      loaded.destroy();
    };
    return { work, end: () => engine.destroy() };
  };
  await least(of('1M'), 1);
  const [small, large] = [await least(of('1M'), 1), await least(of(`${2 ** 44 - 4096}`), 1)];
  expect(large / Math.max(small, 2000)).toBeLessThan(4);
});

test('a refused file takes memory in proportion to its bytes, whatever lengths it claims', async () => {
  const engine = engineOf('release');
  const zram = engine.createZram({ disksize: '1M' });
  const file = await savedAll([zram]);
  const { used } = engine.memory;
  const buffers = process.memoryUsage().arrayBuffers;
  let most = 0;
  for (const length of [16 << 20, 2 ** 31, 2 ** 32 - 1]) {
    const claimed = file.slice();
    new DataView(claimed.buffer).setUint32(16, length, true);
    const source = {
      *[Symbol.iterator]() {
        yield claimed;
        most = Math.max(most, process.memoryUsage().arrayBuffers - buffers);
      },
    };
    await expect(engine.loadAll(source)).rejects.toMatchObject({ code: 'EINVAL' });
  }
  expect(most).toBeLessThan(1 << 20);
  expect(engine.memory.used).toBe(used);
  engine.destroy();
});
