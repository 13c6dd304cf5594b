/**
 * Random operations on devices, for fast-check. Few contents, so that equal pages are frequent; they are told by number,
 * so that a counterexample can be read.
 */
import fc from 'fast-check';
import { pieceLength, pieceOffset, RANGE_CALLS, recordOffset, type RangeCall } from './model-ranges.js';
import { imul } from './random.js';

const PAGE_SIZE = 4096;

export type ZramOperation = { readonly disk: number } & (
  | { op: 'writePages'; index: number; pages: readonly number[] }
  | { op: 'write'; call: RangeCall; offset: number; length: number; fill: number }
  | { op: 'discard' | 'read'; offset: number; length: number }
  | { op: 'merge'; budget: number }
  | { op: 'limit'; pages: number }
  | { op: 'compact'; inPageOrder: boolean }
  | { op: 'settle' | 'dryRun' | 'reset' | 'memUsedMax' | 'replace' }
);

function noise(length: number, seed: number): Uint8Array {
  return Uint8Array.from({ length }, (_, i) => imul(i + seed * 8191 + 1, 0x9e3779b1) >>> 23);
}

/** A page by number: same-filled, compressible to many sizes, not compressible, and pairs that differ in one byte. */
function page(number: number): Uint8Array {
  const bytes = new Uint8Array(PAGE_SIZE);
  if (number < 4) return bytes.map((_, i) => (number === 0 ? 0 : number === 1 ? 0xaa : number === 2 ? i & 3 : i & 7));
  const prefix = [1, 20, 300, 900, 1500, 2100, 3000, 3590, 3700, 4096][number % 10];
  bytes.set(noise(prefix, number >> 3));
  if (number % 3 === 0) bytes[prefix >> 1] ^= 1;
  return bytes;
}

/** What pages are written with. */
export const PAGES = Array.from({ length: 24 }, (_, number) => page(number));
const WRITE_BYTES_MAX = 3 * PAGE_SIZE + 500;
/** What byte ranges are written with. */
export const FILLS = [
  new Uint8Array(WRITE_BYTES_MAX),
  noise(WRITE_BYTES_MAX, 77),
  new Uint8Array(WRITE_BYTES_MAX).fill(0xaa),
];

/** @param diskPages pages of each disk */
export function zramOperation(diskPages: number, disks: number): fc.Arbitrary<ZramOperation> {
  const disk = fc.nat({ max: disks - 1 });
  const index = fc.nat({ max: diskPages - 1 });
  const content = fc.nat({ max: PAGES.length - 1 });
  const offset = fc.oneof(
    fc.nat({ max: diskPages * PAGE_SIZE - 1 }),
    index.map((n) => n * PAGE_SIZE),
    recordOffset(diskPages),
    pieceOffset(),
  );
  const length = fc.oneof(
    fc.nat({ max: WRITE_BYTES_MAX }),
    fc.constantFrom(0, 1, PAGE_SIZE, 2 * PAGE_SIZE),
    pieceLength,
  );
  const call = fc.constantFrom(...RANGE_CALLS);
  const op = <Op extends string>(name: Op) => ({ disk, op: fc.constant(name) });
  return fc.oneof(
    {
      weight: 30,
      arbitrary: fc.record({ ...op('writePages'), index, pages: fc.array(content, { minLength: 1, maxLength: 1 }) }),
    },
    {
      weight: 6,
      arbitrary: fc.record({ ...op('writePages'), index, pages: fc.array(content, { minLength: 1, maxLength: 20 }) }),
    },
    {
      weight: 20,
      arbitrary: fc.record({ ...op('write'), call, offset, length, fill: fc.nat({ max: FILLS.length - 1 }) }),
    },
    { weight: 10, arbitrary: fc.record({ ...op('discard'), offset, length }) },
    { weight: 12, arbitrary: fc.record({ ...op('read'), offset, length }) },
    {
      weight: 10,
      arbitrary: fc.record({ ...op('merge'), budget: fc.oneof(fc.constant(0), fc.integer({ min: 1, max: 30 })) }),
    },
    { weight: 4, arbitrary: fc.record(op('settle')) },
    { weight: 2, arbitrary: fc.record(op('dryRun')) },
    { weight: 5, arbitrary: fc.record({ ...op('compact'), inPageOrder: fc.boolean() }) },
    { weight: 1, arbitrary: fc.record(op('reset')) },
    { weight: 3, arbitrary: fc.record({ ...op('limit'), pages: fc.oneof(fc.constant(0), fc.nat({ max: 60 })) }) },
    { weight: 1, arbitrary: fc.record(op('memUsedMax')) },
    { weight: 1, arbitrary: fc.record(op('replace')) },
  );
}
