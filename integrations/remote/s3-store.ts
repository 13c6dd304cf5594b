/** S3 and what speaks its protocol as an object store, through the client of the AWS SDK that the caller has. */
import { ZramError } from '../../bindings/base/errors.js';
import type { ByteRange, ListedObject, ObjectStore, ObjectStoreOptions } from './object-store.js';

/** The calls of the class `S3` of `@aws-sdk/client-s3` that are used. */
export interface S3Like {
  /** Reads an object or, with `Range`, a part of it. */
  getObject(input: S3Input & { Range?: string }, options?: S3CallOptions): Promise<S3Object>;
  /** Writes an object. */
  putObject(input: S3Input & { Body: Uint8Array }, options?: S3CallOptions): Promise<unknown>;
  /** Lists objects, up to a thousand with each call. */
  listObjectsV2(input: S3ListInput, options?: S3CallOptions): Promise<S3List>;
  /** Deletes an object. */
  deleteObject(input: S3Input): Promise<unknown>;
}

/** Names an object. */
export interface S3Input {
  /** The bucket. */
  Bucket: string;
  /** The object in it. */
  Key: string;
}

/** What is to be listed. */
export interface S3ListInput {
  /** The bucket. */
  Bucket: string;
  /** What keys begin with. */
  Prefix: string;
  /** Where the list before ended. */
  ContinuationToken?: string;
}

/** Options of a call. */
export interface S3CallOptions {
  /** Its abort ends the request. */
  readonly abortSignal?: AbortSignal;
}

/** An object that is read. */
export interface S3Object {
  /** The stream of its bytes. */
  Body?: S3Body | undefined;
}

/** The stream of an object's bytes. */
export interface S3Body {
  /** The bytes, when all have come. */
  transformToByteArray(): Promise<Uint8Array>;
}

/** A part of a list. */
export interface S3List {
  /** The objects. */
  Contents?: S3Listed[] | undefined;
  /** Where the next part begins. */
  NextContinuationToken?: string | undefined;
  /** There is a next part. */
  IsTruncated?: boolean | undefined;
}

/** An object in a list. */
export interface S3Listed {
  /** Its key. */
  Key?: string | undefined;
  /** Bytes. */
  Size?: number | undefined;
}

/** Where in S3 a store is. */
export interface S3StoreOptions {
  /** The bucket, which must be there. */
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
    let from: Pick<S3ListInput, 'ContinuationToken'> = {};
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

  #at(key: string): S3Input {
    return { Bucket: this.bucket, Key: this.prefix + key };
  }
}

function sent(options: ObjectStoreOptions | undefined): S3CallOptions {
  return options?.signal === undefined ? {} : { abortSignal: options.signal };
}

/** A bucket that is missing is an error. */
function isMissing(error: unknown): boolean {
  const { name } = (error ?? {}) as { name?: unknown };
  return name === 'NoSuchKey' || name === 'NotFound';
}
