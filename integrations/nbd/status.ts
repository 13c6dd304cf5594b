/** What a client is told about what is allocated. */
import type { NbdDevice } from './exports.js';
import { STATE_HOLE, STATE_ZERO } from './protocol.js';

/** Most extents of a reply; a client asks again from their end. */
const EXTENTS_MAX = 8192;
/** Bytes that are looked at in one call, at most: as many pages as there may be extents. */
const WINDOW_BYTES_MAX = EXTENTS_MAX * 4096;
/** What is looked at first if only one extent is wanted: the next calls look at twice as much each. */
const WINDOW_BYTES_MIN = 16 * 4096;

const FLAGS = { hole: STATE_HOLE | STATE_ZERO, zero: STATE_ZERO, data: 0 };

/** A run of bytes: how many, and the flags of `base:allocation`. */
export type Run = [bytes: number, flags: number];

/**
 * What an offset and the bytes behind it are, in order: a hole, zeros that are stored, or data. Pages that the range
 * covers in part count as the others.
 * @param one only the first run
 */
export function statusOf(device: NbdDevice, offset: number, length: number, one: boolean): Run[] {
  const most = one ? 1 : EXTENTS_MAX;
  const runs: Run[] = [];
  let window = one ? WINDOW_BYTES_MIN : WINDOW_BYTES_MAX;
  for (let at = offset; at < offset + length;) {
    const end = Math.min(offset + length, at + window);
    window = Math.min(2 * window, WINDOW_BYTES_MAX);
    for (const extent of device.extents(at, end - at)) {
      const flags = FLAGS[extent.kind];
      const last = runs.at(-1);
      if (last !== undefined && last[1] === flags) last[0] += extent.length;
      else if (runs.length === most) return runs;
      else runs.push([extent.length, flags]);
    }
    at = end;
  }
  return runs;
}
