/**
 * Saves the exports to one file, which is replaced as a whole when all is written and on disk. Each save has all exports
 * as they are when it begins; clients go on meanwhile.
 */
import { closeSync, constants, fsync, openSync } from 'node:fs';
import { open, type FileHandle } from 'node:fs/promises';
import { dirname } from 'node:path';
import { promisify } from 'node:util';

import type { SaveReport } from '../../bindings/index.js';
import { CliError, UsageError } from '../errors.js';
import { OutputFile } from '../output-file.js';
import { writePack } from '../pack-file.js';
import type { Surroundings } from '../surroundings.js';
import type { Exports } from './exports.js';
import type { Reserve } from './reserve.js';
import type { Source } from './sources.js';

export interface Saved extends SaveReport {
  readonly file: string;
  readonly exports: number;
}

/** Where a server saves to. */
export interface SaveTarget {
  readonly file: string;
  /** Whether a symbolic link's file may be replaced. */
  readonly links: boolean;
}

/**
 * Checks what saves are to replace, and changes nothing. What is there must be among what is served: it would be lost
 * else.
 * @param force replaces anything
 * @throws CliError, UsageError
 */
export async function saveTarget(
  file: string,
  force: boolean,
  sources: readonly Source[],
  remark: Surroundings['remark'],
): Promise<SaveTarget> {
  const { target, identity } = await OutputFile.prepare(file, { files: true, links: force }, remark);
  if (target.kind !== 'file') throw new UsageError(`--save must name a file, which '${file}' is not`);
  const served = identity === undefined ? undefined : sources.find((source) => source.identity === identity);
  if (served?.isPack === false)
    throw new UsageError(`--save must not name '${file}', which is served as an image: saves are packs`);
  if (served === undefined && !force && (target.facts?.size ?? 0n) > 0n)
    throw new CliError(
      `'${file}' exists and is not served: name it as a pack to go on with what is in it, or --force to replace it`,
    );
  return { file, links: force };
}

export class Saving {
  /** When the last save was complete: milliseconds since 1970. */
  lastTime: number | undefined;
  saves = 0;
  failures = 0;
  #running: Promise<Saved> | undefined;
  #next: Promise<Saved> | undefined;

  constructor(
    readonly target: SaveTarget,
    readonly exports: Exports,
    readonly reserve: Reserve,
    readonly remark: Surroundings['remark'],
  ) {}

  /**
   * Saves what is there now. A save that has begun is waited for, as it lacks what was written since; those that wait are
   * one.
   * @throws CliError; ZramError ENOMEM. The file that was there stays
   */
  save(): Promise<Saved> {
    if (this.#next !== undefined) return this.#next;
    if (this.#running === undefined) return this.#start();
    const start = () => {
      this.#next = undefined;
      return this.#start();
    };
    this.#next = this.#running.then(start, start);
    return this.#next;
  }

  #start(): Promise<Saved> {
    const running = this.#save().finally(() => {
      this.#running = undefined;
    });
    this.#running = running;
    return running;
  }

  async #save(): Promise<Saved> {
    const { file, links } = this.target;
    // A file that is open is freed when it is closed, by another thread. Else replacing one of 400 MB takes 0.1 s here.
    let replaced: FileHandle | undefined;
    try {
      const output = await OutputFile.prepare(file, { files: true, links }, this.remark);
      const { target } = output;
      // Checked again: a pipe may have taken the place of the file.
      if (target.kind !== 'file') throw new CliError(`cannot write '${file}': it is no longer a file`);
      replaced = await open(target.path).catch(() => undefined);
      const report = await output.write((out) => {
        const { devices, comment } = this.exports.saved();
        const saving = this.reserve.lend(() => writePack(out, devices, comment));
        return saving.then((saved) => ({ ...saved, file, exports: devices.size }));
      });
      await syncFolder(dirname(target.path));
      this.saves++;
      this.lastTime = Date.now();
      return report;
    } catch (error) {
      this.failures++;
      throw error;
    } finally {
      await replaced?.close();
      this.reserve.refill();
    }
  }
}

/** So that the file has its name after a loss of power, too. */
async function syncFolder(path: string): Promise<void> {
  let folder: number | undefined;
  try {
    folder = openSync(path, constants.O_RDONLY);
    await promisify(fsync)(folder);
  } catch {
    // Not every system can; the file itself is on disk.
  } finally {
    if (folder !== undefined) closeSync(folder);
  }
}
