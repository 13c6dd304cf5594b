/** The source of a save file: bytes, a blob, a web stream, a stream of Node.js, or an iterable. */
import { checkBytes } from '../base/arguments.js';
import { allocate, isBytes, lengthOf, setBytes, viewOf } from '../base/bytes.js';
import { ZramError } from '../base/errors.js';
import { describe, textOf } from '../base/messages.js';
import { pause, pauseDue } from '../base/pacer.js';

/** The members of a `ReadableStream` that are used. */
export interface WebSource {
  /** Locks the stream. */
  getReader(): {
    /** The next chunk. */
    read(): Promise<{
      /** True at the end of the stream. */
      done: boolean;
      /** The chunk. */
      value?: Uint8Array | undefined;
    }>;
    /** Cancels the stream. */
    cancel(reason?: unknown): Promise<unknown>;
  };
}

/** The members of a `Blob` or `File` that are used. */
export interface BlobSource {
  /** Its bytes. */
  stream(): WebSource;
}

/**
 * The source of a save file: bytes, a `Blob`, a `ReadableStream`, a `Readable` of Node.js, or any other iterable of
 * byte arrays. It is read to its end, or cancelled after a failure.
 */
export type LoadSource = Uint8Array | BlobSource | WebSource | AsyncIterable<Uint8Array> | Iterable<Uint8Array>;

/** The common interface of all sources. */
interface Chunks {
  next(): unknown;
  /** Ends the source before its end. */
  cancel(): unknown;
}

/** @internal Reads a source in pieces of any requested length. */
export class SourceReader {
  readonly #chunks: Chunks;
  /** The rest of the last chunk, in the caller's memory. */
  #chunk: Uint8Array = allocate(0);
  #gathered = allocate(0);
  #ended = false;
  /** Bytes taken so far. */
  offset = 0;

  /** @throws ZramError EINVAL: not a source */
  constructor(source: unknown) {
    this.#chunks = chunksOf(source);
  }

  /**
   * Takes exactly `length` bytes; undefined when the source ends before. They are a copy, as the source may reuse its
   * buffer, and valid until the next call. Memory is allocated only for bytes that arrive, not for `length`.
   * @throws ZramError EIO: the source failed; EINVAL: it returned something other than bytes
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

  /** Whether the source has ended. */
  async atEnd(): Promise<boolean> {
    return lengthOf(this.#chunk) === 0 && !(await this.#pull());
  }

  /** Cancels the source. */
  async cancel(): Promise<void> {
    if (this.#ended) return;
    this.#ended = true;
    try {
      await this.#chunks.cancel();
    } catch {
      // The original error is reported.
    }
  }

  #makeRoom(filled: number, piece: number, length: number): void {
    const needed = filled + piece;
    if (this.#gathered.length >= needed) return;
    const larger = allocate(Math.min(Math.max(2 * needed, 4096), Math.max(length, needed)));
    larger.set(this.#gathered.subarray(0, filled));
    this.#gathered = larger;
  }

  /** Fetches the next chunk that is not empty. False at the end. */
  async #pull(): Promise<boolean> {
    while (!this.#ended) {
      const { done, value } = await this.#next();
      if (done) {
        this.#ended = true;
        return false;
      }
      if (!isBytes(value)) {
        Promise.resolve(value).catch(() => undefined); // a later rejection must not be unhandled
        throw new ZramError('EINVAL', `the source must return Uint8Arrays, not ${describe(value)}.`);
      }
      checkBytes(value, 'a piece of the source');
      this.#chunk = viewOf(value);
      if (lengthOf(value) > 0) return true;
      if (pauseDue()) await pause(); // an endless series of empty chunks must not block the event loop
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
    throw new ZramError('EINVAL', `cannot read the source: ${textOf(error)}`);
  }
  throw new ZramError(
    'EINVAL',
    `the source must be a Uint8Array, a Blob, a ReadableStream, or an iterable of Uint8Arrays, not ${describe(source)}.`,
  );
}

function webChunks(stream: WebSource): Chunks {
  const reader = stream.getReader();
  return { next: () => reader.read(), cancel: () => reader.cancel() };
}

/** Members of a stream of Node.js besides its iterator. */
interface NodeReadable {
  on(event: 'error', listener: () => void): unknown;
  destroy(): unknown;
}

function isNodeReadable(source: unknown): source is NodeReadable {
  const { on, destroy } = source as Partial<NodeReadable>;
  return typeof on === 'function' && typeof destroy === 'function';
}

/**
 * Handles errors before the first `next()` and after the last, which would end the process; the iterator reports those
 * in between.
 */
function hearErrors(source: unknown): void {
  if (isNodeReadable(source)) source.on('error', () => undefined);
}

function iteratorChunks(iterator: unknown, source: object): Chunks {
  const chunks = iterator as AsyncIterator<unknown>;
  if (typeof chunks?.next !== 'function') throw new Error('its iterator has no next().');
  return {
    next: () => chunks.next(),
    async cancel() {
      // An iterator that was never advanced does not close its stream.
      if (isNodeReadable(source)) source.destroy();
      await chunks.return?.();
    },
  };
}
