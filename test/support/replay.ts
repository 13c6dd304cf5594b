/**
 * Drives our device through a trace and keeps the obviously right account of what each slot must hold.
 */
import { Zram, ZramError } from '../../bindings/index.js';
import type { KernelAlgorithm } from './kernel.js';
import { EIO, ROW_NUMBERS, fillRow, type IoStat, type Rows } from './mm-stat.js';
import { PAGE_SIZE, pageOf, sameBytes, zeroPage, type DataSet } from './pages.js';
import { Operation, RECORD_WORDS, operationCount, type Trace } from './trace.js';

const EMPTY = -1;

export interface Replay {
  /** One row after each operation. */
  readonly rows: Rows;
  /** At the end. */
  readonly ioStat: IoStat;
  /** The first slot that does not read back what was last stored there, or -1. */
  readonly firstWrongSlot: number;
}

/** Writes, of a page that holds `before`, only the bytes that differ: the page is read, changed and written. */
function writePart(zram: Zram, slot: number, before: Uint8Array, page: Uint8Array): void {
  const first = page.findIndex((byte, n) => byte !== before[n]);
  let last = PAGE_SIZE - 1;
  while (last > first && page[last] === before[last]) last--;
  if (first < 0) zram.write(slot * PAGE_SIZE + (slot % PAGE_SIZE), page.subarray(slot % PAGE_SIZE));
  else zram.write(slot * PAGE_SIZE + first, page.subarray(first, last + 1));
}

/** Writes one page; mem_limit refusing it is a result (EIO, as the kernel's block layer says it), all else an error. */
function writeErrno(zram: Zram, slot: number, page: Uint8Array, before: Uint8Array | undefined): number {
  try {
    if (before) writePart(zram, slot, before, page);
    else zram.writePage(slot, page);
    return 0;
  } catch (error) {
    if (error instanceof ZramError && error.code === 'ENOMEM') return EIO;
    throw error;
  }
}

function contentOf(set: DataSet, page: number): Uint8Array {
  return page === EMPTY ? zeroPage() : pageOf(set, page);
}

function firstWrongSlot(zram: Zram, set: DataSet, contents: Int32Array): number {
  const out = zeroPage();
  return contents.findIndex((page, slot) => !sameBytes(zram.readPage(slot, out), contentOf(set, page)));
}

/**
 * Runs the trace on a fresh device of `slots` pages, as runOnKernel does on the kernel.
 * @param parts whether pages are written by parts, and zeros are written where the kernel discards
 */
export async function replay(
  set: DataSet,
  trace: Trace,
  slots: number,
  { name, level }: KernelAlgorithm,
  module?: WebAssembly.Module,
  parts = false,
): Promise<Replay> {
  const zram = await Zram.create({ disksize: slots * PAGE_SIZE, compAlgorithm: name, level, module });
  const contents = new Int32Array(slots).fill(EMPTY);
  const rows = new Float64Array(operationCount(trace) * ROW_NUMBERS);
  try {
    for (let i = 0; i < operationCount(trace); i++) {
      const at = i * RECORD_WORDS;
      const slot = trace[at + 1];
      const argument = trace[at + 2];
      let errno = 0;
      switch (trace[at]) {
        case Operation.Write:
          errno = writeErrno(zram, slot, pageOf(set, argument), parts ? contentOf(set, contents[slot]) : undefined);
          if (errno === 0) contents[slot] = argument;
          break;
        case Operation.Discard:
          if (parts) zram.writeZeroes(slot * PAGE_SIZE, argument * PAGE_SIZE);
          else zram.discard(slot * PAGE_SIZE, argument * PAGE_SIZE);
          contents.fill(EMPTY, slot, slot + argument);
          break;
        case Operation.Compact:
          zram.compact();
          break;
        default:
          zram.sysfs.write('mem_limit', String(argument * PAGE_SIZE));
      }
      fillRow(rows, i, errno, zram.mmStat);
    }
    return { rows, ioStat: zram.ioStat, firstWrongSlot: firstWrongSlot(zram, set, contents) };
  } finally {
    zram.destroy();
  }
}
