/// <reference lib="esnext.disposable" preserve="true" />
/** A backing in a file, for Node.js (`zram-wasm/node`, and the attribute `backing_dev`). */
import { checkInteger, PAGE_SIZE, UINT32_MAX } from '../base/arguments.js';
import { viewOf } from '../base/bytes.js';
import { ZramError, type ZramErrorCode } from '../base/errors.js';
import { describe, printable, textOf } from '../base/messages.js';
import { checkTransfer, type Backing } from './backing.js';
import { absolutePath, codeOf, identityOf, nodeFiles } from './file-identity.js';
import { FileLock } from './file-lock.js';

/** Errors of opening that are not EIO. */
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
 * Keeps pages in a file, slot n at byte 4096 * n. A file has one user at a time, whatever path or link leads to it: see
 * the guide for where that holds across processes.
 */
export class FileBacking implements Backing {
  /** @internal Fixed, since a bundler may rename the class. */
  static readonly name = 'FileBacking';
  /** Number of slots. */
  readonly slots: number;
  /** The file's path, absolute. */
  readonly name: string;
  readonly #fs = nodeFiles();
  /** Whether the constructor created the file. */
  readonly #made: boolean;
  readonly #identity: string;
  readonly #lock: FileLock | undefined;
  #file: number;

  /**
   * Creates a sparse file, which `destroy` removes.
   * @param path file to create; one that exists is an error (`EBUSY`)
   * @param slots pages of 4096 bytes, up to 2^32 - 1
   * @throws ZramError EINVAL: a wrong type or number; EBUSY; ENOENT: its folder does not exist; EIO
   */
  constructor(path: string, slots: number);
  /** @internal */
  constructor(path: string, slots: undefined, existing: true);
  constructor(path: string, slots: number | undefined, existing = false) {
    if (typeof path !== 'string') throw new ZramError('EINVAL', `path must be a string, not ${describe(path)}.`);
    if (!existing) checkInteger(slots, 'slots', 1, UINT32_MAX);
    this.#made = !existing;
    const what = existing ? 'open' : 'create';
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
   * Opens an existing file or block device, whose size gives the number of slots. Its content is overwritten; `destroy`
   * closes it and does not remove it.
   * @throws ZramError ENOENT; EINVAL: neither a file nor a block device, or smaller than a page; EBUSY: it is in use;
   * EIO
   */
  static open(path: string): FileBacking {
    return new FileBacking(path, undefined, true);
  }

  /** @internal Whether this path leads to the backing's file. */
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
    if (path === '') throw new ZramError('ENOENT', 'the path of a backing file must not be empty.');
    // Checked before opening, which has side effects: on a FIFO it blocks, a watchdog starts counting.
    const status = this.#fs.statSync(this.name);
    if (!status.isFile() && !status.isBlockDevice()) throw notAFile(path);
    const { O_RDWR, O_EXCL, O_NONBLOCK } = this.#fs.constants;
    // On a block device O_EXCL is the kernel's own exclusive claim, across processes; on a file it has no effect.
    return this.#fs.openSync(this.name, O_RDWR | (O_NONBLOCK ?? 0) | (status.isBlockDevice() ? O_EXCL : 0));
  }

  #slotsOf(bytes: number): number {
    const slots = Math.min(Math.floor(bytes / PAGE_SIZE), UINT32_MAX);
    if (slots > 0) return slots;
    throw new ZramError(
      'EINVAL',
      `the backing file ${printable(this.name)} must have at least ${PAGE_SIZE} bytes, a page.`,
    );
  }

  /** Bytes of a block device, for which fstat reports 0: a binary search for the last readable byte. */
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
   * the slot does
   */
  read(slot: number, page: Uint8Array): void {
    this.#transfer('read', slot, page);
  }

  /**
   * Writes `page` to a slot.
   * @throws ZramError EINVAL: no such slot, or `page` has not 4096 bytes; EIO: the file cannot be written, or its file
   * system is full
   */
  write(slot: number, page: Uint8Array): void {
    this.#transfer('write', slot, page);
  }

  /** A system call may transfer only a part: repeated until the page is complete. */
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
        throw new ZramError(
          'EIO',
          `cannot ${what} slot ${slot} of ${printable(this.name)}: ${printable(textOf(error))}.`,
        );
      }
      if (count <= 0) {
        throw new ZramError(
          'EIO',
          `cannot ${what} slot ${slot} of ${printable(this.name)}: it ended after ${done} of ${PAGE_SIZE} bytes.`,
        );
      }
      done += count;
    }
  }

  /**
   * Closes the file, and removes it if the constructor created it, unless another file has taken its path. Calling it
   * again does nothing.
   * @throws ZramError EIO: the file could not be removed, or some writes did not reach it; it is closed all the same
   */
  destroy(): void {
    const failure = this.#end();
    if (failure === undefined) return;
    throw new ZramError('EIO', `cannot close the backing file ${printable(this.name)}: ${printable(textOf(failure))}.`);
  }

  /** Runs every step, and returns the first failure. */
  #end(): unknown {
    const file = this.#file;
    if (file < 0) return undefined;
    this.#file = -1;
    let failure: unknown;
    // In this order: as long as the file is open, its inode cannot be reused and its lock counts as alive.
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

/** Turns errors of the platform into ZramErrors. */
function attempt<T>(path: string, what: string, call: () => T): T {
  try {
    return call();
  } catch (error) {
    if (error instanceof ZramError) throw error;
    const text = `cannot ${what} the backing file ${printable(path)}: ${printable(textOf(error))}.`;
    throw new ZramError(CODES[codeOf(error)] ?? 'EIO', text);
  }
}

function notAFile(path: string): ZramError {
  return new ZramError('EINVAL', `the backing ${printable(path)} must be a regular file or a block device.`);
}
