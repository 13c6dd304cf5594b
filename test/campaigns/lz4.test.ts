/**
 * Some 10^5 hostile blocks of the campaign (lz4.ts), from a seed of this run; and that it sees a decoder that is wrong.
 *
 * ZRAM_WASM_LONG=1 tries some ten million.
 */
import { describe, expect, test } from '@jest/globals';
import { seedOfRun } from '../support/random.js';
import { bareCore, BUILDS, memoryOf, type RawExports } from '../support/raw-core.js';
import { branchesOf, CELLS, isPossible } from './lz4/decoder.js';
import { recipes } from './lz4/recipes.js';
import { BLOCKS_A_SEED, Runner } from './lz4/run.js';

const SEEDS = process.env.ZRAM_WASM_LONG === '1' ? 4800 : 48;
/** All recipes are run, from wherever the seed says. */
const first = seedOfRun() * recipes.length;

test.each(BUILDS)(
  `${SEEDS * BLOCKS_A_SEED} hostile blocks in the %s build, seeds from ${first}`,
  (build) => {
    const { arena, run } = runnerOf(bareCore(build));
    run(first, first + SEEDS);
    expect(arena.tally.held).toBeGreaterThan(0);
    const missed = Object.entries(branchesOf(arena.cells)).filter(([, count]) => count === 0);
    expect(missed).toEqual([]);
    const reached = Array.from(arena.cells).filter((count, cell) => count > 0 && isPossible(cell)).length;
    expect(reached / Array.from({ length: CELLS }, (_, cell) => cell).filter(isPossible).length).toBeGreaterThan(0.8);
  },
  600_000,
);

function runnerOf(raw: RawExports): { arena: Runner['arena']; run: (first: number, end: number) => void } {
  const runner = new Runner(raw, recipes);
  return { arena: runner.arena, run: (from, end) => runner.run(from, end) };
}

describe('a decoder that is wrong is found', () => {
  type Wrong = (raw: RawExports, memory: () => Uint8Array) => Partial<RawExports>;
  /** What some of the calls do. */
  const wrong: Record<string, Wrong> = {
    'it writes behind its room': (raw, memory) => ({
      lz4Decompress: (src, length, dst, room) => {
        const made = raw.lz4Decompress(src, length, dst, room);
        if (dst + room + 15 < memory().length && made === room) memory()[dst + room + 15] ^= 1;
        return made;
      },
    }),
    'it writes before its room': (raw, memory) => ({
      lz4Decompress: (src, length, dst, room) => {
        if (room % 50 === 1) memory()[dst - 1]++;
        return raw.lz4Decompress(src, length, dst, room);
      },
    }),
    'it writes far away': (raw, memory) => ({
      lz4Decompress: (src, length, dst, room) => {
        if (length === 100) memory()[4096]++;
        return raw.lz4Decompress(src, length, dst, room);
      },
    }),
    'it changes its source': (raw, memory) => ({
      lz4Decompress: (src, length, dst, room) => {
        if (length % 50 === 1) memory()[src + length - 1]++;
        return raw.lz4Decompress(src, length, dst, room);
      },
    }),
    'its last byte is another': (raw, memory) => ({
      lz4Decompress: (src, length, dst, room) => {
        const made = raw.lz4Decompress(src, length, dst, room);
        if (made % 50 === 1) memory()[dst + made - 1] ^= 128;
        return made;
      },
    }),
    'it makes a byte less': (raw) => ({
      lz4Decompress: (src, length, dst, room) => {
        const made = raw.lz4Decompress(src, length, dst, room);
        return made > 1000 ? made - 1 : made;
      },
    }),
    'it refuses what is right': (raw) => ({
      lz4Decompress: (src, length, dst, room) => (length === 77 ? -5 : raw.lz4Decompress(src, length, dst, room)),
    }),
    'it takes a block that is cut': (raw) => ({
      lz4Decompress: (src, length, dst, room) => {
        const made = raw.lz4Decompress(src, length, dst, room);
        return made < 0 && length === 33 ? 0 : made;
      },
    }),
    'a page is held by a block of another': (raw) => ({
      lz4Holds: (src, length, page) => raw.lz4Holds(src, length, page) || (length % 50 === 1 ? 1 : 0),
    }),
    'a page is not held by its block': (raw) => ({
      lz4Holds: (src, length, page) => (length % 4 === 1 ? 0 : raw.lz4Holds(src, length, page)),
    }),
  };

  test.each(Object.entries(wrong))('%s', (_, plant) => {
    const raw = bareCore('release');
    const planted = { ...raw, ...plant(raw, () => memoryOf(raw)) };
    expect(() => runnerOf(planted).run(first, first + SEEDS)).toThrow(/seed \d+/);
  });
});
