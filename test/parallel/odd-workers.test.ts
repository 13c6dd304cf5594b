/**
 * Workers of a caller's own that say, hear or do what they should not: it costs the calls of that worker at most. Nothing is
 * thrown in a handler of messages, no call is left without an end, and no thread is left over.
 */
import { spawnSync } from 'node:child_process';
import { once } from 'node:events';
import type { Worker } from 'node:worker_threads';
import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals';
import { ZramError } from '../../bindings/index.js';
import { ParallelZram, type ParallelZramOptions, type WorkerLike } from '../../bindings/parallel.js';
import { OddWorker, faster, type Message, type Oddities } from '../support/odd-workers.js';
import { PAGE_SIZE, sameBytes } from '../support/pages.js';
import { TRANSPORTS } from '../support/parallel.js';
import { Random } from '../support/random.js';
import { compiledCore } from '../support/raw-core.js';

jest.setTimeout(60_000);
const PAGES = 300;
const BYTES = new Random(5, 'odd workers').fill(new Uint8Array(PAGES * PAGE_SIZE));

const unhandled: unknown[] = [];
const note = (reason: unknown): void => void unhandled.push(reason);
beforeAll(() => {
  for (const event of ['unhandledRejection', 'uncaughtException'] as const) process.on(event, note);
});
afterAll(() => {
  for (const event of ['unhandledRejection', 'uncaughtException'] as const) process.off(event, note);
  expect(unhandled).toEqual([]);
});

/** A device of which the second worker is odd. */
async function makeOdd(odd: Oddities, options: ParallelZramOptions = {}) {
  const workers: OddWorker[] = [];
  const worker = () => {
    workers.push(new OddWorker(workers.length === 1 ? odd : {}));
    return workers.at(-1)!;
  };
  const module = compiledCore('release');
  const zram = await ParallelZram.create({ workers: 2, disksize: '2M', module, worker, ...options });
  return { zram, workers };
}

async function codeOf(call: Promise<unknown>): Promise<string> {
  return call.then(
    () => 'done',
    (error: unknown) => {
      if (!(error instanceof ZramError)) throw error;
      return error.code;
    },
  );
}

/** All calls end, those of the pages that there are as they should; and so does the device. */
async function expectEnd(zram: ParallelZram, alive: number): Promise<void> {
  expect(zram.workers).toBe(alive);
  expect(await codeOf(zram.stats())).toBe('done');
  const lost = new Set(zram.lostPages());
  if (alive === 2) expect(lost.size).toBe(0);
  for (let index = 0; index < PAGES; index++) {
    if (lost.has(index)) {
      expect(await codeOf(zram.readPage(index))).toBe('EIO');
    } else {
      const expected = BYTES.subarray(index * PAGE_SIZE, (index + 1) * PAGE_SIZE);
      expect(sameBytes(await zram.readPage(index), expected)).toBe(true);
    }
  }
  await zram.destroy();
}

function thrower(): never {
  throw new Error('no');
}

class Throwing {
  get parcel(): never {
    throw new Error('no parcel');
  }
}

/** Said without being asked. */
const FOREIGN: readonly unknown[] = [
  ...['hello', '', null, undefined, 5, NaN, true, 1n, [], [1, 2], {}, { value: 5 }, { fault: {} }, new Map()],
  ...[new Uint8Array(9), new Error('mine'), { type: 'log', records: 3 }, { parcel: undefined }],
];
const MALFORMED: readonly (readonly [name: string, message: unknown])[] = [
  ['a parcel that is text', { parcel: 'x' }],
  ['a parcel that was not sent', { parcel: 1000 }],
  ['a parcel that is not whole', { parcel: 0.5 }],
  ['a parcel that is an object', { parcel: {} }],
  ['an answer to no question', { answer: 1000, value: 1 }],
  ['an answer to NaN', { answer: NaN, value: 1 }],
  ['its own end', { fatal: 'it is over' }],
  ['its own end, as an object', { fatal: { toString: 1 } }],
  ['what throws when it is read', new Throwing()],
  ['what is no object, but a function of one', new Proxy({}, { get: () => () => 1 })],
];

describe.each(TRANSPORTS)('over $name', ({ sharedMemory }) => {
  test('what was not meant for the library is passed over', async () => {
    const says = (message: Message, say: (value: unknown) => void): void => {
      for (const foreign of FOREIGN) say(foreign);
      say(message);
      for (const foreign of FOREIGN) say(foreign);
    };
    const { zram, workers } = await makeOdd({ says }, { sharedMemory });
    for (const foreign of FOREIGN) workers[1].emit('message', foreign);
    await zram.writePages(0, BYTES);
    await expectEnd(zram, 2);
  });

  test('what is said twice counts once', async () => {
    const said: Message[] = [];
    const says = (message: Message, say: (value: unknown) => void): void => {
      said.push({ ...message, buffer: undefined });
      say(message);
      for (const again of said) say(again);
    };
    const { zram } = await makeOdd({ says }, { sharedMemory });
    await zram.writePages(0, BYTES);
    await zram.merge();
    await expectEnd(zram, 2);
  });

  test.each(MALFORMED)('%s costs the worker, and no more', async (_name, message) => {
    const { zram, workers } = await makeOdd({}, { sharedMemory });
    await zram.writePages(0, BYTES);
    const reading = Array.from({ length: 20 }, async (_, n) => codeOf(zram.readPage(n)));
    workers[1].emit('message', message);
    for (const code of await Promise.all(reading)) expect(['done', 'EIO']).toContain(code);
    await expectEnd(zram, 1);
  });

  test('a parcel that comes back as it went costs the worker', async () => {
    let damaging = false;
    let shared: ArrayBufferLike = new ArrayBuffer(0);
    const sends = (message: Message, send: (message: Message) => void): void => {
      if (sharedMemory && 'start' in message) shared = (message.shared as { parcels: ArrayBufferLike }).parcels;
      send(damaging && 'parcel' in message ? { ...message, records: 0 } : message);
    };
    const says = (message: Message, say: (value: unknown) => void): void => {
      // Neither an operation nor a result.
      if (damaging && 'parcel' in message) new Uint32Array(shared).fill(99);
      say(message);
    };
    const { zram } = await makeOdd({ sends, says }, { sharedMemory });
    await zram.writePages(0, BYTES);
    damaging = true;
    expect(await codeOf(zram.readPages(0, PAGES))).toBe('EIO');
    await expectEnd(zram, 1);
  });

  test.each([undefined, null, 5, 'text', {}, new ArrayBuffer(8), new Uint8Array(9)])(
    'a parcel with %p for its memory, or parcels in another order',
    async (buffer) => {
      let damaging = false;
      const says = (message: Message, say: (value: unknown) => void): void => {
        if (!damaging || !('parcel' in message)) say(message);
        else if (sharedMemory) say({ ...message, parcel: Number(message.parcel) + 1000 });
        else say({ ...message, buffer });
      };
      const { zram } = await makeOdd({ says }, { sharedMemory });
      await zram.writePages(0, BYTES);
      damaging = true;
      expect(await codeOf(zram.readPages(0, PAGES))).toBe('EIO');
      await expectEnd(zram, 1);
    },
  );

  test('a worker that takes no message any more', async () => {
    let broken = false;
    const sends = (message: Message, send: (message: Message) => void): void => {
      if (broken) throw new Error('it is closed');
      send(message);
    };
    const { zram } = await makeOdd({ sends }, { sharedMemory });
    await zram.writePages(0, BYTES);
    broken = true;
    const calls = [zram.readPages(0, PAGES), zram.merge(), zram.stats(), zram.readPage(1)].map(codeOf);
    // In shared memory it takes parcels without messages, until it has waited for some in vain.
    const read: unknown = sharedMemory ? expect.stringMatching(/^(?:EIO|done)$/) : 'EIO';
    expect(await Promise.all(calls)).toEqual([read, 'done', 'done', expect.any(String)]);
    await expectEnd(zram, 1);
  });

  test.each<[string, unknown]>([
    ['messageerror', new Error('not to be cloned')],
    ['error', new Error('thrown in it')],
    ['error', { toString: null }],
    ['error', undefined],
    ['exit', 7],
    ['exit', Symbol('status')],
  ])('the event %s of %p', async (event, value) => {
    const { zram, workers } = await makeOdd({}, { sharedMemory });
    await zram.writePages(0, BYTES);
    const reading = zram.readPages(0, PAGES);
    workers[1].emit(event, value);
    expect(await codeOf(reading)).toBe('EIO');
    await expectEnd(zram, 1);
  });

  test.each([0, 1, 2, 3, 5, 8])('a worker that ends at message %s, with calls of all kinds behind it', async (at) => {
    let left = at;
    const { zram, workers } = await makeOdd(
      {
        sends(message, send) {
          if (!('start' in message) && left-- === 0) void workers[1].thread.terminate();
          send(message);
        },
      },
      { sharedMemory, disksize: undefined },
    );
    const out = new Uint8Array(PAGES * PAGE_SIZE);
    const calls = [
      ...[zram.init('2M'), zram.writePages(0, BYTES), zram.stats(), zram.readPages(0, PAGES, out), zram.merge()],
      ...[zram.idle(), zram.compact(), zram.write(5, BYTES.subarray(5, 9000)), zram.discard(0, 0), zram.stats()],
    ];
    for (const code of await Promise.all(calls.map(codeOf))) expect(['done', 'EIO']).toContain(code);
    expect(await codeOf(zram.destroy())).toBe('done');
  });

  test('a Worker that calls the device from inside', async () => {
    const inside: Promise<string>[] = [];
    const devices: ParallelZram[] = [];
    const sends = (message: Message, send: (message: Message) => void): void => {
      const [device] = devices;
      if (device && inside.length < 50) {
        const page = BYTES.slice(0, PAGE_SIZE);
        inside.push(codeOf(device.writePage(400, page)), codeOf(device.readPage(2)), codeOf(device.stats()));
        page.fill(0);
      }
      send(message);
    };
    const { zram } = await makeOdd({ sends }, { sharedMemory });
    devices.push(zram);
    await zram.writePages(0, BYTES);
    expect(new Set(await Promise.all(inside))).toEqual(new Set(['done']));
    expect(sameBytes(await zram.readPage(400), BYTES.subarray(0, PAGE_SIZE))).toBe(true);
    await expectEnd(zram, 2);
  });
});

describe('answers to questions', () => {
  const thenable = { then: () => undefined };
  const figures = { mmStat: {}, ioStat: {}, memory: {} };
  test.each([undefined, null, 5, {}, figures, { ...figures, mmStat: { origDataSize: 'x' } }, thenable, []])(
    'with %j for figures the call is EIO, and the next is not',
    async (value) => {
      let wrong = false;
      const says = (message: Message, say: (value: unknown) => void): void =>
        say(wrong && 'answer' in message ? { ...message, value } : message);
      const { zram } = await makeOdd({ says });
      await zram.writePages(0, BYTES);
      wrong = true;
      expect(await codeOf(zram.stats())).toBe('EIO');
      expect(await codeOf(zram.merge())).toBe('EIO');
      expect(await codeOf(zram.compact())).toBe('EIO');
      wrong = false;
      await expectEnd(zram, 2);
    },
  );

  test.each([null, 5, {}, { code: 'NONE', message: 'x' }, { code: 'EIO' }, { code: 'EINVAL', message: 5 }])(
    'a refusal of %j is EIO',
    async (fault) => {
      let wrong = false;
      const says = (message: Message, say: (value: unknown) => void): void =>
        say(wrong && 'answer' in message ? { answer: message.answer, fault } : message);
      const { zram } = await makeOdd({ says });
      await zram.writePages(0, BYTES);
      wrong = true;
      await expect(zram.compact()).rejects.toMatchObject({ name: 'ZramError', code: 'EIO' });
      wrong = false;
      await expectEnd(zram, 2);
    },
  );

  test('messages to the thread that are not the library’s are passed over', async () => {
    const { zram, workers } = await makeOdd({});
    for (const foreign of ['hello', null, 5, {}, [], { control: 'stats' }, { start: {} }]) {
      for (const { thread } of workers) thread.postMessage(foreign);
    }
    await zram.writePages(0, BYTES);
    await expectEnd(zram, 2);
  });
});

describe('an init that fails', () => {
  /** The second worker has no memory for a disk. */
  const sends = (message: Message, send: (message: Message) => void): void => {
    const { start } = message as { start?: { module: WebAssembly.Module } };
    send(start ? { ...message, start: { ...start, maxMemory: 2 ** 17 } } : message);
  };

  test('fails the calls that counted on it, and is undone everywhere', async () => {
    const { zram } = await makeOdd(
      { sends },
      { disksize: undefined, dedup: true, memLimit: '1M', compAlgorithm: 'deflate' },
    );
    for (let round = 0; round < 3; round++) {
      const first = zram.init('2M');
      const behind = [
        ...[zram.writePages(0, BYTES), zram.readPage(0), zram.discard(0, 2 ** 21), zram.write(1, BYTES.subarray(0, 9))],
        ...[zram.merge(), zram.idle(), zram.compact(), zram.readPages(0, 0)],
      ];
      const again = codeOf(zram.init('1M'));
      const [lost, stats] = [zram.lostPages(), zram.stats()];
      expect(await codeOf(first)).toBe('ENOMEM');
      expect(new Set(await Promise.all(behind.map(codeOf)))).toEqual(new Set(['EINVAL']));
      expect([await again, lost]).toEqual(['EBUSY', []]);
      expect((await stats).mmStat).toMatchObject({ origDataSize: 0, memLimit: 2 ** 20 });
    }
    expect(zram.workers).toBe(2);
    await zram.destroy();
  });

  test('a reset and an init that were called before it failed are done', async () => {
    const { zram, workers } = await makeOdd({ sends }, { disksize: undefined });
    const first = codeOf(zram.init('2M'));
    const reset = codeOf(zram.reset());
    void workers[1].thread.terminate();
    const second = codeOf(zram.init('2M'));
    const write = codeOf(zram.writePages(0, BYTES));
    expect([await reset, await second, await write]).toEqual(['done', 'done', 'done']);
    expect(['ENOMEM', 'done']).toContain(await first);
    expect(sameBytes(await zram.readPages(0, PAGES), BYTES)).toBe(true);
    await zram.destroy();
  });
});

describe('starting', () => {
  const exits = (threads: readonly Worker[]) =>
    Promise.all(threads.map(async (thread) => (thread.threadId < 0 ? undefined : once(thread, 'exit'))));

  test.each<[string, (made: OddWorker[]) => unknown, string, RegExp]>([
    ['a promise', (made) => Promise.resolve(made.at(-1)), 'EINVAL', /must start and return a Worker, not Promise/],
    ['a rejection', () => Promise.reject(new Error('none')), 'EINVAL', /must start and return a Worker, not Promise/],
    ['the same one twice', (made) => made[0], 'EINVAL', /must start a new Worker each time/],
    ['one without terminate', () => ({ postMessage() {}, on() {} }), 'EINVAL', /must start and return a Worker/],
    ['one that cannot be listened to', () => ({ postMessage() {}, terminate() {} }), 'EINVAL', /must start and return/],
    ['one that throws', () => new Proxy({}, { get: thrower }), 'EIO', /cannot start a worker/],
  ])('a function that gives %s', async (_name, give, code, message) => {
    const made: OddWorker[] = [];
    const worker = () => {
      made.push(new OddWorker());
      return (made.length === 1 ? made[0] : give(made)) as WorkerLike;
    };
    const error: unknown = await ParallelZram.create({ workers: 3, worker, module: compiledCore('release') }).catch(
      (reason: unknown) => reason,
    );
    expect(error).toMatchObject({ name: 'ZramError', code, message: expect.stringMatching(message) });
    await exits([made[0].thread]);
    for (const { thread } of made) await thread.terminate();
  });

  test.each<[string, unknown]>([
    ['an Error', new Error('no more threads')],
    ['nothing', undefined],
    ['what has no text', { toString: null, valueOf: null }],
    ['a symbol', Symbol('no')],
  ])('a function that throws %s is EIO, and ends those before', async (_name, thrown) => {
    const made: OddWorker[] = [];
    const worker = () => {
      if (made.length === 2) throw thrown;
      made.push(new OddWorker());
      return made.at(-1)!;
    };
    const error: unknown = await ParallelZram.create({ workers: 3, worker }).catch((reason: unknown) => reason);
    expect(error).toMatchObject({
      name: 'ZramError',
      code: 'EIO',
      message: expect.stringMatching(/cannot start a worker/),
    });
    await exits(made.map(({ thread }) => thread));
  });

  test.each<[string, ParallelZramOptions, string]>([
    ['too little memory', { maxMemory: 1 }, 'EINVAL'],
    ['a dictionary for LZ4', { dictionary: Uint8Array.of(1) }, 'EOPNOTSUPP'],
    ['a chain of seven', { chainSize: 7 as never }, 'EINVAL'],
  ])('what a worker refuses ends all of them: %s', async (_name, options, code) => {
    const made: OddWorker[] = [];
    const worker = () => {
      made.push(new OddWorker());
      return made.at(-1)!;
    };
    expect(await codeOf(ParallelZram.create({ workers: 3, worker, ...options }))).toBe(code);
    await exits(made.map(({ thread }) => thread));
  });

  test('a worker that never answers is EIO', async () => {
    const silent = { says: () => undefined };
    const made: OddWorker[] = [];
    const worker = () => {
      made.push(new OddWorker(made.length === 1 ? silent : {}));
      return made.at(-1)!;
    };
    const error: unknown = await faster(50, async () =>
      ParallelZram.create({ workers: 2, worker, module: compiledCore('release') }).catch((reason: unknown) => reason),
    );
    expect(error).toMatchObject({ code: 'EIO', message: 'EIO: cannot start a worker: it did not answer.' });
    await exits(made.map(({ thread }) => thread));
  });
});

describe('ending', () => {
  test('a worker that answers no more is waited for until destroy, and then no longer than 15 seconds', async () => {
    let silent = false;
    const says = (message: Message, say: (value: unknown) => void): void => {
      if (!silent) say(message);
    };
    const { zram } = await makeOdd({ says });
    await zram.writePages(0, BYTES);
    silent = true;
    const reading = codeOf(zram.readPages(0, PAGES));
    const counted = codeOf(zram.stats());
    await faster(50, async () => zram.destroy());
    expect([await reading, await counted]).toEqual(['EIO', 'done']);
  });

  test.each<[string, () => unknown]>([
    ['throws', thrower],
    ['rejects', async () => thrower()],
    ['never comes to an end', async () => new Promise(() => undefined)],
    ['gives a thenable that throws', () => ({ then: thrower })],
  ])('a terminate that %s', async (_name, give) => {
    const ends = (end: () => Promise<number>): unknown => {
      void end();
      return give();
    };
    const { zram } = await makeOdd({ ends });
    await zram.writePages(0, BYTES);
    await faster(50, async () => zram.destroy());
    expect(zram.workers).toBe(0);
  });

  test('ref and unref that throw', async () => {
    const { zram } = await makeOdd({ references: thrower });
    await zram.writePages(0, BYTES);
    await expectEnd(zram, 2);
  });

  test('a process ends by itself, and quietly, after calls that failed', () => {
    const code = `
      import { ParallelZram } from './dist/parallel.js';
      const failed = (call) => call.then(() => { throw new Error('done'); }, ({ code }) => console.log(code));
      await failed(ParallelZram.create({ workers: 2, worker: 'file:///no/such.js' }));
      await failed(ParallelZram.create({ workers: 2, maxMemory: 1 }));
      const zram = await ParallelZram.create({ workers: 2, disksize: '1M' });
      await failed(zram.merge({ onProgress() {} }));
      const out = new Uint8Array(8192);
      await zram.writePages(0, crypto.getRandomValues(new Uint8Array(65536)));
      const read = failed(zram.readPages(0, 2, out));
      structuredClone(out, { transfer: [out.buffer] });
      await read;
      await zram.destroy();`;
    const { status, stdout, stderr } = spawnSync(process.execPath, ['--input-type=module', '-e', code], {
      encoding: 'utf8',
      timeout: 50_000,
    });
    expect({ status, stdout, stderr }).toEqual({ status: 0, stdout: 'EIO\nEINVAL\nEINVAL\nEINVAL\n', stderr: '' });
  });
});
