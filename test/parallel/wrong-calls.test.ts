/**
 * The table of wrong calls, of ParallelZram: its calls are asynchronous, and need threads. Each wrong argument is EINVAL (or
 * the code that is named) with a sentence, and changes nothing; the same after `destroy()`, and without a disksize.
 */
import { createHash } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals';
import { ParallelZram } from '../../bindings/parallel.js';
import { PAGE_SIZE } from '../support/pages.js';
import { makeParallel } from '../support/parallel.js';
import { Random } from '../support/random.js';
import { compiledCore } from '../support/raw-core.js';
import {
  boolean,
  bytes,
  integer,
  options,
  out,
  real,
  show,
  size,
  word,
  type Parameter,
} from '../support/wrong-values.js';
import { expectSentence, thrownBy } from '../support/errors.js';

jest.setTimeout(60_000);
const DISK_PAGES = 64;
const DISK_BYTES = DISK_PAGES * PAGE_SIZE;
const SAFE_MAX = Number.MAX_SAFE_INTEGER;
const PAGE = new Random(4, 'wrong calls').fill(new Uint8Array(PAGE_SIZE)).fill(0, 1500);
const SCRIPT = new URL('../../dist/parallel-worker.js', import.meta.url);

const dictionary: Parameter = bytes(PAGE.subarray(0, 100));
const recompAlgorithms: Parameter = {
  good: ['lz4', { algo: 'lz4hc', level: 9, favorDecSpeed: 6 }],
  wrong: [
    ...[null, 'lz4', 1, {}, ['nope'], [1], [null], [undefined], [{}], [{ algo: 'nope' }], Array(4).fill('lz4')],
    ...[['lz4', { algo: 'deflate', level: '1' }], [{ algo: 'deflate', dictionary: 'text' }], [() => 1], [Symbol('x')]],
    ...[[{ algo: 'deflate', levle: 1 }], Array(2 ** 20).fill('lz4')],
  ],
  coded: [
    [[{ algo: 'lz4', dictionary: new Uint8Array(9) }], 'EOPNOTSUPP'],
    [[{ algo: 'lz4', favorDecSpeed: 1 }], 'EOPNOTSUPP'],
    ...[-1, 17, 1.5, '6', true, null].map((favorDecSpeed) => [[{ algo: 'lz4hc', favorDecSpeed }], 'EINVAL'] as const),
  ],
};
const disksize: Parameter = { ...size('1M'), wrong: [...size('1M').wrong, 0, '0', 2 ** 44, '16T', '8E'] };
const createOptions = {
  ...{ disksize, memLimit: { ...size('1M'), wrong: [...size('1M').wrong, 4096] }, dedup: boolean, shrinker: boolean },
  ...{ verifyCompressors: boolean, trackEntryActime: boolean, recompAlgorithms, dictionary },
  dedupCache: { ...size('1M'), wrong: [...size('1M').wrong, 1, '63K', '2041M'] },
  ...{ compAlgorithm: word('deflate'), level: integer(2, -(2 ** 31), 2 ** 31 - 1) },
  kernel: { good: '7.1', wrong: [null, 7.1, '', '7', 'toString', {}] },
  chainSize: { good: 16, wrong: [null, '8', 0, 1, 7, 32, 8.5, NaN, {}, 8n] },
  module: { good: compiledCore('release'), wrong: [null, 'core.wasm', 7, true, {}, [], Uint8Array.of(1, 2, 3)] },
  maxMemory: { ...size('32M'), wrong: [...size('32M').wrong, 0, 4096, '64K'] },
  workers: integer(2, 1, 64),
  worker: { good: SCRIPT, wrong: [null, 5, true, {}, [], Symbol('x'), { href: 5 }, 'no address', '', () => undefined] },
  sharedMemory: { ...boolean },
};
const index = integer(1, 0, DISK_PAGES - 1);
const onePage = bytes(PAGE, [0, PAGE_SIZE - 1, PAGE_SIZE + 1, 2 * PAGE_SIZE]);
const twoPages = bytes(new Uint8Array(2 * PAGE_SIZE), [1, PAGE_SIZE + 1, 3 * PAGE_SIZE]);
const recompress: Record<string, Parameter> = {
  ...{ type: word('huge'), threshold: { ...size(1000), wrong: [...size(1000).wrong, PAGE_SIZE, '1M'] } },
  maxPages: { ...integer(10, 0, SAFE_MAX), coded: [[2 ** 53, 'EINVAL']] }, // Infinity: any number
  ...{ algo: { ...word('deflate') }, priority: integer(1, 0, 3) },
};

/** Methods by name, accessors as `get name`, statics as `static name`. */
const CALLS: Readonly<Record<string, readonly Parameter[]>> = {
  'static create': [options(createOptions)],
  'get workers': [],
  init: [{ good: '1M', wrong: [...size('1M').wrong, 0, '0'], coded: [['2M', 'EBUSY']] }],
  writePage: [index, onePage],
  writePages: [integer(DISK_PAGES - 2, 0, DISK_PAGES - 2), twoPages],
  write: [integer(DISK_BYTES - 5000, 0, DISK_BYTES - 5000), bytes(new Uint8Array(5000), [5001, DISK_BYTES + 1])],
  readPage: [index, out(PAGE_SIZE)],
  readPages: [integer(1, 0, DISK_PAGES - 2), integer(2, 0, DISK_PAGES - 1), out(2 * PAGE_SIZE)],
  read: [integer(100, 0, DISK_BYTES - 5000), integer(5000, 0, DISK_BYTES - 100), out(5000)],
  discard: [integer(PAGE_SIZE, 0, DISK_BYTES - PAGE_SIZE), integer(PAGE_SIZE, 0, DISK_BYTES - PAGE_SIZE)],
  merge: [
    options({ maxObjects: integer(10, 1, SAFE_MAX), maxMilliseconds: real(5, [-1, -Infinity]), dryRun: boolean }),
  ],
  compact: [options({ inPageOrder: boolean })],
  idle: [
    {
      good: 'all',
      wrong: [null, '', 'some', '-1', -1, NaN, Infinity, 2 ** 40, true, 1n, { age: -1 }, { age: '1' }, { ages: 1 }],
    },
  ],
  recompress: [options(recompress)],
  reset: [],
  stats: [],
  lostPages: [],
  destroy: [],
  '[Symbol.asyncDispose]': [],
  '[Symbol.dispose]': [],
};

const goodOf = (parameters: readonly Parameter[]): unknown[] => parameters.map(({ good }) => good);

async function make(): Promise<ParallelZram> {
  const { zram } = await makeParallel({ disksize: DISK_BYTES, recompAlgorithms: ['deflate'] });
  await zram.writePages(0, Buffer.concat([PAGE, PAGE, new Uint8Array(PAGE_SIZE).fill(1)]));
  return zram;
}

const SYMBOLS: Readonly<Record<string, symbol>> = {
  '[Symbol.asyncDispose]': Symbol.asyncDispose,
  '[Symbol.dispose]': Symbol.dispose,
};

function invoke(zram: ParallelZram, call: string, args: readonly unknown[]): unknown {
  if (call === 'static create') {
    const [given] = args;
    // The script is found beside the built library, not beside the sources.
    const isOptions = typeof given === 'object' && given !== null && !Array.isArray(given);
    return ParallelZram.create((isOptions ? { worker: SCRIPT, workers: 2, ...given } : given) as never);
  }
  const subject = zram as unknown as Record<PropertyKey, (...args: unknown[]) => unknown>;
  if (call.startsWith('get ')) return subject[call.slice('get '.length)];
  return subject[SYMBOLS[call] ?? call](...args);
}

async function print(zram: ParallelZram): Promise<string> {
  // A read takes idle marks away and is counted nowhere.
  const content = createHash('sha256')
    .update(await zram.readPages(0, DISK_PAGES))
    .digest('hex');
  return JSON.stringify([await zram.stats(), zram.lostPages(), zram.workers, content]);
}

const rowsOf = (call: string) =>
  CALLS[call].flatMap(({ wrong, coded = [] }, at) =>
    [...wrong.map((value) => [value, 'EINVAL'] as const), ...coded].map(([value, code]) => {
      const args = goodOf(CALLS[call]);
      args[at] = value;
      return { title: `${call}(${args.map(show).join(', ').slice(0, 120)})`, args, code };
    }),
  );

describe.each(Object.keys(CALLS).filter((call) => CALLS[call].length > 0))('wrong arguments of %s', (call) => {
  let zram: ParallelZram;
  let printed: string;
  beforeAll(async () => {
    zram = await make();
    printed = await print(zram);
  });
  afterAll(async () => zram.destroy());

  test.each(rowsOf(call))('$title is $code', async ({ args, code }) => {
    expectSentence(await thrownBy(() => invoke(zram, call, args)), code);
  });

  test('nothing has changed', async () => {
    expect(await print(zram)).toBe(printed);
  });
});

const isEnd = (call: string): boolean => call === 'destroy' || call in SYMBOLS;

test.each(Object.keys(CALLS))('%s: what is right goes through', async (call) => {
  const zram = await make();
  let made: unknown;
  const error = await thrownBy(async () => (made = await invoke(zram, call, goodOf(CALLS[call]))));
  if (made instanceof ParallelZram) await made.destroy();
  await zram.destroy();
  if (call === 'init') expectSentence(error, 'EBUSY');
  else expect(error).toBeUndefined();
});

const methods = Object.keys(CALLS).filter((call) => !call.startsWith('static'));

describe('after destroy', () => {
  test.each(methods)('%s', async (call) => {
    const zram = await make();
    void zram.destroy();
    const error = await thrownBy(() => invoke(zram, call, goodOf(CALLS[call])));
    if (isEnd(call) || call === 'get workers') expect(error).toBeUndefined();
    else expectSentence(error, 'EINVAL');
    await zram.destroy();
    expect(zram.workers).toBe(0);
  });
});

describe('without a disksize', () => {
  test.each(methods)('%s', async (call) => {
    const zram = await make();
    void zram.reset();
    const error = await thrownBy(() => invoke(zram, call, goodOf(CALLS[call])));
    const allowed = ['init', 'reset', 'stats', 'lostPages', 'get workers'];
    if (isEnd(call) || allowed.includes(call)) expect(error).toBeUndefined();
    else expectSentence(error, 'EINVAL');
    await zram.destroy();
  });
});

describe('options that run code when they are read', () => {
  const calls: readonly [string, (zram: ParallelZram, given: never) => Promise<unknown>][] = [
    ['merge', (zram, given) => zram.merge(given)],
    ['recompress', (zram, given) => zram.recompress(given)],
    ['idle', (zram, given) => zram.idle(given)],
  ];
  const names: Readonly<Record<string, string>> = { merge: 'dryRun', recompress: 'type', idle: 'age' };

  test.each(calls)('%s: a getter that ends the device ends in EINVAL', async (name, call) => {
    const zram = await make();
    const given = Object.defineProperty({}, names[name], { enumerable: true, get: () => void zram.destroy() });
    expectSentence(await thrownBy(() => call(zram, given as never)), 'EINVAL');
    await zram.destroy();
  });

  test.each(calls)('%s: a getter that throws, and a Proxy that does', async (name, call) => {
    const zram = await make();
    const thrower = () => {
      throw new TypeError('no');
    };
    const given = Object.defineProperty({}, names[name], { enumerable: true, get: thrower });
    expectSentence(await thrownBy(() => call(zram, given as never)), 'EINVAL');
    expectSentence(await thrownBy(() => call(zram, new Proxy({}, { ownKeys: thrower }) as never)), 'EINVAL');
    await zram.stats();
    await zram.destroy();
  });

  test('create reads each option once, and what is changed afterwards does not matter', async () => {
    const reads = new Map<string, number>();
    const dictionaryGiven = Uint8Array.from(PAGE.subarray(0, 100));
    const good = { disksize: '1M', compAlgorithm: 'deflate', dictionary: dictionaryGiven, workers: 2, worker: SCRIPT };
    const given = Object.defineProperties(
      {},
      Object.fromEntries(
        Object.entries(good).map(([name, value]) => [
          name,
          { enumerable: true, get: () => (reads.set(name, (reads.get(name) ?? 0) + 1), value) },
        ]),
      ),
    );
    const making = ParallelZram.create(given);
    dictionaryGiven.fill(0);
    const zram = await making;
    expect(new Set(reads.values())).toEqual(new Set([1]));
    await zram.writePage(0, PAGE);
    expect(Buffer.compare(await zram.readPage(0), PAGE)).toBe(0);
    const single = (await zram.stats()).mmStat.comprDataSize;
    // The dictionary that was given holds the page's beginning.
    const without = await ParallelZram.create({ ...good, dictionary: undefined });
    await without.writePage(0, PAGE);
    expect(single).toBeLessThan((await without.stats()).mmStat.comprDataSize);
    await Promise.all([zram.destroy(), without.destroy()]);
  });
});

test('the table has every call of the class', () => {
  const own = (object: object, from: string): string[] =>
    Object.entries(Object.getOwnPropertyDescriptors(object)).flatMap(([property, { value, get, set }]) => {
      if (typeof value === 'function') return property === 'constructor' ? [] : [`${from}${property}`];
      return [...(get ? [`get ${property}`] : []), ...(set ? [`set ${property}`] : [])];
    });
  const found = [...own(ParallelZram.prototype, ''), ...own(ParallelZram, 'static '), ...Object.keys(SYMBOLS)];
  expect(found.sort()).toEqual(Object.keys(CALLS).sort());
});
