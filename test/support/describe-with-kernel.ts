/** Tests that need the live kernel's zram are skipped where it is missing, and say so. */
import { describe } from '@jest/globals';
import { kernelMissing } from './kernel.js';

export function describeWithKernel(name: string, tests: () => void): void {
  const missing = kernelMissing();
  if (missing === undefined) {
    describe(name, tests);
    return;
  }
  // Not console.warn: jest shows nothing of the console of a file whose tests are all skipped.
  process.stderr.write(`Skipped: ${name}. There is no live kernel to compare with: ${missing}.\n`);
  describe.skip(`${name} (skipped: ${missing})`, tests);
}
