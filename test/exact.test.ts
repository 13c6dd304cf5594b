/**
 * Exactness on the suite's own images, against a count by a plain Set: a pass that is cut into pieces with changes in
 * between, and all ways to find duplicates at once. (One pass: zram/merge.test.ts; deduplication: dedup.test.ts.)
 */
import { describe, test } from '@jest/globals';
import { findInAllWays, mergeInPieces } from './support/exact-checks.js';
import { generatedSets, pageCount, type DataSet } from './support/pages.js';
import { Random, seedOfRun } from './support/random.js';
import { BUILDS, engineOf } from './support/raw-core.js';
import { processPages, programPages } from './support/real-pages.js';

const seed = seedOfRun();
const random = new Random(seed, 'exact');

const sets = [...generatedSets(seed), programPages(seed, 1200), processPages(seed, 1200)].filter(pageCount);
const together: DataSet = { name: 'all of them', pages: new Uint8Array(Buffer.concat(sets.map(({ pages }) => pages))) };

describe.each(BUILDS)('exact on the %s build', (build) => {
  test.each([...sets, together])('a pass in pieces with changes in between: $name', (set) => {
    using engine = engineOf(build);
    mergeInPieces(engine, set, random);
  });

  test.each([...sets, together])('devices with and without dedup and a zswap, merged all the while: $name', (set) => {
    using engine = engineOf(build);
    findInAllWays(engine, set, random);
  });
});
