/**
 * An asynchronous call while it is under way: what ends it before its time, and how it shares the event loop. Whatever it
 * waits for may never come, so it waits for that, for its signal and for the end of its devices at once.
 */
import { ZramError } from './errors.js';
import { describe } from './messages.js';
import { pause, pauseDue } from './pacer.js';

/** What is used of an `AbortSignal`. */
export interface AbortSignalLike {
  /** Whether it was aborted. */
  readonly aborted: boolean;
  /** Why: the `cause` of the error. */
  readonly reason?: unknown;
  /** Calls `listener` when it is aborted. */
  addEventListener(type: 'abort', listener: () => void): void;
  /** Takes that back. */
  removeEventListener(type: 'abort', listener: () => void): void;
}

/** How an asynchronous call is ended early. */
export interface AsyncOptions {
  /** Aborting it rejects the call at once, with `ECANCELED`. */
  signal?: AbortSignalLike | undefined;
}

/** Their names. */
export const ASYNC_OPTIONS = ['signal'] as const;

/** What a call waits on; those who wait are told when it ends. */
export interface Ending {
  readonly waiting: Set<(error: ZramError) => void>;
}

export class AsyncCall {
  readonly #begun = performance.now();
  readonly #signal: AbortSignalLike | undefined;
  readonly #onAbort = (): void => this.#abort();
  #canceled: ZramError | undefined;
  /** Rejects what is waited for. */
  #fail: ((error: ZramError) => void) | undefined;

  /** @param signal whoever gives one takes `run` @throws ZramError EINVAL: it is no signal */
  constructor(signal?: unknown) {
    if (signal === undefined) return;
    try {
      this.#signal = signal as AbortSignalLike;
      const { aborted } = this.#signal;
      if (typeof aborted !== 'boolean') throw new TypeError();
      this.#signal.addEventListener('abort', this.#onAbort);
      if (aborted) this.#abort();
    } catch {
      throw new ZramError('EINVAL', `signal must be an AbortSignal, not ${describe(signal)}.`);
    }
  }

  /** Runs a call; what it does before it waits for anything is done at once. */
  static async run<T>(signal: unknown, work: (call: AsyncCall) => Promise<T>): Promise<T> {
    const call = new AsyncCall(signal);
    try {
      return await work(call);
    } finally {
      call.#end();
    }
  }

  /** @throws ZramError ECANCELED: the signal was aborted */
  check(): void {
    if (this.#canceled) throw this.#canceled;
  }

  get canceled(): boolean {
    return this.#canceled !== undefined;
  }

  /**
   * Waits for `work`, and no longer than until the signal is aborted or one of the devices ends. What comes of `work` after
   * that is dropped.
   */
  until<T>(work: Promise<T>, ...devices: readonly Ending[]): Promise<T> {
    return new Promise((resolve, reject) => {
      const done = (): void => {
        if (this.#fail === fail) this.#fail = undefined;
        for (const { waiting } of devices) waiting.delete(fail);
      };
      const fail = (error: Error): void => {
        done();
        reject(error);
      };
      this.#fail = fail;
      for (const { waiting } of devices) waiting.add(fail);
      work.then((value) => {
        done();
        resolve(value);
      }, fail);
      if (this.#canceled) fail(this.#canceled);
    });
  }

  /** Whether it is time to `rest`. */
  get due(): boolean {
    return pauseDue(this.#begun);
  }

  /** Lets timers and I/O have their turn. Anything may have happened afterwards. */
  async rest(...devices: readonly Ending[]): Promise<void> {
    await this.until(pause(), ...devices);
  }

  #abort(): void {
    if (this.#canceled) return;
    let cause: unknown;
    try {
      cause = this.#signal?.reason;
    } catch {
      cause = undefined;
    }
    this.#canceled = new ZramError('ECANCELED', 'the call was aborted by its signal.', undefined, { cause });
    this.#fail?.(this.#canceled);
  }

  #end(): void {
    try {
      this.#signal?.removeEventListener('abort', this.#onAbort);
    } catch {
      // It is the signal's own: the call is over.
    }
  }
}
