/** The command line: what was asked for, the answer on stdout, failures on stderr, and the exit status. */
import { ZramError } from '../bindings/index.js';
import { COMMANDS } from './commands.js';
import { CliError, messageOf, UsageError } from './errors.js';
import { messageLine, printable, printableJson, printableLines } from './escaping.js';
import { HELP } from './help.js';
import { parseOptions, type Values } from './options.js';
import type { Report } from './surroundings.js';
import { version } from './version.js';

export const DONE = 0;
export const FAILED = 1;

export interface CommandIo {
  readonly stdout: { write(text: string): unknown };
  readonly stderr: { write(text: string): unknown; readonly isTTY?: boolean };
  readonly stdin: AsyncIterable<Uint8Array>;
  /** The most memory that the engine may take; 4 GiB by default. */
  readonly maxMemory?: string | undefined;
  /** The program's own script, for other threads; without it there is one thread. */
  readonly script?: URL | undefined;
}

/** Runs one command line (without node and script) and returns the exit status. */
export async function main(args: readonly string[], io: CommandIo): Promise<number> {
  const messages = new Messages(io.stderr);
  try {
    return await run(args, io, messages);
  } catch (error) {
    messages.tell(sentenceOf(error));
    return error instanceof CliError ? error.exitStatus : FAILED;
  }
}

/** The sentence for an error. An unexpected one is a defect, and its place is added, which a bug report needs. */
export function sentenceOf(error: unknown): string {
  if (error instanceof CliError || error instanceof ZramError) return error.message;
  const stack = error instanceof Error ? error.stack : undefined;
  const [, place = ''] = /\n\s+(at [^\n]+)/.exec(stack ?? '') ?? [];
  return `${messageOf(error)} (${place}): this is a bug in zram-wasm, please report it`;
}

async function run(args: readonly string[], io: CommandIo, messages: Messages): Promise<number> {
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
  if (positionals.length === 0) throw new UsageError("no command given; see 'zram-wasm --help'");
  const names = COMMANDS.map((one) => one.name).join(', ');
  if (!command) throw new UsageError(`unknown command '${name}': must be one of ${names}; see 'zram-wasm --help'`);
  for (const option of Object.keys(values)) {
    if (option !== 'json' && !command.options.includes(option))
      throw new UsageError(`${name} has no option '--${option}'; see 'zram-wasm ${name} --help'`);
  }
  const textOf = (report: Report) =>
    values.json === true ? printableJson(report.json(version())) : printableLines(report.text(version()));
  const { report, failure, outputTaken } = await command.run(files, values, {
    stdin: io.stdin,
    progress: (text) => messages.show(text),
    remark: (text) => messages.tell(text),
    announce: (report) => {
      messages.clear();
      io.stdout.write(`${textOf(report)}\n`);
    },
    maxMemory: io.maxMemory,
    script: io.script,
  });
  messages.clear();
  (outputTaken === true ? io.stderr : io.stdout).write(`${textOf(report)}\n`);
  if (failure === undefined) return DONE;
  messages.tell(failure);
  return FAILED;
}

function parse(args: readonly string[]): { values: Values; positionals: string[] } {
  try {
    return parseOptions(args);
  } catch (error) {
    // Node's explanation goes on about '--' after the first sentence, or on further lines.
    const [sentence = ''] = messageOf(error).split(/\. |\n/);
    throw new UsageError(`${sentence.replace(/\.$/, '')}; see 'zram-wasm --help'`);
  }
}

/** Standard error: messages, one line each, and on a terminal also progress, one line that is overwritten. */
class Messages {
  /** Often enough to look alive, seldom enough to cost nothing. */
  static readonly #intervalMilliseconds = 100;
  static readonly #columns = 79;
  #shown = false;
  #last = 0;

  constructor(readonly stream: CommandIo['stderr']) {}

  tell(sentence: string): void {
    this.clear();
    this.stream.write(`zram-wasm: ${messageLine(sentence)}\n`);
  }

  /** The text is made only if it is shown. */
  show(text: () => string): void {
    const now = performance.now();
    if (this.stream.isTTY !== true || now - this.#last < Messages.#intervalMilliseconds) return;
    this.#last = now;
    this.#shown = true;
    this.stream.write(`\r\x1b[K${printable(text().slice(0, Messages.#columns))}`);
  }

  clear(): void {
    if (this.#shown) this.stream.write('\r\x1b[K');
    this.#shown = false;
  }
}
