/** Compressed sizes by compressor: those of the first runtime, which all others that have it must agree with. */
const sizes = new Map();
const NOT_THERE = 'not there';

/** What is wrong with the sizes that a check tells of, or undefined. */
export function disagreement(check, text) {
  if (!['compressors', 'zstd'].includes(check)) return undefined;
  // "62481 not there 37695 (whose)": sizes, in the order of the check.
  const found = text.replace(/ \(.*/, '').match(/\d+|not there/g) ?? [];
  for (const [n, size] of found.entries()) {
    if (size === NOT_THERE) continue;
    const key = `${check} ${n}`;
    if (!sizes.has(key)) sizes.set(key, size);
    if (sizes.get(key) !== size) return `${size} bytes, and ${sizes.get(key)} elsewhere`;
  }
  return undefined;
}
