/** Growth of devices and their snapshots with the pages that they hold, and of calls on large disks that hold little. */
import { MemoryBacking, Zram, type ZramOptions } from '../../bindings/index.js';
import { BatchBacking } from '../support/batch-backing.js';
import { MemorySink } from '../save/support.js';
import type { Growth } from './measure.js';
import { PAGE_SIZE, contentOf, device, fill, newEngine, shuffled } from './things.js';

const SIZE = 960;
const page = contentOf(7, PAGE_SIZE);

/** A call on a device with `size` pages. */
function onPages(
  name: string,
  calls: readonly string[],
  run: (zram: Zram, size: number) => unknown,
  options: ZramOptions = {},
  size = SIZE,
): Growth {
  return {
    name,
    calls,
    size,
    make: (count) => {
      const zram = device(count, options);
      return () => run(zram, count);
    },
  };
}

/** A call for each page, in an order of its own. */
function onEachPage(
  name: string,
  calls: readonly string[],
  run: (zram: Zram, index: number) => unknown,
  options: ZramOptions = {},
): Growth {
  return onPages(name, calls, (zram, size) => Promise.all(shuffled(size).map((index) => run(zram, index))), options);
}

/** Pages at the ends and in the middle of a disk, and the same calls on a disk of 64 MiB and on one of 8 TiB. */
function onSparse(name: string, run: (zram: Zram) => unknown, options: () => ZramOptions = () => ({})): Growth {
  return {
    name: `${name} of a large disk that holds little`,
    calls: [],
    size: 2 ** 26,
    factor: 2 ** 17,
    limit: 64, // a spread page has three frames of the table for itself; what goes by the size of the disk grows by 2^17
    make: (bytes) => {
      const rounds = Array.from({ length: 40 }, () => {
        const zram = newEngine().createZram({ disksize: bytes, ...options() });
        const pages = bytes / PAGE_SIZE;
        for (let n = 0; n < 16; n++) zram.writePage(Math.floor(((pages - 1) * n) / 15), page);
        return zram;
      });
      return async () => {
        for (const zram of rounds) await run(zram);
      };
    },
  };
}

const DEFLATE: ZramOptions = { compAlgorithm: 'deflate' };

export const DEVICE_ROWS: readonly Growth[] = [
  ...[{}, { dedup: true }].flatMap((options: ZramOptions) => {
    const what = options.dedup ? ', deduplicating' : '';
    return [
      onEachPage(
        `writePage over each page${what}`,
        ['Zram.writePage'],
        (zram, n) => {
          zram.writePage(n, page);
        },
        options,
      ),
      onEachPage(
        `compressPage and writeCompressed of each page${what}`,
        ['Zram.compressPage', 'Zram.writeCompressed'],
        (zram, n) => {
          zram.writeCompressed(n, zram.compressPage(page));
        },
        options,
      ),
      onEachPage(
        `discard of each page${what}`,
        ['Zram.discard'],
        (zram, n) => {
          zram.discard(n * PAGE_SIZE, PAGE_SIZE);
        },
        options,
      ),
      onPages(
        `discard of all pages${what}`,
        ['Zram.discard'],
        (zram, n) => {
          zram.discard(0, n * PAGE_SIZE);
        },
        options,
      ),
      onPages(
        `destroy${what}`,
        ['Zram.destroy'],
        (zram) => {
          zram.destroy();
        },
        options,
      ),
      onPages(
        `reset${what}`,
        ['Zram.reset'],
        (zram) => {
          zram.reset();
        },
        options,
      ),
      onPages(
        `writePages${what}`,
        ['Zram.writePages'],
        (zram, n) => {
          fill(zram, n, n);
        },
        options,
      ),
      onPages(
        `writePages of what is there${what}`,
        ['Zram.writePages'],
        (zram, n) => {
          fill(zram, n, n, (at) => at);
        },
        options,
      ),
      onPages(
        `merge of pages that are there twice${what}`,
        ['Zram.merge'],
        (zram, n) => {
          fill(zram, n, n);
          zram.merge();
          zram.discard(0, n * PAGE_SIZE);
          zram.merge();
          zram.compact({ inPageOrder: true });
        },
        options,
      ),
    ];
  }),
  ...[{}, { dedup: true }].flatMap((options: ZramOptions) => [
    onPages(
      `the life of pages with another compressor${options.dedup ? ', deduplicating' : ''}`,
      [],
      (zram, n) => {
        fill(zram, n, n);
        const snapshot = zram.snapshot();
        zram.merge();
        fill(zram, 0, n, (at) => at + 1);
        zram.merge();
        snapshot.destroy();
        zram.discard(0, 4 * n * PAGE_SIZE);
      },
      { ...DEFLATE, ...options },
      500,
    ),
    onPages(
      `recompress${options.dedup ? ', deduplicated' : ''}`,
      ['Zram.recompress'],
      (zram) => zram.recompress({ threshold: 1 }),
      { ...options, recompAlgorithms: ['deflate'] },
      500,
    ),
  ]),
  onEachPage('readPage', ['Zram.readPage'], (zram, n) => zram.readPage(n)),
  onPages('readPages', ['Zram.readPages'], (zram, n) => zram.readPages(0, n)),
  onPages('read', ['Zram.read'], (zram, n) => zram.read(1, n * PAGE_SIZE - 2)),
  {
    name: 'write',
    calls: ['Zram.write'],
    size: SIZE,
    make: (size) => {
      const zram = device(size);
      const bytes = new Uint8Array(size * PAGE_SIZE - 2).fill(3);
      return () => {
        zram.write(1, bytes);
      };
    },
  },
  onEachPage('write of parts', ['Zram.write'], (zram, n) => {
    zram.write(n * PAGE_SIZE + 100, Uint8Array.of(1, 2, 3));
  }),
  onPages('writeChanged', ['Zram.writeChanged', 'Zram.writeChangedAsync'], (zram, n) => {
    const bytes = zram.read(1, n * PAGE_SIZE - 2).fill(7, 0, (n * PAGE_SIZE) / 2);
    zram.writeChanged(1, bytes);
    return zram.writeChangedAsync(1, bytes.fill(8, 0, n * PAGE_SIZE - PAGE_SIZE));
  }),
  onPages('writeZeroes', ['Zram.writeZeroes'], (zram, n) => {
    zram.writeZeroes(1, n * PAGE_SIZE - 2);
  }),
  onPages('writeZeroesAsync', ['Zram.writeZeroesAsync'], (zram, n) => zram.writeZeroesAsync(1, n * PAGE_SIZE - 2)),
  onPages('extents of runs of one page', ['Zram.extents', 'ZramSnapshot.extents'], (zram, n) => {
    for (let page = 0; page < n; page += 2) zram.discard(page * PAGE_SIZE, PAGE_SIZE);
    return zram.extents(0, n * PAGE_SIZE);
  }),
  onPages('readAsync', ['Zram.readAsync'], (zram, n) => zram.readAsync(1, n * PAGE_SIZE - 2)),
  onPages('readPagesAsync', ['Zram.readPagesAsync'], (zram, n) => zram.readPagesAsync(0, n)),
  onPages('writeAsync', ['Zram.writeAsync'], (zram, n) =>
    zram.writeAsync(1, new Uint8Array(n * PAGE_SIZE - 2).fill(7)),
  ),
  onEachPage('writeAsync of parts, all at once', ['Zram.writeAsync'], (zram, n) =>
    zram.writeAsync(n * PAGE_SIZE, Uint8Array.of(1, 2, 3)),
  ),
  onPages('diffAsync', ['Zram.diffAsync'], async (zram) => {
    const clone = zram.clone();
    await zram.diffAsync(clone);
    clone.destroy();
  }),
  onEachPage('readAsync of parts, all at once', ['Zram.readAsync'], (zram, n) => zram.readAsync(n * PAGE_SIZE, 10)),
  onEachPage('blockState and objectOf', ['Zram.blockState', 'Zram.objectOf'], (zram, n) => [
    zram.blockState(n),
    zram.objectOf(n),
  ]),
  onPages('pageStates', ['Zram.pageStates'], (zram, n) => zram.pageStates(0, n), {}, 4 * SIZE),
  onPages(
    'idle',
    ['Zram.idle'],
    (zram) => {
      zram.idle();
    },
    {},
    4 * SIZE,
  ),
  onPages('compact', ['Zram.compact'], (zram, n) => {
    for (let index = 0; index < n; index++) if (index % 4 > 0) zram.discard(index * PAGE_SIZE, PAGE_SIZE);
    zram.compact();
  }),
  onPages('diff of what was changed here and there', ['Zram.diff', 'Zram.clone'], (zram, n) => {
    const clone = zram.clone();
    for (let index = 0; index < n; index += 2) clone.writePage(index, page);
    return zram.diff(clone);
  }),
  ...[{}, { pages: [1, 2, 3] }].map((_, kind) => ({
    name: ['writeback', 'writeback of pages that share objects'][kind],
    calls: ['Zram.writeback', 'Zram.writebackAsync'],
    size: SIZE,
    make: (size: number) => {
      const zram = device(size, { backing: new MemoryBacking(size) }, kind === 0 ? undefined : (n) => n % 50);
      if (kind === 1) zram.merge();
      zram.idle();
      return async () => {
        zram.writeback({ pageIndexes: [[0, size / 2 - 1]] });
        await zram.writebackAsync('idle');
        zram.readPages(0, size);
        zram.discard(0, size * PAGE_SIZE);
      };
    },
  })),
  {
    name: 'prefetch, and reads ahead of an asynchronous backing',
    calls: ['Zram.prefetch'],
    size: SIZE,
    make: (size: number) => {
      const zram = device(size, { backing: new BatchBacking({}, size) });
      return async () => {
        await zram.writebackAsync({ pageIndexes: [[0, size - 1]] });
        await zram.readPagesAsync(0, size);
        await zram.prefetch([[0, size - 1]]);
      };
    },
  },
  onEachPage('readCompressed', ['Zram.readCompressed', 'ZramSnapshot.readCompressed'], (zram, n) =>
    zram.readCompressed(n),
  ),
  onPages(
    'snapshot, its reads, and its end',
    [
      ...[
        'Zram.snapshot',
        'ZramSnapshot.readPage',
        'ZramSnapshot.readPages',
        'ZramSnapshot.read',
        'ZramSnapshot.destroy',
      ],
      ...['ZramSnapshot.blockState', 'ZramSnapshot.objectOf', 'ZramSnapshot.diff', 'ZramSnapshot.clone'],
      ...['ZramSnapshot.readAsync', 'ZramSnapshot.readPagesAsync', 'ZramSnapshot.diffAsync'],
    ],
    async (zram, n) => {
      const snapshot = zram.snapshot();
      fill(zram, 0, n / 2, (at) => at + 1);
      snapshot.readPages(0, n);
      snapshot.read(0, n * PAGE_SIZE);
      await snapshot.readAsync(0, n * PAGE_SIZE);
      await snapshot.readPagesAsync(0, n);
      for (let index = 0; index < n; index++) {
        snapshot.readPage(index);
        snapshot.blockState(index);
        snapshot.objectOf(index);
      }
      snapshot.clone().destroy();
      snapshot.diff(zram);
      await snapshot.diffAsync(zram);
      snapshot.destroy();
    },
  ),
  {
    name: 'snapshots of one page, and their end in another order',
    calls: [],
    size: 500,
    // Half of what the square would be: the collector of thousands of objects has its moods.
    limit: 512,
    make: (size) => {
      const zram = device(1);
      const makeAndEnd = (): void => {
        const snapshots = Array.from({ length: size }, () => zram.snapshot());
        for (const n of shuffled(size)) snapshots[n].destroy();
      };
      makeAndEnd(); // memory grows
      return makeAndEnd;
    },
  },
  onPages('restore of pages that were written since', ['Zram.restore'], (zram, n) => {
    const snapshot = zram.snapshot();
    fill(zram, 0, n / 2, (at) => at + 1);
    zram.restore(snapshot);
    snapshot.destroy();
  }),
  onPages('memoryUse', ['Zram.memoryUse', 'ZramSnapshot.memoryUse'], (zram, n) => {
    const snapshot = zram.snapshot();
    fill(zram, 0, n / 2, (at) => at + 1);
    zram.merge();
    return [zram.memoryUse(), snapshot.memoryUse()];
  }),
  {
    name: 'snapshots of a device with so many pages, each with a page that changed',
    calls: [],
    size: 512,
    factor: 64,
    limit: 8,
    make: (size) => {
      const zram = device(size);
      const all = (): void => {
        const snapshots = Array.from({ length: 200 }, (_, n) => {
          zram.writePage(n, page);
          return zram.snapshot();
        });
        for (const one of snapshots) one.destroy();
      };
      all(); // memory grows
      return all;
    },
  },
  onPages('save', ['Zram.save', 'ZramSnapshot.save'], async (zram) => {
    await zram.save(new MemorySink());
    await zram.snapshot().save(new MemorySink());
  }),
  {
    name: 'load',
    calls: [],
    size: SIZE,
    make: async (size) => {
      const sink = new MemorySink();
      await device(size, { dedup: true }).save(sink);
      return () => newEngine().loadZram(sink.bytes);
    },
  },
  ...[(n: number) => n * 512, (n: number) => n * 2 ** 15].map((at, kind) => ({
    name: `pages that lie ${['2', '128'][kind]} MiB apart: idle, snapshot, diff, save, end`,
    calls: [],
    size: 100,
    make: (size: number) => {
      const zram = newEngine().createZram({ disksize: 2 ** 43 });
      for (let n = 0; n < size; n++) zram.writePage(at(n), page);
      return async () => {
        zram.idle();
        const snapshot = zram.snapshot();
        zram.diff(snapshot);
        await zram.save(new MemorySink());
        snapshot.destroy();
        zram.discard(0, 2 ** 43);
        zram.destroy();
      };
    },
  })),
  onSparse('discard', (zram) => {
    zram.discard(0, 2 ** 26);
    zram.discard(0, 2 ** 25);
  }),
  onSparse('extents', (zram) => zram.extents(0, zram.disksize)),
  onSparse('writeZeroes', (zram) => {
    zram.writeZeroes(1, zram.disksize - 2);
  }),
  onSparse('idle', (zram) => {
    zram.idle();
  }),
  onSparse('reset', (zram) => {
    zram.reset();
  }),
  onSparse('snapshot and diff', (zram) => zram.diff(zram.snapshot())),
  onSparse('clone and destroy', (zram) => {
    zram.clone().destroy();
    zram.destroy();
  }),
  onSparse('save', (zram) => zram.save(new MemorySink())),
  onSparse(
    'recompress',
    (zram) => zram.recompress(),
    () => ({ recompAlgorithms: ['deflate'] }),
  ),
  onSparse(
    'writeback',
    (zram) => {
      zram.idle();
      return zram.writeback('idle');
    },
    () => ({ backing: new MemoryBacking(16) }),
  ),
];
