/** Workers of a caller's own that wrap the library's, and hear, say or do more than they should. */
import { Worker } from 'node:worker_threads';
import type { WorkerLike } from '../../bindings/parallel.js';

const SCRIPT = new URL('../../dist/parallel-worker.js', import.meta.url);

type Listener = (value: unknown) => void;
/** A message of the protocol, whatever it is. */
export type Message = Record<string, unknown>;

export interface Oddities {
  /** What is heard in the place of what the worker says. @param say tells the library */
  readonly says?: (message: Message, say: Listener) => void;
  /** What is done in the place of sending. @param send sends to the worker */
  readonly sends?: (message: Message, send: (message: Message) => void) => void;
  readonly ends?: (end: () => Promise<number>) => unknown;
  readonly references?: () => void;
}

/** Wraps a worker of the library's. */
export class OddWorker implements WorkerLike {
  readonly thread: Worker;
  readonly #odd: Oddities;
  readonly #listeners: Record<string, Listener[]> = {};

  constructor(odd: Oddities = {}) {
    this.#odd = odd;
    this.thread = new Worker(SCRIPT);
    const say = (message: unknown): void => this.emit('message', message);
    this.thread.on('message', (message: Message) => {
      if (odd.says) odd.says(message, say);
      else say(message);
    });
    for (const event of ['error', 'exit']) this.thread.on(event, (value) => this.emit(event, value));
  }

  on(event: string, listener: Listener): void {
    (this.#listeners[event] ??= []).push(listener);
  }

  emit(event: string, value: unknown): void {
    for (const listener of this.#listeners[event] ?? []) listener(value);
  }

  postMessage(message: Message, transfer: never[]): void {
    const send = (what: Message): void => this.thread.postMessage(what, transfer);
    if (this.#odd.sends) this.#odd.sends(message, send);
    else send(message);
  }

  terminate(): unknown {
    return this.#odd.ends ? this.#odd.ends(() => this.thread.terminate()) : this.thread.terminate();
  }

  ref(): void {
    this.#odd.references?.();
    this.thread.ref();
  }

  unref(): void {
    this.#odd.references?.();
    this.thread.unref();
  }
}

/** Runs with timers that are so many times as fast. */
export async function faster<Value>(times: number, action: () => Promise<Value>): Promise<Value> {
  const { setTimeout: timeout, setInterval: interval } = globalThis;
  const fast = (timer: typeof setTimeout) =>
    ((run: () => void, milliseconds: number) => timer(run, milliseconds / times)) as typeof setTimeout;
  Object.assign(globalThis, { setTimeout: fast(timeout), setInterval: fast(interval as typeof setTimeout) });
  try {
    return await action();
  } finally {
    Object.assign(globalThis, { setTimeout: timeout, setInterval: interval });
  }
}
