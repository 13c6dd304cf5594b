/// <reference lib="esnext.disposable" preserve="true" />
/** A backing in the origin private file system of browsers. */
import { checkBoolean, checkInteger, PAGE_SIZE, readOptions, UINT32_MAX } from '../base/arguments.js';
import { viewOf } from '../base/bytes.js';
import { ZramError, type ZramErrorCode } from '../base/errors.js';
import { describe, textOf } from '../base/messages.js';
import { checkTransfer, type Backing } from './backing.js';

// The browser's interfaces, as far as they are used: a program that compiles against this package may lack their types.
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

/** The browser's exceptions by the codes used here. */
const CODES: Record<string, ZramErrorCode> = {
  TypeError: 'EINVAL',
  TypeMismatchError: 'EINVAL',
  NoModificationAllowedError: 'EBUSY',
  QuotaExceededError: 'ENOSPC',
  SecurityError: 'EOPNOTSUPP',
  NotSupportedError: 'EOPNOTSUPP',
};

/**
 * Keeps pages in a file of the browser's origin private file system, synchronously. Browsers offer synchronous access
 * in dedicated workers only. The file grows as slots are used.
 */
export class OpfsBacking implements Backing {
  /** @internal Fixed, since a bundler may rename the class. */
  static readonly name = 'OpfsBacking';
  /** Number of slots. */
  readonly slots: number;
  /** The file's name. */
  readonly name: string;
  readonly #directory: Directory;
  readonly #keep: boolean;
  #handle: SyncAccessHandle | undefined;
  #ended: Promise<void> | undefined;

  private constructor(name: string, slots: number, directory: Directory, handle: SyncAccessHandle, keep: boolean) {
    this.name = name;
    this.slots = slots;
    this.#directory = directory;
    this.#handle = handle;
    this.#keep = keep;
  }

  /**
   * Creates the file, or empties one that was left behind by a tab that was closed early.
   * @param name a file's name, in the root of the origin's private file system
   * @param slots pages of 4096 bytes, up to 2^32 - 1
   * @param options `keep`: `destroy` does not remove the file; default: false
   * @throws ZramError EOPNOTSUPP: not in a dedicated worker of a browser with such files; EBUSY: the file is open
   * elsewhere; EINVAL; ENOSPC: the origin's quota is used up; EIO
   */
  static async create(name: string, slots: number, options?: { keep?: boolean | undefined }): Promise<OpfsBacking> {
    const { keep = false } = readOptions(options, ['keep'], 'OpfsBacking.create');
    if (typeof name !== 'string' || name === '') {
      throw new ZramError('EINVAL', `name must be a file name that is not empty, not ${describe(name)}.`);
    }
    checkInteger(slots, 'slots', 1, UINT32_MAX);
    checkBoolean(keep, 'keep');
    try {
      const directory = await rootDirectory();
      const handle = await openFile(directory, name);
      const backing = new OpfsBacking(name, slots, directory, handle, keep);
      try {
        handle.truncate(0);
      } catch (error) {
        await backing.destroy();
        throw error;
      }
      return backing;
    } catch (error) {
      if (error instanceof ZramError) throw error;
      throw new ZramError(CODES[nameOf(error)] ?? 'EIO', `cannot create the file ${describe(name)}: ${textOf(error)}.`);
    }
  }

  /**
   * Fills `page` from a slot.
   * @throws ZramError EINVAL: no such slot, or `page` has not 4096 bytes; EIO: the file cannot be read, or ends before
   * the slot does
   */
  read(slot: number, page: Uint8Array): void {
    this.#transfer('read', slot, page);
  }

  /**
   * Writes `page` to a slot.
   * @throws ZramError EINVAL: no such slot, or `page` has not 4096 bytes; EIO: the file cannot be written, or the
   * origin's quota is used up
   */
  write(slot: number, page: Uint8Array): void {
    this.#transfer('write', slot, page);
  }

  /** A call may transfer only a part: repeated until the page is complete. */
  #transfer(what: 'read' | 'write', slot: number, page: Uint8Array): void {
    checkTransfer(this.slots, slot, page);
    const handle = this.#handle;
    if (!handle) throw new ZramError('EINVAL', 'this OpfsBacking was destroyed.');
    for (let done = 0; done < PAGE_SIZE;) {
      let count: number;
      try {
        count = handle[what](viewOf(page, done), { at: slot * PAGE_SIZE + done });
      } catch (error) {
        throw new ZramError('EIO', `cannot ${what} slot ${slot} of ${describe(this.name)}: ${textOf(error)}.`);
      }
      // When the quota is used up, Chromium's write returns an error code of its own as an unsigned number.
      if (!(count > 0 && count <= PAGE_SIZE - done)) {
        throw new ZramError(
          'EIO',
          `cannot ${what} slot ${slot} of ${describe(this.name)}: it ended after ${done} of ${PAGE_SIZE} bytes.`,
        );
      }
      done += count;
    }
  }

  /**
   * Closes the file and, without `keep`, removes it: its space is free at once, its name when the promise is fulfilled.
   * Never rejects. Calling it again does nothing.
   */
  destroy(): Promise<void> {
    return (this.#ended ??= this.#end());
  }

  async #end(): Promise<void> {
    const handle = this.#handle;
    this.#handle = undefined;
    // Each step runs even if the one before failed. The file may have been removed meanwhile.
    if (!this.#keep) unlessItFails(() => handle?.truncate(0));
    unlessItFails(() => handle?.close());
    if (!this.#keep) await removed(this.#directory, this.name);
  }

  /** The same as `destroy()`, for `await using`. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.destroy();
  }
}

async function rootDirectory(): Promise<Directory> {
  const { navigator } = globalThis as { navigator?: { storage?: { getDirectory?(): Promise<Directory> } } };
  if (typeof navigator?.storage?.getDirectory !== 'function') throw unsupported();
  return navigator.storage.getDirectory();
}

/** Opens or creates a file. One that was created and cannot be opened is removed again. */
async function openFile(directory: Directory, name: string): Promise<SyncAccessHandle> {
  const existed = await exists(directory, name);
  const file = await directory.getFileHandle(name, { create: true });
  try {
    if (typeof file.createSyncAccessHandle !== 'function') throw unsupported();
    return await file.createSyncAccessHandle();
  } catch (error) {
    // EBUSY: another call was faster, and the file belongs to that one.
    if (!existed && CODES[nameOf(error)] !== 'EBUSY') await removed(directory, name);
    throw error;
  }
}

async function exists(directory: Directory, name: string): Promise<boolean> {
  try {
    await directory.getFileHandle(name, { create: false });
    return true;
  } catch {
    return false;
  }
}

async function removed(directory: Directory, name: string): Promise<void> {
  try {
    await directory.removeEntry(name);
  } catch {
    // Open elsewhere by now, or gone.
  }
}

function unlessItFails(call: () => void): void {
  try {
    call();
  } catch {
    // The other steps follow.
  }
}

function nameOf(error: unknown): string {
  const name = (error as { name?: unknown } | null | undefined)?.name;
  return typeof name === 'string' ? name : '';
}

function unsupported(): ZramError {
  return new ZramError(
    'EOPNOTSUPP',
    'OpfsBacking needs a dedicated worker of a browser with an origin private file system and synchronous access handles.',
  );
}
