/** Errors of files, as numbers that Emscripten's C library knows: those of WASI, not of Linux. */
import type { EmscriptenFS } from './module.js';

const ERRNO: Readonly<Record<string, number>> = {
  EACCES: 2,
  EAGAIN: 6,
  EBADF: 8,
  EBUSY: 10,
  EEXIST: 20,
  EFBIG: 22,
  EILSEQ: 25,
  EINVAL: 28,
  EIO: 29,
  EISDIR: 31,
  ELOOP: 32,
  EMFILE: 33,
  EMLINK: 34,
  ENAMETOOLONG: 37,
  ENODEV: 43,
  ENOENT: 44,
  ENOMEM: 48,
  ENOSPC: 51,
  ENOTDIR: 54,
  ENOTEMPTY: 55,
  EOPNOTSUPP: 138,
  EPERM: 63,
  EROFS: 69,
  EXDEV: 75,
};

/** Makes the errors of one module: its system calls only know its own class. */
export class Errors {
  readonly #FS: EmscriptenFS;
  /** Programs look for files that are not there all the time, so this error is made once. */
  readonly noEntry: Error;

  constructor(FS: EmscriptenFS) {
    this.#FS = FS;
    this.noEntry = this.make('ENOENT');
  }

  make(code: string): Error {
    return new this.#FS.ErrnoError(ERRNO[code] ?? ERRNO.EIO);
  }

  /** Calls `run`; an error of a file becomes the module's. One without a code is no answer to a system call, and stays. */
  translated<T>(run: () => T): T {
    try {
      return run();
    } catch (error) {
      const code = (error as { code?: unknown }).code;
      throw typeof code === 'string' && error instanceof Error ? this.make(code) : error;
    }
  }
}
