/** Whether two names, or a name and a descriptor, are the same file. */
import { fstatSync, statSync, type BigIntStats } from 'node:fs';

/**
 * Device and inode as a string, since a number cannot hold them exactly: equal if and only if the file is the same.
 * Undefined for files that any number of readers and writers can share without harm (/dev/null, terminals).
 */
export function identityOf(facts: BigIntStats): string | undefined {
  return facts.isCharacterDevice() || facts.ino === 0n ? undefined : `${facts.dev}:${facts.ino}`;
}

/** Of the file that a path leads to ('-' is standard input); undefined also if nothing is there. */
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
