/** What the protocol says for a failure of the device. */
import { ZramError } from '../../bindings/base/errors.js';
import { Errno } from './protocol.js';

/** @throws what is no failure of the device, but a fault of ours */
export function errnoOf(error: unknown): Errno {
  if (!(error instanceof ZramError)) throw error;
  if (error.code === 'ENOMEM' || error.code === 'ENOSPC') return Errno.ENOSPC;
  // The device was destroyed or reset: for its clients, the disk is gone.
  if (error.code === 'EINVAL') return Errno.ESHUTDOWN;
  return Errno.EIO;
}
