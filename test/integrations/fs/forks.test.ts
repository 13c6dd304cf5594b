/**
 * Forks and snapshots against a model that copies everything, with and without memory to spare.
 *
 * ZRAM_WASM_LONG=1 runs 10,000 sequences, ZRAM_WASM_SEQUENCES another number; ZRAM_WASM_SEED repeats a run.
 */
import { describe, expect, test } from '@jest/globals';
import { Engine, type Handle } from '../../../bindings/index.js';
import { Inode } from '../../../integrations/fs/inode.js';
import { PageMap } from '../../../integrations/fs/page-map.js';
import { PageSpace } from '../../../integrations/fs/page-space.js';
import { Random, seedOfRun } from '../../support/random.js';
import { checkPools, compiledCore } from '../../support/raw-core.js';
import { Forest, type ForestOptions } from './forest.js';

const LONG = process.env.ZRAM_WASM_LONG === '1';
const SEQUENCES = Number(process.env.ZRAM_WASM_SEQUENCES ?? (LONG ? 10_000 : 20));
const TIMEOUT_MS = LONG ? 7_200_000 : 120_000;
const CALLS = 120;
/** Of an engine whose memory is to end. */
const MEMORY_BYTES = 2 ** 21;

/** Takes all memory of an engine but some pages. */
function fill(engine: Engine, pagesLeft: number, random: Random): void {
  const pool = engine.createPool();
  const held: Handle[] = [];
  const page = random.fill(new Uint8Array(4096));
  for (;;) {
    try {
      new DataView(page.buffer).setUint32(0, held.length); // each another
      held.push(pool.store(page));
    } catch (error) {
      expect(error).toMatchObject({ code: 'ENOMEM' });
      break;
    }
  }
  for (const handle of held.slice(0, pagesLeft + FIXED_PAGES)) pool.free(handle);
}
/** What a device takes before it has pages. */
const FIXED_PAGES = 12;

function runSequence(seed: number, engine: Engine, calls: number, options: ForestOptions): Forest {
  const random = new Random(seed, 'forest');
  const forest = new Forest(engine, random, options);
  let refused = 0;
  try {
    for (let n = 1; n <= calls; n++) {
      if (!forest.step()) forest.seen.set('refused', ++refused);
      if (n % 15 === 0) forest.check();
      if (n % 15 === 0 && refused === 0) forest.checkDiff();
    }
    forest.check();
    forest.end();
  } catch (error) {
    throw new Error(`with seed ${seed}: ${String(error)}`, { cause: error });
  }
  return forest;
}

describe('forks and snapshots', () => {
  test(
    'each is a copy of everything, and nothing is left of them',
    () => {
      const seeds = new Random(seedOfRun(), 'forks');
      const engine = Engine.createSync({ module: compiledCore('debug') });
      const before = engine.memory.used;
      for (let n = 0; n < SEQUENCES; n++) {
        runSequence(seeds.next(), engine, CALLS, { dedup: seeds.chance(40) });
        checkPools(engine);
        expect(engine.memory.used).toBe(before);
      }
      engine.destroy();
    },
    TIMEOUT_MS,
  );

  test(
    'when memory ends, old content stays, all can be read, and then removed',
    () => {
      const seeds = new Random(seedOfRun(), 'exhaustion');
      let refused = 0;
      for (let n = 0; n < SEQUENCES; n++) {
        const engine = Engine.createSync({ module: compiledCore('debug'), maxMemory: MEMORY_BYTES });
        fill(engine, 1 + seeds.below(120), seeds);
        const options = { dedup: seeds.chance(40), randomPercent: 80 };
        refused += runSequence(seeds.next(), engine, CALLS, options).seen.get('refused') ?? 0;
        checkPools(engine);
        engine.destroy();
      }
      expect(refused).toBeGreaterThan(0);
    },
    TIMEOUT_MS,
  );

  test('when there is no room for names, old content stays', () => {
    const seeds = new Random(seedOfRun(), 'metadata');
    const engine = Engine.createSync();
    let refused = 0;
    for (let n = 0; n < SEQUENCES; n++) {
      const options = { maxMetadata: 500 + 100 * n };
      refused += runSequence(seeds.next(), engine, CALLS, options).seen.get('refused') ?? 0;
    }
    expect(refused).toBeGreaterThan(0);
    engine.destroy();
  });
});

/** Bugs of which each would let forks see each other's changes, or lose memory. */
const PLANTED: { name: string; plant: () => () => void }[] = [
  {
    name: 'a fork changes the pages of its origin',
    plant: () => replaced(PageMap.prototype, 'copyFor', returnsItself),
  },
  { name: 'a fork changes the inodes of its origin', plant: () => replaced(Inode.prototype, 'copyFor', returnsItself) },
  { name: 'free pages are given out twice', plant: () => replaced(PageSpace.prototype, 'fork', returnsItself) },
  { name: 'pages of removed files are kept', plant: () => replaced(PageMap.prototype, 'cut', () => undefined) },
];

function returnsItself<T>(this: T): T {
  return this;
}

function replaced<T extends object>(owner: T, name: keyof T, by: (...args: never[]) => unknown): () => void {
  const old = owner[name];
  owner[name] = by as never;
  return () => void (owner[name] = old);
}

/** Within so many each is found; most are within five. */
const SEQUENCES_TO_FIND = 200;

describe('a planted bug is found', () => {
  test.each(PLANTED)('$name', ({ plant }) => {
    const seeds = new Random(seedOfRun(), 'planted');
    const engine = Engine.createSync();
    const before = engine.memory.used;
    const end = plant();
    let found: unknown;
    try {
      for (let n = 0; n < SEQUENCES_TO_FIND && found === undefined; n++) {
        runSequence(seeds.next(), engine, CALLS, {});
        if (engine.memory.used !== before) found = 'memory';
      }
    } catch (error) {
      found = error;
    } finally {
      end();
      engine.destroy();
    }
    expect(found).toBeDefined();
  });
});
