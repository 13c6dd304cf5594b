/**
 * Copy-on-write copies of a device's pages, for snapshots and clones, and the way back: a device gets a snapshot's
 * pages. Both copy no data. The core's table is shared by 512 pages, until a page of these is changed.
 */
import { ZramError } from '../base/errors.js';
import { noMemoryForDevice, Disk } from './disk.js';

/** @throws ZramError ENOMEM */
export function fork(from: Disk, tracksTime: boolean): Disk {
  const { core, address, pages, pool, backing } = from;
  const device = core.raw.zramFork(address, Number(tracksTime), core.ticks());
  if (device === 0) throw noMemoryForDevice();
  return new Disk(core, device, pages, pool.retain(), backing?.retain(), from.dedup, tracksTime);
}

/** @throws ZramError EINVAL: the pages of another family; ENOMEM: nothing has changed */
export function restore(to: Disk, from: Disk): void {
  const { core, address, pages } = to;
  if (core !== from.core || to.pool.address !== from.pool.address) {
    throw new ZramError('EINVAL', 'the snapshot must be on the pool of the device: copy its pages with readPages.');
  }
  if (pages !== from.pages) {
    throw new ZramError('EINVAL', `the snapshot must have the ${pages} pages of the device, not ${from.pages}.`);
  }
  if (to.backing?.transport.backing !== from.backing?.transport.backing) {
    throw new ZramError('EINVAL', 'the snapshot must have the backing of the device: copy its pages with readPages.');
  }
  if (core.raw.zramRestore(address, from.address, core.ticks()) < 0) {
    throw new ZramError('ENOMEM', 'cannot restore the snapshot: the engine has reached its maxMemory.');
  }
  to.touched(0, pages);
}
