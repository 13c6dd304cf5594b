/**
 * Reads the list of inodes in a save file: record by record, each of which refers to what came before it. What a list says
 * of one thing is checked here; that all of it together is a file system, in tree-check.ts.
 */
import { ZramError } from '../../bindings/base/errors.js';
import { constants, FILE_BYTES_MAX, NAME_BYTES_MAX, PATH_BYTES_MAX, PERMISSIONS } from './constants.js';
import { Directory, Inode } from './inode.js';
import { CHUNK, type Chunk } from './inode-table.js';
import type { Owner } from './owner.js';
import { FILE_PAGES_MAX, PageMap, RUN_BYTES } from './page-map.js';
import { SavedBytesReader } from './saved-bytes.js';
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
import { isEntryName, utf8Length } from './text.js';
import { nearestTime } from './times.js';
import { INODE_BYTES, NAME_BYTES, type SavedTree } from './tree.js';
import type { Turns } from './turns.js';

const UINT32_MAX = 2 ** 32 - 1;
/** Names between two looks at the clock. */
const STEP = 256;

export class InodeReader {
  readonly #in: SavedBytesReader;
  readonly #turns: Turns;
  /** What a list makes belongs to no tree, so each copies before it changes something. */
  readonly owner: Owner = {};
  readonly #contents: Inode['content'][] = [];
  readonly #inodes: Inode[] = [];
  readonly #blocks: { n: number; chunk: Chunk }[] = [];
  readonly #trees: SavedTree[] = [];
  /** Estimated bytes of JavaScript memory that may still be taken. */
  #room: number;
  #steps = 0;

  /** @param room estimated bytes of JavaScript memory that may be taken */
  constructor(bytes: Uint8Array, turns: Turns, room: number) {
    this.#in = new SavedBytesReader(bytes);
    this.#turns = turns;
    this.#room = room;
  }

  /** @throws ZramError EINVAL: not a list, one of another version, or a damaged one; ENOMEM: no room */
  async read(trees: number): Promise<readonly SavedTree[]> {
    const { length } = SAVED_MAGIC;
    const magic = this.#in.left < length ? undefined : this.#in.bytes(length);
    if (!magic || SAVED_MAGIC.some((byte, n) => byte !== magic[n] && n < 6)) throw noList();
    if (magic[6] !== SAVED_MAGIC[6] || magic[7] !== SAVED_MAGIC[7]) {
      const version = magic[6] + 256 * magic[7];
      throw new ZramError(
        'EINVAL',
        `the save file’s list of inodes has version ${version}: use a release that reads it.`,
      );
    }
    const count = this.#in.number('the number of file systems');
    if (count !== trees) throw this.#in.wrong(`it has ${count} file systems, and the file ${trees} devices`);
    for (;;) {
      if (++this.#steps % STEP === 0 && this.#turns.due) await this.#turns.take();
      const kind = this.#in.number('the kind of a record');
      if (kind === RECORD_END) break;
      if (kind === RECORD_PAGES) this.#contents.push(await this.#pages());
      else if (kind === RECORD_NAMES) this.#contents.push(await this.#names());
      else if (kind === RECORD_TARGET) this.#contents.push(this.#target());
      else if (kind === RECORD_INODE) this.#inodes.push(this.#inode());
      else if (kind === RECORD_BLOCK) this.#blocks.push(this.#block());
      else if (kind === RECORD_FILES) this.#trees.push(await this.#tree());
      else throw this.#in.wrong(`it has a record of the unknown kind ${kind}`);
    }
    if (this.#trees.length !== trees) throw this.#in.wrong(`it has ${this.#trees.length} of ${trees} file systems`);
    if (!this.#in.atEnd) throw this.#in.wrong('something follows its end');
    return this.#trees;
  }

  #take(bytes: number): void {
    this.#room -= bytes;
    if (this.#room < 0) throw noRoom();
  }

  /** A count of entries, each of which takes at least so many bytes. */
  #count(what: string, bytes: number): number {
    const count = this.#in.number(what);
    if (count * bytes > this.#in.left) throw this.#in.wrong(`${what} is ${count}, for which it is too short`);
    return count;
  }

  /** Something that came before, by how far back it is. */
  #back<T>(list: readonly T[], what: string): T {
    const distance = this.#in.number(what);
    const found = distance === 0 ? undefined : list[list.length - distance];
    if (found === undefined) throw this.#in.wrong(`${what} is ${distance} back, which is nothing`);
    return found;
  }

  async #pages(): Promise<PageMap> {
    const count = this.#count('the number of runs', 3);
    this.#take(RUN_BYTES * count);
    const runs: number[] = [];
    let end = 0;
    for (let n = 0; n < count; n++) {
      if (++this.#steps % STEP === 0 && this.#turns.due) await this.#turns.take();
      const page = end + this.#in.number('a page');
      const device = this.#in.number('a page of the device');
      const length = this.#in.number('the length of a run');
      end = page + length;
      if (length === 0 || end > FILE_PAGES_MAX || device + length > FILE_PAGES_MAX) {
        throw this.#in.wrong('a run of pages is empty, or beyond the greatest size');
      }
      runs.push(page, device, length);
    }
    return PageMap.of(this.owner, runs);
  }

  async #names(): Promise<Directory> {
    const parent = this.#in.number('the parent of a directory', UINT32_MAX);
    const count = this.#count('the number of names', 3);
    this.#take(NAME_BYTES * count);
    const names = new Map<string, number>();
    for (let n = 0; n < count; n++) {
      if (++this.#steps % STEP === 0 && this.#turns.due) await this.#turns.take();
      const name = this.#in.text('a name', NAME_BYTES_MAX);
      if (!isEntryName(name)) {
        throw this.#in.wrong('a name is empty, a dot or two, or has a slash or a NUL in it');
      }
      if (names.has(name)) throw this.#in.wrong('a name comes twice in its directory');
      this.#take(2 * name.length);
      names.set(name, this.#in.number('an inode', UINT32_MAX));
    }
    return new Directory(this.owner, names, parent);
  }

  #target(): string {
    const target = this.#in.text('the target of a link', PATH_BYTES_MAX);
    if (target === '' || target.includes('\0'))
      throw this.#in.wrong('the target of a link is empty, or has a NUL in it');
    this.#take(2 * target.length);
    return target;
  }

  #inode(): Inode {
    const ino = this.#in.number('the number of an inode', UINT32_MAX);
    if (ino === 0) throw this.#in.wrong('an inode has the number 0');
    const mode = this.#in.number('a mode', constants.S_IFMT | PERMISSIONS);
    const uid = this.#in.number('a user', UINT32_MAX);
    const gid = this.#in.number('a group', UINT32_MAX);
    const nlink = this.#in.number('a number of names', UINT32_MAX);
    const content = this.#back(this.#contents, 'the content of an inode');
    this.#take(INODE_BYTES);
    const inode = new Inode(this.owner, ino, mode, content, 0);
    const right =
      (inode.isFile && content instanceof PageMap) ||
      (inode.isDirectory && content instanceof Directory) ||
      (inode.isLink && typeof content === 'string');
    if (!right) throw this.#in.wrong('the mode of an inode does not fit its content');
    if (inode.isFile) inode.size = this.#in.number('the size of a file', FILE_BYTES_MAX);
    else if (inode.isLink) inode.size = utf8Length(content as string);
    Object.assign(inode, { uid, gid, nlink });
    this.#times(inode);
    return inode;
  }

  #times(inode: Inode): void {
    const differs = this.#in.number('the times that differ', 2 ** LATER_TIMES.length - 1);
    let time = nearestTime(this.#in.float());
    inode.birthtime = time;
    for (const [n, name] of LATER_TIMES.entries()) {
      if ((differs & (1 << n)) !== 0) time = nearestTime(this.#in.float());
      inode[name] = time;
    }
  }

  #block(): { n: number; chunk: Chunk } {
    const n = this.#in.number('the number of a block', UINT32_MAX);
    const count = this.#in.number('the places of a block', CHUNK);
    const slots: (Inode | number)[] = [];
    this.#take(8 * count);
    for (let slot = 0; slot < count; slot++) {
      const distance = this.#in.number('a place');
      if (distance === 0) {
        slots.push(this.#in.number('a free place', UINT32_MAX));
        continue;
      }
      const inode = this.#inodes[this.#inodes.length - distance] as Inode | undefined;
      if (inode?.ino !== CHUNK * n + slot)
        throw this.#in.wrong('a place refers to no inode, or to that of another place');
      slots.push(inode);
    }
    if (count === 0) throw this.#in.wrong('a block is empty');
    return { n, chunk: { owner: this.owner, slots } };
  }

  async #tree(): Promise<SavedTree> {
    const frozen = this.#in.number('what a file system is', 1) === 1;
    const free = this.#in.number('a free place', UINT32_MAX);
    const count = this.#count('the number of blocks', 1);
    this.#take(8 * count);
    const chunks: Chunk[] = [];
    for (let at = 0; at < count; at++) {
      if (++this.#steps % STEP === 0 && this.#turns.due) await this.#turns.take();
      const { n, chunk } = this.#back(this.#blocks, 'a block');
      const full = chunk.slots.length === CHUNK || at === count - 1;
      if (n !== at || !full) throw this.#in.wrong(`block ${n} is not at its place, or not full`);
      chunks.push(chunk);
    }
    return { frozen, chunks, free };
  }
}

/** A file that `Zram.save` wrote. */
export function noList(): ZramError {
  return new ZramError('EINVAL', 'the save file has devices, and no file systems: use Zram.loadAll.');
}

export function noRoom(): ZramError {
  return new ZramError('ENOMEM', 'the names and inodes of the save file take more than maxMetadata.');
}
