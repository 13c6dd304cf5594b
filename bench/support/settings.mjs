/**
 * How much each section measures. The full size is for figures that can be quoted: tens of thousands of distinct pages,
 * since a few pages in a loop teach the branch predictor and read twice as fast. The quick size only shows that every
 * section works; its figures mean nothing.
 */
import { totalmem } from 'node:os';

export const PAGE_BYTES = 4096;
/** A zram device never decompresses what did not get smaller than this (with chains of 8 pages): it is stored raw. */
export const HUGE_BYTES = 3625;
export const MIB = 1 << 20;
const GIB = 1 << 30;

const FULL = {
  /** Distinct pages of each kind (process memory, programs, text) in the image that the bench makes. */
  pagesOfKind: 12288,
  /** Alternations. The median and the quartiles are over these. */
  rounds: 11,
  /** The slowest of the JavaScript libraries takes 0.15 ms for a page. */
  libraryPages: 6144,
  libraryRounds: 5,
  /** Pages of the device of which cold ones are read and written, and calls of a round. */
  coldPages: 262_144,
  coldCalls: 5000,
  coldRounds: 9,
  dedupPages: 16384,
  /** As in the target for merging. */
  mergeObjects: 250_000,
  mergeRounds: 7,
  /** Slots of the largest group of equal pages. */
  groupSlots: 1_000_000,
  groupRounds: 3,
  ksmRounds: 3,
  /** What memory is measured on: large enough that the fixed costs of a process do not show. */
  fillBytes: 512 * MIB,
  fillRounds: 3,
  /** A state of 64 MiB; rounds of pushing and reading it, and the states that are kept meanwhile. */
  historyPages: 16384,
  historyRounds: 9,
  historyKept: 4,
  /** Successive images of a process, and the most pages of each. */
  snapshotStates: 100,
  snapshotPages: 16384,
  /** A device of 1 GiB, and its snapshots. */
  forkPages: 262_144,
  forkSnapshots: 1000,
  startRounds: 15,
  /** Pages of the run whose first and last part are compared, and of the parts whose cost is taken. */
  scalePages: 1_000_000,
  scalePart: 10_000,
  scaleRounds: 3,
  /** That run holds its pages compressed, and this much memory is plenty for it. */
  scaleMemory: 6 * GIB,
  /** Raw pages of the run that is larger than a wasm memory, and the memory that it wants. */
  largeBytes: 8 * GIB,
  largeMemory: 8 * GIB,
};

const QUICK = {
  ...FULL,
  pagesOfKind: 700,
  rounds: 3,
  libraryPages: 300,
  libraryRounds: 3,
  coldPages: 4096,
  coldCalls: 200,
  coldRounds: 2,
  dedupPages: 1024,
  mergeObjects: 10_000,
  mergeRounds: 3,
  groupSlots: 64_000,
  groupRounds: 1,
  ksmRounds: 1,
  fillBytes: 24 * MIB,
  fillRounds: 1,
  historyPages: 1024,
  historyRounds: 2,
  snapshotStates: 5,
  snapshotPages: 2048,
  forkPages: 8192,
  forkSnapshots: 50,
  startRounds: 3,
  scalePages: 60_000,
  scalePart: 2_000,
  scaleMemory: 0,
  largeBytes: 512 * MIB,
  largeMemory: 0,
};

export function settingsFor({ quick }) {
  return quick ? QUICK : FULL;
}

/** Why the long run cannot be made here, or undefined. */
export function scaleMissing({ scaleMemory }) {
  return memoryMissing(scaleMemory);
}

/** The same for the largest run. */
export function largeMissing({ largeMemory }) {
  return memoryMissing(largeMemory);
}

function memoryMissing(wanted) {
  if (totalmem() >= wanted) return undefined;
  return `it wants ${wanted / GIB} GiB of memory, and this machine has ${(totalmem() / GIB).toFixed(1)}`;
}
