/** Freeing whole pages of a device. */
import { ZramError } from '../base/errors.js';
import type { Disk } from './disk.js';

/** @throws ZramError ENOMEM: nothing has changed */
export function discardPages(disk: Disk, index: number, count: number): void {
  if (disk.core.raw.zramDiscard(disk.address, index, count) < 0) {
    throw new ZramError(
      'ENOMEM',
      'cannot discard pages that lie between others of a snapshot or clone: the engine has reached its maxMemory.',
    );
  }
  disk.touched(index, count);
}
