/** Sinks and sources of every kind, their pace and their failures. */
import { createReadStream, createWriteStream, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable, Writable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';

import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { Engine, Zram, type LoadSource } from '../../bindings/index.js';
import { PAGE_SIZE, sameBytes } from '../support/pages.js';
import { Random } from '../support/random.js';
import { engineOf } from '../support/raw-core.js';
import { MemorySink, saved } from './support.js';

const PAGES = 400;

let folder: string;
let engine: Engine;
let zram: Zram;
let image: Uint8Array;
let file: Uint8Array;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'zram-wasm-'));
  engine = engineOf('release');
  zram = engine.createZram({ disksize: PAGES * PAGE_SIZE });
  const random = new Random(7);
  for (let index = 0; index < PAGES; index++) {
    zram.writePage(index, random.fill(new Uint8Array(PAGE_SIZE)).fill(0, random.below(4096)));
  }
  image = zram.readPages(0, PAGES);
  file = await saved(zram);
}, 30_000);
afterAll(() => {
  engine.destroy();
  rmSync(folder, { recursive: true });
});

async function expectLoads(source: LoadSource): Promise<void> {
  const loaded = await engine.loadZram(source);
  expect(sameBytes(loaded.readPages(0, PAGES), image)).toBe(true);
  loaded.destroy();
}

describe('sinks', () => {
  test('a WritableStream is closed', async () => {
    const pieces: Uint8Array[] = [];
    let closed = false;
    await zram.save(
      new WritableStream<Uint8Array>({ write: (bytes) => void pieces.push(bytes), close: () => void (closed = true) }),
    );
    expect(closed).toBe(true);
    expect(sameBytes(Buffer.concat(pieces), file)).toBe(true);
  });

  test('a file stream of Node.js is ended', async () => {
    const path = join(folder, 'stream');
    const stream = createWriteStream(path);
    const { bytes, pages, objects } = await zram.save(stream);
    expect(stream.writableFinished).toBe(true);
    expect({ bytes, pages, objects }).toEqual({
      bytes: file.length,
      pages: PAGES,
      objects: PAGES - zram.mmStat.samePages,
    });
    expect(sameBytes(readFileSync(path), file)).toBe(true);
  });

  test('a FileHandle stays open', async () => {
    const path = join(folder, 'handle');
    const handle = await open(path, 'w');
    await zram.save(handle);
    await handle.close();
    expect(sameBytes(readFileSync(path), file)).toBe(true);
  });

  test('one that takes a part at a time gets the rest', async () => {
    const sink = new MemorySink();
    await zram.save({
      write: async (bytes) => {
        const bytesWritten = Math.min(bytes.length, 1000);
        sink.write(bytes.slice(0, bytesWritten));
        return { bytesWritten };
      },
    });
    expect(sameBytes(sink.bytes, file)).toBe(true);
  });

  test('the sink sets the pace: no more than one piece waits', async () => {
    let [begun, done, most] = [0, 0, 0];
    await zram.save({
      async write() {
        begun++;
        most = Math.max(most, begun - done);
        await sleep(1);
        done++;
      },
    });
    expect(begun).toBeGreaterThan(4);
    expect(most).toBe(1);
  });

  test('what is written to the device meanwhile is not in the file', async () => {
    const clone = zram.clone();
    const sink = new MemorySink();
    let n = 0;
    await clone.save({
      async write(bytes) {
        sink.write(bytes);
        // Everything that moves objects about, between two pieces.
        clone.writePages(0, new Uint8Array(PAGES * PAGE_SIZE).fill(++n, 50));
        clone.merge();
        clone.compact();
        await sleep(0);
      },
    });
    expect(n).toBeGreaterThan(4);
    clone.destroy();
    await expectLoads(sink.bytes);
  });

  const failing: [string, () => any][] = [
    ['a WritableStream', () => new WritableStream({ write: () => Promise.reject(new Error('the disk is full')) })],
    ['a Writable', () => new Writable({ write: (_bytes, _encoding, done) => done(new Error('the disk is full')) })],
    ['an object', () => ({ write: () => Promise.reject(new Error('the disk is full')) })],
    [
      'an object at once',
      () => ({
        write() {
          throw new Error('the disk is full');
        },
      }),
    ],
    ['a writer of nothing', () => ({ write: () => ({ bytesWritten: 0 }) })],
  ];
  test.each(failing)('%s that fails is EIO', async (_name, sink) => {
    const used = engine.memory.used;
    await expect(zram.save(sink())).rejects.toMatchObject({
      code: 'EIO',
      message: expect.stringMatching(/the sink failed: /),
    });
    expect(engine.memory.used).toBe(used);
  });

  test('a Writable that is destroyed meanwhile ends the call', async () => {
    const stream = new Writable({ write: () => setTimeout(() => stream.destroy(), 5) });
    await expect(zram.save(stream)).rejects.toMatchObject({ code: 'EIO' });
  });

  test('an engine that is destroyed meanwhile', async () => {
    const other = engineOf('release');
    const device = other.createZram({ disksize: '4M' });
    device.writePages(0, image);
    await expect(device.save({ write: () => other.destroy() })).rejects.toMatchObject({ code: 'EINVAL' });
  });

  test.each([[undefined], [null], [7], ['path'], [{}], [new Uint8Array(5)]])('%p is no sink', async (sink: any) => {
    await expect(zram.save(sink)).rejects.toMatchObject({
      code: 'EINVAL',
      message: expect.stringMatching(/the sink must be/),
    });
  });

  test('a locked stream is EINVAL', async () => {
    const stream = new WritableStream();
    stream.getWriter();
    await expect(zram.save(stream)).rejects.toMatchObject({ code: 'EINVAL' });
  });

  test.each<[any, RegExp]>([
    [[], /at least one device or snapshot/],
    [{}, /at least one device or snapshot/],
    [undefined, /a list, a Map or an object/],
    [[7], /the device must be a ZramSnapshot or a Zram, not 7/],
  ])('saveAll of %p is EINVAL', async (what, message) => {
    await expect(Zram.saveAll(new MemorySink(), what)).rejects.toMatchObject({
      code: 'EINVAL',
      message: expect.stringMatching(message),
    });
  });

  test('options of saveAll are checked', async () => {
    const sink = new MemorySink();
    await expect(Zram.saveAll(sink, [zram], { comment: 7 } as any)).rejects.toThrow('comment must be a string');
    await expect(Zram.saveAll(sink, [zram], { remark: '' } as any)).rejects.toThrow("no option 'remark'");
    expect(sink.pieces).toEqual([]);
  });
});

describe('sources', () => {
  async function* pieces(size: number): AsyncGenerator<Uint8Array> {
    const buffer = new Uint8Array(size); // the same one each time, as some sources have it
    for (let at = 0; at < file.length; at += size) {
      const length = Math.min(size, file.length - at);
      buffer.set(file.subarray(at, at + length));
      await sleep(0);
      yield buffer.subarray(0, length);
    }
  }

  test('bytes, a Buffer, a Blob, a list, a Response', async () => {
    await expectLoads(file);
    await expectLoads(Buffer.from(file));
    await expectLoads(new Blob([file as Uint8Array<ArrayBuffer>]));
    await expectLoads([file.slice(0, 100), new Uint8Array(0), file.slice(100)]);
    await expectLoads(new Response(file as Uint8Array<ArrayBuffer>).body!);
  });

  test('a stream of Node.js, and an asynchronous iterable that uses its buffer again', async () => {
    const path = join(folder, 'source');
    writeFileSync(path, file);
    await expectLoads(createReadStream(path, { highWaterMark: 10_000 }));
    await expectLoads(pieces(9999));
    await expectLoads(Readable.from([file.slice(0, 50_000), file.slice(50_000)]));
  });

  test('through a pair of compressing streams', async () => {
    const { readable, writable } = new CompressionStream('gzip');
    const [loaded] = await Promise.all([
      engine.loadZram(readable.pipeThrough(new DecompressionStream('gzip'))),
      zram.save(writable),
    ]);
    expect(sameBytes(loaded.readPages(0, PAGES), image)).toBe(true);
    loaded.destroy();
  });

  test('a source that fails is EIO', async () => {
    const used = engine.memory.used;
    async function* failing(): AsyncGenerator<Uint8Array> {
      yield file.slice(0, 300_000);
      throw new Error('the connection is gone');
    }
    for (const source of [failing(), Readable.from(failing())]) {
      await expect(engine.loadZram(source)).rejects.toMatchObject({
        code: 'EIO',
        message: expect.stringMatching(/the connection is gone/),
      });
    }
    expect(engine.memory.used).toBe(used);
  });

  test('a file that is refused is read no further', async () => {
    let ended = false;
    async function* endless(): AsyncGenerator<Uint8Array> {
      try {
        for (;;) yield new Uint8Array(100);
      } finally {
        ended = true;
      }
    }
    await expect(engine.loadZram(endless())).rejects.toMatchObject({ code: 'EINVAL' });
    expect(ended).toBe(true);
    let cancelled = false;
    const stream = new ReadableStream<Uint8Array>({
      pull: (controller) => controller.enqueue(new Uint8Array(100)),
      cancel: () => void (cancelled = true),
    });
    await expect(engine.loadZram(stream)).rejects.toMatchObject({ code: 'EINVAL' });
    expect(cancelled).toBe(true);
    const path = join(folder, 'foreign');
    writeFileSync(path, new Uint8Array(1_000_000));
    const node = createReadStream(path);
    const closed = new Promise<void>((done) => node.on('close', () => done()));
    await expect(engine.loadZram(node)).rejects.toMatchObject({ code: 'EINVAL' });
    await closed;
  });

  test.each<[any]>([[undefined], [null], ['a path'], [7], [{}]])('%p is no source', async (source) => {
    await expect(engine.loadZram(source)).rejects.toMatchObject({
      code: 'EINVAL',
      message: expect.stringMatching(/the source must be/),
    });
  });

  test('a source of text is EINVAL', async () => {
    await expect(engine.loadZram(['text'] as any)).rejects.toMatchObject({
      code: 'EINVAL',
      message: expect.stringMatching(/must return Uint8Arrays/),
    });
  });

  test('an engine that is destroyed meanwhile is EINVAL', async () => {
    const other = engineOf('release');
    async function* destroying(): AsyncGenerator<Uint8Array> {
      yield file.slice(0, 300_000);
      other.destroy();
      yield file.slice(300_000);
    }
    await expect(other.loadZram(destroying())).rejects.toMatchObject({ code: 'EINVAL' });
  });

  test('options are checked, and a file of several needs loadAll', async () => {
    await expect(engine.loadZram(file, { disksize: 5 } as any)).rejects.toThrow("no option 'disksize'");
    await expect(engine.loadAll(file, { backing: {} } as any)).rejects.toThrow("no option 'backing'");
    await expect(Zram.load(file, { pool: 1 } as any)).rejects.toMatchObject({ code: 'EINVAL' });
    const sink = new MemorySink();
    await Zram.saveAll(sink, { one: zram, two: zram });
    await expect(engine.loadZram(sink.bytes)).rejects.toThrow('one device or snapshot, not 2: use loadAll');
  });
});
