/** The one error class of the library, with the kernel's names for what went wrong. */

/**
 * The kernel's names for what went wrong.
 *
 * - `EINVAL`: a wrong type, value, range or state; a destroyed object or one of another copy of the package; a freed
 *   handle
 * - `EBUSY`: an attribute that can only be set before the device has a disksize; a backing that is in use; a backing
 *   file that exists already
 * - `ENOMEM`: a limit of the pool or device, or the engine's `maxMemory`, would be exceeded; or the host refuses memory
 * - `ENOSPC`: an object of more than 4096 bytes was requested; the backing is full; all compressor configurations of
 *   the engine are in use
 * - `EIO`: a backing, a compressor, a worker, or the loading or compiling of the core, failed; stored data does not
 *   decompress; or writeback_limit is used up
 * - `EAGAIN`: a synchronous call needs a page that is on an asynchronous backing; or recompression or writeback of the
 *   device is in progress
 * - `ECANCELED`: an asynchronous call was aborted by its signal
 * - `ENODEV`: writeback without a backing
 * - `EOPNOTSUPP`: a compressor or a feature that this platform or installation does not have
 * - `E2BIG`, `ERANGE`, `ENOENT`: as the kernel's attributes return them, see `Sysfs`
 */
export type ZramErrorCode =
  | 'EINVAL'
  | 'EBUSY'
  | 'ENOMEM'
  | 'ENOSPC'
  | 'EIO'
  | 'EAGAIN'
  | 'ECANCELED'
  | 'EOPNOTSUPP'
  | 'E2BIG'
  | 'ERANGE'
  | 'ENOENT'
  | 'ENODEV';

/**
 * Thrown by every call that fails. A failed call loses no data: what was stored before is still there.
 *
 * `code` is stable and meant for programs; `message` is a sentence for people.
 */
export class ZramError extends Error {
  /** @internal Fixed, since a bundler may rename the class. */
  static override readonly name: string = 'ZramError';
  /** The kind of failure: the kernel's errno name. */
  readonly code: ZramErrorCode;
  /**
   * For calls that process several pages (`write`, `writePages`, `read`, `readPages`, `writeback`, and their
   * asynchronous forms): the pages done before the failure.
   */
  declare readonly pagesDone?: number; // declared only, so that an error without it has no such property

  /**
   * @param code the kernel's name for what went wrong
   * @param message a sentence; the code is prepended
   * @param pagesDone for a call that processes several pages, those done before the failure
   * @param options `cause`, as for any Error
   */
  constructor(code: ZramErrorCode, message: string, pagesDone?: number, options?: { cause?: unknown }) {
    super(`${code}: ${message}`, options);
    this.name = 'ZramError';
    this.code = code;
    if (pagesDone !== undefined) this.pagesDone = pagesDone;
  }
}
