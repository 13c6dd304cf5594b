/** What sinks answer, how they end, and how they fail: the file is whole, or the call says that it is not. */
import { randomBytes } from 'node:crypto';
import { EventEmitter } from 'node:events';
import { closeSync, createWriteStream, mkdtempSync, openSync, readFileSync, rmSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough, Writable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';

import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { Engine, Zram, ZramError, type SaveSink, type Saved } from '../../bindings/index.js';
import { leaveFrames } from '../support/full-memory.js';
import { PAGE_SIZE, sameBytes } from '../support/pages.js';
import { Random } from '../support/random.js';
import { engineOf } from '../support/raw-core.js';
import { MemorySink, saved } from './support.js';

const PAGES = 300;

let folder: string;
let engine: Engine;
let zram: Zram;
let file: Uint8Array;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'zram-wasm-'));
  engine = engineOf('release');
  zram = engine.createZram({ disksize: PAGES * PAGE_SIZE });
  const random = new Random(11);
  for (let index = 0; index < PAGES; index++) zram.writePage(index, randomBytes(PAGE_SIZE).fill(0, random.below(4096)));
  file = await saved(zram);
}, 60_000);
afterAll(() => {
  engine.destroy();
  rmSync(folder, { recursive: true });
});

function expectFile(pieces: readonly Uint8Array[]): void {
  expect(sameBytes(Buffer.concat(pieces), file)).toBe(true);
}

async function failure(sink: unknown): Promise<ZramError> {
  const error = await zram.save(sink as SaveSink).then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  expect(error).toBeInstanceOf(ZramError);
  return error as ZramError;
}

describe('a number is the count of bytes that were taken', () => {
  const random = new Random(3);
  const counts: [string, (length: number) => number][] = [
    ['all', (length) => length],
    ['at most 16384', (length) => Math.min(length, 16384)],
    ['at most 7', (length) => Math.min(length, 7)],
    ['any number', (length) => random.between(1, length)],
    ['all but one', (length) => Math.max(length - 1, 1)],
  ];
  const answers: [string, (count: number) => unknown][] = [
    ['', (count) => count],
    [', by a promise', (count) => Promise.resolve(count)],
    [', as a BigInt', (count) => BigInt(count)],
    [', as bytesWritten', (bytesWritten) => ({ bytesWritten })],
    [', by a thenable', (count) => ({ then: (resolve: (value: number) => void) => resolve(count) })],
  ];
  const table = counts.flatMap(([name, count]) => answers.map(([how, answer]) => [name + how, count, answer] as const));
  test.each(table)('%s: the rest follows', async (name, count, answer) => {
    const pieces: Uint8Array[] = [];
    const device = name.startsWith('at most 7') ? engine.createZram({ disksize: '1M' }) : zram;
    const report = await device.save({
      write(bytes) {
        const taken = bytes.length === 0 ? 0 : count(bytes.length);
        pieces.push(bytes.slice(0, taken));
        return answer(taken);
      },
    });
    if (device === zram) expectFile(pieces);
    else device.destroy();
    expect(Buffer.concat(pieces).length).toBe(report.bytes);
  });

  test('fs.writeSync', async () => {
    const path = join(folder, 'descriptor');
    const descriptor = openSync(path, 'w');
    await zram.save({ write: (bytes) => writeSync(descriptor, bytes, 0, Math.min(bytes.length, 1000)) });
    closeSync(descriptor);
    expectFile([readFileSync(path)]);
  });

  test.each<[string, unknown]>([
    ['nothing', 0],
    ['less than nothing', -1],
    ['a fraction', 0.5],
    ['no number', NaN],
    ['without end', Infinity],
    ['as Chromium answers when the quota is used up', 4294967288],
    ['as a BigInt, nothing', 0n],
    ['bytesWritten: 0', { bytesWritten: 0 }],
    ['bytesWritten: -1', { bytesWritten: -1 }],
    ['bytesWritten: NaN', { bytesWritten: NaN }],
    ['bytesWritten: more than there were', { bytesWritten: 2 ** 32 }],
  ])('%s is EIO', async (_name, answer) => {
    for (const write of [() => answer, () => Promise.resolve(answer)]) {
      expect(await failure({ write })).toMatchObject({ code: 'EIO', message: expect.stringMatching(/its write\(\)/) });
    }
  });

  test('a count that is followed by nothing is EIO', async () => {
    let calls = 0;
    expect((await failure({ write: (bytes: Uint8Array) => (calls++ < 3 ? bytes.length >> 1 : 0) })).code).toBe('EIO');
  });

  test('a sink that takes 4294967288 when it is full, and 0 of nothing', async () => {
    const write = (bytes: Uint8Array): number => (bytes.length === 0 ? 0 : 4294967288);
    expect(await failure({ write })).toMatchObject({ code: 'EIO', message: expect.stringMatching(/not 4294967288/) });
  });
});

describe('a number that is the length of an array means nothing', () => {
  test.each([0, 1, 2, 11, 100, 5000])('%i elements were in it before', async (before) => {
    for (const wrap of [(n: number) => n, (n: number) => Promise.resolve(n)]) {
      const pieces: Uint8Array[] = Array.from({ length: before }, () => new Uint8Array(0));
      const report = await zram.save({ write: (bytes) => wrap(pieces.push(bytes)) });
      expectFile(pieces);
      expect(report.bytes).toBe(file.length);
    }
  });

  test('also where others push to it', async () => {
    const pieces: Uint8Array[] = [];
    // Something is pushed in every turn that a write gives up.
    const write = (bytes: Uint8Array): number => {
      queueMicrotask(() => pieces.push(new Uint8Array(0)));
      return pieces.push(bytes);
    };
    await Promise.all([zram.save({ write }), zram.save({ write })]);
    expect(Buffer.concat(pieces).length).toBe(2 * file.length);
  });

  test('a sum of all bytes is EIO, and says what a number must be', async () => {
    let total = 100;
    const error = await failure({ write: (bytes: Uint8Array) => (total += bytes.length) });
    expect(error).toMatchObject({
      code: 'EIO',
      message: expect.stringMatching(/must return the count of bytes that it took/),
    });
  });
});

test.each<[string, unknown]>([
  ['undefined', undefined],
  ['null', null],
  ['true', true],
  ['false', false],
  ['a text', 'done'],
  ['an object', {}],
  ['bytesWritten that is no number', { bytesWritten: 'all' }],
])('%s as an answer means nothing', async (_name, answer) => {
  const pieces: Uint8Array[] = [];
  await zram.save({
    write(bytes) {
      pieces.push(bytes);
      return answer;
    },
  });
  expectFile(pieces);
});

test.each<[string, () => unknown]>([
  ['a thenable whose then throws', () => ({ then: () => raise() })],
  ['a getter that throws', () => Object.defineProperty({}, 'bytesWritten', { get: raise })],
  ['what has no text', () => Promise.reject(Object.create(null) as Error)],
])('%s is EIO', async (_name, write) => {
  expect((await failure({ write })).code).toBe('EIO');
});

function raise(): never {
  throw new Error('no');
}

test('each piece is memory of its own: a sink may keep it, change it, or send it away', async () => {
  const pieces: Uint8Array[] = [];
  await zram.save({
    write(bytes) {
      expect(bytes.byteLength).toBe(bytes.buffer.byteLength);
      pieces.push(structuredClone(bytes, { transfer: [bytes.buffer] }));
    },
  });
  expectFile(pieces);
  const kept: Uint8Array[] = [];
  await zram.save({ write: (bytes) => void kept.push(bytes.slice(), bytes.fill(0)) });
  expectFile(kept.filter((_, n) => n % 2 === 0));
  expect((await failure({ write: transferred })).code).toBe('EIO');
});

/** Takes a byte, and the memory of all. */
function transferred(bytes: Uint8Array<ArrayBuffer>): number {
  if (bytes.length > 0) structuredClone(bytes, { transfer: [bytes.buffer] });
  return bytes.length === 0 ? 0 : 1;
}

class Keeping extends Writable {
  readonly pieces: Uint8Array[] = [];
  override _write(bytes: Uint8Array, _encoding: string, done: (error?: Error) => void): void {
    this.pieces.push(bytes);
    setImmediate(done);
  }
}

describe('streams of Node.js', () => {
  test.each([1, 16384, 1 << 20, 1 << 30])('with a high-water mark of %i', async (highWaterMark) => {
    const stream = new Keeping({ highWaterMark });
    await zram.save(stream);
    expectFile(stream.pieces);
    expect(stream.writableFinished).toBe(true);
  });

  test('one that passes callbacks on to nobody', async () => {
    class Forgetful extends Keeping {
      override write(bytes: Uint8Array): boolean {
        return super.write(bytes);
      }
      override end(): this {
        return super.end();
      }
    }
    const stream = new Forgetful();
    await zram.save(stream);
    expectFile(stream.pieces);
    expect(stream.writableFinished).toBe(true);
  });

  test('no more waits than its high-water mark and a piece', async () => {
    let waiting = 0;
    const stream = new Keeping({ highWaterMark: 1 << 19 });
    const write = stream.write.bind(stream) as (...all: unknown[]) => boolean;
    stream.write = (...all: unknown[]): boolean => {
      const answer = write(...all);
      waiting = Math.max(waiting, stream.writableLength);
      return answer;
    };
    await zram.save(stream);
    expect(waiting).toBeLessThan((1 << 19) + (1 << 19));
  });

  test('one in both directions, whose other end is read', async () => {
    const stream = new PassThrough();
    const pieces: Uint8Array[] = [];
    stream.on('data', (bytes: Uint8Array) => pieces.push(bytes));
    await zram.save(stream);
    expectFile(pieces);
  });

  const broken: [string, () => unknown][] = [
    ['an error in write', () => new Writable({ write: (_bytes, _encoding, done) => done(new Error('full')) })],
    ['a throw in write', () => new Writable({ write: raise })],
    ['an error in final', () => quiet({ final: (done) => done(new Error('full')) })],
    ['a throw in final', () => quiet({ final: raise })],
    ['an error at its close', () => quiet({ destroy: (_error, done) => done(new Error('full')) })],
    ['an end that destroys it', () => Object.assign(quiet({}), { end: closing })],
    ['an error event between', () => quiet({ write: (_bytes, _encoding, done) => later(done) })],
    ['no answer, and then its end', () => quiet({ write: (_bytes, _encoding, _done) => undefined }, 5)],
    ['a folder as its file', () => createWriteStream(folder)],
    ['a write that throws at once', () => Object.assign(quiet({}), { write: raise })],
    ['an end that throws at once', () => Object.assign(quiet({}), { end: raise })],
  ];
  function quiet(options: ConstructorParameters<typeof Writable>[0], destroyAfter?: number): Writable {
    const stream = new Writable({ write: (_bytes, _encoding, done) => done(), ...options });
    if (destroyAfter !== undefined) setTimeout(() => stream.destroy(), destroyAfter);
    return stream;
  }
  function closing(this: Writable): void {
    this.destroy();
  }
  function later(done: () => void): void {
    setTimeout(done, 1);
    setTimeout(() => stream?.emit('error', new Error('late')), 0);
  }
  let stream: EventEmitter | undefined;

  test.each(broken)('%s is EIO, and nobody else hears of it', async (_name, make) => {
    stream = make() as EventEmitter;
    const error = await failure(stream);
    expect(error.code).toBe('EIO');
    await sleep(10); // an error event without a listener would end the process
  });

  test('an error behind its end is heard by nobody', async () => {
    const stream = quiet({ autoDestroy: false });
    await zram.save(stream);
    stream.emit('error', new Error('late'));
  });

  test.each<[string, (stream: Writable) => void]>([
    ['destroyed', (stream) => stream.destroy()],
    ['ended', (stream) => stream.end()],
  ])('one that was %s before is EINVAL', async (_name, prepare) => {
    const stream = new Keeping();
    prepare(stream);
    await sleep(5);
    expect((await failure(stream)).code).toBe('EINVAL');
  });
});

describe('what resembles them', () => {
  class Old extends EventEmitter {
    readonly pieces: Uint8Array[] = [];
    ended = false;
    write(bytes: Uint8Array): unknown {
      this.pieces.push(bytes);
      return undefined;
    }
    end(): unknown {
      this.ended = true;
      return undefined;
    }
  }
  const kinds: [string, () => Old][] = [
    ['neither callbacks nor events', () => new Old()],
    [
      'false, and drain',
      () =>
        Object.assign(new Old(), {
          write(this: Old, bytes: Uint8Array) {
            this.pieces.push(bytes);
            setImmediate(() => this.emit('drain'));
            return false;
          },
        }),
    ],
    [
      'an end that takes a callback and emits finish',
      () =>
        Object.assign(new Old(), {
          end(this: Old, _done: unknown) {
            setImmediate(() => {
              this.ended = true;
              this.emit('finish');
            });
          },
        }),
    ],
    [
      'an end that closes',
      () =>
        Object.assign(new Old(), {
          end(this: Old, _done: unknown) {
            setImmediate(() => {
              this.ended = true;
              this.emit('close');
            });
          },
        }),
    ],
    [
      'promises',
      () =>
        Object.assign(new Old(), {
          async write(this: Old, bytes: Uint8Array) {
            await sleep(0);
            this.pieces.push(bytes);
          },
          async end(this: Old, _done: unknown) {
            await sleep(1);
            this.ended = true;
          },
        }),
    ],
  ];
  test.each(kinds)('%s', async (_name, make) => {
    const sink = make();
    await zram.save(sink);
    expectFile(sink.pieces);
    expect(sink.ended).toBe(true);
  });

  test.each<[string, object]>([
    ['write rejects', { write: () => Promise.reject(new Error('no')) }],
    ['end rejects', { end: () => Promise.reject(new Error('no')) }],
    ['end throws', { end: raise }],
    ['on throws', { on: raise }],
  ])('%s', async (name, change) => {
    expect((await failure(Object.assign(new Old(), change))).code).toBe(name === 'on throws' ? 'EINVAL' : 'EIO');
  });
});

describe('whatever fails, the sink is given up', () => {
  const calls: [string, (sink: SaveSink) => Promise<unknown>, string][] = [
    ['a wrong option', (sink) => Zram.saveAll(sink, [zram], { remark: '' } as object), 'EINVAL'],
    ['options that are none', (sink) => Zram.saveAll(sink, [zram], 'text' as unknown as object), 'EINVAL'],
    ['a comment that is no text', (sink) => Zram.saveAll(sink, [zram], { comment: 7 as unknown as string }), 'EINVAL'],
    [
      'a getter that throws',
      (sink) => Zram.saveAll(sink, [zram], Object.defineProperty({}, 'comment', { get: raise, enumerable: true })),
      'EINVAL',
    ],
    ['nothing to save', (sink) => Zram.saveAll(sink, []), 'EINVAL'],
    ['what is no device', (sink) => Zram.saveAll(sink, [7] as unknown as Zram[]), 'EINVAL'],
    ['entries that throw', (sink) => Zram.saveAll(sink, { entries: raise } as unknown as Saved), 'EINVAL'],
    [
      'one name twice',
      (sink) =>
        Zram.saveAll(sink, {
          entries: () => [
            ['x', zram],
            ['x', zram],
          ],
        } as unknown as Saved),
      'EINVAL',
    ],
    ['a device that was destroyed', (sink) => destroyed().save(sink), 'EINVAL'],
    ['one without a disk', (sink) => engine.createZram().save(sink), 'EINVAL'],
    ['no memory for the snapshot', (sink) => crowded.save(sink), 'ENOMEM'],
  ];
  function destroyed(): Zram {
    const made = engine.createZram({ disksize: '1M' });
    made.destroy();
    return made;
  }
  /** A device whose engine has no frame left. */
  let crowded: Zram;
  beforeAll(() => {
    const small = engineOf('release', { maxMemory: '1M' });
    crowded = small.createZram({ disksize: '1M', trackEntryActime: false });
    crowded.writePage(0, new Uint8Array(PAGE_SIZE).fill(1, 9));
    const pool = small.createPool();
    const noise = new Random(1).fill(new Uint8Array(PAGE_SIZE));
    try {
      for (;;) pool.store(noise);
    } catch {
      // It is full.
    }
  }, 60_000);

  test.each(calls)('%s: a WritableStream is aborted', async (_name, call, code) => {
    let reason: unknown;
    const written: unknown[] = [];
    const sink = new WritableStream({
      write: (bytes) => void written.push(bytes),
      abort: (why) => void (reason = why),
    });
    await expect(call(sink)).rejects.toMatchObject({ code });
    expect(reason).toMatchObject({ code });
    expect(written).toEqual([]);
  });

  test.each(calls)('%s: a Writable is destroyed', async (_name, call, code) => {
    const sink = new Keeping();
    await expect(call(sink)).rejects.toMatchObject({ code });
    expect(sink.destroyed).toBe(true);
    expect(sink.pieces).toEqual([]);
    await sleep(1);
  });

  test.each(calls)('%s: of 50 files none stays open', async (_name, call, code) => {
    const sinks = Array.from({ length: 50 }, (_, n) => createWriteStream(join(folder, `given up ${n}`)));
    const closed = sinks.map((sink) => new Promise<void>((resolve) => sink.on('close', resolve)));
    for (const sink of sinks) await expect(call(sink)).rejects.toMatchObject({ code });
    await Promise.all(closed);
  });

  test('an engine, a snapshot or a device that ends meanwhile', async () => {
    for (const ends of ['engine', 'snapshot', 'device'] as const) {
      const other = engineOf('release');
      const device = other.createZram({ disksize: '4M' });
      device.writePages(0, randomBytes(200 * PAGE_SIZE));
      const snapshot = device.snapshot();
      let reason: unknown;
      const subject = { engine: other, snapshot, device }[ends];
      const sink = new WritableStream({ write: () => subject.destroy(), abort: (why) => void (reason = why) });
      const done = (ends === 'snapshot' ? snapshot : device).save(sink);
      // Of snapshots and devices there are copies by then.
      if (ends !== 'engine') expect((await done).pages).toBe(200);
      else {
        await expect(done).rejects.toMatchObject({ code: 'EINVAL' });
        expect(reason).toMatchObject({ code: 'EINVAL' });
      }
      other.destroy();
    }
  });

  test('a snapshot is saved without memory for a copy, too', async () => {
    const other = engineOf('release', { maxMemory: '4M' });
    const snapshot = other.createZram({ disksize: '4M' }).snapshot();
    const ballast = leaveFrames(other, 0);
    expect((await snapshot.save(new MemorySink())).pages).toBe(0);
    ballast.destroy();
    other.destroy();
  });

  test('nothing is left of what failed', async () => {
    const { used } = engine.memory;
    for (const [, call] of calls.slice(0, 9)) await call(new MemorySink()).catch(() => undefined);
    expect(engine.memory.used).toBe(used);
  });
});
