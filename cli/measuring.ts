/** Measures the stored pages: recompresses and merges them, compacts, and reads them back to compare. */
import { createHash } from 'node:crypto';

import type { BlockState, Engine } from '../bindings/index.js';
import type { AlgorithmResult, ClassResult, DedupComparison } from './analysis.js';
import type { Device } from './device.js';
import { MERGED, RECOMPRESSED, SAME } from './html/data.js';
import { CliError } from './errors.js';
import { codeOf, whyComputed } from './exactness.js';
import { mebibytes } from './format.js';
import { PAGE_BYTES } from './page-list.js';
import { noTime, timed } from './step-time.js';
import { CHUNK_BYTES, type Stored } from './storing.js';

/** Rows of the histogram of compressed sizes. */
const HISTOGRAM_ROWS = 8;
const HISTOGRAM_ROW_BYTES = PAGE_BYTES / HISTOGRAM_ROWS;

/**
 * Recompresses if its line says so, merges, compacts and verifies one device.
 * @param inline the device that stored the same pages with inline deduplication, if any
 * @param keepStates whether the result has the state of each page
 */
export function measure(
  engine: Engine,
  device: Device,
  inline: Device | undefined,
  stored: Stored,
  keepStates: boolean,
  progress: (text: () => string) => void,
): AlgorithmResult {
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
  verify(device, stored, progress, steps);
  if (inline !== undefined) verify(inline, stored, progress);
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

/** Reads every page back and compares the checksum with that of the pages that were stored. */
function verify(
  { zram, algorithm }: Device,
  { pages, digest }: Stored,
  progress: (text: () => string) => void,
  steps = { load: noTime(), checksum: noTime() },
): void {
  const chunk = new Uint8Array(CHUNK_BYTES);
  const hash = createHash('sha256');
  for (let index = 0; index < pages;) {
    const count = Math.min(CHUNK_BYTES / PAGE_BYTES, pages - index);
    const bytes = count * PAGE_BYTES;
    timed(steps.load, bytes, () => zram.readPages(index, count, chunk));
    timed(steps.checksum, bytes, () => hash.update(chunk.subarray(0, bytes)));
    index += count;
    progress(() => `${algorithm}: verifying ${mebibytes(index * PAGE_BYTES)}`);
  }
  if (hash.digest('hex') !== digest)
    throw new CliError(`${algorithm}: pages read back differ from those stored; this is a bug in zram-wasm`);
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
