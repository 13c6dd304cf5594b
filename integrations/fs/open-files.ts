/** The open files of a tree, by descriptor. */
import { readContent, truncateContent, writeContent } from './content.js';
import { constants, FILE_BYTES_MAX, UMASK } from './constants.js';
import { fsError, on, type Call } from './errors.js';
import type { Inode } from './inode.js';
import { inheritGroup } from './names.js';
import type { Tree } from './tree.js';
import { inoAt, walk } from './walk.js';

/** As processes have 0 to 2 open, the first number is 3. */
const FIRST = 3;
const { O_WRONLY, O_RDWR, O_CREAT, O_EXCL, O_TRUNC, O_APPEND, O_DIRECTORY, O_NOFOLLOW } = constants;

interface OpenFile {
  readonly ino: number;
  readonly readable: boolean;
  readonly writable: boolean;
  readonly append: boolean;
  /** Where the next call without a position begins. */
  position: number;
}

export class OpenFiles {
  readonly #tree: Tree;
  readonly #files: (OpenFile | undefined)[] = [];
  /** No lower descriptor is free. */
  #lowest = FIRST;

  constructor(tree: Tree) {
    this.#tree = tree;
  }

  open(path: string, flags: number, mode: number, call: Call): number {
    const ino = this.#inodeFor(path, flags, mode, call);
    const access = flags & 3;
    this.#tree.open(ino);
    while (this.#files[this.#lowest]) this.#lowest++;
    const fd = this.#lowest++;
    this.#files[fd] = {
      ino,
      readable: access !== O_WRONLY,
      writable: access === O_WRONLY || access === O_RDWR,
      append: (flags & O_APPEND) !== 0,
      position: 0,
    };
    return fd;
  }

  #inodeFor(path: string, flags: number, mode: number, call: Call): number {
    const tree = this.#tree;
    const create = (flags & O_CREAT) !== 0;
    const exclusive = create && (flags & O_EXCL) !== 0;
    const noFollow = exclusive || (flags & O_NOFOLLOW) !== 0;
    if (create && (flags & O_DIRECTORY) !== 0) throw fsError('EINVAL', call);
    const follow = noFollow ? (create ? 'never' : 'slash') : create ? 'create' : 'always';
    const place = walk(tree, path, follow, call);
    const { dir, name, slash } = place;
    if (create && slash && place.last === 'name') throw fsError('EISDIR', call);
    const ino = inoAt(place, call);
    if (ino === 0) {
      if (!create) throw fsError('ENOENT', call);
      tree.checkRoom(name, call);
      const made = tree.makeFile(mode & 0o7777 & ~UMASK);
      inheritGroup(tree, dir, made.ino);
      tree.addName(dir, name, made);
      return made.ino;
    }
    if (exclusive) throw fsError('EEXIST', call);
    const inode = tree.get(ino);
    if (inode.isLink) throw fsError((flags & O_DIRECTORY) !== 0 ? 'ENOTDIR' : 'ELOOP', call);
    const writes = (flags & 3) !== 0;
    if (inode.isDirectory) {
      if (create || writes) throw fsError('EISDIR', call);
      if ((flags & O_TRUNC) !== 0) throw fsError('EISDIR', call);
      return ino;
    }
    if (slash || (flags & O_DIRECTORY) !== 0) throw fsError('ENOTDIR', call);
    if (writes || (flags & O_TRUNC) !== 0) tree.checkWritable(call);
    if ((flags & O_TRUNC) !== 0) truncateContent(tree, ino, 0, call);
    return ino;
  }

  close(fd: number): void {
    const { ino } = this.#get(fd, on('close'));
    this.#files[fd] = undefined;
    this.#lowest = Math.min(this.#lowest, fd);
    this.#tree.close(ino);
  }

  inode(fd: number, call: Call): Inode {
    return this.#tree.get(this.#get(fd, call).ino);
  }

  #get(fd: number, call: Call): OpenFile {
    const file = this.#files[fd];
    if (!file) throw fsError('EBADF', call);
    return file;
  }

  /** @param position where to read, which then does not move; without it, where the last call ended */
  read(fd: number, out: Uint8Array, position: number | undefined): number {
    const call = on('read');
    const file = this.#get(fd, call);
    if (!file.readable) throw fsError('EBADF', call);
    const inode = this.#tree.get(file.ino);
    if (inode.isDirectory) throw fsError('EISDIR', call);
    const read = readContent(this.#tree, inode, out, position ?? file.position, call);
    if (position === undefined) file.position += read;
    return read;
  }

  /** Bytes from where the last call ended to the end of the file. */
  left(fd: number): number {
    const { ino, position, readable } = this.#get(fd, on('fstat'));
    const { isDirectory, size } = this.#tree.get(ino);
    const call = on('read');
    if (!readable) throw fsError('EBADF', call);
    if (isDirectory) throw fsError('EISDIR', call);
    return Math.max(0, size - position);
  }

  /** Reads from a file that need not be open. */
  copy(ino: number, out: Uint8Array, position: number): void {
    readContent(this.#tree, this.#tree.get(ino), out, position, on('read'));
  }

  /** @param position as for `read`; files that were opened for appending are written at their end */
  write(fd: number, bytes: Uint8Array, position: number | undefined): number {
    const call = on('write');
    const file = this.#get(fd, call);
    if (!file.writable) throw fsError('EBADF', call);
    const { size } = this.#tree.get(file.ino);
    const at = file.append ? size : (position ?? file.position);
    const written = writeContent(this.#tree, file.ino, bytes, at, call);
    if (position === undefined && written > 0) file.position = at + written;
    return written;
  }

  truncate(fd: number, size: number): void {
    const call = on('ftruncate');
    const file = this.#get(fd, call);
    if (!file.writable) throw fsError('EINVAL', call);
    if (size > FILE_BYTES_MAX) throw fsError('EFBIG', call);
    truncateContent(this.#tree, file.ino, size, call);
  }
}
