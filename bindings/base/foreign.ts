/** Objects that are not ours, and look as if they were: why they are refused. */
import { ZramError } from './errors.js';
import { describe } from './messages.js';

/**
 * For an object of another class than is needed. `zram-wasm` and `zram-wasm/external` each have classes of their own, as have
 * two versions, or copies, of the package: their objects live in other memory, and nothing but the name is the same.
 * @param sentence what is needed, as far as the object
 * @param names of the classes that would do
 */
export function notOurs(value: unknown, sentence: string, names: readonly string[]): ZramError {
  const name = namesOf(value).find((one) => names.includes(one));
  if (name === undefined) return new ZramError('EINVAL', `${sentence}, not ${describe(value)}.`);
  return new ZramError(
    'EINVAL',
    `${sentence}, not the ${name} of another copy of zram-wasm: take all that works together from one import, zram-wasm or zram-wasm/external.`,
  );
}

/** Of an object's class and those that it extends. */
function namesOf(value: unknown): string[] {
  const names: string[] = [];
  try {
    for (let object = value; typeof object === 'object' && object !== null; object = Object.getPrototypeOf(object)) {
      const { constructor } = object as { constructor?: { name?: unknown } };
      if (typeof constructor?.name === 'string') names.push(constructor.name);
      if (names.length > 8) break; // a proxy may have prototypes without end
    }
  } catch {
    // It does not want to be looked at.
  }
  return names;
}
