/** The command line: what was asked for, the answer on stdout, failures on stderr, and the exit status. */
import { readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';

import { ZramError } from '../bindings/index.js';
import { analyze, type AnalyzeOptions } from './analyze.js';
import { CliError, messageOf, UsageError } from './errors.js';
import { toJson } from './report-json.js';
import { toText } from './report.js';

export const DONE = 0;
export const FAILED = 1;

const HELP = `Usage: zram-wasm analyze [FILE...] [--pid N[,N]]... [--algorithm NAME[,NAME]]... [--dedup] [--json]

Shows what zram would make of the pages of files and processes, and what merging identical pages adds. All inputs are
stored together on one device, so equal pages of different inputs are found, and a matrix tells which inputs share them.
Every page is read back and compared. Inputs may be larger than memory; what is stored of them takes up to 4 GiB.
With nothing named it analyses this process's own resident anonymous memory (elsewhere than on Linux: the executable).

  FILE                a file, device or pipe; '-' is standard input. Its last page is filled up with zeros.
  --pid N[,N]         the resident anonymous memory of processes (Linux; needs the rights of a debugger). They run on
                      meanwhile; pages that vanish are counted.
  --algorithm NAME    the compressors to compare (default: lz4)
  --dedup             compare merging with inline deduplication, which shares pages while it stores them: the same pages
                      go to a second device, which takes memory and time of its own
  --json              one JSON object instead of the report
  -h, --help          this text
  --version           the version

Columns: same-filled pages repeat one 8-byte value and take no memory. Huge pages do not compress and are stored as they
are. Sharing pages have the same content as another page: after the merge they have one object, so all but one of them
have no object of their own.

Exit status: 0 done, 1 failed, 2 wrong usage.
`;

const OPTIONS = {
  pid: { type: 'string', multiple: true },
  algorithm: { type: 'string', multiple: true },
  dedup: { type: 'boolean' },
  json: { type: 'boolean' },
  help: { type: 'boolean', short: 'h' },
  version: { type: 'boolean' },
} as const;

export interface CommandIo {
  readonly stdout: { write(text: string): unknown };
  readonly stderr: { write(text: string): unknown; readonly isTTY?: boolean };
  readonly stdin: AsyncIterable<Uint8Array>;
  /** The most that the engine may take; 4 GiB where it is not said. */
  readonly maxMemory?: string | undefined;
}

/** Runs one command line (without node and script) and returns the exit status. */
export async function main(args: readonly string[], io: CommandIo): Promise<number> {
  const progress = new Progress(io.stderr);
  try {
    return await run(args, io, progress);
  } catch (error) {
    progress.clear();
    // An error that is not expected is a defect: its stack is what a report of it needs.
    const known = error instanceof CliError || error instanceof ZramError;
    const stack = error instanceof Error ? error.stack : undefined;
    const text = known ? error.message : (stack ?? messageOf(error));
    io.stderr.write(`zram-wasm: ${text}\n`);
    return error instanceof CliError ? error.exitStatus : FAILED;
  }
}

async function run(args: readonly string[], io: CommandIo, progress: Progress): Promise<number> {
  const { values, positionals } = parse(args);
  if (values.help === true) {
    io.stdout.write(HELP);
    return DONE;
  }
  if (values.version === true) {
    io.stdout.write(`${version()}\n`);
    return DONE;
  }
  if (positionals.length === 0) throw new UsageError("which command? 'zram-wasm --help' tells");
  const [command, ...files] = positionals;
  if (command !== 'analyze')
    throw new UsageError(`there is no command '${command}', only 'analyze'; see 'zram-wasm --help'`);

  const options: AnalyzeOptions = {
    files,
    pids: list('--pid', values.pid).map(toPid),
    algorithms: list('--algorithm', values.algorithm),
    dedup: values.dedup === true,
  };
  if (files.filter((file) => file === '-').length > 1)
    throw new UsageError("standard input ('-') can be read only once");
  const analysis = await analyze(options, {
    stdin: io.stdin,
    progress: (text) => progress.show(text),
    maxMemory: io.maxMemory,
  });
  progress.clear();
  io.stdout.write(`${values.json === true ? toJson(analysis, version()) : toText(analysis, version())}\n`);
  if (analysis.stopped === undefined) return DONE;
  io.stderr.write(`zram-wasm: ${analysis.stopped}\n`);
  return FAILED;
}

function parse(args: readonly string[]) {
  try {
    return parseArgs({ args: [...args], options: OPTIONS, allowPositionals: true });
  } catch (error) {
    // Node's explanation goes on about '--' after the first sentence, or on further lines.
    const [sentence = ''] = messageOf(error).split(/\. |\n/);
    throw new UsageError(`${sentence.replace(/\.$/, '')}; see 'zram-wasm --help'`);
  }
}

/** The parts of an option that takes several values with commas between, and may be given several times. */
function list(option: string, values: readonly string[] = []): string[] {
  const parts = values.flatMap((value) => value.split(','));
  if (parts.includes('')) throw new UsageError(`${option} has an empty value; write ${option} A or ${option} A,B`);
  return [...new Set(parts)];
}

function toPid(text: string): number {
  const pid = Number(text);
  if (!/^[0-9]+$/.test(text) || !Number.isSafeInteger(pid) || pid === 0)
    throw new UsageError(`'${text}' is not a process number; --pid takes whole numbers from 1`);
  return pid;
}

/** The package's version; package.json stands one folder above the sources and above the bundle alike. */
function version(): string {
  const text = readFileSync(new URL('../package.json', import.meta.url), 'utf8');
  return (JSON.parse(text) as { version: string }).version;
}

/** One line on a terminal that is written over again and again; silent elsewhere. */
class Progress {
  /** Often enough to look alive, seldom enough to cost nothing. */
  static readonly #intervalMilliseconds = 100;
  #shown = false;
  #last = 0;

  constructor(readonly stream: CommandIo['stderr']) {}

  show(text: string): void {
    const now = performance.now();
    if (this.stream.isTTY !== true || now - this.#last < Progress.#intervalMilliseconds) return;
    this.#last = now;
    this.#shown = true;
    this.stream.write(`\r\x1b[K${text.replace(/\p{Cc}/gu, '?').slice(0, 79)}`);
  }

  clear(): void {
    if (this.#shown) this.stream.write('\r\x1b[K');
    this.#shown = false;
  }
}
