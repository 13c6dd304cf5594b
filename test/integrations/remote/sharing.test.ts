/** Two machines with half of their pages in common. */
import { expect, test } from '@jest/globals';

import { createRemoteBacking, redisTier } from '../../../integrations/remote.js';
import { describeWithTool } from '../../support/describe-with-tool.js';
import { Random, seedOfRun } from '../../support/random.js';
import { LIBRARIES } from './clients.js';
import { deviceOn, pagesOf } from './devices.js';
import { redisIsThere, servers } from './redis-server.js';

const seed = seedOfRun();
const PAGES = 1000;

describeWithTool('redis-server', 'devices that share a tier', redisIsThere, () => {
  const { start } = servers();

  test.each(LIBRARIES)(
    `$name: a page that both have is stored once, and not sent twice (seed ${seed})`,
    async ({ connect }) => {
      const server = await start();
      const random = new Random(seed, 'sharing');
      const common = pagesOf(random, PAGES / 2);
      const devices = [];
      const received: number[] = [];
      const bytes = (): number => Number(/total_net_input_bytes:(\d+)/.exec(server.cli('info', 'stats'))![1]);
      for (let n = 0; n < 2; n++) {
        const { client, close } = await connect(server.socket);
        const pages = Buffer.concat([common, pagesOf(random, PAGES / 2)]);
        const before = bytes();
        const device = deviceOn(client, pages);
        expect(await device.writeBack()).toBe(PAGES);
        received.push(bytes() - before);
        devices.push({ device, close });
      }
      expect(server.keys).toBe((PAGES * 3) / 2);
      // Of the common half only keys were sent; a key with all about it is less than a tenth of a page's object.
      expect(received[1] / received[0]).toBeLessThan(0.56);
      for (const { device } of devices) expect(await device.damaged()).toEqual(new Map());
      // One machine ends; what the other needs stays.
      devices[0].device.destroy();
      expect(await devices[1].device.backing.renew()).toEqual([]);
      devices[1].device.destroy();
      for (const { close } of devices) close();
      await server.kill();
    },
  );

  test('what nobody renews ends, and is then lost by name', async () => {
    const server = await start();
    const { client, close } = await LIBRARIES[0].connect(server.socket);
    const tier = redisTier(client, { leaseMilliseconds: 4000 });
    const [kept, left] = [3, 4].map((slots) => createRemoteBacking(tier, { slots, renewEvery: 0 }));
    await kept.writeMany([0, 1], [new Uint8Array(10), new Uint8Array(20)]);
    await left.writeMany([0, 1], [new Uint8Array(20), new Uint8Array(30)]);
    const until = performance.now() + 4500;
    while (performance.now() < until) {
      expect(await kept.renew()).toEqual([]);
      await new Promise((resolve) => setTimeout(resolve, 300));
    }
    expect(server.keys).toBe(2);
    expect(await left.renew()).toEqual([1]);
    expect(left.lost).toEqual(new Set([1]));
    close();
    await server.kill();
  });
});
