/// <reference lib="esnext.disposable" preserve="true" />
/** A backing in a file, for Node.js (`zram-wasm/node`, and the attribute `backing_dev`). */
import { PAGE_SIZE, checkInteger } from '../arguments.js';
import { ZramError, type ZramErrorCode } from '../errors.js';
import { describe } from '../size.js';
import { checkTransfer, type Backing } from './backing.js';

/** What of `node:fs` is used. */
interface Files {
  openSync(path: string, flags: string, mode?: number): number;
  closeSync(file: number): void;
  ftruncateSync(file: number, length: number): void;
  fstatSync(file: number): { size: number; isBlockDevice(): boolean; isFile(): boolean };
  readSync(file: number, buffer: Uint8Array, offset: number, length: number, position: number): number;
  writeSync(file: number, buffer: Uint8Array, offset: number, length: number, position: number): number;
  unlinkSync(path: string): void;
}

/** Asked for this way, bundlers for browsers see no import of a Node module. */
function files(): Files {
  const { process } = globalThis as { process?: { getBuiltinModule?: (name: string) => unknown } };
  const fs = process?.getBuiltinModule?.('node:fs');
  if (fs) return fs as Files;
  throw new ZramError('EOPNOTSUPP', 'there are no files here; give a backing as an object.');
}

/** Errors of opening that have a name of their own. */
const CODES: Record<string, ZramErrorCode> = { EEXIST: 'EBUSY', ENOENT: 'ENOENT', EISDIR: 'EINVAL' };

/** Keeps pages in a file, each in its place. */
export class FileBacking implements Backing {
  /** Number of slots. */
  readonly slots: number;
  /** The file's path. */
  readonly name: string;
  readonly #fs = files();
  readonly #removed: boolean;
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
    if (!existing) checkInteger(slots, 'slots', 1, 2 ** 32 - 1);
    this.name = path;
    this.#removed = !existing;
    try {
      this.#file = this.#fs.openSync(path, existing ? 'r+' : 'wx+', 0o600);
    } catch (error) {
      const code = CODES[(error as { code?: string }).code ?? ''] ?? 'EIO';
      throw new ZramError(
        code,
        `the backing file ${path} cannot be ${existing ? 'opened' : 'made'}: ${String(error)}.`,
      );
    }
    try {
      this.slots = slots ?? this.#slotsOfFile();
      if (!existing) this.#fs.ftruncateSync(this.#file, this.slots * PAGE_SIZE);
    } catch (error) {
      this.destroy();
      if (error instanceof ZramError) throw error;
      throw new ZramError('EIO', `the backing file ${path} cannot be made: ${String(error)}.`);
    }
  }

  /**
   * Opens a file or a block device that exists, whose size is the number of slots. `destroy` closes it and leaves it there;
   * what it held is overwritten.
   * @throws ZramError ENOENT; EINVAL: a directory, or smaller than a page; EIO
   */
  static open(path: string): FileBacking {
    return new FileBacking(path, undefined, true);
  }

  #slotsOfFile(): number {
    const { size } = this.#fs.fstatSync(this.#file);
    const slots = Math.min(Math.floor((size > 0 ? size : this.#deviceBytes()) / PAGE_SIZE), 2 ** 32 - 1);
    if (slots > 0) return slots;
    throw new ZramError('EINVAL', `the backing file ${this.name} is smaller than a page.`);
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

  /** Fills `page` from a slot. */
  read(slot: number, page: Uint8Array): void {
    this.#check(slot, page);
    const length = this.#fs.readSync(this.#file, page, 0, PAGE_SIZE, slot * PAGE_SIZE);
    if (length !== PAGE_SIZE) throw new ZramError('EIO', `slot ${slot} of ${this.name} ends after ${length} bytes.`);
  }

  /** Writes `page` to a slot. */
  write(slot: number, page: Uint8Array): void {
    this.#check(slot, page);
    const length = this.#fs.writeSync(this.#file, page, 0, PAGE_SIZE, slot * PAGE_SIZE);
    if (length !== PAGE_SIZE) throw new ZramError('EIO', `slot ${slot} of ${this.name} took ${length} bytes only.`);
  }

  #check(slot: number, page: Uint8Array): void {
    if (this.#file < 0) throw new ZramError('EINVAL', 'this FileBacking was destroyed.');
    checkTransfer(this.slots, slot, page);
  }

  /** Closes the file, and removes it if the constructor made it. Calling it again does nothing. */
  destroy(): void {
    if (this.#file < 0) return;
    this.#fs.closeSync(this.#file);
    this.#file = -1;
    if (this.#removed) this.#fs.unlinkSync(this.name);
  }

  /** The same as `destroy()`, for `using`. */
  [Symbol.dispose](): void {
    this.destroy();
  }
}
