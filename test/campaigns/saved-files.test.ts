/** Some mutated files of the campaign (saved-files.ts), from a seed of this run, and each byte of one. */
import { expect, test } from '@jest/globals';
import { Engine, ZramError } from '../../bindings/index.js';
import { PageFs } from '../../integrations/fs.js';
import { seedOfRun } from '../support/random.js';
import { fileOfSeed } from './saved-files/mutants.js';
import { SavedFilesRunner } from './saved-files/run.js';

const COUNT = process.env.ZRAM_WASM_LONG === '1' ? 300_000 : 700;
const first = seedOfRun() * 200;

test(`${COUNT} mutated files, seeds from ${first}`, async () => {
  const runner = new SavedFilesRunner();
  await runner.run(first, first + COUNT);
  expect(runner.tally.get('taken')).toBeGreaterThan(COUNT / 50);
  expect(runner.tally.size).toBeGreaterThan(15);
  runner.destroy();
}, 3_600_000);

test('every byte of a file changed, and every length: none is taken, and nothing is left', async () => {
  const engine = Engine.createSync();
  const file = await fileOfSeed(0);
  const used = engine.memory.used;
  const refused = async (bytes: Uint8Array, what: string): Promise<void> => {
    const error = await PageFs.loadAll(bytes, { engine }).catch((thrown: unknown) => thrown);
    const right = error instanceof ZramError && error.code === 'EINVAL' && engine.memory.used === used;
    if (!right) throw new Error(`${what}: ${String(error)}`);
  };
  for (let at = 0; at < file.length; at++) {
    const changed = Uint8Array.from(file);
    changed[at] ^= 1 << (at % 8);
    await refused(changed, `byte ${at}`);
    await refused(file.subarray(0, at), `length ${at}`);
  }
  engine.destroy();
}, 120_000);
