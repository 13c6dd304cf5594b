/**
 * Streams of Node.js, and what resembles them. The next piece goes when the stream asks for it: by the callback of `write`, by
 * any return value but false, or by the event `drain`, whichever comes first, since not all that have `write`, `end` and
 * `on` know all three.
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
  /** False: something is still to be written. Undefined: it does not tell. */
  readonly writableFinished?: unknown;
  /** A stream in both directions may stay open after its end. */
  readonly readable?: unknown;
  readonly _writableState?: { readonly autoDestroy?: unknown; readonly emitClose?: unknown };
}

/** What a stream tells by events, for the one thing that is waited for. */
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

  /** Begins something, and waits until `done` is called or one of these events comes. */
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

/** @throws Error it was ended or destroyed before */
export function nodeTarget(stream: NodeWritable): Target {
  if (stream.destroyed === true || stream.writableEnded === true) throw new Error('it was ended or destroyed before.');
  const events = new Events();
  let ending = false;
  // These stay: an error that nobody hears would end the process, whenever it comes.
  stream.on('error', (error) => events.fail(error));
  stream.on('close', () => {
    events.closed = true;
    const whole = ending && stream.writableFinished !== false;
    if (!whole) events.fail(new Error('the stream was closed before all was written.'));
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
        // One that takes no callback and does not tell when it has finished is done when it returns.
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

/** A promise is awaited where one is returned. */
function follow(result: unknown, done: Done): void {
  Promise.resolve(result).then(
    () => done(),
    (error: unknown) => done(asError(error)),
  );
}

/** Whatever a stream gives as the reason of its failure. */
function asError(error: unknown): Error {
  return error instanceof Error ? error : new Error(error === undefined ? 'it told no reason.' : textOf(error));
}

function isThenable(value: unknown): boolean {
  return typeof (value as { then?: unknown } | null | undefined)?.then === 'function';
}

/** Such a stream closes what it writes to after its end, which may fail, too. */
function closesItself(stream: NodeWritable): boolean {
  const { autoDestroy, emitClose } = stream._writableState ?? {};
  return autoDestroy === true && emitClose === true && stream.readable === undefined;
}
