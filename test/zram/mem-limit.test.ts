/**
 * mem_limit: a write that would pass it is an ordinary error. Nothing is lost by it, the kernel's counters of the
 * attempt move, and the device works on.
 */
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { Zram } from '../../bindings/index.js';
import { describeWithKernel } from '../support/describe-with-kernel.js';
import { runOnKernel } from '../support/kernel.js';
import { LIMIT_PAGES, LIMIT_SCENARIOS, LIMIT_SEED, LIMIT_SLOTS } from '../support/limit-scenarios.js';
import { PAGE_SIZE, pageCount, prefixPage, randomPage, repeatPage, sameBytes, zeroPage } from '../support/pages.js';
import { assertParity } from '../support/parity.js';
import { Random, seedOfRun } from '../support/random.js';
import { randomTrace } from '../support/trace.js';
import { errorOf } from '../support/errors.js';

const LIMIT_PAGES_MAX = 4;
const FULL = LIMIT_PAGES_MAX * PAGE_SIZE;
const random = new Random(1, 'mem-limit.test');
const incompressible = Array.from({ length: 6 }, () => randomPage(random));
/** Its size class has zspages of 8 pages. */
const kilobyte = prefixPage(random, 1000);

let zram: Zram;

/** A device whose limit of 16K is taken by four incompressible pages. */
beforeEach(async () => {
  zram = await Zram.create({ disksize: '1M', memLimit: '16K' });
  for (let slot = 0; slot < LIMIT_PAGES_MAX; slot++) zram.writePage(slot, incompressible[slot]);
});

afterEach(() => {
  zram.destroy();
});

function expectPage(slot: number, page: Uint8Array): void {
  expect(sameBytes(zram.readPage(slot), page)).toBe(true);
}

function expectFourPages(): void {
  for (let slot = 0; slot < LIMIT_PAGES_MAX; slot++) expectPage(slot, incompressible[slot]);
}

describe('at the limit', () => {
  test('filling it exactly is allowed', () => {
    expect(zram.mmStat).toMatchObject({ memLimit: FULL, memUsedTotal: FULL, memUsedMax: FULL });
    expect(zram.ioStat.failedWrites).toBe(0);
  });

  test('one page more is ENOMEM, and only the counters of the attempt move', () => {
    const before = zram.mmStat;
    expect(errorOf(() => zram.writePage(4, incompressible[4])).code).toBe('ENOMEM');
    expect(zram.mmStat).toEqual({ ...before, memUsedMax: FULL + PAGE_SIZE });
    expect(zram.ioStat.failedWrites).toBe(1);
    expectPage(4, zeroPage());
    expectFourPages();
  });

  test('a refused overwrite keeps the old content', () => {
    expect(errorOf(() => zram.writePage(2, incompressible[5])).code).toBe('ENOMEM');
    expect(zram.mmStat.origDataSize).toBe(FULL);
    expect(zram.ioStat.failedWrites).toBe(1);
    expectFourPages();
  });

  test('a refused write of part of a page keeps the old content', () => {
    expect(errorOf(() => zram.write(2 * PAGE_SIZE + 100, incompressible[5].subarray(0, 50))).code).toBe('ENOMEM');
    expectFourPages();
  });

  test('a small page is refused when it needs a whole new zspage', () => {
    expect(errorOf(() => zram.writePage(4, kilobyte)).code).toBe('ENOMEM');
    expect(zram.mmStat.memUsedMax).toBe(FULL + 8 * PAGE_SIZE);
    expect(zram.mmStat.memUsedTotal).toBe(FULL);
  });

  test('each refused write counts', () => {
    for (let i = 0; i < 3; i++) errorOf(() => zram.writePage(4 + i, incompressible[4]));
    expect(zram.ioStat.failedWrites).toBe(3);
    expect(zram.mmStat.memUsedMax).toBe(FULL + PAGE_SIZE);
  });

  test('a same-filled page is stored, and frees what it replaces', () => {
    zram.writePage(10, zeroPage());
    zram.writePage(1, repeatPage(random, 8));
    expect(zram.mmStat).toMatchObject({ samePages: 2, memUsedTotal: FULL - PAGE_SIZE, memUsedMax: FULL });
    zram.writePage(4, incompressible[4]);
    expectPage(4, incompressible[4]);
    expect(zram.ioStat.failedWrites).toBe(0);
  });

  test('writePages stores what fits and says how many pages that were', () => {
    zram.discard(0, FULL);
    const batch = new Uint8Array(Buffer.concat(incompressible));
    const error = errorOf(() => zram.writePages(0, batch));
    expect(error.code).toBe('ENOMEM');
    expect(error.pagesDone).toBe(LIMIT_PAGES_MAX);
    expect(zram.mmStat.origDataSize).toBe(FULL);
    expectFourPages();
  });
});

describe('after the limit', () => {
  beforeEach(() => {
    errorOf(() => zram.writePage(4, incompressible[4]));
  });

  test('a discard makes room', () => {
    zram.discard(3 * PAGE_SIZE, PAGE_SIZE);
    zram.writePage(4, incompressible[4]);
    expectPage(4, incompressible[4]);
    expect(zram.mmStat.memUsedTotal).toBe(FULL);
  });

  test('0 lifts it at once', () => {
    zram.sysfs.write('mem_limit', '0');
    for (const slot of [4, 5]) zram.writePage(slot, incompressible[slot]);
    expect(zram.mmStat).toMatchObject({ memLimit: 0, memUsedTotal: 6 * PAGE_SIZE, memUsedMax: 6 * PAGE_SIZE });
    expect(zram.ioStat.failedWrites).toBe(1);
  });

  test('a lower one than what is in use loses nothing, but refuses every allocation', () => {
    zram.sysfs.write('mem_limit', '4K');
    expectFourPages();
    zram.discard(2 * PAGE_SIZE, 2 * PAGE_SIZE);
    expect(errorOf(() => zram.writePage(4, incompressible[4])).code).toBe('ENOMEM');
    zram.discard(0, 2 * PAGE_SIZE);
    zram.writePage(4, incompressible[4]);
    expect(zram.mmStat.memUsedTotal).toBe(PAGE_SIZE);
  });

  test.each([
    ['1K', PAGE_SIZE],
    ['4097', 2 * PAGE_SIZE],
    ['1M', 1 << 20],
  ])('%s is rounded up to whole pages', (text, bytes) => {
    zram.sysfs.write('mem_limit', text);
    expect(zram.mmStat.memLimit).toBe(bytes);
  });

  test('reset ends it and clears what it counted', () => {
    zram.reset();
    zram.init('1M');
    expect(zram.mmStat).toMatchObject({ memLimit: 0, memUsedMax: 0 });
    expect(zram.ioStat.failedWrites).toBe(0);
    for (let slot = 0; slot < incompressible.length; slot++) zram.writePage(slot, incompressible[slot]);
  });
});

describeWithKernel('mem_limit on the live kernel', () => {
  const seed = seedOfRun();
  const slots = LIMIT_SLOTS;
  const kernelMilliseconds = 300_000;

  test.each(LIMIT_SCENARIOS)(
    '$name',
    async ({ trace }) => {
      const kernel = runOnKernel(LIMIT_PAGES, trace, slots, 1);
      await assertParity({ set: LIMIT_PAGES, trace, slots, level: 1, seed: LIMIT_SEED }, kernel);
    },
    kernelMilliseconds,
  );

  test(
    `a random trace of seed ${seed}`,
    async () => {
      const pages = pageCount(LIMIT_PAGES);
      const operations = 10_000;
      const trace = randomTrace({ seed, stream: 'limits', operations, slots, pages, limitPagesMax: 200 });
      await assertParity({ set: LIMIT_PAGES, trace, slots, level: 1, seed }, runOnKernel(LIMIT_PAGES, trace, slots, 1));
    },
    kernelMilliseconds,
  );
});
