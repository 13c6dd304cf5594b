/** Why an object of another copy of the package is refused. */
import { ZramError } from './errors.js';
import { describe } from './messages.js';

/**
 * The error for an object of the wrong class. `zram-wasm` and `zram-wasm/external` each have classes of their own, and
 * so do two versions or copies of the package: their objects live in other memory and share nothing but the name.
 * @param sentence what is required, up to the object: "X must be a Y"
 * @param names of the classes that are accepted
 */
export function notOurs(value: unknown, sentence: string, names: readonly string[]): ZramError {
  const name = namesOf(value).find((one) => names.includes(one));
  if (name === undefined) return new ZramError('EINVAL', `${sentence}, not ${describe(value)}.`);
  return new ZramError(
    'EINVAL',
    `${sentence}, not the ${name} of another copy of zram-wasm: import everything from either zram-wasm or zram-wasm/external.`,
  );
}

/** Names of an object's class and its base classes. */
function namesOf(value: unknown): string[] {
  const names: string[] = [];
  try {
    for (let object = value; typeof object === 'object' && object !== null; object = Object.getPrototypeOf(object)) {
      const { constructor } = object as { constructor?: { name?: unknown } };
      if (typeof constructor?.name === 'string') names.push(constructor.name);
      if (names.length > 8) break; // a proxy may have prototypes without end
    }
  } catch {
    // A proxy may refuse.
  }
  return names;
}
