/** The tier on a single server, by each of the client libraries. */
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';

import { keyOf, redisTier, type RedisTier } from '../../../integrations/remote.js';
import { describeWithTool } from '../../support/describe-with-tool.js';
import { Random, seedOfRun } from '../../support/random.js';
import { LIBRARIES, type Connected } from './clients.js';
import { objectsOf } from './objects.js';
import { redisIsThere, servers, type RedisServer } from './redis-server.js';

const seed = seedOfRun();

describeWithTool('redis-server', 'the tier on Redis', redisIsThere, () => {
  const { start } = servers();
  let server: RedisServer;
  beforeAll(async () => {
    server = await start();
  });

  describe.each(LIBRARIES)('$name', (library) => {
    let connected: Connected;
    let tier: RedisTier;
    beforeAll(async () => {
      connected = await library.connect(server.socket);
      tier = redisTier(connected.client, { prefix: `${library.name}:`, leaseMilliseconds: 60_000 });
    });
    afterAll(() => connected.close());

    test(`what was put is there, byte by byte, with a lease (seed ${seed})`, async () => {
      const values = objectsOf(new Random(seed, library.name), 1000);
      const keys = values.map(keyOf);
      expect(await tier.hasMany(keys.slice(0, 3))).toEqual([false, false, false]);
      expect(await tier.putMany(keys, values)).toEqual(keys.map(() => undefined));
      const got = await tier.getMany(keys);
      expect(got.every((value, i) => Buffer.compare(value as Uint8Array, values[i]) === 0)).toBe(true);
      expect(await tier.hasMany(keys)).toEqual(keys.map(() => true));
      expect(await tier.touchMany(keys)).toEqual(keys.map(() => true));
      const distinct = new Set(keys.map((key) => Buffer.from(key).toString('hex'))).size;
      const leases = server.cli('--scan', '--pattern', `${library.name}:*`).split('\n').length;
      expect(leases).toBeGreaterThanOrEqual(distinct);
      expect(server.cli('info', 'keyspace')).toMatch(/keys=(\d+),expires=\1/);
    });

    test('what is absent is undefined, false, and false', async () => {
      const keys = [keyOf(new Uint8Array([1, 2, 3])), keyOf(new Uint8Array(5000))];
      await tier.putMany([keys[0]], [new Uint8Array([1, 2, 3])]);
      expect(await tier.getMany([...keys].reverse())).toEqual([undefined, Buffer.from([1, 2, 3])]);
      expect(await tier.hasMany(keys)).toEqual([true, false]);
      expect(await tier.touchMany(keys)).toEqual([true, false]);
      expect(await tier.getMany([])).toEqual([]);
      expect(await tier.putMany([], [])).toEqual([]);
    });

    test('named values', async () => {
      const value = new Uint8Array([0, 255, 13, 10]);
      expect(await tier.getNamed('é')).toBeUndefined();
      await tier.putNamed('é', new Uint8Array(3));
      await tier.putNamed('é', value);
      expect(new Uint8Array((await tier.getNamed('é'))!)).toEqual(value);
      await tier.removeNamed('é');
      await tier.removeNamed('é');
      expect(await tier.getNamed('é')).toBeUndefined();
    });

    test('a signal ends a call', async () => {
      const key = keyOf(new Uint8Array(1));
      await expect(tier.getMany([key], { signal: AbortSignal.abort('no') })).rejects.toMatchObject({
        code: 'ECANCELED',
      });
      server.signal('SIGSTOP');
      const call = tier.getMany([key], { signal: AbortSignal.timeout(50) });
      await expect(call).rejects.toMatchObject({ code: 'ECANCELED' });
      server.signal('SIGCONT');
    });
  });
});
