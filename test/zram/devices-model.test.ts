/**
 * Random operations on devices that compress, recompress, write back, are copied, reset and ended, also from within
 * compressors and backings, and on an obviously right model of them. On the debug build every invariant of the pool and its
 * devices is tested after each operation, and the core's assertions are on.
 *
 * ZRAM_WASM_LONG=1 runs 3,000 sequences on each build; ZRAM_WASM_SEED repeats a run.
 */
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { assertUntil } from '../support/assert-until.js';
import { FlakyAsyncBacking, FlakyBacking, FlakyObjectBacking } from '../support/flaky-backing.js';
import { DEVICE_PAGES, ModelDevices } from '../support/model-devices.js';
import { deviceOperation } from '../support/model-devices-operations.js';
import { BUILDS, engineOf, type Build } from '../support/raw-core.js';
import { ToyCompressor } from '../support/toy-compressor.js';

const LONG = process.env.ZRAM_WASM_LONG === '1';
const SEQUENCES = LONG ? 3_000 : 100;
const TIMEOUT_MS = LONG ? 3_600_000 : 120_000;
const OPERATIONS_MAX = 50;
const BACKING_SLOTS = 12;
/** Few sequences may lack a snapshot to be restored, or pages on the backing at the right time. */
const DONE = ['recompressed', 'diffs', ...(LONG ? ['written back', 'restored'] : [])];

interface Variant {
  readonly name: string;
  /** share of the sequences, in percent */
  readonly percent: number;
  readonly compAlgorithm: string;
  readonly recompAlgorithms: readonly string[];
  readonly shared: boolean;
  readonly asynchronous?: boolean;
  /** the backing takes objects, in batches */
  readonly objects?: boolean;
  readonly compressedWriteback?: boolean;
  readonly dedup?: boolean;
  readonly dedupCache?: number;
  /** pages of linear memory beyond what the core begins with */
  readonly maxMemory?: number;
}

const TOY_AND_DEFLATE = { compAlgorithm: 'lz4', recompAlgorithms: ['toy', 'deflate'] };
const VARIANTS: readonly Variant[] = [
  { name: 'LZ4, then others', percent: 20, ...TOY_AND_DEFLATE, shared: false },
  { name: 'LZ4, then others, on a shared pool', percent: 15, ...TOY_AND_DEFLATE, shared: true },
  { name: 'an asynchronous backing', percent: 15, ...TOY_AND_DEFLATE, shared: true, asynchronous: true },
  { name: 'batches of objects', percent: 20, ...TOY_AND_DEFLATE, shared: true, asynchronous: true, objects: true },
  { name: 'compressed writeback', percent: 20, ...TOY_AND_DEFLATE, shared: true, compressedWriteback: true },
  {
    name: 'a compressor of its own',
    percent: 15,
    compAlgorithm: 'toy',
    recompAlgorithms: ['lz4', 'deflate'],
    shared: true,
  },
  { name: 'with dedup', percent: 15, compAlgorithm: 'toy', recompAlgorithms: ['deflate'], shared: true, dedup: true },
  { name: 'LZ4, then others, with dedup', percent: 15, ...TOY_AND_DEFLATE, shared: true, dedup: true },
  { name: 'the same with copies', percent: 10, ...TOY_AND_DEFLATE, shared: true, dedup: true, dedupCache: 65536 },
  { name: 'a small maxMemory', percent: 20, ...TOY_AND_DEFLATE, shared: true, maxMemory: 60 },
];

describe.each(BUILDS)('devices of the %s build behave as their model', (build: Build) => {
  const initial = ((engine) => engine.memory.reserved)(engineOf(build));

  test.each(VARIANTS)(
    '$name',
    async ({ percent, asynchronous, objects, maxMemory, ...variant }) => {
      const {
        compAlgorithm,
        recompAlgorithms,
        shared,
        dedup = false,
        dedupCache,
        compressedWriteback = false,
      } = variant;
      const seen = new Map<string, number>();
      const sequence = fc.array(deviceOperation(DEVICE_PAGES), { maxLength: OPERATIONS_MAX, size: 'max' });
      const property = fc.asyncProperty(sequence, fc.nat(), async (operations, order) => {
        const toy = new ToyCompressor();
        using engine = engineOf(build, {
          compressors: [toy],
          ...(maxMemory === undefined ? {} : { maxMemory: initial + maxMemory * 4096 }),
        });
        const usedBefore = engine.memory.used;
        const pool = shared ? engine.createPool({ dedup, dedupCache }) : undefined;
        const Made = objects ? FlakyObjectBacking : asynchronous ? FlakyAsyncBacking : FlakyBacking;
        const makeBacking = () => new Made(BACKING_SLOTS);
        const model = new ModelDevices({
          ...{ engine, pool, toy, makeBacking, compAlgorithm, recompAlgorithms, dedup },
          ...{ compressedWriteback, tight: maxMemory !== undefined },
        });
        for (const operation of operations) await model.run(operation);
        await model.end(order);
        for (const [what, count] of model.seen) seen.set(what, (seen.get(what) ?? 0) + count);
        pool?.destroy();
        if (engine.memory.used !== usedBefore) throw new Error('what was destroyed left memory in use');
      });
      const numRuns = Math.ceil((SEQUENCES * percent) / 100);
      const left = (): string[] => DONE.filter((what) => !seen.get(what));
      await assertUntil(property, numRuns, () => left().length === 0);
      expect(left()).toEqual([]); // the sequences did what this is about
    },
    TIMEOUT_MS,
  );
});
