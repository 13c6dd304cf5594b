/** Calls over many pages, in steps or not: timers fire meanwhile, and what is not stored costs no time. */
import { expect, test } from '@jest/globals';
import { Zram, type AsyncBacking, type PageRange, type ZramSnapshot } from '../../bindings/index.js';
import { processorMs } from '../support/processor-time.js';
import { Random } from '../support/random.js';
import { engineOf } from '../support/raw-core.js';
import { GAP_MAX, leastGap } from '../support/turns.js';

const PAGE_SIZE = 4096;
const engine = engineOf('debug');
const random = new Random(12, 'turns');
const noise = () => random.fill(new Uint8Array(PAGE_SIZE));

test('calls that go over many pages let timers run', async () => {
  const backing: AsyncBacking = {
    asynchronous: true,
    slots: 2 ** 20,
    read: async () => undefined,
    write: async () => undefined,
  };
  const zram = engineOf('release', {}).createZram({ disksize: '256M', backing });
  const page = noise();
  const bytes = new Uint8Array(3000 * PAGE_SIZE).map((_, at) => page[at % PAGE_SIZE]);
  for (let n = 0; n < 3000; n++) bytes.set([n >> 8, n & 0xff], n * PAGE_SIZE);
  const other = engineOf('release', {}).createZram({ disksize: '256M' });
  other.writePages(0, bytes);
  const calls: [string, () => Promise<unknown>][] = [
    ['writeAsync', () => zram.writeAsync(0, bytes)],
    ['readPagesAsync', () => zram.readPagesAsync(0, 3000)],
    ['diffAsync', () => zram.diffAsync(other)],
    ['writebackAsync', () => zram.writebackAsync('huge')],
  ];
  for (const [, call] of calls) {
    let turns = 0;
    const timer = setInterval(() => turns++, 1);
    await call();
    clearInterval(timer);
    expect(turns).toBeGreaterThan(0);
  }
  for (const one of [zram, other]) Zram.hostOf(one).destroy();
});

test('timers fire while diffAsync compares pages that are all equal', async () => {
  const [one, other] = [engine, engine].map((from) => from.createZram({ disksize: '1G' }));
  const page = noise();
  for (const zram of [one, other])
    for (let n = 0; n < 100_000; n++) {
      page[0] = n;
      page.fill(0, 1000);
      zram.writePage(n, page);
    }
  const work = async (): Promise<void> => expect(await one.diffAsync(other)).toEqual([]);
  expect(await leastGap(work)).toBeLessThan(GAP_MAX);
  for (const zram of [one, other]) zram.destroy();
});

test('differences of sparse disks cost what is stored, not the size of the disks', async () => {
  const elsewhere = engineOf('release', {});
  const [a, b, c] = [engine, engine, elsewhere].map((from) => from.createZram({ disksize: '15T' }));
  const page = noise();
  for (const one of [a, b, c]) one.writePage(2 ** 31, page);
  b.writePage(2 ** 32 - 2 ** 29, page);
  const start = processorMs();
  const far = [{ index: 2 ** 32 - 2 ** 29, count: 1 }];
  const pairs: [Zram | ZramSnapshot, Zram, PageRange[]][] = [
    [a, b, far],
    [a, c, []],
    [c, b, far],
    [a.snapshot(), b, far],
  ];
  for (const [one, other, expected] of pairs) {
    expect(one.diff(other)).toEqual(expected);
    expect(await one.diffAsync(other)).toEqual(expected);
  }
  expect(processorMs() - start).toBeLessThan(1000);
  for (const one of [a, b, c]) one.destroy();
  elsewhere.destroy();
});
