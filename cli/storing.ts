/**
 * Stores the inputs. One chunk is read at a time and goes to every device, so that all of them get the same bytes, even
 * of memory that changes while it is read, and so that inputs may be larger than memory. Where other threads store, the
 * next chunks are read meanwhile.
 *
 * The inputs follow one another on a device, each starting at a page of its own.
 */
import type { InputFacts } from './analysis.js';
import { sumOf, type ChunkSum } from './checking.js';
import { DISK_BYTES } from './device.js';
import { mebibytes, plural } from './format.js';
import { endInput, readFully, type Input } from './inputs.js';
import { PAGE_BYTES } from './page-list.js';
import { ProcessMemory } from './process-memory.js';
import { noTime, waitingTime, type StepTime } from './step-time.js';
import type { Surroundings } from './surroundings.js';

/** Read, stored and verified at a time: large enough that the cost of a call does not count beside its pages. */
export const CHUNK_BYTES = 1024 * 1024;

/** Devices that are given the same pages, on this thread or on others. */
export interface Store {
  /**
   * Buffers of CHUNK_BYTES that take turns, allocated when it is called: after the page lists are fixed, so that they are
   * not part of what is analysed.
   */
  makeBuffers(): readonly Uint8Array[];
  /**
   * Stores the first pages of a buffer, which must not change until the promise resolves: to the pages that all devices
   * have stored, which are fewer than `pages` if memory has run out. Then later calls store nothing.
   */
  write(index: number, buffer: number, pages: number): Promise<number>;
  /** Discards the pages `from` to `to`, which not all devices have. */
  truncate(from: number, to: number): void;
  /** Everything that was written until now is stored, and is the end of an input. */
  endInput(): void;
}

/** What was stored, the same on all devices. */
export interface Stored {
  readonly inputs: readonly InputFacts[];
  readonly pages: number;
  /** Of all pages, in order. */
  readonly sums: readonly ChunkSum[];
  /** Why storing stopped before the end of the inputs. */
  readonly stopped: string | undefined;
  readonly read: StepTime;
  readonly checksum: StepTime;
}

/** Stores the inputs on all devices. */
export async function storeInputs(
  inputs: readonly Input[],
  store: Store,
  io: Pick<Surroundings, 'progress' | 'remark'>,
): Promise<Stored> {
  return new Storing(store, io).finish(inputs);
}

/** A chunk that was handed to the devices. */
interface Written {
  readonly buffer: Uint8Array;
  /** Bytes that were read into it. */
  readonly got: number;
  readonly wanted: number;
  readonly stored: Promise<number>;
}

class Storing {
  readonly #buffers: readonly Uint8Array[];
  readonly #sums: ChunkSum[] = [];
  readonly #read = waitingTime();
  readonly #checksum = noTime();
  readonly #facts: InputFacts[] = [];
  /** Chunks that are being stored, oldest first. */
  readonly #written: Written[] = [];
  #chunks = 0;
  /** Pages that were handed over, and those that are stored on all devices. */
  #pagesGiven = 0;
  #pages = 0;
  /** Of the input at hand. */
  #bytes = 0;
  #inputPages = 0;
  #paddedBytes = 0;
  #stopped: string | undefined;
  /** The first input that ended too early. */
  #truncated: string | undefined;

  constructor(
    readonly store: Store,
    readonly io: Pick<Surroundings, 'progress' | 'remark'>,
  ) {
    this.#buffers = store.makeBuffers();
  }

  async finish(inputs: readonly Input[]): Promise<Stored> {
    for (const input of inputs) {
      await this.#store(input);
      await endInput(input, this.io.remark);
      if (this.#stopped !== undefined) break;
    }
    return {
      inputs: this.#facts,
      pages: this.#pages,
      sums: this.#sums,
      stopped: this.#stopped ?? this.#truncated,
      read: this.#read,
      checksum: this.#checksum,
    };
  }

  /** Stores an input to its end, or to the end of the memory. */
  async #store(input: Input): Promise<void> {
    this.#bytes = this.#inputPages = this.#paddedBytes = 0;
    for (let got = CHUNK_BYTES; got === CHUNK_BYTES;) {
      this.io.progress(() => `storing ${input.name}: ${mebibytes(this.#bytes)}${progressEnd(input)}`);
      if (this.#written.length === this.#buffers.length) await this.#finishOldest(input);
      if (this.#stopped !== undefined) break;
      got = await this.#writeChunk(input);
    }
    while (this.#written.length > 0) await this.#finishOldest(input);
    if (this.#pages < this.#pagesGiven) this.store.truncate(this.#pages, this.#pagesGiven);
    this.store.endInput();
    this.#endFacts(input);
  }

  /** Reads a chunk and hands it over; returns the bytes that were read. */
  async #writeChunk(input: Input): Promise<number> {
    const number = this.#chunks % this.#buffers.length;
    const buffer = this.#buffers[number] ?? new Uint8Array(0);
    const start = performance.now();
    const got = await readFully(input, buffer);
    this.#read.milliseconds += performance.now() - start;
    this.#read.bytes += got;
    if (got === 0) return 0;
    this.#chunks += 1;
    const wanted = Math.ceil(got / PAGE_BYTES);
    buffer.fill(0, got, wanted * PAGE_BYTES);
    const pages = Math.min(wanted, DISK_BYTES / PAGE_BYTES - this.#pagesGiven);
    const stored = this.store.write(this.#pagesGiven, number, pages);
    this.#pagesGiven += pages;
    this.#written.push({ buffer, got, wanted, stored });
    return got;
  }

  /** Waits for the oldest chunk, and counts what is stored of it. */
  async #finishOldest({ name }: Input): Promise<void> {
    const written = this.#written.shift();
    if (written === undefined) return;
    const { buffer, got, wanted } = written;
    const stored = await written.stored;
    if (this.#stopped !== undefined) return;
    const bytes = stored * PAGE_BYTES;
    if (stored > 0) this.#sums.push({ pages: stored, digest: sumOf(this.#checksum, buffer.subarray(0, bytes)) });
    this.#pages += stored;
    this.#inputPages += stored;
    this.#bytes += Math.min(got, bytes);
    this.#paddedBytes = stored < wanted ? 0 : bytes - got;
    if (stored === wanted) return;
    const after = `after ${plural(this.#inputPages, 'page')} of '${name}'`;
    this.#stopped = `${this.#whyFull()} ${after}; the report covers what was stored`;
  }

  #endFacts(input: Input): void {
    const { pagesVanished, pagesOnlyRead, pagesLeftOut } =
      input instanceof ProcessMemory ? input : { pagesVanished: 0, pagesOnlyRead: 0, pagesLeftOut: 0 };
    const { bytesPadded = 0, truncated, ...contents } = input.contents ?? {};
    if (truncated !== undefined) this.#truncated ??= `${truncated}; the report covers what is there`;
    // A dump gives whole pages, and has filled them up itself. What was stopped has lost its end.
    const filled = this.#stopped === undefined ? bytesPadded : 0;
    const { kind, name } = input;
    const pages = this.#inputPages;
    const [bytes, paddedBytes] = [this.#bytes - filled, this.#paddedBytes + filled];
    const counts = { bytes, pages, paddedBytes, pagesVanished, pagesOnlyRead, pagesLeftOut };
    this.#facts.push({ kind, name, ...counts, ...contents });
  }

  #whyFull(): string {
    return this.#pages * PAGE_BYTES === DISK_BYTES
      ? `the device of ${mebibytes(DISK_BYTES)} is full`
      : 'out of memory for compressed pages';
  }
}

const progressEnd = ({ bytes }: Input): string => (bytes === undefined ? '' : ` of ${mebibytes(bytes)}`);
