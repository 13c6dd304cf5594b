/**
 * Calls all of these, even if some throw: closing one file may fail, and the rest must be released all the same.
 * @throws the first failure
 */
export function endAll(...ends: readonly (() => void)[]): void {
  const failures: unknown[] = [];
  for (const end of ends) {
    try {
      end();
    } catch (error) {
      failures.push(error);
    }
  }
  if (failures.length > 0) throw failures[0];
}
