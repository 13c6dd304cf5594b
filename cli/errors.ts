/** A failure that the user can act on. Its message is the one sentence that goes to stderr. */
export class CliError extends Error {
  override readonly name: string = 'CliError';
  /** The process's exit status. */
  readonly exitStatus: number = 1;
}

/** A mistake in the command line itself. */
export class UsageError extends CliError {
  override readonly name = 'UsageError';
  override readonly exitStatus = 2;
}

/** The system's `code` of an error ('ENOENT', 'EACCES' …), or undefined. */
export function codeOf(error: unknown): string | undefined {
  const code = typeof error === 'object' && error !== null && 'code' in error ? error.code : undefined;
  return typeof code === 'string' ? code : undefined;
}

/** The message of whatever was thrown. It goes by shape: errors of another realm are not instances of this Error. */
export function messageOf(error: unknown): string {
  return typeof error === 'object' && error !== null && 'message' in error ? String(error.message) : String(error);
}

/** The system's error codes of opening, reading and writing, in plain words. */
const REASONS: Readonly<Record<string, string>> = {
  ENOENT: 'no such file',
  EISDIR: 'it is a directory; name the files in it',
  EACCES: 'permission denied',
  EPERM: 'permission denied',
  ENOTDIR: 'a part of its path is not a directory',
  ELOOP: 'too many symbolic links',
  ENXIO: 'it is a socket or a device without a driver',
  EEXIST: 'a file of that name exists',
  ENAMETOOLONG: 'its name is too long',
  ENOSPC: 'no space left on the device',
  EDQUOT: 'the disk quota is used up',
  EFBIG: 'it would exceed the largest file size allowed',
  EROFS: 'the file system is read-only',
  EMFILE: 'too many files are open',
  ENFILE: 'too many files are open',
  EPIPE: 'its reader has closed it',
  EBADF: 'it is not open for this access',
  EBUSY: 'it is in use',
  ETXTBSY: 'it is in use',
  EIO: 'the device failed',
  ERR_INVALID_ARG_VALUE: 'no file can have this name',
};

/** Why an input could not be read or an output not written, as the part after a colon. */
export function reasonOf(error: unknown): string {
  const code = codeOf(error);
  return code === undefined ? messageOf(error) : (REASONS[code] ?? code);
}
