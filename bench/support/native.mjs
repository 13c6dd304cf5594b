/**
 * The C programs of bench/native: compiled when they are needed, and asked for one round at a time. What is missing on
 * a machine (a compiler, a header, a device, a right) is a sentence in the report, never a failure of the whole run.
 */
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

const SOURCES = fileURLToPath(new URL('../native', import.meta.url));
const EXIT_UNAVAILABLE = 77;

/** What cannot be measured here, with the reason as its message. */
export class Missing extends Error {}

/** Compiles NAME.c to a program in a directory. @throws Missing */
function compile(name, libraries, directory) {
  const compiler = process.env.CC ?? 'cc';
  const program = path.join(directory, name);
  const args = ['-O3', '-std=gnu11', '-o', program, path.join(SOURCES, `${name}.c`), ...libraries];
  const { error, status, stderr } = spawnSync(compiler, args, { encoding: 'utf8' });
  if (error) throw new Missing(`there is no C compiler (${compiler}: ${error.code})`);
  if (status === 0) return program;
  if (/lzo/.test(stderr)) throw new Missing('liblzo2 and its header are not installed (Debian: liblzo2-dev)');
  if (/lz4/.test(stderr)) throw new Missing('liblz4 and its header are not installed (Debian: liblz4-dev)');
  throw new Missing(`${name}.c does not compile here: ${stderr.trim().split('\n')[0]}`);
}

/** A running program that does a round for every line. */
export class NativeProgram {
  #child;
  #lines;
  #complaint = '';
  /** Its first line. */
  greeting = '';

  constructor(child) {
    this.#child = child;
    child.stderr.on('data', (chunk) => (this.#complaint += chunk));
    // A program that ends is noticed by the line that does not come.
    child.stdin.on('error', () => {});
    this.#lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  }

  /**
   * Compiles and starts a program, and waits until it is ready.
   * @param {string} name of the file in bench/native
   * @param {{ args: string[], libraries?: string[], directory: string }} options
   * @throws Missing
   */
  static async start(name, { args, libraries = [], directory }) {
    if (process.platform === 'win32') throw new Missing('its C program is for POSIX systems');
    const program = new NativeProgram(spawn(compile(name, libraries, directory), args));
    program.greeting = await program.#line();
    return program;
  }

  async #line() {
    const { value, done } = await this.#lines.next();
    if (!done) return value;
    if (this.#child.exitCode === null && this.#child.signalCode === null) await once(this.#child, 'exit');
    const complaint = this.#complaint.trim() || `it ended with status ${this.#child.exitCode}`;
    if (this.#child.exitCode === EXIT_UNAVAILABLE) throw new Missing(complaint);
    throw new Error(`${this.#child.spawnfile}: ${complaint}`);
  }

  /** Does one round. @returns {Promise<number[]>} the numbers of its answer */
  async ask(command) {
    this.#child.stdin.write(`${command}\n`);
    return (await this.#line()).split(' ').map(Number);
  }

  /** A round as tinybench wants one that times itself. */
  async timed(command) {
    const [nanoseconds] = await this.ask(command);
    return { overriddenDuration: nanoseconds / 1e6 };
  }

  /** Ends it and waits until it has cleaned up. */
  async end() {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const exit = once(this.#child, 'exit');
    this.#child.stdin.end();
    await exit;
  }
}

/** The program, or the reason why there is none. */
export async function startOrReason(name, options) {
  try {
    return { program: await NativeProgram.start(name, options), reason: undefined };
  } catch (error) {
    if (!(error instanceof Missing)) throw error;
    return { program: undefined, reason: error.message };
  }
}
