/** The texts in which kernels describe a device, and what is said where they keep computed figures from being equal. */
import { describe, expect, test } from '@jest/globals';

import { Engine, MemoryBacking } from '../../bindings/index.js';
import type { AlgorithmResult } from '../../cli/analysis.js';
import { findChainSize } from '../../cli/chain-size.js';
import { compareLive, fragmentation } from '../../cli/live-comparison.js';
import { toZramName } from '../../cli/live-device.js';
import type { LiveFacts } from '../../cli/live-facts.js';
import {
  chainSizeIn,
  chosenAlgorithm,
  HeldSlots,
  kernelOfRelease,
  liveColumns,
  parseMmStat,
  parsePagesWrittenBack,
  parseRecompressors,
} from '../../cli/zram-attributes.js';
import { Random, seedOfRun } from '../support/random.js';
import { run } from './run.js';

/** As 6.18.44 prints it. */
const MM_STAT = '72773632 49509562 54226944        0 55312384       69        0     3476     3737\n';

describe('attributes', () => {
  test('mm_stat has nine columns', () => {
    const mmStat = parseMmStat(MM_STAT);
    expect(mmStat).toMatchObject({ origDataSize: 72773632, memLimit: 0, samePages: 69, hugePagesSince: 3737 });
    expect(Object.values(liveColumns(mmStat)).map(String)).toEqual(MM_STAT.trim().split(/\s+/));
    expect(() => parseMmStat('1 2 3\n')).toThrow("mm_stat must have 9 numbers, not '1 2 3'");
    expect(() => parseMmStat(MM_STAT.replace('69', 'x'))).toThrow('mm_stat must have 9 numbers');
  });

  test('comp_algorithm and recomp_algorithm have the chosen ones in brackets', () => {
    expect(chosenAlgorithm('[lzo-rle] lzo lz4 \n')).toBe('lzo-rle');
    expect(chosenAlgorithm('lzo lzo-rle lz4 lz4hc [zstd] deflate 842 \n')).toBe('zstd');
    expect(chosenAlgorithm('lzo\n')).toBeUndefined();
    expect(parseRecompressors('#1: lzo-rle lzo lz4 lz4hc [zstd] deflate 842 \n#3: lzo [deflate] \n')).toEqual([
      { priority: 1, algorithm: 'zstd' },
      { priority: 3, algorithm: 'deflate' },
    ]);
    expect(parseRecompressors('')).toEqual([]);
    expect(parsePagesWrittenBack('      12        3       14\n')).toBe(12);
  });

  test('a release has the rules of the last profile before it, and from 6.3 on those of 6.12', () => {
    const of = { '6.1.190': '6.1', '6.2.16-20-generic': '6.1', '6.3.0': '6.12', '6.11.0-29-generic': '6.12' };
    const later = {
      '6.12.117+deb13-amd64': '6.12',
      '6.17.1': '6.12',
      '6.18.44-fc': '6.18',
      '7.0.3': '6.18',
      '7.1.0': '7.1',
    };
    for (const [release, version] of Object.entries({ ...of, ...later, '8.0.0-rc1': '7.1' }))
      expect([release, kernelOfRelease(release)]).toEqual([release, version]);
    expect(kernelOfRelease('5.15.0')).toBeUndefined();
    expect(kernelOfRelease('unknown')).toBeUndefined();
  });

  test('--zram takes a number or the path', async () => {
    expect([toZramName('0'), toZramName('/dev/zram12')]).toEqual(['zram0', 'zram12']);
    for (const text of ['', 'zram0', '-1', '/dev/sda', '/dev/zram', '1.5', '/dev/zram0/']) {
      const { status, err } = await run(['analyze', `--zram=${text}`]);
      const sentence = `--zram must be the number of a device, as 0, or its path, as /dev/zram0, not '${text}'`;
      expect({ status, err }).toEqual({ status: 2, err: `zram-wasm: ${sentence}\n` });
    }
    for (const other of [['image'], ['--pid', '1']]) {
      const { status, err } = await run(['analyze', '--zram', '0', ...other]);
      expect(status).toBe(2);
      expect(err).toBe('zram-wasm: --zram takes a device alone: name neither files nor --pid beside it\n');
    }
  });
});

describe('the chain size', () => {
  const configuration = (line: string) => ({
    path: '/boot/config-6.12',
    text: `CONFIG_ZSMALLOC=y\n${line}\nCONFIG_X=y\n`,
  });

  test('is in the configuration', () => {
    expect(findChainSize('6.12', '6.12', configuration('CONFIG_ZSMALLOC_CHAIN_SIZE=16'))).toEqual({
      chainSize: 16,
      from: '/boot/config-6.12',
    });
    expect(chainSizeIn('# CONFIG_ZSMALLOC_CHAIN_SIZE is not set\n')).toBeUndefined();
  });

  test('is 4 where kernels have no other', () => {
    expect(findChainSize('6.1', '6.1.190', configuration(''))).toEqual({ chainSize: 4, from: 'kernel' });
  });

  test('is assumed where it is not known, and why is said', () => {
    const because = (kernel: '6.18', line: string) => findChainSize(kernel, '6.18', configuration(line));
    const assumed = { chainSize: 8, from: 'assumed' };
    expect(because('6.18', '')).toEqual({
      ...assumed,
      assumedBecause: '/boot/config-6.12 has no CONFIG_ZSMALLOC_CHAIN_SIZE',
    });
    expect(because('6.18', 'CONFIG_ZSMALLOC_CHAIN_SIZE=10')).toEqual({
      ...assumed,
      assumedBecause: '/boot/config-6.12 has 10, and only 4, 8, 16 can be computed',
    });
  });
});

describe('block_state', () => {
  test('lines of 6.12: which slots hold a page in memory', () => {
    // Pages 300 and 310 are on the backing device.
    const text = `         300    75.033841 .wh...
         301    63.806904 s.....
         302    63.806919 ..hi..
         303    62.801919 ....r.
         304   146.781902 ..hi.n
         310     0.000000 .w....
`;
    for (const bytes of [1, 7, 1000]) {
      const held = new HeldSlots(400);
      for (let at = 0; at < text.length; at += bytes) held.add(text.slice(at, at + bytes));
      expect(held).toMatchObject({ held: 4, writtenBack: 2, recompressed: 1 });
      expect(held.nextRun(0, 100)).toEqual({ index: 301, count: 4 });
      expect(held.nextRun(0, 3)).toEqual({ index: 301, count: 3 });
      expect(held.nextRun(304, 3)).toEqual({ index: 304, count: 1 });
      expect(held.nextRun(305, 3)).toBeUndefined();
    }
  });

  test('four flags, as before 6.2, and other texts', () => {
    const held = new HeldSlots(8);
    held.add('           7     1.000000 s..i\n');
    expect(held.nextRun(0, 9)).toEqual({ index: 7, count: 1 });
    expect(() => {
      held.add('           8     1.000000 ....\n');
    }).toThrow("block_state has a line of another form: '           8     1.000000 ....'");
    expect(() => {
      held.add('index time flags\n');
    }).toThrow('block_state has a line of another form');
  });

  test('of random devices of the library: exactly the pages that are in memory', () => {
    const seed = seedOfRun();
    const random = new Random(seed, 'block_state');
    const engine = Engine.createSync();
    for (let round = 0; round < 20; round++) {
      const slots = random.between(1, 300);
      const backing = new MemoryBacking(512);
      const zram = engine.createZram({ disksize: slots * 4096, backing });
      const inMemory = new Set<number>();
      for (let n = random.below(slots + 1); n > 0; n--) {
        const slot = random.below(slots);
        zram.writePage(slot, new Uint8Array(4096).fill(random.below(256), random.below(4096)));
        inMemory.add(slot);
      }
      const index = random.below(slots);
      if (zram.blockState(index)?.same === false) {
        zram.writeback({ pageIndexes: [[index, index]] });
        if (zram.blockState(index)?.writtenBack === true) inMemory.delete(index);
      }
      const held = new HeldSlots(slots);
      held.add(zram.sysfs.read('block_state'));
      const found: number[] = [];
      const max = random.between(1, 20);
      for (let run = held.nextRun(0, max); run !== undefined; run = held.nextRun(run.index + run.count, max))
        for (let i = 0; i < run.count; i++) found.push(run.index + i);
      const { mmStat } = zram;
      expect({ seed, round, found }).toEqual({ seed, round, found: [...inMemory].sort((a, b) => a - b) });
      expect((held.held + held.writtenBack) * 4096).toBe(mmStat.origDataSize);
      zram.destroy();
    }
    engine.destroy();
  });
});

describe('what is said of a device', () => {
  const facts: LiveFacts = {
    path: '/dev/zram0',
    release: '6.18.44',
    kernel: '6.18',
    chain: { chainSize: 8, from: '/proc/config.gz' },
    disksize: 2 ** 30,
    algorithm: 'lz4',
    recompressors: [],
    pagesWrittenBack: 0,
    mmStat: parseMmStat(MM_STAT),
  };
  const own = (changed: object = {}): AlgorithmResult[] => {
    const before = { ...facts.mmStat, pagesMerged: 0, dupDataSize: 0, metaDataSize: 0, ...changed };
    return [{ algorithm: 'lz4', computed: undefined, mmStat: { before } } as unknown as AlgorithmResult];
  };
  const compare = (more: Partial<LiveFacts>, algorithms = own(), held?: HeldSlots, hasChanged = false) =>
    compareLive({ facts: { ...facts, ...more }, held, hasChanged }, algorithms, {
      missing: undefined,
      stopped: undefined,
    });

  test('equal figures need no word, and the rest of its memory is fragmentation', () => {
    const live = compare({});
    expect(live).toMatchObject({ equal: true, changed: false, notes: [], slotsFrom: 'orig_data_size' });
    expect(fragmentation(live, 51478528)).toBe(2748416);
    expect(fragmentation(compare({}, own({ hugePages: 1 })), 51478528)).toBeUndefined();
    expect(fragmentation(compare({ kernel: '6.1' }), 51478528)).toBeUndefined();
  });

  test('recompressed pages, and pages on the backing device, are counted otherwise', () => {
    const recompressors = [{ priority: 1, algorithm: 'zstd' }];
    const { notes } = compare({ recompressors, pagesWrittenBack: 12 }, own({ comprDataSize: 1 }));
    expect(notes).toEqual([
      'compr_data_size and huge_pages as they are count pages that were recompressed as recompressed (zstd)',
      'compr_data_size and memory as they are do not count 12 pages on the backing device; what is computed does, since these were read',
    ]);
  });

  test('with block_state pages on the backing device are left out, and count as stored', () => {
    const held = new HeldSlots(10);
    held.add('           1     0.000000 .w....\n           2     0.000000 ....r.\n');
    const recompressors = [{ priority: 1, algorithm: 'zstd' }];
    const algorithms = own({ origDataSize: facts.mmStat.origDataSize - 4096 });
    const live = compare({ recompressors, pagesWrittenBack: 1 }, algorithms, held);
    expect(live).toMatchObject({ equal: true, slotsFrom: 'block_state' });
    expect(live.notes).toEqual([
      'compr_data_size and huge_pages as they are count 1 recompressed page as recompressed (zstd)',
      '1 page on the backing device, which takes no memory, was left out',
    ]);
  });

  test('a change, another chain size and a compressor that is not here are told', () => {
    expect(compare({}, own({ comprDataSize: 1 }), undefined, true).notes).toEqual([
      '/dev/zram0 changed while it was read: its figures and its pages are of different times',
    ]);
    const assumed = { chainSize: 8, from: 'assumed', assumedBecause: 'no file says it' } as const;
    expect(compare({ chain: assumed }).notes).toEqual(['zspages of up to 8 pages are assumed: no file says it']);
    const device = { facts: { ...facts, algorithm: '842' }, held: undefined, hasChanged: false };
    const live = compareLive(device, own(), { missing: "unknown algorithm '842'", stopped: undefined });
    expect(live).toMatchObject({ computed: undefined, equal: undefined });
    expect(live.notes).toEqual(["nothing was computed with its own compressor: unknown algorithm '842'"]);
  });
});
