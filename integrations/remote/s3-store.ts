/** S3 and what speaks its protocol as an object store, through the client of the AWS SDK that the caller has. */
import { ZramError } from '../../bindings/base/errors.js';
import type { ByteRange, ListedObject, ObjectStore, ObjectStoreOptions } from './object-store.js';

interface Sent {
  readonly abortSignal?: AbortSignal;
}

/** The calls of the class `S3` of `@aws-sdk/client-s3` that are used. */
export interface S3Like {
  getObject(
    input: { Bucket: string; Key: string; Range?: string },
    options?: Sent,
  ): Promise<{ Body?: { transformToByteArray(): Promise<Uint8Array> } | undefined }>;
  putObject(input: { Bucket: string; Key: string; Body: Uint8Array }, options?: Sent): Promise<unknown>;
  listObjectsV2(
    input: { Bucket: string; Prefix: string; ContinuationToken?: string },
    options?: Sent,
  ): Promise<{
    Contents?: { Key?: string | undefined; Size?: number | undefined }[] | undefined;
    NextContinuationToken?: string | undefined;
    IsTruncated?: boolean | undefined;
  }>;
  deleteObject(input: { Bucket: string; Key: string }): Promise<unknown>;
}

/** Where in S3 a store is. */
export interface S3StoreOptions {
  readonly bucket: string;
  /** What all its keys begin with, as `'zram/'`. Default: nothing. */
  readonly prefix?: string | undefined;
}

/**
 * A bucket, or a part of it, as an {@link ObjectStore}.
 *
 * ```js
 * import { S3 } from '@aws-sdk/client-s3';
 * const store = s3Store(new S3({ region: 'eu-central-1' }), { bucket: 'pages', prefix: 'zram/' });
 * ```
 * @param client an `S3`, which has a method for each command; an `S3Client` has not. Its retries, timeouts and credentials
 * hold
 * @throws ZramError EINVAL
 */
export function s3Store(client: S3Like, options: S3StoreOptions): ObjectStore {
  for (const name of ['getObject', 'putObject', 'listObjectsV2', 'deleteObject'] as const) {
    if (typeof client?.[name] === 'function') continue;
    throw new ZramError(
      'EINVAL',
      `s3Store needs an S3 of @aws-sdk/client-s3, not an S3Client: it has no method ${name}.`,
    );
  }
  const { bucket, prefix = '' } = options ?? {};
  if (typeof bucket !== 'string' || bucket === '' || typeof prefix !== 'string')
    throw new ZramError('EINVAL', 's3Store needs the name of a bucket, and the prefix must be a text.');
  return new S3Store(client, bucket, prefix);
}

class S3Store implements ObjectStore {
  readonly name: string;

  constructor(
    private readonly client: S3Like,
    private readonly bucket: string,
    private readonly prefix: string,
  ) {
    this.name = `s3://${bucket}/${prefix}`;
  }

  async get(key: string, range?: ByteRange, options?: ObjectStoreOptions): Promise<Uint8Array | undefined> {
    // Not from the end ('bytes=-24'): not all servers know that.
    const part = range === undefined ? {} : { Range: `bytes=${range.start}-${range.end - 1}` };
    try {
      const { Body } = await this.client.getObject({ ...this.#at(key), ...part }, sent(options));
      return await Body?.transformToByteArray();
    } catch (error) {
      if (isMissing(error)) return undefined;
      throw error;
    }
  }

  async put(key: string, bytes: Uint8Array, options?: ObjectStoreOptions): Promise<void> {
    await this.client.putObject({ ...this.#at(key), Body: bytes }, sent(options));
  }

  async list(prefix: string, options?: ObjectStoreOptions): Promise<readonly ListedObject[]> {
    const found: ListedObject[] = [];
    let from: { ContinuationToken?: string } = {};
    for (;;) {
      const input = { Bucket: this.bucket, Prefix: this.prefix + prefix, ...from };
      const answer = await this.client.listObjectsV2(input, sent(options));
      for (const { Key, Size } of answer.Contents ?? [])
        if (Key !== undefined && Size !== undefined) found.push({ key: Key.slice(this.prefix.length), size: Size });
      if (answer.IsTruncated !== true || answer.NextContinuationToken === undefined) return found;
      from = { ContinuationToken: answer.NextContinuationToken };
    }
  }

  async delete(key: string): Promise<void> {
    try {
      await this.client.deleteObject(this.#at(key));
    } catch (error) {
      if (!isMissing(error)) throw error; // S3 says that it worked, others that there was nothing
    }
  }

  #at(key: string): { Bucket: string; Key: string } {
    return { Bucket: this.bucket, Key: this.prefix + key };
  }
}

function sent(options: ObjectStoreOptions | undefined): Sent {
  return options?.signal === undefined ? {} : { abortSignal: options.signal };
}

/** A bucket that is missing is an error. */
function isMissing(error: unknown): boolean {
  const { name } = (error ?? {}) as { name?: unknown };
  return name === 'NoSuchKey' || name === 'NotFound';
}
