/**
 * The tests can fail: with a bug planted in the core, each model's run ends in an error, within as many sequences as its own
 * test runs. (The models of zswap, of histories, of ParallelZram and of hostile save files have theirs where they are.)
 */
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { Engine } from '../bindings/index.js';
import { findInAllWays, mergeInPieces } from './support/exact-checks.js';
import { FIXTURE_SEED, TRACE_SLOTS, decodeRows, fixtureCases, readFixture } from './support/fixtures.js';
import { FlakyAsyncBacking, FlakyBacking } from './support/flaky-backing.js';
import { LIMIT_PAGES, LIMIT_SCENARIOS, LIMIT_SEED, LIMIT_SLOTS } from './support/limit-scenarios.js';
import { expectAsReference, expectHolds, hostile } from './support/lz4-checks.js';
import { DEVICE_PAGES, ModelDevices } from './support/model-devices.js';
import { deviceOperation } from './support/model-devices-operations.js';
import { ModelPool } from './support/model-pool.js';
import { poolOperation } from './support/model-pool-operations.js';
import { DISK_PAGES as SHARED_PAGES, ModelShared } from './support/model-shared.js';
import { sharedOperation } from './support/model-shared-operations.js';
import { DISK_PAGES, ModelZram } from './support/model-zram.js';
import { zramOperation } from './support/model-zram-operations.js';
import { generatedSets, pageCount, pageOf } from './support/pages.js';
import { assertParity } from './support/parity.js';
import { every, numbersOf, plant, withoutBody, type Wrapper } from './support/planted.js';
import { Random, seedOfRun } from './support/random.js';
import { bareCore, engineOf, rawExports, roomAtTheEnd } from './support/raw-core.js';
import { referenceDecode } from './support/reference-lz4.js';
import { ToyCompressor } from './support/toy-compressor.js';
import { operationCount } from './support/trace.js';
import { histories, saveAndLoad } from './save/model.js';

const seed = seedOfRun();
const ENOMEM = -12;
const sets = generatedSets(seed);

/** A wrapped export, or a function of the debug build that does nothing but return a constant. */
type Bug = Wrapper | WebAssembly.Module;
type MakeEngine = (options?: Parameters<typeof engineOf>[1]) => Engine;
/** Runs a model to its end. */
type Run = (makeEngine: MakeEngine, seed: number) => Promise<void> | void;

/** A bug that needs several things at once may slip through one run; not through so many. */
const SEEDS = 5;

function engineWith(bug: Bug): MakeEngine {
  return (options) =>
    bug instanceof WebAssembly.Module
      ? Engine.createSync({ ...options, module: bug })
      : plant(engineOf('release', options), bug);
}

function found(bugs: Record<string, () => Bug>, run: Run): void {
  test.each(Object.entries(bugs))(
    '%s',
    async (_, bug) => {
      const failure = async (): Promise<unknown> => {
        for (let n = 0; n < SEEDS; n++) {
          const makeEngine = engineWith(bug());
          try {
            await run(makeEngine, (seed + n) | 0);
          } catch (error) {
            return error;
          }
        }
        return undefined;
      };
      expect(await failure()).toBeDefined();
    },
    240_000,
  );
}

const RUNS = { endOnFailure: true, verbose: 0 } as const;

describe('the model of a pool finds that', () => {
  const run: Run = (makeEngine, seed) => {
    const sequence = fc.array(poolOperation(8), { maxLength: 60, size: 'max' });
    const property = fc.property(sequence, fc.boolean(), fc.boolean(), (list, dedup, weak) => {
      using engine = makeEngine();
      if (weak) rawExports(engine).weakenHash(0);
      const pool = engine.createPool({ dedup });
      const model = new ModelPool({ engine, pool });
      for (const operation of list) model.run(operation);
      model.settle();
      model.end();
      pool.destroy();
    });
    fc.assert(property, { ...RUNS, seed, numRuns: 100 });
  };
  found(
    {
      'a read gives what another handle holds': () => (raw) => {
        let other = 0;
        const wrong = every(7);
        return {
          poolRead: (pool, handle) => {
            const length = raw.poolRead(pool, handle);
            if (other !== handle && wrong() && raw.poolSize(pool, other) === length) raw.poolRead(pool, other);
            other = handle;
            return length;
          },
        };
      },
      'a write is lost': () => (raw) => {
        const wrong = every(5);
        return { poolWrite: (...args) => (wrong() ? 0 : raw.poolWrite(...args)) };
      },
      'a free is lost': () => (raw) => {
        const wrong = every(7);
        return { poolFree: (...args) => (wrong() ? 0 : raw.poolFree(...args)) };
      },
      'a handle is given out twice': () => (raw) => {
        const wrong = every(7);
        let last = 0;
        return { poolStore: (...args) => (last > 0 && wrong() ? last : (last = raw.poolStore(...args))) };
      },
      'there is no room where there is': () => (raw) => {
        const wrong = every(11);
        return { poolStore: (...args) => (wrong() ? ENOMEM : raw.poolStore(...args)) };
      },
      'a counter is one off': () => (raw) => {
        const wrong = every(50);
        return {
          poolStats: (pool) => {
            raw.poolStats(pool);
            if (wrong()) numbersOf(raw)[3]++;
          },
        };
      },
      'a merge ends too early': () => (raw) => ({
        poolMergeStep: (pool, objectsMax, dry) => raw.poolMergeStep(pool, Math.min(objectsMax, 3), dry) || 1,
      }),
      'a merge does nothing': () => withoutBody('assembly/zsmalloc/merge/pass/merge_step', 1),
      'equal hashes are taken for equal content': () => withoutBody('assembly/zsmalloc/object/objects_equal', 1),
      'objects that are equal are not': () => withoutBody('assembly/zsmalloc/object/objects_equal', 0),
      'all content is a value over and over': () => withoutBody('assembly/zsmalloc/same/is_same_filled', 1),
      'compaction moves nothing': () => withoutBody('assembly/zsmalloc/compact/zs_compact', 0),
      'an object is not freed': () => withoutBody('assembly/zsmalloc/owner/object_free'),
      'a handle is not retained': () => withoutBody('assembly/zsmalloc/handle/zs_retain', 1),
      'an object that moved is not noted as such': () => withoutBody('assembly/zsmalloc/dedup/dedup_moved'),
    },
    run,
  );
});

describe('the model of devices on a pool finds that', () => {
  const lz4 = bareCore('release');
  const run: Run = (makeEngine, seed) => {
    const sequence = fc.array(zramOperation(DISK_PAGES, 2), { maxLength: 60, size: 'max' });
    const property = fc.property(sequence, fc.boolean(), (operations, weak) => {
      using engine = makeEngine();
      if (weak) rawExports(engine).weakenHash(0);
      const pool = engine.createPool();
      const model = new ModelZram({ engine, pool, levels: [1, 1], lz4, tight: false });
      for (const operation of operations) model.run(operation);
      model.end();
      pool.destroy();
    });
    fc.assert(property, { ...RUNS, seed, numRuns: 90 });
  };
  found(
    {
      'a read gives the page before': () => (raw) => {
        const wrong = every(9);
        return {
          zramReadPages: (device, index, count, now) =>
            raw.zramReadPages(device, index > 0 && wrong() ? index - 1 : index, count, now),
        };
      },
      'a page is not written': () => (raw) => {
        const wrong = every(7);
        return { zramWritePage: (...args) => (wrong() ? 0 : raw.zramWritePage(...args)) };
      },
      'the last of many pages is not written': () => (raw) => ({
        zramWritePages: (device, index, count, now, asks) => {
          if (count < 2) return raw.zramWritePages(device, index, count, now, asks);
          const done = raw.zramWritePages(device, index, count - 1, now, asks);
          return done === count - 1 ? count : done;
        },
      }),
      'a discard is lost': () => (raw) => {
        const wrong = every(3);
        return { zramDiscard: (...args) => (wrong() ? 0 : raw.zramDiscard(...args)) };
      },
      'a page more is discarded': () => (raw) => ({
        // Not beyond the disk: what the core does then is no bug of its own, and may not end.
        zramDiscard: (device, index, count) =>
          raw.zramDiscard(device, index, count + (count > 2 && index + count < DISK_PAGES ? 1 : 0)),
      }),
      'a counter is one off': () => (raw) => {
        const wrong = every(50);
        return {
          zramStats: (device) => {
            raw.zramStats(device);
            if (wrong()) numbersOf(raw)[8]++;
          },
        };
      },
      'a limit is not set': () => () => ({ zramSetLimit: () => undefined }),
      'every page is filled with a value': () => withoutBody('assembly/bytes/compare/page_same_filled', 1),
      'no page is filled with a value': () => withoutBody('assembly/bytes/compare/page_same_filled', 0),
      'equal hashes are taken for equal content': () => withoutBody('assembly/zsmalloc/object/objects_equal', 1),
      'what a slot held is not freed': () => withoutBody('assembly/zram/device/slot_free'),
      'a match that overlaps itself is not copied': () => withoutBody('assembly/bytes/lz4-decompress/copy_pattern'),
    },
    run,
  );
});

describe('the model of devices with all that they do finds that', () => {
  const run: Run = async (makeEngine, seed) => {
    let written = 0;
    const sequence = fc.array(deviceOperation(DEVICE_PAGES), { maxLength: 50, size: 'max' });
    const settings = fc.record({ order: fc.nat(), asynchronous: fc.boolean(), dedup: fc.boolean() });
    const property = fc.asyncProperty(sequence, settings, async (operations, { order, asynchronous, dedup }) => {
      const toy = new ToyCompressor();
      using engine = makeEngine({ compressors: [toy] });
      const pool = engine.createPool({ dedup });
      const model = new ModelDevices({
        ...{ engine, pool, toy, dedup, compAlgorithm: 'lz4', recompAlgorithms: ['toy', 'deflate'] },
        ...{ compressedWriteback: false, tight: false },
        makeBacking: () => new (asynchronous ? FlakyAsyncBacking : FlakyBacking)(12),
      });
      for (const operation of operations) await model.run(operation);
      await model.end(order);
      written += model.seen.get('written back') ?? 0;
      pool.destroy();
    });
    await fc.assert(property, { ...RUNS, seed, numRuns: 60 });
    expect(written).toBeGreaterThan(0);
  };
  found(
    {
      'a page is written back and not marked so': () => withoutBody('assembly/zram/post-process/write_back', 2),
      'a page is fetched from another block': () => (raw) => ({ zramReadBlock: () => raw.zramReadBlock() ^ 1 }),
      'a page is written to another block': () => (raw) => {
        const wrong = every(5);
        return { zramBlockNumber: (cell) => raw.zramBlockNumber(cell) ^ (wrong() ? 1 : 0) };
      },
      'a block that is free again is not counted so': () => withoutBody('assembly/zram/backing/block_drop'),
      "a block of two devices is one's": () => withoutBody('assembly/zram/backing/block_retain', 1),
      'a recompressed page is cut': () => (raw) => ({
        zramRecompress: (device, index, length, ...rest) =>
          raw.zramRecompress(device, index, length > 100 ? length - 1 : length, ...rest),
      }),
      'a snapshot has its objects for itself': () => withoutBody('assembly/zram/slot/held_retain', 1),
      'a difference is left out': () => (raw) => {
        const wrong = every(3);
        return {
          zramNextDifference: (a, b, from, most) => {
            const found = raw.zramNextDifference(a, b, from, most);
            return found < 2 ** 34 - 4 && wrong()
              ? raw.zramNextDifference(a, b, Math.floor(found / 4) + 1, most)
              : found;
          },
        };
      },
      'all slots are equal': () => withoutBody('assembly/zram/difference/slots_compare', 0),
      'no page is idle': () => withoutBody('assembly/zram/post-process/mark_idle', 1),
      'pages that are huge no more count as such': () => withoutBody('assembly/zram/post-process/settle_slots', 0),
    },
    run,
  );
});

describe('the model of all users of a pool finds that', () => {
  const lz4 = bareCore('release');
  const run: Run = (makeEngine, seed) => {
    const sequence = fc.array(sharedOperation(SHARED_PAGES), { maxLength: 70, size: 'max' });
    const dedups = fc.constantFrom(0 as const, 1 as const, 2 as const);
    const property = fc.property(sequence, dedups, fc.boolean(), (operations, dedup, weakHash) => {
      using engine = makeEngine();
      if (weakHash) rawExports(engine).weakenHash(0);
      const model = new ModelShared({
        ...{ engine, lz4, dedup, weakHash, levels: [1, 1], swapLimit: 24 * 4096, failPercent: 20, tight: false },
        ...{ shrinker: false, exclusiveLoads: false, dedupCache: weakHash ? 32 * 1024 : 0 },
      });
      for (const operation of operations) model.run(operation);
      model.end();
    });
    fc.assert(property, { ...RUNS, seed, numRuns: 100 });
  };
  found(
    {
      'a page is loaded by the handle of another': () => (raw) => {
        let other: number | undefined;
        const wrong = every(5);
        return {
          poolLoadPage: (pool, handle) => {
            const use = other !== undefined && wrong() ? other : handle;
            other = handle;
            return raw.poolLoadPage(pool, use);
          },
        };
      },
      'no duplicate is found when a page is stored': () => withoutBody('assembly/zsmalloc/dedup/dedup_find_page', 0),
      'any page is a duplicate of one with its hash': () => withoutBody('assembly/bytes/lz4-holds/lz4_holds', 1),
      'any object holds the bytes of one with its hash': () => withoutBody('assembly/bytes/compare/bytes_equal', 1),
      'an object that is gone stays in the index': () => withoutBody('assembly/zsmalloc/dedup/dedup_forget'),
      'an object is not taken into the index': () => withoutBody('assembly/zsmalloc/dedup/dedup_enter'),
      'the copy of a page stays when its object goes': () => withoutBody('assembly/zsmalloc/dedup-cache/cache_rename'),
      'saved bytes are counted one off': () => (raw) => {
        const wrong = every(50);
        return {
          poolStats: (pool) => {
            raw.poolStats(pool);
            if (wrong()) numbersOf(raw)[11]++;
          },
        };
      },
      'a merge does nothing': () => withoutBody('assembly/zsmalloc/merge/pass/merge_step', 1),
    },
    run,
  );
});

describe('the model of saved devices finds that', () => {
  const run: Run = async (makeEngine, seed) => {
    using engine = makeEngine();
    const property = fc.asyncProperty(histories, (both) => saveAndLoad(engine, both));
    await fc.assert(property, { ...RUNS, seed, numRuns: 15 });
  };
  found(
    {
      'a page is loaded to the slot behind': () => (raw) => {
        const wrong = every(9);
        return {
          zramLoadObject: (device, index, ...rest) => raw.zramLoadObject(device, index + (wrong() ? 1 : 0), ...rest),
        };
      },
      'a page that shares an object is not loaded': () => () => ({ zramLoadShared: () => 0 }),
      'pages that two devices share are not loaded': () => () => ({ zramLoadForked: () => 0 }),
      'a block is saved with a byte changed': () => (raw) => {
        const wrong = every(20);
        return {
          zramPayload: (...args) => {
            const payload = raw.zramPayload(...args);
            if (wrong()) new Uint8Array(raw.memory.buffer)[raw.stagingAddress() + 20] ^= 1;
            return payload;
          },
        };
      },
    },
    run,
  );
});

describe('the differential test of LZ4 finds that', () => {
  const random = new Random(seed, 'canaries');
  const pages = sets.flatMap((set) => Array.from({ length: 4 }, () => pageOf(set, random.below(pageCount(set)))));
  const run: Run = (makeEngine) => {
    const raw = rawExports(makeEngine());
    const { end } = roomAtTheEnd(raw);
    const blocks = pages.map((page) => {
      const staging = raw.stagingAddress();
      new Uint8Array(raw.memory.buffer).set(page, staging);
      const length = raw.lz4Compress(1);
      return new Uint8Array(raw.memory.buffer).slice(staging + page.length, staging + page.length + length);
    });
    for (let n = 0; n < 5000; n++) {
      const block = n % 10 === 0 ? random.pick(blocks) : hostile(random, blocks);
      expectAsReference(raw, end, block, random.chance(20) ? 4096 : 1 + random.below(4096));
      expectHolds(raw, end, block, referenceDecode(block, 4096), random.below(4096 * 8));
    }
  };
  found(
    {
      'a match that overlaps itself is not copied': () => withoutBody('assembly/bytes/lz4-decompress/copy_pattern'),
      'any page is held': () => withoutBody('assembly/bytes/lz4-holds/lz4_holds', 1),
      'no page is held': () => withoutBody('assembly/bytes/lz4-holds/lz4_holds', 0),
      'it never says no': () => withoutBody('assembly/bytes/lz4-decompress/lz4_decompress', 0),
      'short sequences are skipped': () => withoutBody('assembly/bytes/lz4-decompress/decode_fast', 1),
      'a byte behind the room is changed': () => (raw) => ({
        lz4Decompress: (src, length, dst, room) => {
          const made = raw.lz4Decompress(src, length, dst, room);
          if (made === room || room % 100 === 0) new Uint8Array(raw.memory.buffer)[dst + room]++;
          return made;
        },
      }),
    },
    run,
  );
});

describe('the count of all duplicates finds that', () => {
  const [set] = sets;
  for (const [name, check] of Object.entries({ mergeInPieces, findInAllWays })) {
    const bugs: Record<string, () => Bug> = {
      'equal objects are not merged': () => withoutBody('assembly/zsmalloc/object/objects_equal', 0),
      'a page is not written': () => (raw) => {
        const wrong = every(40);
        return { zramWritePage: (...args) => (wrong() ? 0 : raw.zramWritePage(...args)) };
      },
      'no page is filled with a value': () => withoutBody('assembly/bytes/compare/page_same_filled', 0),
    };
    describe(name, () =>
      found(bugs, (makeEngine) => {
        check(makeEngine(), set, new Random(seed, 'canaries'));
      }),
    );
  }
});

describe('parity with the kernel finds that', () => {
  const [{ set, level, trace }] = fixtureCases();
  const recorded = readFixture('traces').traces.find((one) => one.set === set.name && one.level === level)!;
  const kernel = { rows: decodeRows(recorded.rows, operationCount(trace)), ioStat: recorded.ioStat };
  const [limited] = LIMIT_SCENARIOS;
  const limits = readFixture('limits').scenarios.find(({ name }) => name === limited.name)!;

  const bodies: [what: string, name: string, constant?: number][] = [
    ['compaction moves nothing', 'assembly/zsmalloc/compact/zs_compact', 0],
    ['no page is filled with a value', 'assembly/bytes/compare/page_same_filled', 0],
    ['every zspage is one page', 'assembly/zsmalloc/size-class/frames_per_zspage', 1],
  ];
  test.each(bodies)(
    '%s',
    async (_, name, constant) => {
      const module = withoutBody(name, constant);
      const parity = { set, trace, slots: TRACE_SLOTS, algorithm: { name: 'lz4', level }, seed: FIXTURE_SEED, module };
      await expect(assertParity(parity, kernel)).rejects.toThrow();
    },
    30_000,
  );

  test('a limit is not set', async () => {
    const module = withoutBody('assembly/exports/zram/zramSetLimit');
    const algorithm = { name: 'lz4', level: 1 };
    const parity = { set: LIMIT_PAGES, trace: limited.trace, slots: LIMIT_SLOTS, algorithm, seed: LIMIT_SEED, module };
    const rows = decodeRows(limits.rows, operationCount(limited.trace));
    await expect(assertParity(parity, { rows, ioStat: limits.ioStat })).rejects.toThrow();
  }, 30_000);
});
