/**
 * The handles of one pool: which number names which object. The core has no part in it, so that what a caller passes can
 * never reach a cell that is not his: that of a device's page, say.
 *
 * A handle is generation * 2^28 + slot. A slot has the object's cell while the handle is valid; freed, it waits in a queue,
 * and its next handle has the next generation. Each pool begins at a generation of its own, so that the handles of one pool
 * mean nothing to another. A slot that has gone round all generations is not used again: no pool gives a number twice.
 *
 * 8 bytes a slot, outside the engine's memory. They are not given back while the pool lives: they are what tells a stale
 * handle from a valid one.
 */
import { allocateWords } from './bytes.js';
import { ZramError } from './errors.js';

/** Handles that may be valid at a time: as many as have objects, however small, in 4 GiB. */
const SLOTS = 2 ** 28;
/** Safe integers have 53 bits. */
const GENERATIONS = 2 ** 25;
const SLOT_MASK = SLOTS - 1;
const SLOTS_AT_FIRST = 64;
/** The first generations of pools lie apart by the golden ratio: however many there are, the nearest two are far apart. */
const STRIDE = Math.round(GENERATIONS * 0.6180339887);

let nextFirst = Math.floor(Math.random() * GENERATIONS);

export class PoolHandles {
  readonly #first = nextFirst;
  readonly #generationsMax: number;
  /** Of each slot, the generation of its handle, or of the next one. */
  #generations = allocateWords(SLOTS_AT_FIRST);
  /** Of each slot, the number of the object's cell; free, 0 or the next free slot's number, negative. */
  #cells = new Int32Array(SLOTS_AT_FIRST);
  /** Slots that were ever used. Slot 0 is not, so that no handle is 0. */
  #used = 1;
  /** The queue of free slots, 0 = none. */
  #head = 0;
  #tail = 0;

  /** @param generationsMax how many handles a slot can give; fewer for tests */
  constructor(generationsMax = GENERATIONS) {
    this.#generationsMax = generationsMax;
    nextFirst = (nextFirst + STRIDE) % GENERATIONS;
  }

  /** The number of the cell that a valid handle names, else 0. */
  cell(handle: unknown): number {
    if (typeof handle !== 'number') return 0;
    const slot = handle & SLOT_MASK;
    if (this.#generations[slot] * SLOTS + slot !== handle) return 0;
    const cell = this.#cells[slot];
    return cell > 0 ? cell : 0;
  }

  /**
   * Makes sure that the next `add` has a slot.
   * @throws ZramError ENOMEM: there are as many handles as can be, or the host has no memory for more
   */
  reserve(): void {
    if (this.#head === 0 && this.#used === this.#cells.length) this.#grow();
  }

  #grow(): void {
    const slots = Math.min(this.#used * 2, SLOTS);
    if (slots === this.#used)
      throw new ZramError('ENOMEM', `a pool has at most ${SLOTS - 1} handles: free some first.`);
    const generations = allocateWords(slots);
    const cells = new Int32Array(allocateWords(slots).buffer);
    generations.set(this.#generations);
    cells.set(this.#cells);
    this.#generations = generations;
    this.#cells = cells;
  }

  /** A handle for a cell. `reserve` has been called. */
  add(cell: number): number {
    let slot = this.#head;
    if (slot !== 0) {
      this.#head = -this.#cells[slot];
      if (this.#head === 0) this.#tail = 0;
    } else {
      slot = this.#used++;
      this.#generations[slot] = this.#first;
    }
    this.#cells[slot] = cell;
    return this.#generations[slot] * SLOTS + slot;
  }

  /** A valid handle ends. Its slot is used again after all that were freed before it. */
  remove(handle: number): void {
    const slot = handle & SLOT_MASK;
    const next = (this.#generations[slot] + 1) % GENERATIONS;
    this.#generations[slot] = next;
    this.#cells[slot] = 0;
    if ((next - this.#first + GENERATIONS) % GENERATIONS === this.#generationsMax % GENERATIONS) return; // used up
    if (this.#tail === 0) this.#head = slot;
    else this.#cells[this.#tail] = -slot;
    this.#tail = slot;
  }
}
