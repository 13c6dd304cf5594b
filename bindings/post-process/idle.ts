/** Idle marks (the attribute `idle`). */
import { TICK_MILLISECS } from '../core.js';
import { ZramError } from '../errors.js';
import { describe } from '../size.js';
import type { ZramState } from '../zram-state.js';

const UINT32_MAX = 2 ** 32 - 1;

/** @param what `'all'`, or seconds since the last access */
export function markIdle(state: ZramState, what: unknown): void {
  const { core, address } = state.ready();
  if (what === 'all') {
    core.raw.zramMarkIdle(address, 0, 0);
    return;
  }
  if (typeof what !== 'number' || !(what >= 0) || what > (UINT32_MAX * TICK_MILLISECS) / 1000) {
    throw new ZramError('EINVAL', `idle takes 'all' or an age in seconds, not ${describe(what)}.`);
  }
  if (!state.tracksTime) throw new ZramError('EINVAL', 'idle by age needs the option trackEntryActime.');
  // Age 0 is every page, as in the kernel.
  core.raw.zramMarkIdle(address, Math.ceil((what * 1000) / TICK_MILLISECS), core.ticks());
}
