/** The commands: what each is called, its help and options, and how it is run. */
import type { parseArgs } from 'node:util';

import { parseLines } from './algorithm-line.js';
import { analyze } from './analyze.js';
import { diff } from './diff.js';
import type { Reading } from './dump-input.js';
import { parseRanges } from './dumps/by-hand.js';
import { FORMATS } from './dumps/contents.js';
import { UsageError } from './errors.js';
import { toKernel } from './kernel.js';
import { ANALYZE_HELP, DIFF_HELP, PACK_HELP, UNPACK_HELP } from './help.js';
import { pack } from './pack.js';
import { toJson } from './report-json.js';
import { diffReport, packReport, unpackReport } from './report-pack.js';
import { toText } from './report.js';
import type { Report, Surroundings } from './surroundings.js';
import { unpack } from './unpack.js';

/** Options of all commands. */
export const OPTIONS = {
  pid: { type: 'string', multiple: true },
  algorithm: { type: 'string', multiple: true },
  kernel: { type: 'string' },
  dedup: { type: 'boolean' },
  format: { type: 'string' },
  at: { type: 'string', multiple: true },
  memory: { type: 'boolean' },
  output: { type: 'string', short: 'o' },
  force: { type: 'boolean' },
  json: { type: 'boolean' },
  help: { type: 'boolean', short: 'h' },
  version: { type: 'boolean' },
} as const;

export type Values = ReturnType<typeof parseArgs<{ options: typeof OPTIONS; allowPositionals: true }>>['values'];

export interface Command {
  readonly name: string;
  readonly help: string;
  /** Options other than `--json`, `--help` and `--version`. */
  readonly options: readonly string[];
  run(files: readonly string[], values: Values, io: Surroundings): Promise<Outcome>;
}

export interface Outcome {
  readonly report: Report;
  /** The report is incomplete, and this sentence says what is missing. */
  readonly failure?: string | undefined;
  /** The command wrote its output to standard output, so the report goes to standard error. */
  readonly outputTaken?: boolean;
}

export const COMMANDS: readonly Command[] = [
  {
    name: 'analyze',
    help: ANALYZE_HELP,
    options: ['pid', 'algorithm', 'kernel', 'dedup', 'format', 'at'],
    async run(files, values, io) {
      checkStdin(files);
      const pids = list('--pid', values.pid).map(toPid);
      const algorithms = parseLines(values.algorithm ?? []);
      const kernel = values.kernel === undefined ? undefined : toKernel(values.kernel);
      const options = {
        files,
        pids,
        algorithms,
        kernel,
        dedup: values.dedup === true,
        reading: readingOf(files, values),
      };
      const analysis = await analyze(options, io);
      const report = {
        text: (version: string) => toText(analysis, version),
        json: (version: string) => toJson(analysis, version),
      };
      return { report, failure: analysis.stopped };
    },
  },
  {
    name: 'pack',
    help: PACK_HELP,
    options: ['output', 'algorithm', 'force', 'format', 'at', 'memory'],
    async run(files, values, io) {
      checkStdin(files);
      const { output = '', force = false } = values;
      if (files.length === 0) throw new UsageError('pack needs at least one image: zram-wasm pack IMAGE... -o FILE');
      if (output === '') throw new UsageError('pack needs an output file: zram-wasm pack IMAGE... -o FILE');
      const [algorithm = 'lz4', ...more] = list('--algorithm', values.algorithm);
      if (more.length > 0) throw new UsageError('pack takes only one --algorithm');
      const options = {
        files,
        output,
        force,
        algorithm,
        reading: readingOf(files, values),
        memory: values.memory === true,
      };
      const { outputTaken, ...packed } = await pack(options, io);
      return { report: packReport(packed), outputTaken };
    },
  },
  {
    name: 'unpack',
    help: UNPACK_HELP,
    options: ['output', 'force'],
    async run(files, values, io) {
      if (files.length !== 1) throw new UsageError('unpack takes one file: zram-wasm unpack FILE [-o FOLDER]');
      const [file] = files;
      const { output: folder = '.', force = false } = values;
      if (folder === '-')
        throw new UsageError("-o must name a folder, not standard output; './-' is the folder called '-'");
      if (folder === '') throw new UsageError('-o must name a folder: zram-wasm unpack FILE [-o FOLDER]');
      return { report: unpackReport(await unpack({ file, folder, force }, io)) };
    },
  },
  {
    name: 'diff',
    help: DIFF_HELP,
    options: ['format', 'at'],
    async run(files, values, io) {
      checkStdin(files);
      if (files.length !== 2) throw new UsageError('diff takes two images or packs: zram-wasm diff A B');
      const [a, b] = files;
      const difference = await diff(a, b, readingOf(files, values), io);
      return { report: diffReport(difference), failure: difference.truncated };
    },
  },
];

function checkStdin(files: readonly string[]): void {
  if (files.filter((file) => file === '-').length > 1)
    throw new UsageError("standard input ('-') can be read only once");
}

/** How files are to be read. @throws UsageError */
function readingOf(files: readonly string[], { format = 'auto', at = [] }: Values): Reading {
  const known = ['auto', ...FORMATS] as const;
  const chosen = known.find((one) => one === format);
  if (chosen === undefined) throw new UsageError(`unknown format '${format}'; --format takes ${known.join(', ')}`);
  if (at.length > 0 && chosen !== 'auto' && chosen !== 'raw')
    throw new UsageError(`--at names where the pages are, and --format ${chosen} finds them itself: give one of them`);
  if (files.length === 0 && (at.length > 0 || chosen !== 'auto'))
    throw new UsageError('--format and --at say how files are read, and no file was named');
  return { format: chosen, at: parseRanges(at) };
}

/** The values of an option that takes a comma-separated list and may be given several times. */
function list(option: string, values: readonly string[] = []): string[] {
  const parts = values.flatMap((value) => value.split(','));
  if (parts.includes('')) throw new UsageError(`${option} has an empty value; write ${option} A or ${option} A,B`);
  return [...new Set(parts)];
}

function toPid(text: string): number {
  const pid = Number(text);
  if (!/^[0-9]+$/.test(text) || !Number.isSafeInteger(pid) || pid === 0)
    throw new UsageError(`--pid must be a process number, a whole number from 1, not '${text}'`);
  return pid;
}
