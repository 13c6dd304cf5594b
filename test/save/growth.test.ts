/** The cost of saving and loading grows with what is stored: 32 times as much of anything takes never as much as its square. */
import { expect, jest, test } from '@jest/globals';
import { Engine, Zram, type ZramSnapshot } from '../../bindings/index.js';
import { measure, type Scale } from '../growth/measure.js';
import { PAGE_SIZE } from '../support/pages.js';
import { engineOf } from '../support/raw-core.js';
import { MemorySink, savedAll } from './support.js';

jest.setTimeout(300_000);

const FEW = 25;
const FACTOR = 32;
/** Ten times what is linear, as what no cache holds any more is slower: what grows with the square takes 1024 times as long. */
const MOST = 300;

type Things = (engine: Engine, count: number) => (Zram | ZramSnapshot)[];

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

const saving = (things: Things) => (count: number) => {
  const all = things(engineOf('release'), count);
  return () => Zram.saveAll(new MemorySink(), all);
};
const loading = (things: Things) => async (count: number) => {
  const engine = engineOf('release');
  const file = await savedAll(things(engine, count));
  engine.destroy();
  return () => engineOf('release').loadAll(file);
};
const empty = (engine: Engine, count: number): (Zram | ZramSnapshot)[] => {
  const pool = engine.createPool();
  return Array.from({ length: 5 * count }, () => engine.createZram({ disksize: 2 ** 44 - 4096, pool }));
};

test.each<[string, Scale['make']]>([
  ['saveAll of snapshots in which every page changes', saving(snapshots)],
  ['loadAll of them', loading(snapshots)],
  ['saveAll of devices that hold something elsewhere', saving(sparse)],
  ['loadAll of them', loading(sparse)],
  ['saveAll of devices that hold nothing', saving(empty)],
  ['loadAll of them', loading(empty)],
])('%s', async (_name, make) => {
  const { ratio } = await measure({ size: FEW, factor: FACTOR, limit: MOST, leastMs: 2, make });
  expect(ratio).toBeLessThan(MOST);
});

test('the size of the disk costs nothing', async () => {
  const make = (disksize: number) => {
    const engine = engineOf('release');
    const zram = engine.createZram({ disksize, trackEntryActime: false });
    for (let n = 0; n < 200; n++) zram.writePage(n, page(n));
    return async (): Promise<void> => {
      const { used } = engine.memory;
      const sink = new MemorySink();
      await zram.save(sink);
      const loaded = await engine.loadZram(sink.bytes);
      expect(engine.memory.used - used).toBeLessThan(200_000);
      loaded.destroy();
    };
  };
  const [size, factor, limit] = [2 ** 20, 2 ** 24 - 1, 4];
  const { ratio } = await measure({ size, factor, limit, leastMs: 2, make });
  expect(ratio).toBeLessThan(limit);
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
