/** Some seconds of the long run (long.ts), in a process of its own: it watches what stays behind in its own. */
import { spawnSync } from 'node:child_process';
import { expect, test } from '@jest/globals';
import { seedOfRun } from '../support/random.js';

const SECONDS = 10;
const seed = seedOfRun();

test(
  `${SECONDS} s of everything at once, seed ${seed}`,
  () => {
    const env = { ...process.env, ZRAM_WASM_SECONDS: String(SECONDS), ZRAM_WASM_SEED: String(seed) };
    const { status, stdout, stderr } = spawnSync(process.execPath, ['test/campaigns/run.mjs', 'long'], {
      encoding: 'utf8',
      env,
    });
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
    expect(JSON.parse(stdout.trim().split('\n').at(-1)!)).toMatchObject({ seed });
  },
  SECONDS * 10_000,
);
