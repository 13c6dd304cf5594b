/** Pieces that lie in a buffer which the next piece, or another connection's, is read into. */
import type { Socket } from 'node:net';
import { PassThrough } from 'node:stream';

import { expect, test } from '@jest/globals';

import { Engine } from '../../../bindings/index.js';
import { Input } from '../../../integrations/nbd/input.js';
import { Command } from '../../../integrations/nbd/protocol.js';
import { Receiving } from '../../../integrations/nbd/receiving.js';
import { Random, seedOfRun } from '../../support/random.js';
import { Client, requestBytes } from './client.js';
import { listening } from './listening.js';

const { listen } = listening();
const engine = Engine.createSync();
const random = new Random(seedOfRun(), 'nbd receiving');
const { READ, WRITE } = Command;

test('an input of lent and own pieces, taken in any way, is what came', () => {
  for (let run = 0; run < 200; run++) {
    const input = new Input();
    const lent = Buffer.alloc(300);
    const sent: number[] = [];
    const got: number[] = [];
    for (let step = 0; step < 60; step++) {
      const call = random.below(4);
      if (call < 2) {
        const isLent = random.below(3) > 0;
        const piece = isLent ? lent : Buffer.alloc(random.below(300));
        const bytes = random.below(piece.length + 1);
        random.fill(piece.subarray(0, bytes));
        sent.push(...piece.subarray(0, bytes));
        input.push(piece, bytes);
        if (isLent) {
          // Some of it is read at once, as a server does.
          if (random.below(2) === 0) got.push(...input.some(random.below(300)));
          input.keep();
          lent.fill(random.below(256));
        }
      } else if (call === 2) got.push(...input.some(random.below(300)));
      else got.push(...(input.take(random.below(400)) ?? []));
      expect(input.length).toBe(sent.length - got.length);
    }
    got.push(...input.take(input.length)!);
    expect(Buffer.from(got).equals(Buffer.from(sent))).toBe(true);
  }
});

test('connections that send in any pieces, and read when they will, do not see each other', async () => {
  const pages = 512;
  const device = engine.createZram({ disksize: pages * 4096 });
  const { server } = await listen(device);
  const sockets: Socket[] = [];
  server.on('connection', (socket: Socket) => sockets.push(socket));
  const clients = [await Client.to(server), await Client.to(server), await Client.to(server)];
  for (const client of clients) await client.go();
  // What this test is about: nothing comes as an event.
  expect(sockets.map((socket) => socket.listenerCount('data'))).toEqual([0, 0, 0]);

  /** Each has every third page, writes them, and reads each as it wrote it. */
  const work = async (client: Client, which: number): Promise<void> => {
    const mine = Array.from({ length: pages / 3 }, (_, n) => 3 * n + which);
    const contents = mine.map(() => random.fill(Buffer.alloc(4096)));
    const requests = mine.flatMap((page, n) => [
      requestBytes({ type: WRITE, cookie: 2 * n, offset: page * 4096, payload: contents[n] }),
      requestBytes({ type: READ, cookie: 2 * n + 1, offset: page * 4096, length: 4096 }),
      // Long ones fill what a connection may have on its way, so that the rest waits where it came.
      ...(n % 10 === 0 ? [requestBytes({ type: READ, cookie: 7777, length: pages * 4096 })] : []),
    ]);
    client.socket.pause();
    const all = Buffer.concat(requests);
    for (let at = 0; at < all.length;) {
      const bytes = random.below(4) === 0 ? random.below(100) + 1 : random.below(100_000) + 1;
      client.send(all.subarray(at, at + bytes));
      at += bytes;
      await new Promise(setImmediate);
    }
    client.socket.resume();
    for (const [n, page] of mine.entries()) {
      expect(await client.reply()).toMatchObject({ cookie: BigInt(2 * n), errno: 0 });
      const { cookie, data } = await client.reply();
      expect(cookie).toBe(BigInt(2 * n + 1));
      expect(data[0].offset).toBe(page * 4096);
      expect(data[0].bytes.equals(contents[n])).toBe(true);
      if (n % 10 === 0) expect((await client.reply()).cookie).toBe(7777n);
    }
  };
  await Promise.all(clients.map(work));
  for (const client of clients) client.end();
  device.destroy();
});

test.each([
  ['no handle', {}],
  ['a handle without the call', { _handle: {} }],
  ['no fields', { _handle: { useUserBuffer: () => undefined } }],
  [
    'a call without code',
    {
      _handle: {
        useUserBuffer: () => {
          throw new Error('not implemented');
        },
      },
      ...Object.fromEntries(['kBuffer', 'kBufferCb', 'kBufferGen'].map((name) => [Symbol(name), null])),
    },
  ],
])('a stream with %s sends its pieces as events', async (_, properties) => {
  const stream = Object.assign(new PassThrough(), properties);
  const pieces: string[] = [];
  new Receiving().from(stream, (piece, bytes, lent) => pieces.push(`${piece.toString('latin1', 0, bytes)} ${lent}`));
  stream.end('abc');
  await new Promise((resolve) => stream.once('end', resolve));
  expect(pieces).toEqual(['abc false']);
});
