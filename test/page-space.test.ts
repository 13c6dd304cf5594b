/** Ranges of pages: never one page twice, all that was given back is found again, the lowest gap first. */
import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { PageSpace } from '../bindings/page-space.js';

const PAGES = 60;

test('behaves as a row of flags', () => {
  const steps = fc.array(fc.tuple(fc.boolean(), fc.nat(12)), { maxLength: 80, size: 'max' });
  let refused = 0;
  const property = fc.property(steps, (operations) => {
    const space = new PageSpace(PAGES);
    const taken = new Array<boolean>(PAGES).fill(false);
    const ranges: [start: number, count: number][] = [];
    for (const [takes, n] of operations) {
      if (takes) {
        const lowest = taken.findIndex((_, at) => at + n <= PAGES && !taken.slice(at, at + n).includes(true));
        const start = space.take(n);
        if (n > 0) expect(start ?? -1).toBe(lowest);
        if (start === undefined) {
          refused++;
          continue;
        }
        taken.fill(true, start, start + n);
        ranges.push([start, n]);
      } else if (ranges.length > 0) {
        const [[start, count]] = ranges.splice(n % ranges.length, 1);
        space.give(start, count);
        taken.fill(false, start, start + count);
      }
    }
    for (const [start, count] of ranges) space.give(start, count);
    expect(space.take(PAGES)).toBe(0); // what was given back has become one gap
  });
  fc.assert(property, { numRuns: 300 });
  expect(refused).toBeGreaterThan(0);
});
