/**
 * Which pages of a disk are taken, as ranges. The lowest gap that is large enough is taken first, so that what is stored
 * stands close together: frames of the device's table are then full.
 *
 * The gaps are a treap (Aragon and Seidel): a search tree by place in which random priorities keep ways short. Each gap knows
 * the largest one below it, so that a taker goes straight to the lowest that is large enough.
 */
interface Gap {
  start: number;
  end: number;
  readonly priority: number;
  left: Gap | undefined;
  right: Gap | undefined;
  /** Pages of the largest gap from here down. */
  largest: number;
}

export class PageSpace {
  #root: Gap | undefined;

  constructor(pages: number) {
    this.#root = gapOf(0, pages);
  }

  /** Takes `count` pages. Returns the first, undefined when no gap is large enough. */
  take(count: number): number | undefined {
    if (count === 0) return 0;
    if (!this.#root || this.#root.largest < count) return undefined;
    let gap = this.#root;
    while (gap.left && gap.left.largest >= count) gap = gap.left;
    // None to the left is large enough: this one, or one to the right.
    while (gap.end - gap.start < count) {
      gap = gap.right as Gap;
      while (gap.left && gap.left.largest >= count) gap = gap.left;
    }
    const { start, end } = gap;
    const [before, rest] = split(this.#root, start);
    const [, after] = split(rest, start + 1);
    this.#root = join(join(before, gapOf(start + count, end)), after);
    return start;
  }

  /** Gives a range back that was taken. */
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

/** The gaps that begin before a page, and the others. */
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

/** All gaps of two trees; those of the first begin before those of the second. */
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
