/**
 * Allocation of page ranges on a disk. The lowest gap that is large enough is taken first, so that stored pages lie
 * close together and fill the frames of the device's table.
 *
 * The gaps form a treap (Aragon and Seidel): a search tree by start, in which random priorities keep paths short. Each
 * node knows the largest gap in its subtree, so that the lowest one that is large enough is found in one descent.
 */
interface Gap {
  start: number;
  end: number;
  readonly priority: number;
  left: Gap | undefined;
  right: Gap | undefined;
  /** Pages of the largest gap in this subtree. */
  largest: number;
}

export class PageSpace {
  #root: Gap | undefined;

  constructor(pages: number) {
    this.#root = gapOf(0, pages);
  }

  /**
   * Allocates `count` pages. Returns the first; undefined when no gap is large enough.
   * @param align what the first page is a multiple of
   */
  take(count: number, align = 1): number | undefined {
    if (count === 0) return 0;
    const gap = this.#lowest(count);
    if (!gap) return undefined;
    const first = Math.ceil(gap.start / align) * align;
    if (first + count <= gap.end) return this.#takeFrom(gap, first, count);
    // Where there is room for the pages and for those that are skipped before them, it does fit.
    const larger = this.#lowest(count + align - 1);
    return larger && this.#takeFrom(larger, Math.ceil(larger.start / align) * align, count);
  }

  /** The lowest gap of at least `count` pages. */
  #lowest(count: number): Gap | undefined {
    if (!this.#root || this.#root.largest < count) return undefined;
    let gap = this.#root;
    while (gap.left && gap.left.largest >= count) gap = gap.left;
    // No gap to the left is large enough: take this one, or one to the right.
    while (gap.end - gap.start < count) {
      gap = gap.right as Gap;
      while (gap.left && gap.left.largest >= count) gap = gap.left;
    }
    return gap;
  }

  #takeFrom({ start, end }: Gap, first: number, count: number): number {
    const [before, rest] = split(this.#root, start);
    const [, after] = split(rest, start + 1);
    const left = join(gapOf(start, first), gapOf(first + count, end));
    this.#root = join(join(before, left), after);
    return first;
  }

  /** Releases an allocated range. */
  give(start: number, count: number): void {
    if (count === 0) return;
    let end = start + count;
    let [before, after] = split(this.#root, start);
    const last = edge(before, 'right');
    if (last?.end === start) {
      [before] = split(before, last.start);
      ({ start } = last);
    }
    const next = edge(after, 'left');
    if (next?.start === end) {
      [, after] = split(after, next.start + 1);
      ({ end } = next);
    }
    this.#root = join(join(before, gapOf(start, end)), after);
  }
}

function gapOf(start: number, end: number): Gap | undefined {
  if (start === end) return undefined;
  return { start, end, priority: Math.random(), left: undefined, right: undefined, largest: end - start };
}

function updated(gap: Gap): Gap {
  gap.largest = Math.max(gap.end - gap.start, gap.left?.largest ?? 0, gap.right?.largest ?? 0);
  return gap;
}

/** Splits a tree into the gaps that begin before a page, and the others. */
function split(gap: Gap | undefined, page: number): [Gap | undefined, Gap | undefined] {
  if (!gap) return [undefined, undefined];
  if (gap.start < page) {
    const [left, right] = split(gap.right, page);
    gap.right = left;
    return [updated(gap), right];
  }
  const [left, right] = split(gap.left, page);
  gap.left = right;
  return [left, updated(gap)];
}

/** Joins two trees; all gaps of the first begin before those of the second. */
function join(one: Gap | undefined, other: Gap | undefined): Gap | undefined {
  if (!one || !other) return one ?? other;
  if (one.priority > other.priority) {
    one.right = join(one.right, other);
    return updated(one);
  }
  other.left = join(one, other.left);
  return updated(other);
}

/** The first or last gap of a tree. */
function edge(gap: Gap | undefined, side: 'left' | 'right'): Gap | undefined {
  while (gap?.[side]) gap = gap[side];
  return gap;
}
