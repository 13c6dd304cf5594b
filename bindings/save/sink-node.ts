/**
 * Streams of Node.js, and objects that resemble them. The next piece is written when the stream is ready for it: by the
 * callback of `write`, by any return value except false, or by the event `drain`, whichever comes first, since not all
 * objects with `write`, `end` and `on` support all three.
 */
import { textOf } from '../base/messages.js';
import type { OwnBytes, Target } from './sink-target.js';

type Done = (error?: Error | null) => void;

export interface NodeWritable {
  write(bytes: OwnBytes, done: Done): unknown;
  end(done: Done): unknown;
  destroy?(error?: unknown): unknown;
  on(event: string, listener: (error?: unknown) => void): unknown;
  readonly destroyed?: unknown;
  readonly writableEnded?: unknown;
  /** False: bytes are still to be written. Undefined: not supported by the stream. */
  readonly writableFinished?: unknown;
  /** Set for duplex streams, which may stay open after their end. */
  readonly readable?: unknown;
  readonly _writableState?: { readonly autoDestroy?: unknown; readonly emitClose?: unknown };
}

/** The events of a stream, for the one operation that is awaited at a time. */
class Events {
  closed = false;
  #failure: Error | undefined;
  #on: readonly string[] = [];
  #settle: Done = () => undefined;

  fail(error: unknown): void {
    this.#failure ??= asError(error);
    this.#settle(this.#failure);
  }

  tell(event: string): void {
    if (this.#on.includes(event)) this.#settle();
  }

  /** Begins an operation, and waits until `done` is called or one of these events is emitted. */
  async wait(on: readonly string[], begin: (done: Done) => void): Promise<void> {
    if (this.#failure) throw this.#failure;
    await new Promise<void>((resolve, reject) => {
      const done: Done = (error) => {
        if (error) reject(asError(error));
        else resolve();
      };
      this.#on = on;
      this.#settle = done;
      begin(done);
    });
  }
}

/** @throws Error the stream was ended or destroyed before */
export function nodeTarget(stream: NodeWritable): Target {
  if (stream.destroyed === true || stream.writableEnded === true) throw new Error('it was ended or destroyed before.');
  const events = new Events();
  let ending = false;
  // These listeners stay: an unhandled error event would end the process at any later time.
  stream.on('error', (error) => events.fail(error));
  stream.on('close', () => {
    events.closed = true;
    const whole = ending && stream.writableFinished !== false;
    if (!whole) events.fail(new Error('the stream was closed before everything was written.'));
    events.tell('close');
  });
  for (const event of ['drain', 'finish', 'end']) stream.on(event, () => events.tell(event));

  return {
    write: (bytes) =>
      events.wait(['drain'], (done) => {
        const result = stream.write(bytes, done);
        if (result !== false) follow(result, done);
      }),
    async end() {
      ending = true;
      await events.wait(['finish', 'end', 'close'], (done) => {
        const result = stream.end(done);
        // A stream without a callback and without writableFinished is done when end() returns.
        const tells = stream.end.length > 0 || stream.writableFinished !== undefined;
        if (!tells || isThenable(result)) follow(result, done);
      });
      if (!closesItself(stream)) return;
      await events.wait(['close'], (done) => {
        if (events.closed) done();
      });
    },
    async abort(reason) {
      await stream.destroy?.(reason);
    },
  };
}

/** Awaits a result that is a promise. */
function follow(result: unknown, done: Done): void {
  Promise.resolve(result).then(
    () => done(),
    (error: unknown) => done(asError(error)),
  );
}

/** The reason of a stream's failure as an Error. */
function asError(error: unknown): Error {
  return error instanceof Error ? error : new Error(error === undefined ? 'it gave no reason.' : textOf(error));
}

function isThenable(value: unknown): boolean {
  return typeof (value as { then?: unknown } | null | undefined)?.then === 'function';
}

/** Whether the stream closes its destination after its end, which may fail as well. */
function closesItself(stream: NodeWritable): boolean {
  const { autoDestroy, emitClose } = stream._writableState ?? {};
  return autoDestroy === true && emitClose === true && stream.readable === undefined;
}
