/** Inputs: streams of bytes with a name. Files, devices, pipes and standard input are here. */
import { constants, type BigIntStats } from 'node:fs';
import { access, open, stat, statfs, type FileHandle } from 'node:fs/promises';

import { CliError, reasonOf } from './errors.js';
import type { Contents } from './dumps/contents.js';
import { identityOf, identityOfDescriptor } from './file-identity.js';
import { plural } from './format.js';

const STANDARD_INPUT = 0;
/** The unit of `blocks` in the result of `stat`. */
const BLOCK_BYTES = 512;

export interface Input {
  readonly kind: 'file' | 'stdin' | 'process' | 'zram';
  readonly name: string;
  /** Its length, if that is known before it is read. */
  readonly bytes: number | undefined;
  /** See `identityOf`. */
  readonly identity?: string | undefined;
  /** Known at its end: whether its length has changed since it was first looked at. */
  readonly changed?: 'grew' | 'shrank' | undefined;
  /** Of files and pipes: how they were read. Of a pipe that is known once its first bytes are there. */
  readonly contents?: Contents | undefined;
  /** Fills `out` from its start and returns the number of bytes; 0 only at the end. */
  read(out: Uint8Array): Promise<number>;
  close(): Promise<void>;
}

/**
 * A file, FIFO or device. It is opened when its turn comes and closed afterwards, so that any number can be named. A
 * file that grows meanwhile ends where it ended when it was first looked at.
 */
export class FileInput implements Input {
  readonly kind = 'file';
  readonly name: string;
  readonly bytes: number | undefined;
  readonly identity: string | undefined;
  /** Whether it can be read at any place. */
  readonly isSeekable: boolean;
  /** Bytes of a regular file for which the file system has allocated nothing. */
  readonly holes: number;
  /** Whether the system makes it as it is read, as it does files of /proc: its length says nothing, if it has one. */
  readonly isMade: boolean;
  changed: 'grew' | 'shrank' | undefined;
  contents: Contents | undefined;
  #handle: FileHandle | undefined;
  #position = 0;

  /** Checks that the file exists and may be read. @throws CliError that names it */
  static async open(path: string, name = path): Promise<FileInput> {
    try {
      const facts = await stat(path, { bigint: true });
      if (facts.isDirectory()) throw Object.assign(new Error(), { code: 'EISDIR' });
      await access(path, constants.R_OK);
      const isMade = facts.isFile() && facts.blocks === 0n && (await statfs(path)).blocks === 0;
      return new FileInput(path, name, facts, isMade);
    } catch (error) {
      throw new CliError(`cannot read '${path}': ${reasonOf(error)}`);
    }
  }

  private constructor(
    readonly path: string,
    name: string,
    facts: BigIntStats,
    isMade: boolean,
  ) {
    this.name = name;
    // Most files of /proc and /sys say 0 and hold something.
    const bytes = facts.isFile() && !(isMade && facts.size === 0n) ? Number(facts.size) : undefined;
    this.bytes = bytes;
    this.isMade = isMade;
    this.identity = identityOf(facts);
    // What is read of a file that says 0 and holds something (/proc/kmsg) may be gone.
    this.isSeekable = (facts.isFile() && bytes !== undefined) || facts.isBlockDevice();
    this.holes = bytes === undefined || isMade ? 0 : Math.max(0, bytes - BLOCK_BYTES * Number(facts.blocks));
  }

  async read(out: Uint8Array): Promise<number> {
    try {
      this.#handle ??= await open(this.path);
      const length = Math.min(out.length, (this.bytes ?? Infinity) - this.#position);
      if (length === 0) return await this.#end(this.#handle);
      const { bytesRead } = await this.#handle.read(out, 0, length, null);
      this.#position += bytesRead;
      if (bytesRead === 0 && this.bytes !== undefined) this.changed = 'shrank';
      return bytesRead;
    } catch (error) {
      throw new CliError(`cannot read '${this.path}': ${reasonOf(error)}`);
    }
  }

  async close(): Promise<void> {
    const handle = this.#handle;
    this.#handle = undefined;
    this.#position = 0; // it may be read again
    await handle?.close();
  }

  async #end(handle: FileHandle): Promise<0> {
    if (this.bytes !== undefined && (await handle.stat()).size > this.bytes) this.changed = 'grew';
    return 0;
  }
}

/** Closes an input after use, and remarks on a changed length. */
export async function endInput(input: Input, remark: (text: string) => void): Promise<void> {
  await input.close();
  const { name, bytes, changed } = input;
  if (changed === undefined) return;
  const rest =
    changed === 'grew'
      ? `reading stopped at its first length, ${plural(bytes ?? 0, 'byte')}`
      : 'only what was left was used';
  remark(`'${name}' ${changed} while it was read: ${rest}`);
}

/** Standard input. Its chunks come in any size and are handed out in pieces that fit. */
export class StdinInput implements Input {
  readonly kind = 'stdin';
  readonly name = 'standard input';
  readonly bytes = undefined;
  readonly identity = identityOfDescriptor(STANDARD_INPUT);
  contents: Contents | undefined;
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

/** Fills `out` as far as the input lasts; a short count means that it has ended. */
export async function readFully(input: Pick<Input, 'read'>, out: Uint8Array): Promise<number> {
  let filled = 0;
  while (filled < out.length) {
    const bytes = await input.read(filled === 0 ? out : out.subarray(filled));
    if (bytes === 0) break;
    filled += bytes;
  }
  return filled;
}
