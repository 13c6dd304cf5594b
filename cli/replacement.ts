/**
 * A file is written beside its target and takes the name when it is complete, with the mode and owner of the file that
 * was there. Whatever goes wrong before that, Ctrl-C included, leaves the old file, and nothing else.
 */
import { randomBytes } from 'node:crypto';
import {
  closeSync,
  fchmodSync,
  fchownSync,
  fstatSync,
  linkSync,
  lstatSync,
  openSync,
  renameSync,
  rmSync,
  type BigIntStats,
} from 'node:fs';
import { dirname, join } from 'node:path';

import { codeOf } from './errors.js';
import { identityOf } from './file-identity.js';
import { forgetOnInterruption, removeOnInterruption } from './interruption.js';

/** Until it has the mode of the file that it replaces, only its owner can read it. */
const PRIVATE_MODE = 0o600;
/** Less the bits that the umask or the folder's default ACL removes. */
const NEW_MODE = 0o666;
const MODE_BITS = 0o7777n;

export class Replacement {
  readonly #temporary: string;
  #descriptor: number | undefined;

  /**
   * @param path without symbolic links
   * @param facts of the file that is there
   */
  constructor(
    readonly path: string,
    readonly facts: BigIntStats | undefined,
  ) {
    // Short, as names have at most 255 bytes, and impossible to guess.
    this.#temporary = join(dirname(path), `.${randomBytes(8).toString('hex')}.part`);
  }

  /** Creates the temporary file. */
  open(): number {
    removeOnInterruption(this.#temporary); // first: a signal may come right after the next line
    this.#descriptor = openSync(this.#temporary, 'wx', this.facts === undefined ? NEW_MODE : PRIVATE_MODE);
    if (this.facts !== undefined) keepOwner(this.#descriptor, this.facts);
    return this.#descriptor;
  }

  /**
   * Gives the file its name, synchronously, so that no signal is handled in between.
   * @param replace false: a file that has appeared meanwhile stays, and this one is refused
   * @param made identities of files that must not be replaced in any case; this file's identity is added
   * @throws Error whose message is the reason; system errors
   */
  finish(descriptor: number, replace: boolean, made: Set<string>): void {
    const there = lstatSync(this.path, { bigint: true, throwIfNoEntry: false });
    if (there?.isFile() === false) throw new Error('something that is not a regular file has taken its place');
    if (there !== undefined && made.has(identityOf(there) ?? ''))
      throw new Error('another image of this pack was written to the same file');
    const kept = there ?? this.facts;
    if (kept !== undefined) keepOwner(descriptor, kept);
    if (kept !== undefined) keepMode(descriptor, kept);
    made.add(identityOf(fstatSync(descriptor, { bigint: true })) ?? '');
    this.#close();
    if (replace) renameSync(this.#temporary, this.path);
    else nameNew(this.#temporary, this.path);
    forgetOnInterruption(this.#temporary);
  }

  /** After a failure. */
  discard(): void {
    try {
      this.#close();
    } finally {
      rmSync(this.#temporary, { force: true });
      forgetOnInterruption(this.#temporary);
    }
  }

  #close(): void {
    const descriptor = this.#descriptor;
    this.#descriptor = undefined;
    if (descriptor !== undefined) closeSync(descriptor);
  }
}

/** Only if it differs: file systems without owners refuse any change. */
function keepOwner(descriptor: number, { uid, gid }: BigIntStats): void {
  const own = fstatSync(descriptor, { bigint: true });
  if (own.uid === uid && own.gid === gid) return;
  try {
    fchownSync(descriptor, Number(uid), Number(gid));
  } catch (error) {
    if (codeOf(error) !== 'EPERM') throw error;
    throw new Error('its owner and group cannot be kept: only root may give a file to another user', {
      cause: error,
    });
  }
}

/** After the owner, as changing that clears bits of the mode. */
function keepMode(descriptor: number, { mode }: BigIntStats): void {
  const bits = mode & MODE_BITS;
  if ((fstatSync(descriptor, { bigint: true }).mode & MODE_BITS) !== bits) fchmodSync(descriptor, Number(bits));
}

/** Gives a file a name that is free. @throws the system's EEXIST */
function nameNew(temporary: string, path: string): void {
  try {
    linkSync(temporary, path);
  } catch (error) {
    if (codeOf(error) === 'EEXIST') throw error;
    // A file system without hard links: the name is taken by an empty file first.
    closeSync(openSync(path, 'wx'));
    renameSync(temporary, path);
    return;
  }
  rmSync(temporary, { force: true });
}
