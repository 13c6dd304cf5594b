/**
 * Which pages of a disk are taken, as ranges. The lowest gap that is large enough is taken first, so that what is stored
 * stands close together: frames of the device's table are then full.
 */
interface Gap {
  start: number;
  end: number;
}

export class PageSpace {
  /** In ascending order; no two touch. */
  readonly #gaps: Gap[];

  constructor(pages: number) {
    this.#gaps = [{ start: 0, end: pages }];
  }

  /** Takes `count` pages. Returns the first, undefined when no gap is large enough. */
  take(count: number): number | undefined {
    if (count === 0) return 0;
    const n = this.#gaps.findIndex(({ start, end }) => end - start >= count);
    const gap = this.#gaps[n];
    if (!gap) return undefined;
    const { start } = gap;
    gap.start += count;
    if (gap.start === gap.end) this.#gaps.splice(n, 1);
    return start;
  }

  /** Gives a range back that was taken. */
  give(start: number, count: number): void {
    if (count === 0) return;
    const gaps = this.#gaps;
    const end = start + count;
    const found = gaps.findIndex((gap) => gap.start > start);
    const n = found < 0 ? gaps.length : found;
    const [before, after] = [gaps[n - 1], gaps[n]];
    const joinsBefore = before?.end === start;
    const joinsAfter = after?.start === end;
    if (before && joinsBefore) before.end = after && joinsAfter ? after.end : end;
    else if (after && joinsAfter) after.start = start;
    else gaps.splice(n, 0, { start, end });
    if (joinsBefore && joinsAfter) gaps.splice(n, 1);
  }
}
