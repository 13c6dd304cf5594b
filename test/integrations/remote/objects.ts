/** Stored objects for tests: bytes of 1 to 4096, some of them the same. */
import { Random } from '../../support/random.js';

export function objectsOf(random: Random, count: number): Uint8Array[] {
  return Array.from({ length: count }, () => {
    // Of many pages that do not compress, few sizes; most are compressed.
    const size = random.chance(5) ? 4096 : random.chance(5) ? 1 + random.below(8) : 200 + random.below(2400);
    return random.fill(new Uint8Array(size));
  });
}

export const hex = (bytes: Uint8Array | undefined): string =>
  bytes === undefined ? 'none' : Buffer.from(bytes).toString('hex');
