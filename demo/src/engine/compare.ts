/** Comparing what is read back with what was stored. */

/**
 * Where the first `length` bytes begin to differ, or -1; four bytes a step, since gigabytes are compared.
 * @param a an array that begins at a multiple of four in its buffer, as `b`
 */
export function firstDifference(a: Uint8Array, b: Uint8Array, length: number): number {
  if (a.length < length) return a.length;
  const words = length >>> 2;
  const left = new Int32Array(a.buffer, a.byteOffset, words);
  const right = new Int32Array(b.buffer, b.byteOffset, words);
  let same = 0;
  while (same < words && left[same] === right[same]) same++;
  for (let n = same * 4; n < length; n++) if (a[n] !== b[n]) return n;
  return -1;
}
