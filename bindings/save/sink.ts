/** The destination of a save file: a web stream, a stream of Node.js, or any object with write(). */
import { ZramError } from '../base/errors.js';
import { describe, textOf } from '../base/messages.js';
import { nodeTarget, type NodeWritable } from './sink-node.js';
import { plainTarget } from './sink-plain.js';
import type { OwnBytes, Target, WebSink, WriteSink } from './sink-target.js';

/** @internal Writes one piece while the next is built, and no more: the sink sets the pace. */
export class SinkWriter {
  readonly #target: Target;
  #last: Promise<void> = Promise.resolve();
  bytes = 0;

  /** @throws ZramError EINVAL: not a sink */
  constructor(sink: unknown) {
    this.#target = targetOf(sink);
  }

  /** @throws ZramError EIO: the sink failed at this or an earlier piece */
  async write(bytes: OwnBytes): Promise<void> {
    await this.#settle(this.#last);
    this.bytes += bytes.length;
    this.#last = this.#target.write(bytes);
    this.#last.catch(() => undefined); // reported by the next call
  }

  /** @throws ZramError EIO */
  async end(): Promise<void> {
    await this.#settle(this.#last);
    await this.#settle(this.#target.end());
  }

  /** Aborts the sink after a failure, which matters more than an error of the sink's abort. */
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
    throw new ZramError('EINVAL', `cannot write to the sink: ${textOf(error)}`);
  }
  throw new ZramError(
    'EINVAL',
    `the sink must be a WritableStream, a Writable of Node.js, or an object with write(bytes), not ${describe(sink)}.`,
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
