/**
 * How two file systems differ: by path, and for files that are in both, by the pages that read differently. What forks share
 * is not looked at: an inode that both hold is the same file, and pages at the same place of two devices of one engine are
 * compared as they are stored.
 */
import type { PageRange } from '../../bindings/index.js';
import { PAGE_SIZE } from './constants.js';
import type { Inode } from './inode.js';
import { ROOT, type Tree } from './tree.js';

/** Bytes of a file that differ, by whole pages; the last range may end with the longer file. */
export interface ByteRange {
  /** Of the first byte in the file. */
  readonly offset: number;
  /** Number of bytes. */
  readonly length: number;
}

/** A path at which two file systems differ. */
export interface FileDifference {
  /** From the root. */
  readonly path: string;
  /**
   * `added`: only the other has it; `removed`: only this has it; `type`: it is a file in one and a directory or a link in
   * the other; `changed`: all else.
   */
  readonly what: 'added' | 'removed' | 'type' | 'changed';
  /** Bytes of a file that read differently; for one that was added or removed none is listed. */
  readonly ranges: readonly ByteRange[];
  /** Permissions, user or group differ. */
  readonly mode: boolean;
  /** The targets of a symbolic link differ. */
  readonly target: boolean;
}

const NO_RANGES: readonly ByteRange[] = Object.freeze([]);

export function diffTrees(a: Tree, b: Tree): FileDifference[] {
  a.beginContent();
  b.beginContent();
  try {
    return differencesOf(a, b);
  } finally {
    b.endContent();
    a.endContent();
  }
}

function differencesOf(a: Tree, b: Tree): FileDifference[] {
  const found: FileDifference[] = [];
  const pages = new PagesThatDiffer(a, b);
  const queue = [{ path: '', left: ROOT, right: ROOT }];
  for (const { path, left, right } of queue) {
    const [one, other] = [a.get(left), b.get(right)];
    compare(path === '' ? '/' : path, one, other, pages, found);
    if (!one.isDirectory || !other.isDirectory) continue;
    const [names, others] = [one.directory.names, other.directory.names];
    for (const [name, ino] of names) {
      const there = others.get(name);
      if (there === undefined) listAll(a, `${path}/${name}`, ino, 'removed', found);
      else queue.push({ path: `${path}/${name}`, left: ino, right: there });
    }
    for (const [name, ino] of others) if (!names.has(name)) listAll(b, `${path}/${name}`, ino, 'added', found);
  }
  return found.sort((x, y) => (x.path < y.path ? -1 : x.path > y.path ? 1 : x.what === 'removed' ? -1 : 1));

  function listAll(tree: Tree, top: string, ino: number, what: 'added' | 'removed', list: FileDifference[]): void {
    const rest = [{ path: top, ino }];
    for (const each of rest) {
      list.push(Object.freeze({ path: each.path, what, ranges: NO_RANGES, mode: false, target: false }));
      const inode = tree.get(each.ino);
      if (!inode.isDirectory) continue;
      for (const [name, child] of inode.directory.names) rest.push({ path: `${each.path}/${name}`, ino: child });
    }
  }

  function compare(path: string, one: Inode, other: Inode, differing: PagesThatDiffer, list: FileDifference[]): void {
    if (one === other) return;
    const mode = one.mode !== other.mode || one.uid !== other.uid || one.gid !== other.gid;
    if ((one.mode ^ other.mode) >>> 12 !== 0) {
      list.push(Object.freeze({ path, what: 'type', ranges: NO_RANGES, mode, target: false }));
      if (one.isDirectory)
        for (const [name, ino] of one.directory.names) listAll(a, `${path}/${name}`, ino, 'removed', list);
      if (other.isDirectory)
        for (const [name, ino] of other.directory.names) listAll(b, `${path}/${name}`, ino, 'added', list);
      return;
    }
    const target = one.isLink && one.content !== other.content;
    const ranges = one.isFile ? differing.rangesOf(one, other) : NO_RANGES;
    if (mode || target || ranges.length > 0) {
      list.push(Object.freeze({ path, what: 'changed', ranges: Object.freeze(ranges), mode, target }));
    }
  }
}

/** Compares files of two trees. */
class PagesThatDiffer {
  readonly #a: Tree;
  readonly #b: Tree;
  /** Pages that differ at the same place of both devices, made when it is needed first. */
  #ranges: readonly PageRange[] | undefined;
  readonly #page = [new Uint8Array(PAGE_SIZE), new Uint8Array(PAGE_SIZE)] as const;

  constructor(a: Tree, b: Tree) {
    this.#a = a;
    this.#b = b;
  }

  rangesOf(one: Inode, other: Inode): ByteRange[] {
    const longer = Math.max(one.size, other.size);
    const shorter = Math.min(one.size, other.size);
    const ranges: ByteRange[] = [];
    const add = (offset: number, end: number): void => {
      const last = ranges.at(-1);
      if (last && last.offset + last.length >= offset) ranges.pop();
      const from = last && last.offset + last.length >= offset ? last.offset : offset;
      ranges.push(Object.freeze({ offset: from, length: Math.min(end, longer) - from }));
    };
    const pages = Math.ceil(shorter / PAGE_SIZE);
    for (let page = 0; page < pages;) {
      const [x, y] = [one.map.at(page), other.map.at(page)];
      const count = Math.min(x.count, y.count, pages - page);
      if (x.device < 0 && y.device < 0) {
        page += count;
        continue;
      }
      if (x.device === y.device) {
        for (const [first, end] of this.#sameplace(x.device, count)) {
          add((page + first - x.device) * PAGE_SIZE, (page + end - x.device) * PAGE_SIZE);
        }
      } else {
        for (let n = 0; n < count; n++) {
          if (this.#differ(x.device < 0 ? -1 : x.device + n, y.device < 0 ? -1 : y.device + n)) {
            add((page + n) * PAGE_SIZE, (page + n + 1) * PAGE_SIZE);
          }
        }
      }
      page += count;
    }
    if (longer > shorter) add(shorter, longer);
    return ranges;
  }

  /** The parts of a run that differ, for pages that both have at the same place. */
  *#sameplace(start: number, count: number): Generator<[first: number, end: number]> {
    const ranges = (this.#ranges ??= this.#a.device.diff(this.#b.device));
    let [low, high] = [0, ranges.length];
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (ranges[middle].index + ranges[middle].count <= start) low = middle + 1;
      else high = middle;
    }
    for (; low < ranges.length && ranges[low].index < start + count; low++) {
      const { index, count: length } = ranges[low];
      yield [Math.max(start, index), Math.min(start + count, index + length)];
    }
  }

  /** Whether two pages differ; -1 is a hole. */
  #differ(left: number, right: number): boolean {
    const [x, y] = this.#page;
    if (left < 0) x.fill(0);
    else this.#a.device.readPage(left, x);
    if (right < 0) y.fill(0);
    else this.#b.device.readPage(right, y);
    for (let n = 0; n < PAGE_SIZE; n++) if (x[n] !== y[n]) return true;
    return false;
  }
}
