/** Growth of pools and scanners with their objects. */
import type { Handle, PoolOptions, ZsPool } from '../../bindings/index.js';
import { PageSpace } from '../../bindings/history/page-space.js';
import { contentOf, fill, newEngine, shuffled } from './things.js';
import type { Growth } from './measure.js';

const SIZE = 4000;

function filled(count: number, content: (n: number) => Uint8Array, options: PoolOptions = {}) {
  const pool = newEngine().createPool(options);
  return { pool, handles: Array.from({ length: count }, (_, n) => pool.store(content(n))) };
}

const distinct = (n: number): Uint8Array => contentOf(n, 64);
/** All that a merge hashes of them first is equal; they differ between the pieces of the sample. */
const equalSamples = (n: number): Uint8Array => {
  const bytes = new Uint8Array(3000).fill(7);
  new DataView(bytes.buffer).setUint32(1000, n);
  return bytes;
};

/** Objects of which only the bindings know what is in them, half of them in the index of deduplication. */
function foreignTwins(count: number, options: PoolOptions = {}): ZsPool {
  const engine = newEngine();
  engine.registerCompressor({
    name: 'cut',
    compress: (page) => page.slice(0, 40),
    decompress: (block) => {
      const page = new Uint8Array(4096);
      page.set(block);
      return page;
    },
  });
  const pool = engine.createPool(options);
  for (const dedup of [true, false]) {
    const zram = engine.createZram({ disksize: count * 4096, pool, dedup, compAlgorithm: 'cut' });
    fill(zram, 0, count);
  }
  return pool;
}

function manyGaps(size: number): PageSpace {
  const space = new PageSpace(2 ** 32 - 1);
  const starts = Array.from({ length: 2 * size }, () => space.take(3)!);
  for (const n of shuffled(size)) space.give(starts[2 * n], 3);
  return space;
}

const merges: readonly Growth[] = [
  ['distinct objects', (size: number) => filled(size, distinct).pool],
  ['equal objects', (size: number) => filled(size, () => distinct(1)).pool],
  ['pairs', (size: number) => filled(size, (n) => distinct(n >> 1)).pool],
  ['objects with equal samples', (size: number) => filled(size / 4, equalSamples).pool],
  ['objects that were deduplicated', (size: number) => filled(size, (n) => distinct(n >> 1), { dedup: true }).pool],
  ['objects of other compressors, deduplicated', (size: number) => foreignTwins(size)],
].flatMap(([what, make]) => {
  const pool = make as (size: number) => ZsPool;
  const name = String(what);
  return [
    { name: `merge of ${name}`, make: (size: number) => bind(pool(size), (one) => one.merge()) },
    { name: `dry run over ${name}`, make: (size: number) => bind(pool(size), (one) => one.merge({ dryRun: true })) },
    {
      name: `merge of ${name} in slices`,
      make: (size: number) =>
        bind(pool(size), (one) => {
          while (!one.merge({ maxObjects: 100 }).complete);
        }),
    },
  ].map((row) => ({ calls: ['ZsPool.merge'], size: SIZE, ...row }));
});

function bind<T>(value: T, run: (value: T) => unknown): () => unknown {
  return () => run(value);
}

function onHandles(name: string, run: (pool: ZsPool, handle: Handle) => unknown): Growth {
  return {
    name: `${name} of each handle`,
    calls: [`ZsPool.${name}`],
    size: SIZE,
    make: (size) => {
      const { pool, handles } = filled(size, distinct);
      const order = shuffled(size);
      return () => {
        for (const n of order) run(pool, handles[n]);
      };
    },
  };
}

/** A fixed number of calls, with more and more that is there already. */
function besides(name: string, options: PoolOptions, run: (pool: ZsPool) => unknown): Growth {
  return {
    name: `${name} beside many objects`,
    calls: [],
    size: 4000,
    factor: 32,
    limit: 10,
    make: (size) => {
      const { pool } = filled(size, distinct, options);
      return () => {
        for (let n = 0; n < 3000; n++) run(pool);
      };
    },
  };
}

export const POOL_ROWS: readonly Growth[] = [
  ...merges,
  onHandles('read', (pool, handle) => pool.read(handle)),
  onHandles('write', (pool, handle) => {
    pool.write(handle, new Uint8Array(8));
  }),
  onHandles('sizeOf', (pool, handle) => pool.sizeOf(handle)),
  onHandles('retain', (pool, handle) => {
    pool.retain(handle);
  }),
  onHandles('free', (pool, handle) => {
    pool.free(handle);
  }),
  besides('store', {}, (pool) => pool.store(distinct(2 ** 30))),
  besides('store with deduplication', { dedup: true }, (pool) => pool.store(distinct(2 ** 30))),
  besides('malloc and free', {}, (pool) => {
    pool.free(pool.malloc(30));
  }),
  besides('stats', {}, (pool) => pool.stats()),
  {
    name: 'malloc',
    calls: ['ZsPool.malloc', 'ZsPool.stats'],
    size: SIZE,
    make: (size) =>
      bind(newEngine().createPool(), (pool) => {
        for (let n = 0; n < size; n++) pool.malloc(50);
        return pool.stats();
      }),
  },
  ...[() => 1, (n: number) => n].map((number, kind) => ({
    name: `store with deduplication of ${['equal', 'distinct'][kind]} bytes`,
    calls: ['ZsPool.store'],
    size: SIZE,
    make: (size: number) =>
      bind(newEngine().createPool({ dedup: true }), (pool) => {
        for (let n = 0; n < size; n++) pool.store(distinct(number(n)));
      }),
  })),
  {
    name: 'store that fails at a limit, with a shrinker',
    calls: [],
    size: SIZE,
    make: (size) => {
      const pool = newEngine().createPool({ limit: size * 32, shrinker: true });
      return () => {
        for (let n = 0; n < 2 * size; n++) {
          try {
            pool.store(distinct(n));
          } catch {
            // it is full
          }
        }
      };
    },
  },
  {
    name: 'compact',
    calls: ['ZsPool.compact', 'ZsPool.classes'],
    size: SIZE,
    make: (size) => {
      const { pool, handles } = filled(size, (n) => contentOf(n, 40 + 16 * (n % 4)));
      for (const n of shuffled(size).slice(size / 4)) pool.free(handles[n]);
      return () => [pool.classes(), pool.compact(), pool.classes()];
    },
  },
  {
    name: 'destroy of a pool',
    calls: ['ZsPool.destroy'],
    size: 4 * SIZE,
    make: (size) =>
      bind(filled(size, distinct).pool, (pool) => {
        pool.destroy();
      }),
  },
  {
    name: 'scan and unmerge',
    calls: ['Ksmd.scan', 'Ksmd.unmerge', 'Ksmd.stats', 'Ksmd.destroy', 'ZsPool.createKsmd'],
    size: SIZE,
    make: (size) => {
      const { pool } = filled(size, (n) => distinct(n % 100));
      return () => {
        const ksmd = pool.createKsmd();
        ksmd.scan();
        ksmd.unmerge();
        ksmd.stats();
        ksmd.destroy();
      };
    },
  },
  {
    name: 'scan and unmerge, with other compressors and deduplication',
    calls: [],
    size: SIZE / 2,
    make: (size) =>
      bind(foreignTwins(size).createKsmd(), (ksmd) => {
        ksmd.scan();
        ksmd.unmerge();
      }),
  },
  {
    name: 'taking and giving back ranges among many gaps',
    calls: [],
    size: SIZE,
    make: (size) => {
      const space = manyGaps(size);
      return () => {
        // None of the gaps is large enough for these.
        const taken = Array.from({ length: size }, () => space.take(4)!);
        for (const n of shuffled(size)) space.give(taken[n], 4);
      };
    },
  },
];
