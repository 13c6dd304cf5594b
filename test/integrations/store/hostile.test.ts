/** Stores that were changed: opening one fails with a code, or gives a state that was synced. */
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { Engine, ZramError } from '../../../bindings/index.js';
import type { PageFs } from '../../../integrations/fs.js';
import { PageStore } from '../../../integrations/store.js';
import { crc32 } from '../../../integrations/store/crc32.js';
import { UNIT } from '../../../integrations/store/space.js';
import { Random, seedOfRun } from '../../support/random.js';
import { change, treeOf } from './files.js';
import { ModelDisk } from './model-disk.js';

const RUNS = Number(process.env.ZRAM_WASM_MUTANTS ?? (process.env.ZRAM_WASM_LONG === '1' ? 100_000 : 100));
const TIMEOUT_MS = RUNS > 1000 ? 7_200_000 : 60_000;
const ROOT_BYTES = 4096;

let engine: Engine;
let bytes: Uint8Array;
/** States that were synced, newest first, with what `treeOf` says of each. */
const states: { fs: PageFs; tree: string }[] = [];
const first = seedOfRun();
const failed = { seed: 0 };

beforeAll(async () => {
  engine = Engine.createSync({ maxMemory: '64M' });
  const random = new Random(5, 'hostile');
  const disk = new ModelDisk();
  const store = await PageStore.open(disk, { engine });
  // The second root comes with a checkpoint, which what does not fit the log brings along.
  keep(store.fs);
  store.fs.writeFileSync('/large', random.fill(new Uint8Array(7000 * 4)));
  for (let n = 0; n < 16; n++) {
    for (let changes = 0; changes < 6; changes++) change(store.fs, random);
    const many = Array.from({ length: 30 }, (_, k) => `${n}-${k}-${'x'.repeat(100)}`);
    if (n % 8 === 0) for (const name of many) store.fs.writeFileSync(`/${name}`, name);
    store.sync();
    keep(store.fs);
  }
  bytes = disk.content();
});
function keep(fs: PageFs): void {
  states.unshift({ fs: fs.snapshot(), tree: treeOf(fs).join('\n') });
}
afterAll(() => {
  engine.destroy();
  if (failed.seed) console.log(`repeat with ZRAM_WASM_SEED=${failed.seed}`);
});

/** Opens what a change made of the file. */
async function open(file: ModelDisk): Promise<PageStore | undefined> {
  try {
    return await PageStore.open(file, { engine });
  } catch (error) {
    // ENOSPC is that of `maxMetadata`.
    const { code } = error as { code: string };
    if (!(error instanceof ZramError) && code !== 'ENOSPC') throw error;
    expect(['EINVAL', 'EIO', 'ENOMEM', 'ENOSPC']).toContain(code);
    return undefined;
  }
}

test(
  'bytes that are others, missing, or those of another place',
  async () => {
    const seen = { opened: 0, refused: 0 };
    for (let run = 0; run < RUNS; run++) {
      failed.seed = first + run;
      const random = new Random(first + run, 'mutant');
      const store = await open(new ModelDisk(mutant(random)));
      if (!store) {
        seen.refused++;
        continue;
      }
      seen.opened++;
      const tree = treeOf(store.fs).join('\n');
      expect(states.some((state) => state.tree === tree && state.fs.diff(store.fs).length === 0)).toBe(true);
      store.close();
    }
    failed.seed = 0;
    expect(seen.refused).toBeGreaterThan(RUNS / 10);
    expect(seen.opened).toBeGreaterThan(0);
  },
  TIMEOUT_MS,
);

function mutant(random: Random): Uint8Array {
  const mutated = bytes.slice();
  const place = (): number => (random.chance(50) ? random.below(2 * ROOT_BYTES) : random.below(bytes.length));
  for (let count = random.between(1, 3); count > 0; count--) {
    const at = place();
    // Of an empty file, or the start of a new store, one is made.
    if (random.chance(10)) return mutated.subarray(0, at < 2 * ROOT_BYTES ? at + 1 : at + UNIT);
    if (random.chance(50)) mutated[at] ^= 1 << random.below(8);
    else mutated.copyWithin(at, place(), Math.min(bytes.length, place() + 4096));
  }
  return mutated;
}

test(
  'a checkpoint that makes no sense, though its checksum is right',
  async () => {
    const seen = { opened: 0, refused: 0 };
    for (let run = 0; run < RUNS; run++) {
      failed.seed = first + run;
      const random = new Random(first + run, 'forged');
      const store = await open(new ModelDisk(forged(random)));
      if (!store) {
        seen.refused++;
        continue;
      }
      seen.opened++;
      // Whatever it is, it works on.
      change(store.fs, random);
      store.sync();
      store.close();
    }
    failed.seed = 0;
    expect(seen.refused).toBeGreaterThan(RUNS / 10);
  },
  TIMEOUT_MS,
);

/** The newest checkpoint changed, with all checksums made right again. */
function forged(random: Random): Uint8Array {
  const mutated = bytes.slice();
  const view = new DataView(mutated.buffer);
  const root = view.getUint32(12, true) > view.getUint32(ROOT_BYTES + 12, true) ? 0 : ROOT_BYTES;
  const [at, length] = [view.getUint32(root + 20, true) * UNIT, view.getUint32(root + 24, true)];
  for (let count = random.between(1, 4); count > 0; count--) {
    const where = at + random.below(length);
    const kind = random.below(3);
    if (kind === 0) mutated[where] ^= 1 << random.below(8);
    else if (kind === 1) mutated[where] = random.pick([0, 1, 2, 3, 4, 5, 255]);
    else mutated.copyWithin(where, at + random.below(length), at + length);
  }
  view.setUint32(root + 28, crc32(mutated.subarray(at, at + length)), true);
  if (random.chance(20)) view.setUint32(root + 20 + 4 * random.below(5), random.next(), true);
  view.setUint32(root + 124, crc32(mutated.subarray(root, root + 124)), true);
  return mutated;
}
