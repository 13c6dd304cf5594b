/** Stores images on devices of their size. Zeros take no memory. */
import { ZramError, type Engine, type Zram, type ZramOptions } from '../bindings/index.js';
import { DISK_BYTES } from './device.js';
import { CliError } from './errors.js';
import { mebibytes, plural } from './format.js';
import { heldPages, inChunks, nonZeroPages } from './held-pages.js';
import { readFully, type Input } from './inputs.js';
import { PAGE_BYTES } from './page-list.js';
import { CHUNK_BYTES } from './storing.js';
import type { Surroundings } from './surroundings.js';

export class ImageStoring {
  readonly #chunk = Buffer.alloc(CHUNK_BYTES);

  /** @param settings of the devices, which are on one pool */
  constructor(
    readonly engine: Engine,
    readonly settings: Omit<ZramOptions, 'disksize'>,
    readonly progress: Surroundings['progress'],
  ) {}

  /** An empty device. */
  device(bytes: number): Zram {
    // A disk has at least one page; that of an empty image is never written to.
    return this.engine.createZram({ ...this.settings, disksize: Math.max(bytes, PAGE_BYTES) });
  }

  /**
   * Stores the bytes of an input, from the first page of a device on.
   * @param least bytes that the device has at least
   * @returns the device, and the length of the input
   * @throws CliError
   */
  async store(input: Input, least = 0): Promise<{ zram: Zram; bytes: number }> {
    const expected = input.bytes;
    const room = pagesOf(expected ?? DISK_BYTES) * PAGE_BYTES;
    let zram = this.device(Math.max(room, least));
    let bytes = 0;
    for (let got = CHUNK_BYTES; got === CHUNK_BYTES; bytes += got) {
      this.progress(() => `storing ${input.name}: ${mebibytes(bytes)}`);
      got = await readFully(input, this.#chunk);
      if (bytes + got > room) throw new CliError(`cannot store '${input.name}': it is larger than ${mebibytes(room)}`);
      const pages = pagesOf(got);
      this.#chunk.fill(0, got, pages * PAGE_BYTES);
      writeNonZero(zram, bytes, this.#chunk.subarray(0, pages * PAGE_BYTES), input.name);
    }
    if (expected === undefined) zram = this.#fitted(zram, Math.max(bytes, least), input.name);
    else if (bytes < expected) throw new CliError(`cannot store '${input.name}': it shrank while it was read`);
    return { zram, bytes };
  }

  /** The length of a pipe is known only at its end: its pages then move to a disk of that size. */
  #fitted(zram: Zram, bytes: number, name: string): Zram {
    const fitted = this.device(bytes);
    for (const { index, count } of inChunks(heldPages(this.engine, zram))) {
      const chunk = this.#chunk.subarray(0, count * PAGE_BYTES);
      zram.readPages(index, count, chunk);
      zram.discard(index * PAGE_BYTES, chunk.length);
      writeNonZero(fitted, index * PAGE_BYTES, chunk, name);
    }
    zram.destroy();
    return fitted;
  }
}

export function pagesOf(bytes: number): number {
  return Math.ceil(bytes / PAGE_BYTES);
}

/**
 * Writes the pages of a chunk that are not zeros to an empty place.
 * @param name of the image
 * @throws CliError memory has run out
 */
export function writeNonZero(zram: Zram, offset: number, chunk: Buffer, name: string): void {
  for (const { index, count } of nonZeroPages(chunk)) {
    const first = offset / PAGE_BYTES + index;
    try {
      zram.writePages(first, chunk.subarray(index * PAGE_BYTES, (index + count) * PAGE_BYTES));
    } catch (error) {
      if (!(error instanceof ZramError) || error.code !== 'ENOMEM') throw error;
      const stored = first + (error.pagesDone ?? 0);
      throw new CliError(`out of memory for compressed pages after ${plural(stored, 'page')} of '${name}'`);
    }
  }
}
