/** Numbers that cross between the core and the bindings; a test holds them against the core. */

// As in assembly/common.ts.
export const CODEC_RAW = 0;
export const CODEC_LZ4 = 1;
export const CODEC_PAGE = 2;
export const CODEC_FOREIGN = 3;
export const CODEC_MAX = 15;

/** With STATE_SAME: the value is kept in cells of its own. As SLOT_SAME_WIDE in assembly/zram/table.ts. */
export const STATE_SAME_WIDE = 1 << 1;

// Bits of a slot's state, as in assembly/zram/table.ts and post-process.ts.
export const STATE_SAME = 1;
export const STATE_HUGE = 1 << 2;
export const STATE_STORED = 1 << 3;
export const STATE_WRITTEN_BACK = 1 << 4;
export const STATE_IDLE = 1 << 5;
export const STATE_INCOMPRESSIBLE = 1 << 6;
export const STATE_PICKED = 1 << 7;
export const STATE_MERGED = 1 << 8;

export function codecOfState(state: number): number {
  return (state >>> 9) & 15;
}

export function sizeOfState(state: number): number {
  return state >>> 13;
}

/** The core's answer to a read of a page that is on the backing device. */
export const READ_WRITTEN_BACK = 1 << 20;
