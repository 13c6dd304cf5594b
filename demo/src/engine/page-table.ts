/** The worker's copy of what is stored at each page, in arrays that cost seven bytes a page and can be handed over. */
import type { Zram, ZramSnapshot } from 'zram-wasm';
import { HUGE, IDLE, MERGED, RECOMPRESSED, SAME, STORED, WRITTEN_BACK, type PageStates } from './protocol.js';

const PAGE_BYTES = 4096;
const PAGES_AT_FIRST = 1024;
/** Pages asked for at once: two words each. */
const BATCH_PAGES = 4096;

// Of `Zram.pageStates`, where they are described.
const BITS = [
  [1 << 0, STORED | SAME],
  [1 << 2, HUGE],
  [1 << 3, STORED],
  [1 << 4, STORED | WRITTEN_BACK],
  [1 << 5, IDLE],
  [1 << 8, MERGED],
] as const;
const FLAGS = 512;
const CODEC_SHIFT = 9;
const CODECS = 16;
const SIZE_SHIFT = 13;

/** A state for each combination of the flags. */
const STATES = Uint8Array.from({ length: FLAGS }, (_, flags) =>
  BITS.reduce((state, [bit, meaning]) => ((flags & bit) !== 0 ? state | meaning : state), 0),
);

export class PageTable {
  states = new Uint8Array(PAGES_AT_FIRST);
  sizes = new Uint16Array(PAGES_AT_FIRST);
  objects = new Uint32Array(PAGES_AT_FIRST);
  readonly #words = new Uint32Array(2 * BATCH_PAGES);
  /** By the number of the codec: whether a secondary compressor has it. Numbers are the engine's own: a page is asked. */
  readonly #secondary: (boolean | undefined)[] = Array<undefined>(CODECS);

  /** Looks at pages of a device. */
  refresh(zram: Zram, first: number, count: number): void {
    this.#grow(first + count);
    for (let done = 0; done < count; done += BATCH_PAGES) {
      const pages = Math.min(BATCH_PAGES, count - done);
      zram.pageStates(first + done, pages, this.#words);
      for (let n = 0; n < pages; n++) this.#set(zram, first + done + n, this.#words[2 * n]!, this.#words[2 * n + 1]!);
    }
  }

  #set(zram: Zram, page: number, word: number, object: number): void {
    const codec = (word >>> CODEC_SHIFT) & (CODECS - 1);
    let state = STATES[word & (FLAGS - 1)]!;
    const hasObject = object !== 0 && (state & HUGE) === 0;
    if (hasObject && (this.#secondary[codec] ??= zram.blockState(page)!.recompressed)) state |= RECOMPRESSED;
    this.states[page] = state;
    this.sizes[page] = word >>> SIZE_SHIFT;
    this.objects[page] = object;
  }

  /** Looks at pages of a snapshot, which are put behind each other. */
  refreshSnapshot(snapshot: ZramSnapshot, count: number, at: number): void {
    this.#grow(at + count);
    for (let n = 0; n < count; n++) {
      const block = snapshot.blockState(n);
      this.states[at + n] =
        block === undefined
          ? 0
          : STORED | (block.same ? SAME : 0) | (block.huge ? HUGE : 0) | (block.merged ? MERGED : 0);
      this.sizes[at + n] = block?.comprSize ?? 0;
      this.objects[at + n] = snapshot.objectOf(n) ?? 0;
    }
  }

  /** How many of the first pages have a flag. */
  count(flag: number, pages: number): number {
    let count = 0;
    for (let n = 0; n < pages; n++) if ((this.states[n]! & flag) !== 0) count++;
    return count;
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

/** The page behind the last that holds something. */
export function endOf(zram: Zram): number {
  let left = zram.mmStat.origDataSize / PAGE_BYTES;
  let end = 0;
  const words = new Uint32Array(2 * BATCH_PAGES);
  for (let first = 0; left > 0; first += BATCH_PAGES) {
    zram.pageStates(first, BATCH_PAGES, words);
    for (let n = 0; n < BATCH_PAGES; n++) {
      if (words[2 * n] === 0) continue;
      left--;
      end = first + n + 1;
    }
  }
  return end;
}

/** The arrays of `pages`, for `postMessage` to hand over. */
export function buffersOf({ states, sizes, objects }: PageStates): Transferable[] {
  return [states.buffer, sizes.buffer, objects.buffer];
}
