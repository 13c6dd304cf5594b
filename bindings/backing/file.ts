/// <reference lib="esnext.disposable" preserve="true" />
/** A backing in a file, for Node.js (`zram-wasm/node`). */
import { closeSync, ftruncateSync, openSync, readSync, unlinkSync, writeSync } from 'node:fs';
import { PAGE_SIZE, checkInteger } from '../arguments.js';
import { ZramError } from '../errors.js';
import { describe } from '../size.js';
import { checkTransfer, type Backing } from './backing.js';

/** Keeps pages in a sparse file, which is made new and removed at the end. */
export class FileBacking implements Backing {
  /** Number of slots. */
  readonly slots: number;
  readonly #path: string;
  #file = -1;

  /**
   * @param path file to make; one that exists is an error (`EBUSY`)
   * @param slots pages of 4096 bytes, up to 2^32 - 1
   * @throws ZramError EINVAL: a wrong type or number; EIO: the file cannot be made, or not of that size
   */
  constructor(path: string, slots: number) {
    if (typeof path !== 'string') throw new ZramError('EINVAL', `path must be a string, not ${describe(path)}.`);
    checkInteger(slots, 'slots', 1, 2 ** 32 - 1);
    this.slots = slots;
    this.#path = path;
    try {
      this.#file = openSync(path, 'wx+', 0o600);
      ftruncateSync(this.#file, slots * PAGE_SIZE);
    } catch (error) {
      this.destroy();
      const { code } = error as { code?: string };
      throw new ZramError(
        code === 'EEXIST' ? 'EBUSY' : 'EIO',
        `the backing file ${path} cannot be made: ${String(error)}.`,
      );
    }
  }

  /** Fills `page` from a slot. */
  read(slot: number, page: Uint8Array): void {
    this.#check(slot, page);
    const length = readSync(this.#file, page, 0, PAGE_SIZE, slot * PAGE_SIZE);
    if (length !== PAGE_SIZE) throw new ZramError('EIO', `slot ${slot} of ${this.#path} ends after ${length} bytes.`);
  }

  /** Writes `page` to a slot. */
  write(slot: number, page: Uint8Array): void {
    this.#check(slot, page);
    const length = writeSync(this.#file, page, 0, PAGE_SIZE, slot * PAGE_SIZE);
    if (length !== PAGE_SIZE) throw new ZramError('EIO', `slot ${slot} of ${this.#path} took ${length} bytes only.`);
  }

  #check(slot: number, page: Uint8Array): void {
    if (this.#file < 0) throw new ZramError('EINVAL', 'this FileBacking was destroyed.');
    checkTransfer(this.slots, slot, page);
  }

  /** Closes and removes the file. Calling it again does nothing. */
  destroy(): void {
    if (this.#file < 0) return;
    closeSync(this.#file);
    this.#file = -1;
    unlinkSync(this.#path);
  }

  /** The same as `destroy()`, for `using`. */
  [Symbol.dispose](): void {
    this.destroy();
  }
}
