/** Which client it is, by what it has. */
import { ZramError } from '../../../bindings/base/errors.js';
import { ioredisClusterLink, ioredisLink, type IoredisClient } from './ioredis.js';
import type { Link } from './link.js';
import { nodeRedisClusterLink, nodeRedisLink, type NodeRedisClient, type NodeRedisCluster } from './node-redis.js';

/** What a `Redis` or `Cluster` of ioredis or iovalkey is known by. */
export interface IoredisLike {
  /** Whether it is connected. */
  readonly status: string;
  /** Sends a command whose reply is bytes. */
  callBuffer: (...args: never[]) => unknown;
  /** Commands that are sent together. */
  pipeline: (...args: never[]) => unknown;
}

/** What a client or cluster of node-redis is known by. */
export interface NodeRedisLike {
  /** Whether `connect` was called. */
  readonly isOpen: boolean;
  /** Sends a command. */
  sendCommand: (...args: never[]) => unknown;
}

/** A client of Redis or Valkey: a `Redis` or `Cluster` of ioredis or iovalkey, a client or cluster of node-redis. */
export type RedisClient = IoredisLike | NodeRedisLike;

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
