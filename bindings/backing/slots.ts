/** Allocation of the slots of a backing. */

/**
 * With this many suspects, nearly all writes go to slots that have failed before, so that a dead backing does not add a
 * number to memory with each try. One take in SOUND_EVERY still gets a sound slot.
 */
const SUSPECTS_MANY = 1024;
const SOUND_EVERY = 64;

export interface TakenSlot {
  readonly slot: number;
  /** The last write to it failed. */
  readonly suspect: boolean;
}

/**
 * Allocates slot numbers. A slot whose write failed is a suspect: a write that timed out may still arrive and overwrite
 * what the slot holds by then. So it is handed out after all others, the longest waiting first, and may hold a page
 * only after a write to it has succeeded.
 */
export class SlotAllocator {
  readonly #freed: number[] = [];
  readonly #suspects: number[] = [];
  #fresh = 0;
  #turn = 0;

  constructor(readonly slots: number) {}

  /** A free slot; undefined when all are in use. */
  take(): TakenSlot | undefined {
    const toSound = this.#suspects.length < SUSPECTS_MANY || this.#turn++ % SOUND_EVERY === 0;
    const sound = toSound ? this.#takeSound() : undefined;
    if (sound !== undefined) return { slot: sound, suspect: false };
    const slot = this.#suspects.shift();
    return slot === undefined ? undefined : { slot, suspect: true };
  }

  #takeSound(): number | undefined {
    return this.#freed.pop() ?? (this.#fresh < this.slots ? this.#fresh++ : undefined);
  }

  /** Releases a slot. */
  put(slot: number): void {
    this.#freed.push(slot);
  }

  /** Releases a slot whose last write failed. */
  suspect(slot: number): void {
    this.#suspects.push(slot);
  }
}
