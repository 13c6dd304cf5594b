/** What can be analysed: a stream of bytes with a name. Files, devices, pipes and standard input are here. */
import { constants } from 'node:fs';
import { access, open, stat, type FileHandle } from 'node:fs/promises';

import { CliError, reasonOf } from './errors.js';

export interface Input {
  readonly kind: 'file' | 'stdin' | 'process';
  readonly name: string;
  /** Bytes to come, where that is known before they are read. */
  readonly bytes: number | undefined;
  /** Fills `out` from its start and returns the bytes; 0 only at the end. */
  read(out: Uint8Array): Promise<number>;
  close(): Promise<void>;
}

/** A file, FIFO or device. It is opened when its turn comes, so that any number can be named. */
export class FileInput implements Input {
  readonly kind = 'file';
  readonly name: string;
  readonly bytes: number | undefined;
  readonly #path: string;
  #handle: FileHandle | undefined;

  /** Looks whether the file is there and may be read. @throws CliError that names it */
  static async open(path: string, name = path): Promise<FileInput> {
    try {
      const facts = await stat(path);
      if (facts.isDirectory()) throw Object.assign(new Error(), { code: 'EISDIR' });
      await access(path, constants.R_OK);
      // Files in /proc and /sys say 0 and hold something all the same, so 0 is not a size to trust.
      return new FileInput(path, name, facts.isFile() && facts.size > 0 ? facts.size : undefined);
    } catch (error) {
      throw new CliError(`cannot read '${path}': ${reasonOf(error)}`);
    }
  }

  private constructor(path: string, name: string, bytes: number | undefined) {
    this.#path = path;
    this.name = name;
    this.bytes = bytes;
  }

  async read(out: Uint8Array): Promise<number> {
    try {
      this.#handle ??= await open(this.#path);
      return (await this.#handle.read(out, 0, out.length, null)).bytesRead;
    } catch (error) {
      throw new CliError(`cannot read '${this.#path}': ${reasonOf(error)}`);
    }
  }

  async close(): Promise<void> {
    await this.#handle?.close();
    this.#handle = undefined;
  }
}

/** Standard input; its chunks come in sizes of their own and are handed out in pieces that fit. */
export class StdinInput implements Input {
  readonly kind = 'stdin';
  readonly name = 'standard input';
  readonly bytes = undefined;
  readonly #chunks: AsyncIterator<Uint8Array>;
  #chunk: Uint8Array = new Uint8Array(0);

  constructor(stdin: AsyncIterable<Uint8Array>) {
    this.#chunks = stdin[Symbol.asyncIterator]();
  }

  async read(out: Uint8Array): Promise<number> {
    while (this.#chunk.length === 0) {
      const next = await this.#next();
      if (next.done === true) return 0;
      this.#chunk = next.value;
    }
    const bytes = Math.min(out.length, this.#chunk.length);
    out.set(this.#chunk.subarray(0, bytes));
    this.#chunk = this.#chunk.subarray(bytes);
    return bytes;
  }

  async close(): Promise<void> {
    await this.#chunks.return?.();
  }

  async #next(): Promise<IteratorResult<Uint8Array>> {
    try {
      return await this.#chunks.next();
    } catch (error) {
      throw new CliError(`cannot read standard input: ${reasonOf(error)}`);
    }
  }
}

/** Fills `out` as far as the input goes; a short count means that it has ended. */
export async function readFully(input: Input, out: Uint8Array): Promise<number> {
  let filled = 0;
  while (filled < out.length) {
    const bytes = await input.read(filled === 0 ? out : out.subarray(filled));
    if (bytes === 0) break;
    filled += bytes;
  }
  return filled;
}
