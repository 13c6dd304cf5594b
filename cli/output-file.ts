/** An output: a file, written whole or not at all, or a pipe, device or open descriptor that is written to directly. */
import { closeSync, constants, fstatSync, openSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';

import { CliError, codeOf, reasonOf } from './errors.js';
import {
  identityOfTarget,
  isStandardOutput,
  targetOf,
  thereAlready,
  type ReplaceRule,
  type Target,
} from './output-target.js';
import { FileWriter, StreamWriter, type OutputWriter } from './output-writer.js';
import { Replacement } from './replacement.js';

/** How often a pipe is tried for a reader, and after how long the wait is reported. */
const READER_POLL_MILLISECONDS = 20;
const READER_REMARK_MILLISECONDS = 500;

type Kind<K> = Target & { readonly kind: K };

export class OutputFile {
  private constructor(
    readonly name: string,
    readonly target: Target,
    readonly rule: ReplaceRule,
    readonly remark: (text: string) => void,
  ) {}

  /**
   * Checks the target and changes nothing.
   * @param name a path, or '-' for standard output
   * @param remark called when a pipe has to wait for its reader
   * @throws CliError that names it
   */
  static async prepare(name: string, rule: ReplaceRule, remark: (text: string) => void): Promise<OutputFile> {
    const shown = name === '-' ? 'standard output' : name;
    try {
      return new OutputFile(shown, await targetOf(name, rule), rule, remark);
    } catch (error) {
      throw cannotWrite(shown, error);
    }
  }

  get isStandardOutput(): boolean {
    return isStandardOutput(this.target);
  }

  /** Of the existing file; see `identityOf`. */
  get identity(): string | undefined {
    return identityOfTarget(this.target);
  }

  /**
   * Does the work and keeps the file. If the work fails or is interrupted, the file is discarded as if it had never
   * been begun.
   * @param made identities of files that must not be replaced; this file's identity is added
   */
  async write<T>(work: (out: OutputWriter) => Promise<T>, made = new Set<string>()): Promise<T> {
    const { target } = this;
    if (target.kind === 'file') return this.#replace(target, work, made);
    if (target.kind === 'descriptor') return work(this.#naming(new StreamWriter(target.descriptor)));
    const descriptor = await this.#openSpecial(target);
    try {
      return await work(this.#naming(new StreamWriter(descriptor)));
    } finally {
      closeSync(descriptor);
    }
  }

  async #replace<T>(
    { path, facts }: Kind<'file'>,
    work: (out: OutputWriter) => Promise<T>,
    made: Set<string>,
  ): Promise<T> {
    const replacement = new Replacement(path, facts);
    try {
      const descriptor = this.#try(() => replacement.open());
      const writer = new FileWriter(descriptor);
      const result = await work(this.#naming(writer));
      await this.#tryAsync(() => writer.end());
      this.#try(() => replacement.finish(descriptor, this.rule.files, made));
      return result;
    } catch (error) {
      replacement.discard();
      throw error;
    }
  }

  /** Without a reader a pipe cannot be opened in this mode; in a blocking mode the wait would be silent. */
  async #openSpecial({ path, facts }: Kind<'special'>): Promise<number> {
    const { O_WRONLY, O_NONBLOCK, O_NOCTTY } = constants;
    const start = performance.now();
    for (let told = false; ;) {
      try {
        const descriptor = openSync(path, O_WRONLY | O_NONBLOCK | O_NOCTTY);
        if (!fstatSync(descriptor).isFile()) return descriptor;
        closeSync(descriptor);
        throw new Error('it has become a regular file');
      } catch (error) {
        if (codeOf(error) !== 'ENXIO' || !facts.isFIFO()) throw cannotWrite(this.name, error);
      }
      if (!told && performance.now() - start >= READER_REMARK_MILLISECONDS) {
        this.remark(`'${this.name}' is a pipe: waiting for a reader`);
        told = true;
      }
      await delay(READER_POLL_MILLISECONDS);
    }
  }

  /** A writer whose failures name this output. */
  #naming(writer: OutputWriter): OutputWriter {
    return {
      write: (bytes) => this.#tryAsync(() => writer.write(bytes)),
      skip: (length) => this.#tryAsync(() => writer.skip(length)),
    };
  }

  #try<T>(step: () => T): T {
    try {
      return step();
    } catch (error) {
      throw cannotWrite(this.name, error);
    }
  }

  async #tryAsync<T>(step: () => Promise<T>): Promise<T> {
    try {
      return await step();
    } catch (error) {
      throw cannotWrite(this.name, error);
    }
  }
}

function cannotWrite(name: string, error: unknown): CliError {
  if (codeOf(error) === 'EEXIST') return thereAlready(name);
  return error instanceof CliError ? error : new CliError(`cannot write '${name}': ${reasonOf(error)}`);
}
