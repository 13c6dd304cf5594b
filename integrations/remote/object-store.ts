/**
 * An object store, as far as segments need one: whole objects that are written once, read in parts, listed and deleted. S3
 * and what resembles it is one (`s3Store`), a directory another (`fileStore`).
 *
 * What is expected of it: an object is there whole or not at all, and a `get` or `list` that begins after a `put` or
 * `delete` has returned knows of it. Amazon's S3 has promised that since 2020.
 */
import { checkMethods } from '../base/options.js';

/** Bytes of an object. */
export interface ByteRange {
  /** The first one. */
  readonly start: number;
  /** The one after the last. */
  readonly end: number;
}

/** An object in a list. */
export interface ListedObject {
  /** Its key. */
  readonly key: string;
  /** Bytes. */
  readonly size: number;
}

/** Options of the calls of an {@link ObjectStore}. */
export interface ObjectStoreOptions {
  /** Its abort may reject the call. */
  readonly signal?: AbortSignal | undefined;
}

/** An object store. Keys are texts of letters, digits and `-_.%/`, at most 300 long. */
export interface ObjectStore {
  /** For messages. */
  readonly name?: string;
  /** An object, or a part of it. `undefined`: there is no such object. */
  get(key: string, range?: ByteRange, options?: ObjectStoreOptions): Promise<Uint8Array | undefined>;
  /** Stores an object, in place of one that is there. */
  put(key: string, bytes: Uint8Array, options?: ObjectStoreOptions): Promise<void>;
  /** All objects whose key begins with this, in any order. */
  list(prefix: string, options?: ObjectStoreOptions): Promise<readonly ListedObject[]>;
  /** Deletes an object; nothing happens if it is not there. */
  delete(key: string): Promise<void>;
}

const METHODS = ['get', 'put', 'list', 'delete'] as const;

/** @throws ZramError EINVAL */
export function checkObjectStore(store: ObjectStore): void {
  checkMethods(store, 'an object store', METHODS);
}
