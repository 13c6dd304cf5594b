/** Tests that need a program are skipped where it is missing, and say so. */
import { describe } from '@jest/globals';

/** @param subject what the tests are of, as 'dumps of gdb' */
export function describeWithTool(tool: string, subject: string, isThere: boolean, tests: () => void): void {
  if (isThere) {
    describe(tool, tests);
    return;
  }
  // Not console.warn: jest shows nothing of the console of a file whose tests are all skipped.
  process.stderr.write(`Skipped: ${subject}. It is not here, or may not be used.\n`);
  describe.skip(`${tool} (skipped: it is not here)`, tests);
}
