/**
 * Random operations on all users of one pool, for fast-check: devices, a zswap, handles, and a scanner. Contents are told
 * by number and are the same for all users, so that equal ones meet; whom an operation is for is told modulo those alive.
 */
import fc from 'fast-check';
import { PAGES } from './model-zram-operations.js';

export const KEYS = 24;

export type SharedOperation =
  | { op: 'write'; disk: number; index: number; pages: readonly number[] }
  | { op: 'discard'; disk: number; index: number; count: number }
  | { op: 'memLimit'; disk: number; pages: number }
  | { op: 'swapOut'; key: number; page: number }
  | { op: 'swapIn' | 'invalidate'; key: number }
  | { op: 'shrink'; pages: number }
  | { op: 'store'; page: number; length: number }
  | { op: 'patch'; which: number; page: number; offset: number; length: number }
  | { op: 'retain' | 'free' | 'freed'; which: number }
  | { op: 'merge'; budget: number }
  | { op: 'tick'; batches: number }
  | { op: 'compact' | 'dryRun' | 'scan' | 'unmerge' | 'settle' }
  | { op: 'replaceDisk'; disk: number }
  | { op: 'replaceZswap' };

/** Bytes of what handles hold: whole pages too, as devices store them raw. */
const LENGTHS = [4096, 4096, 3700, 2000, 300, 24, 16, 5];

/** @param diskPages pages of each disk */
export function sharedOperation(diskPages: number): fc.Arbitrary<SharedOperation> {
  const operation = <Op extends string>(name: Op) => ({ op: fc.constant(name) });
  const disk = fc.nat({ max: 1 });
  const index = fc.nat({ max: diskPages - 1 });
  const page = fc.nat({ max: PAGES.length - 1 });
  const key = fc.nat({ max: KEYS - 1 });
  const which = fc.nat({ max: 1_000_000 });
  const length = fc.constantFrom(...LENGTHS);
  const pages = fc.oneof(
    { weight: 4, arbitrary: fc.array(page, { minLength: 1, maxLength: 1 }) },
    { weight: 1, arbitrary: fc.array(page, { minLength: 2, maxLength: 12 }) },
  );
  return fc.oneof(
    { weight: 24, arbitrary: fc.record({ ...operation('write'), disk, index, pages }) },
    {
      weight: 4,
      arbitrary: fc.record({ ...operation('discard'), disk, index, count: fc.integer({ min: 1, max: 9 }) }),
    },
    { weight: 2, arbitrary: fc.record({ ...operation('memLimit'), disk, pages: fc.constantFrom(0, 0, 8, 24, 48) }) },
    { weight: 16, arbitrary: fc.record({ ...operation('swapOut'), key, page }) },
    { weight: 5, arbitrary: fc.record({ ...operation('swapIn'), key }) },
    { weight: 3, arbitrary: fc.record({ ...operation('invalidate'), key }) },
    { weight: 3, arbitrary: fc.record({ ...operation('shrink'), pages: fc.integer({ min: 1, max: 4 }) }) },
    { weight: 12, arbitrary: fc.record({ ...operation('store'), page, length }) },
    { weight: 5, arbitrary: fc.record({ ...operation('patch'), which, page, offset: fc.nat({ max: 4095 }), length }) },
    { weight: 2, arbitrary: fc.record({ ...operation('retain'), which }) },
    { weight: 8, arbitrary: fc.record({ ...operation('free'), which }) },
    { weight: 3, arbitrary: fc.record({ ...operation('freed'), which }) },
    { weight: 12, arbitrary: fc.record({ ...operation('merge'), budget: fc.integer({ min: 1, max: 25 }) }) },
    { weight: 5, arbitrary: fc.record({ ...operation('tick'), batches: fc.integer({ min: 1, max: 6 }) }) },
    { weight: 4, arbitrary: fc.record({ ...operation('compact') }) },
    { weight: 2, arbitrary: fc.record({ ...operation('dryRun') }) },
    { weight: 3, arbitrary: fc.record({ ...operation('scan') }) },
    { weight: 2, arbitrary: fc.record({ ...operation('unmerge') }) },
    { weight: 4, arbitrary: fc.record({ ...operation('settle') }) },
    { weight: 1, arbitrary: fc.record({ ...operation('replaceDisk'), disk }) },
    { weight: 1, arbitrary: fc.record({ ...operation('replaceZswap') }) },
  );
}
