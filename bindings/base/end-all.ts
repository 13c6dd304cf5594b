/**
 * Does all of these, whatever fails in one of them: what ends several things ends each, though a file may not close.
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
