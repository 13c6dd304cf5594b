/** Exports of a part of their device, and what a server knows of the clients of each. */
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';

import { expect, test } from '@jest/globals';

import { Engine } from '../../../bindings/index.js';
import { createServer } from '../../../integrations/nbd.js';
import { Command } from '../../../integrations/nbd/protocol.js';
import { Client } from './client.js';
import { listening } from './listening.js';

const context = listening();
const engine = Engine.createSync();

test.each([0, 1, 511, 4095, 4097, 10_000, 12_288, 20_000])('an export of %i bytes of 12288', async (size) => {
  const bytes = randomBytes(12_288);
  const device = engine.createZram({ disksize: 12_288 });
  device.write(0, bytes);
  const { server } = await context.listen(new Map([['a', { device, size }]]));
  const end = Math.min(size, 12_288);
  const client = await Client.to(server);
  expect(await client.go('a')).toMatchObject({ size: end });
  if (end > 0) {
    const { data } = await client.request({ type: Command.READ, offset: 0, length: end });
    expect(Buffer.concat(data.map(({ bytes }) => bytes)).equals(bytes.subarray(0, end))).toBe(true);
    const { status } = await client.request({ type: Command.BLOCK_STATUS, offset: 0, length: end });
    expect(status.reduce((sum, [length]) => sum + length, 0)).toBe(end);
  }
  expect((await client.request({ type: Command.READ, offset: 0, length: end + 1 })).errno).toBe(22);
  const payload = Buffer.from('x');
  expect((await client.request({ type: Command.WRITE, offset: end, payload })).errno).toBe(28);
  expect((await client.request({ type: Command.WRITE_ZEROES, offset: end, length: 1 })).errno).toBe(28);
  expect((await client.request({ type: Command.TRIM, offset: 0, length: end })).errno).toBe(0);
  // What lies behind the export is as it was.
  expect(Buffer.from(device.read(end, 12_288 - end)).equals(bytes.subarray(end))).toBe(true);
  client.end();
});

test.each([-1, 0.5, NaN, 2 ** 53, '4096'])('a size of %p is refused', (size) => {
  const device = engine.createZram({ disksize: 4096 });
  expect(() => createServer(new Map([['a', { device, size: size as number }]]))).toThrow(
    'EINVAL: the size of an export must be a whole number of bytes.',
  );
});

test('clients are counted by their export, and ended by it', async () => {
  const [a, b] = [engine.createZram({ disksize: 4096 }), engine.createZram({ disksize: 4096 })];
  const { server } = await context.listen(
    new Map([
      ['a', a],
      ['b', b],
    ]),
  );
  const clients = [await Client.to(server), await Client.to(server), await Client.to(server)];
  expect([server.connectionsOf('a'), server.connectionsOf('b')]).toEqual([0, 0]);
  await clients[0].go('a');
  await clients[1].go('a');
  await clients[2].go('b');
  expect([server.connectionsOf('a'), server.connectionsOf('b'), server.connectionsOf('')]).toEqual([2, 1, 0]);
  server.closeConnectionsOf('a');
  expect(await clients[0].readToEnd()).toBe(0);
  expect(server.connectionsOf('a')).toBe(0);
  expect((await clients[2].request({ type: Command.FLUSH })).errno).toBe(0);
  clients[2].socket.end();
  await once(clients[2].socket, 'close');
  expect(server.connectionsOf('b')).toBe(0);
});
