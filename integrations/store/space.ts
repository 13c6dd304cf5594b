/**
 * Which units of the file are in use, as a bit each. What is free is given out lowest first, so that a file whose content
 * shrinks has its free space at the end, where it can be cut.
 */

/** Bytes of a unit: blocks begin at multiples of it, so half of it is lost with each. */
export const UNIT = 64;
/** Units whose free runs are counted together. A block lies within one group. */
const GROUP = 1024;
const GROUP_WORDS = GROUP / 32;
/** Most units of a block. */
const BLOCK_UNITS_MAX = 64;

/** Units that follow each other. */
export interface Extent {
  readonly unit: number;
  readonly units: number;
}

export class Space {
  /** Units that are in use. */
  used = 0;
  /** All units from here on are free. */
  end = 0;
  #bits = new Uint32Array(64 * GROUP_WORDS);
  /** No free run of a group is longer. */
  #longest = new Uint16Array(64).fill(GROUP);
  /** By length of a run: in no group before this one is there one. */
  readonly #from = new Uint32Array(BLOCK_UNITS_MAX + 1);

  /** Takes units for a block, or, for more of them, anywhere. Returns the first. */
  take(units: number): number {
    const unit = units <= BLOCK_UNITS_MAX ? this.#findInGroup(units) : this.#find(units);
    this.#mark(unit, units);
    return unit;
  }

  /** Takes these units. Returns false, and nothing has changed, if one of them is in use. */
  takeAt(unit: number, units: number): boolean {
    this.#grow(unit + units);
    for (let n = unit; n < unit + units; n++) if (this.#isUsed(n)) return false;
    this.#mark(unit, units);
    return true;
  }

  free({ unit, units }: Extent): void {
    for (let n = unit; n < unit + units; n++) this.#bits[n >>> 5] &= ~(1 << (n & 31));
    this.used -= units;
    const first = Math.floor(unit / GROUP);
    for (let group = first; group * GROUP < unit + units; group++) this.#longest[group] = GROUP;
    for (let n = 1; n <= BLOCK_UNITS_MAX; n++) if (this.#from[n] > first) this.#from[n] = first;
    if (unit + units === this.end) this.#lowerEnd();
  }

  #lowerEnd(): void {
    while (this.end > 0 && !this.#isUsed(this.end - 1)) {
      const word = (this.end - 1) >>> 5;
      this.end = this.#bits[word] === 0 ? word * 32 : this.end - 1;
    }
  }

  #isUsed(unit: number): boolean {
    return ((this.#bits[unit >>> 5] >>> (unit & 31)) & 1) !== 0;
  }

  #mark(unit: number, units: number): void {
    this.#grow(unit + units);
    for (let n = unit; n < unit + units; n++) this.#bits[n >>> 5] |= 1 << (n & 31);
    this.used += units;
    this.end = Math.max(this.end, unit + units);
  }

  #findInGroup(units: number): number {
    let group = this.#from[units];
    for (; group < this.#longest.length; group++) {
      if (this.#longest[group] < units) continue;
      const start = group * GROUP;
      const unit = this.#run(start, start + GROUP, units);
      if (unit >= 0) {
        this.#from[units] = group;
        return unit;
      }
      this.#longest[group] = units - 1;
    }
    this.#grow(group * GROUP + 1);
    this.#from[units] = group;
    return group * GROUP;
  }

  /** A run anywhere; what is behind the array is free. */
  #find(units: number): number {
    const unit = this.#run(0, this.end, units);
    return unit >= 0 ? unit : this.end;
  }

  /** The first of so many free units between two places; -1 if there are none. */
  #run(start: number, stop: number, units: number): number {
    let length = 0;
    for (let n = start; n < stop; n++) {
      if (this.#bits[n >>> 5] === 0xffffffff && (n & 31) === 0) {
        length = 0;
        n += 31;
      } else if (this.#isUsed(n)) length = 0;
      else if (++length === units) return n - units + 1;
    }
    return -1;
  }

  #grow(units: number): void {
    let groups = this.#longest.length;
    if (units <= groups * GROUP) return;
    while (groups * GROUP < units) groups *= 2;
    const bits = new Uint32Array(groups * GROUP_WORDS);
    bits.set(this.#bits);
    const longest = new Uint16Array(groups).fill(GROUP);
    longest.set(this.#longest);
    [this.#bits, this.#longest] = [bits, longest];
  }
}
