/** The command line: what was asked for, the answer on stdout, failures on stderr, and the exit status. */
import { readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';

import { ZramError } from '../bindings/index.js';
import { COMMANDS, OPTIONS, type Values } from './commands.js';
import { CliError, messageOf, UsageError } from './errors.js';
import { HELP } from './help.js';

export const DONE = 0;
export const FAILED = 1;

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
  const [name, ...files] = positionals;
  const command = COMMANDS.find((one) => one.name === name);
  if (values.help === true) {
    io.stdout.write(command?.help ?? HELP);
    return DONE;
  }
  if (values.version === true) {
    io.stdout.write(`${version()}\n`);
    return DONE;
  }
  if (positionals.length === 0) throw new UsageError("which command? 'zram-wasm --help' tells");
  const names = COMMANDS.map((one) => one.name).join(', ');
  if (!command) throw new UsageError(`there is no command '${name}', only ${names}; see 'zram-wasm --help'`);
  for (const option of Object.keys(values)) {
    if (option !== 'json' && !command.options.includes(option))
      throw new UsageError(`${name} has no option '--${option}'; see 'zram-wasm ${name} --help'`);
  }
  const { report, failure } = await command.run(files, values, {
    stdin: io.stdin,
    progress: (text) => progress.show(text),
    maxMemory: io.maxMemory,
  });
  progress.clear();
  io.stdout.write(`${values.json === true ? report.json(version()) : report.text(version())}\n`);
  if (failure === undefined) return DONE;
  io.stderr.write(`zram-wasm: ${failure}\n`);
  return FAILED;
}

function parse(args: readonly string[]): { values: Values; positionals: string[] } {
  try {
    return parseArgs({ args: [...args], options: OPTIONS, allowPositionals: true });
  } catch (error) {
    // Node's explanation goes on about '--' after the first sentence, or on further lines.
    const [sentence = ''] = messageOf(error).split(/\. |\n/);
    throw new UsageError(`${sentence.replace(/\.$/, '')}; see 'zram-wasm --help'`);
  }
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
