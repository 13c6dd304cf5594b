/** Random operations on devices with compressors, a backing, snapshots and clones, for fast-check. */
import fc from 'fast-check';
import type { PageType, RecompressOptions, WritebackOptions } from '../../bindings/index.js';
import { pieceLength, pieceOffset, RANGE_CALLS, recordOffset, type RangeCall } from './model-ranges.js';
import { PAGES } from './model-zram-operations.js';
import { Random } from './random.js';

const PAGE_SIZE = 4096;

/** Few different bytes, in no order: LZ4 finds next to nothing in it, deflate halves it. */
function digits(length: number, seed: number): Uint8Array {
  const page = new Uint8Array(PAGE_SIZE);
  const random = new Random(seed, 'digits');
  for (let i = 0; i < length; i++) page[i] = 48 + random.below(10);
  return page;
}

/** What pages are written with. */
export const CONTENTS = [...PAGES, ...[300, 1200, 2500, 3900, 4096, 4096].map(digits)];

/** What a compressor or a backing may do inside a call: any of the others that does not wait. */
export type NestedOperation = Exclude<
  DeviceOperation,
  { op: 'nest' | 'writeback' | 'prefetch' | 'read' | 'writeAsync' }
>;

export type DeviceOperation = { readonly disk: number } & (
  | { op: 'writePages'; index: number; pages: readonly number[] }
  | { op: 'write'; call: RangeCall; offset: number; length: number; fill: number }
  | { op: 'writeAsync'; call: RangeCall; offset: number; length: number; fill: number }
  | { op: 'discard' | 'read'; offset: number; length: number }
  | { op: 'merge'; budget: number }
  | { op: 'recompress'; options: RecompressOptions }
  | { op: 'idle'; age: number }
  | { op: 'writeback'; options: WritebackOptions }
  | { op: 'prefetch'; range: readonly [number, number] }
  | { op: 'writebackLimit'; pages: number }
  | { op: 'limit'; pages: number }
  | { op: 'failures'; backing: number; compressor: boolean }
  | { op: 'cloneOf' | 'dropSnapshot' | 'diff' | 'restore'; snapshot: number }
  | { op: 'store'; page: number }
  | { op: 'compact'; inPageOrder: boolean }
  | { op: 'snapshot' | 'clone' | 'reset' | 'destroy' | 'unstore' }
  | { op: 'nest'; at: 'compressor' | 'backing'; nested: NestedOperation }
);

export function deviceOperation(diskPages: number): fc.Arbitrary<DeviceOperation> {
  const disk = fc.nat({ max: 3 });
  const index = fc.nat({ max: diskPages - 1 });
  const snapshot = fc.nat({ max: 5 });
  const content = fc.nat({ max: CONTENTS.length - 1 });
  /** Of what LZ4 does not compress, whose objects pages and handles may share. */
  const huge = fc.integer({ min: CONTENTS.length - 3, max: CONTENTS.length - 1 });
  const offset = fc.oneof(
    fc.nat({ max: diskPages * PAGE_SIZE - 1 }),
    index.map((n) => n * PAGE_SIZE),
    recordOffset(diskPages),
    pieceOffset(),
  );
  const length = fc.oneof(fc.nat({ max: 2 * PAGE_SIZE }), fc.constantFrom(PAGE_SIZE, 3 * PAGE_SIZE), pieceLength);
  const call = fc.constantFrom(...RANGE_CALLS);
  const fill = fc.nat({ max: 2 });
  const type = fc.constantFrom<PageType>('idle', 'huge', 'huge_idle', 'incompressible');
  const range = fc.tuple(index, index).map(([a, b]) => [Math.min(a, b), Math.max(a, b)] as const);
  const op = <Op extends string>(name: Op) => ({ disk, op: fc.constant(name) });
  const weighted = <T>(weight: number, arbitrary: fc.Arbitrary<T>) => ({ weight, arbitrary });

  const writePage = fc.record({ ...op('writePages'), index, pages: fc.tuple(content) });
  const recompress = fc.record({
    ...op('recompress'),
    options: fc.oneof(
      fc.constant({}),
      fc.record(
        {
          type: fc.constantFrom('idle' as const, 'huge' as const, 'huge_idle' as const),
          threshold: fc.constantFrom(1, 500, 2000),
          maxPages: fc.nat({ max: 5 }),
          algo: fc.constantFrom('deflate', 'deflate', 'toy', 'lz4'),
          priority: fc.nat({ max: 3 }),
        },
        { requiredKeys: [] },
      ),
    ),
  });
  const nested = fc.oneof(
    weighted(5, writePage),
    weighted(3, fc.record({ ...op('discard'), offset, length })),
    weighted(2, fc.record({ ...op('merge'), budget: fc.constant(0) })),
    weighted(1, recompress),
    weighted(2, fc.record(op('snapshot'))),
    weighted(2, fc.record(op('clone'))),
    weighted(1, fc.record({ ...op('idle'), age: fc.constant(0) })),
    weighted(1, fc.record({ ...op('compact'), inPageOrder: fc.boolean() })),
    weighted(2, fc.record(op('reset'))),
    weighted(1, fc.record(op('destroy'))),
    weighted(1, fc.record({ ...op('dropSnapshot'), snapshot })),
    weighted(1, fc.record({ ...op('restore'), snapshot })),
  );
  return fc.oneof(
    weighted(20, writePage),
    weighted(8, fc.record({ ...op('writePages'), index, pages: fc.array(content, { minLength: 2, maxLength: 12 }) })),
    weighted(12, fc.record({ ...op('write'), call, offset, length, fill })),
    weighted(8, fc.record({ ...op('writeAsync'), call, offset, length, fill })),
    weighted(6, fc.record({ ...op('discard'), offset, length })),
    weighted(4, fc.record({ ...op('read'), offset, length })),
    weighted(8, fc.record({ ...op('merge'), budget: fc.oneof(fc.constant(0), fc.integer({ min: 1, max: 20 })) })),
    weighted(12, recompress),
    weighted(6, fc.record({ ...op('idle'), age: fc.constantFrom(0, 0, 1000) })),
    weighted(
      14,
      fc.record({
        ...op('writeback'),
        options: fc.oneof(
          fc.record({ type }),
          fc.record({ pageIndex: index }),
          fc.record({ pageIndexes: fc.array(fc.oneof(index, range), { maxLength: 3 }) }),
        ),
      }),
    ),
    weighted(4, fc.record({ ...op('prefetch'), range })),
    weighted(2, fc.record({ ...op('writebackLimit'), pages: fc.integer({ min: -1, max: 8 }) })),
    weighted(2, fc.record({ ...op('limit'), pages: fc.oneof(fc.constant(0), fc.nat({ max: 60 })) })),
    weighted(
      3,
      fc.record({
        ...op('failures'),
        backing: fc.constantFrom(0, 0, 30, 100),
        compressor: fc.constantFrom(false, false, true),
      }),
    ),
    weighted(4, fc.record(op('snapshot'))),
    weighted(3, fc.record(op('clone'))),
    weighted(2, fc.record({ ...op('cloneOf'), snapshot })),
    weighted(3, fc.record({ ...op('dropSnapshot'), snapshot })),
    weighted(3, fc.record({ ...op('diff'), snapshot })),
    weighted(8, fc.record({ ...op('restore'), snapshot })),
    weighted(4, fc.record({ ...op('store'), page: fc.oneof(content, huge) })),
    weighted(1, fc.record(op('unstore'))),
    weighted(3, fc.record({ ...op('compact'), inPageOrder: fc.boolean() })),
    weighted(1, fc.record(op('reset'))),
    weighted(2, fc.record(op('destroy'))),
    weighted(14, fc.record({ ...op('nest'), at: fc.constantFrom('compressor' as const, 'backing' as const), nested })),
  );
}
