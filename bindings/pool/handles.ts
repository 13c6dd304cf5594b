/**
 * The handles of one pool: which number names which object. They are kept outside the core, so that a number from a
 * caller can never reach a foreign cell, such as that of a device's page.
 *
 * A handle is generation * 2^28 + slot. A slot holds the object's cell while the handle is valid; a freed slot waits in
 * a queue, and its next handle has the next generation. Each pool starts at a generation of its own, so that handles of
 * one pool are invalid in another. A slot that has used all generations is not used again: a pool never returns the
 * same number twice.
 *
 * 8 bytes for each slot, outside the engine's memory. They are not released while the pool lives, as they distinguish
 * stale handles from valid ones.
 */
import { allocateWords } from '../base/bytes.js';
import { ZramError } from '../base/errors.js';

/** Most valid handles at a time: as many as even the smallest objects in 4 GiB need. */
const SLOTS = 2 ** 28;
/** Safe integers have 53 bits. */
const GENERATIONS = 2 ** 25;
const SLOT_MASK = SLOTS - 1;
/** log2 of the slots allocated at a time: the table grows in chunks, so no call copies a large one. */
const CHUNK_SHIFT = 10;
const CHUNK_MASK = 2 ** CHUNK_SHIFT - 1;
/**
 * The first generations of pools lie apart by the golden ratio: however many there are, the nearest two are far apart.
 */
const STRIDE = Math.round(GENERATIONS * 0.6180339887);

let nextFirst = Math.floor(Math.random() * GENERATIONS);

export class PoolHandles {
  readonly #first = nextFirst;
  readonly #generationsMax: number;
  /**
   * Two words for each slot: the generation of its handle, or of the next one; and the number of the object's cell or,
   * if free, minus the next free slot, 0 for the last.
   */
  readonly #chunks: Int32Array[] = [];
  /** Slots used so far. Slot 0 is reserved, so that no handle is 0. */
  #used = 1;
  /** The queue of free slots; 0: empty. */
  #head = 0;
  #tail = 0;

  /** @param generationsMax handles that a slot can have in turn; fewer for tests */
  constructor(generationsMax = GENERATIONS) {
    this.#generationsMax = generationsMax;
    nextFirst = (nextFirst + STRIDE) % GENERATIONS;
  }

  /** The number of the cell that a valid handle names, else 0. */
  cell(handle: unknown): number {
    if (typeof handle !== 'number') return 0;
    const slot = handle & SLOT_MASK;
    const chunk = this.#chunks[slot >> CHUNK_SHIFT] as Int32Array | undefined;
    if (chunk === undefined) return 0;
    const at = 2 * (slot & CHUNK_MASK);
    if (chunk[at] * SLOTS + slot !== handle) return 0;
    const cell = chunk[at + 1];
    return cell > 0 ? cell : 0;
  }

  /**
   * Ensures that the next `add` has a slot.
   * @throws ZramError ENOMEM: the pool has the most handles possible, or the host has no memory for more
   */
  reserve(): void {
    if (this.#head !== 0 || this.#used < this.#chunks.length << CHUNK_SHIFT) return;
    if (this.#used === SLOTS)
      throw new ZramError('ENOMEM', `a pool can have at most ${SLOTS - 1} handles: free some first.`);
    this.#chunks.push(new Int32Array(allocateWords(2 << CHUNK_SHIFT).buffer));
  }

  /** Makes a handle for a cell. `reserve` must have been called. */
  add(cell: number): number {
    let slot = this.#head;
    const isNew = slot === 0;
    if (isNew) slot = this.#used++;
    const chunk = this.#chunks[slot >> CHUNK_SHIFT];
    const at = 2 * (slot & CHUNK_MASK);
    if (isNew) {
      chunk[at] = this.#first;
    } else {
      this.#head = -chunk[at + 1];
      if (this.#head === 0) this.#tail = 0;
    }
    chunk[at + 1] = cell;
    return chunk[at] * SLOTS + slot;
  }

  /** Ends a valid handle. Its slot is reused after all that were freed before it. */
  remove(handle: number): void {
    const slot = handle & SLOT_MASK;
    const chunk = this.#chunks[slot >> CHUNK_SHIFT];
    const at = 2 * (slot & CHUNK_MASK);
    const next = (chunk[at] + 1) % GENERATIONS;
    chunk[at] = next;
    chunk[at + 1] = 0;
    if ((next - this.#first + GENERATIONS) % GENERATIONS === this.#generationsMax % GENERATIONS) return; // used up
    const tail = this.#tail;
    if (tail === 0) this.#head = slot;
    else this.#chunks[tail >> CHUNK_SHIFT][2 * (tail & CHUNK_MASK) + 1] = -slot;
    this.#tail = slot;
  }
}
