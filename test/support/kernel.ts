/**
 * The live kernel's zram as the tests see it: is it there, and what does its mm_stat say after each operation of a
 * trace? All of the work is done by test/kernel/kzram.py, which also keeps other users of the device away.
 */
import { spawn, spawnSync, type ChildProcessWithoutNullStreams } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { ROW_NUMBERS, type IoStat, type Rows } from './mm-stat.js';
import type { DataSet } from './pages.js';
import { operationCount, traceBytes, type Trace } from './trace.js';

const HELPER = fileURLToPath(new URL('../kernel/kzram.py', import.meta.url));

/** A compressor that the live kernel has, too. */
export interface KernelAlgorithm {
  readonly name: string;
  readonly level: number;
}

export function lz4(level: number): KernelAlgorithm {
  return { name: 'lz4', level };
}

export interface KernelRun {
  /** One row after each operation. */
  readonly rows: Rows;
  /** At the end. */
  readonly ioStat: IoStat;
}

/** Why there is no kernel to compare with (a sentence), or undefined if there is one. */
export function kernelMissing(): string | undefined {
  if (process.platform !== 'linux') return 'this is not Linux';
  const probe = spawnSync('python3', [HELPER, '--probe'], { encoding: 'utf8' });
  if (probe.error) return `python3 does not start (${probe.error.message})`;
  return probe.status === 0 ? undefined : probe.stderr.trim();
}

/** Whether the live kernel's zram has a compressor. Each is an option of its build. */
export function kernelHas(name: string): boolean {
  const names = readFileSync('/sys/block/zram0/comp_algorithm', 'utf8').split(/[\s[\]]+/);
  return names.includes(name);
}

/** Runs the helper to its end. `started` gets it at once, with what it has printed so far whenever that grows. */
function runHelper(
  args: readonly string[],
  started: (child: ChildProcessWithoutNullStreams, output: () => Buffer) => void,
): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const child = spawn('python3', [HELPER, ...args], { stdio: ['pipe', 'pipe', 'pipe'] });
    child.stdin.on('error', () => undefined); // it did not want to read: its status and its complaint tell why
    const output: Buffer[] = [];
    const complaints: Buffer[] = [];
    child.stdout.on('data', (chunk: Buffer) => output.push(chunk));
    child.stderr.on('data', (chunk: Buffer) => complaints.push(chunk));
    child.on('error', reject);
    child.on('close', (status) => {
      if (status === 0) resolve(Buffer.concat(output));
      else reject(new Error(`kzram.py ended with status ${status}: ${Buffer.concat(complaints).toString().trim()}`));
    });
    started(child, () => Buffer.concat(output));
  });
}

/**
 * All decimal numbers of `text` from `start` to `end`. Done byte by byte: there are a million numbers in a trace, and
 * splitting the text into strings would take longer than the kernel takes for its part.
 */
function parseNumbers(text: Buffer, start: number, end: number, numbers: Float64Array): void {
  let count = 0;
  let at = start;
  while (at < end) {
    while (at < end && text[at] <= 0x20) at++;
    if (at === end) break;
    let value = 0;
    for (; at < end && text[at] > 0x20; at++) value = value * 10 + text[at] - 0x30;
    if (count < numbers.length) numbers[count] = value;
    count++;
  }
  if (count !== numbers.length) {
    throw new Error(`kzram.py printed ${count} numbers where ${numbers.length} were due`);
  }
}

function parseRun(output: Buffer, operations: number): KernelRun {
  const ioStatAt = output.lastIndexOf('io_stat');
  const rows = new Float64Array(operations * ROW_NUMBERS);
  parseNumbers(output, 0, ioStatAt, rows);
  const io = new Float64Array(4);
  parseNumbers(output, ioStatAt + 'io_stat'.length, output.length, io);
  const [failedReads, failedWrites, invalidIo, notifyFree] = io as unknown as [number, number, number, number];
  return { rows, ioStat: { failedReads, failedWrites, invalidIo, notifyFree } };
}

/** Runs the trace on a fresh device of `slots` pages. */
export async function runOnKernel(
  set: DataSet,
  trace: Trace,
  slots: number,
  algorithm: KernelAlgorithm,
): Promise<KernelRun> {
  const output = await withFiles(set, trace, (files) =>
    runHelper([...files, String(slots), ...algorithmArguments(algorithm)], (child) => child.stdin.end()),
  );
  return parseRun(output, operationCount(trace));
}

/** Runs the trace, and then `work` while the device, /dev/zram0, is as the trace left it and is kept from others. */
export async function withKernelDevice<T>(
  set: DataSet,
  trace: Trace,
  slots: number,
  algorithm: KernelAlgorithm,
  work: () => Promise<T>,
): Promise<T> {
  let result: Promise<T> | undefined;
  await withFiles(set, trace, (files) =>
    runHelper([...files, String(slots), ...algorithmArguments(algorithm), '--hold'], (child, output) => {
      child.stdout.on('data', () => {
        if (result !== undefined || !/io_stat[^\n]*\n$/.test(output().toString('latin1', output().length - 100)))
          return;
        result = work();
        result.then(
          () => child.stdin.end(),
          () => child.stdin.end(),
        );
      });
    }),
  );
  if (result === undefined) throw new Error('kzram.py ended before the device was ready');
  return result;
}

const algorithmArguments = ({ name, level }: KernelAlgorithm) => ['--algorithm', name, '--level', String(level)];

async function withFiles<T>(set: DataSet, trace: Trace, work: (files: readonly string[]) => Promise<T>): Promise<T> {
  const directory = await mkdtemp(join(tmpdir(), 'zram-wasm-'));
  try {
    const files = [join(directory, 'image'), join(directory, 'trace')];
    await writeFile(files[0], set.pages);
    await writeFile(files[1], traceBytes(trace));
    return await work(files);
  } finally {
    await rm(directory, { recursive: true });
  }
}

/** A write to an attribute of a fresh device; an empty disksize leaves the device uninitialised. */
export type AttributeWrite = readonly [attribute: string, text: string, disksize: string];

/** Writes to the kernel's attributes. Returns for each write the name of its errno, '' for none, and what is read then. */
export async function writeKernelAttributes(
  writes: readonly AttributeWrite[],
): Promise<[code: string, texts: Record<string, string>][]> {
  const output = await runHelper(['--attributes'], (child) => child.stdin.end(JSON.stringify(writes)));
  return JSON.parse(output.toString()) as [string, Record<string, string>][];
}
