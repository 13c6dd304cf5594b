/** Checks of the models, with a sentence that says what is wrong. */
import type { Zram, ZramSnapshot } from '../../bindings/index.js';

export function fail(message: string): never {
  throw new Error(message);
}

export function equal(actual: unknown, expected: unknown, what: string): void {
  if (JSON.stringify(actual) !== JSON.stringify(expected)) {
    fail(`${what}: ${JSON.stringify(actual)}, and not ${JSON.stringify(expected)}`);
  }
}

/** The objects of the first pages of a device, and the bytes of each. */
export function objectsOf(one: Zram | ZramSnapshot, pages: number): Map<number, number> {
  const objects = new Map<number, number>();
  for (let index = 0; index < pages; index++) {
    const object = one.objectOf(index);
    if (object !== undefined) objects.set(object, one.blockState(index)!.comprSize);
  }
  return objects;
}

export function sumOf(numbers: Iterable<number>): number {
  return [...numbers].reduce((sum, one) => sum + one, 0);
}
