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
export { fileStore } from './remote/file-store.js';
export type { RemoteFork } from './remote/fork.js';
export {
  liveKeys,
  openNamed,
  dropNamed,
  renewNamed,
  saveNamed,
  type OpenNamedOptions,
  type RenewReport,
  type SaveNamedOptions,
} from './remote/named.js';
export type { ByteRange, ListedObject, ObjectStore, ObjectStoreOptions } from './remote/object-store.js';
export type { SaveNamedReport } from './remote/page-saver.js';
export {
  s3Store,
  type S3Body,
  type S3CallOptions,
  type S3Input,
  type S3Like,
  type S3List,
  type S3Listed,
  type S3ListInput,
  type S3Object,
  type S3StoreOptions,
} from './remote/s3-store.js';
export type { CollectOptions, CollectReport } from './remote/segment-collect.js';
export { segmentTier, type SegmentStats, type SegmentTier, type SegmentTierOptions } from './remote/segments.js';
export { createRemoteBacking, RemoteBacking, type RemoteBackingOptions } from './remote/backing.js';
export type { IoredisLike, NodeRedisLike, RedisClient } from './remote/redis/clients.js';
export { redisTier, RedisTier, type RedisTierOptions } from './remote/redis/tier.js';
export { keyOf, type RemoteCallOptions, type RemoteTier } from './remote/tier.js';
