/** Writes blocks to the file, those that lie next to each other at once, and gives back what it wrote. */
import { PAGE_SIZE } from '../fs/constants.js';
import { Blocks, unitsOf } from './blocks.js';
import { crc32 } from './crc32.js';
import { damaged } from './encoding.js';
import type { StoreFile } from './file.js';
import { UNIT, type Space } from './space.js';

/** Bytes that are written at once, at most. */
const GATHERED_BYTES = 2 ** 18;

export class BlockWriter {
  readonly #gathered = new Uint8Array(GATHERED_BYTES);
  /** Where they go in the file. */
  #start = 0;
  #length = 0;
  readonly #read = new Uint8Array(PAGE_SIZE);

  constructor(
    private readonly file: StoreFile,
    private readonly space: Space,
    private readonly blocks: Blocks,
  ) {}

  /**
   * The number of a block: one that is there, or a new one, which is written.
   * @param made is told the number of a new one
   */
  put(bytes: Uint8Array, made: (block: number) => void): number {
    const crc = crc32(bytes);
    const { blocks } = this;
    for (let block = blocks.find(crc); block !== 0; block = blocks.findNext(block)) {
      if (blocks.length[block] === bytes.length && this.#isSame(block, bytes)) return block;
    }
    const block = blocks.add(this.space.take(unitsOf(bytes.length)), bytes.length, crc);
    made(block);
    this.#append(blocks.unit[block] * UNIT, bytes);
    return block;
  }

  #isSame(block: number, bytes: Uint8Array): boolean {
    const there = this.bytesOf(block);
    return there.length === bytes.length && there.every((byte, n) => byte === bytes[n]);
  }

  /**
   * Writes a block to a place before its own, if there is one. The caller frees the old one.
   * @param moving is told before it is another
   */
  move(block: number, moving: () => void): void {
    const units = unitsOf(this.blocks.length[block]);
    const bytes = this.bytesOf(block).slice();
    const unit = this.space.take(units);
    if (unit > this.blocks.unit[block]) {
      this.space.free({ unit, units });
      return;
    }
    moving();
    this.blocks.unit[block] = unit;
    if (crc32(bytes) !== this.blocks.crc[block]) throw damaged('a block is not what was written');
    this.#append(unit * UNIT, bytes);
  }

  /** Valid until the next call. */
  bytesOf(block: number): Uint8Array<ArrayBuffer> {
    const [at, length] = [this.blocks.unit[block] * UNIT, this.blocks.length[block]];
    const inGathered = at - this.#start;
    if (inGathered >= 0 && inGathered < this.#length) return this.#gathered.subarray(inGathered, inGathered + length);
    const out = this.#read.subarray(0, length);
    return out.subarray(0, this.file.read(out, at));
  }

  #append(at: number, bytes: Uint8Array): void {
    const padded = unitsOf(bytes.length) * UNIT;
    if (at !== this.#start + this.#length || this.#length + padded > GATHERED_BYTES) {
      this.flush();
      this.#start = at;
    }
    this.#gathered.set(bytes, this.#length);
    this.#gathered.fill(0, this.#length + bytes.length, this.#length + padded);
    this.#length += padded;
  }

  /** Hands over to the file what was gathered. */
  flush(): void {
    const bytes = this.#gathered.subarray(0, this.#length);
    this.#length = 0;
    if (bytes.length > 0) this.file.write(bytes, this.#start);
  }

  /** Forgets what was gathered. */
  reset(): void {
    this.#length = 0;
  }
}
