/**
 * A decoder of LZ4 blocks that is obviously right: byte by byte, straight from the format's description. Undefined for
 * a block that is malformed or does not fit.
 */
export function referenceDecode(block: Uint8Array, room: number): Uint8Array | undefined {
  const out: number[] = [];
  let at = 0;
  const length = (nibble: number): number | undefined => {
    let total = nibble;
    if (nibble !== 15) return total;
    for (;;) {
      const more = block[at++];
      if (more === undefined) return undefined;
      total += more;
      if (more !== 255) return total;
    }
  };
  while (at < block.length) {
    const token = block[at++];
    const literals = length(token >> 4);
    if (literals === undefined || at + literals > block.length || out.length + literals > room) return undefined;
    for (let n = 0; n < literals; n++) out.push(block[at++]);
    if (at === block.length) return Uint8Array.from(out);
    if (at + 2 > block.length) return undefined;
    const offset = block[at] | (block[at + 1] << 8);
    at += 2;
    if (offset === 0 || offset > out.length) return undefined;
    const matched = length(token & 15);
    if (matched === undefined || out.length + matched + 4 > room) return undefined;
    for (let n = 0; n < matched + 4; n++) out.push(out[out.length - offset]);
  }
  return undefined;
}
