/** Turns the names on the command line into inputs; chooses one if nothing is named. */
import { randomFillSync } from 'node:crypto';

import type { Engine } from '../bindings/index.js';
import { CliError } from './errors.js';
import { FileInput, StdinInput, type Input } from './inputs.js';
import { PAGE_BYTES } from './page-list.js';
import { MARKER_BYTES, ProcessMemory } from './process-memory.js';

/**
 * Opens all inputs before the first page is stored: a missing one is reported at once, and the page lists of processes,
 * this one included, are fixed. Opened inputs are pushed one by one, so that the caller can close them after a failure.
 */
export async function openInputs(
  inputs: Input[],
  engine: Engine,
  { files, pids }: { readonly files: readonly string[]; readonly pids: readonly number[] },
  stdin: AsyncIterable<Uint8Array>,
): Promise<{ note?: string }> {
  for (const path of files) inputs.push(path === '-' ? new StdinInput(stdin) : await FileInput.open(path));
  for (const pid of pids) inputs.push(pid === process.pid ? openOwnMemory(engine) : ProcessMemory.open(pid));
  if (inputs.length > 0) return {};
  if (process.platform !== 'linux') {
    inputs.push(await FileInput.open(process.execPath));
    return { note: 'No input was named: this is the running executable.' };
  }
  try {
    inputs.push(openOwnMemory(engine));
    return { note: 'No input was named: this is the resident anonymous memory of this very process.' };
  } catch (error) {
    // A sandbox without /proc/PID/mem or pagemap: a report on other data, which says so, is better than no report.
    if (!(error instanceof CliError)) throw error;
    inputs.push(await FileInput.open(process.execPath));
    return { note: `No input was named: this is the running executable (${error.message}).` };
  }
}

/** Lists this process's pages without the engine's linear memory, which is found by a marker stored in it. */
function openOwnMemory(engine: Engine): ProcessMemory {
  const pool = engine.createPool();
  try {
    // Random bytes do not compress, and an object of a whole page lies at a page's start. This copy is at an odd
    // address, so that it cannot be mistaken for the engine's.
    const page = Buffer.allocUnsafeSlow(PAGE_BYTES + 1).subarray(1);
    randomFillSync(page);
    pool.store(page);
    return ProcessMemory.open(process.pid, page.subarray(0, MARKER_BYTES));
  } finally {
    pool.destroy();
  }
}
