/** Devices saved under names, and forks that other processes open by them. */
import { afterEach, expect, test } from '@jest/globals';
import { Engine, type Zram } from '../../../bindings/index.js';
import { keyOf, liveKeys, openNamed, dropNamed, renewNamed, saveNamed } from '../../../integrations/remote.js';
import { generatedSets, pageCount, PAGE_SIZE, repeatPage, sameBytes, textPage, zeroPage } from '../../support/pages.js';
import { Random } from '../../support/random.js';
import { textOf, UnrulyTier } from './unruly-tier.js';

const engine = Engine.createSync();
const made: { destroy(): void }[] = [];
afterEach(() => made.splice(0).forEach((each) => each.destroy()));
const keep = <T extends { destroy(): void }>(one: T): T => (made.push(one), one);

const random = new Random(1, 'named');
const words = ['page', 'table', 'key', 'fork', 'tier', 'name', 'segment', 'lease'];
const blend = generatedSets(7).find(({ name }) => name === 'blend')!;
const BLEND_PAGES = pageCount(blend);

/** A device with all kinds of pages, and holes. */
function deviceOf(options: Parameters<Engine['createZram']>[0] = {}): Zram {
  const zram = keep(engine.createZram({ disksize: 2000 * PAGE_SIZE, ...options }));
  zram.writePages(100, blend.pages);
  zram.writePage(1999, textPage(random, words));
  zram.writePage(1500, zeroPage());
  return zram;
}

function open(tier: UnrulyTier, name: string, options: Parameters<typeof openNamed>[2] = {}) {
  return openNamed(tier, name, { device: keep(engine.createZram()), ...options }).then(keep);
}

test.each(['lz4', 'lz4hc', 'lzo', 'deflate'])('what was saved is read by its name: %s', async (compAlgorithm) => {
  const tier = new UnrulyTier(random);
  const zram = deviceOf({ compAlgorithm });
  const report = await saveNamed(tier, 'base', zram);
  expect(report.pages).toBe(BLEND_PAGES + 2);
  for (const [key, value] of tier.values) {
    expect(textOf(keyOf(value))).toBe(key);
    expect(value.length).toBeLessThanOrEqual(PAGE_SIZE);
  }
  for (const algorithm of compAlgorithm === 'lz4' ? ['lz4', 'lzo'] : ['lz4']) {
    const device = keep(engine.createZram({ compAlgorithm: algorithm }));
    const fork = await open(tier, 'base', { device });
    expect(fork.disksize).toBe(zram.disksize);
    expect(sameBytes(await fork.readPagesAsync(0, 2000), zram.readPages(0, 2000))).toBe(true);
    expect(await fork.readAsync(100 * PAGE_SIZE + 5, 9000)).toEqual(zram.read(100 * PAGE_SIZE + 5, 9000));
  }
});

/** One with promises, in memory. */
function asyncBacking() {
  const held = new Map<number, Uint8Array>();
  return {
    held,
    slots: 5000,
    asynchronous: true as const,
    read: async (slot: number, page: Uint8Array) => page.set(held.get(slot)!),
    write: async (slot: number, page: Uint8Array) => void held.set(slot, page.slice()),
  };
}

test('a device whose pages are on a backing, or recompressed, is saved', async () => {
  const backing = asyncBacking();
  const tier = new UnrulyTier(random);
  const zram = deviceOf({ backing, recompAlgorithms: ['deflate'] });
  const all = zram.readPages(0, 2000);
  await saveNamed(tier, 'before', zram);
  zram.recompress();
  expect(await saveNamed(tier, 'recompressed', zram)).toMatchObject({ sent: 0 });
  zram.idle();
  await zram.writebackAsync({ type: 'idle' });
  expect(backing.held.size).toBeGreaterThan(100);
  expect(await saveNamed(tier, 'written back', zram)).toMatchObject({ sent: 0 });
  const fork = await open(tier, 'written back');
  expect(sameBytes(await fork.readPagesAsync(0, 2000), all)).toBe(true);
});

test('two devices of the same pages with other compressors of LZ4 have values that devices can read', async () => {
  const tier = new UnrulyTier(random);
  const zram = deviceOf({ compAlgorithm: 'lz4' });
  await saveNamed(tier, 'a', zram);
  const { sent } = await saveNamed(tier, 'b', deviceOf({ compAlgorithm: 'lz4' }));
  expect(sent).toBeLessThan(6); // one page differs, and the nodes above it
});

test('a snapshot is saved as it is, and a device as it was when the call began', async () => {
  const tier = new UnrulyTier(random);
  tier.turns = 3;
  const zram = deviceOf();
  const before = keep(zram.snapshot());
  const saving = saveNamed(tier, 'device', zram);
  zram.writePages(0, new Uint8Array(200 * PAGE_SIZE).fill(9));
  await saving;
  await saveNamed(tier, 'snapshot', before);
  for (const name of ['device', 'snapshot']) {
    const fork = await open(tier, name);
    expect(sameBytes(await fork.readPagesAsync(0, 2000), before.readPages(0, 2000))).toBe(true);
  }
});

test('one fetch a page, even if asked for twice at once, and none for holes and filled pages', async () => {
  const tier = new UnrulyTier(random);
  tier.turns = 2;
  await saveNamed(tier, 'base', deviceOf());
  const fork = await open(tier, 'base');
  tier.gets = [];
  await Promise.all([
    fork.readPagesAsync(0, 700),
    fork.readPagesAsync(50, 800),
    fork.prefetch([{ index: 300, count: 1700 }]),
    fork.readAsync(4096 * 120 + 7, 50_000),
  ]);
  const counts = new Map<string, number>();
  for (const key of tier.gets) counts.set(key, (counts.get(key) ?? 0) + 1);
  // Pages that are equal are fetched for each: there are pages of the blend that occur in it more than once.
  const expected = new Map<string, number>();
  for await (const key of liveKeys(new UnrulyTier(random, tier), ['base']))
    expected.set(textOf(key), (expected.get(textOf(key)) ?? 0) + 1);
  expect(new Map([...counts].sort())).toEqual(new Map([...expected].sort()));
  tier.gets = [];
  await fork.readPagesAsync(0, 2000);
  expect(tier.gets).toEqual([]);
});

test('a fork saves what was written, and the nodes above it', async () => {
  const tier = new UnrulyTier(random);
  await saveNamed(tier, 'base', deviceOf());
  const fork = await open(tier, 'base');
  await fork.writeAsync(110 * PAGE_SIZE + 10, new Uint8Array(20).fill(1));
  fork.discard(101 * PAGE_SIZE, PAGE_SIZE);
  const before = tier.values.size;
  const report = await fork.save('fork');
  expect(report).toMatchObject({ pages: 2, sent: 3 }); // a page, its leaf, and the node above
  expect(tier.values.size - before).toBe(3);
  expect(await fork.save('fork')).toMatchObject({ pages: 0, sent: 0 });
  const other = await open(tier, 'fork');
  expect(sameBytes(await other.readPagesAsync(0, 2000), await fork.readPagesAsync(0, 2000))).toBe(true);
  expect((await other.readPagesAsync(101, 1)).every((byte) => byte === 0)).toBe(true);
  // The base is as it was.
  const base = await open(tier, 'base');
  expect(sameBytes(await base.readPagesAsync(101, 1), blend.pages.subarray(PAGE_SIZE, 2 * PAGE_SIZE))).toBe(true);
});

test('a device is saved again by its difference to a snapshot', async () => {
  const tier = new UnrulyTier(random);
  const zram = deviceOf();
  const snapshot = keep(zram.snapshot());
  await saveNamed(tier, 'first', zram);
  zram.writePage(3, textPage(random, words));
  zram.discard(100 * PAGE_SIZE, 3 * PAGE_SIZE);
  const report = await saveNamed(tier, 'second', zram, { since: { name: 'first', snapshot } });
  expect(report.pages).toBeLessThanOrEqual(4);
  const fork = await open(tier, 'second');
  expect(sameBytes(await fork.readPagesAsync(0, 2000), zram.readPages(0, 2000))).toBe(true);
  const small = keep(engine.createZram({ disksize: PAGE_SIZE }));
  await expect(saveNamed(tier, 'x', small, { since: { name: 'first', snapshot } })).rejects.toMatchObject({
    code: 'EINVAL',
  });
});

test('a difference is saved as it was when the call began, of a device whose pages are on a backing, too', async () => {
  const backing = asyncBacking();
  const tier = new UnrulyTier(random);
  const zram = deviceOf({ backing });
  const before = keep(zram.snapshot());
  await saveNamed(tier, 'first', zram);
  zram.writePage(3, textPage(random, words));
  await zram.writebackAsync({ pageIndexes: [[0, 150]] });
  const all = await zram.readPagesAsync(0, 2000);
  const saving = saveNamed(tier, 'second', zram, { since: { name: 'first', snapshot: before } });
  zram.writePage(4, textPage(random, words));
  zram.destroy();
  before.destroy();
  await saving;
  const fork = await open(tier, 'second');
  expect(sameBytes(await fork.readPagesAsync(0, 2000), all)).toBe(true);
});

test('saves of a fork have what it held when they were called, also after one that failed', async () => {
  const tier = new UnrulyTier(random);
  await saveNamed(tier, 'base', deviceOf());
  const fork = await open(tier, 'base');
  const put = tier.putMany.bind(tier);
  tier.putMany = () => Promise.reject(new Error('it is full'));
  const saves = ['one', 'two', 'three'].map((name, n) => {
    fork.writePages(n, textPage(random, words));
    fork.writePages(7, textPage(random, words));
    const saved = fork.save(name).finally(() => (tier.putMany = put));
    saved.catch(() => undefined);
    return saved;
  });
  const all = await fork.readPagesAsync(0, 8);
  fork.writePages(7, zeroPage());
  await expect(saves[0]).rejects.toMatchObject({ code: 'EIO' });
  await Promise.all(saves.slice(1));
  expect(fork.evict()).toBe(7);
  const [two, three] = await Promise.all(['two', 'three'].map((name) => open(tier, name)));
  const [ofTwo, ofThree] = await Promise.all([two, three].map((one) => one.readPagesAsync(0, 8)));
  expect(sameBytes(ofThree, all)).toBe(true);
  expect(sameBytes(ofTwo.subarray(0, 2 * PAGE_SIZE), ofThree.subarray(0, 2 * PAGE_SIZE))).toBe(true);
  expect(sameBytes(ofTwo.subarray(2 * PAGE_SIZE, 3 * PAGE_SIZE), zeroPage())).toBe(true);
  expect(sameBytes(ofTwo.subarray(7 * PAGE_SIZE), ofThree.subarray(7 * PAGE_SIZE))).toBe(false);
});

test('what is evicted comes again, and what was written is not evicted before it is saved', async () => {
  const tier = new UnrulyTier(random);
  await saveNamed(tier, 'base', deviceOf());
  const device = keep(engine.createZram());
  const fork = await open(tier, 'base', { device });
  const all = await fork.readPagesAsync(0, 2000);
  const page = textPage(random, words);
  fork.writePages(150, page);
  all.set(page, 150 * PAGE_SIZE);
  expect(fork.evict()).toBe(1999);
  expect(device.mmStat.origDataSize).toBe(PAGE_SIZE);
  expect(sameBytes(await fork.readPagesAsync(0, 2000), all)).toBe(true);
  await fork.save();
  expect(fork.evict([{ index: 150, count: 1 }])).toBe(1);
  expect(sameBytes(await fork.readPagesAsync(0, 2000), all)).toBe(true);
});

test('a page that is lost or wrong is EIO and is named; those before it are there, and the rest works', async () => {
  const tier = new UnrulyTier(random);
  const zram = deviceOf();
  await saveNamed(tier, 'base', zram);
  const page = zram.compressPage(zram.readPage(1999));
  const key = textOf(keyOf(page));
  const value = tier.values.get(key)!;
  for (const wrong of [undefined, value.subarray(1), zram.compressPage(repeatPage(random, 16))]) {
    if (wrong) tier.values.set(key, wrong);
    else tier.values.delete(key);
    const fork = await open(tier, 'base');
    const out = new Uint8Array(2000 * PAGE_SIZE);
    await expect(fork.readPagesAsync(0, 2000, out)).rejects.toMatchObject({
      code: 'EIO',
      message: expect.stringContaining('page 1999 '),
      pagesDone: 1999,
    });
    expect(sameBytes(out.subarray(0, 1999 * PAGE_SIZE), zram.readPages(0, 1999))).toBe(true);
    await expect(fork.prefetch([{ index: 1990, count: 10 }])).rejects.toMatchObject({ code: 'EIO' });
    await expect(fork.writeAsync(1999 * PAGE_SIZE + 1, new Uint8Array(2))).rejects.toMatchObject({ code: 'EIO' });
    expect(await renewNamed(tier, 'base')).toMatchObject(
      wrong ? { lost: [] } : { lost: [{ name: 'base', index: 1999, count: 1 }] },
    );
    tier.values.set(key, value);
    expect(sameBytes(await fork.readPagesAsync(1999, 1), zram.readPage(1999))).toBe(true);
  }
});

test('a part of the table that is lost is EIO for its pages only', async () => {
  const tier = new UnrulyTier(random);
  const zram = deviceOf();
  await saveNamed(tier, 'base', zram);
  const nodes = [...tier.values].filter(([, value]) => value[0] === 0x5a && value[1] === 0x54 && value[3] === 0);
  const [key] = nodes[1]; // pages 128 to 255
  tier.values.delete(key);
  const fork = await open(tier, 'base');
  expect(sameBytes(await fork.readPagesAsync(0, 128), zram.readPages(0, 128))).toBe(true);
  expect(sameBytes(await fork.readPagesAsync(256, 1744), zram.readPages(256, 1744))).toBe(true);
  await expect(fork.readPagesAsync(0, 2000)).rejects.toMatchObject({ code: 'EIO', pagesDone: 128 });
  expect(await renewNamed(tier, 'base')).toMatchObject({ lost: [{ name: 'base', index: 128, count: 128 }] });
  await expect((async () => { for await (const _ of liveKeys(tier, ['base'])); })()).rejects.toMatchObject({ code: 'EIO' }); // prettier-ignore
  fork.writePages(130, zeroPage());
  await expect(fork.save()).rejects.toMatchObject({ code: 'EIO' });
});

test('a value with the right key that is no page is EIO', async () => {
  const tier = new UnrulyTier(random);
  const noise = Uint8Array.of(1, 2, 3, 4, 5);
  tier.values.set(textOf(keyOf(noise)), noise);
  const node = Uint8Array.of(0x5a, 0x54, 1, 0, 2, 1, ...keyOf(noise), 0, 127);
  tier.values.set(textOf(keyOf(node)), node);
  await saveNamed(tier, 'base', keep(engine.createZram({ disksize: 128 * PAGE_SIZE })));
  const root = tier.named.get('base')!;
  root[16] = 1;
  root.set(keyOf(node), 17);
  const { crc32 } = await import('../../../integrations/store/crc32.js');
  new DataView(root.buffer, root.byteOffset).setUint32(33, crc32(root.subarray(0, 33)), true);
  for (const compAlgorithm of ['lz4', 'lzo']) {
    const fork = await open(tier, 'base', { device: keep(engine.createZram({ compAlgorithm })) });
    await expect(fork.readPagesAsync(0, 1)).rejects.toMatchObject({ code: 'EIO' });
    expect(await fork.readPagesAsync(1, 1)).toEqual(zeroPage());
  }
});

test('names that are not there, are something else, or are wrong', async () => {
  const tier = new UnrulyTier(random);
  await expect(openNamed(tier, 'none')).rejects.toMatchObject({ code: 'ENOENT' });
  await expect(openNamed(tier, '')).rejects.toMatchObject({ code: 'EINVAL' });
  tier.named.set('other', new Uint8Array(50));
  await expect(openNamed(tier, 'other')).rejects.toMatchObject({ code: 'EIO' });
  tier.faults.reject = 100;
  await expect(openNamed(tier, 'none')).rejects.toMatchObject({ code: 'EIO' });
  await expect(saveNamed(tier, 'base', deviceOf())).rejects.toMatchObject({ code: 'EIO' });
  tier.faults.reject = 0;
  await saveNamed(tier, 'base', deviceOf());
  const used = deviceOf();
  await expect(openNamed(tier, 'base', { device: used })).rejects.toMatchObject({ code: 'EINVAL' });
  const small = keep(engine.createZram({ disksize: PAGE_SIZE }));
  await expect(openNamed(tier, 'base', { device: small })).rejects.toMatchObject({ code: 'EINVAL' });
  await expect(openNamed(tier, 'base', { batchPages: 0 })).rejects.toMatchObject({ code: 'EINVAL' });
  await dropNamed(tier, 'base');
  await expect(openNamed(tier, 'base')).rejects.toMatchObject({ code: 'ENOENT' });
});

test('a tier that answers with null, too little or nothing', async () => {
  const tier = new UnrulyTier(random);
  await saveNamed(tier, 'base', deviceOf());
  const with_ = (calls: Record<string, unknown>): UnrulyTier =>
    new Proxy(tier, {
      get: (target, name) => calls[name as string] ?? (Reflect.get(target, name, target) as () => void).bind?.(target),
    });
  await expect(openNamed(with_({ getNamed: async () => null }), 'base')).rejects.toMatchObject({ code: 'ENOENT' });
  for (const getMany of [async () => undefined, async () => [], async (keys: unknown[]) => keys.map(() => null)]) {
    const fork = await open(with_({ getMany }), 'base');
    await expect(fork.readPagesAsync(100, 1)).rejects.toMatchObject({ code: 'EIO' });
  }
  // What it does not answer for is not renewed.
  for (const touchMany of [
    async (keys: unknown[]) => keys.slice(1).map(() => true),
    async (keys: unknown[]) => keys.map(() => null),
    async (keys: unknown[]) => keys.map(() => 1),
    async () => undefined,
  ])
    await expect(renewNamed(with_({ touchMany }), 'base')).rejects.toMatchObject({ code: 'EIO' });
  const put = tier.putMany.bind(tier);
  const putMany = async (keys: Uint8Array[], values: Uint8Array[]) => (await put(keys, values)).map(() => null);
  tier.values.clear();
  await saveNamed(with_({ putMany }), 'base', deviceOf());
  const fork = await open(tier, 'base');
  expect(sameBytes(await fork.readPagesAsync(100, 10), blend.pages.subarray(0, 10 * PAGE_SIZE))).toBe(true);
});

test('a fork makes a device of its own, and ends it', async () => {
  const tier = new UnrulyTier(random);
  await saveNamed(tier, 'base', deviceOf());
  const fork = await openNamed(tier, 'base');
  expect(sameBytes(await fork.readPagesAsync(100, 10), blend.pages.subarray(0, 10 * PAGE_SIZE))).toBe(true);
  const reading = fork.readPagesAsync(200, 10);
  fork.destroy();
  fork.destroy();
  await expect(reading).rejects.toMatchObject({ code: 'EINVAL' });
  await expect(fork.readPagesAsync(100, 1)).rejects.toMatchObject({ code: 'EINVAL' });
  expect(() => fork.writePages(0, zeroPage())).toThrow('destroyed');
});

test('a signal ends calls, and pages that were on their way come', async () => {
  const tier = new UnrulyTier(random);
  await saveNamed(tier, 'base', deviceOf());
  const fork = await open(tier, 'base');
  tier.turns = 20;
  const aborter = new AbortController();
  const { signal } = aborter;
  const calls = [
    fork.readPagesAsync(100, 300, undefined, { signal }),
    fork.prefetch([{ index: 0, count: 2000 }], { signal }),
    fork.writeAsync(100 * PAGE_SIZE + 1, new Uint8Array(1), { signal }),
  ];
  setImmediate(() => aborter.abort('enough'));
  for (const { status, reason } of (await Promise.allSettled(calls)) as PromiseRejectedResult[])
    expect([status, reason]).toEqual(['rejected', expect.objectContaining({ code: 'ECANCELED' })]);
  tier.turns = 0;
  expect(sameBytes(await fork.readPagesAsync(100, 10), blend.pages.subarray(0, 10 * PAGE_SIZE))).toBe(true);
});

test('after destroy, pages that are on their way do not come to the device', async () => {
  const tier = new UnrulyTier(random);
  await saveNamed(tier, 'base', deviceOf());
  for (const compAlgorithm of ['lz4', 'lzo']) {
    const device = keep(engine.createZram({ compAlgorithm }));
    const fork = await openNamed(tier, 'base', { device });
    await fork.readPagesAsync(100, 1); // the table is here
    const calls = tier.calls;
    tier.turns = 20;
    const reading = fork.readPagesAsync(100, 300);
    while (tier.calls === calls) await new Promise(setImmediate);
    fork.destroy();
    const mine = textPage(random, words);
    device.writePage(101, mine);
    await expect(reading).rejects.toMatchObject({ code: 'EINVAL' });
    tier.turns = 0;
    expect(sameBytes(device.readPage(101), mine)).toBe(true);
    expect(sameBytes(device.readPages(102, 298), new Uint8Array(298 * PAGE_SIZE))).toBe(true);
  }
});

test('a device is of one fork at a time', async () => {
  const tier = new UnrulyTier(random);
  await saveNamed(tier, 'base', deviceOf());
  for (const compAlgorithm of ['lz4', 'lzo']) {
    const device = keep(engine.createZram({ compAlgorithm }));
    const both = await Promise.allSettled([openNamed(tier, 'base', { device }), openNamed(tier, 'base', { device })]);
    const refused = both.filter(({ status }) => status === 'rejected') as PromiseRejectedResult[];
    expect(refused.map(({ reason }) => reason)).toEqual([expect.objectContaining({ code: 'EBUSY' })]);
    for (const one of both) if (one.status === 'fulfilled') one.value.destroy();
    (await openNamed(tier, 'base', { device })).destroy();
  }
});

test('wrong arguments are EINVAL, before anything is done', async () => {
  const tier = new UnrulyTier(random);
  const zram = deviceOf();
  await saveNamed(tier, 'base', zram);
  const fork = await open(tier, 'base');
  const before = tier.calls;
  const drain = async (keys: AsyncIterable<unknown>) => {
    for await (const _ of keys);
  };
  const wrong: any[] = [null, undefined, 5, {}];
  const calls: (() => unknown)[] = [];
  for (const one of wrong) {
    calls.push(
      () => saveNamed(one, 'a', zram),
      () => saveNamed(tier, 'a', one),
      () => saveNamed(tier, one, zram),
      () => openNamed(one, 'base'),
      () => openNamed(tier, one),
      () => dropNamed(one, 'base'),
      () => dropNamed(tier, one),
      () => renewNamed(one, 'base'),
      () => renewNamed(tier, one),
      () => renewNamed(tier, [one]),
      () => drain(liveKeys(one, [])),
      () => drain(liveKeys(tier, one)),
      () => fork.prefetch(one),
      () => fork.prefetch([one]),
      () => fork.evict([one]),
    );
  }
  for (const options of [null, 5, 'x'] as any[])
    calls.push(
      () => saveNamed(tier, 'a', zram, options),
      () => openNamed(tier, 'base', options),
      () => fork.prefetch([], options),
      () => fork.evict(5 as never),
    );
  for (const since of [null, 5, {}, { name: 5, snapshot: zram }] as any[])
    calls.push(() => saveNamed(tier, 'a', zram, { since }));
  for (const device of [null, 5, {}, keep(zram.snapshot())] as any[])
    calls.push(() => openNamed(tier, 'base', { device }));
  for (const signal of [null, 5, {}] as any[]) calls.push(() => fork.prefetch([], { signal }));
  // In UTF-8 these two would be the same.
  for (const name of ['\ud800', '\ud801', 'a\udc00'])
    calls.push(
      () => saveNamed(tier, name, zram),
      () => openNamed(tier, name),
    );
  for (const call of calls) {
    const error = await (async () => call())().catch((each: unknown) => each);
    expect([String(call), error]).toEqual([String(call), expect.objectContaining({ code: 'EINVAL' })]);
  }
  expect(tier.calls).toBe(before);
});

test('wrong ranges change nothing', async () => {
  const tier = new UnrulyTier(random);
  await saveNamed(tier, 'base', deviceOf());
  const fork = await open(tier, 'base');
  for (const [index, count] of [
    [-1, 1],
    [0, 2001],
    [1.5, 1],
    [0, -1],
  ] as const) {
    // prettier-ignore
    await expect(fork.readPagesAsync(index, count)).rejects.toMatchObject({ code: 'EINVAL' });
    await expect(fork.prefetch([{ index, count }])).rejects.toMatchObject({ code: 'EINVAL' });
    await expect(fork.readAsync(index, count * PAGE_SIZE)).rejects.toMatchObject({ code: 'EINVAL' });
  }
  for (const bytes of ['5', 'fork', [1, 2], { length: 3 }, new Uint16Array(2), undefined] as any[])
    await expect(fork.writeAsync(100 * PAGE_SIZE, bytes)).rejects.toMatchObject({ code: 'EINVAL' });
  expect(sameBytes(await fork.readPagesAsync(100, 1), blend.pages.subarray(0, PAGE_SIZE))).toBe(true);
  expect(() => fork.writePages(0, new Uint8Array(5))).toThrow('EINVAL');
  expect(() => fork.writePages(2000, zeroPage())).toThrow('EINVAL');
  await expect(fork.writeAsync(2000 * PAGE_SIZE, zeroPage())).rejects.toMatchObject({ code: 'EINVAL' });
  await expect(fork.readPagesAsync(0, 1, new Uint8Array(5))).rejects.toMatchObject({ code: 'EINVAL' });
  expect(await fork.readAsync(0, 0)).toEqual(new Uint8Array(0));
});

test('a node of the table that comes when a save has dropped it, or that was there before, does not bring its pages back', async () => {
  const tier = new UnrulyTier(random);
  const zram = keep(engine.createZram({ disksize: 2 ** 15 * PAGE_SIZE }));
  for (const page of [5, 700, 2 ** 14]) zram.writePage(page, textPage(random, words));
  await saveNamed(tier, 'base', zram);
  let release = (): void => undefined;
  let gate: Promise<unknown> = Promise.resolve();
  const getMany = tier.getMany.bind(tier);
  tier.getMany = (keys) => gate.then(() => getMany(keys));
  const fork = await open(tier, 'base');
  await fork.readPagesAsync(5, 1); // its leaf is there
  gate = new Promise((resolve) => (release = () => resolve(undefined)));
  const reading = fork.readPagesAsync(700, 1); // that of this one is on its way
  await new Promise(setImmediate);
  fork.discard(0, 2 ** 14 * PAGE_SIZE);
  await fork.save('less');
  release();
  expect(await reading).toEqual(zeroPage());
  await new Promise(setImmediate);
  expect(fork.evict()).toBe(2 ** 14);
  for (const page of [5, 700]) expect(await fork.readPagesAsync(page, 1)).toEqual(zeroPage());
  expect(await fork.readPagesAsync(2 ** 14, 1)).toEqual(zram.readPage(2 ** 14));
  const again = await open(tier, 'less');
  expect(await again.readPagesAsync(700, 1)).toEqual(zeroPage());
  expect(await again.readPagesAsync(2 ** 14, 1)).toEqual(zram.readPage(2 ** 14));
});
