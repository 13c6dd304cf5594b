/**
 * The files of a store: what of them is on the disk, and how that becomes what is in memory. Each sync compares a snapshot
 * with that of the last one, so nothing has to be noted down when files are written.
 */
import { PAGE_SIZE } from '../fs/constants.js';
import type { Inode } from '../fs/inode.js';
import type { Tree } from '../fs/tree.js';
import { ZramError } from '../../bindings/base/errors.js';
import { BlockWriter } from './block-writer.js';
import { Blocks } from './blocks.js';
import { Changes } from './changes.js';
import type { Codec } from './codec.js';
import { Output } from './encoding.js';
import type { StoreFile } from './file.js';
import { extentsOf, type Journal } from './journal.js';
import { makeInodes, PageLoader, ROOT_ID } from './loading.js';
import { PageIndex } from './page-index.js';
import { putCut, putGone, putInode, putMoves, putPage, putPages, type Content, type StoredInode } from './records.js';
import type { Root } from './root.js';
import { UNIT, type Extent, type Space } from './space.js';
import { Transaction, type StoredFile } from './transaction.js';

/** Pages that are read at once. */
const BATCH = 32;
/** Free bytes within the file from which on it is made smaller, when they are a third of it. */
const GARBAGE_BYTES_MIN = 2 ** 18;
/** Bytes of blocks that one sync moves for that, about. */
const MOVED_BYTES_MAX = 2 ** 20;
/** Free bytes at the end from which on the file is cut. */
const CUT_BYTES_MIN = 2 ** 16;

export class Files {
  blocks = new Blocks();
  /** By the number of the inode in the tree. */
  #known = new Map<number, StoredFile>();
  #nextId = ROOT_ID;
  #writer: BlockWriter;
  /** What is on the disk. */
  #synced: Tree | undefined;
  /** Places of blocks that a record or root may name which may or may not be on the disk. */
  #limbo: Extent[] = [];
  /** Such a record or root may be on the disk: the next sync must write one in its place. */
  #inDoubt = false;
  /** The next sync must write a checkpoint: there is none, or one may be on the disk that does not count. */
  #needsRoot = true;
  readonly #pages = new Uint8Array(BATCH * PAGE_SIZE);

  constructor(
    private readonly file: StoreFile,
    private readonly journal: Journal,
    readonly space: Space,
    private readonly codec: Codec,
  ) {
    this.#writer = new BlockWriter(file, space, this.blocks);
  }

  /** Bytes of memory, about. */
  get indexBytes(): number {
    let bytes = 24 * this.blocks.unit.length;
    for (const { index } of this.#known.values()) bytes += index.bytes;
    return bytes;
  }

  /** Fills an empty tree with what there is, or makes a new store of it. */
  open(tree: Tree, content: Content | undefined): void {
    if (content) this.#load(tree, content);
    else this.file.truncate(0);
    const synced = tree.freeze();
    if (!content) {
      try {
        this.#idOf(tree.get(1).ino);
        this.#write(synced, new Output(), new Transaction(this.blocks, this.space));
      } catch (error) {
        synced.destroy();
        throw error;
      }
    }
    this.#synced = synced;
  }

  #load(tree: Tree, content: Content): void {
    this.blocks = content.blocks;
    this.#writer = new BlockWriter(this.file, this.space, this.blocks);
    const loader = new PageLoader(tree, this.blocks, this.file, this.codec);
    for (const [ino, id] of makeInodes(content, tree)) {
      const known = { id, index: content.pages.get(id) ?? new PageIndex() };
      this.#known.set(ino, known);
      this.#nextId = Math.max(this.#nextId, id + 1);
      loader.place(ino, content.inodes.get(id) as StoredInode, known);
    }
    loader.load();
    this.#needsRoot = false;
  }

  close(): void {
    this.codec.destroy();
    this.#synced?.destroy();
    this.#synced = undefined;
  }

  // ── syncing ────────────────────────────────────────────────────────────────────────────────────────────────────

  sync(tree: Tree): void {
    if (!this.#inDoubt && this.#synced && tree.isUnchangedSince(this.#synced)) return;
    const next = tree.freeze();
    try {
      if (!this.#syncTo(next)) {
        next.destroy();
        return;
      }
    } catch (error) {
      next.destroy();
      throw error;
    }
    this.#synced?.destroy();
    this.#synced = next;
  }

  /** @returns whether anything had changed */
  #syncTo(next: Tree): boolean {
    const transaction = new Transaction(this.blocks, this.space);
    const out = new Output();
    try {
      const changes = new Changes(this.#synced as Tree, next);
      for (const [ino, before, now] of changes.inodes()) {
        if (now) this.#put(out, changes, transaction, next, before, now);
        else this.#putGone(out, transaction, ino);
      }
      if (out.length === 0 && !this.#inDoubt) return false;
      this.#makeSmaller(out, transaction);
    } catch (error) {
      this.#undo(transaction, [], false);
      throw error;
    }
    this.#write(next, out, transaction);
    return true;
  }

  #put(
    out: Output,
    changes: Changes,
    transaction: Transaction,
    next: Tree,
    before: Inode | undefined,
    now: Inode,
  ): void {
    const { id, index } = this.#file(now.ino, transaction);
    putInode(out, this.#stored(id, now, transaction));
    if (!now.isFile) {
      for (const page of index.pages()) transaction.set(index, page, 0);
      return;
    }
    for (const { page, device: place, count } of changes.pages(before, now)) {
      for (let done = 0; done < count; done += BATCH) {
        const pages = Math.min(BATCH, count - done);
        if (place >= 0) next.device.readPages(place + done, pages, this.#pages);
        this.#putPages(out, transaction, { id, index }, page + done, pages, place < 0);
      }
    }
    const end = Math.ceil(now.size / PAGE_SIZE);
    let isCut = false;
    for (const page of index.pages(end)) isCut = transaction.set(index, page, 0) || isCut;
    if (isCut) putCut(out, id, end);
  }

  #putPages(
    out: Output,
    transaction: Transaction,
    { id, index }: StoredFile,
    first: number,
    count: number,
    isHole: boolean,
  ): void {
    let [length, lengthAt] = [0, 0];
    for (let n = 0; n < count; n++) {
      const page = this.#pages.subarray(n * PAGE_SIZE, (n + 1) * PAGE_SIZE);
      const block = isHole ? 0 : this.#blockOf(page, transaction);
      if (!transaction.set(index, first + n, block)) {
        length = 0;
        continue;
      }
      if (length++ === 0) {
        putPages(out, id, first + n, 0);
        lengthAt = out.length - 4;
      }
      out.patch32(lengthAt, length);
      putPage(out, this.blocks, block);
    }
  }

  #blockOf(page: Uint8Array, transaction: Transaction): number {
    const bytes = this.codec.blockOf(page);
    return bytes.length === 0 ? 0 : this.#writer.put(bytes, (block) => transaction.made(block));
  }

  #putGone(out: Output, transaction: Transaction, ino: number): void {
    const known = this.#known.get(ino);
    if (!known) return;
    for (const page of known.index.pages()) transaction.set(known.index, page, 0);
    this.#known.delete(ino);
    transaction.undoBy(() => this.#known.set(ino, known));
    putGone(out, known.id);
  }

  #file(ino: number, transaction: Transaction): StoredFile {
    const known = this.#known.get(ino);
    if (known) return known;
    const made = this.#idOf(ino);
    transaction.undoBy(() => this.#known.delete(ino));
    return made;
  }

  #idOf(ino: number): StoredFile {
    const made = { id: this.#nextId++, index: new PageIndex() };
    this.#known.set(ino, made);
    return made;
  }

  #stored(id: number, inode: Inode, transaction: Transaction): StoredInode {
    const { mode, uid, gid, size, atime, mtime, ctime, birthtime } = inode;
    const names = inode.isDirectory
      ? [...inode.directory.names].map(([name, ino]) => [name, this.#file(ino, transaction).id] as const)
      : undefined;
    const target = inode.isLink ? (inode.content as string) : undefined;
    return { id, mode, uid, gid, size, times: [atime, mtime, ctime, birthtime], names, target };
  }

  /** When much of the file is free, moves blocks from its end to free places. */
  #makeSmaller(out: Output, transaction: Transaction): void {
    const { space, blocks } = this;
    const free = space.end - space.used;
    if (2 * free <= space.used || free * UNIT < GARBAGE_BYTES_MIN) return;
    const limit = space.used + Math.ceil(space.used / 8);
    let moved = 0;
    for (let block = 1; block < blocks.end && moved < MOVED_BYTES_MAX; block++) {
      // Those without a page go with this sync.
      if (blocks.unit[block] < limit || blocks.refs[block] === 0 || blocks.length[block] === 0) continue;
      this.#writer.move(block, () => transaction.moving(block));
      moved += blocks.length[block];
    }
    if (transaction.moves.size > 0) putMoves(out, blocks, transaction.moves);
    else if (this.journal.end > limit) this.#needsRoot = true;
  }

  // ── writing ────────────────────────────────────────────────────────────────────────────────────────────────────

  #write(next: Tree, out: Output, transaction: Transaction): void {
    const { file, journal } = this;
    let root: Root | undefined;
    let mayCount = false;
    try {
      this.#writer.flush();
      if (!this.#needsRoot && journal.hasRoom(out.length)) {
        mayCount = true;
        const bytes = journal.writeRecord(out.bytes());
        file.flush();
        journal.keepRecord(bytes);
      } else {
        const entries = this.#checkpoint(next, transaction);
        root = journal.plan(entries, this.codec.settings);
        journal.writeCheckpoint(root, entries);
        file.flush();
        mayCount = true;
        this.#needsRoot = true;
        journal.writeRoot(root);
        file.flush();
        for (const extent of journal.keepRoot(root)) this.space.free(extent);
        this.#needsRoot = false;
      }
    } catch (error) {
      this.#undo(transaction, root ? extentsOf(root) : [], mayCount);
      throw error;
    }
    transaction.commit();
    this.#inDoubt = false;
    for (const extent of this.#limbo.splice(0)) this.space.free(extent);
    this.#cut(CUT_BYTES_MIN);
  }

  #checkpoint(next: Tree, transaction: Transaction): Uint8Array<ArrayBuffer> {
    const out = new Output();
    for (const [ino, { id, index }] of this.#known) {
      putInode(out, this.#stored(id, next.get(ino), transaction));
      for (const [first, count] of index.runs()) {
        putPages(out, id, first, count);
        for (let page = first; page < first + count; page++) putPage(out, this.blocks, index.get(page));
      }
    }
    return out.bytes();
  }

  /** @param mayCount a record or root that names the new blocks may be on the disk */
  #undo(transaction: Transaction, extents: readonly Extent[], mayCount: boolean): void {
    this.#writer.reset();
    this.#inDoubt ||= mayCount;
    const places = [...transaction.rollback(), ...extents];
    if (mayCount) this.#limbo.push(...places);
    else for (const extent of places) this.space.free(extent);
    this.#cut(0);
  }

  /** Cuts what is free at the end of the file, if it is so much. */
  #cut(bytesMin: number): void {
    const end = this.space.end * UNIT;
    try {
      if (this.file.size - end > bytesMin) this.file.truncate(end);
    } catch (error) {
      // All is on the disk, or was given up: the next sync tries again.
      if (!(error instanceof ZramError)) throw error;
    }
  }
}
