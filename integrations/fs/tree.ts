/**
 * The state of one file system: inodes, the pages of the device that are theirs, and what is open. It knows nothing of
 * paths, flags or Node's names.
 *
 * A fork shares inodes, directories and lists of pages: what has another owner than the tree is copied before it changes.
 * So a fork costs no more than the device's.
 */
import { ZramError } from '../../bindings/base/errors.js';
import type { Zram, ZramSnapshot } from '../../bindings/index.js';
import { constants, PAGE_SIZE } from './constants.js';
import { asFsError, fsError, on, type Call } from './errors.js';
import { Directory, Inode } from './inode.js';
import { InodeTable, type Chunk } from './inode-table.js';
import type { Owner } from './owner.js';
import { PageMap, RUN_BYTES } from './page-map.js';
import { PageSpace, type PageRun } from './page-space.js';

/** The number of the root's inode. */
export const ROOT = 1;

/** Bytes of JavaScript memory, as estimates from measurements with V8: an inode, and a name without its characters. */
export const INODE_BYTES = 360;
export const NAME_BYTES = 80;

/** The inodes of a tree, which do not change any more. */
export interface SavedTree {
  readonly frozen: boolean;
  readonly chunks: readonly Chunk[];
  /** The first free place, 0 for none. */
  readonly free: number;
}

/** What there is, kept up to date. */
export interface Counts {
  files: number;
  directories: number;
  links: number;
  /** Sum of the files' sizes. */
  bytes: number;
  /** Estimate of the JavaScript memory that inodes, names and lists of pages take. */
  metadataBytes: number;
}

/** Not by its class: there may be several copies of the library. */
export function isWritable(device: Zram | ZramSnapshot): device is Zram {
  return 'discard' in device;
}

export class Tree {
  /** Called when a program asks that what it wrote outlives it: set by who keeps the tree on a disk. */
  onSync: (() => void) | undefined;
  #owner: Owner = {};
  #inodes: InodeTable;
  #space: PageSpace;
  /** How often each inode is open. */
  readonly #opens = new Map<number, number>();
  /** Inodes without a name that are open here, or were in the tree from which this was forked. */
  readonly #nameless = new Set<number>();
  /** Of a staged tree: the inodes of its origin when it was made. */
  #origin: object | undefined;
  /** Pages of no file whose content is still there: to be discarded before they can be given out. */
  #stale: PageRun[] = [];
  /** Calls that are reading or writing content. */
  #underWay = 0;
  /** Inodes whose last name and last opening went meanwhile. */
  #left: number[] = [];

  private constructor(
    public device: Zram | ZramSnapshot,
    /** The device, unless the tree is frozen. */
    private disk: Zram | undefined,
    readonly metadataMax: number,
    readonly counts: Counts,
    from?: { inodes: InodeTable; space: PageSpace },
  ) {
    this.#inodes = from?.inodes ?? InodeTable.empty(this.#owner);
    this.#space = from?.space ?? PageSpace.empty(this.#owner);
  }

  /** A tree with an empty root on a device that holds nothing. */
  static empty(device: Zram, metadataMax: number): Tree {
    const counts = { files: 0, directories: 0, links: 0, bytes: 0, metadataBytes: 0 };
    const tree = new Tree(device, device, metadataMax, counts);
    const root = new Directory(tree.#owner, new Map(), ROOT);
    tree.#add(constants.S_IFDIR | 0o755, root).nlink = 2;
    return tree;
  }

  /**
   * A tree of what was saved. What inodes and space belong to is copied before it changes.
   * @param device holds nothing in pages that no file has; a snapshot for a tree that is frozen
   */
  static loaded(
    device: Zram | ZramSnapshot,
    metadataMax: number,
    counts: Counts,
    inodes: InodeTable,
    space: PageSpace,
  ): Tree {
    const disk = isWritable(device) ? device : undefined;
    return new Tree(device, disk, metadataMax, counts, { inodes, space });
  }

  get frozen(): boolean {
    return this.disk === undefined;
  }

  /** Whether the device holds pages of files that have no name any more. A fork does not, if there is memory for that. */
  get hasNameless(): boolean {
    return this.#nameless.size > 0 || this.#stale.length > 0;
  }

  /** The inodes as they are: later changes are made to copies. */
  saved(): SavedTree {
    // As an error of the library, which saves.
    if (this.disk && this.#underWay > 0)
      throw new ZramError('EBUSY', 'a compressor must not save the file system that called it.');
    const { chunks, free } = this.#inodes;
    this.#owner = {};
    return { frozen: this.frozen, chunks, free };
  }

  /** A writable copy. @throws ZramError ENOMEM; FsError EBUSY */
  fork(): Tree {
    if (this.disk) this.checkWritable(on('fork'));
    const device = this.device.clone();
    const tree = this.#copyOn(device, device);
    for (const ino of tree.#nameless) tree.#free(ino);
    tree.#nameless.clear();
    tree.discardStale();
    return tree;
  }

  /** A read-only copy. @throws ZramError ENOMEM; FsError EBUSY */
  freeze(): Tree {
    // A frozen tree never changes, so a copy of it is a copy of its pages.
    if (this.disk) return this.#copyOn(this.writable(on('snapshot')).snapshot(), undefined);
    const writable = this.device.clone();
    try {
      return this.#copyOn(writable.snapshot(), undefined);
    } finally {
      writable.destroy();
    }
  }

  /** A copy to build in, which `adopt` takes over if all goes well. @throws FsError ENOSPC, EROFS, EBUSY */
  stage(call: Call): Tree {
    const disk = this.writable(call);
    let device: Zram;
    try {
      device = disk.clone();
    } catch (error) {
      throw asFsError(error, call);
    }
    const staged = this.#copyOn(device, device);
    staged.#origin = this.#inodes.chunks;
    return staged;
  }

  /** Whether nothing has changed here since `staged` was made. */
  isOriginOf(staged: Tree): boolean {
    return this.#inodes.chunks === staged.#origin;
  }

  /** Becomes what was built, which is of no use afterwards. Open files stay open. Only for the origin of `staged`. */
  adopt(staged: Tree): void {
    const old = this.device;
    this.device = staged.device;
    this.disk = staged.disk;
    this.#owner = staged.#owner;
    this.#inodes = staged.#inodes;
    this.#space = staged.#space;
    this.#stale = staged.#stale;
    Object.assign(this.counts, staged.counts);
    old.destroy();
  }

  #copyOn(device: Zram | ZramSnapshot, disk: Zram | undefined): Tree {
    const from = { inodes: this.#inodes.fork(), space: this.#space.fork() };
    const tree = new Tree(device, disk, this.metadataMax, { ...this.counts }, from);
    tree.#stale = [...this.#stale];
    this.#owner = {};
    for (const ino of this.#nameless) tree.#nameless.add(ino);
    return tree;
  }

  // ── inodes ─────────────────────────────────────────────────────────────────────────────────────────────────────

  get(ino: number): Inode {
    return this.#inodes.get(ino);
  }

  /** All inodes by number, those that are open without a name included. */
  get inodes(): Iterable<Inode> {
    return this.#inodes;
  }

  /** Whether nothing has changed since a copy was made. */
  isUnchangedSince(copy: Tree): boolean {
    return this.#inodes.chunks === copy.#inodes.chunks;
  }

  /** Inodes by number that are another object than in a copy of this tree, or in the tree of which this is one. */
  changedSince(copy: Tree): Iterable<readonly [ino: number, before: Inode | undefined, now: Inode | undefined]> {
    return this.#inodes.changedSince(copy.#inodes);
  }

  /** The inode, for changes. */
  own(ino: number): Inode {
    return this.#inodes.own(ino, this.#owner);
  }

  /** The pages of a file, for changes. */
  ownMap(inode: Inode): PageMap {
    const map = inode.map;
    if (map.owner === this.#owner) return map;
    const own = this.own(inode.ino);
    const copy = map.copyFor(this.#owner);
    own.content = copy;
    return copy;
  }

  #ownNames(dir: number): Map<string, number> {
    const { directory } = this.get(dir);
    if (directory.owner === this.#owner) return directory.names;
    const copy = new Directory(this.#owner, new Map(directory.names), directory.parent);
    this.own(dir).content = copy;
    return copy.names;
  }

  makeFile(mode: number): Inode {
    return this.#add(constants.S_IFREG | mode, new PageMap(this.#owner, []));
  }

  makeDirectory(mode: number, parent: number): Inode {
    return this.#add(constants.S_IFDIR | mode, new Directory(this.#owner, new Map(), parent));
  }

  makeLink(target: string, size: number): Inode {
    const inode = this.#add(constants.S_IFLNK | 0o777, target);
    inode.size = size;
    return inode;
  }

  #add(mode: number, content: Inode['content']): Inode {
    const inode = this.#inodes.add(this.#owner, (ino) => new Inode(this.#owner, ino, mode, content, Date.now()));
    this.#count(inode, 1);
    return inode;
  }

  #count(inode: Inode, one: 1 | -1): void {
    const { counts } = this;
    let bytes = INODE_BYTES;
    if (inode.isFile) {
      counts.files += one;
      bytes += RUN_BYTES * inode.map.runCount;
    } else if (inode.isDirectory) counts.directories += one;
    else {
      counts.links += one;
      bytes += 2 * (inode.content as string).length;
    }
    counts.metadataBytes += one * bytes;
  }

  // ── names ──────────────────────────────────────────────────────────────────────────────────────────────────────

  /** @throws FsError EROFS, EBUSY, or ENOSPC: no room for an inode with this name */
  checkRoom(name: string, call: Call): void {
    this.checkWritable(call);
    const bytes = INODE_BYTES + NAME_BYTES + 2 * name.length;
    if (this.counts.metadataBytes + bytes > this.metadataMax) throw fsError('ENOSPC', call);
  }

  /** @throws FsError EROFS; EBUSY: a call that reads or writes content is under way */
  checkWritable(call: Call): void {
    this.writable(call);
  }

  /** Gives an inode a name that the directory does not have. */
  addName(dir: number, name: string, inode: Inode): void {
    this.#ownNames(dir).set(name, inode.ino);
    this.counts.metadataBytes += NAME_BYTES + 2 * name.length;
    inode.nlink += inode.isDirectory ? 2 : 1;
    const parent = this.#changed(dir);
    if (inode.isDirectory) parent.nlink++;
  }

  /** Takes a name away, and what it named, unless that has other names or is open. */
  removeName(dir: number, name: string): void {
    const names = this.#ownNames(dir);
    const inode = this.own(names.get(name) as number);
    names.delete(name);
    this.counts.metadataBytes -= NAME_BYTES + 2 * name.length;
    const parent = this.#changed(dir);
    if (inode.isDirectory) parent.nlink--;
    inode.nlink -= inode.isDirectory ? 2 : 1;
    inode.ctime = parent.mtime;
    if (inode.nlink > 0) return;
    if (this.#opens.has(inode.ino)) this.#nameless.add(inode.ino);
    else this.#free(inode.ino);
  }

  /** Gives an inode another name, in this directory or another. The new one is not there. */
  moveName(dir: number, name: string, newDir: number, newName: string): void {
    const inode = this.own(this.get(dir).directory.names.get(name) as number);
    this.addName(newDir, newName, inode);
    if (inode.isDirectory && newDir !== dir) {
      inode.content = new Directory(inode.directory.owner, inode.directory.names, newDir);
    }
    this.removeName(dir, name);
  }

  #changed(dir: number): Inode {
    const parent = this.own(dir);
    parent.mtime = Date.now();
    parent.ctime = parent.mtime;
    return parent;
  }

  // ── open inodes ────────────────────────────────────────────────────────────────────────────────────────────────

  open(ino: number): void {
    this.#opens.set(ino, (this.#opens.get(ino) ?? 0) + 1);
  }

  close(ino: number): void {
    const left = (this.#opens.get(ino) as number) - 1;
    if (left > 0) {
      this.#opens.set(ino, left);
      return;
    }
    this.#opens.delete(ino);
    if (!this.disk || !this.#nameless.delete(ino)) return;
    if (this.#underWay > 0) this.#left.push(ino);
    else this.#free(ino);
  }

  #free(ino: number): void {
    const inode = this.get(ino);
    this.#count(inode, -1);
    if (inode.isFile) {
      this.counts.bytes -= inode.size;
      this.#releasePages(inode.map, 0);
    }
    this.#inodes.remove(ino, this.#owner);
  }

  // ── pages ──────────────────────────────────────────────────────────────────────────────────────────────────────

  /** The device, to write to. @throws FsError EROFS; EBUSY: a call that reads or writes content is under way */
  writable(call: Call): Zram {
    if (!this.disk) throw fsError('EROFS', call);
    if (this.#underWay > 0) throw fsError('EBUSY', call);
    return this.disk;
  }

  /**
   * Content is about to be read or written, which may call a compressor of somebody's, and that this file system. Until
   * `endContent` nothing changes here but by the call itself: pages that were looked up stay the file's.
   */
  beginContent(): void {
    this.#underWay++;
  }

  endContent(): void {
    if (--this.#underWay > 0) return;
    while (this.#left.length > 0) this.#free(this.#left.pop() as number);
  }

  /** Gives pages of a file places on the device. Returns how many have one: fewer when there is no room. */
  mapPages(map: PageMap, first: number, count: number): number {
    const { counts } = this;
    this.discardStale();
    const before = map.runCount;
    const room = Math.max(0, Math.floor((this.metadataMax - counts.metadataBytes) / RUN_BYTES));
    const mapped = map.fill(first, count, this.#space, before + room);
    counts.metadataBytes += RUN_BYTES * (map.runCount - before);
    return mapped;
  }

  /** Frees the pages of a file from page `end` on. */
  cutPages(inode: Inode, end: number): void {
    const map = this.ownMap(inode);
    const before = map.runCount;
    this.#releasePages(map, end);
    this.counts.metadataBytes -= RUN_BYTES * (before - map.runCount);
  }

  #releasePages(map: PageMap, end: number): void {
    const own = map.owner === this.#owner ? map : map.copyFor(this.#owner);
    own.cut(end, (start, count) => this.#stale.push({ start, count }));
    this.discardStale();
  }

  /** Discards what no file has any more. What cannot be, for want of memory, is tried again at the next occasion. */
  discardStale(): void {
    while (this.disk && this.#stale.length > 0) {
      const { start, count } = this.#stale[this.#stale.length - 1];
      try {
        this.disk.discard(start * PAGE_SIZE, count * PAGE_SIZE);
      } catch (error) {
        // To take a page out of what forks share may need memory. Removing a file works all the same.
        if (error instanceof ZramError && error.code === 'ENOMEM') return;
        throw error;
      }
      this.#stale.pop();
      this.#space.release(start, count, this.#owner);
    }
  }

  /** Bytes that the pool takes, and may take; 0: as many as the engine has. */
  memory(): { used: number; limit: number } {
    const device = this.disk;
    if (!device) return { used: 0, limit: 0 };
    const { memUsedTotal, memLimit } = device.mmStat;
    return { used: memUsedTotal, limit: memLimit };
  }

  /** Inodes that there are and may be, and how many are free. */
  inodeRoom(): { files: number; ffree: number } {
    const { files, directories, links, metadataBytes } = this.counts;
    const ffree = Math.max(0, Math.floor((this.metadataMax - metadataBytes) / (INODE_BYTES + NAME_BYTES)));
    return { files: files + directories + links + ffree, ffree };
  }

  resize(inode: Inode, size: number): void {
    this.counts.bytes += size - inode.size;
    inode.size = size;
  }

  /** Frees all memory of the device. */
  destroy(): void {
    this.device.destroy();
  }
}
