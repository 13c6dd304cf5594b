/** Tiers on object stores: memory, a directory, and a server of S3's protocol with the client of the AWS SDK. */
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, expect, jest, test } from '@jest/globals';
import { Engine } from '../../../bindings/index.js';
import {
  fileStore,
  keyOf,
  openNamed,
  s3Store,
  saveNamed,
  segmentTier,
  type ObjectStore,
} from '../../../integrations/remote.js';
import { generatedSets, PAGE_SIZE, pageCount, sameBytes } from '../../support/pages.js';
import { Random } from '../../support/random.js';
import { MemoryStore } from './memory-store.js';
import { S3Server } from './s3-server.js';

const random = new Random(3, 'segments');
const folder = mkdtempSync(path.join(tmpdir(), 'zram-wasm-segments-'));
let server: S3Server;
let stores = 0;

beforeAll(async () => {
  server = await S3Server.start(path.join(folder, 's3'));
});
afterAll(async () => {
  await server.stop();
  rmSync(folder, { recursive: true });
});
const STORES: Record<string, () => ObjectStore> = {
  memory: () => new MemoryStore(random),
  directory: () => fileStore(path.join(folder, `store ${stores++}`)),
  s3: () => s3Store(server.client, { bucket: 'pages', prefix: `store-${stores++}/` }),
};
const KINDS = Object.keys(STORES);

const NOISE = random.fill(new Uint8Array(300_000));
function valuesOf(count: number): { keys: Uint8Array[]; values: Uint8Array[] } {
  const values = Array.from({ length: count }, () => {
    const at = random.below(NOISE.length - 5000);
    return NOISE.slice(at, at + random.between(1, 4096));
  });
  return { values, keys: values.map(keyOf) };
}

const same = (a: readonly unknown[], b: readonly Uint8Array[]): boolean =>
  a.length === b.length && a.every((each, n) => each instanceof Uint8Array && sameBytes(each, b[n]));
const QUICK = { flushMilliseconds: 1, segmentBytes: 2 ** 16, refreshMilliseconds: 0 };

test.each(KINDS)('what one machine puts, all have: %s', async (kind) => {
  const store = STORES[kind]();
  const [a, b] = [segmentTier(store, QUICK), segmentTier(store, QUICK)];
  const { keys, values } = valuesOf(200);
  expect(await a.hasMany(keys)).toEqual(keys.map(() => false));
  expect(await a.touchMany(keys)).toEqual(keys.map(() => false));
  expect(await a.getMany(keys)).toEqual(keys.map(() => undefined));
  expect(await a.putMany(keys, values)).toEqual(keys.map(() => undefined));
  for (const tier of [a, b]) {
    expect(same(await tier.getMany(keys), values)).toBe(true);
    expect(await tier.hasMany(keys)).toEqual(keys.map(() => true));
    expect(await tier.touchMany(keys)).toEqual(keys.map(() => true));
  }
  // Nothing is there twice.
  const before = a.stats();
  expect(before.segments).toBeGreaterThan(2);
  await b.putMany(keys, values);
  await b.refresh();
  expect(b.stats()).toMatchObject({ segments: before.segments, bytes: before.bytes, damaged: 0 });
  expect(await a.getMany([])).toEqual([]);
});

test.each(KINDS)('names: %s', async (kind) => {
  const store = STORES[kind]();
  const [a, b] = [segmentTier(store, QUICK), segmentTier(store, QUICK)];
  const names = ['a', 'ä b/c?*', '..', 'x'.repeat(200), 'main.2'].sort();
  expect(await a.getNamed('a')).toBeUndefined();
  for (const name of names) await a.putNamed(name, Buffer.from(name));
  for (const name of names) expect(Buffer.from((await b.getNamed(name))!).toString()).toBe(name);
  expect(await b.names()).toEqual(names);
  await b.putNamed('a', new Uint8Array(0));
  expect((await a.getNamed('a'))!.length).toBe(0);
  await b.removeNamed('a');
  await b.removeNamed('a');
  expect(await a.getNamed('a')).toBeUndefined();
  for (const name of ['', 'x'.repeat(201), 'ä'.repeat(50), '\ud800'])
    await expect((async () => a.getNamed(name))()).rejects.toMatchObject({ code: 'EINVAL' });
  // Not EIO, as if the store had failed.
  await expect(openNamed(a, 'x'.repeat(201))).rejects.toMatchObject({ code: 'EINVAL' });
});

test.each(KINDS)('a device is saved on one machine, and forked on two others: %s', async (kind) => {
  const store = STORES[kind]();
  const engine = Engine.createSync();
  const pages = generatedSets(11).find(({ name }) => name === 'blend')!;
  const zram = engine.createZram({ disksize: (pageCount(pages) + 100) * PAGE_SIZE });
  zram.writePages(50, pages.pages);
  await saveNamed(segmentTier(store, QUICK), 'base', zram);
  const forks = [];
  for (let n = 0; n < 2; n++) {
    const fork = await openNamed(segmentTier(store, QUICK), 'base', { device: engine.createZram() });
    fork.writePages(n, pages.pages.subarray(n * PAGE_SIZE, (n + 1) * PAGE_SIZE));
    await fork.save(`fork ${n}`);
    forks.push(fork);
  }
  for (const n of [0, 1]) {
    const again = await openNamed(segmentTier(store, QUICK), `fork ${n}`, { device: engine.createZram() });
    const all = again.disksize / PAGE_SIZE;
    expect(sameBytes(await again.readPagesAsync(0, all), await forks[n].readPagesAsync(0, all))).toBe(true);
    expect(sameBytes(await again.readPagesAsync(50, all - 50), zram.readPages(50, all - 50))).toBe(true);
  }
  engine.destroy();
});

test('calls share segments, and values that are near each other are read with one request', async () => {
  const store = new MemoryStore(random);
  const tier = segmentTier(store, { flushMilliseconds: 5 });
  const { keys, values } = valuesOf(300);
  await Promise.all(keys.map((key, n) => tier.putMany([key], [values[n]])));
  expect(store.count('put segments/')).toBe(1);
  store.log = [];
  expect(same(await tier.getMany(keys), values)).toBe(true);
  expect(store.log.length).toBe(1);
  // Far from each other.
  const strict = segmentTier(store, { gapBytes: 0 });
  await strict.refresh();
  store.log = [];
  expect(same(await strict.getMany([keys[0], keys[1], keys[100], keys[200]]), [values[0], values[1], values[100], values[200]])).toBe(true); // prettier-ignore
  expect(store.log.length).toBe(3);
});

test('a segment is stored when it is large enough, or when its first value has waited', async () => {
  const store = new MemoryStore(random);
  const tier = segmentTier(store, { flushMilliseconds: 3_600_000, segmentBytes: 2 ** 16 });
  const { keys, values } = valuesOf(200);
  const put = tier.putMany(keys, values);
  const large = Math.floor(values.reduce((sum, { length }) => sum + length, 0) / (2 ** 16 + 4096));
  await new Promise((resolve) => setTimeout(resolve, 5));
  expect(store.count('put segments/')).toBeGreaterThanOrEqual(large);
  for (const [key, bytes] of store.objects)
    if (key.startsWith('segments/')) expect(bytes.length).toBeGreaterThanOrEqual(2 ** 16);
  // The rest waits until it is told.
  await tier.flush();
  expect(await put).toEqual(keys.map(() => undefined));
});

test('a request that fails is an error of its values, and the next call tries again', async () => {
  const store = new MemoryStore(random);
  const tier = segmentTier(store, QUICK);
  const { keys, values } = valuesOf(50);
  await tier.putMany(keys, values);
  store.failPercent = 100;
  for (const value of await tier.getMany(keys)) expect(value).toMatchObject({ code: 'EIO' });
  const more = valuesOf(50);
  await expect(tier.putMany(more.keys, more.values)).rejects.toThrow('told to fail');
  await expect(tier.getNamed('x')).rejects.toThrow('told to fail');
  const unhurried = segmentTier(store, { ...QUICK, refreshMilliseconds: 3_600_000 });
  store.failPercent = 0;
  await unhurried.hasMany(keys);
  store.failPercent = 100;
  const failures = await unhurried.putMany(more.keys, more.values);
  for (const failure of failures) expect(failure).toMatchObject({ code: 'EIO' });
  store.failPercent = 0;
  expect(await unhurried.putMany(more.keys, more.values)).toEqual(more.keys.map(() => undefined));
  expect(same(await tier.getMany(more.keys), more.values)).toBe(true);
});

test('a clock that is set back does not put off the next look at what others have stored', async () => {
  const store = new MemoryStore(random);
  const [a, b] = [segmentTier(store, QUICK), segmentTier(store, { ...QUICK, refreshMilliseconds: 20 })];
  const { keys, values } = valuesOf(1);
  expect(await b.hasMany(keys)).toEqual([false]);
  await a.putMany(keys, values);
  const clock = jest.spyOn(Date, 'now').mockReturnValue(Date.now() - 3_600_000);
  await new Promise((resolve) => setTimeout(resolve, 30));
  expect(await b.hasMany(keys)).toEqual([true]);
  clock.mockRestore();
});

test('segments that are damaged, cut or none are left out, and cost no others', async () => {
  const store = new MemoryStore(random);
  const { keys, values } = valuesOf(60);
  await segmentTier(store, QUICK).putMany(keys.slice(0, 30), values.slice(0, 30));
  await segmentTier(store, QUICK).putMany(keys.slice(30), values.slice(30));
  const [first] = [...store.objects.keys()].filter((key) => key.startsWith('segments/'));
  const good = store.objects.get(first)!;
  store.objects.set('segments/none', new Uint8Array(5));
  store.objects.set('segments/text', Buffer.from('This is a text, and not a segment. '.repeat(10)));
  for (let n = 0; n < 40; n++) {
    const bad = good.slice(0, n < 10 ? random.below(good.length) : good.length);
    bad[bad.length - 1 - random.below(Math.min(bad.length, 60))] ^= 1 << random.below(8);
    store.objects.set(`segments/bad${n}`, bad);
  }
  const tier = segmentTier(store, QUICK);
  expect(same(await tier.getMany(keys), values)).toBe(true);
  expect(tier.stats().damaged).toBeGreaterThanOrEqual(42);
  // One whose object became shorter since its index was read.
  store.objects.set(first, good.subarray(0, 100));
  const read = await tier.getMany(keys);
  expect(read.filter((value) => value instanceof Error).length).toBeGreaterThan(10);
  expect(same(read.slice(30), values.slice(30)) || same(read.slice(0, 30), values.slice(0, 30))).toBe(true);
});

test('a directory has whole objects only, and nothing outside of it', async () => {
  const directory = path.join(folder, 'files');
  const store = fileStore(directory);
  expect(await store.list('segments/')).toEqual([]);
  await store.put('a/b', Buffer.from('text'));
  expect(Buffer.from((await store.get('a/b', { start: 1, end: 100 }))!).toString()).toBe('ext');
  expect(await store.get('a/c')).toBeUndefined();
  writeFileSync(path.join(directory, 'a/c.1.part'), 'unfinished');
  expect(await store.list('a/')).toEqual([{ key: 'a/b', size: 4 }]);
  for (const key of ['../x', 'a/../../x', '/x', 'a//b', 'a/.', 'a\0', '']) {
    await expect(store.put(key, new Uint8Array(1))).rejects.toMatchObject({ code: 'EINVAL' });
    await expect(store.get(key)).rejects.toMatchObject({ code: 'EINVAL' });
  }
  writeFileSync(path.join(directory, 'file'), '');
  await expect(store.put('file/x', new Uint8Array(1))).rejects.toThrow();
  expect(readdirSync(path.join(directory, 'a')).sort()).toEqual(['b', 'c.1.part']);
});

test('a list of S3 comes in parts, and a bucket that is missing is an error', async () => {
  const { client } = server;
  const store = s3Store(
    {
      getObject: (input, options) => client.getObject(input, options),
      putObject: (input, options) => client.putObject(input, options),
      deleteObject: (input) => client.deleteObject(input),
      listObjectsV2: (input, options) => client.listObjectsV2({ ...input, MaxKeys: 7 }, options),
    },
    { bucket: 'pages', prefix: 'many/' },
  );
  const keys = Array.from({ length: 30 }, (_, n) => `x/${n}`).sort();
  await Promise.all(keys.map((key) => store.put(key, new Uint8Array(key.length))));
  expect([...(await store.list('x/'))].sort((a, b) => (a.key < b.key ? -1 : 1))).toEqual(
    keys.map((key) => ({ key, size: key.length })),
  );
  expect(await store.list('y/')).toEqual([]);
  await store.delete('x/1');
  await store.delete('x/1');
  expect(await store.get('x/1')).toBeUndefined();
  await expect(s3Store(server.client, { bucket: 'none' }).get('x')).rejects.toMatchObject({ name: 'NoSuchBucket' });
  const aborter = new AbortController();
  aborter.abort();
  await expect(store.get('x/2', undefined, { signal: aborter.signal })).rejects.toMatchObject({ name: 'AbortError' });
});

test('wrong options are refused', async () => {
  const store = new MemoryStore(random);
  for (const options of [{ segmentBytes: 1 }, { flushMilliseconds: -1 }, { machine: 'a/b' }, { requestsMax: 0 }])
    expect(() => segmentTier(store, options)).toThrow('EINVAL');
  expect(() => segmentTier({} as never)).toThrow('EINVAL');
  for (const options of [null, 5] as any[]) expect(() => segmentTier(store, options)).toThrow('EINVAL');
  expect(() => s3Store({ send: () => undefined } as never, { bucket: 'x' })).toThrow('EINVAL');
  expect(() => s3Store(server.client, { bucket: '' })).toThrow('EINVAL');
  expect(() => fileStore('')).toThrow('EINVAL');
  const tier = segmentTier(store, QUICK);
  await expect(tier.getMany([new Uint8Array(15)])).rejects.toMatchObject({ code: 'EINVAL' });
  const large = new Uint8Array(4097);
  expect(await tier.putMany([keyOf(large)], [large])).toEqual([expect.objectContaining({ code: 'EINVAL' })]);
});
