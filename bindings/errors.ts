/** The one error class of the library, with the kernel's names for what went wrong. */

export type ZramErrorCode =
  'EINVAL' | 'EBUSY' | 'ENOMEM' | 'ENOSPC' | 'EIO' | 'EAGAIN' | 'EOPNOTSUPP' | 'E2BIG' | 'ERANGE' | 'ENOENT' | 'ENODEV';

/**
 * Thrown by every call that fails. A failed call loses no data: what was stored before is still there.
 *
 * `code` is stable and meant for programs; `message` is a sentence for people.
 */
export class ZramError extends Error {
  /** What kind of failure: the kernel's errno name. */
  readonly code: ZramErrorCode;
  /** For calls that go over several pages (`write`, `writePages`, `read`, `readPages`): pages done before the failure. */
  readonly pagesDone?: number;

  constructor(code: ZramErrorCode, message: string, pagesDone?: number) {
    super(`${code}: ${message}`);
    this.name = 'ZramError';
    this.code = code;
    if (pagesDone !== undefined) this.pagesDone = pagesDone;
  }
}
