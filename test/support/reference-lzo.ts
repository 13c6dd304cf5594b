/**
 * A decoder of LZO streams, lzo and lzo-rle, that is obviously right: byte by byte, straight from the format's description
 * (https://docs.kernel.org/staging/lzo.html). Undefined for what is not the stream of a page.
 */
import { PAGE_SIZE } from './pages.js';

/** A stream that is cut short, or refers to what is not there. */
const refuse = (): never => {
  throw new RangeError('not the stream of a page');
};

export function referenceLzo(block: Uint8Array): Uint8Array | undefined {
  try {
    return decode(block);
  } catch (error) {
    if (error instanceof RangeError) return undefined;
    throw error;
  }
}

function decode(block: Uint8Array): Uint8Array {
  const out: number[] = [];
  let at = 0;
  const byte = (): number => block[at++] ?? refuse();
  const put = (value: number): void => {
    if (out.length === PAGE_SIZE) refuse();
    out.push(value);
  };
  const literals = (count: number): void => {
    for (let n = 0; n < count; n++) put(byte());
  };
  const match = (length: number, distance: number): void => {
    for (let n = 0; n < length; n++) put(out[out.length - distance] ?? refuse());
  };
  /** The low bits of an instruction, and what follows where they are all 0. */
  const lengthOf = (bits: number, most: number): number => {
    if (bits > 0) return bits;
    let length = most;
    for (;;) {
      const more = byte();
      if (more > 0) return length + more;
      length += 255;
    }
  };

  const rle = block[0] === 17 && block[1] === 1;
  if (rle) at = 2;
  /** Literals that the instruction before counted; 4: it was nothing but literals. */
  let before = 0;
  if ((block[at] ?? 0) > 17) {
    const count = byte() - 17;
    literals(count);
    before = Math.min(count, 4);
  }
  for (;;) {
    const code = byte();
    if (code >= 64) {
      match((code >> 5) + 1, 8 * byte() + ((code >> 2) & 7) + 1);
      before = code & 3;
    } else if (code >= 32) {
      const length = lengthOf(code & 31, 31) + 2;
      const low = byte();
      match(length, 64 * byte() + (low >> 2) + 1);
      before = low & 3;
    } else if (code >= 16) {
      const [low, high] = [byte(), byte()];
      if (code === 17 && low === 0 && high === 0) {
        if (at !== block.length || out.length !== PAGE_SIZE) refuse();
        return Uint8Array.from(out);
      }
      if (!rle || code < 24 || low < 252 || high !== 255) refuse(); // further away than a page reaches
      const run = 8 * byte() + (code & 7) + 4;
      for (let n = 0; n < run; n++) put(0);
      before = low & 3;
    } else if (before === 0) {
      literals(lengthOf(code, 15) + 3);
      before = 4;
      continue;
    } else {
      const distance = 4 * byte() + (code >> 2) + 1;
      if (before === 4) match(3, distance + 2048);
      else match(2, distance);
      before = code & 3;
    }
    literals(before);
  }
}
