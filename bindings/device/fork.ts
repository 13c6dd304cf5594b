/** Copies of a device's pages, which cost a slot a page and no data: what snapshots and clones are. */
import { noMemoryForDevice, Disk } from './disk.js';

/** @throws ZramError ENOMEM */
export function fork(from: Disk, tracksTime: boolean): Disk {
  const { core, address, pages, pool, backing } = from;
  const device = core.raw.zramFork(address, Number(tracksTime), core.ticks());
  if (device === 0) throw noMemoryForDevice();
  return new Disk(core, device, pages, pool.retain(), backing?.retain(), from.dedup, tracksTime);
}
