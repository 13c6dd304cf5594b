/**
 * What a run on our device must have in common with the kernel's, and what a person needs to look into a difference.
 */
import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { KernelAlgorithm, KernelRun } from './kernel.js';
import { compareRows, firstDifference } from './mm-stat.js';
import type { DataSet } from './pages.js';
import { replay } from './replay.js';
import { describeOperation, traceBytes, type Trace } from './trace.js';

export interface ParityCase {
  readonly set: DataSet;
  readonly trace: Trace;
  readonly slots: number;
  readonly algorithm: KernelAlgorithm;
  readonly seed: number;
  /** Our device writes pages by parts, and zeros where the kernel discards. */
  readonly parts?: boolean;
  /** Another core than the package's. */
  readonly module?: WebAssembly.Module;
}

/** Keeps the pages too: those of a live process exist only once. */
function keep({ set, trace, slots, algorithm }: ParityCase): string {
  const directory = mkdtempSync(join(tmpdir(), 'zram-wasm-mismatch-'));
  const image = join(directory, 'image');
  const records = join(directory, 'trace');
  writeFileSync(image, set.pages);
  writeFileSync(records, traceBytes(trace));
  return `test/kernel/kzram.py ${image} ${records} ${slots} --algorithm ${algorithm.name} --level ${algorithm.level}`;
}

function mismatch(parity: ParityCase, what: string): Error {
  const { set, algorithm, seed } = parity;
  return new Error(
    `${what}\ndata set: ${set.name}, ${algorithm.name} level ${algorithm.level}, seed ${seed} (ZRAM_WASM_SEED=${seed} repeats it)\n` +
      `the kernel's rows of this very run: ${keep(parity)}`,
  );
}

/** Runs the case on our device; throws unless every row, io_stat and what is read back are as they must be. */
export async function assertParity(parity: ParityCase, running: KernelRun | Promise<KernelRun>): Promise<void> {
  const { set, trace, slots, algorithm, module, parts } = parity;
  const [kernel, ours] = await Promise.all([running, replay(set, trace, slots, algorithm, module, parts)]);
  const different = firstDifference(kernel.rows, ours.rows);
  if (different !== -1) {
    const table = compareRows('kernel', kernel.rows, 'ours', ours.rows, different);
    const operation = describeOperation(parity.trace, different);
    throw mismatch(parity, `mm_stat differs after operation ${different} (${operation}):\n${table}`);
  }
  const columns = ['failedReads', 'failedWrites', 'invalidIo', 'notifyFree'] as const;
  for (const column of columns) {
    if (kernel.ioStat[column] === ours.ioStat[column]) continue;
    throw mismatch(parity, `io_stat: ${column} is ${ours.ioStat[column]}, the kernel's is ${kernel.ioStat[column]}`);
  }
  if (ours.firstWrongSlot !== -1)
    throw mismatch(parity, `slot ${ours.firstWrongSlot} does not read back what it holds`);
}
