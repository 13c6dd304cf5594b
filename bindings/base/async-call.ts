/**
 * An asynchronous call in progress: what ends it early, and how it shares the event loop. What it waits for may never
 * settle, so each wait also ends with the call's signal or with one of its devices.
 */
import { ZramError } from './errors.js';
import { describe } from './messages.js';
import { pause, pauseDue } from './pacer.js';

/** The members of an `AbortSignal` that are used. */
export interface AbortSignalLike {
  /** Whether it was aborted. */
  readonly aborted: boolean;
  /** The reason, which becomes the `cause` of the error. */
  readonly reason?: unknown;
  /** Registers `listener`, called when the signal is aborted. */
  addEventListener(type: 'abort', listener: () => void): void;
  /** Removes `listener`. */
  removeEventListener(type: 'abort', listener: () => void): void;
}

/** Options of every asynchronous call: how it is ended early. */
export interface AsyncOptions {
  /** Aborting it rejects the call at once, with `ECANCELED`. */
  signal?: AbortSignalLike | undefined;
}

/** The names of `AsyncOptions`. */
export const ASYNC_OPTIONS = ['signal'] as const;

/** Something that may end, such as a device: it then fails all calls that wait on it. */
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

  /** @param signal only through `run`, which removes the listener again @throws ZramError EINVAL: not a signal */
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

  /** Runs a call. What it does before its first wait is done synchronously. */
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
   * Waits for `work`, until the signal is aborted or one of the devices ends. After that the result of `work` is
   * dropped.
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

  /** Yields to timers and I/O. Afterwards anything may have changed. */
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
      // A foreign signal may throw here. The call is over either way.
    }
  }
}
