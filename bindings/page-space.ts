/**
 * Which pages of a disk are taken, as ranges. The lowest gap that is large enough is taken first, so that what is stored
 * stands close together: frames of the device's table are then full.
 *
 * Gaps stand in blocks, each of which knows its longest: what is looked through is the blocks, and then one of them. Half a
 * million gaps are two thousand blocks.
 */
interface Gap {
  start: number;
  end: number;
}

interface Block {
  /** In ascending order, as the blocks are; no two touch. */
  gaps: Gap[];
  /** Pages of the longest. */
  longest: number;
}

const GAPS_MAX = 512;

export class PageSpace {
  /** At least one; only where it is the only one has it no gap. */
  readonly #blocks: Block[];

  constructor(pages: number) {
    this.#blocks = [{ gaps: [{ start: 0, end: pages }], longest: pages }];
  }

  /** Takes `count` pages. Returns the first, undefined when no gap is large enough. */
  take(count: number): number | undefined {
    if (count === 0) return 0;
    const at = this.#blocks.findIndex(({ longest }) => longest >= count);
    if (at < 0) return undefined;
    const { gaps } = this.#blocks[at];
    const n = gaps.findIndex(({ start, end }) => end - start >= count);
    const gap = gaps[n];
    const { start } = gap;
    gap.start += count;
    if (gap.start === gap.end) gaps.splice(n, 1);
    this.#changed(at);
    return start;
  }

  /** Gives a range back that was taken. */
  give(start: number, count: number): void {
    if (count === 0) return;
    const blocks = this.#blocks;
    const at = Math.max(firstAfter(blocks, (block) => block.gaps[0]?.start, start) - 1, 0);
    const { gaps } = blocks[at];
    const n = firstAfter(gaps, (gap) => gap.start, start);
    const before = gaps[n - 1];
    const after = gaps[n] ?? blocks[at + 1]?.gaps[0];
    let end = start + count;
    if (after?.start === end) {
      ({ end } = after);
      if (gaps[n]) gaps.splice(n, 1);
      else blocks[at + 1].gaps.shift();
    }
    if (before?.end === start) before.end = end;
    else gaps.splice(n, 0, { start, end });
    if (blocks[at + 1]) this.#changed(at + 1);
    this.#changed(at);
  }

  /** Puts a block in order whose gaps have changed. */
  #changed(at: number): void {
    const blocks = this.#blocks;
    const block = blocks[at];
    if (block.gaps.length > GAPS_MAX) {
      const upper = block.gaps.splice(GAPS_MAX / 2);
      blocks.splice(at + 1, 0, { gaps: upper, longest: longestOf(upper) });
    }
    if (block.gaps.length === 0 && blocks.length > 1) blocks.splice(at, 1);
    else block.longest = longestOf(block.gaps);
  }
}

function longestOf(gaps: readonly Gap[]): number {
  let longest = 0;
  for (const { start, end } of gaps) longest = Math.max(longest, end - start);
  return longest;
}

/** The first of a list in ascending order that begins behind a page; its length where there is none. */
function firstAfter<T>(list: readonly T[], startOf: (each: T) => number | undefined, page: number): number {
  let [low, high] = [0, list.length];
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((startOf(list[middle]) ?? 0) > page) high = middle;
    else low = middle + 1;
  }
  return low;
}
