/**
 * Decodes a block of snappy, in which makedumpfile and QEMU compress pages.
 *
 * Written from the description of the format: https://github.com/google/snappy/blob/main/format_description.txt.
 */

/** Lengths of literals above this one stand in 1 to 4 bytes behind the tag. */
const SHORT_LITERALS = 60;
const LENGTH_MAX = 2 ** 32;

/** @returns bytes written to `out` @throws RangeError if the block is damaged or does not fit */
export function decodeSnappy(block: Uint8Array, out: Uint8Array): number {
  let [at, end] = [0, 0];
  const byte = (): number => {
    if (at === block.length) throw new RangeError('it ends too early');
    return block[at++];
  };
  /** Little-endian. */
  const number = (bytes: number): number => {
    let value = 0;
    for (let n = 0; n < bytes; n++) value += byte() * 2 ** (8 * n);
    return value;
  };
  const checkRoom = (length: number): void => {
    if (end + length > total) throw new RangeError('it has more bytes than it says');
  };
  const literals = (tag: number): void => {
    const short = tag >> 2;
    const length = (short < SHORT_LITERALS ? short : number(short - SHORT_LITERALS + 1)) + 1;
    if (at + length > block.length) throw new RangeError('it ends too early');
    checkRoom(length);
    for (const last = at + length; at < last; at++) out[end++] = block[at];
  };
  /** Byte by byte: a copy may reach into what it makes. */
  const copy = (length: number, distance: number): void => {
    if (distance === 0 || distance > end) throw new RangeError('a copy begins before it');
    checkRoom(length);
    for (const last = end + length; end < last; end++) out[end] = out[end - distance];
  };

  // Its length: seven bits a byte, the lowest first.
  let total = 0;
  for (let scale = 1, more = true; more; scale *= 128) {
    const value = byte();
    total += (value & 127) * scale;
    more = value > 127;
    if (total > out.length || scale > LENGTH_MAX) throw new RangeError('it has more bytes than a page');
  }
  while (at < block.length) {
    const tag = byte();
    const kind = tag & 3;
    if (kind === 0) literals(tag);
    else if (kind === 1) copy(((tag >> 2) & 7) + 4, (tag >> 5) * 256 + byte());
    else copy((tag >> 2) + 1, number(kind === 2 ? 2 : 4));
  }
  if (end < total) throw new RangeError('it ends too early');
  return end;
}
