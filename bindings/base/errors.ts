/** The one error class of the library, with the kernel's names for what went wrong. */

/**
 * The kernel's names for what went wrong.
 *
 * - `EINVAL`: a wrong type, value, range or state; a destroyed or foreign object; a handle that was freed
 * - `EBUSY`: an attribute that can only be set before the device has a disksize; a backing that somebody uses, a backing file
 *   that exists
 * - `ENOMEM`: a limit of the pool or device, or the engine's `maxMemory`, would be passed; or the host refuses memory
 * - `ENOSPC`: an object of more than 4096 bytes was asked for; the backing is full; an engine has no number left for another
 *   compressor with its parameters
 * - `EIO`: a backing, a compressor, a worker, or the loading or compiling of the core, failed; what is stored does not decompress; or
 *   writeback_limit is used up
 * - `EAGAIN`: a page is on an asynchronous backing and was asked for synchronously; or recompression or writeback of the
 *   device is under way
 * - `ECANCELED`: an asynchronous call was aborted by its signal
 * - `ENODEV`: writeback without a backing
 * - `EOPNOTSUPP`: a compressor or a feature that this platform or installation does not have
 * - `E2BIG`, `ERANGE`, `ENOENT`: as the kernel's attributes give them, see `Sysfs`
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
  /** @internal Whatever a bundler calls the class. */
  static override readonly name: string = 'ZramError';
  /** What kind of failure: the kernel's errno name. */
  readonly code: ZramErrorCode;
  /**
   * For calls that go over several pages (`write`, `writePages`, `read`, `readPages`, writeback, and what is asynchronous of
   * them): pages done before the failure.
   */
  declare readonly pagesDone?: number; // declared only: an error without it has no such property

  /**
   * @param code the kernel's name for what went wrong
   * @param message a sentence; the code is put in front of it
   * @param pagesDone pages done before the failure, of a call that goes over several
   * @param options `cause`, as any Error has it
   */
  constructor(code: ZramErrorCode, message: string, pagesDone?: number, options?: { cause?: unknown }) {
    super(`${code}: ${message}`, options);
    this.name = 'ZramError';
    this.code = code;
    if (pagesDone !== undefined) this.pagesDone = pagesDone;
  }
}
