/** Which client it is, by what it has. */
import { ZramError } from '../../../bindings/base/errors.js';
import { ioredisClusterLink, ioredisLink, type IoredisClient } from './ioredis.js';
import type { Link } from './link.js';
import { nodeRedisClusterLink, nodeRedisLink, type NodeRedisClient, type NodeRedisCluster } from './node-redis.js';

/** A client of Redis or Valkey: a `Redis` or `Cluster` of ioredis or iovalkey, a client or cluster of node-redis. */
export type RedisClient =
  | { readonly status: string; callBuffer: (...args: never[]) => unknown; pipeline: (...args: never[]) => unknown }
  | { readonly isOpen: boolean; sendCommand: (...args: never[]) => unknown };

const isFunction = (value: unknown): boolean => typeof value === 'function';

/** @throws ZramError EINVAL: none of those that are known */
export function linkOf(client: unknown): Link {
  const has = (client ?? {}) as Partial<Record<string, unknown>>;
  if (isFunction(has.callBuffer) && isFunction(has.pipeline)) {
    return has.isCluster === true ? ioredisClusterLink(client as IoredisClient) : ioredisLink(client as IoredisClient);
  }
  if (isFunction(has.sendCommand)) {
    if (isFunction(has.nodeClient)) return nodeRedisClusterLink(client as NodeRedisCluster);
    if (isFunction(has.multi) && 'isReady' in has) return nodeRedisLink(client as NodeRedisClient);
  }
  throw new ZramError(
    'EINVAL',
    'client must be a Redis or Cluster of ioredis or iovalkey, or what createClient or createCluster of redis made.',
  );
}
