/** A failure that the user can act on: its message is the one sentence that stderr gets. */
export class CliError extends Error {
  override readonly name: string = 'CliError';
  /** The process's exit status. */
  readonly exitStatus: number = 1;
}

/** The command line itself was wrong. */
export class UsageError extends CliError {
  override readonly name = 'UsageError';
  override readonly exitStatus = 2;
}

/** The system's `code` of an error ('ENOENT', 'EACCES' …), or undefined. */
export function codeOf(error: unknown): string | undefined {
  const code = typeof error === 'object' && error !== null && 'code' in error ? error.code : undefined;
  return typeof code === 'string' ? code : undefined;
}

/** The message of whatever was thrown; asked by its shape, as errors of another realm are no instances of Error here. */
export function messageOf(error: unknown): string {
  return typeof error === 'object' && error !== null && 'message' in error ? String(error.message) : String(error);
}

/** Plain words for the codes that opening or reading an input can end in. */
export function reasonOf(error: unknown): string {
  const code = codeOf(error);
  switch (code) {
    case 'ENOENT':
      return 'no such file';
    case 'EISDIR':
      return 'it is a directory; name the files in it';
    case 'EACCES':
    case 'EPERM':
      return 'permission denied';
    case 'ENOTDIR':
      return 'a part of its path is not a directory';
    case 'ELOOP':
      return 'too many symbolic links';
    case 'ENXIO':
      return 'it is a socket or a device without a driver';
    default:
      return code ?? messageOf(error);
  }
}
