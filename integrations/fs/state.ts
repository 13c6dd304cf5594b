/** What all calls of a PageFs reach: its tree and its open files. */
import type { OpenFiles } from './open-files.js';
import type { Tree } from './tree.js';

/** Keys of members that only this package's own files use: the first by `zram-wasm/store` as well, a bundle of its own. */
export const TREE: unique symbol = Symbol.for('zram-wasm.tree.1');
export const FILES = Symbol('files');

/** Base of the classes that hold the calls. */
export abstract class Calls {
  /** @internal @throws ZramError EINVAL: destroyed */
  abstract get [TREE](): Tree;
  /** @internal @throws ZramError EINVAL: destroyed */
  abstract get [FILES](): OpenFiles;
}
