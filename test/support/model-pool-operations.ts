/** Random operations on a pool, for fast-check: which handle an operation is for is told by number, modulo those alive. */
import fc from 'fast-check';

export type PoolOperation =
  | { op: 'store'; size: number; variant: number; count: number }
  | { op: 'malloc'; size: number }
  | { op: 'write'; which: number; from: number; part: number; variant: number }
  | { op: 'read'; which: number; from: number; part: number; spare: number }
  | { op: 'free' | 'retain' | 'freed'; which: number }
  | { op: 'merge' | 'dryRun'; budget: number; which?: undefined }
  | { op: 'compact' | 'settle' | 'dryThenMerge'; which?: undefined };

/** Both sides of class borders, objects that straddle frames, huge ones from 3625 bytes on, and the smallest. */
const SIZES = [1, 2, 24, 25, 120, 500, 1000, 1352, 1353, 2040, 2500, 3000, 3256, 3257, 3400, 3624, 3625, 4095, 4096];
const VARIANTS = 7;

const size = fc.oneof(
  { weight: 5, arbitrary: fc.constantFrom(...SIZES) },
  { weight: 1, arbitrary: fc.integer({ min: 1, max: 4096 }) },
);
const variant = fc.nat({ max: VARIANTS - 1 });
const which = fc.nat({ max: 1_000_000 });
/** A place or a share: whole objects are as frequent as all other ranges. */
const from = fc.oneof(
  fc.constant(0),
  fc.integer({ min: 0, max: 99 }).map((percent) => percent / 100),
);
const part = fc.oneof(
  fc.constant(1),
  fc.integer({ min: 0, max: 100 }).map((percent) => percent / 100),
);
const budget = fc.integer({ min: 1, max: 40 });

function operation<Op extends string>(op: Op) {
  return { op: fc.constant(op) };
}

/** @param countMax most objects that one `store` makes */
export function poolOperation(countMax: number): fc.Arbitrary<PoolOperation> {
  const count = countMax === 1 ? fc.constant(1) : fc.oneof(fc.constant(1), fc.integer({ min: 1, max: countMax }));
  return fc.oneof(
    { weight: 30, arbitrary: fc.record({ ...operation('store'), size, variant, count }) },
    { weight: 6, arbitrary: fc.record({ ...operation('malloc'), size }) },
    { weight: 14, arbitrary: fc.record({ ...operation('write'), which, from, part, variant }) },
    { weight: 8, arbitrary: fc.record({ ...operation('read'), which, from, part, spare: fc.nat({ max: 2 }) }) },
    { weight: 16, arbitrary: fc.record({ ...operation('free'), which }) },
    { weight: 4, arbitrary: fc.record({ ...operation('retain'), which }) },
    { weight: 3, arbitrary: fc.record({ ...operation('freed'), which }) },
    { weight: 4, arbitrary: fc.record({ ...operation('compact') }) },
    { weight: 4, arbitrary: fc.record({ ...operation('merge'), budget: fc.constant(0) }) },
    { weight: 6, arbitrary: fc.record({ ...operation('merge'), budget }) },
    { weight: 3, arbitrary: fc.record({ ...operation('dryRun'), budget: fc.oneof(fc.constant(0), budget) }) },
    { weight: 3, arbitrary: fc.record({ ...operation('dryThenMerge') }) },
    { weight: 3, arbitrary: fc.record({ ...operation('settle') }) },
  );
}
