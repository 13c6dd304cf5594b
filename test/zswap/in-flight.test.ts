/** Zswap with writes and reads in flight: asynchronous backings that answer late, in any order, and with errors. */
import { describe, expect, test } from '@jest/globals';
import { MemoryBacking, type Zswap, type ZswapOptions } from '../../bindings/index.js';
import { SlotUsers } from '../../bindings/zswap/slot-users.js';
import { LateBacking, LateBatchBacking } from '../interleavings/late-backing.js';
import { codeOf } from '../support/errors.js';
import { InFlightModel, type InFlightCalls } from '../support/model-zswap-in-flight.js';
import { Random, seedOfRun } from '../support/random.js';
import { BUILDS, checkPools, engineOf, type Build } from '../support/raw-core.js';

const LONG = process.env.ZRAM_WASM_LONG === '1';
const SEQUENCES = LONG ? 20_000 : 16;
const SEQUENCES_TO_FIND = 300;
const STEPS_MAX = 100;
const SLOTS = 16;
const TIMEOUT_MS = LONG ? 7_200_000 : 120_000;

const BACKINGS = {
  'a page at a time': (random: Random) => new LateBacking(SLOTS, random),
  'batches of pages': (random: Random) => new LateBatchBacking(SLOTS, random, false),
  'batches of objects': (random: Random) => new LateBatchBacking(SLOTS, random, true),
  'a synchronous one': () => undefined,
} as const;
type Kind = keyof typeof BACKINGS;

type Seen = InFlightModel['seen'];
/** Calls of a zswap with a fault, in the place of its own. */
type Fault = (zswap: Zswap) => Partial<InFlightCalls>;

/** Runs a sequence that is drawn from the number. */
async function runSequence(build: Build, kind: Kind, packs: boolean, seed: number, fault?: Fault): Promise<Seen> {
  const random = new Random(seed, 'in flight');
  using engine = engineOf(build);
  const used = engine.memory.used;
  const late = BACKINGS[kind](random);
  const backing = late ?? new MemoryBacking(SLOTS);
  if (late && random.chance(40)) late.failPercent = 25;
  if (late && random.chance(20)) late.damagePercent = 15;
  const options: ZswapOptions = {
    ...{ backing, packSlots: packs, exclusiveLoads: random.chance(30), shrinkerEnabled: random.chance(50) },
    ...(random.chance(50) ? { maxPoolBytes: 5 * 4096, acceptThresholdPercent: 60 } : {}),
  };
  const zswap = engine.createZswap(options);
  const model = new InFlightModel(withFault(zswap, fault), late, options.exclusiveLoads === true, random);
  for (let left = random.between(1, STEPS_MAX); left > 0; left--) {
    await model.step();
    if (left % 8 === 0) checkPools(engine);
  }
  if (random.chance(40)) {
    const calls = late?.writesWaiting ?? 0;
    await model.destroy();
    if (calls > 0) expect(codeOf(() => engine.createZswap({ backing }))).toBe('EBUSY');
  } else {
    await model.end();
    if (!late?.damaged) await model.fill(SLOTS);
    checkPools(engine);
    await model.destroy();
  }
  await model.answerAll();
  expect(engine.memory.used).toBe(used);
  engine.createZswap({ backing }).destroy(); // it is free again
  return model.seen;
}

async function withoutRejections(work: () => Promise<unknown>): Promise<void> {
  const rejections: unknown[] = [];
  const note = (reason: unknown): void => void rejections.push(reason);
  process.on('unhandledRejection', note);
  try {
    await work();
  } finally {
    process.off('unhandledRejection', note);
  }
  expect(rejections).toEqual([]);
}

describe.each(BUILDS)('a zswap of the %s build', (build) => {
  const variants = (Object.keys(BACKINGS) as Kind[]).flatMap((kind) => [false, true].map((packs) => ({ kind, packs })));
  const total: Record<string, number> = {};
  test.each(variants)(
    'is a map of pages in front of $kind, packed: $packs',
    async ({ kind, packs }) => {
      const seeds = new Random(seedOfRun(), `${build} ${kind} ${packs}`);
      await withoutRejections(async () => {
        for (let n = 0; n < SEQUENCES; n++) {
          const seed = seeds.next();
          const seen = await runSequence(build, kind, packs, seed).catch((error: unknown) => {
            throw new Error(`of the sequence ${seed}: ${String(error)}`, { cause: error });
          });
          for (const [what, count] of Object.entries(seen)) total[what] = (total[what] ?? 0) + count;
        }
      });
    },
    TIMEOUT_MS,
  );

  test('the sequences did what this is about', () => {
    for (const what of ['loaded', 'waited', 'EIO', 'ECANCELED', 'EINVAL', 'EAGAIN', 'writtenBack']) {
      expect([what, total[what]]).not.toEqual([what, 0]);
    }
  });
});

function withFault(zswap: Zswap, fault: Fault | undefined): InFlightCalls {
  return {
    store: (key, page) => zswap.store(key, page),
    load: (key) => zswap.load(key),
    loadAsync: (key, out, options) => zswap.loadAsync(key, out, options),
    invalidate: (key) => zswap.invalidate(key),
    shrinkAsync: (pages, options) => zswap.shrinkAsync(pages, options),
    stats: () => zswap.stats(),
    destroy: () => zswap.destroy(),
    ...fault?.(zswap),
  };
}

const PLANTED: Record<string, Fault> = {
  'a load gives what the key held when it began': (zswap) => {
    const held = new Map<number, Uint8Array>();
    return {
      store: (key, page) => (held.set(key, page), zswap.store(key, page)),
      async loadAsync(key, out, options) {
        const before = held.get(key);
        return (await zswap.loadAsync(key, out, options)) && before;
      },
    };
  },
  'a page that cannot be read is forgotten': (zswap) => ({
    async loadAsync(key, out, options) {
      try {
        return await zswap.loadAsync(key, out, options);
      } catch (error) {
        zswap.invalidate(key);
        throw error;
      }
    },
  }),
  'a page that is dropped while it is written comes back': (zswap) => ({
    invalidate(key) {
      if (zswap.stats().writtenBackPages % 3 !== 2) zswap.invalidate(key);
    },
  }),
};

async function isFound(fault?: Fault): Promise<boolean> {
  const seeds = new Random(seedOfRun(), 'planted in flight');
  let found = false;
  for (let n = 0; n < SEQUENCES_TO_FIND && !found; n++) {
    await runSequence('release', 'a page at a time', true, seeds.next(), fault).catch(() => (found = true));
  }
  return found;
}

test.each(Object.keys(PLANTED))('the model finds that %s', async (name) => {
  expect(await isFound(PLANTED[name])).toBe(true);
});

test('the model finds that a slot is free when the first of its objects has gone', async () => {
  const { leave } = SlotUsers.prototype;
  SlotUsers.prototype.leave = () => true;
  try {
    expect(await isFound()).toBe(true);
  } finally {
    SlotUsers.prototype.leave = leave;
  }
});
