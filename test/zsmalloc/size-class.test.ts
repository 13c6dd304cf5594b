/** Size classes against the kernel's table: bytes of an object, pages of a zspage x objects in it. */
import { describe, expect, test } from '@jest/globals';
import type { KernelVersion, PoolOptions } from '../../bindings/index.js';
import { readFixture } from '../support/fixtures.js';
import { engineOf } from '../support/raw-core.js';

const CHAIN_8 = `
  32:1x128 48:3x256 64:1x64 80:5x256 96:3x128 112:7x256 128:1x32 144:7x199 160:5x128 176:4x93 192:3x64 208:3x59 224:7x128 240:1x17 256:1x16
  272:1x15 288:5x71 304:7x94 320:5x64 336:6x73 352:8x93 368:8x89 384:3x32 400:5x51 416:6x59 432:7x66 448:7x64 464:5x44 480:2x17 496:4x33
  512:1x8 528:4x31 544:2x15 560:7x51 576:1x7 592:8x55 608:7x47 624:2x13 640:5x32 656:5x31 672:1x6 688:8x47 704:5x29 720:3x17 736:2x11
  752:7x38 768:3x16 784:5x26 816:1x5 832:8x39 848:5x24 864:7x33 880:8x37 896:7x32 912:7x31 928:5x22 944:3x13 960:4x17 976:6x25 992:8x33
  1024:1x4 1056:8x31 1072:5x19 1088:4x15 1104:3x11 1120:8x29 1136:5x18 1168:2x7 1184:7x24 1200:5x17 1216:3x10 1232:7x23 1248:4x13 1280:5x16
  1296:7x22 1360:1x3 1424:8x23 1440:6x17 1456:5x14 1488:4x11 1504:7x19 1536:3x8 1552:8x21 1568:5x13 1584:7x18 1632:2x5 1680:7x17 1696:5x12
  1712:8x19 1744:3x7 1792:7x16 1808:4x9 1856:5x11 1888:6x13 1904:7x15 1920:8x17 2048:1x2 2176:8x15 2192:7x13 2224:6x11 2272:5x9 2336:4x7
  2384:7x12 2448:3x5 2512:8x13 2560:5x8 2592:7x11 2720:2x3 2864:7x10 2912:5x7 2976:8x11 3072:3x4 3184:7x9 3264:4x5 3408:5x6 3504:6x7
  3584:7x8 3632:8x9 4096:1x1`;
const CHAIN_4 = `
  32:1x128 48:3x256 64:1x64 80:1x51 96:3x128 112:2x73 128:1x32 144:3x85 160:2x51 176:4x93 192:3x64 208:3x59 224:4x73 240:1x17 256:1x16 272:1x15
  288:1x14 304:3x40 320:4x51 336:1x12 352:2x23 368:1x11 384:3x32 400:1x10 416:4x39 432:3x28 448:1x9 464:4x35 480:2x17 496:4x33 512:1x8 528:4x31
  544:2x15 560:4x29 576:1x7 592:4x27 608:3x20 624:2x13 640:3x19 672:1x6 704:4x23 720:3x17 736:2x11 768:3x16 816:1x5 848:4x19 864:3x14 896:2x9
  944:3x13 960:4x17 1024:1x4 1088:4x15 1104:3x11 1168:2x7 1216:3x10 1248:4x13 1360:1x3 1488:4x11 1536:3x8 1632:2x5 1744:3x7 1808:4x9 2048:1x2
  2336:4x7 2448:3x5 2720:2x3 3072:3x4 3264:4x5 4096:1x1`;

function table(options: PoolOptions): { rows: string[]; hugeClassSize: number } {
  const engine = engineOf('release');
  const pool = engine.createPool(options);
  // A class shows how many objects a zspage holds when it has one.
  const rows = pool.classes().map(({ size, pagesPerZspage }, n) => {
    const handle = pool.malloc(size === 4096 ? 4096 : size - 8);
    const { objectsAllocated, objectsUsed, pagesUsed } = pool.classes()[n];
    expect({ objectsUsed, pagesUsed }).toEqual({ objectsUsed: 1, pagesUsed: pagesPerZspage });
    pool.free(handle);
    return `${size}:${pagesPerZspage}x${objectsAllocated}`;
  });
  const { hugeClassSize } = pool;
  engine.destroy();
  return { rows, hugeClassSize };
}

test('chain 8: the 119 classes of the kernel', () => {
  const { rows, hugeClassSize } = table({ chainSize: 8 });
  expect(rows).toEqual(CHAIN_8.trim().split(/\s+/));
  expect([rows.length, hugeClassSize]).toEqual([119, 3625]);
});

test('chain 4: 69 classes', () => {
  const { rows, hugeClassSize } = table({ chainSize: 4 });
  expect(rows).toEqual(CHAIN_4.trim().split(/\s+/));
  expect([rows.length, hugeClassSize]).toEqual([69, 3257]);
});

test('chain 16: 192 classes, the largest that is not huge 3840', () => {
  const { rows, hugeClassSize } = table({ chainSize: 16 });
  expect([rows.length, hugeClassSize, rows.at(-2)]).toEqual([192, 3833, '3840:15x16']);
});

describe('by kernel', () => {
  test.each<[KernelVersion]>([['6.12'], ['6.18'], ['7.1']])('%s: as chain 8', (kernel) => {
    expect(table({ kernel })).toEqual(table({ chainSize: 8 }));
  });

  test('6.1: chain 4, whole per cents. Of a zspage of 2 frames objects of 208 bytes use 99 %, as of 3: 2 it is', () => {
    const { rows, hugeClassSize } = table({ kernel: '6.1' });
    expect(rows).toEqual(CHAIN_4.replace('208:3x59', '208:2x39').trim().split(/\s+/));
    expect(hugeClassSize).toBe(3257);
  });

  test('6.1 has no other chain size', () => {
    using engine = engineOf('release');
    expect(engine.createPool({ kernel: '6.1', chainSize: 4 }).hugeClassSize).toBe(3257);
    expect(() => engine.createPool({ kernel: '6.1', chainSize: 8 })).toThrow(
      'EINVAL: chainSize must be 4 on kernel 6.1, not 8.',
    );
    expect(() => engine.createPool({ chainSize: 5 as never })).toThrow('chainSize must be 4, 8 or 16 on kernel 6.18');
  });

  /** What mm_stat says when objects of these sizes are stored, a page each. */
  function stored(options: PoolOptions, lengths: readonly number[]): number[] {
    using engine = engineOf('release');
    const pool = engine.createPool(options);
    const isHuge = (length: number) => length >= pool.hugeClassSize;
    const sizes = lengths.filter((length) => length > 0).map((length) => (isHuge(length) ? 4096 : length));
    for (const size of sizes) pool.malloc(size);
    return [sizes.reduce((sum, size) => sum + size, 0), pool.totalPages * 4096, lengths.filter(isHuge).length];
  }
  const { runs, lengths } = readFixture('classes');
  const lengthsOf = (compressor: string) => lengths[compressor].split(' ').map(Number);

  test.each(runs)('%s with %s: sums of the kernel itself', (kernel, compressor, ...mmStat) => {
    expect(stored({ kernel }, lengthsOf(compressor))).toEqual(mmStat);
  });

  test('the rule of 6.3 would give another sum on 6.1', () => {
    const [run] = runs.filter(([kernel, compressor]) => kernel === '6.1' && compressor === 'lzo-rle');
    expect(stored({ chainSize: 4 }, lengthsOf('lzo-rle'))).toEqual([run[2], run[3] + 4096, run[4]]);
  });
});
