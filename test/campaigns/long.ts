/**
 * A long run of everything at once, with too little memory: `npm run campaign -- long`.
 *
 * It goes in cycles. In each, devices, handles, a scanner, a zswap and a history share an engine that lives all along, and
 * a device of two workers is beside them; after some hundred operations of each, all bytes are compared and all counters
 * counted again; at the end of a cycle everything is ended, and nothing may be left behind.
 */
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { Engine, Zram, type ZsPool } from 'zram-wasm';
import { Random, seedOfRun } from '../support/random.js';
import { History, Swap } from './long/caches.js';
import { Devices } from './long/devices.js';
import { Handles } from './long/handles.js';
import { Parallel } from './long/parallel.js';
import { count, expect, expectEqual, type User, type World } from './long/user.js';
import { Watch } from './long/watch.js';

const USAGE = `Usage: npm run campaign -- long
  ZRAM_WASM_SECONDS  how long (3600)
  ZRAM_WASM_SEED     repeats the choices of a run`;

const SECONDS = Number(process.env.ZRAM_WASM_SECONDS ?? 3600);
const MAX_MEMORY = '2M';
/** Cycles in a run, and how long one takes at most. */
const CYCLES = 40;
const CYCLE_SECONDS_MAX = 30;
const STEPS_A_CHECK = 150;
/** What has to happen in any run, since it is what the run is about. */
const MUST_HAPPEN = ['ENOMEM', 'EIO', 'written back', 'loaded', 'evicted', 'rejected'];

/** The pool's counters are what its users have; what handles share with devices only they together can tell. */
function expectCounted(pool: ZsPool, objects: ReadonlyMap<number, number>, lengths: readonly number[]): void {
  const sum = (numbers: Iterable<number>): number => [...numbers].reduce((total, length) => total + length, 0);
  const stats = pool.stats();
  const [least, most] = [objects.size, objects.size + lengths.length];
  const [leastBytes, mostBytes] = [sum(objects.values()), sum(objects.values()) + sum(lengths)];
  const right =
    stats.objects >= least && stats.objects <= most && stats.bytes >= leastBytes && stats.bytes <= mostBytes;
  const counted = `${least} to ${most} and ${leastBytes} to ${mostBytes}`;
  expect(right, `${stats.objects} objects of ${stats.bytes} bytes, and not ${counted}`);
}

async function cycle(world: World, until: number): Promise<void> {
  const { engine, pool } = world;
  const devices = new Devices(world);
  const handles = new Handles(world);
  const [swap, history, parallel] = [new Swap(world), new History(world), await Parallel.make(world)];
  const users: User[] = [devices, handles, swap, history, parallel];
  /** Steps of each at one time: those of devices and workers do much, the others' little. */
  const together: [User, steps: number][] = [
    [devices, 3],
    [handles, 5],
    [swap, 10],
    [history, 1],
    [parallel, 1],
  ];
  do {
    for (let step = 0; step < STEPS_A_CHECK; step++) {
      await Promise.all(
        together.map(async ([user, steps]) => {
          for (let n = 0; n < steps; n++) await user.step();
        }),
      );
      count(world, 'steps');
    }
    for (const user of users) await user.check();
    expectCounted(pool, devices.objects(), handles.lengths());
    expect(engine.memory.reserved <= engine.memory.limit, 'maxMemory is passed');
    count(world, 'checks');
  } while (performance.now() < until);
  await handles.end();
  expectCounted(pool, devices.objects(), []);
  for (const user of users) await user.end();
  const { objects, handles: held, bytes } = pool.stats();
  expectEqual([objects, held, bytes, pool.totalPages], [0, 0, 0, 0], 'the emptied pool');
}

/** Engines that come and go. */
async function shortLived(): Promise<void> {
  const engine = await Engine.create({ maxMemory: '2M' });
  engine.createStateHistory().push(new Uint8Array(10_000));
  engine.createZram({ disksize: '1M' }).writePage(3, new Uint8Array(4096).fill(7));
  engine.destroy();
  using zram = await Zram.create({ disksize: '1M' });
  zram.writePage(
    0,
    new Uint8Array(4096).map((_, at) => at),
  );
}

async function main(): Promise<void> {
  const seed = seedOfRun();
  console.log(`long run of ${SECONDS} s, seed ${seed}`);
  const folder = mkdtempSync(path.join(tmpdir(), 'zram-wasm-long-'));
  const engine = Engine.createSync({ maxMemory: MAX_MEMORY });
  const base = engine.memory.used;
  const counts = new Map<string, number>();
  const watch = new Watch();
  const started = performance.now();
  const end = started + SECONDS * 1000;
  const cycleMs = Math.min(CYCLE_SECONDS_MAX, SECONDS / CYCLES) * 1000;
  let cycles = 0;
  try {
    for (; cycles === 0 || performance.now() < end; cycles++) {
      const random = new Random(seed, `cycle ${cycles}`);
      const pool = engine.createPool({ dedup: random.chance(70), shrinker: random.chance(30) });
      await cycle({ engine, pool, random, folder, counts }, Math.min(performance.now() + cycleMs, end));
      pool.destroy();
      await shortLived();
      expectEqual(engine.memory.used, base, 'bytes in use after a cycle');
      expectEqual(readdirSync(folder), [], 'files after a cycle');
      await watch.look(engine.memory.reserved);
    }
    watch.conclude();
    if (SECONDS >= 10) for (const what of MUST_HAPPEN) expect(counts.has(what), `${what} did not happen`);
  } catch (error) {
    throw new Error(`in cycle ${cycles} of seed ${seed}: ${String(error)}`, { cause: error });
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
  engine.destroy();
  const [first, last] = [watch.samples[0], watch.samples.at(-1)!];
  const seconds = Math.round((performance.now() - started) / 1000);
  console.log(JSON.stringify({ seconds, cycles, seed, ...Object.fromEntries(counts), first, last }));
}

if (process.argv.length > 2) console.log(USAGE);
else await main();
