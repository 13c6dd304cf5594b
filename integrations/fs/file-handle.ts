/** An open file of the promises API, as Node's `FileHandle`. */
import type { Data, Mode, TimeLike } from './arguments.js';
import type { ReadFileOptions, ReadWriteOptions, WriteFileOptions } from './data-calls.js';
import { fsError, on } from './errors.js';
import type { StatOptions } from './inode-calls.js';
import type { BigIntStats, Stats } from './stats.js';
import type { Encoding } from './text.js';
import type { TreeCalls } from './tree-calls.js';

/** Bytes that are read if no array is given, as in Node. */
const READ_BYTES = 16_384;

/** What `FileHandle.read` is given. */
export interface HandleReadOptions<T extends ArrayBufferView = ArrayBufferView> extends ReadWriteOptions {
  /** The array to read into. Default: a new one of 16 KiB. */
  buffer?: T | undefined;
}

/** What `FileHandle.read` gives. */
export interface ReadResult<T> {
  /** Number of bytes; 0 at the end of the file. */
  bytesRead: number;
  /** The array that was read into. */
  buffer: T;
}

/** What `FileHandle.write` gives. */
export interface WriteResult<T> {
  /** Number of bytes. */
  bytesWritten: number;
  /** What was given to be written. */
  buffer: T;
}

/** What `FileHandle.readv` gives. */
export interface ReadResultOfAll<T> {
  /** Number of bytes in all arrays. */
  bytesRead: number;
  /** The arrays that were read into. */
  buffers: T;
}

/** What `FileHandle.writev` gives. */
export interface WriteResultOfAll<T> {
  /** Number of bytes of all arrays. */
  bytesWritten: number;
  /** The arrays that were given. */
  buffers: T;
}

/** An open file: as Node's `FileHandle`. Calls are done when their promise is returned; reading its result waits. */
export class FileHandle {
  #fd: number;
  readonly #fs: TreeCalls;

  /** @internal Made by `promises.open`. */
  constructor(fs: TreeCalls, fd: number) {
    this.#fs = fs;
    this.#fd = fd;
  }

  /** The descriptor; -1 when it is closed. */
  get fd(): number {
    return this.#fd;
  }

  /** @internal @throws FsError EBADF: closed */
  open(syscall: string): number {
    if (this.#fd < 0) throw fsError('EBADF', on(syscall));
    return this.#fd;
  }

  /** As `readSync`. */
  read<T extends ArrayBufferView>(
    buffer: T,
    offset?: number | null,
    length?: number | null,
    position?: number | bigint | null,
  ): Promise<ReadResult<T>>;
  read<T extends ArrayBufferView = Uint8Array>(options?: HandleReadOptions<T>): Promise<ReadResult<T>>;
  async read(
    first?: ArrayBufferView | HandleReadOptions,
    offset?: number | ReadWriteOptions | null,
    length?: number | null,
    position?: number | bigint | null,
  ): Promise<ReadResult<ArrayBufferView>> {
    const fd = this.open('read');
    if (ArrayBuffer.isView(first)) {
      const bytesRead = this.#fs.readSync(fd, first, offset as number, length, position);
      return { bytesRead, buffer: first };
    }
    const { buffer = new Uint8Array(READ_BYTES), ...options } = first ?? {};
    return { bytesRead: this.#fs.readSync(fd, buffer, options), buffer };
  }

  /** As `writeSync`. */
  write<T extends ArrayBufferView>(
    buffer: T,
    offset?: number | ReadWriteOptions | null,
    length?: number | null,
    position?: number | null,
  ): Promise<WriteResult<T>>;
  write(text: string, position?: number | null, encoding?: Encoding | null): Promise<WriteResult<string>>;
  async write<T extends Data>(
    buffer: T,
    offset?: number | ReadWriteOptions | null,
    length?: number | Encoding | null,
    position?: number | null,
  ): Promise<WriteResult<T>> {
    const fd = this.open('write');
    const bytesWritten = this.#fs.writeSync(fd, buffer as never, offset as never, length as never, position);
    return { bytesWritten, buffer };
  }

  /** As `readvSync`. */
  async readv<T extends readonly ArrayBufferView[]>(buffers: T, position?: number | null): Promise<ReadResultOfAll<T>> {
    return { bytesRead: this.#fs.readvSync(this.open('read'), buffers, position), buffers };
  }

  /** As `writevSync`. */
  async writev<T extends readonly ArrayBufferView[]>(
    buffers: T,
    position?: number | null,
  ): Promise<WriteResultOfAll<T>> {
    return { bytesWritten: this.#fs.writevSync(this.open('write'), buffers, position), buffers };
  }

  /** As `readFileSync`, from where the last call ended. */
  readFile(options?: null | { encoding?: null | 'buffer' }): Promise<Uint8Array<ArrayBuffer>>;
  readFile(options: Encoding | { encoding: Encoding }): Promise<string>;
  async readFile(options?: Encoding | ReadFileOptions | null): Promise<string | Uint8Array<ArrayBuffer>> {
    return this.#fs.readFileSync(this.open('read'), options);
  }

  /** As `writeFileSync`, where the last call ended. */
  async writeFile(data: Data, options?: Encoding | WriteFileOptions | null): Promise<void> {
    this.#fs.writeFileSync(this.open('write'), data, options);
  }

  /** As `appendFileSync`. */
  async appendFile(data: Data, options?: Encoding | WriteFileOptions | null): Promise<void> {
    this.#fs.appendFileSync(this.open('write'), data, options);
  }

  /** As `fstatSync`. */
  stat(options: StatOptions & { bigint: true }): Promise<BigIntStats>;
  stat(options?: StatOptions & { bigint?: false }): Promise<Stats>;
  async stat(options?: StatOptions): Promise<Stats | BigIntStats> {
    return this.#fs.fstatSync(this.open('fstat'), options);
  }

  /** As `ftruncateSync`. */
  async truncate(length?: number | null): Promise<void> {
    this.#fs.ftruncateSync(this.open('ftruncate'), length);
  }

  /** As `fchmodSync`. */
  async chmod(mode: Mode): Promise<void> {
    this.#fs.fchmodSync(this.open('fchmod'), mode);
  }

  /** As `fchownSync`. */
  async chown(uid: number, gid: number): Promise<void> {
    this.#fs.fchownSync(this.open('fchown'), uid, gid);
  }

  /** As `futimesSync`. */
  async utimes(atime: TimeLike, mtime: TimeLike): Promise<void> {
    this.#fs.futimesSync(this.open('futime'), atime, mtime);
  }

  /** As `fsyncSync`. */
  async sync(): Promise<void> {
    this.#fs.fsyncSync(this.open('fsync'));
  }

  /** As `fdatasyncSync`. */
  async datasync(): Promise<void> {
    this.#fs.fdatasyncSync(this.open('fdatasync'));
  }

  /** Closes the file. Closing it again does nothing, as in Node. */
  async close(): Promise<void> {
    if (this.#fd < 0) return;
    const fd = this.#fd;
    this.#fd = -1;
    this.#fs.closeSync(fd);
  }

  /** The same as `close()`, for `await using`. */
  async [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}
