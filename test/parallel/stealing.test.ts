/** Work stealing between the workers of ParallelZram: what is compressed by another, what is not, and what is stored of it. */
import { Worker } from 'node:worker_threads';
import { describe, expect, jest, test } from '@jest/globals';
import { Engine } from '../../bindings/index.js';
import { ParallelZram, type ParallelZramOptions } from '../../bindings/parallel.js';
import { Inbox, Outbox } from '../../bindings/parallel/fleet/mailbox.js';
import {
  DISCARD,
  FILL,
  OPERATION_BITS,
  parcelBytes,
  parcelsIn,
  RAW,
  READ_TO,
  RECORD_WORDS,
  SHARED,
  USES,
  writeWith,
} from '../../bindings/parallel/fleet/protocol.js';
import { Thief, type Compress } from '../../bindings/parallel/fleet/stealing.js';
import { OddWorker, type Message } from '../support/odd-workers.js';
import { PAGE_SIZE, randomPage, sameBytes } from '../support/pages.js';
import { Random } from '../support/random.js';
import { compiledCore } from '../support/raw-core.js';

jest.setTimeout(60_000);

/** A worker's mailbox and parcels, with both ends of it in this thread. */
class Queue {
  readonly outbox = new Outbox();
  readonly inbox = new Inbox(this.outbox.buffer);
  readonly memory = new SharedArrayBuffer(SHARED.parcels * parcelBytes(SHARED));
  readonly parcels = parcelsIn(this.memory);
  readonly shared = { mailbox: this.outbox.buffer, parcels: this.memory };

  /** Two pages, each filled with a byte, and a discard between them. */
  send(slot: number, use: number, bytes: readonly [number, number]): void {
    const { words } = this.parcels[slot];
    const write = writeWith(RAW + use);
    words.set([write, 10, 0, 0, DISCARD, 11, 1, 0, write, 12, 1, 0]);
    for (const [n, byte] of bytes.entries()) this.parcels[slot].page(n).fill(byte);
    this.outbox.send(slot, 3);
  }

  carryOut(): void {
    this.inbox.drain(
      () => undefined,
      () => undefined,
    );
  }

  /** What the two pages have: a number above RAW, or the length of a block. */
  lengths(slot: number): number[] {
    return [0, 2].map((record) => this.parcels[slot].words[record * RECORD_WORDS] >>> OPERATION_BITS);
  }
}

/** A block of a byte: that of the page. */
function compressing(seen: number[] = []): Compress {
  return (page, to) => {
    seen.push(page[0]);
    to[0] = page[0];
    return 1;
  };
}

const never = (): boolean => false;

describe('a worker without work', () => {
  test('compresses what another has not begun with, the newest parcel first', () => {
    const queue = new Queue();
    for (const slot of [0, 1, 2]) queue.send(slot, 7, [2 * slot, 2 * slot + 1]);
    const seen: number[] = [];
    const thief = new Thief([queue.shared], compressing(seen));
    expect(thief.help(never)).toBe(true);
    expect(seen).toEqual([4, 5, 2, 3]);
    expect([0, 1, 2].map((slot) => queue.lengths(slot))).toEqual([
      [RAW + 7, RAW + 7],
      [1, 1],
      [1, 1],
    ]);
    expect([0, 1].map((page) => queue.parcels[2].block(page)[0])).toEqual([4, 5]);
    expect(thief.help(never)).toBe(false);
  });

  test('leaves a worker alone that is soon done', () => {
    const queue = new Queue();
    const thief = new Thief([queue.shared], compressing());
    expect(thief.help(never)).toBe(false);
    queue.send(0, 0, [1, 2]);
    expect(thief.help(never)).toBe(false);
  });

  test('makes no block of a parcel that has been carried out and used again meanwhile', () => {
    const queue = new Queue();
    for (const slot of [0, 1]) queue.send(slot, 0, [1, 2]);
    const thief = new Thief([queue.shared], (page, to) => {
      if (page[0] === 1) {
        queue.carryOut();
        for (const slot of [0, 1]) queue.send(slot, 1, [3, 4]);
      }
      to[0] = page[0];
      return 1;
    });
    expect(thief.help(never)).toBe(true);
    expect(queue.lengths(1)).toEqual([RAW + 1, RAW + 1]);
    expect(thief.help(never)).toBe(true);
    expect(queue.lengths(1)).toEqual([1, 1]);
    expect([0, 1].map((page) => queue.parcels[1].block(page)[0])).toEqual([3, 4]);
  });

  test('changes nothing of another operation in a parcel that was used again meanwhile, whatever its operands', () => {
    for (const use of [0, 5, USES - 1]) {
      // A page of -0.0 (of use 0, when the number was an operand), one of this word, and memory read to from here on.
      const number = writeWith(RAW + use);
      const again = [
        FILL,
        10,
        0,
        0x80000000 + use,
        FILL,
        11,
        number,
        number,
        READ_TO | (1 << 16),
        12,
        0,
        0x80000000 + use,
      ];
      const queue = new Queue();
      for (const slot of [0, 1]) queue.send(slot, use, [1, 2]);
      const thief = new Thief([queue.shared], () => {
        queue.carryOut();
        for (const slot of [0, 1]) {
          queue.parcels[slot].words.set(again);
          queue.outbox.send(slot, 3);
        }
        return 1;
      });
      expect(thief.help(never)).toBe(true);
      expect([...queue.parcels[1].words.subarray(0, again.length)]).toEqual(again);
    }
  });

  test('goes on where numbers of parcels are negative', () => {
    const queue = new Queue();
    new Int32Array(queue.outbox.buffer).fill(0x7fffffff, 1, 2).fill(0x7fffffff, 3, 4); // sent, and carried out
    new Int32Array(queue.outbox.buffer).fill(3 << 8, 7);
    const { words } = queue.parcels[0];
    words.set([writeWith(RAW + USES - 1), 10, 0, 0]);
    Atomics.add(new Int32Array(queue.outbox.buffer), 1, 2);
    const thief = new Thief([queue.shared], compressing());
    expect(thief.help(never)).toBe(true);
    expect(words[0]).toBe(writeWith(1));
  });

  test('stops when it has work of its own, or where it cannot compress', () => {
    const queue = new Queue();
    for (const slot of [0, 1, 2]) queue.send(slot, 0, [1, 2]);
    const seen: number[] = [];
    expect(new Thief([queue.shared], compressing(seen)).help(() => seen.length > 0)).toBe(true);
    expect(seen.length).toBe(1);
    expect(new Thief([queue.shared], () => 0).help(never)).toBe(false);
    expect(queue.lengths(2)).toEqual([1, RAW]);
  });

  test('is the only one that steals from another', () => {
    const queue = new Queue();
    for (const slot of [0, 1]) queue.send(slot, 0, [1, 2]);
    const second = new Thief([queue.shared], compressing());
    const first = new Thief([queue.shared], () => Number(second.help(never)) + 2);
    expect(first.help(never)).toBe(true);
    expect(queue.lengths(1)).toEqual([2, 2]);
  });
});

/** Equal pages go to one worker: the other has little to do. */
const COPIES = 1500;
const FIRST = 64;

function contents(kind: 'text' | 'noise'): Uint8Array {
  const page = kind === 'noise' ? new Random(3, kind).fill(new Uint8Array(PAGE_SIZE)) : new Uint8Array(PAGE_SIZE);
  if (kind === 'text')
    page.set(Buffer.from(Array.from({ length: 2000 }, (_, n) => (n * n * 7) % 1000).join(' ')).subarray(0, PAGE_SIZE));
  const first = Array.from({ length: FIRST }, (_, n) => randomPage(new Random(n, 'first')));
  return new Uint8Array(Buffer.concat([...first, ...new Array<Uint8Array>(COPIES).fill(page)]));
}

test.each<['text' | 'noise', ParallelZramOptions]>([
  ['text', {}],
  ['noise', {}],
  ['text', { dedup: true }],
  ['text', { compAlgorithm: 'lz4hc' }],
  ['text', { compAlgorithm: 'deflate' }],
  ['text', { verifyCompressors: true }],
])('what another worker compresses is stored as by Zram: %s, %p', async (kind, options) => {
  const bytes = contents(kind);
  const memories: ArrayBufferLike[] = [];
  const sends = (message: Message, send: (message: Message) => void): void => {
    if ('start' in message) memories.push((message.shared as { parcels: ArrayBufferLike }).parcels);
    send(message);
  };
  const zram = await ParallelZram.create({
    ...{ workers: 2, disksize: bytes.length, module: compiledCore('release'), worker: () => new OddWorker({ sends }) },
    ...options,
  });
  await zram.writePages(0, bytes);
  const parcels = memories.flatMap((memory) => parcelsIn(memory));
  const stolen = parcels.filter((parcel) => parcel.block(0).some((byte) => byte > 0));
  if (options.verifyCompressors) expect(stolen.length).toBe(0);
  // How many there are is a matter of time; with the slowest compressor there are always some.
  if (options.compAlgorithm === 'deflate') expect(stolen.length).toBeGreaterThan(0);

  expect(sameBytes(await zram.readPages(0, bytes.length / PAGE_SIZE), bytes)).toBe(true);

  const engine = Engine.createSync({ module: compiledCore('release') });
  await engine.loadCompressor(options.compAlgorithm ?? 'lz4');
  const one = engine.createZram({ disksize: bytes.length, ...options });
  one.writePages(0, bytes);
  const { origDataSize, comprDataSize, samePages, hugePages, pagesMerged } = one.mmStat;
  const expected = { origDataSize, comprDataSize, samePages, hugePages, pagesMerged };
  expect((await zram.stats()).mmStat).toMatchObject(expected);
  await zram.destroy();
  engine.destroy();
});

/** Words that hold workers: 1 while none goes on, 1 when the first block may come, what it expects in its place, 1 when it came. */
const [STOPPED, MAY_COME, EXPECTED, CAME] = [0, 1, 2, 3];

function heldWorker(held: Int32Array): Worker {
  const script = new URL('../../dist/parallel-worker.js', import.meta.url).href;
  const code = `const { held, script } = require('node:worker_threads').workerData;
    const { compareExchange, load } = Atomics;
    Atomics.load = (words, at) => {
      Atomics.wait(held, ${STOPPED}, 1);
      return load(words, at);
    };
    Atomics.compareExchange = (words, at, expected, to) => {
      if (words instanceof Int32Array || compareExchange(held, ${EXPECTED}, 0, expected | 0) !== 0)
        return compareExchange(words, at, expected, to);
      Atomics.wait(held, ${MAY_COME}, 0);
      compareExchange(words, at, expected, to);
      Atomics.store(held, ${CAME}, 1);
    };
    import(script);`;
  return new Worker(code, { eval: true, workerData: { held, script } });
}

function change(held: Int32Array, word: number, to: number): void {
  Atomics.store(held, word, to);
  Atomics.notify(held, word);
}

test('a block that comes when its parcel carries something else changes nothing', async () => {
  // More same-filled pages than all parcels of a worker take.
  const pages = 8192 + 512;
  const first = Array.from({ length: 16 }, (_, n) => randomPage(new Random(n, 'first')));
  const copies = new Uint8Array(pages * PAGE_SIZE);
  const text = contents('text').subarray(-PAGE_SIZE);
  for (let at = 0; at < copies.length; at += PAGE_SIZE) copies.set(text, at);
  copies.set(Buffer.concat(first));
  const held = new Int32Array(new SharedArrayBuffer(16));
  const zram = await ParallelZram.create({
    ...{ workers: 2, disksize: copies.length, module: compiledCore('release'), worker: () => heldWorker(held) },
  });
  do await zram.writePages(0, copies);
  while (held[EXPECTED] === 0);
  const fills = new Uint8Array(copies.length - first.length * PAGE_SIZE);
  new Int32Array(fills.buffer).fill(held[EXPECTED]);
  change(held, STOPPED, 1);
  const written = zram.writePages(first.length, fills);
  change(held, MAY_COME, 1);
  while (Atomics.load(held, CAME) === 0) await new Promise((done) => setTimeout(done, 1));
  change(held, STOPPED, 0);
  await written;
  expect(sameBytes(await zram.readPages(first.length, fills.length / PAGE_SIZE), fills)).toBe(true);
  await zram.destroy();
});
