/** Writes an image of which the pages were put on pages of the device, as it was: byte for byte, in the file's order. */
import { mebibytes } from './format.js';
import type { PageRange } from './held-pages.js';
import type { ImageMap } from './image-map.js';
import type { OutputWriter } from './output-writer.js';
import type { PackedImage } from './pack-file.js';
import { PAGE_BYTES } from './page-list.js';
import { CHUNK_BYTES } from './storing.js';
import type { Surroundings } from './surroundings.js';

/** Zeros from which on a hole is left: shorter ones are written with what is around them. */
const HOLE_BYTES_MIN = 65536;

/** @param held pages of the device that are not zeros, in their order */
export async function writeMapped(
  { name, bytes, zram }: PackedImage,
  map: ImageMap,
  held: readonly PageRange[],
  out: OutputWriter,
  progress: Surroundings['progress'],
): Promise<void> {
  const writer = new Joined(out);
  const ranges = new HeldRanges(held);
  let done = 0;
  for (const { at, length } of map.pieces()) {
    for (let from = at; from < at + length;) {
      const { isHeld, end } = ranges.at(from);
      const count = Math.min(end, at + length) - from;
      if (isHeld) await writer.put(count, (offset, part) => zram.read(from + offset, part.length, part));
      else await writer.skip(count);
      from += count;
    }
    done += length;
    progress(() => `writing ${name}: ${mebibytes(done)} of ${mebibytes(bytes)}`);
  }
  await writer.end();
}

/** Whether bytes of the device hold something. */
class HeldRanges {
  constructor(readonly held: readonly PageRange[]) {}

  /** Of the byte at `offset`, and up to where that holds. */
  at(offset: number): { isHeld: boolean; end: number } {
    let [low, high] = [0, this.held.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      const { index, count } = this.held[middle];
      if ((index + count) * PAGE_BYTES <= offset) low = middle + 1;
      else high = middle;
    }
    const range = this.held.at(low);
    if (range === undefined) return { isHeld: false, end: Infinity };
    const start = range.index * PAGE_BYTES;
    return offset < start ? { isHeld: false, end: start } : { isHeld: true, end: start + range.count * PAGE_BYTES };
  }
}

/** Joins small pieces, since each write is a call of the system. */
class Joined {
  readonly #chunk = Buffer.alloc(CHUNK_BYTES);
  #length = 0;
  /** Zeros that are not written yet. */
  #zeros = 0;

  constructor(readonly out: OutputWriter) {}

  async skip(count: number): Promise<void> {
    this.#zeros += count;
    if (this.#zeros < HOLE_BYTES_MIN) return;
    await this.#flush();
  }

  /** @param read gives the bytes from `offset` of the piece on */
  async put(count: number, read: (offset: number, part: Buffer) => void): Promise<void> {
    if (this.#length + this.#zeros > CHUNK_BYTES) await this.#flush();
    this.#chunk.fill(0, this.#length, this.#length + this.#zeros);
    this.#length += this.#zeros;
    this.#zeros = 0;
    for (let done = 0; done < count;) {
      if (this.#length === CHUNK_BYTES) await this.#flush();
      const part = this.#chunk.subarray(this.#length, this.#length + count - done);
      read(done, part);
      this.#length += part.length;
      done += part.length;
    }
  }

  end(): Promise<void> {
    return this.#flush();
  }

  async #flush(): Promise<void> {
    if (this.#length > 0) await this.out.write(this.#chunk.subarray(0, this.#length));
    this.#length = 0;
    if (this.#zeros > 0) await this.out.skip(this.#zeros);
    this.#zeros = 0;
  }
}
