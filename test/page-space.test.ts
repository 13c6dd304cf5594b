/** Ranges of pages: never one page twice, all that was given back is found again, the lowest gap first. */
import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { measure } from './growth/measure.js';
import { PageSpace } from '../bindings/history/page-space.js';
import { imul } from './support/random.js';

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

test('many gaps, too small for what is asked for, are not looked through one by one', async () => {
  const make = (gaps: number) => {
    const space = new PageSpace(4 * gaps);
    for (let n = 0; n < gaps; n++) space.take(2);
    for (let n = 0; n < gaps; n++) space.give(2 * n, 1);
    return () => {
      for (let n = 0; n < 5000; n++) space.take(2);
    };
  };
  const { ratio } = await measure({ size: 10_000, factor: 64, limit: 20, make });
  expect(ratio).toBeLessThan(20);
});

test('behaves as a row of flags with so many gaps that they stand in several blocks', () => {
  const pages = 6000;
  const space = new PageSpace(pages);
  const taken = new Array<boolean>(pages).fill(false);
  let seed = 1;
  const below = (n: number): number => (seed = (imul(seed, 48_271) >>> 0) % 2_147_483_647) % n;
  const ranges: [number, number][] = [];
  for (let step = 0; step < 9000; step++) {
    if (step < 3000 || below(2) === 0) {
      const count = 1 + below(step < 3000 ? 1 : 3);
      const start = space.take(count);
      if (start === undefined) continue;
      for (let page = start; page < start + count; page++) {
        if (taken[page]) throw new Error(`page ${page} is taken twice`);
        taken[page] = true;
      }
      ranges.push([start, count]);
    } else {
      const [[start, count]] = ranges.splice(below(ranges.length), 1);
      space.give(start, count);
      taken.fill(false, start, start + count);
    }
  }
  expect(space.take(1) ?? -1).toBe(taken.indexOf(false));
});
