/**
 * Bytes of a dump by their offset: of a file, or of a pipe that is held compressed until all of it is there. Formats
 * refer back and forth in their files, and what is wrong in them is to be told before the first page is stored.
 */
import { open, type FileHandle } from 'node:fs/promises';

import { ZramError, type Engine, type Zram, type ZsPool } from '../../bindings/index.js';
import { CliError, reasonOf } from '../errors.js';
import { mebibytes } from '../format.js';
import { nonZeroPages } from '../held-pages.js';
import { readFully, type Input } from '../inputs.js';
import { PAGE_BYTES } from '../page-list.js';

/** What can be read at any place, again and again. */
export interface Source {
  readonly name: string;
  /** Its length; undefined where it is not known: devices and files of /proc say 0 or 2^47. */
  readonly bytes: number | undefined;
  /** Fills `out` from `offset` on; a short count means the end. */
  read(offset: number, out: Uint8Array): Promise<number>;
  close(): Promise<void>;
}

/** A file or block device. It is opened when it is read, and may be after it was closed, so that any number can be named. */
export class FileSource implements Source {
  #handle: FileHandle | undefined;

  constructor(
    readonly path: string,
    readonly name: string,
    readonly bytes: number | undefined,
  ) {}

  async read(offset: number, out: Uint8Array): Promise<number> {
    const wanted = Math.max(0, Math.min(out.length, (this.bytes ?? Infinity) - offset));
    try {
      this.#handle ??= await open(this.path);
      let filled = 0;
      while (filled < wanted) {
        const { bytesRead } = await this.#handle.read(out, filled, wanted - filled, offset + filled);
        if (bytesRead === 0) break;
        filled += bytesRead;
      }
      if (filled < wanted && this.bytes !== undefined) throw new Error('it shrank meanwhile');
      return filled;
    } catch (error) {
      throw new CliError(`cannot read '${this.path}': ${reasonOf(error)}`);
    }
  }

  async close(): Promise<void> {
    const handle = this.#handle;
    this.#handle = undefined;
    await handle?.close();
  }
}

/** Of a device that a pipe is held on, and hence of the pipe. */
const SPOOL_BYTES_MAX = 1024 ** 4;
const SPOOL_CHUNK_BYTES = 1024 * 1024;

/** What came out of a pipe, on a zram device: compressed, in memory. */
export class Spool implements Source {
  private constructor(
    readonly name: string,
    readonly bytes: number,
    readonly zram: Zram,
    readonly pool: ZsPool,
  ) {}

  /** Reads an input to its end. @param wayOut if memory does not suffice @throws CliError that says it */
  static async of(
    input: Pick<Input, 'name' | 'read'>,
    engine: Engine,
    progress: (text: () => string) => void,
    wayOut = 'dumps from a pipe are held compressed; name a file',
  ): Promise<Spool> {
    const pool = engine.createPool();
    const zram = engine.createZram({ disksize: SPOOL_BYTES_MAX, compAlgorithm: 'lz4', pool });
    const chunk = Buffer.alloc(SPOOL_CHUNK_BYTES);
    let bytes = 0;
    try {
      for (let got = chunk.length; got === chunk.length; bytes += got) {
        progress(() => `holding ${input.name}: ${mebibytes(bytes)}`);
        got = await readFully(input, chunk);
        if (bytes + got > SPOOL_BYTES_MAX) throw new ZramError('ENOMEM', 'the device is full.');
        const whole = Math.ceil(got / PAGE_BYTES) * PAGE_BYTES;
        chunk.fill(0, got, whole);
        for (const { index, count } of nonZeroPages(chunk.subarray(0, whole)))
          zram.writePages(bytes / PAGE_BYTES + index, chunk.subarray(index * PAGE_BYTES, (index + count) * PAGE_BYTES));
      }
    } catch (error) {
      pool.destroy();
      if (!(error instanceof ZramError) || error.code !== 'ENOMEM') throw error;
      throw new CliError(`cannot hold '${input.name}' in memory after ${mebibytes(bytes)}: ${wayOut}`);
    }
    return new Spool(input.name, bytes, zram, pool);
  }

  read(offset: number, out: Uint8Array): Promise<number> {
    const length = Math.max(0, Math.min(out.length, this.bytes - offset));
    if (length === 0) return Promise.resolve(0); // it may lie beyond the device
    this.zram.read(offset, length, out);
    return Promise.resolve(length);
  }

  /** Gives the memory back; nothing can be read any more. */
  close(): Promise<void> {
    if (!this.#closed) this.pool.destroy();
    this.#closed = true;
    return Promise.resolve();
  }
  #closed = false;
}

/** At its largest: enough that headers which stand between pages cost no calls of the system. */
const WINDOW_BYTES = 256 * 1024;
/** Read after a leap: pages in no order would cost a window each. */
const LEAP_BYTES = 4096;

/** Small pieces of a source, out of a window that moves over it. */
export class Reader {
  /** Grows to what is read at once, and is not zeroed: of a small file, that would cost more than reading it. */
  #window = Buffer.alloc(0);
  #start = 0;
  #length = 0;
  /** Read at least: more with each time that it goes on where it was. */
  #ahead = LEAP_BYTES;

  constructor(readonly source: Source) {}

  get name(): string {
    return this.source.name;
  }

  /** Length of the source, if it is known. */
  get bytes(): number | undefined {
    return this.source.bytes;
  }

  /** `length` bytes (at most a window) from `offset` on, fewer only at the end; they are there until the next call. */
  async upTo(offset: number, length: number): Promise<Buffer> {
    if (offset < this.#start || offset + length > this.#start + this.#length) {
      const goesOn = offset >= this.#start && offset <= this.#start + this.#length + WINDOW_BYTES;
      this.#ahead = goesOn ? Math.min(2 * this.#ahead, WINDOW_BYTES) : LEAP_BYTES;
      this.#length = 0; // should the read fail
      const wanted = Math.max(length, this.#ahead);
      if (this.#window.length < wanted) this.#window = Buffer.allocUnsafeSlow(wanted);
      const got = await this.source.read(offset, this.#window.subarray(0, wanted));
      this.#start = offset;
      this.#length = got;
    }
    const from = offset - this.#start;
    return this.#window.subarray(from, Math.min(from + length, this.#length));
  }

  /** @param what stands there, for the message @throws CliError if the source ends before */
  async exactly(offset: number, length: number, what: string): Promise<Buffer> {
    const bytes = await this.upTo(offset, length);
    if (bytes.length < length) throw this.wrong(offset, `the file ends inside ${what}`);
    return bytes;
  }

  /** Any number of bytes into `out`. @throws CliError if the source ends before */
  async fill(offset: number, out: Uint8Array, what: string): Promise<void> {
    if (out.length <= WINDOW_BYTES / 2) {
      out.set(await this.exactly(offset, out.length, what));
      return;
    }
    if ((await this.source.read(offset, out)) < out.length) throw this.wrong(offset, `the file ends inside ${what}`);
  }

  /** Whether the source reaches to `end`; one whose length is not known is asked when it is read. */
  reaches(end: number): boolean {
    return end <= (this.bytes ?? Infinity);
  }

  wrong(offset: number, why: string): CliError {
    return new CliError(`cannot read '${this.name}': at byte ${offset}: ${why}`);
  }

  /** Gives the window back. */
  async close(): Promise<void> {
    this.#window = Buffer.alloc(0);
    this.#length = 0;
    await this.source.close();
  }
}

/** File offsets and their sums are exact as numbers below 2^53. @throws CliError */
export function safeOffset(reader: Reader, at: number, value: bigint, what: string): number {
  if (value < 0n || value > BigInt(Number.MAX_SAFE_INTEGER))
    throw reader.wrong(at, `${what} is ${value}, beyond any file`);
  return Number(value);
}
