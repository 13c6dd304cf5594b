/**
 * A PageFs against Node's `fs` on a folder of the machine: random sequences of calls, results and errors equal to the letter.
 *
 * ZRAM_WASM_LONG=1 runs 100,000 sequences, ZRAM_WASM_SEQUENCES another number; ZRAM_WASM_SEED repeats a run.
 */
import * as nodeFs from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { Engine } from '../../../bindings/index.js';
import { PageFs } from '../../../integrations/fs.js';
import { seedOfRun } from '../../support/random.js';
import { contentsOf, operationsIn, outcomeOf, type Fs, type Side } from './operations.js';

const LONG = process.env.ZRAM_WASM_LONG === '1';
const SEQUENCES = Number(process.env.ZRAM_WASM_SEQUENCES ?? (LONG ? 100_000 : 300));
const TIMEOUT_MS = LONG ? 7_200_000 : 120_000;
const CALLS_MAX = 60;
/** Folders in which the one of a sequence lies, so that `..` leads to nothing of the machine's. */
const NESTED = 'n1/n2/n3/n4';

let engine: Engine;
let top: string;
let folder: string;

beforeAll(() => {
  engine = Engine.createSync();
  top = nodeFs.realpathSync(nodeFs.mkdtempSync(join(tmpdir(), 'zram-wasm-fs-')));
  folder = join(top, NESTED);
  process.umask(0o022);
});
afterAll(() => {
  engine.destroy();
  nodeFs.rmSync(top, { recursive: true, force: true });
});

function runBoth(operations: readonly { text: string }[] & Parameters<typeof outcomeOf>[1][]): void {
  nodeFs.rmSync(join(top, 'n1'), { recursive: true, force: true });
  nodeFs.mkdirSync(folder, { recursive: true });
  const pageFs = PageFs.createSync({ engine });
  pageFs.mkdirSync(folder, { recursive: true });
  const node: Side = { fs: nodeFs, fds: [] };
  const page: Side = { fs: pageFs as unknown as Fs, fds: [] };
  try {
    for (const operation of operations) {
      const [expected, found] = [outcomeOf(node, operation), outcomeOf(page, operation)];
      if (!isDeepStrictEqual(found, expected)) expect([operation.text, found]).toEqual([operation.text, expected]);
    }
    expect(contentsOf(page.fs, top)).toEqual(contentsOf(nodeFs, top));
  } finally {
    for (const fd of node.fds) if (fd !== undefined) nodeFs.closeSync(fd);
    pageFs.destroy();
  }
}

describe('PageFs', () => {
  test(
    'gives what Node’s fs gives',
    () => {
      const sequences = fc.array(operationsIn(folder), { maxLength: CALLS_MAX, size: 'max' });
      fc.assert(fc.property(sequences, runBoth), { numRuns: SEQUENCES, seed: seedOfRun() });
    },
    TIMEOUT_MS,
  );
});
