/** Writes the list of inodes in a save file: of all its file systems, with what they share once. */
import type { Directory, Inode } from './inode.js';
import type { Chunk } from './inode-table.js';
import type { PageMap } from './page-map.js';
import { SavedBytesWriter } from './saved-bytes.js';
import {
  LATER_TIMES,
  RECORD_BLOCK,
  RECORD_END,
  RECORD_FILES,
  RECORD_INODE,
  RECORD_NAMES,
  RECORD_PAGES,
  RECORD_TARGET,
  SAVED_MAGIC,
} from './saved-format.js';
import type { SavedTree } from './tree.js';

type Pieces = Generator<Uint8Array<ArrayBuffer>, void, undefined>;

/** The list, in pieces of 64 KiB, each of which takes about a millisecond. */
export function* inodeList(trees: readonly SavedTree[]): Pieces {
  const out = new SavedBytesWriter();
  const records = new Records(out);
  out.bytes(SAVED_MAGIC);
  out.number(trees.length);
  for (const tree of trees) yield* records.tree(tree);
  out.number(RECORD_END);
  yield out.take();
}

/** Writes each thing once, before what refers to it; references say how far back it is. */
class Records {
  readonly #out: SavedBytesWriter;
  readonly #contents = new Map<Inode['content'], number>();
  readonly #inodes = new Map<Inode, number>();
  readonly #blocks = new Map<Chunk, number>();

  constructor(out: SavedBytesWriter) {
    this.#out = out;
  }

  *tree({ frozen, chunks, free }: SavedTree): Pieces {
    const out = this.#out;
    for (const [n, chunk] of chunks.entries()) if (!this.#blocks.has(chunk)) yield* this.#block(n, chunk);
    out.number(RECORD_FILES);
    out.number(frozen ? 1 : 0);
    out.number(free);
    out.number(chunks.length);
    for (const chunk of chunks) {
      out.number(this.#blocks.size - (this.#blocks.get(chunk) as number));
      if (out.full) yield out.take();
    }
  }

  *#block(n: number, chunk: Chunk): Pieces {
    const { slots } = chunk;
    for (const slot of slots) if (typeof slot === 'object' && !this.#inodes.has(slot)) yield* this.#inode(slot);
    const out = this.#out;
    out.number(RECORD_BLOCK);
    out.number(n);
    out.number(slots.length);
    for (const slot of slots) {
      if (typeof slot === 'object') out.number(this.#inodes.size - (this.#inodes.get(slot) as number));
      else {
        out.number(0);
        out.number(slot);
      }
    }
    this.#blocks.set(chunk, this.#blocks.size);
    if (out.full) yield out.take();
  }

  *#inode(inode: Inode): Pieces {
    const { content } = inode;
    if (!this.#contents.has(content)) {
      if (inode.isDirectory) yield* this.#names(inode.directory);
      else if (inode.isFile) yield* this.#pages(inode.map);
      else {
        this.#out.number(RECORD_TARGET);
        this.#out.text(content as string);
      }
      this.#contents.set(content, this.#contents.size);
    }
    const out = this.#out;
    out.number(RECORD_INODE);
    for (const value of [inode.ino, inode.mode, inode.uid, inode.gid, inode.nlink]) out.number(value);
    out.number(this.#contents.size - (this.#contents.get(content) as number));
    if (inode.isFile) out.number(inode.size);
    this.#times(inode);
    this.#inodes.set(inode, this.#inodes.size);
    if (out.full) yield out.take();
  }

  #times(inode: Inode): void {
    const out = this.#out;
    const times = LATER_TIMES.map((name) => inode[name]);
    const differs = times.map((time, n) => !Object.is(time, n === 0 ? inode.birthtime : times[n - 1]));
    out.number(differs.reduce((bits, one, n) => bits | (one ? 1 << n : 0), 0));
    out.float(inode.birthtime);
    for (const [n, time] of times.entries()) if (differs[n]) out.float(time);
  }

  *#pages(map: PageMap): Pieces {
    const out = this.#out;
    out.number(RECORD_PAGES);
    out.number(map.runCount);
    let end = 0;
    for (const [page, device, count] of map) {
      out.number(page - end);
      out.number(device);
      out.number(count);
      end = page + count;
      if (out.full) yield out.take();
    }
  }

  *#names({ parent, names }: Directory): Pieces {
    const out = this.#out;
    out.number(RECORD_NAMES);
    out.number(parent);
    out.number(names.size);
    for (const [name, ino] of names) {
      out.text(name);
      out.number(ino);
      if (out.full) yield out.take();
    }
  }
}
