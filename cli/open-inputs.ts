/** Turns the names on the command line into inputs; chooses one if nothing is named. */
import { randomFillSync } from 'node:crypto';

import type { Engine } from '../bindings/index.js';
import { openInput, type Opening } from './dump-input.js';
import { CliError } from './errors.js';
import { FileInput, type Input } from './inputs.js';
import { PAGE_BYTES, SharedPages } from './page-list.js';
import { MARKER_BYTES, ProcessMemory } from './process-memory.js';

/**
 * Opens all inputs before the first page is stored: a missing one is reported at once, and the page lists of processes,
 * this one included, are fixed. Opened inputs are pushed one by one, so that the caller can close them after a failure.
 */
export async function openInputs(
  inputs: Input[],
  { files, pids }: { readonly files: readonly string[]; readonly pids: readonly number[] },
  opening: Opening,
): Promise<{ note?: string }> {
  const { engine } = opening;
  for (const path of files) inputs.push(await openInput(path, opening));
  const shared = new SharedPages();
  for (const pid of pids)
    inputs.push(pid === process.pid ? openOwnMemory(engine, shared) : ProcessMemory.open(pid, shared));
  if (inputs.length > 0) return {};
  if (process.platform !== 'linux') {
    inputs.push(await FileInput.open(process.execPath));
    return { note: 'No input was named: this is the running executable.' };
  }
  try {
    inputs.push(openOwnMemory(engine, shared));
    return { note: 'No input was named: this is the resident anonymous memory of this very process.' };
  } catch (error) {
    // A sandbox without /proc/PID/mem or pagemap: a report on other data, which says so, is better than no report.
    if (!(error instanceof CliError)) throw error;
    inputs.push(await FileInput.open(process.execPath));
    return { note: `No input was named: this is the running executable (${error.message}).` };
  }
}

/** Lists this process's pages without the engine's linear memory, which is found by a marker stored in it. */
function openOwnMemory(engine: Engine, shared: SharedPages): ProcessMemory {
  const pool = engine.createPool();
  try {
    // Random bytes do not compress, and an object of a whole page lies at a page's start. This copy is at an odd
    // address, so that it cannot be mistaken for the engine's.
    const page = Buffer.allocUnsafeSlow(PAGE_BYTES + 1).subarray(1);
    randomFillSync(page);
    pool.store(page);
    return ProcessMemory.open(process.pid, shared, page.subarray(0, MARKER_BYTES));
  } finally {
    pool.destroy();
  }
}
