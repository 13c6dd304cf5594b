/// <reference lib="esnext.disposable" preserve="true" />
/** A backing in a file, for Node.js (`zram-wasm/node`, and the attribute `backing_dev`). */
import { checkInteger, PAGE_SIZE, UINT32_MAX } from '../base/arguments.js';
import { viewOf } from '../base/bytes.js';
import { ZramError, type ZramErrorCode } from '../base/errors.js';
import { describe, printable, textOf } from '../base/messages.js';
import { checkTransfer, type Backing } from './backing.js';
import { absolutePath, codeOf, identityOf, nodeFiles } from './file-identity.js';
import { FileLock } from './file-lock.js';

/** Errors of opening that have a name of their own. */
const CODES: Record<string, ZramErrorCode> = {
  EEXIST: 'EBUSY',
  EBUSY: 'EBUSY', // a block device that is mounted, swapped to, or another's backing
  ETXTBSY: 'EBUSY', // the kernel swaps to it
  ENOENT: 'ENOENT',
  ENOTDIR: 'ENOENT',
  EISDIR: 'EINVAL',
  ELOOP: 'EINVAL',
  ENAMETOOLONG: 'EINVAL',
  ERR_INVALID_ARG_VALUE: 'EINVAL', // a NUL in the path
};

/**
 * Keeps pages in a file, each in its place. A file has one user at a time, by whatever path or link: see the guide for
 * where that holds across processes.
 */
export class FileBacking implements Backing {
  /** @internal Whatever a bundler calls the class. */
  static readonly name = 'FileBacking';
  /** Number of slots. */
  readonly slots: number;
  /** The file's path, absolute. */
  readonly name: string;
  readonly #fs = nodeFiles();
  /** Whether the constructor made the file. */
  readonly #made: boolean;
  readonly #identity: string;
  readonly #lock: FileLock | undefined;
  #file: number;

  /**
   * Makes a sparse file, which `destroy` removes.
   * @param path file to make; one that exists is an error (`EBUSY`)
   * @param slots pages of 4096 bytes, up to 2^32 - 1
   * @throws ZramError EINVAL: a wrong type or number; EBUSY; ENOENT: a folder that does not exist; EIO
   */
  constructor(path: string, slots: number);
  /** @internal */
  constructor(path: string, slots: undefined, existing: true);
  constructor(path: string, slots: number | undefined, existing = false) {
    if (typeof path !== 'string') throw new ZramError('EINVAL', `path must be a string, not ${describe(path)}.`);
    if (!existing) checkInteger(slots, 'slots', 1, UINT32_MAX);
    this.#made = !existing;
    const what = existing ? 'opened' : 'made';
    this.name = attempt(path, what, () => absolutePath(path));
    this.#file = attempt(path, what, () => (existing ? this.#open(path) : this.#make()));
    try {
      const status = attempt(path, what, () => this.#fs.fstatSync(this.#file, { bigint: true }));
      if (!status.isFile() && !status.isBlockDevice()) throw notAFile(path);
      this.#identity = identityOf(status);
      this.#lock = new FileLock(this.#identity, this.#file);
      this.slots = slots ?? this.#slotsOf(status.isBlockDevice() ? this.#deviceBytes() : Number(status.size));
      if (!existing) attempt(path, what, () => this.#fs.ftruncateSync(this.#file, this.slots * PAGE_SIZE));
    } catch (error) {
      this.#end();
      throw error;
    }
  }

  /**
   * Opens a file or a block device that exists, whose size is the number of slots. `destroy` closes it and leaves it there;
   * what it held is overwritten.
   * @throws ZramError ENOENT; EINVAL: neither a file nor a block device, or smaller than a page; EBUSY: somebody uses it; EIO
   */
  static open(path: string): FileBacking {
    return new FileBacking(path, undefined, true);
  }

  /** @internal Whether it is the file at this path. */
  static isAt(backing: FileBacking, path: string): boolean {
    try {
      return identityOf(backing.#fs.statSync(path, { bigint: true })) === backing.#identity;
    } catch {
      return false;
    }
  }

  #make(): number {
    const { O_RDWR, O_CREAT, O_EXCL } = this.#fs.constants;
    return this.#fs.openSync(this.name, O_RDWR | O_CREAT | O_EXCL, 0o600);
  }

  #open(path: string): number {
    if (path === '') throw new ZramError('ENOENT', 'the backing file has no name.');
    // Opening is not without effect on everything: a FIFO waits for its other end, a watchdog begins to count.
    const status = this.#fs.statSync(this.name);
    if (!status.isFile() && !status.isBlockDevice()) throw notAFile(path);
    const { O_RDWR, O_EXCL, O_NONBLOCK } = this.#fs.constants;
    // Of a block device, O_EXCL is the kernel's own claim, for all processes; of a file it says nothing.
    return this.#fs.openSync(this.name, O_RDWR | (O_NONBLOCK ?? 0) | (status.isBlockDevice() ? O_EXCL : 0));
  }

  #slotsOf(bytes: number): number {
    const slots = Math.min(Math.floor(bytes / PAGE_SIZE), UINT32_MAX);
    if (slots > 0) return slots;
    throw new ZramError('EINVAL', `the backing file ${printable(this.name)} is smaller than a page.`);
  }

  /** A block device has no size that fstat would tell: the last byte that can be read is looked for. */
  #deviceBytes(): number {
    const byte = new Uint8Array(1);
    const readable = (at: number): boolean => {
      try {
        return this.#fs.readSync(this.#file, byte, 0, 1, at) === 1;
      } catch {
        return false;
      }
    };
    let [low, high] = [0, 2 ** 44];
    while (low < high) {
      const middle = Math.floor((low + high) / 2);
      if (readable(middle)) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  /**
   * Fills `page` from a slot.
   * @throws ZramError EINVAL: no such slot, or `page` has not 4096 bytes; EIO: the file cannot be read, or ends before
   */
  read(slot: number, page: Uint8Array): void {
    this.#transfer('read', slot, page);
  }

  /**
   * Writes `page` to a slot.
   * @throws ZramError EINVAL: no such slot, or `page` has not 4096 bytes; EIO: the file cannot be written, or its file system
   * is full
   */
  write(slot: number, page: Uint8Array): void {
    this.#transfer('write', slot, page);
  }

  /** A call may do a part only: what is left is done by another. */
  #transfer(what: 'read' | 'write', slot: number, page: Uint8Array): void {
    checkTransfer(this.slots, slot, page);
    if (this.#file < 0) throw new ZramError('EINVAL', 'this FileBacking was destroyed.');
    const bytes = viewOf(page);
    for (let done = 0; done < PAGE_SIZE;) {
      let count: number;
      try {
        const [length, at] = [PAGE_SIZE - done, slot * PAGE_SIZE + done];
        count =
          what === 'read'
            ? this.#fs.readSync(this.#file, bytes, done, length, at)
            : this.#fs.writeSync(this.#file, bytes, done, length, at);
      } catch (error) {
        throw new ZramError('EIO', `slot ${slot} of ${printable(this.name)}: ${printable(textOf(error))}.`);
      }
      if (count <= 0) {
        throw new ZramError('EIO', `slot ${slot} of ${printable(this.name)} ends after ${done} bytes.`);
      }
      done += count;
    }
  }

  /**
   * Closes the file, and removes it if the constructor made it: not what somebody has put in its place. Calling it again does
   * nothing.
   * @throws ZramError EIO: the file could not be removed, or not all that was written is in it; it is closed
   */
  destroy(): void {
    const failure = this.#end();
    if (failure === undefined) return;
    throw new ZramError('EIO', `the backing file ${printable(this.name)}: ${printable(textOf(failure))}.`);
  }

  /** Does all of it, and returns the first failure. */
  #end(): unknown {
    const file = this.#file;
    if (file < 0) return undefined;
    this.#file = -1;
    let failure: unknown;
    // In this order: while the file is open, nobody else's can have its inode, and its lock is alive.
    for (const step of [() => this.#remove(), () => this.#lock?.release(), () => this.#fs.closeSync(file)]) {
      try {
        step();
      } catch (error) {
        failure ??= error;
      }
    }
    return failure;
  }

  #remove(): void {
    if (!this.#made) return;
    const status = this.#fs.lstatSync(this.name, { bigint: true, throwIfNoEntry: false });
    if (!status || identityOf(status) !== this.#identity) return;
    this.#fs.rmSync(this.name, { force: true });
  }

  /** The same as `destroy()`, for `using`. */
  [Symbol.dispose](): void {
    this.destroy();
  }
}

/** Whatever the platform throws becomes a ZramError. */
function attempt<T>(path: string, what: string, call: () => T): T {
  try {
    return call();
  } catch (error) {
    if (error instanceof ZramError) throw error;
    const text = `the backing file ${printable(path)} cannot be ${what}: ${printable(textOf(error))}.`;
    throw new ZramError(CODES[codeOf(error)] ?? 'EIO', text);
  }
}

function notAFile(path: string): ZramError {
  return new ZramError('EINVAL', `the backing ${printable(path)} must be a file or a block device.`);
}
