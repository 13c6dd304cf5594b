/** Saving and loading give way: timers fire meanwhile, whatever the sink and the source are. */
import { randomBytes } from 'node:crypto';

import { afterAll, beforeAll, expect, jest, test } from '@jest/globals';
import { Engine, Zram } from '../../bindings/index.js';
import { pause, pauseDue } from '../../bindings/base/pacer.js';
import { PAGE_SIZE } from '../support/pages.js';
import { engineOf } from '../support/raw-core.js';
import { GAP_MAX, leastGap } from '../support/turns.js';
import { saved } from './support.js';

jest.setTimeout(120_000);

const PAGES = 12_000;
let engine: Engine;
let zram: Zram;
let file: Uint8Array<ArrayBuffer>;

beforeAll(async () => {
  engine = engineOf('release');
  zram = engine.createZram({ disksize: PAGES * PAGE_SIZE });
  const noise = randomBytes(2 * PAGE_SIZE);
  const page = new Uint8Array(PAGE_SIZE);
  for (let n = 0; n < PAGES; n++) {
    page.set(noise.subarray(n % 4096, (n % 4096) + 2500));
    new DataView(page.buffer).setUint32(0, n);
    zram.writePage(n, page);
  }
  file = (await saved(zram)) as Uint8Array<ArrayBuffer>;
});
afterAll(() => engine.destroy());

const destroyed = async (loading: Promise<Zram>): Promise<void> => (await loading).destroy();

test.each<[string, () => Promise<unknown>]>([
  ['save to memory', () => saved(zram)],
  ['save to a stream', () => zram.save(new WritableStream())],
  ['load from bytes', () => destroyed(engine.loadZram(file))],
  ['load from a Blob', () => destroyed(engine.loadZram(new Blob([file])))],
  ['load from a list', () => destroyed(engine.loadZram([file.subarray(0, 1000), file.subarray(1000)]))],
  ['a load that is refused at its end', () => engine.loadZram(file.subarray(0, -1)).catch(() => undefined)],
  ['five at once', () => Promise.all(Array.from({ length: 5 }, () => destroyed(engine.loadZram(file))))],
])('%s: timers fire', async (_name, work) => {
  expect(await leastGap(work)).toBeLessThan(GAP_MAX);
});

test('many small records in one section give way, too', async () => {
  const device = engine.createZram({ disksize: '1G' });
  const page = new Uint8Array(PAGE_SIZE);
  for (let n = 0; n < 60_000; n++) device.writePage(n, page.fill(n & 1));
  const bytes = await saved(device);
  device.destroy();
  expect(await leastGap(() => destroyed(engine.loadZram(bytes)))).toBeLessThan(GAP_MAX);
});

test('those who wait have their turns one after the other', async () => {
  let turns = 0;
  const count = (): void => {
    turns++;
    handle = setImmediate(count);
  };
  let handle = setImmediate(count);
  await Promise.all([pause(), pause(), pause(), pause()]);
  clearImmediate(handle);
  expect(turns).toBeGreaterThanOrEqual(3);
  expect(pauseDue()).toBe(false);
});

test('where there is no setImmediate, as in browsers', async () => {
  const { setImmediate: kept } = globalThis;
  try {
    Reflect.deleteProperty(globalThis, 'setImmediate');
    expect(await leastGap(() => destroyed(engine.loadZram(file)))).toBeLessThan(GAP_MAX);
  } finally {
    globalThis.setImmediate = kept;
  }
});

test('merging, writing and compacting between the turns of a save: the file has what there was', async () => {
  const pages = 20_000;
  const device = engine.createZram({ disksize: pages * PAGE_SIZE });
  const page = new Uint8Array(PAGE_SIZE);
  const content = (n: number): Uint8Array => {
    new DataView(page.buffer).setUint32(0, 1 + (n % 5000));
    return page;
  };
  for (let n = 0; n < pages; n++) device.writePage(n, content(n));
  device.merge({ maxObjects: 7000 });
  let turns = 0;
  const timer = setInterval(() => {
    // Cells come free, and serve other objects.
    for (let n = 0; n < 300; n++) device.writePage((turns * 300 + n) % pages, content(turns * 7919 + n));
    device.merge({ maxObjects: 3000 });
    if (turns++ % 5 === 0) device.compact({ inPageOrder: turns % 2 === 0 });
  }, 0);
  const bytes = await saved(device);
  clearInterval(timer);
  expect(turns).toBeGreaterThan(3);
  device.destroy();
  const loaded = await engine.loadZram(bytes);
  for (let n = 0; n < pages; n++) {
    const read = loaded.readPage(n);
    if (Buffer.compare(read, content(n)) !== 0) throw new Error(`page ${n}`);
  }
  loaded.destroy();
});
