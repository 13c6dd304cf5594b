/**
 * Errors as Node's `fs` throws them: with errno, code, syscall, path and dest, and Node's sentence. Numbers are Linux's, also
 * in browsers, so that a program sees the same everywhere.
 */
import { ZramError } from '../../bindings/base/errors.js';

/** An error of a file system call. */
export interface FsError extends Error {
  /** The negative number of the code on Linux. */
  readonly errno: number;
  /** As `ENOENT`. */
  readonly code: string;
  /** The call that failed, as Node names it. */
  readonly syscall: string;
  /** The path that was given to the call. */
  readonly path?: string;
  /** The second path, of calls that take two. */
  readonly dest?: string;
}

const ERRNO = {
  EPERM: [1, 'operation not permitted'],
  ENOENT: [2, 'no such file or directory'],
  EIO: [5, 'i/o error'],
  EBADF: [9, 'bad file descriptor'],
  EACCES: [13, 'permission denied'],
  EBUSY: [16, 'resource busy or locked'],
  EEXIST: [17, 'file already exists'],
  EXDEV: [18, 'cross-device link not permitted'],
  ENOTDIR: [20, 'not a directory'],
  EISDIR: [21, 'illegal operation on a directory'],
  EINVAL: [22, 'invalid argument'],
  EMFILE: [24, 'too many open files'],
  EFBIG: [27, 'file too large'],
  ENOSPC: [28, 'no space left on device'],
  EROFS: [30, 'read-only file system'],
  ENAMETOOLONG: [36, 'name too long'],
  ENOTEMPTY: [39, 'directory not empty'],
  ELOOP: [40, 'too many symbolic links encountered'],
  EILSEQ: [84, 'illegal byte sequence'],
  EOPNOTSUPP: [95, 'operation not supported on socket'],
} as const satisfies Record<string, readonly [number, string]>;

export type FsErrorCode = keyof typeof ERRNO;

/** A call in progress: what its errors name. */
export interface Call {
  readonly syscall: string;
  readonly path: string | undefined;
  readonly dest: string | undefined;
}

export function on(syscall: string, path?: string, dest?: string): Call {
  return { syscall, path, dest };
}

export function fsError(code: FsErrorCode, call: Call): FsError {
  const [errno, text] = ERRNO[code];
  const { syscall, path, dest } = call;
  const names = path === undefined ? '' : ` '${path}'${dest === undefined ? '' : ` -> '${dest}'`}`;
  const error = new Error(`${code}: ${text}, ${syscall}${names}`) as Error & Record<string, unknown>;
  error.errno = -errno;
  error.code = code;
  error.syscall = syscall;
  if (path !== undefined) error.path = path;
  if (dest !== undefined) error.dest = dest;
  return error as unknown as FsError;
}

/** Errors of the device as those of a file system: `ENOSPC` when memory ends, `EIO` for what cannot be read. */
export function asFsError(error: unknown, call: Call): unknown {
  if (!(error instanceof ZramError)) return error;
  if (error.code === 'ENOMEM') return fsError('ENOSPC', call);
  return error.code === 'EIO' ? fsError('EIO', call) : error;
}

/** The number of a code, positive, as Emscripten's file systems throw it. */
export function errnoOf(code: FsErrorCode): number {
  return ERRNO[code][0];
}

/** A wrong argument, as Node reports it: a TypeError or RangeError with one of Node's codes. */
export function wrongType(name: string, expected: string, value: unknown): TypeError {
  return withCode(
    new TypeError(
      `The "${name}" ${name.includes('.') ? 'property' : 'argument'} must be ${expected}. Received ${described(value)}`,
    ),
    'ERR_INVALID_ARG_TYPE',
  );
}

export function wrongValue(name: string, reason: string, value: unknown): TypeError {
  return withCode(new TypeError(`The argument '${name}' ${reason}. Received ${shown(value)}`), 'ERR_INVALID_ARG_VALUE');
}

export function outOfRange(name: string, range: string, value: unknown): RangeError {
  return withCode(
    new RangeError(`The value of "${name}" is out of range. It must be ${range}. Received ${shown(value)}`),
    'ERR_OUT_OF_RANGE',
  );
}

export function withCode<T extends Error>(error: T, code: string): T {
  return Object.assign(error, { code });
}

function described(value: unknown): string {
  if (value === null || value === undefined) return String(value);
  if (typeof value === 'function') return `function ${value.name}`;
  if (typeof value === 'object') return `an instance of ${value.constructor?.name ?? 'Object'}`;
  return `type ${typeof value} (${shown(value)})`;
}

function shown(value: unknown): string {
  if (typeof value === 'string') return `'${value.replaceAll('\0', '\\x00')}'`;
  return typeof value === 'object' && value !== null ? described(value) : String(value);
}
