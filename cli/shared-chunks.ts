/**
 * What threads know of chunks of pages, in memory that all of them share: who compresses a chunk for a device, and what
 * came of it. A device belongs to one thread, which stores its pages in order. Any thread may compress them.
 *
 * For each buffer and line there is a word: the number of the chunk in the buffer, and its state. A thread takes a chunk
 * for a line by changing the word from `free`; a chunk of another number, which has come into the buffer meanwhile, cannot
 * be taken by mistake.
 */
import { PAGE_BYTES } from './page-list.js';
import { CHUNK_BYTES } from './storing.js';

/** Chunks that may be under way: enough that a thread finds the next one while the slowest is at the first. */
export const BUFFERS = 8;
/** Chunks that one thread may have compressed for others, and which they have not stored yet. */
const RESULTS = 4;

const CHUNK_PAGES = CHUNK_BYTES / PAGE_BYTES;
/** Besides the blocks, each at the place of its page: their lengths. */
const RESULT_BYTES = CHUNK_BYTES + CHUNK_PAGES * Uint16Array.BYTES_PER_ELEMENT;

const FREE = 0;
const TAKEN = 1;
const ENCODED = 2;
const STATE_BITS = 2;
/** Thirty-two bits less the state: a number may come again after so many chunks. */
const NUMBERS = 2 ** 29;

/** A wait ends after so long, and is begun again: nothing depends on being woken. */
const WAIT_MILLISECONDS = 50;

/** A chunk in its buffer. */
export interface Chunk {
  /** Counted from 0, as they are read. */
  readonly number: number;
  /** Of the first page, on the devices. */
  readonly index: number;
  readonly buffer: number;
  readonly pages: number;
}

/** The memory that threads share, as it is sent to them. */
export interface SharedMemory {
  /** Of CHUNK_BYTES each. */
  readonly buffers: readonly Uint8Array[];
  /** RESULTS for each thread. */
  readonly results: readonly Uint8Array[];
  readonly words: Int32Array;
}

/** @param threads that store @param lines devices that are helped */
export function makeSharedMemory(threads: number, lines: number): SharedMemory {
  const shared = (bytes: number, count: number): Uint8Array[] =>
    Array.from({ length: count }, () => new Uint8Array(new SharedArrayBuffer(bytes)));
  return {
    buffers: shared(CHUNK_BYTES, BUFFERS),
    results: shared(RESULT_BYTES, threads * RESULTS),
    words: new Int32Array(
      new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT * (2 * BUFFERS * lines + threads * RESULTS)),
    ),
  };
}

/** A thread's results, which serve as room for chunks that are read back, once everything is stored. */
export function roomsOf(memory: SharedMemory | undefined, thread: number): readonly Uint8Array[] {
  return (memory?.results ?? []).slice(thread * RESULTS, (thread + 1) * RESULTS);
}

/** A chunk as blocks. */
export class Result {
  readonly #lengths: Uint16Array;

  constructor(
    readonly number: number,
    readonly bytes: Uint8Array,
  ) {
    this.#lengths = new Uint16Array(bytes.buffer, CHUNK_BYTES, CHUNK_PAGES);
  }

  /** Room for a page's block. */
  room(page: number): Uint8Array {
    return this.bytes.subarray(page * PAGE_BYTES, (page + 1) * PAGE_BYTES);
  }

  setLength(page: number, bytes: number): void {
    this.#lengths[page] = bytes;
  }

  block(page: number): Uint8Array {
    return this.bytes.subarray(page * PAGE_BYTES, page * PAGE_BYTES + (this.#lengths[page] ?? 0));
  }
}

/** The words: of states by buffer and line, then of the results of encoded chunks, then whether each result is in use. */
export class SharedChunks {
  readonly #results: readonly Result[];
  readonly #resultOf: number;
  readonly #inUse: number;

  constructor(
    readonly memory: SharedMemory,
    readonly lines: number,
  ) {
    this.#results = memory.results.map((bytes, number) => new Result(number, bytes));
    this.#resultOf = BUFFERS * lines;
    this.#inUse = 2 * BUFFERS * lines;
  }

  bytesOf({ buffer, pages }: Chunk): Uint8Array {
    return (this.memory.buffers[buffer] ?? new Uint8Array(0)).subarray(0, pages * PAGE_BYTES);
  }

  /** The chunk may be taken from now on, for every line. */
  open({ number, buffer }: Chunk): void {
    for (let line = 0; line < this.lines; line++)
      Atomics.store(this.memory.words, this.#word(buffer, line), stateWord(number, FREE));
  }

  /** Whether the caller is the one who compresses the chunk for this line. */
  take({ number, buffer }: Chunk, line: number): boolean {
    const free = stateWord(number, FREE);
    const word = this.#word(buffer, line);
    return Atomics.compareExchange(this.memory.words, word, free, stateWord(number, TAKEN)) === free;
  }

  /** A result of this thread that is not in use. */
  unusedResult(thread: number): Result | undefined {
    const isUnused = ({ number }: Result): boolean => Atomics.load(this.memory.words, this.#inUse + number) === 0;
    return this.#results.slice(thread * RESULTS, (thread + 1) * RESULTS).find(isUnused);
  }

  /** The chunk, which the caller has taken, is compressed. */
  encoded({ number, buffer }: Chunk, line: number, result: Result): void {
    const { words } = this.memory;
    const word = this.#word(buffer, line);
    Atomics.store(words, this.#inUse + result.number, 1);
    Atomics.store(words, this.#resultOf + word, result.number);
    Atomics.store(words, word, stateWord(number, ENCODED));
    Atomics.notify(words, word);
  }

  /** What another thread has made of the chunk; undefined until it has. */
  resultOf({ number, buffer }: Chunk, line: number): Result | undefined {
    const { words } = this.memory;
    const word = this.#word(buffer, line);
    if (Atomics.load(words, word) !== stateWord(number, ENCODED)) return undefined;
    return this.#results[Atomics.load(words, this.#resultOf + word)];
  }

  /** The result is stored, and may be used for another chunk. */
  release(result: Result): void {
    Atomics.store(this.memory.words, this.#inUse + result.number, 0);
  }

  /** Waits until the chunk, which another thread has taken, is encoded, or for a while. */
  wait({ number, buffer }: Chunk, line: number): void {
    Atomics.wait(this.memory.words, this.#word(buffer, line), stateWord(number, TAKEN), WAIT_MILLISECONDS);
  }

  #word(buffer: number, line: number): number {
    return buffer * this.lines + line;
  }
}

const stateWord = (number: number, state: number): number => ((number % NUMBERS) << STATE_BITS) | state;
