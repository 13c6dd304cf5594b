/** Makes the files of a store in an empty tree. */
import { FILE_BYTES_MAX, NAME_BYTES_MAX, PAGE_SIZE, PATH_BYTES_MAX, PERMISSIONS } from '../fs/constants.js';
import { on } from '../fs/errors.js';
import type { Inode } from '../fs/inode.js';
import { isEntryName, utf8Length } from '../fs/text.js';
import { ROOT, type Tree } from '../fs/tree.js';
import { ZramError } from '../../bindings/base/errors.js';
import type { Blocks } from './blocks.js';
import type { Codec } from './codec.js';
import { crc32 } from './crc32.js';
import { damaged } from './encoding.js';
import type { StoreFile } from './file.js';
import { isDirectory, isFile, type Content, type StoredInode } from './records.js';
import { UNIT } from './space.js';
import type { StoredFile } from './transaction.js';

/** The root's number in a store. */
export const ROOT_ID = 1;
/** Bytes that are read at once, at most; blocks further apart than the second are read by themselves. */
const READ_BYTES = 2 ** 19;
const GAP_BYTES_MAX = 2 ** 14;
/** Pages that are sorted at once: with the place of its block, the number of one fits a double. */
const SORTED_MAX = 2 ** 21;
const CALL = on('open');

/** Makes the inodes. Returns the number of each in the store by that in the tree. */
export function makeInodes(content: Content, tree: Tree): Map<number, number> {
  const { inodes } = content;
  const root = inodes.get(ROOT_ID);
  if (!root || !isDirectory(root)) throw damaged('it has no root directory');
  const inos = new Map([[ROOT_ID, ROOT]]);
  const directories = [root];
  for (const directory of directories) {
    const parent = inos.get(directory.id) as number;
    for (const [name, id] of directory.names ?? []) {
      const stored = inodes.get(id);
      if (!stored) throw damaged(`'${name}' names nothing`);
      checkName(name, tree.get(parent));
      tree.checkRoom(name + (stored.target ?? ''), CALL);
      const known = inos.get(id);
      if (known !== undefined && isDirectory(stored)) throw damaged('a directory has two names');
      const inode = known === undefined ? make(tree, stored, parent) : tree.get(known);
      inos.set(id, inode.ino);
      tree.addName(parent, name, inode);
      if (isDirectory(stored)) directories.push(stored);
    }
  }
  if (inos.size !== inodes.size) throw damaged('there is an inode without a name');
  // Last, since to give names changes times.
  for (const [id, ino] of inos) setProperties(tree.own(ino), inodes.get(id) as StoredInode);
  return new Map([...inos].map(([id, ino]) => [ino, id]));
}

function checkName(name: string, { directory }: Inode): void {
  if (!isEntryName(name) || utf8Length(name) > NAME_BYTES_MAX) throw damaged('there is a name that none can have');
  if (directory.names.has(name)) throw damaged('a name is there twice');
}

function make(tree: Tree, stored: StoredInode, parent: number): Inode {
  const permissions = stored.mode & PERMISSIONS;
  if (isDirectory(stored)) return tree.makeDirectory(permissions, parent);
  if (stored.target === undefined) return tree.makeFile(permissions);
  const length = utf8Length(stored.target);
  if (length === 0 || length > PATH_BYTES_MAX) throw damaged('a symbolic link has no target that one can have');
  return tree.makeLink(stored.target, length);
}

function setProperties(inode: Inode, { mode, uid, gid, times }: StoredInode): void {
  inode.mode = mode;
  inode.uid = uid;
  inode.gid = gid;
  [inode.atime, inode.mtime, inode.ctime, inode.birthtime] = times;
}

/**
 * Reads all pages.
 * @throws ZramError EIO: one is damaged; ENOMEM; FsError ENOSPC: there are more than `maxMetadata` allows
 */
export class PageLoader {
  /** Pages of the device and their blocks. */
  readonly #devices: number[] = [];
  readonly #blocks: number[] = [];

  constructor(
    private readonly tree: Tree,
    private readonly blocks: Blocks,
    private readonly file: StoreFile,
    private readonly codec: Codec,
  ) {}

  /** Gives the pages of a file their places. */
  place(ino: number, stored: StoredInode, { index }: StoredFile): void {
    if (!isFile(stored)) return;
    const { tree } = this;
    const inode = tree.own(ino);
    if (stored.size > FILE_BYTES_MAX) throw damaged('a file is larger than one can be');
    const end = Math.ceil(stored.size / PAGE_SIZE);
    for (const [first, count] of index.runs()) {
      if (first + count > end) throw damaged('a file has pages behind its end');
      if (tree.mapPages(inode.map, first, count) < count) throw noRoom();
      for (let page = first; page < first + count; page++) {
        this.#devices.push(inode.map.at(page).device);
        this.#blocks.push(index.get(page));
      }
    }
    tree.resize(inode, stored.size);
  }

  /** Reads them in the order of the file. */
  load(): void {
    for (let from = 0; from < this.#devices.length; from += SORTED_MAX) this.#loadSome(from);
  }

  #loadSome(from: number): void {
    const { blocks } = this;
    const count = Math.min(SORTED_MAX, this.#devices.length - from);
    const order = new Float64Array(count);
    for (let n = 0; n < count; n++) order[n] = blocks.unit[this.#blocks[from + n]] * SORTED_MAX + n;
    order.sort();
    const numberAt = (n: number): number => from + (order[n] % SORTED_MAX);
    const buffer = new Uint8Array(READ_BYTES);
    for (let n = 0; n < count;) {
      const start = blocks.unit[this.#blocks[numberAt(n)]] * UNIT;
      let [stop, end] = [n, start];
      for (; stop < count; stop++) {
        const block = this.#blocks[numberAt(stop)];
        const [at, length] = [blocks.unit[block] * UNIT, blocks.length[block]];
        if (at > end + GAP_BYTES_MAX || at + length - start > READ_BYTES) break;
        end = Math.max(end, at + length);
      }
      const bytes = buffer.subarray(0, end - start);
      if (this.file.read(bytes, start) < bytes.length) throw damaged('it ends before its pages do');
      for (; n < stop; n++) this.#store(numberAt(n), bytes, start);
    }
  }

  #store(number: number, bytes: Uint8Array, start: number): void {
    const { blocks } = this;
    const block = this.#blocks[number];
    const at = blocks.unit[block] * UNIT - start;
    const found = bytes.subarray(at, at + blocks.length[block]);
    if (crc32(found) !== blocks.crc[block]) throw damaged('a page is not what was written');
    this.codec.store(this.#devices[number], found);
  }
}

function noRoom(): ZramError {
  return new ZramError('ENOMEM', 'maxMetadata is too small for the files of the store.');
}
