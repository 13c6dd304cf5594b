/** Runs the command line in this process, and reads what it prints. */
import { expect } from '@jest/globals';

import { main } from '../../cli/command.js';

export interface Outcome {
  status: number;
  out: string;
  err: string;
}

async function* noInput(): AsyncGenerator<Uint8Array> {
  // Standard input that is closed at once.
}

export interface Surroundings {
  stdin?: AsyncIterable<Uint8Array>;
  isTTY?: boolean;
  maxMemory?: string;
  script?: URL;
}

export async function run(
  args: string[],
  { stdin = noInput(), isTTY = false, ...rest }: Surroundings = {},
): Promise<Outcome> {
  let out = '';
  let err = '';
  const status = await main(args, {
    stdout: { write: (text) => (out += text) },
    stderr: { write: (text) => (err += text), isTTY },
    stdin,
    ...rest,
  });
  return { status, out, err };
}

/** The parts of the JSON object that the tests look at. */
export interface Json {
  version: string;
  complete: boolean;
  stopped?: string;
  note?: string;
  kernel: { version: string; chainSize: number; hugeClassSize: number; compressorDefault: string };
  inputs: {
    kind: string;
    name: string;
    bytes: number;
    pages: number;
    paddedBytes: number;
    pagesVanished: number;
    pagesOnlyRead: number;
    pagesLeftOut: number;
    format?: string;
    extents?: number;
    remainders?: number[];
    bytesOutside?: number;
    pagesNotInDump?: number;
    pagesRepeated?: number;
    holes?: number;
    notes?: string[];
  }[];
  algorithms: {
    algorithm: string;
    code: string[];
    recompression?: { before: { comprDataSize: number; memUsedTotal: number }; calls: { call: string }[] };
    computed: boolean;
    computedBecause?: string;
    inputs: { name: string; samePages: number; hugePages: number; comprDataSize: number; pagesSharing: number }[];
    mm_stat: Record<'before' | 'afterMerge' | 'afterCompact', Record<string, number>>;
    merge: { objectsMerged: number; objectsScanned: number; pagesFreed: number; complete: boolean };
    compact: { pagesFreed: number };
    saved: { bytes: number; percent: number };
    classes: { size: number; objects: number; merged: number; bytesSaved: number }[];
    histogram: { from: number; to: number; pages: number }[];
    dedup?: Record<'merging' | 'inline', Record<string, number>>;
    steps: Record<
      string,
      { milliseconds: number; processorMilliseconds: number | null; bytes: number; megabytesPerSecond: number }
    >;
    microsecondsPerPage: { store: number | null; load: number | null; by: 'processor' | 'clock' };
    verified: boolean;
  }[];
  sharing?: { inputs: string[]; pages: number[][] };
  threads: number;
  configuration?: string[];
  memory: { engineUsed: number; engineReserved: number; peakRss: number };
}

export async function analyzeJson(args: string[], surroundings?: Surroundings): Promise<Json> {
  const { status, out, err } = await run(['analyze', '--json', ...args], surroundings);
  expect({ status, err }).toEqual({ status: 0, err: '' });
  return JSON.parse(out) as Json;
}
