/** Whether two names, or a name and a descriptor, are one file. */
import { fstatSync, statSync, type BigIntStats } from 'node:fs';

/**
 * Device and inode, which numbers would not hold exactly: equal for one and the same file. Undefined for what any number of
 * readers and writers share without harm (/dev/null, terminals).
 */
export function identityOf(facts: BigIntStats): string | undefined {
  return facts.isCharacterDevice() || facts.ino === 0n ? undefined : `${facts.dev}:${facts.ino}`;
}

/** Of what a path leads to, '-' being standard input; undefined also where there is nothing. */
export function identityOfFile(path: string): string | undefined {
  return orUndefined(() => (path === '-' ? fstatSync(0, { bigint: true }) : statSync(path, { bigint: true })));
}

export function identityOfDescriptor(descriptor: number): string | undefined {
  return orUndefined(() => fstatSync(descriptor, { bigint: true }));
}

function orUndefined(look: () => BigIntStats): string | undefined {
  try {
    return identityOf(look());
  } catch {
    return undefined;
  }
}
