/**
 * Reads a block device past the page cache, which does not see what the kernel itself writes there, as swap.
 *
 * The kernel puts whole pages into the buffer (O_DIRECT). Where the buffer does not begin at a page's start, kernel
 * 6.18 does not refuse to read a zram device: it says that it has read and writes beside the buffer. JavaScript knows
 * no addresses, and an ArrayBuffer begins anywhere. The linear memory of WebAssembly begins at a page's start, as its
 * protection works by pages. That this holds is checked at each read: the page on either side of what is read into
 * takes what would go beside it, and has to stay as it was.
 */
import { randomFillSync } from 'node:crypto';
import { constants } from 'node:fs';
import { open, type FileHandle } from 'node:fs/promises';

import { PAGE_BYTES } from './page-list.js';

const LINEAR_PAGE_BYTES = 65536;

/** Linear memory of at least so many bytes. */
export function linearMemory(bytes: number): Buffer {
  return Buffer.from(new WebAssembly.Memory({ initial: Math.ceil(bytes / LINEAR_PAGE_BYTES) }).buffer);
}

export class DirectReader {
  readonly #memory: Buffer;
  readonly #before: Buffer;
  /** Random bytes: no page that is read is equal to them. */
  readonly #guard = randomFillSync(Buffer.alloc(PAGE_BYTES));

  /**
   * @param bytes the most that is read at once, in whole pages
   * @param memory for that and two pages more, from a page's start on
   */
  static async open(path: string, bytes: number, memory = linearMemory(bytes + 2 * PAGE_BYTES)): Promise<DirectReader> {
    return new DirectReader(await open(path, constants.O_RDONLY | constants.O_DIRECT), memory);
  }

  private constructor(
    readonly handle: FileHandle,
    memory: Buffer,
  ) {
    this.#memory = memory;
    this.#before = this.#memory.subarray(0, PAGE_BYTES);
    this.#guard.copy(this.#before);
  }

  /** Whole pages from `position` on, fewer at the device's end. They are valid until the next read. */
  async read(position: number, bytes: number): Promise<Buffer> {
    const out = this.#memory.subarray(PAGE_BYTES, PAGE_BYTES + bytes);
    const behind = this.#memory.subarray(PAGE_BYTES + bytes, 2 * PAGE_BYTES + bytes);
    this.#guard.copy(behind);
    let filled = 0;
    while (filled < bytes) {
      const { bytesRead } = await this.handle.read(out, filled, bytes - filled, position + filled);
      if (bytesRead < PAGE_BYTES) break;
      filled += bytesRead - (bytesRead % PAGE_BYTES);
    }
    if (!this.#before.equals(this.#guard) || !behind.equals(this.#guard))
      throw new Error('memory for direct reading must begin at the start of a page, and this does not');
    return out.subarray(0, filled);
  }

  close(): Promise<void> {
    return this.handle.close();
  }
}
