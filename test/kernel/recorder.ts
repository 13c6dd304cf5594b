/**
 * Records what the live kernel answers to the generated traces; record-fixtures.mjs bundles and runs it.
 */
import { writeFileSync } from 'node:fs';
import { release } from 'node:os';
import { format, resolveConfig } from 'prettier';
import {
  LEVELS,
  TRACE_SLOTS,
  checksumOf,
  decodeRows,
  encodeRows,
  fixtureCases,
  fixturePath,
  type GoldenFixtures,
  type LimitFixtures,
  type RecordedRun,
  type TraceFixtures,
} from '../support/fixtures.js';
import { GOLDEN_VECTORS } from '../support/golden-vectors.js';
import { kernelMissing, lz4, runOnKernel } from '../support/kernel.js';
import { LIMIT_PAGES, LIMIT_SCENARIOS, LIMIT_SLOTS } from '../support/limit-scenarios.js';
import { ROW_NUMBERS, firstDifference, type Rows } from '../support/mm-stat.js';
import { type DataSet } from '../support/pages.js';
import { Operation, operationCount, type Trace } from '../support/trace.js';

/** Its place in a row: the errno comes first, then orig_data_size. */
const COMPR_DATA_SIZE = 2;
const DEFAULT_LEVEL = 1;

function encodeChecked(rows: Rows, trace: Trace): string {
  const text = encodeRows(rows);
  if (firstDifference(rows, decodeRows(text, operationCount(trace))) !== -1) {
    throw new Error('what was encoded does not decode to the same rows');
  }
  return text;
}

async function record(set: DataSet, trace: Trace, slots: number, level: number): Promise<RecordedRun> {
  const { rows, ioStat } = await runOnKernel(set, trace, slots, lz4(level));
  return { checksum: checksumOf(set, trace), ioStat, rows: encodeChecked(rows, trace) };
}

async function recordTraces(kernel: string): Promise<TraceFixtures> {
  const traces = [];
  for (const { set, level, trace } of fixtureCases()) {
    traces.push({ set: set.name, level, ...(await record(set, trace, TRACE_SLOTS, level)) });
  }
  return { kernel, traces };
}

async function recordLimits(kernel: string): Promise<LimitFixtures> {
  const scenarios = [];
  for (const { name, trace } of LIMIT_SCENARIOS) {
    scenarios.push({ name, ...(await record(LIMIT_PAGES, trace, LIMIT_SLOTS, DEFAULT_LEVEL)) });
  }
  return { kernel, scenarios };
}

async function recordGolden(kernel: string): Promise<GoldenFixtures> {
  const set = { name: 'golden', pages: new Uint8Array(Buffer.concat(GOLDEN_VECTORS.map(({ page }) => page))) };
  const trace = Uint32Array.from(GOLDEN_VECTORS.flatMap((_, i) => [Operation.Write, i, i]));
  const sizes = GOLDEN_VECTORS.map((): number[] => []);
  for (const level of LEVELS) {
    const { rows } = await runOnKernel(set, trace, GOLDEN_VECTORS.length, lz4(level));
    let before = 0;
    sizes.forEach((ofVector, i) => {
      const total = rows[i * ROW_NUMBERS + COMPR_DATA_SIZE];
      ofVector.push(total - before);
      before = total;
    });
  }
  const comprSizes = Object.fromEntries(GOLDEN_VECTORS.map(({ name }, i) => [name, sizes[i]]));
  return { kernel, levels: LEVELS, comprSizes };
}

/** In the project's format, so that the formatter leaves what was recorded alone. */
async function save(name: Parameters<typeof fixturePath>[0], fixture: unknown): Promise<void> {
  const filepath = fixturePath(name);
  const text = await format(JSON.stringify(fixture), { ...(await resolveConfig(filepath)), filepath });
  writeFileSync(filepath, text);
  console.log(`${filepath}: ${text.length} bytes`);
}

export async function recordAll(): Promise<void> {
  const missing = kernelMissing();
  if (missing !== undefined) throw new Error(`nothing can be recorded here: ${missing}`);
  const kernel = /^[0-9.]+/.exec(release())?.[0] ?? release();
  await save('traces', await recordTraces(kernel));
  await save('limits', await recordLimits(kernel));
  await save('golden', await recordGolden(kernel));
}
