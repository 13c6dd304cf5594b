/** How many pages each slot of a backing holds, in chunks made when first needed: 2 bytes a slot, where slots hold several. */
const CHUNK_SLOTS = 4096;

export class SlotUsers {
  readonly #chunks = new Map<number, Uint16Array>();

  /** A slot holds so many pages from now on: none or one need no chunk. */
  set(slot: number, count: number): void {
    const at = Math.floor(slot / CHUNK_SLOTS);
    let chunk = this.#chunks.get(at);
    if (!chunk) {
      if (count < 2) return;
      this.#chunks.set(at, (chunk = new Uint16Array(CHUNK_SLOTS)));
    }
    chunk[slot % CHUNK_SLOTS] = count;
  }

  /** A page has left the slot. Returns whether it was the last. */
  leave(slot: number): boolean {
    const chunk = this.#chunks.get(Math.floor(slot / CHUNK_SLOTS));
    if (!chunk || chunk[slot % CHUNK_SLOTS] < 2) return true;
    chunk[slot % CHUNK_SLOTS]--;
    return false;
  }
}
