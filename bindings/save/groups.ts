/**
 * The pages of several devices side by side, in groups of 512: the order in which they are saved. Snapshots and clones
 * share data at equal page numbers, so sharing is found by comparing the devices of one group.
 *
 * A group contains only the devices that store pages in it, so the work is proportional to the stored pages.
 */
import { pause, pauseDue } from '../base/pacer.js';
import { NONE, STATE_MERGED, STATE_SAME, STATE_SAME_WIDE, STATE_STORED, STATE_WRITTEN_BACK } from '../core/layout.js';
import type { Disk } from '../device/disk.js';
import { GROUP_PAGES } from './format.js';

const KIND = STATE_SAME | STATE_SAME_WIDE | STATE_STORED | STATE_WRITTEN_BACK;

/** States of pages held by an object or a block of the backing device, as opposed to a fill value. */
export const HELD = STATE_STORED | STATE_WRITTEN_BACK;

/** The pages of one device in a group. */
export class GroupPart {
  /** Two words for each page, of which the first is its state. */
  readonly #states: Uint32Array;
  /** The values of the slots. */
  readonly #values: Uint32Array;
  readonly count: number;
  /** For each page, the distance to the nearest earlier device with the same value there; 0: no such device. */
  readonly distances: Uint32Array;

  /** @throws ZramError EINVAL: the device was destroyed */
  constructor(
    /** The device's number in the file. */
    readonly device: number,
    readonly pages: Disk,
    /** The first page. */
    readonly first: number,
  ) {
    pages.checkAlive();
    this.count = Math.min(GROUP_PAGES, pages.pages - first);
    this.#states = pages.states(first, this.count, new Uint32Array(2 * this.count));
    this.#values = pages.slotValues(first, this.count);
    this.distances = new Uint32Array(this.count);
  }

  /** The state of a page, as in `Zram.pageStates`; 0: nothing is stored. */
  state(page: number): number {
    return this.#states[2 * page];
  }

  /** The value of a page's slot: a handle, a block or a fill value. */
  value(page: number): number {
    return this.#values[page];
  }
}

/**
 * A hash table of the devices that have the same value at a page. It keeps only the last device for each value, so the
 * work for a chain of snapshots is linear in its length.
 */
class Holders {
  /** By the hash of a value: the part, and the page for which it was entered. */
  readonly #parts: Uint32Array;
  readonly #pages: Int32Array;
  readonly #mask: number;

  constructor(parts: number) {
    const size = 2 ** Math.ceil(Math.log2(2 * parts));
    this.#parts = new Uint32Array(size);
    this.#pages = new Int32Array(size).fill(-1);
    this.#mask = size - 1;
  }

  /** Sets the distances of all parts for one page. */
  page(parts: readonly GroupPart[], page: number): void {
    for (let n = 0; n < parts.length; n++) {
      const part = parts[n];
      const kind = page < part.count ? part.state(page) & KIND : 0;
      if (kind === 0) continue;
      const value = part.value(page);
      let at = Math.imul(value ^ kind, 0x9e3779b1) >>> 7;
      for (; ; at++) {
        at &= this.#mask;
        if (this.#pages[at] !== page) break;
        const other = parts[this.#parts[at]];
        if (other.value(page) !== value || (other.state(page) & KIND) !== kind) continue;
        part.distances[page] = part.device - other.device;
        break;
      }
      this.#pages[at] = page;
      this.#parts[at] = n;
    }
  }
}

function findDistances(parts: readonly GroupPart[]): void {
  if (parts.length === 1) return;
  const holders = new Holders(parts.length);
  for (let page = 0; page < GROUP_PAGES; page++) holders.page(parts, page);
}

/** A heap of devices by the next group in which each has stored pages, the lowest first. */
class Upcoming {
  readonly #devices: number[] = [];
  readonly #groups: number[] = [];

  add(device: number, group: number): void {
    this.#devices.push(device);
    this.#groups.push(group);
    let at = this.#devices.length - 1;
    while (at > 0 && this.#before(at, (at - 1) >> 1)) at = this.#swap(at, (at - 1) >> 1);
  }

  /** The next group; undefined when none is left. */
  get group(): number | undefined {
    return this.#groups[0];
  }

  /** Removes and returns the first device. */
  take(): number {
    const [device = 0] = this.#devices;
    const last = this.#devices.length - 1;
    this.#swap(0, last);
    this.#devices.pop();
    this.#groups.pop();
    for (let at = 0; ;) {
      const left = 2 * at + 1;
      if (left >= last) return device;
      const child = left + 1 < last && this.#before(left + 1, left) ? left + 1 : left;
      if (!this.#before(child, at)) return device;
      at = this.#swap(at, child);
    }
  }

  #before(a: number, b: number): boolean {
    const [groupA, groupB] = [this.#groups[a], this.#groups[b]];
    return groupA < groupB || (groupA === groupB && this.#devices[a] < this.#devices[b]);
  }

  #swap(a: number, b: number): number {
    [this.#devices[a], this.#devices[b]] = [this.#devices[b], this.#devices[a]];
    [this.#groups[a], this.#groups[b]] = [this.#groups[b], this.#groups[a]];
    return b;
  }
}

/** The groups in which any device has stored pages, in order, each with those devices in order. */
export async function* groupsOf(devices: readonly Disk[]): AsyncGenerator<readonly GroupPart[]> {
  const upcoming = new Upcoming();
  const addNext = (device: number, from: number): void => {
    const { core, address, pages } = devices[device];
    const next = from < pages ? core.raw.zramNextSlot(address, from, 0, 0) >>> 0 : NONE;
    if (next !== NONE) upcoming.add(device, next - (next % GROUP_PAGES));
  };
  for (const [device, pages] of devices.entries()) {
    if (pauseDue()) await pause();
    pages.checkAlive();
    addNext(device, 0);
  }
  for (let first = upcoming.group; first !== undefined; first = upcoming.group) {
    const parts: GroupPart[] = [];
    while (upcoming.group === first) {
      if (pauseDue()) await pause();
      const device = upcoming.take();
      parts.push(new GroupPart(device, devices[device], first));
      addNext(device, first + GROUP_PAGES);
    }
    findDistances(parts);
    yield parts;
  }
}

/**
 * Numbers for all objects, in order of first appearance. They are assigned before the file is begun, since its head
 * contains their count, and kept, since merges and recompression may change the sharing while it is written.
 */
export class Numbering {
  /** Distinct objects, including blocks on backing devices. */
  objects = 0;
  /** By device, the number of stored pages. */
  readonly pagesStored: number[];
  readonly #shared = new SharedCells();
  readonly #blocks = new SharedCells();
  #numbers = new Uint32Array(1024);
  #length = 0;
  #read = 0;

  private constructor(devices: readonly Disk[]) {
    this.pagesStored = devices.map(() => 0);
  }

  /** @throws ZramError EINVAL: a device was destroyed */
  static async of(devices: readonly Disk[]): Promise<Numbering> {
    const numbering = new Numbering(devices);
    for await (const parts of groupsOf(devices)) {
      for (const part of parts) {
        if (pauseDue()) await pause();
        part.pages.checkAlive();
        numbering.#count(part);
      }
    }
    return numbering;
  }

  #count(part: GroupPart): void {
    for (let page = 0; page < part.count; page++) {
      const state = part.state(page);
      if (state === 0) continue;
      this.pagesStored[part.device]++;
      if ((state & HELD) === 0 || part.distances[page] > 0) continue;
      this.#push(this.#numberOf(part.pages, state, part.value(page) >>> 3));
    }
  }

  /** @param held the handle or the block */
  #numberOf({ core, pool }: Disk, state: number, held: number): number {
    if ((state & STATE_WRITTEN_BACK) !== 0) return this.#blocks.numberOf(held, this.objects, (block) => block);
    if ((state & STATE_MERGED) === 0) return this.objects;
    return this.#shared.numberOf(held, this.objects, (handle) => core.raw.poolObject(pool.address, handle) >>> 0);
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

  /** The next number, for the pages whose value no earlier device has there, in the order of groups and devices. */
  next(): number {
    return this.#numbers[this.#read++];
  }
}

/**
 * The numbers of objects that several pages may share, by the object's cell. A handle of a saved page stays valid, but
 * its object's cell may be freed and reused for another object whenever this call yields, so the cell is looked up
 * again.
 *
 * Cells are allocated close together, so tables of 512 are mostly full. A single Map would not do: it is limited to
 * 2^24 keys.
 */
class SharedCells {
  /** Two words for each cell: the number plus 1, and a handle that had the cell. */
  readonly #tables = new Map<number, Uint32Array>();

  /** The number of a handle's current object; `next` if it has none yet. */
  numberOf(handle: number, next: number, cellOf: (handle: number) => number): number {
    const cell = cellOf(handle);
    const table = this.#tables.get(cell >>> 9) ?? new Uint32Array(2 * 512);
    if (!this.#tables.has(cell >>> 9)) this.#tables.set(cell >>> 9, table);
    const at = 2 * (cell & 511);
    const [known, other] = [table[at], table[at + 1]];
    if (known !== 0 && cellOf(other) === cell) return known - 1;
    table[at] = next + 1;
    table[at + 1] = handle;
    return next;
  }
}
