/** Idle marks, access times, and block_state in the format of debugfs. */
import { afterAll, expect, test } from '@jest/globals';
import { MemoryBacking, type Zram } from '../../bindings/index.js';
import { prefixPage } from '../support/pages.js';
import { Random } from '../support/random.js';
import { coreOf, engineOf } from '../support/raw-core.js';
import { ToyCompressor } from '../support/toy-compressor.js';
import { codeOf } from '../support/errors.js';

const PAGE_SIZE = 4096;
const engine = engineOf('debug', { compressors: [new ToyCompressor()] });
afterAll(() => engine.destroy());
const random = new Random(9);
const part = (length: number) => prefixPage(random, length);

/** The clock of the engine stands still until it is moved: seconds. */
const clock = { seconds: 0 };
coreOf(engine).ticks = () => clock.seconds * 100;

function make(options: object = {}): Zram {
  const zram = engine.createZram({ disksize: '4M', ...options });
  zram.writePage(0, part(100));
  zram.writePage(1, part(4096));
  zram.writePage(2, new Uint8Array(PAGE_SIZE).fill(1));
  zram.writePage(3, part(200));
  return zram;
}
const idle = (zram: Zram) => [0, 1, 2, 3, 4].filter((index) => zram.blockState(index)?.idle);

test('all pages in memory that are not same-filled; whoever reads or writes one takes its mark away', () => {
  const zram = make({ backing: new MemoryBacking(4) });
  zram.writeback('page_index=1');
  zram.idle();
  expect(idle(zram)).toEqual([0, 3]);
  zram.read(10, 5);
  expect(idle(zram)).toEqual([3]);
  zram.snapshot().destroy();
  zram.diff(zram.clone());
  expect(idle(zram)).toEqual([3]);
  zram.writePage(3, part(200));
  expect(idle(zram)).toEqual([]);
  zram.idle('all');
  expect(idle(zram.clone())).toEqual([]); // a clone begins without
  expect(idle(zram)).toEqual([0, 3]);
});

test('by age: pages not accessed for so long; the others lose their mark', () => {
  clock.seconds = 100;
  const zram = make();
  clock.seconds = 200;
  zram.readPage(0);
  clock.seconds = 250;
  zram.idle(100);
  expect(idle(zram)).toEqual([1, 3]);
  zram.idle({ age: 50 });
  expect(idle(zram)).toEqual([0, 1, 3]);
  zram.sysfs.write('idle', '51\n');
  expect(idle(zram)).toEqual([1, 3]);
  zram.sysfs.write('idle', 'all\n');
  expect(idle(zram)).toEqual([0, 1, 3]);
  clock.seconds = 2 ** 32 / 100 - 10; // just before the clock wraps round
  zram.readPage(0);
  clock.seconds = 10;
  zram.idle(1000);
  expect(idle(zram)).toEqual([1, 3]);
});

test.each<[unknown, string]>([
  ['some', 'EINVAL'],
  ['', 'EINVAL'],
  [-1, 'EINVAL'],
  [NaN, 'EINVAL'],
  [2 ** 40, 'EINVAL'],
  [{ seconds: 1 }, 'EINVAL'],
  [null, 'EINVAL'],
])('idle(%j) is %s', (what, code) => {
  expect(codeOf(() => make().idle(what as number))).toBe(code);
});

test('ages need access times; without a disk there is nothing to mark', () => {
  const zram = make({ trackEntryActime: false });
  expect(codeOf(() => zram.idle(1))).toBe('EINVAL');
  zram.idle();
  expect(idle(zram)).toEqual([0, 1, 3]);
  expect(codeOf(() => engine.createZram().idle())).toBe('EINVAL');
});

test('block_state', () => {
  clock.seconds = 3.25;
  const zram = make({ backing: new MemoryBacking(4), recompAlgorithms: ['toy', 'deflate'] });
  clock.seconds = 1000.07;
  zram.writePage(
    1000,
    new Uint8Array(PAGE_SIZE).map(() => 33 + random.below(90)),
  ); // huge for LZ4, not for deflate
  zram.writePage(1001, part(4096));
  zram.recompress({ type: 'huge', algo: 'deflate' });
  zram.idle();
  zram.writeback('page_index=0');
  expect(zram.sysfs.read('block_state')).toBe(
    [
      '           0            3.250000 .w....',
      '           1            3.250000 ..hi.n',
      '           2            3.250000 s.....',
      '           3            3.250000 ...i..',
      '        1000         1000.070000 ...ir.',
      '        1001         1000.070000 ..hi.n',
      '',
    ].join('\n'),
  );
  expect(engine.createZram().sysfs.read('block_state')).toBe('');
  zram.discard(0, 4 * 2 ** 20);
  expect(zram.sysfs.read('block_state')).toBe('');
});
