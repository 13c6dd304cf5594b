/** Copy-on-write copies of a device's pages, for snapshots and clones: they cost a slot for each page and no data. */
import { noMemoryForDevice, Disk } from './disk.js';

/** @throws ZramError ENOMEM */
export function fork(from: Disk, tracksTime: boolean): Disk {
  const { core, address, pages, pool, backing } = from;
  const device = core.raw.zramFork(address, Number(tracksTime), core.ticks());
  if (device === 0) throw noMemoryForDevice();
  return new Disk(core, device, pages, pool.retain(), backing?.retain(), from.dedup, tracksTime);
}
