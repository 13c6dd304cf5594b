/**
 * The pages of several devices side by side, in groups of 512: the order in which they are saved. What snapshots and clones
 * have in common stands at the same page in each of them, so it is seen here without looking anything up.
 */
import { STATE_SAME, STATE_STORED, STATE_WRITTEN_BACK, type StoredPages } from '../stored-pages.js';
import { GROUP_PAGES } from './format.js';

/** With STATE_SAME: the value is kept in cells of its own. As SLOT_SAME_WIDE in assembly/zram/table.ts. */
const STATE_SAME_WIDE = 1 << 1;
const KIND = STATE_SAME | STATE_SAME_WIDE | STATE_STORED | STATE_WRITTEN_BACK;
const NONE = 2 ** 32 - 1;
const NOTHING = new Uint32Array(0);

/** What holds a page: its own object, one on the backing device; neither has a value of its own. */
export const HELD = STATE_STORED | STATE_WRITTEN_BACK;

export class Group {
  /** Of each device, two words a page: its state, and the number of its object. Empty for a device that ends before. */
  readonly #states: Uint32Array[] = [];
  /** Of each device, what the slots hold. */
  readonly #values: Uint32Array[] = [];

  constructor(
    devices: readonly StoredPages[],
    /** The first page. */
    readonly first: number,
  ) {
    for (const pages of devices) {
      const count = Math.min(GROUP_PAGES, pages.pages - first);
      this.#states.push(count > 0 ? pages.states(first, count, new Uint32Array(2 * count)) : NOTHING);
      this.#values.push(count > 0 ? pages.slotValues(first, count) : NOTHING);
    }
  }

  /** Pages of a device in this group. */
  pagesOf(device: number): number {
    return this.#values[device].length;
  }

  /** As `Zram.pageStates` has it; 0: it holds nothing. */
  state(device: number, page: number): number {
    return this.#states[device][2 * page];
  }

  /** A number that is equal for pages that share what holds them. Cells of objects and blocks come from the same stock. */
  holder(device: number, page: number): number {
    const object = this.#states[device][2 * page + 1];
    return object === 0 ? this.#values[device][page] >>> 3 : object;
  }

  /** How many devices earlier one holds the very same there; 0: none does. */
  distance(device: number, page: number): number {
    const kind = this.state(device, page) & KIND;
    const value = this.#values[device][page];
    for (let earlier = device - 1; earlier >= 0; earlier--) {
      const same = page < this.pagesOf(earlier) && this.#values[earlier][page] === value;
      if (same && (this.state(earlier, page) & KIND) === kind) return device - earlier;
    }
    return 0;
  }
}

/** The groups in which any device holds something, in order. */
export function* groupsOf(devices: readonly StoredPages[]): Generator<Group> {
  for (let first = 0; ; first += GROUP_PAGES) {
    let next = NONE;
    for (const { core, address, pages } of devices) {
      if (first < pages) next = Math.min(next, core.raw.zramNextSlot(address, first, 0, 0) >>> 0);
    }
    if (next === NONE) return;
    first = next - (next % GROUP_PAGES);
    yield new Group(devices, first);
  }
}

/**
 * Numbers for all objects, by their first appearance, made at one moment: while the file is written, merges and
 * recompression may give objects other numbers in the core.
 */
export class Numbering {
  /** Distinct objects, blocks on backing devices included. */
  objects = 0;
  /** Of each device: pages that hold something. */
  readonly pagesStored: number[];
  #numbers = new Uint32Array(1024);
  #length = 0;
  #read = 0;

  constructor(devices: readonly StoredPages[]) {
    this.pagesStored = devices.map(() => 0);
    const known = new CellNumbers();
    for (const group of groupsOf(devices)) {
      for (let device = 0; device < devices.length; device++) this.#count(group, device, known);
    }
  }

  #count(group: Group, device: number, known: CellNumbers): void {
    for (let page = 0; page < group.pagesOf(device); page++) {
      const state = group.state(device, page);
      if (state === 0) continue;
      this.pagesStored[device]++;
      if ((state & HELD) !== 0 && group.distance(device, page) === 0) {
        this.#push(known.numberOf(group.holder(device, page), this.objects));
      }
    }
  }

  #push(number: number): void {
    if (number === this.objects) this.objects++;
    if (this.#length === this.#numbers.length) {
      const larger = new Uint32Array(2 * this.#length);
      larger.set(this.#numbers);
      this.#numbers = larger;
    }
    this.#numbers[this.#length++] = number;
  }

  /** The next number, of the pages that hold what no earlier device holds there, in the order of groups and devices. */
  next(): number {
    return this.#numbers[this.#read++];
  }
}

/** Numbers by cell. Cells stand together, so tables of 512 are mostly full; a Map of numbers ends at 2^24. */
class CellNumbers {
  readonly #tables = new Map<number, Uint32Array>();

  /** The number of a cell, which is `next` if it has none yet. */
  numberOf(cell: number, next: number): number {
    const table = this.#tables.get(cell >>> 9) ?? new Uint32Array(512);
    if (!this.#tables.has(cell >>> 9)) this.#tables.set(cell >>> 9, table);
    const known = table[cell & 511];
    if (known !== 0) return known - 1;
    table[cell & 511] = next + 1;
    return next;
  }
}
