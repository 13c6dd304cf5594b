/**
 * Which inputs share pages: how many pages of each input occur in each other input.
 *
 * A merged device has the answer: pages of equal content have one object. So nothing has to be hashed or compared here,
 * and the answer is exact. Each sharing page takes 8 bytes: its object and its input as one number. Sorting brings the
 * pages of an object together.
 */
import type { Zram, ZsPool } from '../bindings/index.js';
import type { Sharing } from './analysis.js';

/** A matrix of 10,000 numbers is more than anyone reads, and its time grows with the square of the inputs. */
export const SHARING_INPUTS_MAX = 100;

/** @param pages of each input on the device, where the inputs follow one another and are merged */
export function sharingOf(device: { zram: Zram; pool: ZsPool }, pages: readonly number[]): Sharing {
  const { zram, pool } = device;
  const counted = pages.slice(0, SHARING_INPUTS_MAX);
  const list = new SharingPages(pool.stats().sharers, counted.length);
  let index = 0;
  for (const [input, count] of counted.entries()) {
    for (const end = index + count; index < end; index++) {
      if (zram.blockState(index)?.merged !== true) continue;
      list.add(zram.objectOf(index) ?? 0, input);
    }
  }
  return { pages: list.matrix() };
}

/** Pages as pairs of object and input. */
export class SharingPages {
  /** object * inputs + input; objects are numbers below 2^29. */
  readonly #keys: Float64Array;
  readonly #inputs: number;
  #length = 0;

  /** @param pagesMax room for so many pages */
  constructor(pagesMax: number, inputs: number) {
    this.#keys = new Float64Array(pagesMax);
    this.#inputs = inputs;
  }

  add(object: number, input: number): void {
    this.#keys[this.#length] = object * this.#inputs + input;
    this.#length += 1;
  }

  matrix(): number[][] {
    const inputs = this.#inputs;
    const rows = Array.from({ length: inputs }, () => new Array<number>(inputs).fill(0));
    const keys = this.#keys.subarray(0, this.#length).sort();
    /** Pages of the object at hand in each of its inputs. */
    const holders = new Map<number, number>();
    let object = -1;
    for (const key of keys) {
      const input = key % inputs;
      const of = (key - input) / inputs;
      if (of !== object) {
        count(rows, holders);
        holders.clear();
        object = of;
      }
      holders.set(input, (holders.get(input) ?? 0) + 1);
    }
    count(rows, holders);
    return rows;
  }
}

/** Adds the pages of one object. */
function count(rows: readonly number[][], holders: ReadonlyMap<number, number>): void {
  for (const [row, pages] of holders) {
    const cells = rows[row] ?? [];
    for (const column of holders.keys()) {
      if (column === row && pages === 1) continue;
      cells[column] = (cells[column] ?? 0) + pages;
    }
  }
}
