/**
 * What a checkpoint and the records of the log are made of: entries that say what an inode is now, and which blocks its
 * pages are.
 */
import { constants, PAGE_SIZE, PERMISSIONS } from '../fs/constants.js';
import { nearestTime } from '../fs/times.js';
import { Blocks } from './blocks.js';
import { damaged, Input, type Output } from './encoding.js';
import { PageIndex } from './page-index.js';

const INODE = 1;
const GONE = 2;
const PAGES = 3;
const CUT = 4;
const MOVES = 5;

/** A page that repeats eight bytes is a block of those. */
export const FILL_BYTES = 8;
const PAGES_MAX = 2 ** 32;
/** Bytes of a page, a move and a name without its characters. */
const PAGE_BYTES = 10;
const MOVE_BYTES = 12;
const NAME_BYTES = 6;

const { S_IFMT, S_IFREG, S_IFDIR, S_IFLNK } = constants;
/** All bits of a mode. */
const MODE_MASK = S_IFMT | PERMISSIONS;

/** An inode as it is stored. */
export interface StoredInode {
  readonly id: number;
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly size: number;
  /** Of access, change of content, change of anything, birth. */
  readonly times: readonly [number, number, number, number];
  /** Of a directory. */
  readonly names?: readonly (readonly [name: string, id: number])[] | undefined;
  /** Of a symbolic link. */
  readonly target?: string | undefined;
}

export function isFile({ mode }: StoredInode): boolean {
  return (mode & S_IFMT) === S_IFREG;
}

export function isDirectory({ mode }: StoredInode): boolean {
  return (mode & S_IFMT) === S_IFDIR;
}

// ── writing ──────────────────────────────────────────────────────────────────────────────────────────────────────────

export function putInode(out: Output, inode: StoredInode): void {
  out.u8(INODE);
  for (const number of [inode.id, inode.mode, inode.uid, inode.gid]) out.u32(number);
  for (const number of [inode.size, ...inode.times]) out.f64(number);
  if (inode.names) {
    out.u32(inode.names.length);
    for (const [name, id] of inode.names) {
      out.text(name);
      out.u32(id);
    }
  }
  if (inode.target !== undefined) out.text(inode.target);
}

export function putGone(out: Output, id: number): void {
  out.u8(GONE);
  out.u32(id);
}

export function putCut(out: Output, id: number, end: number): void {
  out.u8(CUT);
  out.u32(id);
  out.u32(end);
}

/** Pages that follow each other, each put in by `putPage`. */
export function putPages(out: Output, id: number, first: number, count: number): void {
  out.u8(PAGES);
  for (const number of [id, first, count]) out.u32(number);
}

/** @param block 0: the page is zeros */
export function putPage(out: Output, blocks: Blocks, block: number): void {
  out.u32(block === 0 ? 0 : blocks.unit[block]);
  out.u16(block === 0 ? 0 : blocks.length[block]);
  out.u32(block === 0 ? 0 : blocks.crc[block]);
}

/** Blocks that were moved, with where they were. */
export function putMoves(out: Output, blocks: Blocks, moves: ReadonlyMap<number, number>): void {
  out.u8(MOVES);
  out.u32(moves.size);
  for (const [block, from] of moves) {
    out.u32(from);
    out.u32(blocks.crc[block]);
    out.u32(blocks.unit[block]);
  }
}

// ── reading ──────────────────────────────────────────────────────────────────────────────────────────────────────────

/** What the store has: of each inode what it is and which blocks its pages are. */
export class Content {
  readonly inodes = new Map<number, StoredInode>();
  readonly pages = new Map<number, PageIndex>();
  readonly blocks = new Blocks();

  /** Applies entries. @param each is told each block that a page was given @throws ZramError EIO: they make no sense */
  apply(bytes: Uint8Array<ArrayBuffer>, each?: (block: number) => void): void {
    const input = new Input(bytes);
    while (input.left > 0) {
      const kind = input.u8();
      if (kind === INODE) this.#inode(input);
      else if (kind === GONE) this.#gone(input.u32());
      else if (kind === PAGES) this.#pages(input, each);
      else if (kind === CUT) this.#cut(this.#indexOf(input.u32()), input.u32());
      else if (kind === MOVES) this.#moves(input, each);
      else throw damaged(`there is an entry of kind ${kind}`);
    }
  }

  #inode(input: Input): void {
    const [id, mode, uid, gid] = [input.u32(), input.u32() & MODE_MASK, input.u32(), input.u32()];
    const size = input.f64();
    if (!Number.isSafeInteger(size) || size < 0) throw damaged('a size is no number of its kind');
    const time = (): number => nearestTime(input.f64());
    const times = [time(), time(), time(), time()] as const;
    const type = mode & S_IFMT;
    const names = type === S_IFDIR ? this.#names(input) : undefined;
    const target = type === S_IFLNK ? input.text() : undefined;
    if (!names && target === undefined && type !== S_IFREG) throw damaged('there is an inode of an unknown type');
    this.inodes.set(id, { id, mode, uid, gid, size, times, names, target });
    if (type !== S_IFREG) this.#gonePages(id);
    else if (!this.pages.has(id)) this.pages.set(id, new PageIndex());
  }

  #names(input: Input): [string, number][] {
    const names: [string, number][] = [];
    for (let count = input.count(NAME_BYTES); count > 0; count--) names.push([input.text(), input.u32()]);
    return names;
  }

  #gone(id: number): void {
    this.#gonePages(id);
    if (!this.inodes.delete(id)) throw damaged('an inode goes that is not there');
  }

  #gonePages(id: number): void {
    const index = this.pages.get(id);
    if (index) this.#cut(index, 0);
    this.pages.delete(id);
  }

  #indexOf(id: number): PageIndex {
    const index = this.pages.get(id);
    if (!index) throw damaged('there are pages of no file');
    return index;
  }

  #cut(index: PageIndex, end: number): void {
    for (const page of index.pages(end)) this.#set(index, page, 0);
  }

  #pages(input: Input, each?: (block: number) => void): void {
    const index = this.#indexOf(input.u32());
    const first = input.u32();
    const count = input.count(PAGE_BYTES);
    if (first + count > PAGES_MAX) throw damaged('there are pages behind the end of all files');
    for (let page = first; page < first + count; page++) {
      const [unit, length, crc] = [input.u32(), input.u16(), input.u32()];
      const block = length === 0 ? 0 : this.#block(unit, length, crc);
      this.#set(index, page, block);
      if (block !== 0) each?.(block);
    }
  }

  #block(unit: number, length: number, crc: number): number {
    if (length > PAGE_SIZE) throw damaged('a block is longer than a page');
    for (let block = this.blocks.find(crc); block !== 0; block = this.blocks.findNext(block)) {
      if (this.blocks.unit[block] === unit && this.blocks.length[block] === length) return block;
    }
    return this.blocks.add(unit, length, crc);
  }

  #set(index: PageIndex, page: number, block: number): void {
    const { blocks } = this;
    const old = index.get(page);
    if (block !== 0) blocks.refs[block]++;
    index.set(page, block);
    if (old !== 0 && --blocks.refs[old] === 0) blocks.remove(old);
  }

  #moves(input: Input, each?: (block: number) => void): void {
    for (let count = input.count(MOVE_BYTES); count > 0; count--) {
      const [from, crc, to] = [input.u32(), input.u32(), input.u32()];
      let block = this.blocks.find(crc);
      while (block !== 0 && this.blocks.unit[block] !== from) block = this.blocks.findNext(block);
      if (block === 0) throw damaged('a block moves that is not there');
      this.blocks.unit[block] = to;
      each?.(block);
    }
  }
}
