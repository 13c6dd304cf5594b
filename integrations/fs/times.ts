/** Times of inodes: milliseconds since 1970. */

/** The latest one; the earliest is as far before 1970. No Date holds more. */
const TIME_MAX = 8.64e15;

/**
 * A time that there is: as Linux does with what a file system cannot hold, the nearest one. NaN, which earlier releases stored
 * for an invalid Date, is 1970.
 */
export function nearestTime(ms: number): number {
  return Number.isNaN(ms) ? 0 : Math.min(Math.max(ms, -TIME_MAX), TIME_MAX);
}
