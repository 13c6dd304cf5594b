/** An open file of the promises API, as Node's `FileHandle`. */
import { checkOptions, type Data, type Mode, type TimeLike } from './arguments.js';
import type { ReadFileOptions, ReadWriteOptions, WriteFileOptions } from './data-calls.js';
import { fsError, on, withCode, wrongType } from './errors.js';
import type { StatOptions } from './inode-calls.js';
import type { BigIntStats, Stats } from './stats.js';
import { asBuffer, type Encoding } from './text.js';
import type { TreeCalls } from './tree-calls.js';

/** Bytes that are read if no array is given, as in Node. */
const READ_BYTES = 16_384;

/** What this needs of an `AbortSignal`. */
export interface SignalLike {
  /** Whether the call is to end. */
  readonly aborted: boolean;
  /** Why. */
  readonly reason?: unknown;
}

/** An option of calls that read or write whole files. */
export interface Abortable {
  /** Ends the call, before it begins or between two pieces, with an `AbortError`. */
  signal?: SignalLike | undefined;
}

/** Data, or their pieces: an array, a generator, a stream. */
export type DataOrPieces = Data | Iterable<Data> | AsyncIterable<Data>;

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

/** @throws AbortError: the signal says so; TypeError: it is no signal */
export function checkAborted(options: unknown): void {
  if (typeof options !== 'object' || options === null) return;
  const { signal } = options as Abortable;
  if (signal === undefined) return;
  if (typeof signal !== 'object' || signal === null || !('aborted' in signal)) {
    throw wrongType('options.signal', 'an instance of AbortSignal', signal);
  }
  if (!signal.aborted) return;
  const error = withCode(new Error('The operation was aborted', { cause: signal.reason }), 'ABORT_ERR');
  throw Object.assign(error, { name: 'AbortError' });
}

export function isPieces(data: DataOrPieces): data is Iterable<Data> | AsyncIterable<Data> {
  if (typeof data !== 'object' || data === null || ArrayBuffer.isView(data)) return false;
  return Symbol.asyncIterator in data || Symbol.iterator in data;
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
    checkOptions(first ?? {});
    const { buffer = asBuffer(new Uint8Array(READ_BYTES)), ...options } = first ?? {};
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
  readFile(options?: null | ({ encoding?: null | 'buffer' } & Abortable)): Promise<Uint8Array<ArrayBuffer>>;
  readFile(options: Encoding | ({ encoding: Encoding } & Abortable)): Promise<string>;
  async readFile(options?: Encoding | (ReadFileOptions & Abortable) | null): Promise<string | Uint8Array<ArrayBuffer>> {
    checkAborted(options);
    return this.#fs.readFileSync(this.open('read'), options);
  }

  /** As `writeFileSync`, where the last call ended. Pieces are written as they come. */
  async writeFile(data: DataOrPieces, options?: Encoding | (WriteFileOptions & Abortable) | null): Promise<void> {
    checkAborted(options);
    const fd = this.open('write');
    if (!isPieces(data)) {
      this.#fs.writeFileSync(fd, data, options);
      return;
    }
    for await (const piece of data) {
      checkAborted(options);
      this.#fs.writeFileSync(this.open('write'), piece, options);
    }
  }

  /** The same as `writeFile`, as in Node: at the end of the file only if it was opened so. */
  appendFile(data: DataOrPieces, options?: Encoding | (WriteFileOptions & Abortable) | null): Promise<void> {
    return this.writeFile(data, options);
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
