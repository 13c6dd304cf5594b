/** The blocks of the file: compressed pages, each once. They are found by checksum, and known by a number in memory. */
import { UNIT, type Extent } from './space.js';

/** Blocks for which there is room at first. */
const BLOCKS_MIN = 256;

export class Blocks {
  /** Where a block begins, in units. */
  unit = new Uint32Array(BLOCKS_MIN);
  /** Bytes of it. */
  length = new Uint16Array(BLOCKS_MIN);
  crc = new Uint32Array(BLOCKS_MIN);
  /** Pages that are this block. */
  refs = new Uint32Array(BLOCKS_MIN);
  /** The next one with the same place in `#heads`, or the next free number. */
  #next = new Uint32Array(BLOCKS_MIN);
  #heads = new Uint32Array(BLOCKS_MIN);
  /** The last number that was given out; 0 is none. */
  #last = 0;
  #free = 0;
  /** Blocks that there are. */
  count = 0;
  /** Sum of their lengths. */
  bytes = 0;

  /** All numbers are below. */
  get end(): number {
    return this.#last + 1;
  }

  add(unit: number, length: number, crc: number): number {
    let block = this.#free;
    if (block > 0) this.#free = this.#next[block];
    else {
      block = ++this.#last;
      if (block === this.unit.length) this.#grow();
    }
    this.unit[block] = unit;
    this.length[block] = length;
    this.crc[block] = crc;
    this.refs[block] = 0;
    this.#link(block);
    this.count++;
    this.bytes += length;
    return block;
  }

  remove(block: number): void {
    const head = this.crc[block] & (this.#heads.length - 1);
    let before = 0;
    for (let each = this.#heads[head]; each !== block; each = this.#next[each]) before = each;
    if (before === 0) this.#heads[head] = this.#next[block];
    else this.#next[before] = this.#next[block];
    this.#next[block] = this.#free;
    this.#free = block;
    this.count--;
    this.bytes -= this.length[block];
    this.length[block] = 0;
  }

  /** The first block with this checksum; 0: none. */
  find(crc: number): number {
    return this.#equal(this.#heads[crc & (this.#heads.length - 1)], crc);
  }

  /** The next one with the checksum of a block; 0: none. */
  findNext(block: number): number {
    return this.#equal(this.#next[block], this.crc[block]);
  }

  #equal(block: number, crc: number): number {
    while (block !== 0 && this.crc[block] !== crc) block = this.#next[block];
    return block;
  }

  extentOf(block: number): Extent {
    return { unit: this.unit[block], units: unitsOf(this.length[block]) };
  }

  #link(block: number): void {
    const head = this.crc[block] & (this.#heads.length - 1);
    this.#next[block] = this.#heads[head];
    this.#heads[head] = block;
  }

  #grow(): void {
    const size = 2 * this.unit.length;
    const larger = <T extends Uint32Array | Uint16Array>(array: T, to: T): T => {
      to.set(array);
      return to;
    };
    this.unit = larger(this.unit, new Uint32Array(size));
    this.length = larger(this.length, new Uint16Array(size));
    this.crc = larger(this.crc, new Uint32Array(size));
    this.refs = larger(this.refs, new Uint32Array(size));
    this.#next = new Uint32Array(size);
    this.#heads = new Uint32Array(size);
    // Called when no number is free: all below the last are in use.
    for (let block = 1; block < this.#last; block++) this.#link(block);
  }
}

export function unitsOf(bytes: number): number {
  return Math.ceil(bytes / UNIT);
}
