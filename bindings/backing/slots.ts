/** Which slots of a backing are free. */

/**
 * Of a backing that has failed so often, nearly all writes go to slots that have failed before: one that is dead must not cost
 * a number in memory for each try. One try in so many is for a slot that has not.
 */
const SUSPECTS_MANY = 1024;
const SOUND_EVERY = 64;

export interface TakenSlot {
  readonly slot: number;
  /** The last write to it failed. */
  readonly suspect: boolean;
}

/**
 * Hands out slot numbers. A slot whose write failed is a suspect: a write that timed out may still arrive, and would replace
 * whatever is there by then. So it is set aside and handed out after all others, the longest waiting first; whoever takes
 * it must see a write to it succeed before it may hold a page.
 */
export class SlotAllocator {
  readonly #freed: number[] = [];
  readonly #suspects: number[] = [];
  #fresh = 0;
  #turn = 0;

  constructor(readonly slots: number) {}

  /** A slot that is not in use; undefined when there is none. */
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

  /** Gives a slot back. */
  put(slot: number): void {
    this.#freed.push(slot);
  }

  /** Gives a slot back whose last write failed. */
  suspect(slot: number): void {
    this.#suspects.push(slot);
  }
}
