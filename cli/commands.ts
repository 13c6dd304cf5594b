/** The commands: what each is called, its help and options, and how it is run. */
import { parseLines } from './algorithm-line.js';
import { analyze } from './analyze.js';
import { ctl } from './ctl/ctl.js';
import { diff } from './diff.js';
import type { Reading } from './dump-input.js';
import { parseRanges } from './dumps/by-hand.js';
import { FORMATS } from './dumps/contents.js';
import { UsageError } from './errors.js';
import { toKernel } from './kernel.js';
import { toZramName } from './live-device.js';
import { ANALYZE_HELP, DIFF_HELP, PACK_HELP, UNPACK_HELP } from './help.js';
import { CTL_HELP, SERVE_HELP } from './help-serve.js';
import type { Values } from './options.js';
import { OutputFile } from './output-file.js';
import { pack } from './pack.js';
import { toHtml } from './report-html.js';
import { toJson } from './report-json.js';
import { diffReport, packReport, unpackReport } from './report-pack.js';
import { toText } from './report.js';
import { serveOptions } from './serve/arguments.js';
import { Ending } from './serve/ending.js';
import { serve } from './serve/serve.js';
import type { Report, Surroundings } from './surroundings.js';
import { unpack } from './unpack.js';
import { version } from './version.js';

/** More than there are compressors; beyond that a number is a mistake. */
const THREADS_MAX = 1024;

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
    options: ['pid', 'zram', 'algorithm', 'kernel', 'dedup', 'threads', 'html', 'format', 'at'],
    async run(files, values, io) {
      checkStdin(files);
      const pids = list('--pid', values.pid).map(toPid);
      const zram = values.zram === undefined ? undefined : toZramName(values.zram);
      if (zram !== undefined && files.length + pids.length > 0)
        throw new UsageError('--zram takes a device alone: name neither files nor --pid beside it');
      const algorithms = parseLines(values.algorithm ?? []);
      const kernel = values.kernel === undefined ? undefined : toKernel(values.kernel);
      const html = values.html === undefined ? undefined : await htmlOutput(values.html, io.remark);
      const options = {
        files,
        pids,
        zram,
        algorithms,
        kernel,
        dedup: values.dedup === true,
        states: html !== undefined,
        output: html,
        threads: values.threads === undefined ? undefined : toThreads(values.threads),
        reading: readingOf(files, values),
      };
      const analysis = await analyze(options, io);
      await html?.write((out) => out.write(Buffer.from(toHtml(analysis, version()))));
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
  {
    name: 'serve',
    help: SERVE_HELP,
    options: [
      ...['size', 'unix', 'port', 'host', 'export', 'save', 'force', 'memory', 'algorithm', 'dedup', 'read-only'],
      ...['control', 'tls-cert', 'tls-key', 'tls-ca'],
    ],
    async run(files, values, io) {
      return { report: await serve(serveOptions(files, values), new Ending(), io) };
    },
  },
  {
    name: 'ctl',
    help: CTL_HELP,
    options: ['force', 'prometheus'],
    async run([socket = '', ...args], { force = false, prometheus = false, json = false }) {
      if (socket === '') throw new UsageError('ctl needs the socket of a server: zram-wasm ctl SOCKET stat');
      if (prometheus && json) throw new UsageError('--prometheus and --json are two forms: give one of them');
      return { report: await ctl(socket, args, { force, prometheus }) };
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

/** The file of `--html`. Standard output has the report. @throws CliError, UsageError */
async function htmlOutput(name: string, remark: (text: string) => void): Promise<OutputFile> {
  const taken = "--html must name a file, not standard output, which has the report; './-' is the file called '-'";
  if (name === '') throw new UsageError('--html must name a file: zram-wasm analyze --html FILE');
  if (name === '-') throw new UsageError(taken);
  const file = await OutputFile.prepare(name, { files: true, links: false }, remark);
  if (file.isStandardOutput) throw new UsageError(taken);
  return file;
}

function toThreads(text: string): number {
  const threads = Number(text);
  if (!/^[0-9]+$/.test(text) || threads < 1 || threads > THREADS_MAX)
    throw new UsageError(`--threads must be a whole number from 1 to ${THREADS_MAX}, not '${text}'`);
  return threads;
}

function toPid(text: string): number {
  const pid = Number(text);
  if (!/^[0-9]+$/.test(text) || !Number.isSafeInteger(pid) || pid === 0)
    throw new UsageError(`--pid must be a process number, a whole number from 1, not '${text}'`);
  return pid;
}
