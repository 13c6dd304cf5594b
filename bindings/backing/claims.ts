/**
 * Backings and files in use in this process. `zram-wasm`, `zram-wasm/external` and `zram-wasm/node` are separate
 * bundles, and a program may load several copies of each: all have to see the claims of the others, so this is the only
 * global state.
 */
interface Claims {
  /** Backings in use: each user allocates the slots by itself, so there can be only one. */
  readonly backings: WeakSet<object>;
  /** Files of backings in use, by device and inode. */
  readonly files: Set<string>;
}

/** The number changes with the shape of `Claims`. */
const KEY = Symbol.for('zram-wasm.claims.1');
const own: Claims = { backings: new WeakSet(), files: new Set() };

/** Created when a backing is first used: a program without one finds nothing in its global object. */
export function claims(): Claims {
  const scope = globalThis as { [KEY]?: Claims };
  // Where the global object is frozen, every copy sees only its own claims.
  if (!scope[KEY]) Reflect.defineProperty(scope, KEY, { value: own });
  return scope[KEY] ?? own;
}
