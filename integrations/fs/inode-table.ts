/**
 * The inodes of a tree by number. Forks share it in chunks: a chunk is copied when a tree changes an inode of it that a fork
 * has as well, so a fork costs nothing and a change what its chunk does.
 */
import type { Inode } from './inode.js';
import type { Owner } from './owner.js';

/** Inodes of a chunk: few, so that a change copies little; many, so that the list of chunks is short. */
const CHUNK_BITS = 5;
export const CHUNK = 1 << CHUNK_BITS;

export interface Chunk {
  readonly owner: Owner;
  /** A number in the place of an inode: the next free place, 0 for none. */
  readonly slots: (Inode | number)[];
}

export class InodeTable {
  #owner: Owner;
  #chunks: Chunk[];
  /** Places given out so far; 0 is not a place, since it means none. */
  #end: number;
  /** The free place to be given out next, 0 for none. */
  #free: number;

  private constructor(owner: Owner, chunks: Chunk[], end: number, free: number) {
    this.#owner = owner;
    this.#chunks = chunks;
    this.#end = end;
    this.#free = free;
  }

  static empty(owner: Owner): InodeTable {
    return new InodeTable(owner, [], 1, 0);
  }

  /** A table of chunks that are full but for the last, and whose free places are a list that starts with `free`. */
  static of(owner: Owner, chunks: Chunk[], free: number): InodeTable {
    const end = CHUNK * (chunks.length - 1) + chunks[chunks.length - 1].slots.length;
    return new InodeTable(owner, chunks, end, free);
  }

  /** A table that shares everything. Both trees need a new owner. */
  fork(): InodeTable {
    return new InodeTable(this.#owner, this.#chunks, this.#end, this.#free);
  }

  /** The list of chunks: after `fork`, the first change puts another in its place. */
  get chunks(): readonly Chunk[] {
    return this.#chunks;
  }

  /** The free place to be given out next, 0 for none. */
  get free(): number {
    return this.#free;
  }

  /** The inode of a number that is in use. */
  get(ino: number): Inode {
    return this.#chunks[ino >>> CHUNK_BITS].slots[ino & (CHUNK - 1)] as Inode;
  }

  /** The inode of any number. */
  find(ino: number): Inode | undefined {
    const inode = this.#chunks[ino >>> CHUNK_BITS]?.slots[ino & (CHUNK - 1)];
    return typeof inode === 'object' ? inode : undefined;
  }

  /** The inode, for changes. */
  own(ino: number, owner: Owner): Inode {
    const inode = this.get(ino);
    if (inode.owner === owner) return inode;
    const copy = inode.copyFor(owner);
    this.#chunk(ino, owner).slots[ino & (CHUNK - 1)] = copy;
    return copy;
  }

  /** Puts a new inode at a free place. @param make is given its number */
  add(owner: Owner, make: (ino: number) => Inode): Inode {
    const ino = this.#free === 0 ? this.#end : this.#free;
    const inode = make(ino);
    const { slots } = this.#chunk(ino, owner);
    if (ino === this.#end) this.#end++;
    else this.#free = slots[ino & (CHUNK - 1)] as number;
    slots[ino & (CHUNK - 1)] = inode;
    return inode;
  }

  remove(ino: number, owner: Owner): void {
    this.#chunk(ino, owner).slots[ino & (CHUNK - 1)] = this.#free;
    this.#free = ino;
  }

  /** All inodes, in the order of their numbers. */
  *[Symbol.iterator](): Generator<Inode> {
    for (const { slots } of this.#chunks) {
      for (const inode of slots) if (typeof inode === 'object') yield inode;
    }
  }

  /** Numbers whose inode is another object than in a table from which this was forked, or that was from this. */
  *changedSince(
    before: InodeTable,
  ): Generator<readonly [ino: number, before: Inode | undefined, now: Inode | undefined]> {
    if (before.#chunks === this.#chunks) return;
    const length = Math.max(before.#chunks.length, this.#chunks.length);
    for (let at = 0; at < length; at++) {
      const [old, now] = [before.#chunks[at], this.#chunks[at]] as (Chunk | undefined)[];
      for (let n = 0; old !== now && n < CHUNK; n++) {
        const [one, other] = [old?.slots[n], now?.slots[n]];
        if (one === other || (typeof one !== 'object' && typeof other !== 'object')) continue;
        yield [
          at * CHUNK + n,
          typeof one === 'object' ? one : undefined,
          typeof other === 'object' ? other : undefined,
        ];
      }
    }
  }

  #chunk(ino: number, owner: Owner): Chunk {
    const at = ino >>> CHUNK_BITS;
    const chunk = this.#chunks[at] as Chunk | undefined;
    if (chunk?.owner === owner) return chunk;
    if (this.#owner !== owner) {
      this.#chunks = this.#chunks.slice();
      this.#owner = owner;
    }
    const slots: (Inode | number)[] = chunk ? chunk.slots.slice() : at === 0 ? [0] : [];
    return (this.#chunks[at] = { owner, slots });
  }
}
