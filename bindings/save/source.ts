/** Where a save file comes from: bytes, blobs, streams of the web and of Node.js. */
import { checkBytes } from '../base/arguments.js';
import { allocate, isBytes, lengthOf, setBytes, viewOf } from '../base/bytes.js';
import { ZramError } from '../base/errors.js';
import { describe, textOf } from '../base/messages.js';
import { pause, pauseDue } from '../base/pacer.js';

/** What a `ReadableStream` is here. */
export interface WebSource {
  /** Locks the stream. */
  getReader(): {
    /** The next chunk. */
    read(): Promise<{
      /** Nothing is left. */
      done: boolean;
      /** The chunk. */
      value?: Uint8Array | undefined;
    }>;
    /** Nothing more is wanted. */
    cancel(reason?: unknown): Promise<unknown>;
  };
}

/** What a `Blob` or `File` is here. */
export interface BlobSource {
  /** Its bytes. */
  stream(): WebSource;
}

/**
 * Where a save file is read from: bytes, a `Blob`, a `ReadableStream`, a `Readable` of Node.js, or anything else that gives
 * pieces of bytes one after the other. It is read to its end; after a failure it is cancelled.
 */
export type LoadSource = Uint8Array | BlobSource | WebSource | AsyncIterable<Uint8Array> | Iterable<Uint8Array>;

/** What can be pulled from. */
interface Chunks {
  next(): unknown;
  /** Nothing more is wanted, now or ever. */
  cancel(): unknown;
}

/** @internal Reads a source in pieces of the reader's choice. */
export class SourceReader {
  readonly #chunks: Chunks;
  /** What is left of the last chunk: the caller's memory. */
  #chunk: Uint8Array = allocate(0);
  #gathered = allocate(0);
  #ended = false;
  /** Bytes that were taken. */
  offset = 0;

  /** @throws ZramError EINVAL: nothing that could be read */
  constructor(source: unknown) {
    this.#chunks = chunksOf(source);
  }

  /**
   * The next bytes, exactly so many; undefined when the source ends before. They are a copy, valid until the next call: who
   * gave a chunk may use its buffer again. Memory is taken for bytes that are there, not for bytes that are asked for.
   * @throws ZramError EIO: the source failed; EINVAL: it gives something else than bytes
   */
  async take(length: number): Promise<Uint8Array | undefined> {
    let filled = 0;
    while (filled < length) {
      if (lengthOf(this.#chunk) === 0 && !(await this.#pull())) return undefined;
      const piece = Math.min(length - filled, lengthOf(this.#chunk));
      this.#makeRoom(filled, piece, length);
      setBytes(this.#gathered, viewOf(this.#chunk, 0, piece), filled);
      this.#chunk = viewOf(this.#chunk, piece);
      filled += piece;
      if (pauseDue()) await pause();
    }
    this.offset += length;
    return this.#gathered.subarray(0, length);
  }

  /** Whether nothing is left. */
  async atEnd(): Promise<boolean> {
    return lengthOf(this.#chunk) === 0 && !(await this.#pull());
  }

  /** Nothing more is wanted. */
  async cancel(): Promise<void> {
    if (this.#ended) return;
    this.#ended = true;
    try {
      await this.#chunks.cancel();
    } catch {
      // What is wrong with the file is told already.
    }
  }

  #makeRoom(filled: number, piece: number, length: number): void {
    const needed = filled + piece;
    if (this.#gathered.length >= needed) return;
    const larger = allocate(Math.min(Math.max(2 * needed, 4096), Math.max(length, needed)));
    larger.set(this.#gathered.subarray(0, filled));
    this.#gathered = larger;
  }

  /** Gets the next chunk that is not empty. False at the end. */
  async #pull(): Promise<boolean> {
    while (!this.#ended) {
      const { done, value } = await this.#next();
      if (done) {
        this.#ended = true;
        return false;
      }
      if (!isBytes(value)) {
        Promise.resolve(value).catch(() => undefined); // a promise that rejects later is no news then
        throw new ZramError('EINVAL', `the source must give Uint8Arrays, not ${describe(value)}.`);
      }
      checkBytes(value, 'a piece of the source');
      this.#chunk = viewOf(value);
      if (lengthOf(value) > 0) return true;
      if (pauseDue()) await pause(); // there may be no end of them
    }
    return false;
  }

  async #next(): Promise<{ done: boolean; value: unknown }> {
    try {
      const { done, value } = (await this.#chunks.next()) as IteratorResult<unknown, unknown>;
      return { done: Boolean(done), value };
    } catch (error) {
      this.#ended = true;
      throw new ZramError('EIO', `the source failed: ${textOf(error)}`);
    }
  }
}

function chunksOf(source: unknown): Chunks {
  if (isBytes(source)) {
    checkBytes(source, 'the source');
    return iteratorChunks([source].values(), source);
  }
  try {
    if (typeof source === 'object' && source !== null) {
      const given = source as Partial<BlobSource & WebSource & AsyncIterable<unknown> & Iterable<unknown>>;
      if (typeof given.getReader === 'function') return webChunks(given as WebSource);
      const asyncIterator = given[Symbol.asyncIterator] as unknown;
      if (typeof asyncIterator === 'function') {
        hearErrors(given);
        return iteratorChunks(asyncIterator.call(given), given);
      }
      if (typeof given.stream === 'function') return webChunks((given as BlobSource).stream());
      const iterator = given[Symbol.iterator] as unknown;
      if (typeof iterator === 'function') return iteratorChunks(iterator.call(given), given);
    }
  } catch (error) {
    throw new ZramError('EINVAL', `the source cannot be read: ${textOf(error)}`);
  }
  throw new ZramError(
    'EINVAL',
    `a source is a Uint8Array, a Blob, a ReadableStream, or an iterable of Uint8Arrays, not ${describe(source)}.`,
  );
}

function webChunks(stream: WebSource): Chunks {
  const reader = stream.getReader();
  return { next: () => reader.read(), cancel: () => reader.cancel() };
}

/** What a stream of Node.js has beside its iterator. */
interface NodeReadable {
  on(event: 'error', listener: () => void): unknown;
  destroy(): unknown;
}

function isNodeReadable(source: unknown): source is NodeReadable {
  const { on, destroy } = source as Partial<NodeReadable>;
  return typeof on === 'function' && typeof destroy === 'function';
}

/** An error before the first `next()`, or after the last, would end the process; the iterator tells those between. */
function hearErrors(source: unknown): void {
  if (isNodeReadable(source)) source.on('error', () => undefined);
}

function iteratorChunks(iterator: unknown, source: object): Chunks {
  const chunks = iterator as AsyncIterator<unknown>;
  if (typeof chunks?.next !== 'function') throw new Error('its iterator has no next().');
  return {
    next: () => chunks.next(),
    async cancel() {
      // The iterator of a stream that was not asked for anything yet does not close it.
      if (isNodeReadable(source)) source.destroy();
      await chunks.return?.();
    },
  };
}
