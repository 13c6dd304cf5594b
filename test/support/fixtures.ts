/**
 * Figures of a live kernel that are committed, and how they are written down.
 *
 * A trace has tens of thousands of rows, so they are kept as the changes of the changed columns, deflated. The pages
 * and the traces are not kept: they come out of the seed. A checksum of both tells a changed generator (record again)
 * from a device that is wrong.
 */
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { deflateSync, inflateSync } from 'node:zlib';
import type { KernelVersion } from '../../bindings/index.js';
import { ROW_NUMBERS, type IoStat, type Rows } from './mm-stat.js';
import { generatedSets, pageCount, type DataSet } from './pages.js';
import { randomTrace, type Trace } from './trace.js';
import { imul } from './random.js';

export const FIXTURE_SEED = 20260101;
/** Acceleration levels of lz4. */
export const LEVELS = [1, 2, 4, 17] as const;
export const TRACE_SLOTS = 1024;
const TRACE_OPERATIONS = 4000;

/** A run as it is written down. */
export interface RecordedRun {
  readonly checksum: string;
  readonly ioStat: IoStat;
  readonly rows: string;
}

/** In each file `kernel` is the release of the kernel that gave the figures. */
export interface TraceFixtures {
  readonly kernel: string;
  readonly traces: readonly (RecordedRun & { readonly set: string; readonly level: number })[];
}

export interface LimitFixtures {
  readonly kernel: string;
  readonly scenarios: readonly (RecordedRun & { readonly name: string })[];
}

export interface GoldenFixtures {
  readonly kernel: string;
  readonly levels: readonly number[];
  /** compr_data_size of each golden vector, one number for each level. */
  readonly comprSizes: Readonly<Record<string, readonly number[]>>;
}

/** Pages of 384 that were stored on several kernels: lengths after compression, and what mm_stat said. */
export interface ClassFixtures {
  readonly runs: readonly (readonly [
    kernel: KernelVersion,
    compressor: string,
    comprDataSize: number,
    memUsedTotal: number,
    hugePages: number,
  ])[];
  /** By compressor, in the order of the pages, a space between; 0: same-filled. */
  readonly lengths: Readonly<Record<string, string>>;
}

interface Fixtures {
  readonly classes: ClassFixtures;
  readonly traces: TraceFixtures;
  readonly limits: LimitFixtures;
  readonly golden: GoldenFixtures;
}

const FILES = {
  classes: 'kernel-classes.json',
  ...{ traces: 'kernel-traces.json', limits: 'mem-limit.json', golden: 'golden-vectors.json' },
} as const;

export function fixturePath(name: keyof Fixtures): string {
  return fileURLToPath(new URL(`../fixtures/${FILES[name]}`, import.meta.url));
}

export function readFixture<Name extends keyof Fixtures>(name: Name): Fixtures[Name] {
  return JSON.parse(readFileSync(fixturePath(name), 'utf8')) as Fixtures[Name];
}

/** A data set and a level, with the trace that is recorded of them. */
export interface TraceCase {
  readonly set: DataSet;
  readonly level: number;
  readonly trace: Trace;
}

export function fixtureCases(): TraceCase[] {
  return generatedSets(FIXTURE_SEED).flatMap((set) =>
    LEVELS.map((level) => ({
      set,
      level,
      trace: randomTrace({
        seed: FIXTURE_SEED,
        stream: `${set.name} ${level}`,
        operations: TRACE_OPERATIONS,
        slots: TRACE_SLOTS,
        pages: pageCount(set),
      }),
    })),
  );
}

/** FNV-1a over the words of the pages and of the trace: enough to notice a change that nobody meant. */
export function checksumOf(set: DataSet, trace: Trace): string {
  let hash = 0x811c9dc5;
  for (const words of [new Uint32Array(set.pages.buffer, set.pages.byteOffset, set.pages.length / 4), trace]) {
    for (let i = 0; i < words.length; i++) hash = imul(hash ^ words[i], 0x01000193);
  }
  return (hash >>> 0).toString(16).padStart(8, '0');
}

function pushVarint(bytes: number[], value: number): void {
  for (; value >= 0x80; value = Math.floor(value / 0x80)) bytes.push((value % 0x80) | 0x80);
  bytes.push(value);
}

/** For each row a set of bits that says which numbers change, and then each change (zigzag: the sign is bit 0). */
export function encodeRows(rows: Rows): string {
  const bytes: number[] = [];
  const previous = new Float64Array(ROW_NUMBERS);
  for (let start = 0; start < rows.length; start += ROW_NUMBERS) {
    const row = rows.subarray(start, start + ROW_NUMBERS);
    const changes = Array.from(row, (value, i) => value - previous[i]);
    pushVarint(
      bytes,
      changes.reduce((bits, change, i) => (change === 0 ? bits : bits | (1 << i)), 0),
    );
    for (const change of changes) {
      if (change !== 0) pushVarint(bytes, change > 0 ? change * 2 : -change * 2 - 1);
    }
    previous.set(row);
  }
  return deflateSync(Uint8Array.from(bytes), { level: 9 }).toString('base64');
}

export function decodeRows(text: string, count: number): Rows {
  const bytes = inflateSync(Buffer.from(text, 'base64'));
  const rows = new Float64Array(count * ROW_NUMBERS);
  let at = 0;
  const varint = () => {
    let value = 0;
    for (let scale = 1; ; scale *= 0x80) {
      const byte = bytes[at++];
      if (byte === undefined) throw new Error('a recorded trace ends in the middle of a row: record it again');
      value += (byte & 0x7f) * scale;
      if (byte < 0x80) return value;
    }
  };
  for (let start = 0; start < rows.length; start += ROW_NUMBERS) {
    const changed = varint();
    for (let i = 0; i < ROW_NUMBERS; i++) {
      const before = start === 0 ? 0 : rows[start - ROW_NUMBERS + i];
      const code = changed & (1 << i) ? varint() : 0;
      rows[start + i] = before + (code % 2 === 0 ? code / 2 : -(code + 1) / 2);
    }
  }
  return rows;
}
