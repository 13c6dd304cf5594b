/** The tier on a cluster of three masters with a replica each: pages of two devices, and a master that is killed and replaced. */
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';

import { keyOf, redisTier } from '../../../integrations/remote.js';
import { slotOf } from '../../../integrations/remote/redis/slots.js';
import { describeWithTool } from '../../support/describe-with-tool.js';
import { Random, seedOfRun } from '../../support/random.js';
import { ADAPTERS, LIBRARIES } from './clients.js';
import { deviceOn, pagesOf } from './devices.js';
import { objectsOf } from './objects.js';
import { redisIsThere, servers, type RedisServer } from './redis-server.js';

const seed = seedOfRun();
const PAGES = 400;
/** A failover takes a node-timeout of 1 s, a vote and a redirection; on a busy machine more. */
const FAILOVER_MILLISECONDS = 20_000;

const isMaster = (node: RedisServer): boolean => /role:master/.test(node.cli('info', 'replication'));

describeWithTool('redis-server', 'the tier on a cluster', redisIsThere, () => {
  const { cluster } = servers();
  let nodes: RedisServer[] = [];
  beforeAll(async () => {
    nodes = await cluster();
  }, 60_000);
  const ports = (): number[] => nodes.map(({ port }) => port);
  const closing: (() => void)[] = [];
  afterAll(() => {
    for (const close of closing) close();
  });
  const keys = (): number => nodes.filter(isMaster).reduce((sum, node) => sum + node.keys, 0);

  test(`slots of keys are the servers' (seed ${seed})`, () => {
    const random = new Random(seed, 'slots');
    const texts = [
      '123456789',
      '',
      '{a}b',
      '{}b',
      'x{y',
      'x}{y}',
      '{{z}}',
      ...Array.from({ length: 5 }, () => `{${random.below(99)}}k`),
    ];
    for (const text of texts)
      expect(`${text} ${slotOf(Buffer.from(text))}`).toBe(`${text} ${nodes[0].cli('cluster', 'keyslot', text)}`);
  });

  test.each(LIBRARIES)(
    `$name: values are on all masters, each once, with a lease (seed ${seed})`,
    async ({ name, connectCluster }) => {
      const { client, close } = await connectCluster(ports());
      closing.push(close);
      const tier = redisTier(client, { prefix: `${name}:`, timeout: 10_000 });
      const values = objectsOf(new Random(seed, name), 300);
      const all = values.map(keyOf);
      const before = keys();
      expect(await tier.hasMany(all)).toEqual(all.map(() => false));
      // Once asked for first, and once sent at once, when what is there must get its lease all the same.
      expect(await tier.putMany(all.slice(0, 150), values.slice(0, 150))).toEqual(
        all.slice(0, 150).map(() => undefined),
      );
      const fresh = objectsOf(new Random(seed, `${name} more`), 300);
      await tier.putMany(fresh.map(keyOf), fresh);
      expect(await tier.putMany(all, values)).toEqual(all.map(() => undefined));
      const got = await tier.getMany(all);
      got.forEach((value, i) => expect(Buffer.compare(value as Uint8Array, values[i])).toBe(0));
      expect(await tier.touchMany(all)).toEqual(all.map(() => true));
      const distinct = new Set([...all, ...fresh.map(keyOf)].map((key) => Buffer.from(key).toString('hex')));
      expect(keys() - before).toBe(distinct.size);
      for (const node of nodes.filter(isMaster)) expect(node.cli('info', 'keyspace')).toMatch(/keys=(\d+),expires=\1/);
      await tier.putNamed('table', new Uint8Array([1, 0, 255]));
      expect(new Uint8Array((await tier.getNamed('table'))!)).toEqual(new Uint8Array([1, 0, 255]));
      await tier.removeNamed('table');
    },
  );

  describe.each(ADAPTERS)('$name', ({ name, connectCluster }) => {
    test(`a master is killed in the middle of a writeback: no page is wrong, and those that are lost are named (seed ${seed})`, async () => {
      const { client, close } = await connectCluster(ports());
      closing.push(close);
      const pages = pagesOf(new Random(seed, `${name} failover`), PAGES);
      const device = deviceOn(client, pages, { prefix: `f${name}:`, timeout: FAILOVER_MILLISECONDS });
      await device.zram.writebackAsync({ pageIndexes: [[0, 199]] });
      // What replicas have is not lost with their masters; what is on its way to them may be.
      const masters = nodes.filter(isMaster);
      for (const master of masters) master.cli('wait', '1', '2000');
      const writing = device.writeBack().catch((error: unknown) => error);
      await masters[0].kill();
      await writing;
      const written = await device.writeBack().catch(() => device.zram.bdStat.bdCount);
      expect(written).toBeGreaterThan(199);
      const gone = await device.backing.renew();
      const damaged = await device.damaged();
      expect(damaged.size).toBe(gone.length);
      for (const [index, message] of damaged) {
        expect(index).toBeGreaterThan(199);
        expect(message).toMatch(/slot \d+ of redis is gone/);
      }
      device.destroy();
      await masters[0].start();
      for (let tries = 0; nodes.filter(isMaster).length !== 3 && tries < 400; tries++)
        await new Promise((resolve) => setTimeout(resolve, 50));
      // Until it follows its new master, the next test has no replica to take over.
      for (let tries = 0; !/link_status:up/.test(masters[0].cli('info', 'replication')) && tries < 400; tries++)
        await new Promise((resolve) => setTimeout(resolve, 50));
    }, 90_000);
  });
});
