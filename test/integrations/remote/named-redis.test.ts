/** Names on a real server: what the tier of Redis and forks are to each other. */
import { beforeAll, expect, test } from '@jest/globals';
import { Engine } from '../../../bindings/index.js';
import { openNamed, redisTier, renewNamed, saveNamed } from '../../../integrations/remote.js';
import { describeWithTool } from '../../support/describe-with-tool.js';
import { PAGE_SIZE, sameBytes } from '../../support/pages.js';
import { programPages } from '../../support/real-pages.js';
import { LIBRARIES } from './clients.js';
import { redisIsThere, servers, type RedisServer } from './redis-server.js';

const PAGES = 2000;

describeWithTool('redis-server', 'names on Redis', redisIsThere, () => {
  const { start } = servers();
  let server: RedisServer;
  beforeAll(async () => {
    server = await start();
  });

  test.each(LIBRARIES)('$name: a device is saved, forked twice, renewed, and loses a value', async (library) => {
    const clients = await Promise.all([1, 2, 3].map(() => library.connect(server.socket)));
    const [first, second, third] = clients.map(({ client }) =>
      redisTier(client, { prefix: `${library.name}:`, leaseMilliseconds: 60_000 }),
    );
    const engine = Engine.createSync();
    const zram = engine.createZram({ disksize: PAGES * PAGE_SIZE });
    zram.writePages(0, programPages(5, PAGES).pages);
    const { sent } = await saveNamed(first, 'base', zram);
    // Another machine with the same pages sends nothing.
    expect((await saveNamed(second, 'same', zram)).sent).toBe(0);
    for (const [n, tier] of [second, third].entries()) {
      const fork = await openNamed(tier, 'base', { device: engine.createZram() });
      await fork.writeAsync(700 * PAGE_SIZE + 10, new Uint8Array(100).fill(n + 1));
      expect((await fork.save(`fork ${n}`)).sent).toBe(3);
    }
    for (const n of [0, 1]) {
      const fork = await openNamed(first, `fork ${n}`, { device: engine.createZram() });
      zram.write(700 * PAGE_SIZE + 10, new Uint8Array(100).fill(n + 1));
      expect(sameBytes(await fork.readPagesAsync(0, PAGES), zram.readPages(0, PAGES))).toBe(true);
    }
    const report = await renewNamed(third, ['base', 'fork 0', 'fork 1']);
    expect(report.lost).toEqual([]);
    expect(report.values).toBeGreaterThanOrEqual(3 * (sent - 20));
    // The server loses all but the names.
    server.cli('eval', "for _, key in ipairs(redis.call('keys', '*')) do if #key == 16 + tonumber(ARGV[1]) then redis.call('del', key) end end", '0', String(library.name.length + 1)); // prettier-ignore
    const fork = await openNamed(second, 'base', { device: engine.createZram() });
    await expect(fork.readPagesAsync(3, 10)).rejects.toMatchObject({ code: 'EIO', message: expect.stringContaining('page 3 ') }); // prettier-ignore
    for (const { close } of clients) close();
    engine.destroy();
  });
});
