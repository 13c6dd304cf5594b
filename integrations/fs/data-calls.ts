/** Calls that open files, read and write them. */
import {
  bytesOf,
  dataOf,
  fdOf,
  flagsOf,
  integer,
  modeOf,
  optionsOf,
  pathOf,
  positionOf,
  type Data,
  type Mode,
  type PathLike,
} from './arguments.js';
import { constants, PAGE_SIZE, PERMISSIONS } from './constants.js';
import { asFsError, fsError, on, outOfRange, wrongType, type FsErrorCode } from './errors.js';
import { changeMode, unlink } from './names.js';
import { NameCalls } from './name-calls.js';
import { FILES, TREE } from './state.js';
import { asBuffer, decode, type Encoding } from './text.js';
import { find } from './walk.js';

/** Options of `readFileSync`. */
export interface ReadFileOptions {
  /** Return text; without it, bytes. */
  encoding?: Encoding | 'buffer' | null | undefined;
  /** How the file is opened. Default: `r`. */
  flag?: string | number | undefined;
}

/** Options of `writeFileSync` and `appendFileSync`. */
export interface WriteFileOptions {
  /** Of text. Default: utf8. */
  encoding?: Encoding | null | undefined;
  /** Permissions of a new file, less 0o022. Default: 0o666. */
  mode?: Mode | undefined;
  /** How the file is opened. Default: `w`, and `a` for `appendFileSync`. */
  flag?: string | number | undefined;
  /** Accepted, as Node has it: everything is in memory. */
  flush?: boolean | undefined;
}

/** Options of `readSync` and `writeSync`. */
export interface ReadWriteOptions {
  /** The first byte of the array. Default: 0. */
  offset?: number | null | undefined;
  /** Number of bytes. Default: all from `offset` on. */
  length?: number | null | undefined;
  /** The first byte of the file. Default, and with null: where the last call ended. */
  position?: number | bigint | null | undefined;
}

/** Where a file is: its path, or the number of an open file. */
export type FileLike = PathLike | number;

/** The most bytes that an array holds anywhere. */
const ARRAY_BYTES_MAX = 2 ** 32;
/** Bytes that `copyFileSync` reads at a time. */
const COPY_BYTES = 256 * 1024;

/** Calls that open files, read and write them. */
export abstract class DataCalls extends NameCalls {
  /**
   * Opens a file.
   * @param flags as Node's: `r`, `r+`, `w`, `wx`, `a` and so on, or numbers of `constants`. Default: `r`
   * @param mode permissions of a new file, less 0o022. Default: 0o666
   * @returns its descriptor, the lowest that is free
   */
  openSync(path: PathLike, flags?: string | number | null, mode?: Mode | null): number {
    const text = pathOf(path, 'open');
    return this[FILES].open(text, flagsOf(flags, 'r'), modeOf(mode, 0o666), on('open', text));
  }

  /** Closes a file. What has no name any more then goes. */
  closeSync(fd: number): void {
    this[FILES].close(fdOf(fd));
  }

  /**
   * Reads from an open file.
   * @param position where; without it, where the last call ended
   * @returns the number of bytes; 0 at the end of the file
   */
  readSync(
    fd: number,
    buffer: ArrayBufferView,
    offset: number | null | undefined,
    length: number | null | undefined,
    position?: number | bigint | null,
  ): number;
  readSync(fd: number, buffer: ArrayBufferView, options?: ReadWriteOptions | null): number;
  readSync(
    fd: number,
    buffer: ArrayBufferView,
    offset?: number | ReadWriteOptions | null,
    length?: number | null,
    position?: number | bigint | null,
  ): number {
    const number = fdOf(fd);
    const [part, at] = partOf(buffer, offset, length, position);
    return part.length === 0 ? 0 : this[FILES].read(number, part, at); // as in Node, even if nothing is open
  }

  /**
   * Writes bytes or text to an open file.
   * @returns the number of bytes: fewer when memory ends in between
   * @throws FsError ENOSPC: there is no memory for any, and nothing has changed
   */
  writeSync(
    fd: number,
    buffer: ArrayBufferView,
    offset?: number | null,
    length?: number | null,
    position?: number | bigint | null,
  ): number;
  writeSync(fd: number, buffer: ArrayBufferView, options: ReadWriteOptions): number;
  writeSync(fd: number, text: string, position?: number | bigint | null, encoding?: Encoding | null): number;
  writeSync(
    fd: number,
    data: Data,
    offset?: number | bigint | ReadWriteOptions | null,
    length?: number | Encoding | null,
    position?: number | bigint | null,
  ): number {
    const number = fdOf(fd);
    if (typeof data === 'string') {
      const bytes = dataOf(data, length as Encoding | null | undefined);
      return this[FILES].write(number, bytes, positionOf(offset));
    }
    if (!ArrayBuffer.isView(data)) {
      throw wrongType('buffer', 'of type string or an instance of Buffer, TypedArray, or DataView', data);
    }
    const [part, at] = partOf(data, offset as number | ReadWriteOptions, length as number, position);
    return this[FILES].write(number, part, at);
  }

  /** Reads into several arrays, one after the other. Returns the number of bytes. */
  readvSync(fd: number, buffers: readonly ArrayBufferView[], position?: number | null): number {
    return this.#each(fd, buffers, position, (part, at) => this[FILES].read(fd, part, at));
  }

  /** Writes several arrays, one after the other. Returns the number of bytes. */
  writevSync(fd: number, buffers: readonly ArrayBufferView[], position?: number | null): number {
    return this.#each(fd, buffers, position, (part, at) => this[FILES].write(fd, part, at));
  }

  #each(
    fd: number,
    buffers: readonly ArrayBufferView[],
    position: number | null | undefined,
    one: (part: Uint8Array, at: number | undefined) => number,
  ): number {
    fdOf(fd);
    if (!Array.isArray(buffers)) throw wrongType('buffers', 'an instance of ArrayBufferView[]', buffers);
    const parts = buffers.map((buffer: unknown) => bytesOf(buffer, 'buffers'));
    const first = typeof position === 'number' && position >= 0 ? position : undefined;
    let done = 0;
    for (const part of parts) {
      let count: number;
      try {
        count = one(part, first === undefined ? undefined : first + done);
      } catch (error) {
        if (done > 0) break; // what was done counts, as with writev
        throw error;
      }
      done += count;
      if (count < part.length) break;
    }
    return done;
  }

  /**
   * Reads a whole file, or the rest of an open one.
   * @returns text, if an encoding is given, else bytes: a `Buffer` where there is that class, a `Uint8Array` elsewhere
   */
  readFileSync(
    path: FileLike,
    options?: null | { encoding?: null | 'buffer'; flag?: string | number },
  ): Uint8Array<ArrayBuffer>;
  readFileSync(path: FileLike, options: Encoding | { encoding: Encoding; flag?: string | number }): string;
  readFileSync(path: FileLike, options?: Encoding | ReadFileOptions | null): string | Uint8Array<ArrayBuffer>;
  readFileSync(path: FileLike, options?: Encoding | ReadFileOptions | null): string | Uint8Array<ArrayBuffer> {
    const { encoding, flag } = optionsOf<ReadFileOptions>(options, {});
    const fd = typeof path === 'number' ? fdOf(path) : this.openSync(path, flag ?? 'r');
    try {
      const bytes = this.#readRest(fd);
      return encoding && encoding !== 'buffer' ? decode(bytes, encoding) : asBuffer(bytes);
    } finally {
      if (typeof path !== 'number') this.closeSync(fd);
    }
  }

  #readRest(fd: number): Uint8Array<ArrayBuffer> {
    const files = this[FILES];
    const left = files.left(fd);
    if (left > ARRAY_BYTES_MAX) {
      const text = `File size (${left}) is greater than 4 GiB`;
      throw Object.assign(new RangeError(text), { code: 'ERR_FS_FILE_TOO_LARGE' });
    }
    const bytes = new Uint8Array(left);
    const read = files.read(fd, bytes, undefined);
    return read === left ? bytes : bytes.subarray(0, read);
  }

  /**
   * Writes a whole file, or to an open one where the last call ended. A file that is there is cut first, so when memory
   * ends it holds the first part of the new content, as on disks.
   * @throws FsError ENOSPC: memory ended
   */
  writeFileSync(file: FileLike, data: Data, options?: Encoding | WriteFileOptions | null): void {
    this.#writeAll(file, data, options, 'w');
  }

  /** As `writeFileSync`, at the end of the file. */
  appendFileSync(file: FileLike, data: Data, options?: Encoding | WriteFileOptions | null): void {
    this.#writeAll(file, data, options, 'a');
  }

  #writeAll(
    file: FileLike,
    data: Data,
    options: Encoding | WriteFileOptions | null | undefined,
    otherwise: string,
  ): void {
    const { encoding, mode, flag } = optionsOf<WriteFileOptions>(options, {});
    const bytes = dataOf(data, encoding);
    const fd = typeof file === 'number' ? fdOf(file) : this.openSync(file, flag ?? otherwise, mode);
    try {
      for (let done = 0; done < bytes.length;) {
        done += this[FILES].write(fd, done === 0 ? bytes : bytes.subarray(done), undefined);
      }
    } finally {
      if (typeof file !== 'number') this.closeSync(fd);
    }
  }

  /**
   * Copies a file's content and permissions. Holes stay holes.
   * @param mode `COPYFILE_EXCL`: `EEXIST` if the destination is there
   */
  copyFileSync(src: PathLike, dest: PathLike, mode = 0): void {
    const [from, to] = [pathOf(src, 'copyfile', 'src'), pathOf(dest, 'copyfile', 'dest')];
    integer(mode, 'mode', 0, 7);
    const call = on('copyfile', from, to);
    const tree = this[TREE];
    const inode = find(tree, from, 'always', call);
    const { O_WRONLY, O_CREAT, O_EXCL } = constants;
    const excl = (mode & constants.COPYFILE_EXCL) !== 0 ? O_EXCL : 0;
    const files = this[FILES];
    const fd = files.open(to, O_WRONLY | O_CREAT | excl, inode.mode & PERMISSIONS, call);
    try {
      const { ino } = files.inode(fd, call);
      if (ino === inode.ino) return;
      files.truncate(fd, 0);
      changeMode(tree, ino, inode.mode, call);
      if (inode.isDirectory) throw fsError('EISDIR', call);
      this.#copyContent(inode.ino, fd);
    } catch (error) {
      unlink(tree, to, call); // as libuv does: half a copy is none
      const { code } = asFsError(error, call) as { code?: FsErrorCode };
      throw fsError(code ?? 'EIO', call);
    } finally {
      files.close(fd);
    }
  }

  #copyContent(ino: number, fd: number): void {
    const tree = this[TREE];
    const { size, map } = tree.get(ino);
    const buffer = new Uint8Array(Math.min(size, COPY_BYTES));
    const files = this[FILES];
    for (const [page, , count] of map) {
      const end = Math.min(size, (page + count) * PAGE_SIZE);
      for (let at = page * PAGE_SIZE; at < end; at += buffer.length) {
        const part = buffer.subarray(0, Math.min(buffer.length, end - at));
        files.copy(ino, part, at);
        for (let done = 0; done < part.length;) done += files.write(fd, part.subarray(done), at + done);
      }
    }
    files.truncate(fd, size);
  }
}

/** The part of an array that a call reads into or writes, and the position in the file. */
function partOf(
  buffer: unknown,
  offsetOrOptions: number | ReadWriteOptions | null | undefined,
  length: number | null | undefined,
  position: number | bigint | null | undefined,
): [part: Uint8Array, position: number | undefined] {
  const bytes = bytesOf(buffer, 'buffer');
  let offset = offsetOrOptions;
  if (typeof offset === 'object' && offset !== null) ({ offset, length, position } = offset);
  const at = positionOf(position);
  if ((offset === undefined || offset === null || offset === 0) && (length === undefined || length === null)) {
    return [bytes, at];
  }
  const from = integer(offset ?? 0, 'offset', 0, Number.MAX_SAFE_INTEGER);
  if (from > bytes.length) throw outOfRange('offset', `>= 0 && <= ${bytes.length}`, from);
  const count = integer(length ?? bytes.length - from, 'length', -(2 ** 31), 2 ** 31 - 1);
  if (count < 0) throw outOfRange('length', '>= 0', count);
  if (count > bytes.length - from) throw outOfRange('length', `<= ${bytes.length - from}`, count);
  return [from === 0 && count === bytes.length ? bytes : bytes.subarray(from, from + count), at];
}
