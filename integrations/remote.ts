/**
 * Cold pages on other machines: a backing on a content-addressed store, compressed, shared by whoever has the same pages, and in
 * batches. The store is Redis or Valkey through the caller's own client, or whatever has the calls of {@link RemoteTier}.
 *
 * ```js
 * import Redis from 'ioredis';
 * import { Zram } from 'zram-wasm';
 * import { createRemoteBacking, redisTier } from 'zram-wasm/remote';
 *
 * const tier = redisTier(new Redis());
 * const zram = await Zram.create({ disksize: '1G', backing: createRemoteBacking(tier, { slots: 2 ** 18 }) });
 * ```
 * @module zram-wasm/remote
 */
export { createRemoteBacking, RemoteBacking, type RemoteBackingOptions } from './remote/backing.js';
export type { IoredisLike, NodeRedisLike, RedisClient } from './remote/redis/clients.js';
export { redisTier, RedisTier, type RedisTierOptions } from './remote/redis/tier.js';
export { keyOf, type RemoteCallOptions, type RemoteTier } from './remote/tier.js';
