/** A file that is written whole or not at all. */
import { open, rename, rm, stat, type FileHandle } from 'node:fs/promises';

import { CliError, codeOf, reasonOf } from './errors.js';

export class OutputFile {
  private constructor(
    readonly path: string,
    /** Where it is written to until it is complete; undefined: a device or a pipe, which is written to at once. */
    readonly temporary: string | undefined,
    readonly handle: FileHandle,
  ) {}

  /**
   * @param replace false: a file that is there is an error
   * @throws CliError that names it
   */
  static async open(path: string, replace: boolean): Promise<OutputFile> {
    try {
      const facts = await stat(path).catch((error: unknown) => {
        if (codeOf(error) !== 'ENOENT') throw error;
      });
      if (facts?.isDirectory() === true) throw new CliError(`cannot write '${path}': it is a directory`);
      if (facts?.isFile() === true && !replace) throw new CliError(`'${path}' is there already; --force replaces it`);
      const regular = facts === undefined || facts.isFile();
      const temporary = regular ? `${path}.${process.pid}.part` : undefined;
      return new OutputFile(path, temporary, await open(temporary ?? path, regular ? 'wx' : 'w'));
    } catch (error) {
      throw cannotWrite(path, error);
    }
  }

  /** Does the work and keeps the file; or discards it, when the work fails, as if it had never been begun. */
  async write<T>(work: (handle: FileHandle) => Promise<T>): Promise<T> {
    try {
      const result = await work(this.handle);
      await this.#finish();
      return result;
    } catch (error) {
      await this.handle.close().catch(() => undefined);
      if (this.temporary !== undefined) await rm(this.temporary, { force: true });
      throw error;
    }
  }

  async #finish(): Promise<void> {
    try {
      await this.handle.close();
      if (this.temporary !== undefined) await rename(this.temporary, this.path);
    } catch (error) {
      throw cannotWrite(this.path, error);
    }
  }
}

export function cannotWrite(path: string, error: unknown): CliError {
  return error instanceof CliError ? error : new CliError(`cannot write '${path}': ${reasonOf(error)}`);
}
