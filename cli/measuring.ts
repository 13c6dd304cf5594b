/** Measures the stored pages: recompresses and merges them, compacts, and reads them back to compare. */
import { setImmediate as turn } from 'node:timers/promises';

import type { BlockState, Engine } from '../bindings/index.js';
import type { AlgorithmResult, ClassResult, DedupComparison } from './analysis.js';
import type { CheckerFor } from './checking.js';
import type { Device } from './device.js';
import { MERGED, RECOMPRESSED, SAME } from './html/data.js';
import { codeOf, whyComputed } from './exactness.js';
import { mebibytes } from './format.js';
import { PAGE_BYTES } from './page-list.js';
import { addTime, noTime, timed, type StepTime } from './step-time.js';
import type { Stored } from './storing.js';

/** Rows of the histogram of compressed sizes. */
const HISTOGRAM_ROWS = 8;
const HISTOGRAM_ROW_BYTES = PAGE_BYTES / HISTOGRAM_ROWS;

interface Reading {
  readonly progress: (text: () => string) => void;
  readonly checkerFor: CheckerFor;
}

/**
 * Recompresses if its line says so, merges, compacts and verifies one device.
 * @param inline the device that stored the same pages with inline deduplication, if any
 * @param keepStates whether the result has the state of each page
 */
export async function measure(
  engine: Engine,
  device: Device,
  inline: Device | undefined,
  stored: Stored,
  keepStates: boolean,
  { progress, checkerFor }: Reading,
): Promise<AlgorithmResult> {
  const { zram, algorithm, line, inputs } = device;
  const bytes = stored.pages * PAGE_BYTES;
  const steps = {
    read: { ...stored.read },
    store: device.store,
    merge: noTime(),
    compact: noTime(),
    load: noTime(),
    checksum: { ...stored.checksum },
  };
  progress(() => `${algorithm}: recompressing`);
  const recompression = device.recompress();
  inline?.recompress();
  const before = zram.mmStat;
  progress(() => `${algorithm}: merging`);
  const merge = timed(steps.merge, bytes, () => zram.merge());
  const afterMerge = zram.mmStat;
  const compact = timed(steps.compact, bytes, () => zram.compact());
  const afterCompact = zram.mmStat;
  addTime(steps.checksum, await verify(device, stored, { progress, checkerFor }, steps.load));
  if (inline !== undefined) await verify(inline, stored, { progress, checkerFor });
  const states = keepStates ? new Uint16Array(stored.pages) : undefined;
  return {
    algorithm,
    code: codeOf(engine, line),
    computed: whyComputed(engine, zram.kernel, line),
    ...(recompression === undefined ? {} : { recompression }),
    inputs,
    mmStat: { before, afterMerge, afterCompact },
    merge,
    compact,
    classes: mergedClasses(device),
    histogram: inspect(device, stored, states),
    ...(states === undefined ? {} : { states }),
    ...(inline === undefined
      ? {}
      : { dedup: compare(device, steps.merge.milliseconds + steps.compact.milliseconds, inline) }),
    steps,
  };
}

/** Reads every page back to be compared with the checksums of what was stored; returns how long comparing took. */
async function verify(
  { zram, algorithm }: Device,
  { sums }: Stored,
  { progress, checkerFor }: Reading,
  load = noTime(),
): Promise<StepTime> {
  const checker = checkerFor(algorithm);
  let index = 0;
  for (const { pages, digest } of sums) {
    const room = checker.room();
    timed(load, pages * PAGE_BYTES, () => zram.readPages(index, pages, room));
    checker.check(room, pages * PAGE_BYTES, digest);
    index += pages;
    progress(() => `${algorithm}: verifying ${mebibytes(index * PAGE_BYTES)}`);
    await turn();
  }
  return checker.finish();
}

function mergedClasses({ pool }: Device): ClassResult[] {
  const classes = pool.classes().filter(({ merged }) => merged > 0);
  return classes.map(({ size, objectsUsed, merged }) => ({
    size,
    objects: objectsUsed,
    merged,
    bytesSaved: merged * size,
  }));
}

/** Visits the state of every page: for the histogram, to count each input's sharing pages, and to keep it if asked to. */
function inspect(
  { zram, inputs }: Device,
  stored: Stored,
  states: Uint16Array | undefined,
): AlgorithmResult['histogram'] {
  const counts = new Array<number>(HISTOGRAM_ROWS).fill(0);
  let index = 0;
  for (const [position, row] of inputs.entries()) {
    const end = index + (stored.inputs[position]?.pages ?? 0);
    for (; index < end; index++) {
      const state = zram.blockState(index);
      if (state === undefined) continue;
      if (states !== undefined) states[index] = stateBits(state);
      if (state.same) continue;
      const bucket = Math.floor((state.comprSize - 1) / HISTOGRAM_ROW_BYTES);
      counts[bucket] = (counts[bucket] ?? 0) + 1;
      if (state.merged) row.pagesSharing += 1;
    }
  }
  return counts.map((pages, row) => ({
    from: row * HISTOGRAM_ROW_BYTES + 1,
    to: (row + 1) * HISTOGRAM_ROW_BYTES,
    pages,
  }));
}

function stateBits({ same, merged, recompressed, comprSize }: BlockState): number {
  return comprSize | (same ? SAME : 0) | (merged ? MERGED : 0) | (recompressed ? RECOMPRESSED : 0);
}

function compare(merged: Device, mergeMilliseconds: number, inline: Device): DedupComparison {
  return {
    merging: {
      storeMilliseconds: merged.store.milliseconds,
      mergeMilliseconds,
      mmStat: { ...merged.zram.mmStat, dupDataSize: merged.pool.stats().bytesSaved },
    },
    inline: { storeMilliseconds: inline.store.milliseconds, mergeMilliseconds: 0, mmStat: inline.zram.mmStat },
  };
}
