/**
 * Median and quartiles: they say what a run costs on a machine that now and then does something else, which a mean and
 * a deviation do not.
 */

/** The value below which the share `q` of the values lies, between neighbours by proportion. */
export function quantile(sorted, q) {
  const place = (sorted.length - 1) * q;
  const below = Math.floor(place);
  const above = Math.min(below + 1, sorted.length - 1);
  return sorted[below] + (sorted[above] - sorted[below]) * (place - below);
}

/** @returns {{ median: number, low: number, high: number }} the median and the quartiles beside it */
export function summary(values) {
  if (values.length === 0) throw new Error('there is nothing to summarise');
  const sorted = Float64Array.from(values).sort();
  return { median: quantile(sorted, 0.5), low: quantile(sorted, 0.25), high: quantile(sorted, 0.75) };
}

/**
 * How many times as fast `ours` is as `theirs`: the ratio of the two times within each round, where the machine was in
 * the same mood for both, and only then the median.
 */
export function speedRatio(ours, theirs) {
  return summary(ours.map((time, round) => theirs[round] / time));
}

/** MB/s from the milliseconds of rounds that each go over `bytes`. */
export function megabytesPerSecond(milliseconds, bytes) {
  return summary(milliseconds.map((time) => bytes / 1e3 / time));
}

/** The times of several parts of a round, added up round by round. */
export function addRounds(parts) {
  return parts[0].map((_, round) => parts.reduce((sum, part) => sum + part[round], 0));
}

/** A summary of an exact figure. */
export function exactly(value) {
  return { median: value, low: value, high: value };
}

export function scaled({ median, low, high }, factor) {
  return { median: median * factor, low: low * factor, high: high * factor };
}
