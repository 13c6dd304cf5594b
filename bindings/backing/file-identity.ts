/** Identity of files, by device and inode: a file may have many paths. */
import { ZramError } from '../base/errors.js';

export type Files = typeof import('node:fs');
type Status = import('node:fs').BigIntStats;

/** A module of Node.js. Loaded this way, bundlers for browsers see no import of it. */
function builtin(name: string): unknown {
  const { process } = globalThis as { process?: { getBuiltinModule?: (name: string) => unknown } };
  return process?.getBuiltinModule?.(name);
}

/** @throws ZramError EOPNOTSUPP: not on Node.js */
export function nodeFiles(): Files {
  const fs = builtin('node:fs');
  if (fs) return fs as Files;
  throw new ZramError('EOPNOTSUPP', 'files need Node.js, which this is not: pass a backing as an object.');
}

export function absolutePath(path: string): string {
  return (builtin('node:path') as typeof import('node:path')).resolve(path);
}

export function temporaryFolder(): string {
  return (builtin('node:os') as typeof import('node:os')).tmpdir();
}

/** A name for a file: its device and inode, or the number of a block device. Valid as a file name. */
export function identityOf(status: Status): string {
  return status.isBlockDevice() ? `block-${status.rdev}` : `${status.dev}-${status.ino}`;
}

/** The platform's error code; '' where it has none. */
export function codeOf(error: unknown): string {
  const code = (error as { code?: unknown } | null | undefined)?.code;
  return typeof code === 'string' ? code : '';
}
