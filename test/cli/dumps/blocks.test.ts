/** The decoders of kdump's pages: against real blocks, a second decoder, and damage. */
import { describe, expect, test } from '@jest/globals';

import { decodeLzo } from '../../../cli/dumps/lzo.js';
import { decodeSnappy } from '../../../cli/dumps/snappy.js';
import { Random, seedOfRun } from '../../support/random.js';
import { referenceLzo } from '../../support/reference-lzo.js';
import { image, PAGE } from '../page-images.js';
import { lzo, snappy } from './blocks.js';

const BLOCKS = Number(process.env.ZRAM_WASM_BLOCKS ?? 4000);
const seed = seedOfRun();

const decoders = { LZO: [decodeLzo, lzo], snappy: [decodeSnappy, snappy] } as const;
type Decode = typeof decodeLzo;
const BEHIND = Buffer.alloc(64, 0xa5);

/** What comes out; undefined if it is refused. What stands behind the room is not touched. */
function decoded(decode: Decode, block: Uint8Array, room = PAGE): Buffer | undefined {
  const out = Buffer.alloc(room + 64, 0xa5);
  let length: number | undefined;
  try {
    length = decode(block, out.subarray(0, room));
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
  }
  if (!out.subarray(room).equals(BEHIND)) throw new Error('it writes behind its room');
  return length === undefined ? undefined : out.subarray(0, length);
}

/** A block with some bytes changed, cut or longer. */
function damaged(random: Random, block: Buffer): Buffer {
  const bytes = Buffer.concat([block, Buffer.from([random.below(256)])]);
  for (let n = random.between(1, 3); n > 0; n--)
    bytes[random.below(bytes.length)] = random.pick([0, 1, 16, 17, 31, 32, 63, 64, 255, random.below(256)]);
  return bytes.subarray(0, random.chance(70) ? block.length : random.below(bytes.length + 1));
}

describe.each(Object.entries(decoders))('%s', (name, [decode, encode]) => {
  test('gives the page back', () => {
    const pages = image(new Random(seed, name), 300);
    for (let at = 0; at < pages.length; at += PAGE) {
      const page = pages.subarray(at, at + PAGE);
      const { bytes } = encode(page);
      expect(decoded(decode, bytes)?.equals(page)).toBe(true);
      expect(decoded(decode, bytes, PAGE - 1)).toBeUndefined();
      expect(decoded(decode, bytes.subarray(0, -1))).toBeUndefined();
    }
  });

  test(`${BLOCKS} damaged blocks, seed ${seed}`, () => {
    const random = new Random(seed, `damaged ${name}`);
    const pages = image(random, 50);
    const blocks = Array.from(
      { length: 50 },
      (_, page) => encode(pages.subarray(page * PAGE, (page + 1) * PAGE)).bytes,
    );
    let refused = 0;
    for (let n = 0; n < BLOCKS; n++) {
      const block = damaged(random, random.pick(blocks));
      const page = decoded(decode, block);
      if (page === undefined) refused += 1;
      if (name !== 'LZO' || block[0] === 17) continue;
      // The other decoder takes pages only.
      const other = referenceLzo(block);
      const isPage = page?.length === PAGE;
      if (isPage ? other === undefined || !page.equals(other) : other !== undefined)
        throw new Error(`the decoders differ: ${block.toString('hex')}`);
    }
    expect(refused).toBeGreaterThan(BLOCKS / 20);
    expect(refused).toBeLessThan(BLOCKS);
  });
});

test('LZO: matches further away than 16 KiB, which only larger pages have', () => {
  const literals = Buffer.from(new Random(seed, 'literals').fill(new Uint8Array(40_000)));
  const chain = (count: number) =>
    Buffer.concat([Buffer.alloc(Math.ceil(count / 255) - 1), Buffer.from([((count - 1) % 255) + 1])]);
  const far = (length: number, distance: number) => {
    const d = distance - 16384;
    const high = d >= 16384 ? 8 : 0;
    const rest = Buffer.from([((d % 16384) * 4) & 255, ((d % 16384) * 4) >> 8]);
    if (length <= 9) return Buffer.concat([Buffer.from([16 + high + length - 2]), rest]);
    return Buffer.concat([Buffer.from([16 + high]), chain(length - 9), rest]);
  };
  const start = Buffer.concat([Buffer.from([0]), chain(literals.length - 18), literals]);
  const matches = [
    [5, 16385],
    [9, 20_000],
    [300, 32_768],
    [2000, 39_000],
  ] as const;
  const block = Buffer.concat([
    start,
    ...matches.map(([length, distance]) => far(length, distance)),
    Buffer.from([17, 0, 0]),
  ]);
  let expected = literals;
  for (const [length, distance] of matches) {
    const from = expected.length - distance;
    expected = Buffer.concat([expected, expected.subarray(from, from + length)]);
  }
  expect(decoded(decodeLzo, block, 65536)?.equals(expected)).toBe(true);
});

test('snappy: long literals, far copies and overlapping ones', () => {
  const literals = Buffer.from(new Random(seed, 'literals').fill(new Uint8Array(70_000)));
  const block = Buffer.concat([
    Buffer.from([0xfc, 0xa2, 0x04]), // 70,012
    Buffer.from([62 << 2, 0x6f, 0x11, 0x01]), // 69,999 + 1
    literals,
    Buffer.from([3 | (3 << 2), 0x70, 0x11, 0x01, 0]), // 4 bytes from the start
    Buffer.from([1 | (4 << 2), 1]), // 8 times the byte before
  ]);
  const expected = Buffer.concat([literals, literals.subarray(0, 4), Buffer.alloc(8, literals[3])]);
  expect(decoded(decodeSnappy, block, 80_000)?.equals(expected)).toBe(true);
  expect(decoded(decodeSnappy, Buffer.from('ffffffffff01', 'hex'))).toBeUndefined();
  expect(decoded(decodeSnappy, Buffer.alloc(100, 0x80))).toBeUndefined();
});
