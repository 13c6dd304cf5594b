/** Random histories of devices, saved and loaded at their end: each page is compared with a plain copy. */
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import type { Engine } from '../../bindings/index.js';
import { PAGE_SIZE, sameBytes } from '../support/pages.js';
import { Random, seedOfRun } from '../support/random.js';
import { BUILDS, engineOf, type Build } from '../support/raw-core.js';
import { PAGES, apply, histories, make, saveAndLoad } from './model.js';
import { savedAll } from './support.js';

const SEED = seedOfRun();
const RUNS = process.env.ZRAM_WASM_LONG === '1' ? 300 : 15;
describe.each(BUILDS)('%s build', (build: Build) => {
  let engine: Engine;
  beforeAll(() => {
    engine = engineOf(build);
  });
  afterAll(() => engine.destroy());

  test('whatever happened to a device, its snapshots and clones: all of them come back', async () => {
    const parameters = { seed: SEED | 0, numRuns: RUNS, endOnFailure: true };
    await fc.assert(
      fc.asyncProperty(histories, (both) => saveAndLoad(engine, both)),
      parameters,
    );
  }, 600_000);

  test('memory that ends anywhere in a file leaves nothing behind', async () => {
    const random = new Random(SEED, 'memory');
    const copies = [make(engine, 'lz4', true)];
    for (let n = 0; n < 500; n++)
      apply({ kind: 'write', index: random.below(PAGES), content: 3 + random.below(200) }, copies, random);
    for (const kind of ['snapshot', 'merge', 'clone'] as const) apply({ kind }, copies, random);
    const file = await savedAll(copies.map(({ device }) => device));
    for (const { device } of copies) device.destroy();
    const small = engineOf(build, { maxMemory: '2M' });
    const filler = small.createPool();
    let [refused, loaded] = [0, 0];
    // Leaves some 20 KiB less each time.
    for (; filler.totalPages < 400;) {
      const used = small.memory.used;
      try {
        const { devices } = await small.loadAll(file);
        for (const [n, device] of [...devices.values()].entries()) {
          expect(sameBytes(device.readPages(0, PAGES), copies[n].image)).toBe(true);
          device.destroy();
        }
        loaded++;
      } catch (error) {
        expect(error).toMatchObject({ code: 'ENOMEM' });
        refused++;
      }
      expect(small.memory.used).toBe(used);
      try {
        for (let n = 0; n < 5; n++) filler.store(random.fill(new Uint8Array(PAGE_SIZE)));
      } catch {
        break;
      }
    }
    expect(loaded).toBeGreaterThan(0);
    expect(refused).toBeGreaterThan(8);
    small.destroy();
  }, 60_000);
});
