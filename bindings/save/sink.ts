/** Where a save file goes: streams of the web and of Node.js, and anything that writes. */
import { ZramError } from '../errors.js';
import { describe } from '../size.js';

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
   * Takes all bytes, which are its own from then on. A promise is awaited before there are more; one of `bytesWritten`
   * (FileHandle) is followed by the rest.
   */
  write(bytes: OwnBytes): unknown;
}

/**
 * Where a save file is written to. A `WritableStream` is closed at the end, and aborted after a failure; a `Writable` of
 * Node.js is ended, or destroyed. Anything else that writes is left open.
 */
export type SaveSink = WebSink | WriteSink;

interface NodeWritable {
  write(bytes: OwnBytes, done: (error?: Error | null) => void): unknown;
  end(done: (error?: Error | null) => void): unknown;
  destroy(error?: unknown): unknown;
  on(event: 'error' | 'close', listener: () => void): unknown;
  off(event: 'error' | 'close', listener: () => void): unknown;
}

interface Target {
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
      throw new ZramError('EIO', `the sink failed: ${String(error)}`);
    }
  }
}

function targetOf(sink: unknown): Target {
  const { getWriter, write, end, on } = (sink ?? {}) as Partial<WebSink & WriteSink & NodeWritable>;
  if (typeof getWriter === 'function') return webTarget(sink as WebSink);
  if (typeof write !== 'function') {
    throw new ZramError(
      'EINVAL',
      `a sink is a WritableStream, a Writable of Node.js, or an object with write(bytes), not ${describe(sink)}.`,
    );
  }
  return typeof end === 'function' && typeof on === 'function'
    ? nodeTarget(sink as NodeWritable)
    : plainTarget(sink as WriteSink);
}

function webTarget(stream: WebSink): Target {
  let writer: ReturnType<WebSink['getWriter']>;
  try {
    writer = stream.getWriter();
  } catch (error) {
    throw new ZramError('EINVAL', `the sink cannot be written to: ${String(error)}`);
  }
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

function nodeTarget(stream: NodeWritable): Target {
  const ignore = (): void => undefined; // the callbacks tell; an event that nobody hears would end the process
  stream.on('error', ignore);
  const done = (call: (settle: (error?: Error | null) => void) => unknown): Promise<void> =>
    new Promise((resolve, reject) => {
      // A stream that is destroyed forgets the callback of what it is about to write.
      const closed = (): void => reject(new Error('the stream was closed before all was written.'));
      stream.on('close', closed);
      call((error) => {
        stream.off('close', closed);
        if (error) reject(error);
        else resolve();
      });
    });
  return {
    write: (bytes) => done((settle) => stream.write(bytes, settle)),
    async end() {
      await done((settle) => stream.end(settle));
      stream.off('error', ignore);
    },
    abort(reason) {
      stream.destroy(reason);
      return Promise.resolve();
    },
  };
}

function plainTarget(sink: WriteSink): Target {
  return {
    async write(bytes) {
      for (let rest = bytes; ;) {
        const result = await sink.write(rest);
        const { bytesWritten } = (result ?? {}) as { bytesWritten?: unknown };
        if (typeof bytesWritten !== 'number' || bytesWritten >= rest.length) return;
        if (!(bytesWritten > 0)) throw new Error('it took no bytes.');
        rest = rest.subarray(bytesWritten);
      }
    },
    end: () => Promise.resolve(),
    abort: () => Promise.resolve(),
  };
}
