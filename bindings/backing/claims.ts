/**
 * What somebody in this process uses. `zram-wasm`, `zram-wasm/external` and `zram-wasm/node` are bundles of their own, and a
 * program may have several copies of each: they have to know of each other, so this is the one thing that is global.
 */
interface Claims {
  /** Backings: each user numbers the slots for itself, so there can be only one. */
  readonly backings: WeakSet<object>;
  /** Files of backings, by device and inode. */
  readonly files: Set<string>;
}

/** The number is to change with the shape. */
const KEY = Symbol.for('zram-wasm.claims.1');
const own: Claims = { backings: new WeakSet(), files: new Set() };

/** Not made before a backing is used: a program without one finds nothing in its global object. */
export function claims(): Claims {
  const scope = globalThis as { [KEY]?: Claims };
  // Where the global object is frozen, every copy is on its own.
  if (!scope[KEY]) Reflect.defineProperty(scope, KEY, { value: own });
  return scope[KEY] ?? own;
}
