/// <reference lib="esnext.disposable" preserve="true" />
/** A backing in the origin private file system of browsers. */
import { PAGE_SIZE, checkBoolean, checkInteger, checkOptions } from '../arguments.js';
import { viewOf } from '../bytes.js';
import { ZramError, type ZramErrorCode } from '../errors.js';
import { describe } from '../size.js';
import type { Backing } from './backing.js';

// What of the browser is used. Its own types are not there for everybody who compiles against this package.
interface SyncAccessHandle {
  read(buffer: Uint8Array, options: { at: number }): number;
  write(buffer: Uint8Array, options: { at: number }): number;
  truncate(size: number): void;
  close(): void;
}
interface FileHandle {
  createSyncAccessHandle?(): Promise<SyncAccessHandle>;
}
interface Directory {
  getFileHandle(name: string, options: { create: boolean }): Promise<FileHandle>;
  removeEntry(name: string): Promise<void>;
}

/** What the browser's exceptions are here. */
const CODES: Record<string, ZramErrorCode> = {
  TypeError: 'EINVAL',
  TypeMismatchError: 'EINVAL',
  NoModificationAllowedError: 'EBUSY',
  QuotaExceededError: 'ENOSPC',
  SecurityError: 'EOPNOTSUPP',
};

/**
 * Keeps pages in a file of the browser's origin private file system, synchronously: such files can be read and written
 * without waiting in dedicated workers, and only there. The file grows as slots are used.
 */
export class OpfsBacking implements Backing {
  /** Number of slots. */
  readonly slots: number;
  /** The file's name. */
  readonly name: string;
  readonly #directory: Directory;
  readonly #keep: boolean;
  #handle: SyncAccessHandle | undefined;

  private constructor(name: string, slots: number, directory: Directory, handle: SyncAccessHandle, keep: boolean) {
    this.name = name;
    this.slots = slots;
    this.#directory = directory;
    this.#handle = handle;
    this.#keep = keep;
  }

  /**
   * Makes the file, or empties the one that a tab left behind which was closed early.
   * @param name a file's name, in the root of the origin's private file system
   * @param slots pages of 4096 bytes, up to 2^32 - 1
   * @param options `keep`: `destroy` leaves the file there; default: it removes it
   * @throws ZramError EOPNOTSUPP: this is no dedicated worker of a browser that has such files; EBUSY: the file is open
   * elsewhere; EINVAL; ENOSPC: the origin's quota is used up; EIO
   */
  static async create(name: string, slots: number, options?: { keep?: boolean | undefined }): Promise<OpfsBacking> {
    if (typeof name !== 'string' || name === '') {
      throw new ZramError('EINVAL', `name must be the name of a file, not ${describe(name)}.`);
    }
    checkInteger(slots, 'slots', 1, 2 ** 32 - 1);
    checkOptions(options, ['keep'], 'OpfsBacking.create');
    const { keep = false } = options ?? {};
    checkBoolean(keep, 'keep');
    try {
      const directory = await rootDirectory();
      const file = await directory.getFileHandle(name, { create: true });
      if (typeof file.createSyncAccessHandle !== 'function') throw unsupported();
      const handle = await file.createSyncAccessHandle();
      handle.truncate(0);
      return new OpfsBacking(name, slots, directory, handle, keep);
    } catch (error) {
      if (error instanceof ZramError) throw error;
      const code = CODES[(error as Error).name] ?? 'EIO';
      throw new ZramError(code, `the file ${name} cannot be made: ${String(error)}`);
    }
  }

  /** Fills `page` from a slot. */
  read(slot: number, page: Uint8Array): void {
    const length = this.#live().read(viewOf(page, 0, PAGE_SIZE), { at: slot * PAGE_SIZE });
    if (length !== PAGE_SIZE) throw new ZramError('EIO', `slot ${slot} of ${this.name} ends after ${length} bytes.`);
  }

  /** Writes `page` to a slot. */
  write(slot: number, page: Uint8Array): void {
    const length = this.#live().write(viewOf(page, 0, PAGE_SIZE), { at: slot * PAGE_SIZE });
    if (length !== PAGE_SIZE) throw new ZramError('EIO', `slot ${slot} of ${this.name} took ${length} bytes only.`);
  }

  /**
   * Closes the file and, without `keep`, removes it: its space is free at once, its name when the promise is fulfilled,
   * which never rejects. Calling it again does nothing.
   */
  async destroy(): Promise<void> {
    const handle = this.#handle;
    if (!handle) return;
    this.#handle = undefined;
    if (!this.#keep) handle.truncate(0);
    handle.close();
    // Somebody may have removed it meanwhile: that is as well.
    if (!this.#keep) await this.#directory.removeEntry(this.name).catch(() => undefined);
  }

  /** The same as `destroy()`, for `await using`. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.destroy();
  }

  #live(): SyncAccessHandle {
    if (this.#handle) return this.#handle;
    throw new ZramError('EINVAL', 'this OpfsBacking was destroyed.');
  }
}

async function rootDirectory(): Promise<Directory> {
  const { navigator } = globalThis as { navigator?: { storage?: { getDirectory?(): Promise<Directory> } } };
  if (typeof navigator?.storage?.getDirectory !== 'function') throw unsupported();
  return navigator.storage.getDirectory();
}

function unsupported(): ZramError {
  return new ZramError(
    'EOPNOTSUPP',
    'files that are read and written at once need a dedicated worker of a browser with an origin private file system.',
  );
}
