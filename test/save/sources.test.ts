/** Sources: what they may give, and that each is closed whatever fails. */
import { createReadStream, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';

import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { Engine, MemoryBacking, Zram, ZramError, type LoadOptions, type LoadSource } from '../../bindings/index.js';
import { PAGE_SIZE } from '../support/pages.js';
import { compiledCore, engineOf } from '../support/raw-core.js';
import { saved, savedAll } from './support.js';

let folder: string;
let path: string;
let engine: Engine;
let file: Uint8Array;
let used: number;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'zram-wasm-'));
  engine = engineOf('release');
  const zram = engine.createZram({ disksize: '4M' });
  for (let n = 0; n < 100; n++) zram.writePage(n, new Uint8Array(PAGE_SIZE).fill(n, 5));
  file = await saved(zram);
  path = join(folder, 'file');
  writeFileSync(path, file);
  zram.destroy();
  used = engine.memory.used;
});
afterAll(() => {
  engine.destroy();
  rmSync(folder, { recursive: true });
});

function raise(): never {
  throw new Error('no');
}

function descriptors(): number {
  return readdirSync('/proc/self/fd').length;
}

/** Of Linux only: elsewhere the events have to do. */
const COUNTED = process.platform === 'linux';

describe('whatever fails, the source is closed', () => {
  const module = compiledCore('release');
  const dead = engineOf('release');
  dead.destroy();
  const INITIAL = engineOf('release').memory.reserved;
  const used1 = new MemoryBacking(10);
  const calls: [string, (source: LoadSource) => Promise<unknown>, string][] = [
    ['a wrong option', (source) => engine.loadZram(source, { disksize: 5 } as object), 'EINVAL'],
    ['a wrong option, all', (source) => engine.loadAll(source, { backing: used1 } as object), 'EINVAL'],
    ['a wrong option, own engine', (source) => Zram.load(source, { pool: 5 } as object), 'EINVAL'],
    ['a wrong option, own engine, all', (source) => Zram.loadAll(source, { backing: 5 } as object), 'EINVAL'],
    ['options that are none', (source) => Zram.load(source, 'text' as unknown as object), 'EINVAL'],
    ['a wrong value', (source) => Zram.load(source, { module, memLimit: 'much' }), 'EINVAL'],
    [
      'a getter that throws',
      (source) => engine.loadZram(source, Object.defineProperty({}, 'memLimit', { get: raise })),
      'EINVAL',
    ],
    ['a getter that ends the engine', (source) => loadEnding(source), 'EINVAL'],
    ['a destroyed engine', (source) => dead.loadZram(source), 'EINVAL'],
    ['a destroyed engine, all', (source) => dead.loadAll(source), 'EINVAL'],
    ['maxMemory below the core', (source) => Zram.load(source, { module, maxMemory: 5 }), 'EINVAL'],
    ['too little maxMemory', (source) => Zram.load(source, { module, maxMemory: INITIAL }), 'ENOMEM'],
    ['too little memLimit', (source) => engine.loadZram(source, { memLimit: 4096 }), 'ENOMEM'],
    ['a module that is none', (source) => Zram.load(source, { module: {} as WebAssembly.Module }), 'EINVAL'],
    [
      'compressors that are none',
      (source) => Zram.load(source, { module, compressors: [7] as unknown as [] }),
      'EINVAL',
    ],
    [
      'a backing that is none',
      (source) => Zram.load(source, { module, backing: {} as unknown as MemoryBacking }),
      'EINVAL',
    ],
  ];
  function loadEnding(source: LoadSource): Promise<unknown> {
    const other = engineOf('release');
    const options = Object.defineProperty({}, 'memLimit', { enumerable: true, get: () => other.destroy() });
    return other.loadZram(source, options);
  }

  test.each(calls)(
    '%s: of 50 files none stays open',
    async (_name, call, code) => {
      const before = COUNTED ? descriptors() : 0;
      const streams = Array.from({ length: 50 }, () => createReadStream(path));
      const closed = streams.map((stream) => new Promise<void>((resolve) => stream.on('close', resolve)));
      const results = await Promise.allSettled(streams.map((stream) => call(stream)));
      for (const result of results) {
        const { reason } = result as PromiseRejectedResult;
        expect(reason).toBeInstanceOf(ZramError);
        expect((reason as ZramError).code).toBe(code);
      }
      await Promise.all(closed);
      if (COUNTED) expect(descriptors()).toBeLessThanOrEqual(before + 2);
      expect(engine.memory.used).toBe(used);
    },
    60_000,
  );

  test.each(calls)('%s: a ReadableStream is cancelled', async (_name, call, code) => {
    let cancelled = false;
    const stream = new ReadableStream<Uint8Array>(
      { pull: (controller) => controller.enqueue(file.slice()), cancel: () => void (cancelled = true) },
      { highWaterMark: 0 },
    );
    await expect(call(stream)).rejects.toMatchObject({ code });
    expect(cancelled).toBe(true);
  });

  test.each(calls)('%s: an iterator is told', async (_name, call, code) => {
    for (const kind of [Symbol.iterator, Symbol.asyncIterator]) {
      let returned = false;
      const iterator = {
        next: () => ({ done: false, value: file }),
        return: () => ((returned = true), { done: true, value: undefined }),
      };
      await expect(call({ [kind]: () => iterator } as unknown as LoadSource)).rejects.toMatchObject({ code });
      expect(returned).toBe(true);
    }
  });

  test('the stream of a FileHandle', async () => {
    const handle = await open(path);
    const stream = handle.createReadStream();
    await expect(engine.loadZram(stream, { memLimit: 'much' })).rejects.toMatchObject({ code: 'EINVAL' });
    await new Promise<void>((resolve) => stream.on('close', resolve));
    await expect(handle.read(new Uint8Array(1))).rejects.toThrow();
  });
});

describe('what fails by itself', () => {
  test.each<[string, () => Promise<unknown>]>([
    ['Zram.load', () => Zram.load(createReadStream(join(folder, 'missing')))],
    ['Zram.loadAll', () => Zram.loadAll(createReadStream(join(folder, 'missing')))],
    ['loadZram', () => engine.loadZram(createReadStream(join(folder, 'missing')))],
    [
      'a wrong option',
      () => engine.loadZram(createReadStream(join(folder, 'missing')), { memLimit: {} } as LoadOptions),
    ],
    ['a folder', () => Zram.load(createReadStream(folder))],
  ])('a file that is missing, %s: one error, which nobody else hears', async (_name, call) => {
    const error = await call().catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(ZramError);
    expect((error as ZramError).code).toBe(_name === 'a wrong option' ? 'EINVAL' : 'EIO');
    await sleep(20);
  });

  test('a stream that failed before it was handed over', async () => {
    const stream = createReadStream(join(folder, 'missing'));
    await new Promise((resolve) => stream.on('error', resolve));
    await expect(Zram.load(stream)).rejects.toMatchObject({ code: 'EIO' });
  });

  test('a stream that is destroyed halfway', async () => {
    const stream = new Readable({ read: () => undefined });
    stream.push(file.slice(0, 100));
    setTimeout(() => stream.destroy(), 5);
    await expect(engine.loadZram(stream)).rejects.toMatchObject({ code: 'EIO' });
  });

  const odd: [string, unknown, string][] = [
    ['next() gives no object', { [Symbol.iterator]: () => ({ next: () => 7 }) }, 'EINVAL'],
    ['next() gives nothing', { [Symbol.iterator]: () => ({ next: () => undefined }) }, 'EIO'],
    ['next() throws', { [Symbol.iterator]: () => ({ next: raise }) }, 'EIO'],
    ['there is no next()', { [Symbol.iterator]: () => ({}) }, 'EINVAL'],
    ['there is no iterator', { [Symbol.iterator]: () => undefined }, 'EINVAL'],
    ['the iterator cannot be had', { [Symbol.asyncIterator]: raise }, 'EINVAL'],
    [
      'done throws',
      { [Symbol.iterator]: () => ({ next: () => Object.defineProperty({}, 'done', { get: raise }) }) },
      'EIO',
    ],
    ['text', ['text'], 'EINVAL'],
    ['numbers', Uint16Array.of(1, 2), 'EINVAL'],
    ['a promise that rejects', [Promise.reject(new Error('no'))], 'EINVAL'],
    ['a getReader that throws', { getReader: raise }, 'EINVAL'],
    ['a getter that throws', Object.defineProperty({}, 'getReader', { get: raise }), 'EINVAL'],
    ['a read that throws', { getReader: () => ({ read: raise, cancel: raise }) }, 'EIO'],
    ['a stream() that throws', { stream: raise }, 'EINVAL'],
    ['a revoked Proxy', revoked(), 'EINVAL'],
  ];
  function revoked(): unknown {
    const { proxy, revoke } = Proxy.revocable({}, {});
    revoke();
    return proxy;
  }
  test.each(odd)('%s', async (_name, source, code) => {
    await expect(engine.loadZram(source as LoadSource)).rejects.toMatchObject({ code });
    expect(engine.memory.used).toBe(used);
    await sleep(1); // an unhandled rejection would end the process
  });
});

describe('bytes of the caller', () => {
  test('that change after their section was read, or before', async () => {
    const bytes = file.slice();
    const done = engine.loadZram(bytes);
    // It may have begun; whatever it takes is tested after it was copied.
    bytes.fill(255);
    const result = await done.then(
      (zram) => zram,
      (error: unknown) => error,
    );
    if (result instanceof Zram) {
      expect(result.readPage(9)).toEqual(new Uint8Array(PAGE_SIZE).fill(9, 5));
      result.destroy();
    } else expect(result).toMatchObject({ code: 'EINVAL' });
  });

  test('that are transferred before and meanwhile', async () => {
    const gone = file.slice();
    structuredClone(gone, { transfer: [gone.buffer] });
    await expect(engine.loadZram(gone)).rejects.toMatchObject({ code: 'EINVAL' });
    await expect(engine.loadZram([gone])).rejects.toMatchObject({ code: 'EINVAL' });
    const bytes = file.slice();
    const done = engine.loadZram([bytes.subarray(0, 100), new Uint8Array(0), bytes.subarray(100)]);
    structuredClone(bytes, { transfer: [bytes.buffer] });
    await expect(done).rejects.toMatchObject({ code: 'EINVAL' });
    expect(engine.memory.used).toBe(used);
  });

  class Lying extends Uint8Array {
    override get length(): number {
      return 5;
    }
    override subarray(): Uint8Array<ArrayBuffer> {
      return raise();
    }
    override slice(): Uint8Array<ArrayBuffer> {
      return raise();
    }
  }
  const shared = (): Uint8Array => {
    const bytes = new Uint8Array(new SharedArrayBuffer(file.length));
    bytes.set(file);
    return bytes;
  };
  test.each<[string, () => Uint8Array]>([
    ['a Buffer', () => Buffer.from(file)],
    ['a pooled Buffer', () => Buffer.from(file.subarray(0, 50))],
    ['a subclass', () => Lying.from(file)],
    ['a shared array', shared],
    ['a part of a larger one', () => new Uint8Array([1, 2, 3, ...file]).subarray(3)],
  ])('%s', async (name, make) => {
    const bytes = make();
    const sources: LoadSource[] =
      name === 'a pooled Buffer' ? [[bytes, file.subarray(50)]] : [bytes, [bytes], Readable.from([bytes])];
    for (const source of sources) {
      const loaded = await engine.loadZram(source);
      expect(loaded.readPage(99)).toEqual(new Uint8Array(PAGE_SIZE).fill(99, 5));
      loaded.destroy();
    }
  });

  test('an endless row of nothing lets others have their turn', async () => {
    let ended = false;
    setTimeout(() => (ended = true), 30);
    function* nothing(): Generator<Uint8Array> {
      while (!ended) yield new Uint8Array(0);
    }
    await expect(engine.loadZram(nothing())).rejects.toMatchObject({ code: 'EINVAL' });
  });
});

test('a memLimit below what a device holds is loaded with it, and holds from then on', async () => {
  const zram = engine.createZram({ disksize: '4M' });
  zram.writePages(0, crypto.getRandomValues(new Uint8Array(16 * PAGE_SIZE)));
  zram.sysfs.write('mem_limit', '4096');
  const { devices } = await engine.loadAll(await savedAll({ zram, snapshot: zram.snapshot() }));
  const [device] = devices.values() as unknown as [Zram];
  expect(device.mmStat).toMatchObject({ memLimit: 4096, origDataSize: 16 * PAGE_SIZE });
  expect(() => device.writePage(20, crypto.getRandomValues(new Uint8Array(PAGE_SIZE)))).toThrow('ENOMEM');
  for (const made of devices.values()) made.destroy();
  zram.destroy();
});
