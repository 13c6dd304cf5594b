/** Devices whose server ends, is empty, slow, full, may evict, or loses its connections: no page is wrong, and the device works on. */
import { afterEach, describe, expect, test } from '@jest/globals';
import { setTimeout as pause } from 'node:timers/promises';

import { redisTier, keyOf, type RedisClient } from '../../../integrations/remote.js';
import { describeWithTool } from '../../support/describe-with-tool.js';
import { rejectionOf } from '../../support/errors.js';
import { Random, seedOfRun } from '../../support/random.js';
import { ADAPTERS, type Library } from './clients.js';
import { deviceOn, pagesOf, type Device } from './devices.js';
import { Proxy } from './proxy.js';
import { redisIsThere, servers, type RedisServer } from './redis-server.js';

const seed = seedOfRun();
const PAGES = 450;
const TIMEOUT = 400;

describeWithTool('redis-server', 'remote devices and what befalls a server', redisIsThere, () => {
  const { start } = servers();
  const closing: (() => unknown)[] = [];
  afterEach(async () => {
    for (const close of closing.splice(0).reverse()) await close();
  });
  const server = async (...settings: string[]): Promise<RedisServer> => {
    const one = await start(settings);
    closing.push(() => one.kill());
    return one;
  };
  const connect = async (library: Library, to: string): Promise<RedisClient> => {
    const { client, close } = await library.connect(to);
    closing.push(close);
    return client;
  };
  const device = (client: RedisClient, options: Parameters<typeof deviceOn>[2] = {}): Device => {
    const one = deviceOn(client, pagesOf(new Random(seed, 'failures'), PAGES), { timeout: TIMEOUT, ...options });
    closing.push(() => one.destroy());
    return one;
  };
  /** Until a call works again. */
  const reconnected = async (client: RedisClient): Promise<void> => {
    for (let tries = 0; tries < 200; tries++) {
      if (
        await redisTier(client, { timeout: 200 })
          .hasMany([keyOf(new Uint8Array(1))])
          .then(
            ([there]) => there === false,
            () => false,
          )
      )
        return;
      await pause(20);
    }
    throw new Error('The client does not come back.');
  };

  describe.each(ADAPTERS)('$name', (library) => {
    test(`a server that is killed fails a batch in one timeout, not one a page; one that is empty then has its lost pages named (seed ${seed})`, async () => {
      const redis = await server();
      const client = await connect(library, redis.socket);
      const lost: number[] = [];
      const { zram, backing, writeBack, damaged, count, pages } = device(client, {
        onLost: (slots) => lost.push(...slots),
      });
      await zram.writebackAsync({ pageIndexes: [[0, 299]] });
      await redis.kill();
      const before = performance.now();
      const slots = Array.from({ length: 200 }, (_, n) => n);
      const errors = await backing
        .readMany(
          slots,
          slots.map(() => new Uint8Array(4096)),
        )
        .catch((error: unknown) => [error]);
      expect(errors.every((error) => error instanceof Error)).toBe(true);
      // 200 pages that each wait for themselves would take 80 s.
      expect(performance.now() - before).toBeLessThan(20 * TIMEOUT);
      const failures = await damaged();
      expect([...failures.keys()]).toEqual(slots.concat(Array.from({ length: 100 }, (_, n) => 200 + n)));
      expect(await rejectionOf(() => writeBack())).toMatchObject({ code: 'EIO', pagesDone: 0 });
      await redis.start();
      await reconnected(client);
      const gone = await backing.renew();
      expect(gone).toHaveLength(300);
      expect([...lost].sort((a, b) => a - b)).toEqual([...gone].sort((a, b) => a - b));
      const named = await damaged();
      expect([...named.keys()]).toEqual(Array.from({ length: 300 }, (_, n) => n));
      for (const [index, message] of named)
        expect(message).toMatch(new RegExp(`page ${index}: .*slot \\d+ of redis is gone`));
      // What is still here can be written back; pages that were lost can be written anew.
      await zram.writebackAsync({ pageIndexes: [[300, count - 1]] });
      for (let n = 0; n < 300; n++) zram.writePage(n, pages.subarray(n * 4096, (n + 1) * 4096));
      expect([...(await damaged()).keys()]).toEqual([]);
    });

    test('a server that hangs fails a batch in one timeout, is sent nothing more, and serves again when it goes on', async () => {
      const redis = await server();
      const client = await connect(library, redis.socket);
      const { backing, writeBack, damaged } = device(client);
      expect(await writeBack()).toBe(PAGES);
      redis.signal('SIGSTOP');
      const slots = Array.from({ length: PAGES }, (_, n) => n);
      const pages = slots.map(() => new Uint8Array(4096));
      const before = performance.now();
      const failed = await backing.readMany(slots, pages);
      expect(
        failed.every((error) => /not answered within/.test(error!.message) || /length|bytes/.test(error!.message)),
      ).toBe(true);
      const next = performance.now();
      expect(next - before).toBeLessThan(20 * TIMEOUT);
      const refused = await backing.readMany(slots, pages);
      expect(refused.every((error) => /not answered an earlier batch/.test(error!.message))).toBe(true);
      redis.signal('SIGCONT');
      await reconnected(client);
      expect(await damaged()).toEqual(new Map());
    });

    test.each([1, 20])('no part of a transaction of %i values is sent again', async (count) => {
      const redis = await server();
      const path = `${redis.socket}.part`;
      const proxy = await Proxy.listen(path, redis.socket);
      closing.push(() => proxy.close());
      const tier = redisTier(await connect(library, path));
      await tier.check();
      const values = Array.from({ length: count }, (_, n) => Uint8Array.of(n, count));
      // That all are absent is answered, and the first command of the transaction, and no other.
      const absent = `*${count}\r\n${values.map((_, n) => `:${n + 1}\r\n`).join('')}`;
      proxy.answersLeft = `${absent}+OK\r\n`.length;
      expect(await tier.putMany(values.map(keyOf), values)).toEqual(values.map(() => undefined));
      expect(proxy.cuts).toBe(1);
      expect(redis.cli('info', 'commandstats')).toMatch(/cmdstat_exec:.*failed_calls=0/);
    });

    test('connections that are cut anywhere lose no page', async () => {
      const redis = await server();
      const path = `${redis.socket}.cut`;
      const proxy = await Proxy.listen(path, redis.socket);
      closing.push(() => proxy.close());
      const client = await connect(library, path);
      const { zram, writeBack, damaged } = device(client, { timeout: 5000 });
      const random = new Random(seed, 'cuts');
      for (let from = 0; from < PAGES; from += 50) {
        proxy.bytesLeft = 1 + random.below(60_000);
        const pageIndexes = [[from, from + 49]] as const;
        await zram
          .writebackAsync({ pageIndexes })
          .catch((error: unknown) => expect(error).toMatchObject({ code: 'EIO' }));
      }
      expect(proxy.cuts).toBeGreaterThan(2);
      proxy.bytesLeft = Infinity;
      expect(await writeBack()).toBe(PAGES);
      for (let rounds = 0; rounds < 3; rounds++) {
        proxy.bytesLeft = 1 + random.below(10_000);
        expect(await damaged()).toEqual(new Map());
      }
      // Nothing is without a lease.
      expect(redis.cli('info', 'keyspace')).toMatch(/keys=(\d+),expires=\1/);
    });

    test('a server that is full says so, keeps what it has, and the device goes on', async () => {
      const redis = await server('--maxmemory', '1800kb', '--maxmemory-policy', 'noeviction');
      const client = await connect(library, redis.socket);
      const one = device(client);
      expect(await rejectionOf(() => one.writeBack())).toMatchObject({ code: expect.stringMatching(/ENOSPC|EIO/) });
      const there = one.zram.bdStat.bdCount;
      expect(there).toBeGreaterThan(0);
      expect(there).toBeLessThan(PAGES);
      expect(await one.damaged()).toEqual(new Map());
      expect(await one.backing.renew()).toEqual([]);
      // What it has needs no room: the same pages of another machine.
      const slots = Array.from({ length: there }, (_, n) => n);
      const values = slots.map((n) => new Uint8Array(2000).fill(n));
      const errors = await redisTier(client).putMany(values.map(keyOf), values);
      expect(errors.some((error) => (error as { code?: string } | undefined)?.code === 'ENOSPC')).toBe(true);
      redis.cli('config', 'set', 'maxmemory', '0');
      expect(await one.writeBack()).toBe(PAGES);
      expect(await one.damaged()).toEqual(new Map());
    });

    test('a server that may evict is refused before anything is stored', async () => {
      const redis = await server('--maxmemory', '100mb', '--maxmemory-policy', 'allkeys-lru');
      const client = await connect(library, redis.socket);
      const tier = redisTier(client, { name: 'cold' });
      await expect(tier.check()).rejects.toMatchObject({
        code: 'EINVAL',
        message: 'EINVAL: cold may evict pages when it is full (maxmemory-policy allkeys-lru): set it to noeviction.',
      });
      await expect(tier.putMany([keyOf(new Uint8Array(1))], [new Uint8Array(1)])).rejects.toMatchObject({
        code: 'EINVAL',
      });
      expect(redis.keys).toBe(0);
      redis.cli('config', 'set', 'maxmemory-policy', 'noeviction');
      await tier.check();
    });
  });
});
