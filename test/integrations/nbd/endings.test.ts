/** Clients that go on when it is over, or end while they still wait; and what others notice of clients that ask for much. */
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';

import { expect, test } from '@jest/globals';

import { Engine } from '../../../bindings/index.js';
import { Command, Option, OptionReply } from '../../../integrations/nbd/protocol.js';
import { Client, optionBytes, requestBytes, u32 } from './client.js';
import { listening } from './listening.js';

const { listen } = listening();
const MIB = 2 ** 20;
const engine = Engine.createSync();
const { READ, TRIM, FLUSH, DISC, BLOCK_STATUS, WRITE_ZEROES } = Command;

test('a client that has sent all it will gets the replies to all of it, however late it reads', async () => {
  const zram = engine.createZram({ disksize: '8M' });
  const content = randomBytes(8 * MIB);
  zram.writePages(0, content);
  const { server } = await listen(zram);
  const client = await Client.to(server);
  await client.go();
  client.socket.pause();
  for (let n = 0; n < 8; n++) client.send(requestBytes({ type: READ, length: 8 * MIB, cookie: n }));
  client.socket.end();
  await new Promise((resolve) => setTimeout(resolve, 50));
  client.socket.resume();
  for (let n = 0; n < 8; n++) {
    const { cookie, data } = await client.reply();
    expect(cookie).toBe(BigInt(n));
    expect(Buffer.concat(data.map(({ bytes }) => bytes)).equals(content)).toBe(true);
  }
  expect(await client.readToEnd()).toBe(0);
});

test('who goes on sending after the end is cut off, and costs no memory', async () => {
  const { server } = await listen(engine.createZram({ disksize: '1M' }));
  const client = await Client.to(server, { allowHalfOpen: true });
  await client.go();
  client.send(requestBytes({ type: DISC }));
  await once(client.socket, 'end');
  const before = process.memoryUsage().arrayBuffers;
  const more = Buffer.alloc(MIB);
  for (let n = 0; n < 100 && !client.socket.destroyed; n++)
    await new Promise((resolve) => client.socket.write(more, resolve));
  expect(client.socket.destroyed).toBe(true);
  expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(16 * MIB);
});

test('a list of more names than there is room for comes whole to a client that reads later', async () => {
  const zram = engine.createZram({ disksize: '1M' });
  const names = Array.from({ length: 2000 }, (_, n) => `${n} ${'x'.repeat(1500)}`);
  const exports = new Map(names.map((name) => [name, zram]));
  const { server } = await listen(exports);
  exports.set('x'.repeat(5000), zram); // which no client can ask for
  const client = await Client.to(server);
  client.socket.pause();
  client.send(u32(3), optionBytes(Option.LIST), optionBytes(Option.LIST));
  await new Promise((resolve) => setTimeout(resolve, 50));
  client.socket.resume();
  for (const _ of [1, 2]) {
    for (const name of names) expect((await client.answer()).data.toString('utf8', 4)).toBe(name);
    expect((await client.answer()).type).toBe(OptionReply.ACK);
  }
});

test.each([
  ['extents, of which one is wanted', 2000, BLOCK_STATUS, 1 << 3],
  ['zeros', 100, WRITE_ZEROES, 0],
  ['trimming', 100, TRIM, 0],
])('requests that come in one piece let others have their turn: %s', async (_, count, type, flags) => {
  const zram = engine.createZram({ disksize: '4G' });
  const page = Buffer.alloc(4096, 1);
  for (let n = 0; n < 4000; n += 2) zram.writePage(n, page);
  const { server } = await listen(zram);
  const [greedy, other] = [await Client.to(server), await Client.to(server)];
  await greedy.go();
  await other.go();
  const request = requestBytes({ type, flags, length: 2 ** 32 - 4096 });
  greedy.send(Buffer.concat(Array.from({ length: count }, () => request)));
  let answered = 0;
  const all = (async () => {
    for (; answered < count; answered++) expect((await greedy.reply()).errno).toBe(0);
  })();
  await new Promise(setImmediate);
  expect((await other.request({ type: FLUSH })).errno).toBe(0);
  expect(answered).toBeLessThan(count);
  await all;
  zram.destroy();
});
