/** Idle marks (the attribute `idle`). */
import { UINT32_MAX } from '../../base/arguments.js';
import { ZramError } from '../../base/errors.js';
import { describe } from '../../base/messages.js';
import { TICK_MILLISECS, type Core } from '../../core/core.js';
import type { Device } from '../device.js';
import { noMemoryForMarks } from './picks.js';

/** @param what `'all'`, or seconds since the last access */
export function markIdle(state: Device, what: unknown): void {
  const { core, address } = state.readyDisk();
  if (what === 'all') {
    mark(core, address, 0, 0);
    return;
  }
  if (typeof what !== 'number' || !(what >= 0) || what > (UINT32_MAX * TICK_MILLISECS) / 1000) {
    throw new ZramError('EINVAL', `idle must be 'all' or an age in seconds, not ${describe(what)}.`);
  }
  if (!state.tracksTime)
    throw new ZramError('EINVAL', 'cannot mark pages by age: the device needs the option trackEntryActime.');
  // Age 0 means every page, as in the kernel.
  mark(core, address, Math.ceil((what * 1000) / TICK_MILLISECS), core.ticks());
}

function mark({ raw }: Core, address: number, age: number, now: number): void {
  if (raw.zramMarkIdle(address, age, now) < 0) throw noMemoryForMarks();
}
