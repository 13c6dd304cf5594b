/** The client libraries, as their users make them. */
import { Cluster as IoredisCluster, Redis as Ioredis } from 'ioredis';
import { Cluster as IovalkeyCluster, Redis as Iovalkey } from 'iovalkey';
import { createClient, createCluster } from 'redis';

import type { RedisClient } from '../../../integrations/remote.js';

export interface Connected {
  readonly client: RedisClient;
  close(): void;
}

export interface Library {
  readonly name: string;
  /** To a unix socket or a port of loopback. */
  connect(to: string | number): Promise<Connected>;
  connectCluster(ports: readonly number[]): Promise<Connected>;
}

/** Errors of connections are events; who has no listener is ended by them. */
const quietly = <T extends { on(event: 'error', listener: () => void): unknown }>(client: T): T => {
  client.on('error', () => undefined);
  return client;
};

function redisLike(name: string, One: typeof Ioredis, Many: typeof IoredisCluster, given = {}): Library {
  const retryStrategy = (times: number): number => Math.min(times * 20, 200);
  const connected = (client: Ioredis | IoredisCluster): Connected => ({ client, close: () => client.disconnect() });
  return {
    name,
    connect: async (to) => {
      const options = { ...given, retryStrategy };
      return connected(quietly(typeof to === 'string' ? new One(to, options) : new One(to, options)));
    },
    connectCluster: async (ports) => {
      const nodes = ports.map((port) => ({ host: '127.0.0.1', port }));
      return connected(quietly(new Many(nodes, given)));
    },
  };
}

const nodeRedis: Library = {
  name: 'node-redis',
  connect: async (to) => {
    const reconnectStrategy = (retries: number): number => Math.min(retries * 20, 200);
    const place = typeof to === 'string' ? { path: to } : { host: '127.0.0.1', port: to };
    const client = quietly(createClient({ socket: { ...place, reconnectStrategy } as never }));
    await client.connect();
    return { client, close: () => client.destroy() };
  },
  connectCluster: async (ports) => {
    const cluster = quietly(createCluster({ rootNodes: ports.map((port) => ({ url: `redis://127.0.0.1:${port}` })) }));
    await cluster.connect();
    return { client: cluster, close: () => cluster.destroy() };
  },
};

export const LIBRARIES: readonly Library[] = [
  redisLike('ioredis', Ioredis, IoredisCluster),
  redisLike('ioredis that pipelines by itself', Ioredis, IoredisCluster, { enableAutoPipelining: true }),
  redisLike('iovalkey', Iovalkey as unknown as typeof Ioredis, IovalkeyCluster as unknown as typeof IoredisCluster),
  nodeRedis,
];

/** Those whose adapters differ: iovalkey is ioredis by another name. */
export const ADAPTERS =
  process.env.ZRAM_WASM_LONG === '1'
    ? LIBRARIES
    : LIBRARIES.filter(({ name }) => name === 'ioredis' || name === 'node-redis');
