/** Starts worker threads, in Node.js (`worker_threads`) and on platforms with `Worker`, with one interface for both. */
import { besideBundle } from '../../base/beside.js';
import { ZramError } from '../../base/errors.js';
import { describe, textOf } from '../../base/messages.js';
import type { WorkerLike, WorkerSource } from '../worker-source.js';
import type { ToWorker } from './protocol.js';

interface NodeThread extends WorkerLike {
  on(event: string, listener: (value: unknown) => void): void;
  ref(): void;
  unref(): void;
}

interface ErrorLike {
  readonly data?: unknown;
  readonly message?: unknown;
  preventDefault?(): void;
}

interface WebThread extends WorkerLike {
  addEventListener(event: string, listener: (event: ErrorLike) => void): void;
}

export interface ThreadEvents {
  /** @param message whatever the thread sent */
  message(message: unknown): void;
  /** The thread has ended, or can no longer be trusted. May be called more than once. */
  death(reason: string): void;
}

/** Callers' own workers that are in use: one cannot serve twice. */
const taken = new WeakSet<WorkerLike>();
/** How long to wait for `terminate` of a worker. */
const END_MS = 5000;

/** A worker thread of any origin. Once constructed, no method throws or rejects except `post`. */
export class Thread {
  readonly #worker: WorkerLike;
  #end: Promise<void> | undefined;

  constructor(source: WorkerSource | undefined, events: ThreadEvents) {
    let worker: WorkerLike | undefined;
    try {
      worker = this.#worker = startWorker(source);
      if (isNodeThread(worker)) listenInNode(worker, events);
      else listenOnWeb(worker as WebThread, events);
    } catch (error) {
      if (worker) void this.end();
      if (error instanceof ZramError) throw error;
      throw new ZramError('EIO', `cannot start a worker: ${textOf(error)}.`);
    }
  }

  /** Throws whatever the worker throws. */
  post(message: ToWorker, transfer: ArrayBufferLike[] = []): void {
    this.#worker.postMessage(message, transfer as never[]);
  }

  /** Sets whether the thread keeps the process alive, where that can be set. */
  keepAlive(on: boolean): void {
    const worker = this.#worker as Partial<NodeThread>;
    try {
      if (on) worker.ref?.();
      else worker.unref?.();
    } catch {
      // Then the process stays or ends as it does by default.
    }
  }

  end(): Promise<void> {
    return (this.#end ??= ended(this.#worker));
  }
}

async function ended(worker: WorkerLike): Promise<void> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const enough = new Promise((resolve) => (timer = setTimeout(resolve, END_MS)));
  try {
    await Promise.race([worker.terminate(), enough]);
  } catch {
    // Its messages are ignored from now on in any case.
  } finally {
    clearTimeout(timer);
  }
}

function isNodeThread(worker: WorkerLike): worker is NodeThread {
  return typeof (worker as Partial<NodeThread>).on === 'function';
}

function listenInNode(worker: NodeThread, events: ThreadEvents): void {
  worker.on('message', (message) => events.message(message));
  worker.on('messageerror', (error) => events.death(textOf(error)));
  worker.on('error', (error) => events.death(textOf(error)));
  worker.on('exit', (status) => events.death(`it ended with status ${textOf(status)}`));
}

function listenOnWeb(worker: WebThread, events: ThreadEvents): void {
  worker.addEventListener('message', ({ data }) => events.message(data));
  worker.addEventListener('messageerror', () => events.death('a message could not be read'));
  worker.addEventListener('error', (event) => {
    // The error is handled here; otherwise Deno ends the program.
    event.preventDefault?.();
    const { message } = event;
    // The event has no text when the script could not be loaded.
    events.death(typeof message === 'string' ? message : 'its script could not be loaded');
  });
}

function startWorker(source: WorkerSource | undefined): WorkerLike {
  if (typeof source === 'function') return started(source());
  if (source !== undefined) {
    const address = source as string;
    return nodeWorkerOf(() => urlOf(address)) ?? new Worker(address, { type: 'module' });
  }
  // Not a literal, so that bundlers do not copy the file twice.
  const name = './parallel-worker.js';
  return (
    nodeWorkerOf(() => besideBundle(name, () => new URL(name, import.meta.url))) ??
    // A literal, so that they find it and copy it.
    new Worker(new URL('./parallel-worker.js', import.meta.url), { type: 'module' })
  );
}

/**
 * A worker of `node:worker_threads`. They are taken where there are those of the web, too: they keep no program alive, end
 * none, and tell when they are ended from outside. Undefined: one of the web is to be tried.
 */
function nodeWorkerOf(address: () => URL): WorkerLike | undefined {
  if (typeof Worker !== 'function') return nodeWorker(address());
  const { process } = globalThis as { process?: Partial<NodeJS.Process> };
  if (!process?.getBuiltinModule?.('node:worker_threads')) return undefined;
  try {
    const url = address();
    return url.protocol === 'file:' ? nodeWorker(url) : undefined;
  } catch {
    return undefined; // no address, or a process that must not have them
  }
}

function urlOf(address: string): URL {
  try {
    return new URL(address);
  } catch {
    throw new ZramError(
      'EINVAL',
      `worker must be a URL, or a function that starts a worker, not ${describe(address)}.`,
    );
  }
}

/** Checks the worker that a caller's function returned. */
function started(worker: unknown): WorkerLike {
  if (!isWorker(worker)) {
    endLater(worker);
    throw new ZramError('EINVAL', `worker must start and return a Worker, not ${describe(worker)}.`);
  }
  if (taken.has(worker))
    throw new ZramError('EINVAL', 'worker must start a new Worker each time, not return one twice.');
  taken.add(worker);
  return worker;
}

function isWorker(worker: unknown): worker is WorkerLike {
  if (typeof worker !== 'object' || worker === null) return false;
  const { postMessage, terminate, on, addEventListener } = worker as Partial<NodeThread & WebThread>;
  const functions = [postMessage, terminate, on ?? addEventListener];
  return functions.every((each) => typeof each === 'function');
}

/** A function must not return a promise; a worker that one resolves to is terminated, as it would run for ever. */
function endLater(promise: unknown): void {
  Promise.resolve(promise).then(
    (worker: unknown) => {
      if (isWorker(worker)) void ended(worker);
    },
    () => undefined,
  );
}

function nodeWorker(address: URL): WorkerLike {
  const { Worker: NodeWorker } = globalThis.process.getBuiltinModule('node:worker_threads');
  // Not with the program's own flags: some, such as --input-type, would keep the worker from starting.
  return new NodeWorker(address, { execArgv: [] });
}

/** Number of hardware threads. */
export function hardwareThreads(): number {
  const { navigator } = globalThis as { navigator?: { hardwareConcurrency?: number } };
  if (navigator?.hardwareConcurrency) return navigator.hardwareConcurrency;
  const { process } = globalThis as { process?: Partial<NodeJS.Process> };
  return process?.getBuiltinModule?.('node:os').availableParallelism() ?? 1;
}

/** Whether memory can be shared with a worker: in browsers only on cross-origin isolated pages. */
export function canShareMemory(): boolean {
  const scope = globalThis as { SharedArrayBuffer?: unknown; crossOriginIsolated?: boolean };
  return typeof scope.SharedArrayBuffer === 'function' && scope.crossOriginIsolated !== false;
}
