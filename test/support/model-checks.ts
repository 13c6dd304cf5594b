/** Checks of the models, with a sentence that says what is wrong. */

export function fail(message: string): never {
  throw new Error(message);
}

export function equal(actual: unknown, expected: unknown, what: string): void {
  if (JSON.stringify(actual) !== JSON.stringify(expected)) {
    fail(`${what}: ${JSON.stringify(actual)}, and not ${JSON.stringify(expected)}`);
  }
}
