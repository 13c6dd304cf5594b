/** Where a save file goes: streams of the web and of Node.js, and anything that writes. */
import { ZramError } from '../errors.js';
import { describe, textOf } from '../size.js';
import { nodeTarget, type NodeWritable } from './sink-node.js';
import { plainTarget } from './sink-plain.js';

/** Bytes in memory of their own: what TypeScript from 5.7 on calls `Uint8Array<ArrayBuffer>`. */
export type OwnBytes = ReturnType<Uint8Array['slice']>;

/** What a `WritableStream` is here. */
export interface WebSink {
  /** Locks the stream. */
  getWriter(): {
    /** Resolves when the chunk is taken. */
    write(bytes: OwnBytes): Promise<unknown>;
    /** Resolves when all is written. */
    close(): Promise<unknown>;
    /** Gives up. */
    abort(reason?: unknown): Promise<unknown>;
  };
}

/** What a stream of Node.js, a `FileHandle`, or an object of one's own is here. */
export interface WriteSink {
  /**
   * Takes all bytes, which are its own from then on. A promise is awaited before there are more.
   *
   * A number (`Deno.FsFile`, `FileSystemSyncAccessHandle`, `fs.writeSync`) or an object with `bytesWritten` (`FileHandle`)
   * is the count of bytes that were taken, and the rest follows; none, or more than there were, is `EIO`. A number that
   * is another count than that of all bytes may also be the length of an array (`(bytes) => array.push(bytes)`). The sink
   * is then given one piece of no bytes: 0 says that its numbers are counts, one more than before that they are lengths,
   * which mean nothing; any other answer is `EIO`. What else is returned means nothing.
   */
  write(bytes: OwnBytes): unknown;
}

/**
 * Where a save file is written to. A `WritableStream` is closed at the end, and aborted after a failure; a `Writable` of
 * Node.js is ended, or destroyed: also where the call fails before anything is written. Anything else that writes is left
 * open.
 */
export type SaveSink = WebSink | WriteSink;

/** @internal What is written to, whatever it is. */
export interface Target {
  /** Settles when the next piece may come. */
  write(bytes: OwnBytes): Promise<void>;
  end(): Promise<void>;
  abort(reason: unknown): Promise<void>;
}

/** @internal Writes one piece while the next is made, and no more: the sink sets the pace. */
export class SinkWriter {
  readonly #target: Target;
  #last: Promise<void> = Promise.resolve();
  bytes = 0;

  /** @throws ZramError EINVAL: nothing that could be written to */
  constructor(sink: unknown) {
    this.#target = targetOf(sink);
  }

  /** @throws ZramError EIO: the sink failed at this or an earlier piece */
  async write(bytes: OwnBytes): Promise<void> {
    await this.#settle(this.#last);
    this.bytes += bytes.length;
    this.#last = this.#target.write(bytes);
    this.#last.catch(() => undefined); // told by the next call
  }

  /** @throws ZramError EIO */
  async end(): Promise<void> {
    await this.#settle(this.#last);
    await this.#settle(this.#target.end());
  }

  /** What it was written for has failed. Whatever the sink says to that is less than the reason. */
  async abort(reason: unknown): Promise<void> {
    await this.#target.abort(reason).catch(() => undefined);
  }

  async #settle(written: Promise<void>): Promise<void> {
    try {
      await written;
    } catch (error) {
      throw new ZramError('EIO', `the sink failed: ${textOf(error)}`);
    }
  }
}

function targetOf(sink: unknown): Target {
  try {
    const { getWriter, write, end, on } = (sink ?? {}) as Partial<WebSink & WriteSink & NodeWritable>;
    if (typeof getWriter === 'function') return webTarget(sink as WebSink);
    if (typeof write === 'function') {
      const isNode = typeof end === 'function' && typeof on === 'function';
      return isNode ? nodeTarget(sink as NodeWritable) : plainTarget(sink as WriteSink);
    }
  } catch (error) {
    throw new ZramError('EINVAL', `the sink cannot be written to: ${textOf(error)}`);
  }
  throw new ZramError(
    'EINVAL',
    `a sink is a WritableStream, a Writable of Node.js, or an object with write(bytes), not ${describe(sink)}.`,
  );
}

function webTarget(stream: WebSink): Target {
  const writer = stream.getWriter();
  return {
    async write(bytes) {
      await writer.write(bytes);
    },
    async end() {
      await writer.close();
    },
    async abort(reason) {
      await writer.abort(reason);
    },
  };
}
