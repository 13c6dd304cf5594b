/** Where a save file comes from: bytes, blobs, streams of the web and of Node.js. */
import { isBytes } from '../bytes.js';
import { ZramError } from '../errors.js';
import { describe } from '../size.js';

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
  next(): Promise<IteratorResult<unknown, unknown>> | IteratorResult<unknown, unknown>;
  return?(): unknown;
}

const NOTHING = new Uint8Array(0);

/** @internal Reads a source in pieces of the reader's choice. */
export class SourceReader {
  readonly #chunks: Chunks;
  #chunk: Uint8Array = NOTHING;
  #gathered: Uint8Array = NOTHING;
  #ended = false;
  /** Bytes that were taken. */
  offset = 0;

  /** @throws ZramError EINVAL: nothing that could be read */
  constructor(source: unknown) {
    this.#chunks = chunksOf(source);
  }

  /**
   * The next bytes, exactly so many; undefined when the source ends before. They are valid until the next call. Memory is
   * taken for bytes that are there, not for bytes that are asked for.
   * @throws ZramError EIO: the source failed; EINVAL: it gives something else than bytes
   */
  async take(length: number): Promise<Uint8Array | undefined> {
    if (this.#chunk.length === 0 && length > 0) await this.#pull();
    if (this.#chunk.length >= length) return this.#taken(length, this.#cut(length));
    let filled = 0;
    while (filled < length) {
      const piece = this.#cut(Math.min(length - filled, this.#chunk.length));
      this.#gather(piece, filled, length);
      filled += piece.length;
      if (filled < length && !(await this.#pull())) return undefined;
    }
    return this.#taken(length, this.#gathered.subarray(0, length));
  }

  /** Whether nothing is left. */
  async atEnd(): Promise<boolean> {
    return this.#chunk.length === 0 && !(await this.#pull());
  }

  /** Nothing more is wanted. */
  async cancel(): Promise<void> {
    if (this.#ended) return;
    try {
      await this.#chunks.return?.();
    } catch {
      // What is wrong with the file is told already.
    }
  }

  #taken(length: number, bytes: Uint8Array): Uint8Array {
    this.offset += length;
    return bytes;
  }

  #cut(length: number): Uint8Array {
    const piece = this.#chunk.subarray(0, length);
    this.#chunk = this.#chunk.subarray(length);
    return piece;
  }

  /** Copies a piece: who gave it may use its buffer again. */
  #gather(piece: Uint8Array, at: number, length: number): void {
    const needed = at + piece.length;
    if (this.#gathered.length < needed) {
      const larger = new Uint8Array(Math.min(Math.max(2 * needed, 4096), length));
      larger.set(this.#gathered.subarray(0, at));
      this.#gathered = larger;
    }
    this.#gathered.set(piece, at);
  }

  /** Gets the next chunk that is not empty. False at the end. */
  async #pull(): Promise<boolean> {
    while (!this.#ended) {
      let next: IteratorResult<unknown, unknown>;
      try {
        next = await this.#chunks.next();
      } catch (error) {
        this.#ended = true;
        throw new ZramError('EIO', `the source failed: ${String(error)}`);
      }
      if (next.done) {
        this.#ended = true;
      } else if (!isBytes(next.value)) {
        throw new ZramError('EINVAL', `the source must give Uint8Arrays, not ${describe(next.value)}.`);
      } else if (next.value.length > 0) {
        this.#chunk = next.value;
        return true;
      }
    }
    return false;
  }
}

function chunksOf(source: unknown): Chunks {
  if (isBytes(source)) return [source][Symbol.iterator]();
  if (typeof source === 'object' && source !== null) {
    const given = source as Partial<BlobSource & WebSource & AsyncIterable<unknown> & Iterable<unknown>>;
    if (typeof given.getReader === 'function') return webChunks(given as WebSource);
    if (typeof given[Symbol.asyncIterator] === 'function') {
      return (given as AsyncIterable<unknown>)[Symbol.asyncIterator]() as Chunks;
    }
    if (typeof given.stream === 'function') return webChunks((given as BlobSource).stream());
    if (typeof given[Symbol.iterator] === 'function') return (given as Iterable<unknown>)[Symbol.iterator]() as Chunks;
  }
  throw new ZramError(
    'EINVAL',
    `a source is a Uint8Array, a Blob, a ReadableStream, or an iterable of Uint8Arrays, not ${describe(source)}.`,
  );
}

function webChunks(stream: WebSource): Chunks {
  let reader: ReturnType<WebSource['getReader']>;
  try {
    reader = stream.getReader();
  } catch (error) {
    throw new ZramError('EINVAL', `the source cannot be read: ${String(error)}`);
  }
  return {
    next: async () => {
      const { done, value } = await reader.read();
      return { done, value };
    },
    return: () => reader.cancel(),
  };
}
