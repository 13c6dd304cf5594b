/** The worker's copy of what is stored at each page, in arrays that cost seven bytes a page and can be handed over. */
import type { Zram } from 'zram-wasm';
import { HUGE, IDLE, MERGED, RECOMPRESSED, SAME, STORED, WRITTEN_BACK, type PageStates } from './protocol.js';

const PAGES_AT_FIRST = 1024;

export class PageTable {
  states = new Uint8Array(PAGES_AT_FIRST);
  sizes = new Uint16Array(PAGES_AT_FIRST);
  objects = new Uint32Array(PAGES_AT_FIRST);

  /** Looks at pages of a device; `at` is where they stand in the table, if that is not their number on the device. */
  refresh(zram: Zram, first: number, count: number, at = first): void {
    this.#grow(at + count);
    for (let n = 0; n < count; n++) {
      const block = zram.blockState(first + n);
      if (block === undefined) {
        this.states[at + n] = this.sizes[at + n] = this.objects[at + n] = 0;
        continue;
      }
      this.states[at + n] =
        STORED |
        (block.same ? SAME : 0) |
        (block.huge ? HUGE : 0) |
        (block.merged ? MERGED : 0) |
        (block.idle ? IDLE : 0) |
        (block.recompressed ? RECOMPRESSED : 0) |
        (block.writtenBack ? WRITTEN_BACK : 0);
      this.sizes[at + n] = block.comprSize;
      this.objects[at + n] = zram.objectOf(first + n) ?? 0;
    }
  }

  /** A copy of some pages, to hand over. */
  copy(first: number, count: number, total: number): PageStates {
    this.#grow(first + count);
    return {
      first,
      total,
      states: this.states.slice(first, first + count),
      sizes: this.sizes.slice(first, first + count),
      objects: this.objects.slice(first, first + count),
    };
  }

  #grow(pages: number): void {
    const now = this.states.length;
    if (pages <= now) return;
    const length = Math.max(pages, now * 2);
    const { states, sizes, objects } = this;
    (this.states = new Uint8Array(length)).set(states);
    (this.sizes = new Uint16Array(length)).set(sizes);
    (this.objects = new Uint32Array(length)).set(objects);
  }
}

/** The arrays of `pages`, for `postMessage` to hand over. */
export function buffersOf({ states, sizes, objects }: PageStates): Transferable[] {
  return [states.buffer, sizes.buffer, objects.buffer];
}
